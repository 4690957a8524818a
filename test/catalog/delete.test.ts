// A playbook that is deleted is found no more, and what runs of it goes on.
import { describe, expect, inject, test } from 'vitest'
import { entryOf, keepEntry } from '../../src/catalog/compiled.ts'
import { hide, register } from '../../src/catalog/queries.ts'
import { connect, rowsOf, type Statement, sleep } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import { newId } from '../../src/ids.ts'
import { type Client, chain, completed, newClient, type Reply } from '../support.ts'
import { AUDIT } from './audit.ts'

const client = newClient()
let paths = 0
const newPath = () => `test/delete/${Date.now()}-${++paths}/p`
const told = ({ status, body }: Reply) => [status, body.detail]

const minimal = (path: string, version = 1) =>
  `metadata: {path: ${JSON.stringify(path)}, name: d${version}}\nworkflow: [{step: start}]\n`

/** Registers so many versions; answers their ids. */
async function registered(path: string, versions = 1, from = client): Promise<string[]> {
  const ids = []
  for (let version = 1; version <= versions; version++) {
    ids.push(await from.register(minimal(path, version)))
  }
  return ids
}

const remove = (path: string, from: Client = client) =>
  from.send('DELETE', `/api/catalog/playbooks/${path}`)

test('a deletion tells what it deleted, and the next one that there is nothing', async () => {
  const path = newPath()
  await registered(path, 3)
  const { status, body } = await remove(path)
  expect([status, body]).toEqual([
    200,
    { status: 'success', message: `Playbook '${path}' deleted.`, path, versions: 3 },
  ])
  expect(told(await remove(path))).toEqual([404, `Playbook '${path}' not found.`])
  expect(told(await remove('nowhere'))).toEqual([404, "Playbook 'nowhere' not found."])
})

test('a path is taken as it is and percent-encoded, whatever it holds', async () => {
  const path = newPath()
  const plain = [path, `${path}//b`, `${path}/ž 🐎`, `${path}/it's (a) "test"`]
  for (const one of plain) {
    await registered(one)
    expect([one, (await remove(one)).status]).toEqual([one, 200])
  }
  const awkward = [...plain, `${path}/100%`, `${path}/%2F%zz`, `${path}?a=b#c`, `/${path}`]
  for (const one of awkward) {
    await registered(one)
    const reply = await remove(encodeURIComponent(one))
    expect([reply.status, reply.body.path]).toEqual([200, one])
  }
})

test('of other paths nothing is deleted', async () => {
  const path = newPath()
  await registered(path)
  await registered(`${path}/more`)
  await remove(path)
  expect((await client.get(`/api/catalog/playbook?playbook_id=${path}/more`)).status).toBe(200)
})

test('deleted versions are found by nothing that reads the catalog', async () => {
  const path = newPath()
  await registered(path, 2)
  await remove(path)
  for (const query of ['', '&version=latest', '&version=1', '&version=2']) {
    for (const route of ['playbook', 'playbook/content', 'playbook/fallback']) {
      const reply = await client.get(`/api/catalog/${route}?playbook_id=${path}${query}`)
      expect([route, query, reply.status]).toEqual([route, query, 404])
    }
  }
  expect((await client.get(`/api/catalog/playbooks?id=${path}`)).status).toBe(404)
  expect((await client.get(`/api/catalog/resource?resource_path=${path}`)).body).toEqual([])
  expect((await client.get(`/api/catalog/playbooks/search?q=${path}`)).body).toEqual([])
  const lists = [
    await client.get('/api/catalog/playbooks?limit=1000'),
    await client.get('/api/catalog/list?limit=1000'),
  ]
  for (const { text } of lists) expect(text).not.toContain(path)
  const change = `/api/catalog/playbook?playbook_id=${path}`
  expect((await client.send('PUT', change, { name: 'n' })).status).toBe(404)
})

test('nothing deleted is run, not even by an isolate that has run it before', async () => {
  const path = newPath()
  const [first, second] = await registered(path, 2)
  const runs = [{ path }, { path, version: 1 }, { catalog_id: first }, { catalog_id: second }]
  for (const run of runs) {
    expect((await client.post('/api/executions/run', run)).status).toBe(200)
  }
  await remove(path)
  for (const run of runs) {
    expect((await client.post('/api/executions/run', run)).status).toBe(404)
  }
  const { body } = await client.get(`/api/executions?path=${path}`)
  expect(body).toHaveLength(4)
})

test('an execution that has begun goes on, on an isolate that has never seen its playbook', async () => {
  const content = chain('a', 'b')
  const catalogId = await client.register(content)
  const id = await client.run(catalogId)
  const path = /path: ([^,]+),/.exec(content)?.[1] ?? ''
  expect((await remove(path)).status).toBe(200)
  for (let n = 1; n <= 200; n++) {
    keepEntry({ catalog_id: `${-n}`, path: 'x', version: 1, payload: {} })
  }
  for (const step of ['a', 'b']) await client.post('/api/events', completed(id, step))
  const { body } = await client.get(`/api/executions/${id}`)
  expect(body.status).toBe('COMPLETED')
  const entry = await entryOf(connect(configOf(client.env)), catalogId)
  expect([entry.path, entry.version]).toEqual([path, 1])
})

test('what is registered after a deletion is the next version, and all that is shown', async () => {
  const path = newPath()
  const before = await registered(path, 2)
  await remove(path)
  // the very content that was the latest
  const { body } = await client.post('/api/catalog/register', { content: minimal(path, 2) })
  expect([body.version, body.created]).toEqual([3, true])
  expect(before).not.toContain(body.catalog_id)
  const { body: versions } = await client.get(`/api/catalog/resource?resource_path=${path}`)
  expect(versions.map(({ version }: { version: number }) => version)).toEqual([3])
  expect((await client.post('/api/execute', { path })).body.version).toBe('3')
  expect((await client.post('/api/execute', { path, version: 2 })).status).toBe(404)
  expect((await client.get(`/api/catalog/playbooks/search?q=${path}`)).body).toHaveLength(1)
  expect((await remove(path)).body.versions).toBe(1)
})

test('a deleted name may be created anew', async () => {
  const name = newPath()
  for (const version of [1, 2]) {
    const { status, body } = await client.post('/api/catalog/register', { name })
    expect([status, body.version, body.created]).toEqual([200, version, true])
    expect((await remove(name)).status).toBe(200)
  }
})

test('a deletion costs one round trip, and two when its answer is lost', async () => {
  const path = newPath()
  const own = newClient()
  await registered(path)
  expect((await remove(path, own)).body.versions).toBe(1)
  expect(await own.trips()).toBe(1)
  await registered(path, 2)
  await own.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
  const { status, body } = await remove(path, own)
  expect([status, body.versions]).toEqual([200, 2])
  expect(await own.trips()).toBe(3)
})

const descending = (a: number, b: number) => b - a

/** Whatever comes first: what is shown are the newest versions, and the latest is the last of them. */
async function deleteWhileRegistering(database?: string) {
  const own = newClient({}, database)
  for (let round = 0; round < 5; round++) {
    const path = newPath()
    await registered(path, 2, own)
    const writers = Array.from({ length: 12 }, () => newClient({}, database))
    const replies = await Promise.all(
      writers.map((writer, n) =>
        n % 4 === 3
          ? remove(path, writer)
          : writer.post('/api/catalog/register', { content: minimal(path, n + 10) }),
      ),
    )
    const [deletions, registrations] = [3, 0].map((kind) =>
      replies.filter((_, n) => (n % 4 === 3) === (kind === 3)),
    )
    for (const { status } of deletions ?? []) expect([200, 404]).toContain(status)
    expect(registrations?.map(({ status }) => status)).toEqual(registrations?.map(() => 200))
    const versions = registrations?.map(({ body }) => body.version).sort((a, b) => a - b)
    expect(versions).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11])
    const deleted = (deletions ?? []).reduce((sum, { body }) => sum + (body.versions ?? 0), 0)

    const { body } = await own.get(`/api/catalog/resource?resource_path=${path}`)
    // a page goes by ids, which are drawn before it is known who comes first
    const shown = body.map(({ version }: { version: number }) => version).sort(descending)
    expect(shown).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3].slice(0, shown.length))
    expect(shown.length + deleted).toBe(11)
    const latest = await own.get(`/api/catalog/playbooks?id=${path}`)
    const found = (await own.get(`/api/catalog/playbooks/search?q=${path}`)).body
    expect(latest.status).toBe(shown.length > 0 ? 200 : 404)
    expect(found).toEqual(shown.length > 0 ? [latest.body] : [])
    if (shown.length > 0) expect(latest.body.version).toBe(11)
  }
}

test('deleting while others register leaves the newest versions, or none', async () => {
  await deleteWhileRegistering()
})

/** Sends a statement whose transaction stays open a while, and then what is to meet it. */
async function whileOpen<T>(own: Client, statement: Statement, meanwhile: () => Promise<T>) {
  const sql = connect(configOf(own.env))
  const open = sql.transaction([statement, sql`select pg_sleep(0.5)`])
  await sleep(200)
  const [met] = await Promise.all([meanwhile(), open])
  return met
}

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  const database = inject('postgres')

  test('deleting while others register leaves the newest versions, or none', async () => {
    await deleteWhileRegistering(database)
  })

  const newest = async (own: Client, path: string) => [
    (await own.get(`/api/catalog/resource?resource_path=${path}`)).body.length,
    (await own.get(`/api/catalog/playbooks?id=${path}`)).body.version,
    (await own.get(`/api/catalog/playbooks/search?q=${path}`)).body[0]?.version,
  ]

  test('a deletion that meets a registration hides what was there before it', async () => {
    const [own, path] = [newClient({}, database), newPath()]
    await registered(path, 2, own)
    const third = {
      path,
      kind: 'Playbook',
      content: 'x',
      payload: {},
      digest: 'd',
      catalog_id: newId(),
    }
    const statement = register(connect(configOf(own.env)), third, AUDIT)
    const { body } = await whileOpen(own, statement, () => remove(path, own))
    expect(body.versions).toBe(2)
    expect(await newest(own, path)).toEqual([1, 3, 3])
  })

  test('a registration that meets a deletion comes after it', async () => {
    const [own, path] = [newClient({}, database), newPath()]
    await registered(path, 2, own)
    const statement = hide(connect(configOf(own.env)), path, newId(), AUDIT)
    const { body } = await whileOpen(own, statement, () =>
      own.post('/api/catalog/register', { content: minimal(path, 3) }),
    )
    expect([body.version, body.created]).toEqual([3, true])
    expect(await newest(own, path)).toEqual([1, 3, 3])
  })

  test('of two deletions that meet, one deletes', async () => {
    const [own, path] = [newClient({}, database), newPath()]
    await registered(path, 2, own)
    const statement = hide(connect(configOf(own.env)), path, newId(), AUDIT)
    expect((await whileOpen(own, statement, () => remove(path, own))).status).toBe(404)
  })

  test('a deletion that is sent again while the first is under way knows itself', async () => {
    const [own, path] = [newClient({}, database), newPath()]
    await registered(path, 2, own)
    const sql = connect(configOf(own.env))
    const id = newId()
    const met = await whileOpen(own, hide(sql, path, id, AUDIT), () =>
      rowsOf(hide(sql, path, id, AUDIT)),
    )
    expect(met).toEqual([{ versions: 0, was_there: true }])
    expect(await rowsOf(hide(sql, path, id, AUDIT))).toEqual([{ versions: 2, was_there: false }])
  })
})
