import { neon } from '@neondatabase/serverless'
import { expect, test } from 'vitest'
import { newClient as newApiClient } from '../../src/client.ts'
import { newClient } from '../support.ts'
import { age, allListed, ID, listed, newName, rowsNamed } from './support.ts'

const client = newClient()
const REGISTER = '/api/worker/pool/register'
const DEREGISTER = '/api/worker/pool/deregister'
const HEARTBEAT = '/api/worker/pool/heartbeat'

/** Registers a pool under a name and a runtime type of its own. */
async function registered(fields: object = {}) {
  const name = newName()
  const { body } = await client.post(REGISTER, { name, runtime: name, ...fields })
  return { name, id: body.runtime_id as string }
}

/** Names of the page that a query gives. */
async function names(query: string, path = '/api/worker/pools'): Promise<string[]> {
  const { body } = await client.get(`${path}?${query}`)
  return body.items.map(({ name }: { name: string }) => name)
}

test('a heartbeat moves the time of a pool and nothing else', async () => {
  const { name, id } = await registered({ labels: ['a'], status: 'busy', capacity: 2 })
  await age(client, name, 30)
  const before = await listed(client, name)
  const { status, body } = await client.post(HEARTBEAT, { name, status: 'x', capacity: 9 })
  expect([status, body]).toEqual([200, { status: 'ok', name, runtime_id: id, runtime: null }])
  const after = await listed(client, name)
  expect(after).toEqual({
    ...before,
    heartbeat: after.heartbeat,
    updated_at: after.heartbeat,
  })
  expect(Date.parse(after.heartbeat) - Date.parse(before.heartbeat)).toBeGreaterThan(29_000)
})

test('a heartbeat under an unknown name is 404, says which, and when to try again', async () => {
  const name = `nope "ž🐎 ${newName()}`
  for (const path of [HEARTBEAT, '/api/broker/heartbeat']) {
    for (const registration of [undefined, null]) {
      const { status, headers, body } = await client.post(path, { name, registration })
      expect([status, headers.get('retry-after'), headers.get('content-type')]).toEqual([
        404,
        '3',
        'application/problem+json',
      ])
      expect(body).toEqual({
        type: 'urn:noetl-edge:problem:not_found',
        title: 'Not found',
        status: 404,
        detail: `'${name}' is not registered`,
        instance: path,
        name,
      })
    }
  }
  expect(await rowsNamed(client, name)).toEqual([])
})

test('a heartbeat without a name is no one’s', async () => {
  const nobody = { status: 'ok', name: null, runtime_id: null, runtime: null }
  for (const request of [{}, { name: null }, { registration: { runtime: 'cpu' } }, '']) {
    const { status, body } = await client.post(HEARTBEAT, request)
    expect([request, status, body]).toEqual([request, 200, nobody])
  }
})

test('a heartbeat that brings its registration registers an unknown name, once', async () => {
  const name = newName()
  const registration = { runtime: 'gpu', labels: ['x=1'], status: 'Busy', name: 'not this' }
  const first = await client.post(HEARTBEAT, { name, registration })
  expect([first.status, first.body]).toEqual([
    200,
    { status: 'recreated', name, runtime_id: ID, runtime: null },
  ])
  expect(await listed(client, name)).toMatchObject({
    runtime: { type: 'gpu' },
    labels: ['x=1'],
    status: 'busy',
  })
  const second = await client.post(HEARTBEAT, { name, registration: { runtime: 'cpu' } })
  expect(second.body).toEqual({ ...first.body, status: 'ok' })
  expect(await listed(client, name)).toMatchObject({ runtime: { type: 'gpu' }, status: 'busy' })
})

test('of heartbeats at once that bring a registration one recreates', async () => {
  const name = newName()
  const replies = await Promise.all(
    Array.from({ length: 5 }, () => client.post(HEARTBEAT, { name, registration: {} })),
  )
  const recreated = replies.filter(({ body }) => body.status === 'recreated')
  expect(recreated).toHaveLength(1)
  expect(new Set(replies.map(({ body }) => body.runtime_id)).size).toBe(1)
})

test('a recreation whose answer is lost is told as one', async () => {
  const own = newClient()
  await own.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
  const { body } = await own.post(HEARTBEAT, { name: newName(), registration: {} })
  expect([body.status, await own.trips()]).toEqual(['recreated', 2])
})

test('a heartbeat of the wrong shape is refused with a pointer', async () => {
  const name = newName()
  for (const [request, pointer] of [
    [{ name: '' }, '/name'],
    [{ name: 5 }, '/name'],
    [{ name: 'x'.repeat(257) }, '/name'],
    [{ name, registration: 'r' }, '/registration'],
    [{ name, registration: { capacity: -1 } }, '/registration/capacity'],
  ] as const) {
    const { status, body } = await client.post(HEARTBEAT, request)
    expect([request, status, body.errors?.[0]?.pointer]).toEqual([request, 422, pointer])
  }
  expect(await rowsNamed(client, name)).toEqual([])
})

test('a pool that is silent for 60 s is offline, in the list and by its filter', async () => {
  const { name } = await registered({ status: 'busy' })
  const seen = async () => [
    (await listed(client, name)).status,
    await names(`runtime=${name}&status=offline`),
    await names(`runtime=${name}&status=BUSY`),
  ]
  expect(await seen()).toEqual(['busy', [], [name]])
  await age(client, name, 55)
  expect(await seen()).toEqual(['busy', [], [name]])
  await age(client, name, 61)
  expect(await seen()).toEqual(['offline', [name], []])
  await client.post(HEARTBEAT, { name })
  expect(await seen()).toEqual(['busy', [], [name]])
})

test.each(['DELETE', 'POST'])(
  '%s deregister marks a pool offline, as often as it is sent',
  async (method) => {
    const { name, id } = await registered()
    const before = await listed(client, name)
    for (let times = 0; times < 2; times++) {
      const { status, body } = await client.send(method, DEREGISTER, { name })
      expect([status, body]).toEqual([
        200,
        { status: 'ok', name, runtime_id: id, runtime: null, kind: 'worker_pool' },
      ])
      const after = await listed(client, name)
      expect(after).toEqual({ ...before, status: 'offline', updated_at: after.updated_at })
      expect(after.updated_at > before.updated_at).toBe(true)
    }
  },
)

test('an unknown name deregisters to nothing', async () => {
  const name = newName()
  for (const method of ['DELETE', 'POST']) {
    const { status, body } = await client.send(method, DEREGISTER, { name })
    expect([status, body]).toEqual([
      200,
      { status: 'ok', name, runtime_id: null, runtime: null, kind: 'worker_pool' },
    ])
  }
  expect(await rowsNamed(client, name)).toEqual([])
})

test('the name may stand in the query, and the body counts before it', async () => {
  const [a, b] = [await registered(), await registered()]
  const { body } = await client.send('DELETE', `${DEREGISTER}?name=${a.name}`)
  expect(body.runtime_id).toBe(a.id)
  const both = await client.send('DELETE', `${DEREGISTER}?name=${a.name}`, { name: b.name })
  expect(both.body.runtime_id).toBe(b.id)
  for (const request of [undefined, {}, { name: '' }, { name: 'x'.repeat(257) }]) {
    const refused = await client.send('DELETE', DEREGISTER, request)
    expect([request, refused.status, refused.body.errors?.[0]?.pointer]).toEqual([
      request,
      422,
      '/name',
    ])
  }
})

test('a pool that has deregistered is ready again with its next heartbeat or registration', async () => {
  const { name, id } = await registered({ status: 'busy' })
  await client.post(DEREGISTER, { name })
  expect((await client.post(HEARTBEAT, { name })).body.runtime_id).toBe(id)
  expect((await listed(client, name)).status).toBe('ready')
  await client.post(DEREGISTER, { name })
  await client.post(HEARTBEAT, { name, registration: { status: 'busy' } })
  expect((await listed(client, name)).status).toBe('ready')
  await client.post(DEREGISTER, { name })
  expect((await client.post(REGISTER, { name, status: 'busy' })).body.runtime_id).toBe(id)
  expect((await listed(client, name)).status).toBe('busy')
})

test('a component deregisters by kind and name', async () => {
  const name = newName()
  const kinds = ['worker_pool', 'broker', 'monitor']
  for (const kind of kinds) await client.post('/api/runtime/register', { name, kind })
  const path = '/api/runtime/deregister'
  const calls = [
    await client.send('DELETE', path, { name, component_type: 'broker' }),
    await client.send('DELETE', `${path}?name=${name}&kind=monitor`),
    await client.send('POST', path, { name, kind: 'scheduler' }),
  ]
  const ids = new Map((await rowsNamed(client, name)).map(({ kind, id }) => [kind, id]))
  expect(calls.map(({ status, body }) => [status, body])).toEqual(
    ['broker', 'monitor', 'scheduler'].map((kind) => [
      200,
      { status: 'ok', name, runtime_id: ids.get(kind) ?? null, runtime: null, kind },
    ]),
  )
  const statuses = Object.fromEntries(
    (await rowsNamed(client, name)).map(({ kind, status }) => [kind, status]),
  )
  expect(statuses).toEqual({ worker_pool: 'ready', broker: 'offline', monitor: 'offline' })
  for (const [request, pointer] of [
    [{ name }, '/kind'],
    [{ kind: 'broker' }, '/name'],
    [{ name, kind: 'teapot' }, '/kind'],
  ] as const) {
    const { status, body } = await client.send('DELETE', path, request)
    expect([request, status, body.errors?.[0]?.pointer]).toEqual([request, 422, pointer])
  }
})

test('the list is newest first, filtered, and paged by key', async () => {
  const type = newName()
  const all: string[] = []
  for (let n = 0; n < 5; n++) {
    const { name } = await registered({ runtime: n === 4 ? { type } : type })
    all.unshift(name)
  }
  const query = `/api/worker/pools?runtime=${type}&status=Ready&limit=2`
  const pages: string[][] = []
  for (let path: string | null = query; path !== null; ) {
    const { headers, body }: Awaited<ReturnType<typeof client.get>> = await client.get(path)
    expect(body).toMatchObject({
      count: body.items.length,
      runtime: type,
      status: 'ready',
      error: null,
    })
    pages.push(body.items.map(({ name }: { name: string }) => name))
    path = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null
    expect(headers.has('x-next-cursor')).toBe(path !== null)
    // what registers anew keeps its place
    await client.post(REGISTER, { name: all[4], runtime: type })
  }
  expect(pages).toEqual([all.slice(0, 2), all.slice(2, 4), all.slice(4)])
  expect(await names(`runtime=${type}&status=busy`)).toEqual([])
  const { body } = await client.get(`/api/worker/pools?runtime=${newName()}`)
  expect(body).toMatchObject({ items: [], count: 0, status: null, error: null })
})

test('a query that is none is refused', async () => {
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=x', 'status=', 'runtime=']) {
    for (const path of ['/api/worker/pools', '/api/brokers']) {
      const { status } = await client.get(`${path}?${query}`)
      const isTaken = path === '/api/brokers' && query === 'runtime='
      expect([path, query, status]).toEqual([path, query, isTaken ? 200 : 422])
    }
  }
})

test('a full page of the largest pools that register fits in a reply', async () => {
  const type = newName()
  const rest = '"'.repeat(2_000)
  const pools = Array.from({ length: 200 }, (_, n) => ({
    name: `${type}-${n}`.padEnd(256, '"'),
    runtime: { type, rest },
    labels: { rest },
    meta: { rest },
    uri: '"'.repeat(2_048),
    hostname: '"'.repeat(256),
  }))
  while (pools.length > 0) {
    const replies = pools.splice(0, 20).map((pool) => client.post(REGISTER, pool))
    for (const { status } of await Promise.all(replies)) expect(status).toBe(200)
  }
  const { status, body } = await client.get(`/api/worker/pools?runtime=${type}&limit=200`)
  const sql = neon(client.env.DATABASE_URL as string)
  await sql`delete from noetl.runtime where runtime->>'type' = ${type}`
  expect([status, body.count]).toEqual([200, 200])
})

test('a broker registers, beats, is listed and deregisters', async () => {
  const name = newName()
  const broker = { name, uri: 'http://b', labels: { a: 1 }, beside: { the: ['rest'] } }
  const made = await client.post('/api/broker/register', broker)
  expect([made.status, made.body]).toEqual([200, { status: 'registered', payload: broker }])
  const brokerListed = () => listed(client, name, '/api/brokers')
  expect(await brokerListed()).toMatchObject({
    name,
    uri: 'http://b',
    labels: { a: 1 },
    status: 'ready',
  })
  await age(client, name, 61)
  expect((await brokerListed()).status).toBe('offline')
  const beat = await client.post('/api/broker/heartbeat', { name })
  expect([beat.status, beat.body]).toEqual([200, { status: 'ok' }])
  expect((await brokerListed()).status).toBe('ready')
  for (const bye of [
    await client.send('DELETE', '/api/broker/deregister', { name }),
    await client.send('DELETE', `/api/broker/deregister?name=${name}`),
    await client.send('DELETE', '/api/broker/deregister', { name: newName() }),
  ]) {
    expect([bye.status, bye.body]).toEqual([200, { status: 'deregistered' }])
  }
  const offline = await client.get('/api/brokers?status=offline')
  expect(Object.keys(offline.body)).toEqual(['items', 'status'])
  expect(offline.body.status).toBe('offline')
  expect(offline.body.items.map((item: { name: string }) => item.name)).toContain(name)
  expect((await client.get('/api/brokers')).body.status).toBeNull()
  const back = await client.post('/api/broker/heartbeat', { name: newName(), registration: {} })
  expect(back.body).toEqual({ status: 'recreated' })
  expect((await client.post('/api/broker/heartbeat', {})).body).toEqual({ status: 'ok' })
})

test('a broker of the wrong shape is refused', async () => {
  const refusals = [
    await client.post('/api/broker/register', { uri: 'http://b' }),
    await client.post('/api/broker/heartbeat', { name: 5 }),
    await client.send('DELETE', '/api/broker/deregister'),
  ]
  for (const { status, body } of refusals) {
    expect([status, body.errors[0].pointer]).toEqual([422, '/name'])
  }
})

test('brokers are paged by key', async () => {
  const made = [newName(), newName(), newName()]
  for (const name of made) await client.post('/api/broker/register', { name })
  const seen = (await allListed(client, '/api/brokers', 2)).map(({ name }) => name)
  expect(seen.filter((name) => made.includes(name as string))).toEqual(made.reverse())
  expect(new Set(seen).size).toBe(seen.length)
})

test('the typed client knows both ways to deregister', async () => {
  const { api } = newApiClient('http://edge.localhost', { fetch: client.fetch })
  const { name, id } = await registered()
  const gone = await (
    await api.worker.pool.deregister.$delete({ json: { name }, query: {} })
  ).json()
  const again = await (await api.worker.pool.deregister.$post({ json: {}, query: { name } })).json()
  const ids: (string | null)[] = [gone.runtime_id, again.runtime_id]
  expect(ids).toEqual([id, id])
})
