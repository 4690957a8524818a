import { neon } from '@neondatabase/serverless'
import { expect, test } from 'vitest'
import { newClient } from '../support.ts'
import { ID, listed, newName, rowsNamed, TIME } from './support.ts'

const client = newClient()
const REGISTER = '/api/worker/pool/register'

/** As NoETL's worker registers. */
const stock = (name: string) => ({
  name,
  runtime: 'cpu',
  uri: 'local://vm',
  status: 'ready',
  capacity: null,
  labels: null,
  pid: 27260,
  hostname: 'vm',
})

test('a worker pool registers as NoETL’s workers do, and is listed', async () => {
  const name = newName()
  const { status, body } = await client.post(REGISTER, stock(name))
  expect([status, body]).toEqual([
    200,
    { status: 'ok', name, runtime_id: ID, runtime: 'cpu', kind: 'worker_pool' },
  ])
  const item = await listed(client, name)
  expect(item).toEqual({
    name,
    runtime: { type: 'cpu', pid: 27260, hostname: 'vm' },
    uri: 'local://vm',
    status: 'ready',
    capacity: null,
    labels: null,
    heartbeat: TIME,
    created_at: item.heartbeat,
    updated_at: item.heartbeat,
  })
})

test('a name alone is a registration', async () => {
  const name = newName()
  const { body } = await client.post(REGISTER, { name })
  expect(body).toEqual({ status: 'ok', name, runtime_id: ID, runtime: null, kind: 'worker_pool' })
  expect(await listed(client, name)).toMatchObject({
    runtime: { type: null, pid: null, hostname: null },
    status: 'ready',
    capacity: null,
    labels: null,
  })
})

test('a second registration keeps the id and replaces the rest', async () => {
  const name = newName()
  const first = await client.post(REGISTER, { ...stock(name), labels: { a: 1 }, capacity: 4 })
  const before = await listed(client, name)
  const second = await client.post(REGISTER, { name, runtime: 'gpu', status: 'Draining' })
  expect(second.body.runtime_id).toBe(first.body.runtime_id)
  const after = await listed(client, name)
  expect(after).toMatchObject({
    runtime: { type: 'gpu', pid: null, hostname: null },
    uri: null,
    status: 'draining',
    capacity: null,
    labels: null,
    created_at: before.created_at,
  })
  expect(after.heartbeat > before.heartbeat && after.updated_at > before.updated_at).toBe(true)
  expect(await rowsNamed(client, name)).toHaveLength(1)
})

test('registrations of one name at once are one runtime', async () => {
  const name = newName()
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => client.post(REGISTER, stock(name))),
  )
  expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200))
  expect(new Set(replies.map(({ body }) => body.runtime_id)).size).toBe(1)
  expect(await rowsNamed(client, name)).toHaveLength(1)
})

test('a registration whose answer is lost is sent again and is one', async () => {
  const own = newClient()
  const name = newName()
  await own.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
  const { status, body } = await own.post(REGISTER, stock(name))
  expect([status, await own.trips()]).toEqual([200, 2])
  expect((await rowsNamed(client, name)).map(({ id }) => id)).toEqual([body.runtime_id])
})

test('the same name in another kind is another runtime', async () => {
  const name = newName()
  const pool = await client.post(REGISTER, { name })
  const broker = await client.post('/api/runtime/register', { name, kind: 'broker' })
  expect(broker.body.kind).toBe('broker')
  expect(broker.body.runtime_id).not.toBe(pool.body.runtime_id)
  expect((await rowsNamed(client, name)).map(({ kind }) => kind).sort()).toEqual([
    'broker',
    'worker_pool',
  ])
})

test('labels come back as they were sent, an object or a list', async () => {
  const name = newName()
  for (const labels of [
    { zone: 'b', n: 9007199254740993n, a: [1e308, null], '': {} },
    ['gpu=true', 'fast', 'a=b=c', ''],
    {},
    [],
  ]) {
    expect((await client.post(REGISTER, { name, labels })).status).toBe(200)
    expect((await listed(client, name)).labels).toEqual(labels)
  }
})

test('names and labels that look like code come back to the letter', async () => {
  const hostile = `'; drop table noetl.runtime; --"\\ $1 {{ x }} <script> ž🐎\n\t${newName()}`
  const labels = `{"__proto__":{"x":1},"constructor":"c","${hostile.replace(/["\\]/g, '\\$&').replace('\n', '\\n').replace('\t', '\\t')}":"{a,b}\\\\"}`
  const runtime = { type: hostile, pid: '%00' }
  const sent = `{"name":${JSON.stringify(hostile)},"labels":${labels},"runtime":${JSON.stringify(runtime)}}`
  const { status, body } = await client.post(REGISTER, sent)
  expect([status, body.name, body.runtime]).toEqual([200, hostile, runtime])
  const query = `?runtime=${encodeURIComponent(hostile)}`
  const list = await client.get(`/api/worker/pools${query}`)
  expect(list.body).toMatchObject({ count: 1, runtime: hostile })
  expect(list.body.items[0]).toMatchObject({
    name: hostile,
    runtime: { ...runtime, hostname: null },
  })
  expect(list.text).toContain(`"labels":${labels}`)
  const gone = await client.post('/api/worker/pool/deregister', { name: hostile })
  expect(gone.body).toMatchObject({ name: hostile, runtime_id: body.runtime_id })
})

test('a runtime may be an object, and meta is shown with it', async () => {
  const name = newName()
  const runtime = { type: 'gpu', pid: 7, driver: { v: '12' } }
  const { body } = await client.post(REGISTER, { name, runtime, hostname: 'h', meta: { m: [1] } })
  expect(body.runtime).toEqual(runtime)
  expect((await listed(client, name)).runtime).toEqual({
    ...runtime,
    hostname: 'h',
    meta: { m: [1] },
  })
})

test('base_url is uri by another name, and uri counts before it', async () => {
  const name = newName()
  await client.post(REGISTER, { name, base_url: 'http://b' })
  expect((await listed(client, name)).uri).toBe('http://b')
  await client.post(REGISTER, { name, uri: 'http://a', base_url: 'http://b' })
  expect((await listed(client, name)).uri).toBe('http://a')
})

test('the limits are met, and what is beyond them is refused with a pointer', async () => {
  const big = (bytes: number) => ({ x: 'y'.repeat(bytes - 8) })
  const name = newName()
  const fitting = {
    name: name.padEnd(256, 'ž'),
    runtime: big(4096),
    labels: big(4096),
    meta: big(4096),
    uri: 'u'.repeat(2048),
    capacity: 2_147_483_647,
    status: 'S'.repeat(64),
    hostname: 'h'.repeat(256),
    pid: 4_294_967_295,
  }
  expect((await client.post(REGISTER, fitting)).status).toBe(200)
  expect(await listed(client, fitting.name)).toMatchObject({
    labels: big(4096),
    status: 's'.repeat(64),
  })
  const wrong: [object, string][] = [
    [{ name: undefined }, '/name'],
    [{ name: null }, '/name'],
    [{ name: '' }, '/name'],
    [{ name: 5 }, '/name'],
    [{ name: 'x'.repeat(257) }, '/name'],
    [{ runtime: 5 }, '/runtime'],
    [{ runtime: ['cpu'] }, '/runtime'],
    [{ runtime: 'x'.repeat(257) }, '/runtime'],
    [{ runtime: big(4097) }, '/runtime'],
    [{ labels: big(4097) }, '/labels'],
    [{ labels: ['ž'.repeat(2048)] }, '/labels'],
    [{ labels: [1] }, '/labels'],
    [{ labels: 'a=b' }, '/labels'],
    [{ meta: big(4097) }, '/meta'],
    [{ meta: [] }, '/meta'],
    [{ capacity: -1 }, '/capacity'],
    [{ capacity: 1.5 }, '/capacity'],
    [{ capacity: 2_147_483_648 }, '/capacity'],
    [{ capacity: 'many' }, '/capacity'],
    [{ status: '' }, '/status'],
    [{ status: 'İ'.repeat(33) }, '/status'],
    [{ pid: -1 }, '/pid'],
    [{ pid: 'x' }, '/pid'],
    [{ hostname: 'x'.repeat(257) }, '/hostname'],
    [{ uri: 'x'.repeat(2049) }, '/uri'],
    [{ base_url: 5 }, '/base_url'],
  ]
  const other = newName()
  for (const [fields, pointer] of wrong) {
    const { status, body } = await client.post(REGISTER, { name: other, ...fields })
    expect([fields, status, body.errors?.[0]?.pointer]).toEqual([fields, 422, pointer])
  }
  expect(await rowsNamed(client, other)).toEqual([])
  for (const [body, status] of [
    ['', 400],
    ['{', 400],
    ['[]', 422],
    ['null', 422],
  ] as const) {
    expect([body, (await client.post(REGISTER, body)).status]).toEqual([body, status])
  }
  const flood = JSON.stringify({ name: other, other: 'x'.repeat(128 * 1024) })
  expect((await client.post(REGISTER, flood)).status).toBe(413)
})

test('every kind registers under kind or component_type, and no other', async () => {
  for (const [field, kind] of [
    ['kind', 'worker_pool'],
    ['component_type', 'broker'],
    ['kind', 'server_api'],
    ['component_type', 'scheduler'],
    ['kind', 'monitor'],
  ] as const) {
    const name = newName()
    const { status, body } = await client.post('/api/runtime/register', {
      name,
      [field]: kind,
      uri: 'http://s',
      runtime: 'cpu',
    })
    expect([status, body]).toEqual([
      200,
      { status: 'ok', name, runtime_id: ID, runtime: 'cpu', kind },
    ])
    expect(await rowsNamed(client, name)).toMatchObject([{ kind, uri: 'http://s' }])
  }
  const name = newName()
  for (const [fields, pointer] of [
    [{}, '/kind'],
    [{ kind: null, component_type: null }, '/kind'],
    [{ kind: 'teapot' }, '/kind'],
    [{ component_type: 'Broker' }, '/component_type'],
  ] as const) {
    const { status, body } = await client.post('/api/runtime/register', { name, ...fields })
    expect([fields, status, body.errors?.[0]?.pointer]).toEqual([fields, 422, pointer])
  }
  expect(await rowsNamed(client, name)).toEqual([])
})

test('a server needs a uri', async () => {
  const name = newName()
  const server = { name, component_type: 'server_api' }
  for (const uri of [undefined, null, '']) {
    const { status, body } = await client.post('/api/runtime/register', { ...server, uri })
    expect([uri, status, body.detail]).toEqual([
      uri,
      422,
      'uri is required for server_api components',
    ])
  }
  expect(await rowsNamed(client, name)).toEqual([])
  const { status } = await client.post('/api/runtime/register', { ...server, base_url: 'http://s' })
  expect(status).toBe(200)
})

test('what is no worker pool is not among them', async () => {
  const names = [newName(), newName()]
  await client.post('/api/runtime/register', { name: names[0], kind: 'monitor' })
  await client.post('/api/broker/register', { name: names[1] })
  for (const name of names) expect(await listed(client, name)).toBeUndefined()
})

test('a write or a list costs one round trip, and a refusal none', async () => {
  const own = newClient()
  const name = newName()
  const calls: [method: string, path: string, body?: object][] = [
    ['POST', REGISTER, { name }],
    ['POST', '/api/worker/pool/heartbeat', { name }],
    ['POST', '/api/worker/pool/heartbeat', { name: newName(), registration: {} }],
    ['DELETE', '/api/worker/pool/deregister', { name }],
    ['GET', '/api/worker/pools?status=ready&runtime=cpu'],
    ['POST', '/api/runtime/register', { name, kind: 'monitor' }],
    ['DELETE', '/api/runtime/deregister', { name, kind: 'monitor' }],
    ['POST', '/api/broker/register', { name }],
    ['POST', '/api/broker/heartbeat', { name }],
    ['GET', '/api/brokers'],
    ['DELETE', '/api/broker/deregister', { name }],
  ]
  for (const [index, [method, path, body]] of calls.entries()) {
    const { status } = await own.send(method, path, body)
    expect([path, status, await own.trips()]).toEqual([path, 200, index + 1])
  }
  await own.post(REGISTER, {})
  await own.post('/api/worker/pool/heartbeat', {})
  expect(await own.trips()).toBe(calls.length)
})

test('the database holds no kind, status or capacity that is none', async () => {
  const sql = neon(client.env.DATABASE_URL as string)
  const insert = (kind: string, status: string, capacity: number) => sql`
    insert into noetl.runtime (runtime_id, kind, name, status, capacity, runtime)
    values (1, ${kind}, ${newName()}, ${status}, ${capacity}, '{}')`
  await expect(insert('teapot', 'ready', 0)).rejects.toThrow(/runtime_kind_known/)
  await expect(insert('broker', '', 0)).rejects.toThrow(/runtime_status_length/)
  await expect(insert('broker', 'ready', -1)).rejects.toThrow(/runtime_capacity_range/)
})
