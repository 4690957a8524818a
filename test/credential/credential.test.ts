import { neon } from '@neondatabase/serverless'
import { expect, test } from 'vitest'
import { auditOf } from '../../src/access/audit.ts'
import { put, remove } from '../../src/credential/queries.ts'
import { connect } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import { toJson } from '../../src/json.ts'
import { AUDIT } from '../catalog/audit.ts'
import { newClient } from '../support.ts'

const client = newClient()
const PATH = '/api/credentials'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/
const SECRET = 'correct horse battery staple'
let names = 0
const newName = () => `cred-${Date.now()}-${++names}`

const create = async (extra: object = {}, as = client) => {
  const name = newName()
  const { body } = await as.post(PATH, {
    name,
    type: 'postgres',
    data: { password: SECRET },
    ...extra,
  })
  return { name, body }
}

const rowOf = async (name: string) => {
  const sql = neon(client.env.DATABASE_URL as string)
  const [row] = await sql`select * from noetl.credential where name = ${name}`
  return row ?? {}
}

test('a new credential answers with all but its data', async () => {
  const { name, body } = await create({ tags: 'a, b,,', description: 'd', meta: { m: 1 } })
  expect(body).toEqual({
    id: expect.stringMatching(/^\d{15,19}$/),
    name,
    type: 'postgres',
    meta: { m: 1 },
    tags: ['a', 'b'],
    description: 'd',
    created_at: expect.stringMatching(TIME),
    updated_at: body.created_at,
    data: null,
  })
})

test('the type may be called credential_type, and is generic where none is given', async () => {
  const { body } = await client.post(PATH, { name: newName(), credential_type: 'bearer', data: {} })
  expect(body.type).toBe('bearer')
  expect((await client.post(PATH, { name: newName(), data: {} })).body.type).toBe('generic')
})

test('tags survive as they are', async () => {
  const tags = ['a"b', 'c\\d', 'e,f', '{g}', 'NULL', '', 'ž\n\t🐎']
  const { name } = await create({ tags })
  expect((await client.get(`${PATH}/${name}`)).body.tags).toEqual(tags)
  expect((await create({ tags: [] })).body.tags).toEqual([])
  expect((await create()).body.tags).toBeNull()
})

test('the legacy route creates and replaces as the other one does, and is no identifier', async () => {
  const { name, body } = await create()
  const again = await client.post(`${PATH}/legacy`, { name, data: { password: 'new' } })
  expect([again.status, again.body.id, again.body.name]).toEqual([200, body.id, name])
  expect((await client.get(`${PATH}/${name}?include_data=true`)).body.data).toEqual({
    password: 'new',
  })
  expect((await client.post(`${PATH}/legacy`, { name })).status).toBe(422)
  // a credential may have that name
  await client.post(PATH, { name: 'legacy', data: {} })
  expect((await client.get(`${PATH}/legacy`)).body.name).toBe('legacy')
})

test('a credential of the same name is replaced and keeps its id', async () => {
  const { name, body } = await create({ description: 'old', tags: ['t'] })
  const again = await client.post(PATH, { name, type: 'generic', data: { password: 'new' } })
  expect(again.body).toMatchObject({ id: body.id, type: 'generic', tags: null, description: null })
  expect(again.body.created_at).toBe(body.created_at)
  expect(again.body.updated_at > body.updated_at).toBe(true)
  const { body: read } = await client.get(`${PATH}/${name}?include_data=true`)
  expect(read.data).toEqual({ password: 'new' })
})

test('a credential is read by id and by name, with its data only when asked for', async () => {
  const { name, body } = await create()
  for (const identifier of [name, body.id]) {
    expect((await client.get(`${PATH}/${identifier}`)).body).toEqual(body)
    expect((await client.get(`${PATH}/${identifier}?include_data=false`)).body.data).toBeNull()
    const { body: whole } = await client.get(`${PATH}/${identifier}?include_data=true`)
    expect(whole).toEqual({ ...body, data: { password: SECRET } })
  }
})

test('a name may hold what a path has to escape', async () => {
  const name = `${newName()}/ž ?%`
  await client.post(PATH, { name, data: { a: 1 } })
  const { body } = await client.get(`${PATH}/${encodeURIComponent(name)}`)
  expect(body.name).toBe(name)
})

test('a credential that is not there is 404', async () => {
  for (const identifier of ['nobody', '12345', '99999999999999999999999']) {
    const { status, body } = await client.get(`${PATH}/${identifier}`)
    expect([identifier, status, body.detail]).toEqual([identifier, 404, 'Credential not found'])
  }
})

test('data keeps integers beyond 2^53 and every kind of JSON', async () => {
  const name = newName()
  const data = '{"n":9007199254740993,"l":[null,true,1.5,{"a":"ž🐎"}],"":"x"}'
  await client.post(PATH, `{"name": "${name}", "data": ${data}}`)
  const { text } = await client.get(`${PATH}/${name}?include_data=true`)
  expect(text).toContain(`"n":9007199254740993`)
  expect(JSON.parse(text).data).toEqual(JSON.parse(data))
})

test('the list is filtered by type and by text in name or description, without data', async () => {
  const mark = newName()
  await client.post(PATH, {
    name: `${mark}-A`,
    type: `t${mark}`,
    data: { a: 1 },
    description: 'One',
  })
  await client.post(PATH, { name: `${mark}-b`, type: `t${mark}`, data: { a: 1 } })
  const listed = async (query: string) => {
    const { body } = await client.get(`${PATH}?${query}`)
    expect(body.items.every(({ data }: { data: unknown }) => data === null)).toBe(true)
    return [body.items.map(({ name }: { name: string }) => name.slice(mark.length)), body.filter]
  }
  const type = `t${mark}`
  expect(await listed(`type=${type}`)).toEqual([['-A', '-b'], { type, q: null }])
  expect(await listed(`type=${type}&q=ONE`)).toEqual([['-A'], { type, q: 'ONE' }])
  expect(await listed(`q=${mark}-B`)).toEqual([['-b'], { type: null, q: `${mark}-B` }])
  expect(await listed(`q=${mark}%25`)).toEqual([[], { type: null, q: `${mark}%` }])
})

test('what lies in the database is ciphertext, new each time', async () => {
  const { name } = await create()
  const first = await rowOf(name)
  await client.post(PATH, { name, type: 'postgres', data: { password: SECRET } })
  const second = await rowOf(name)
  expect(toJson(first)).not.toContain('password')
  expect(toJson(first)).not.toContain(btoa(SECRET).slice(0, 20))
  expect(atob(String(first.secret))).not.toContain('horse')
  expect(second.secret).not.toBe(first.secret)
})

test('ciphertext under another name, or tampered with, is not decrypted', async () => {
  const [a, b] = [await create(), await create({ data: { password: 'other' } })]
  const sql = neon(client.env.DATABASE_URL as string)
  await sql`update noetl.credential set secret = ${(await rowOf(a.name)).secret} where name = ${b.name}`
  const { status, text } = await client.get(`${PATH}/${b.name}?include_data=true`)
  expect(status).toBe(503)
  expect(text).not.toContain('horse')
})

test('under another key the data cannot be read, and the reply says so', async () => {
  const { name } = await create()
  const other = newClient({ ENCRYPTION_KEY: btoa('0123456789abcdef0123456789abcdef') })
  const { status, body } = await other.get(`${PATH}/${name}?include_data=true`)
  expect([status, body.detail]).toEqual([
    503,
    `credential '${name}' was encrypted under another ENCRYPTION_KEY`,
  ])
  expect((await other.get(`${PATH}/${name}`)).status).toBe(200)
})

test('without a key nothing is stored or decrypted, and the reply says so', async () => {
  const { name } = await create()
  const keyless = newClient({ ENCRYPTION_KEY: undefined })
  const refusal = [503, 'ENCRYPTION_KEY is not set; credentials need it']
  const written = await keyless.post(PATH, { name: newName(), data: {} })
  expect([written.status, written.body.detail]).toEqual(refusal)
  const read = await keyless.get(`${PATH}/${name}?include_data=true`)
  expect([read.status, read.body.detail]).toEqual(refusal)
  expect((await keyless.get(`${PATH}/${name}`)).status).toBe(200)
})

test('a credential of the wrong shape is refused with pointers, and its data is not repeated', async () => {
  const good = { name: 'n', data: { password: SECRET } }
  const wrong: [object, string][] = [
    [{ data: good.data }, '/name'],
    [{ ...good, name: '' }, '/name'],
    [{ ...good, name: ' ' }, '/name'],
    [{ ...good, name: 'x'.repeat(257) }, '/name'],
    [{ ...good, name: '12345' }, '/name'],
    [{ name: 'n' }, '/data'],
    [{ name: 'n', data: SECRET }, '/data'],
    [{ name: 'n', data: [SECRET] }, '/data'],
    [{ ...good, tags: { a: 1 } }, '/tags'],
    [{ ...good, meta: 'm' }, '/meta'],
    [{ ...good, type: 5 }, '/type'],
  ]
  for (const [request, pointer] of wrong) {
    const { status, body, text } = await client.post(PATH, request)
    expect([request, status, body.errors?.[0]?.pointer]).toEqual([request, 422, pointer])
    expect(text).not.toContain(SECRET)
  }
  expect((await client.get(`${PATH}/n?include_data=banana`)).status).toBe(422)
})

test('each call costs one round trip', async () => {
  const own = newClient()
  const { name } = await create({}, own)
  expect(await own.trips()).toBe(1)
  await own.get(`${PATH}/${name}?include_data=true`)
  await own.get(PATH)
  expect(await own.trips()).toBe(3)
})

test('credentials are paged by name, each once, and what a list shows is small', async () => {
  const prefix = `página ${Date.now()} `
  for (const n of [3, 1, 2]) {
    await client.post('/api/credentials', { name: `${prefix}${n}`, data: {} })
  }
  const seen: string[] = []
  let target: string | null = `/api/credentials?q=${encodeURIComponent(prefix.trim())}&limit=2`
  while (target) {
    const { body, headers }: Awaited<ReturnType<typeof client.get>> = await client.get(target)
    seen.push(...body.items.map(({ name }: { name: string }) => name))
    target = /<([^>]+)>/.exec(headers.get('link') ?? '')?.[1] ?? null
  }
  expect(seen).toEqual([1, 2, 3].map((n) => `${prefix}${n}`))
  const wrong = await client.get('/api/credentials?cursor=!')
  expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([422, '/cursor'])
  const large = { name: `${prefix}4`, data: {}, meta: { x: 'x'.repeat(5_000) } }
  expect((await client.post('/api/credentials', large)).status).toBe(422)
  const read = await client.get(
    `/api/credentials/${encodeURIComponent(`${prefix}1`)}?include_data=true`,
  )
  expect(read.headers.get('cache-control')).toBe('no-store')
})

test('a deleted one is gone, once, and the audit has its name and type', async () => {
  const { name, body } = await create()
  expect((await client.send('DELETE', `${PATH}/${body.id}`)).body).toEqual({ status: 'ok', name })
  expect((await client.get(`${PATH}/${name}`)).status).toBe(404)
  expect((await client.send('DELETE', `${PATH}/${name}`)).status).toBe(404)
  const audit = await client.get(`/api/audit?subject=credential:${name}`)
  expect(audit.body.items).toMatchObject([
    { action: 'credential.deleted', detail: { type: 'postgres' } },
    { action: 'credential.written' },
  ])
  expect(audit.text).not.toContain(SECRET)
  expect((await create({ name })).body.id).not.toBe(body.id)
})

test('what is sent again undoes nothing that others have done since', async () => {
  const sql = connect(configOf(client.env))
  const { name } = await create()
  const row = { id: '1', type: 'generic', secret: 'x', meta: null, tags: null, description: 'mine' }
  const line = (action: string) =>
    auditOf(AUDIT.caller, `credential.${action}`, `credential:${name}`)
  const writing = put(sql, { ...row, name }, line('written'))
  expect(await writing).toMatchObject([{ name, description: 'mine' }])
  expect(await writing).toMatchObject([{ name, description: 'mine' }])
  await client.send('DELETE', `${PATH}/${name}`)
  expect(await writing).toEqual([])
  expect(await rowOf(name)).toEqual({})

  await create({ name })
  const deleting = remove(sql, null, name, line('deleted'))
  expect(await deleting).toEqual([{ name }])
  await client.post(PATH, { name, data: {}, description: 'new' })
  expect(await deleting).toEqual([{ name }])
  expect(await rowOf(name)).toMatchObject({ description: 'new' })
})

test.each(['.', '..'])('no credential is called %s, which addresses lose', async (name) => {
  expect((await client.post(PATH, { name, data: {} })).status).toBe(422)
})
