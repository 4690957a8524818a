import { describe, expect, inject, test } from 'vitest'
import { exposition } from '../../src/dashboard/exposition.ts'
import { type Client, chain, completed, newClient } from '../support.ts'
import { newDatabase, sqlOf } from './database.ts'
import { readExposition } from './exposition.ts'

const client = newClient()

const read = async (from: Client = client) => {
  const { status, headers, text } = await from.get('/metrics')
  expect([status, headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  return readExposition(text)
}

test('the text has every metric with its help and type, in one round trip', async () => {
  const before = await client.trips()
  const families = await read()
  expect((await client.trips()) - before).toBe(1)
  const shape = [...families].map(([name, { type, samples }]) => [name, type, [...samples.keys()]])
  expect(shape).toEqual([
    ['noetl_up', 'gauge', ['']],
    ['noetl_info', 'gauge', [expect.stringMatching(/^\{version="\d[^"]*",name="noetl-edge"\}$/)]],
    ['noetl_process_start_time_seconds', 'gauge', ['']],
    ['noetl_request_total', 'counter', ['']],
    ['noetl_executions_total', 'counter', ['{status="COMPLETED"}', '{status="FAILED"}']],
    ['noetl_executions_seconds_total', 'counter', ['{status="COMPLETED"}', '{status="FAILED"}']],
    ['noetl_executions_active', 'gauge', ['']],
    [
      'noetl_queue_jobs',
      'gauge',
      ['{status="queued"}', '{status="leased"}', '{status="retry"}', '{status="dead"}'],
    ],
    ['noetl_queue_oldest_seconds', 'gauge', ['']],
    ['noetl_worker_pools', 'gauge', ['{status="online"}', '{status="offline"}']],
  ])
  const value = (name: string) => families.get(name)?.samples.get('')
  expect(value('noetl_up')).toBe(1)
  const now = Date.now() / 1000
  expect(value('noetl_process_start_time_seconds')).toBeGreaterThan(now - 3600)
  expect(value('noetl_process_start_time_seconds')).toBeLessThanOrEqual(now)
})

test('the other name answers the same text', async () => {
  const { status, headers, text } = await client.get('/api/metrics/prometheus')
  expect([status, headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  expect([...readExposition(text).keys()]).toEqual([...(await read()).keys()])
})

test('requests are counted', async () => {
  const count = async () => (await read()).get('noetl_request_total')?.samples.get('') ?? 0
  const before = await count()
  await client.get('/api/nothing')
  expect(await count()).toBeGreaterThanOrEqual(before + 2)
})

test('without the key there are none, and without the database a 503', async () => {
  const closed = newClient({ ACCESS: 'key', API_KEY: 'k'.repeat(16) })
  expect((await closed.get('/metrics')).status).toBe(401)
  const away = newClient()
  await away.faults({ rate: 1, kinds: ['reset_before'], seed: 1 })
  const { status, headers, body } = await away.get('/metrics')
  expect([status, headers.get('content-type'), headers.get('retry-after')]).toEqual([
    503,
    'application/problem+json',
    '5',
  ])
  expect(body.type).toBe('urn:noetl-edge:problem:unavailable')
})

test('help and labels may hold what the format has to escape', () => {
  const text = exposition([
    { name: 'a', type: 'gauge', help: 'one\ntwo \\ "x"', samples: [[{ b: 'q"\\\n', c: '' }, 1.5]] },
  ])
  expect(text).toBe('# HELP a one\\ntwo \\\\ "x"\n# TYPE a gauge\na{b="q\\"\\\\\\n",c=""} 1.5\n')
  expect(readExposition(text).size).toBe(1)
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('figures are those of executions, jobs and worker pools; of nothing, zeros', async () => {
    const own = newClient({}, await newDatabase())
    const sql = sqlOf(own.env.DATABASE_URL as string)
    const shown = async () => {
      const families = await read(own)
      const of = (name: string) => Object.fromEntries(families.get(`noetl_${name}`)?.samples ?? [])
      return {
        total: of('executions_total'),
        seconds: of('executions_seconds_total'),
        active: of('executions_active')[''],
        jobs: of('queue_jobs'),
        oldest: of('queue_oldest_seconds')[''],
        pools: of('worker_pools'),
      }
    }
    const status = (...pairs: [string, unknown][]) =>
      Object.fromEntries(pairs.map(([name, value]) => [`{status="${name}"}`, value]))
    expect(await shown()).toEqual({
      total: status(['COMPLETED', 0], ['FAILED', 0]),
      seconds: status(['COMPLETED', 0], ['FAILED', 0]),
      active: 0,
      jobs: status(['queued', 0], ['leased', 0], ['retry', 0], ['dead', 0]),
      oldest: 0,
      pools: status(['online', 0], ['offline', 0]),
    })

    const catalogId = await own.register(chain('a'))
    const ids = [0, 1, 2, 3, 4, 5].map(() => own.run(catalogId))
    const [done = '', failed = '', retried = '', leased = ''] = await Promise.all(ids)
    await own.post('/api/events', completed(done, 'a'))
    await own.post('/api/events', {
      ...completed(failed, 'a'),
      event_type: 'action_error',
      status: 'FAILED',
    })
    await sql`update noetl.execution set started_at = ended_at - interval '1.5 seconds' where execution_id = ${done}`
    await sql`update noetl.queue set status = 'leased', worker_id = 'w', lease_until = now() + interval '1 minute'
      where execution_id = ${leased}`
    // put off: free in a minute, so it waits for nobody yet
    await sql`update noetl.queue set status = 'retry', available_at = now() + interval '1 minute'
      where execution_id = ${retried}`
    await sql`update noetl.queue set available_at = now() - interval '90 seconds'
      where queue_id = (select min(queue_id) from noetl.queue where status = 'queued')`
    for (const name of ['p1', 'p2', 'p3', 'p4']) {
      await own.post('/api/worker/pool/register', { name, runtime: 'cpu' })
    }
    await own.post('/api/worker/pool/deregister', { name: 'p2' })
    await sql`update noetl.runtime set heartbeat = now() - interval '61 seconds' where name = 'p3'`
    const { oldest, seconds, ...rest } = await shown()
    expect(rest).toEqual({
      total: status(['COMPLETED', 1], ['FAILED', 1]),
      active: 4,
      jobs: status(['queued', 2], ['leased', 1], ['retry', 1], ['dead', 1]),
      pools: status(['online', 2], ['offline', 2]),
    })
    expect(seconds).toMatchObject(status(['COMPLETED', 1.5]))
    expect(oldest).toBeGreaterThanOrEqual(90)
    expect(oldest).toBeLessThan(100)
  })
})
