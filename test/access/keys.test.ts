// API keys: made once, shown once, dead within a minute; and what the audit has of all that is changed.
import { neon } from '@neondatabase/serverless'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { SCOPES } from '../../src/access/caller.ts'
import { FRESH_MS, STALE_MS } from '../../src/memory.ts'
import { credential, fresh, registered } from '../routes/world.ts'
import { type Client, newClient } from '../support.ts'
import { newKey, open, withKey } from './callers.ts'

const sql = neon(open.env.DATABASE_URL as string)
const KEYS = '/api/keys'
const LIST = '/api/executions?limit=1'

afterEach(() => void vi.useRealTimers())

/** The audit's lines of a subject, newest first. */
async function linesOf(subject: string) {
  const { body } = await open.get(`/api/audit?subject=${encodeURIComponent(subject)}`)
  return body.items as Record<string, unknown>[]
}

describe('a key', () => {
  test('is shown once, and neither it nor its digest ever again', async () => {
    const name = fresh('key')
    const made = await open.post(KEYS, { name: ` ${name} `, scopes: ['read', 'read', 'run'] })
    expect(made.headers.get('cache-control')).toBe('no-store')
    expect(made.body).toEqual({
      id: expect.stringMatching(/^\d+$/),
      key: expect.stringMatching(new RegExp(`^ne_${made.body.id}_[\\w-]{43}$`)),
      name,
      scopes: ['read', 'run'],
      path_prefix: null,
      created_at: expect.any(String),
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    })
    const secret = made.body.key.split('_').slice(2).join('_')
    const [row] =
      await sql`select k.*, k::text as line from noetl.api_key k where key_id = ${made.body.id}`
    expect(row?.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(row?.line).not.toContain(secret)

    const { key: _key, ...shown } = made.body
    const list = await open.get(KEYS)
    expect(list.body.items).toContainEqual(shown)
    const revoked = await open.send('DELETE', `${KEYS}/${made.body.id}`)
    const audit = await open.get(`/api/audit?subject=key:${made.body.id}`)
    expect(audit.body.items).toHaveLength(2)
    for (const { text } of [list, revoked, audit]) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(row?.digest)
    }
  })

  test('has a name of its own as long as it is in use', async () => {
    const { id, name } = await newKey(['read'])
    const again = () => open.post(KEYS, { name, scopes: ['run'] })
    const { status, body } = await again()
    expect([status, body.detail]).toEqual([
      409,
      `a key named '${name}' is in use; revoke it, or take another name`,
    ])
    await open.send('DELETE', `${KEYS}/${id}`)
    expect((await again()).status).toBe(200)
  })

  test('is revoked once, however often it is asked for', async () => {
    const { id } = await newKey(['read'])
    const [first, second] = [
      await open.send('DELETE', `${KEYS}/${id}`),
      await open.send('DELETE', `${KEYS}/${id}`),
    ]
    expect([first.status, second.status]).toEqual([200, 200])
    expect(first.body.revoked_at).toMatch(/Z$/)
    expect(second.body).toEqual(first.body)
    expect((await linesOf(`key:${id}`)).map(({ action }) => action)).toEqual([
      'key.revoked',
      'key.created',
    ])
    expect((await open.send('DELETE', `${KEYS}/1`)).body.detail).toBe("Key '1' not found.")
    expect((await open.send('DELETE', `${KEYS}/x`)).status).toBe(404)
  })

  test('of all scopes takes no prefix, says the schema and says the table', async () => {
    const asked = { name: fresh('key'), scopes: ['admin'], path_prefix: 'team-a/' }
    const { status, body } = await open.post(KEYS, asked)
    expect([status, body.errors[0].pointer]).toEqual([422, '/path_prefix'])
    const insert = (scopes: string, prefix: string) => sql`
      insert into noetl.api_key (key_id, name, digest, scopes, path_prefix)
      values (${Date.now()}, ${fresh('key')}, '', ${scopes}, ${prefix})`
    for (const [scopes, prefix, constraint] of [
      ['{admin}', 'team-a/', 'api_key_admin_sees_all'],
      ['{read,admin}', 'team-a/', 'api_key_admin_sees_all'],
      ['{read}', 'team-a', 'api_key_prefix_is_folder'],
      ['{read}', '/team-a/', 'api_key_prefix_is_folder'],
      ['{all}', 'team-a/', 'api_key_scopes_known'],
      ['{}', 'team-a/', 'api_key_scopes_known'],
    ] as const) {
      await expect(insert(scopes, prefix)).rejects.toMatchObject({ constraint })
    }
    const { path_prefix } = await newKeyBody({ scopes: ['read'], path_prefix: ' team-a ' })
    expect(path_prefix).toBe('team-a/')
  })

  const newKeyBody = async (more: object) =>
    (await open.post(KEYS, { name: fresh('key'), ...more })).body

  test('may be the password of Basic, and the scheme is in any case', async () => {
    const { key } = await newKey(['read'])
    const closed = newClient({ ACCESS: 'key' })
    for (const authorization of [
      `Basic ${btoa(`worker:${key}`)}`,
      `basic ${btoa(`:${key}`)}`,
      `bearer ${key}`,
    ]) {
      const reply = await closed.send('GET', LIST, undefined, { headers: { authorization } })
      expect([authorization, reply.status]).toEqual([authorization, 200])
    }
    for (const authorization of [
      key,
      `Basic ${btoa(`${key}:`)}`,
      `Digest ${key}`,
      `Bearer ${key}x`,
    ]) {
      const reply = await closed.send('GET', LIST, undefined, { headers: { authorization } })
      expect([authorization, reply.status]).toEqual([authorization, 401])
    }
  })

  test('whose making lost its answer is one key, with one line', async () => {
    for (const kind of ['reset_before', 'reset_after', 'reset_during']) {
      const lossy = newClient()
      await lossy.faults({ rate: 1, kinds: [kind], seed: 1, times: 1 })
      const name = fresh('lossy')
      const { status, body } = await lossy.post(KEYS, { name, scopes: ['read'] })
      expect([kind, status]).toEqual([kind, 200])
      expect(await lossy.trips()).toBeGreaterThan(1)
      const rows = await sql`select key_id::text from noetl.api_key where name = ${name}`
      expect(rows).toEqual([{ key_id: body.id }])
      expect(await linesOf(`key:${body.id}`)).toHaveLength(1)
      expect((await withKey(body.key).send('GET', LIST)).status).toBe(200)
    }
  })

  test('is listed by pages, newest first', async () => {
    const made = [await newKey(['read']), await newKey(['read']), await newKey(['read'])]
    const found: string[] = []
    let address: string | null = `${KEYS}?limit=2`
    while (address !== null && !made.every(({ id }) => found.includes(id))) {
      const { body, headers } = await open.get(address)
      expect(body.items.length).toBeLessThanOrEqual(2)
      found.push(...body.items.map(({ id }: { id: string }) => id))
      const next = headers.get('x-next-cursor')
      address = next && `${KEYS}?limit=2&cursor=${next}`
    }
    expect(found).toEqual([...found].sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1)))
    expect(new Set(found).size).toBe(found.length)
    expect(found).toEqual(expect.arrayContaining(made.map(({ id }) => id)))
  })
})

describe('what an isolate believes of a key', () => {
  const at = (now: number) => vi.useFakeTimers({ toFake: ['Date'], now })

  /** How a request ends, and how many round trips it and what goes on beside it took. */
  async function asked(send: ReturnType<typeof withKey>): Promise<[status: number, trips: number]> {
    const before = await send.client.trips()
    const { status } = await send.send('GET', LIST)
    return [status, (await send.client.trips()) - before]
  }

  test('a key in use costs no round trip that is waited for', async () => {
    const start = Date.now()
    const caller = withKey((await newKey(['read'])).key)
    expect(await asked(caller)).toEqual([200, 2])
    expect(await asked(caller)).toEqual([200, 1])
    at(start + FRESH_MS + 2_000)
    // looked up again beside the request, once
    expect(await asked(caller)).toEqual([200, 2])
    expect(await asked(caller)).toEqual([200, 1])
    // it went on before: what it has learned is used, however long ago it first came
    at(start + STALE_MS + 4_000)
    await caller.client.faults({ rate: 1, kinds: ['http_500'], seed: 1 })
    const { status } = await caller.send('GET', '/')
    expect(status).toBe(200)
  })

  test('a key that is revoked is refused within a minute, in use or not', async () => {
    expect(STALE_MS).toBeLessThan(60_000)
    const start = Date.now()
    for (const isUsed of [true, false]) {
      vi.useRealTimers()
      const { id, key } = await newKey(['read'])
      const caller = withKey(key)
      expect((await caller.send('GET', LIST)).status).toBe(200)
      await open.send('DELETE', `${KEYS}/${id}`)
      if (isUsed) {
        at(start + FRESH_MS + 10_000)
        await caller.send('GET', LIST)
        expect((await caller.send('GET', LIST)).status).toBe(401)
      } else {
        at(start + 60_000)
        expect((await caller.send('GET', LIST)).status).toBe(401)
      }
    }
  })

  test('a key that expires is refused at once', async () => {
    const start = Date.now()
    const expires_at = new Date(start + 15_000).toISOString()
    const caller = withKey((await newKey(['read'], { expires_at })).key)
    expect((await caller.send('GET', LIST)).status).toBe(200)
    at(start + 14_000)
    expect((await caller.send('GET', LIST)).status).toBe(200)
    at(start + 15_001)
    expect((await caller.send('GET', LIST)).status).toBe(401)
  })

  test('last_used_at moves, to the minute', async () => {
    const { id, key } = await newKey(['read'])
    const used = async (after?: string) => {
      if (after) {
        await sql`update noetl.api_key set last_used_at = now() - ${after}::interval where key_id = ${id}`
      }
      // another isolate
      expect((await withKey(key).send('GET', LIST)).status).toBe(200)
      const [row] = await sql`
        select extract(epoch from now() - last_used_at)::float8 as ago from noetl.api_key where key_id = ${id}`
      return row?.ago as number
    }
    expect(await used()).toBeLessThan(20)
    expect(await used('50 seconds')).toBeGreaterThan(49)
    expect(await used('61 seconds')).toBeLessThan(20)
  })
})

describe('the audit', () => {
  const HEADERS = { 'cf-connecting-ip': '192.0.2.7' }
  const by = async (client: Client, key: string) => ({
    send: (method: string, path: string, body?: unknown) =>
      client.send(method, path, body, {
        headers: { ...HEADERS, authorization: `Bearer ${key}` },
      }),
  })

  test('has who changed what, from where, and no secrets', async () => {
    const maker = await newKey(['admin'])
    const { send } = await by(newClient({ ACCESS: 'key' }), maker.key)
    const { path, content } = await registered()
    const name = fresh('credential')
    const secret = crypto.randomUUID()
    const made = await send('POST', KEYS, { name: fresh('key'), scopes: ['read'] })
    await send('DELETE', `${KEYS}/${made.body.id}`)
    await send('POST', '/api/catalog/register', { content: `${content}# 2\n` })
    // the same content is no change
    await send('POST', '/api/catalog/register', { content: `${content}# 2\n` })
    await send('PUT', `/api/catalog/playbook?playbook_id=${path}`, { description: 'd' })
    await send('PUT', `/api/catalog/playbook/content?playbook_id=${path}`, {
      content: `${content}# 4\n`,
    })
    await send('DELETE', `/api/catalog/playbooks/${path}`)
    expect((await send('DELETE', `/api/catalog/playbooks/${path}`)).status).toBe(404)
    const { id } = (await send('POST', '/api/credentials', { name, type: 't', data: { secret } }))
      .body
    await send('GET', `/api/credentials/${name}`)
    const read = await send('GET', `/api/credentials/${id}?include_data=true`)
    expect(read.body.data).toEqual({ secret })

    const { body, text } = await open.get(`/api/audit?actor=key:${maker.id}`)
    const who = { actor: `key:${maker.id}`, actor_name: maker.name, ip: '192.0.2.7' }
    const line = (action: string, subject: string, detail: object) => ({
      ...who,
      action,
      subject,
      detail,
      id: expect.any(String),
      created_at: expect.stringMatching(/Z$/),
    })
    expect(body.items).toEqual([
      line('credential.read', `credential:${name}`, {}),
      line('credential.written', `credential:${name}`, { type: 't' }),
      line('playbook.deleted', `playbook:${path}`, { versions: 4 }),
      line('playbook.registered', `playbook:${path}`, { version: 4 }),
      line('playbook.registered', `playbook:${path}`, { version: 3 }),
      line('playbook.registered', `playbook:${path}`, { version: 2 }),
      line('key.revoked', `key:${made.body.id}`, {}),
      line('key.created', `key:${made.body.id}`, {
        name: made.body.name,
        scopes: ['read'],
        path_prefix: null,
        expires_at: null,
      }),
    ])
    expect(text).not.toContain(secret)
    expect(text).not.toContain(made.body.key.slice(-43))
  })

  test('is read by pages and filters', async () => {
    const { id } = await newKey(['read'])
    await open.send('DELETE', `${KEYS}/${id}`)
    const subject = `subject=key:${id}`
    const first = await open.get(`/api/audit?${subject}&limit=1`)
    const next = first.headers.get('x-next-cursor')
    const second = await open.get(`/api/audit?${subject}&limit=1&cursor=${next}`)
    const actions = [first, second].map(({ body }) =>
      body.items.map((line: { action: string }) => line.action),
    )
    expect(actions).toEqual([['key.revoked'], ['key.created']])
    expect(second.headers.get('x-next-cursor')).toBeNull()
    const count = async (filter: string) =>
      (await open.get(`/api/audit?${subject}&${filter}`)).body.items.length
    const [now, hour] = [Date.now(), 3_600_000]
    expect(await count('action=key.created')).toBe(1)
    expect(await count('actor=open')).toBe(2)
    expect(await count('actor=root')).toBe(0)
    expect(await count(`since=${new Date(now - hour).toISOString()}`)).toBe(2)
    expect(await count(`since=${new Date(now + hour).toISOString()}`)).toBe(0)
    expect(await count(`until=${new Date(now - hour).toISOString()}`)).toBe(0)
  })

  test('has one line for what was sent twice', async () => {
    const lossy = async (send: (client: Client) => Promise<{ status: number }>) => {
      const client = newClient()
      await client.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
      expect((await send(client)).status).toBe(200)
      expect(await client.trips()).toBeGreaterThan(1)
    }
    const { path, content } = await registered()
    await lossy((client) => client.post('/api/catalog/register', { content: `${content}# 2\n` }))
    await lossy((client) => client.send('DELETE', `/api/catalog/playbooks/${path}`))
    const { name } = await credential()
    await lossy((client) => client.post('/api/credentials', { name, data: {} }))
    await lossy((client) => client.get(`/api/credentials/${name}?include_data=true`))
    const told = async (subject: string) =>
      (await linesOf(subject)).map(({ action, detail }) => [action, detail])
    expect(await told(`playbook:${path}`)).toEqual([
      ['playbook.deleted', { versions: 2 }],
      ['playbook.registered', { version: 2 }],
      ['playbook.registered', { version: 1 }],
    ])
    expect(await told(`credential:${name}`)).toEqual([
      ['credential.read', {}],
      ['credential.written', { type: 'generic' }],
      ['credential.written', { type: 'postgres' }],
    ])
  })

  test('costs no round trip', async () => {
    const client = newClient()
    const { name } = await credential()
    await client.get(`/api/credentials/${name}?include_data=true`)
    expect(await client.trips()).toBe(1)
  })
})

test('the data of a credential are for the scope credential alone', async () => {
  const { name, data } = await credential()
  const address = `/api/credentials/${name}?include_data=true`
  for (const scope of SCOPES) {
    const { status, body } = await withKey((await newKey([scope])).key).send('GET', address)
    if (scope === 'credential' || scope === 'admin') expect(body.data).toEqual(data)
    else expect([scope, status]).toEqual([scope, 403])
  }
  expect(await linesOf(`credential:${name}`)).toHaveLength(3)
})
