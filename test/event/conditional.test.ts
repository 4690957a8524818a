// Reads under a condition: what the reader has is not sent again, what it wrote it sees, and equal tags are equal bytes.
import { neon } from '@neondatabase/serverless'
import { beforeAll, expect, test } from 'vitest'
import { chain, completed, newClient } from '../support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
let catalogId: string
let path: string
let running: string
let ended: string

beforeAll(async () => {
  const content = chain('a')
  path = /path: ([^,]+),/.exec(content)?.[1] ?? ''
  catalogId = await client.register(content)
  running = await client.run(catalogId)
  ended = await client.run(catalogId)
  await client.post('/api/events', completed(ended, 'a', { n: 1 }))
})

/** Everything that is read of one execution under a condition. */
const READS = [
  '/api/executions/ID',
  '/api/executions/ID?after=1&limit=2',
  '/api/execution/data/ID',
  '/api/events/by-execution/ID',
  '/api/events/summary/ID',
]
const LIST = '/api/executions?path=PATH'

const addressOf = (read: string, id: string) => read.replace('ID', id).replace('PATH', path)

/** The reply in one round trip, whatever it is. */
async function once(target: string, headers: Record<string, string> = {}) {
  const before = await client.trips()
  const reply = await client.send('GET', target, undefined, { headers })
  expect((await client.trips()) - before).toBe(1)
  return reply
}

const known = (tag: string | null) => ({ 'if-none-match': tag ?? '' })

test.each([...READS, LIST])('%s is not sent to who has it', async (read) => {
  for (const id of [running, ended]) {
    const target = addressOf(read, id)
    const first = await once(target)
    const tag = first.headers.get('etag')
    expect([first.status, tag]).toEqual([200, expect.stringMatching(/^(W\/)?"[\w.-]+"$/)])
    for (const header of [
      tag,
      `"other", W/${tag?.replace('W/', '')}`,
      '*',
      '"x","y" , '.concat(tag ?? ''),
    ]) {
      const again = await once(target, known(header))
      expect([again.status, again.text]).toEqual([304, ''])
      for (const name of ['etag', 'cache-control', 'vary', 'x-execution-version']) {
        expect([name, again.headers.get(name)]).toEqual([name, first.headers.get(name)])
      }
    }
    for (const header of ['"other"', '', 'nonsense', tag?.slice(0, -2) ?? '']) {
      const whole = await once(target, known(header))
      expect([whole.status, whole.headers.get('etag')]).toEqual([200, tag])
      // a tag that is not weak promises the same bytes
      if (!tag?.startsWith('W/')) expect(whole.text).toBe(first.text)
    }
  }
})

test.each([...READS, LIST])('%s has another tag when something has happened', async (read) => {
  const id = await client.run(catalogId)
  const target = addressOf(read, id)
  const before = await once(target)
  await client.post('/api/events', { execution_id: id, event_type: 'custom' })
  const after = await once(target, known(before.headers.get('etag')))
  expect(after.status).toBe(200)
  expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'))
})

test('a report that comes late changes the tags of what has ended', async () => {
  const id = await client.run(catalogId)
  await client.post('/api/events', completed(id, 'a'))
  for (const read of READS) {
    const target = addressOf(read, id)
    const before = await once(target)
    await client.post('/api/events', { ...completed(id, 'a'), event_type: 'step_result' })
    await client.post('/api/events', {
      execution_id: id,
      event_type: `late.${READS.indexOf(read)}`,
    })
    expect((await once(target, known(before.headers.get('etag')))).status).toBe(200)
  }
})

test('what an execution waits for is a part of its tag, though no event tells of it', async () => {
  const id = await client.run(catalogId)
  const before = await once(`/api/executions/${id}`)
  expect(before.body.waiting_for).toMatchObject([{ type: 'python', jobs: 1 }])
  await sql`update noetl.queue set available_at = now() + interval '1 hour' where execution_id = ${id}`
  const after = await once(`/api/executions/${id}`, known(before.headers.get('etag')))
  expect([after.status, after.body.waiting_for]).toEqual([200, undefined])
  expect(after.headers.get('x-execution-version')).toBe(before.headers.get('x-execution-version'))
})

test('pages of one log, and lists of other filters, have tags of their own', async () => {
  const tags = await Promise.all(
    ['', '?limit=2', '?after=1', '?after=1&limit=2'].map(async (query) =>
      (await client.get(`/api/executions/${ended}${query}`)).headers.get('etag'),
    ),
  )
  expect(new Set(tags).size).toBe(4)
  const lists = await Promise.all(
    ['', '&status=COMPLETED', '&until=2020-01-01'].map(async (filter) =>
      (await client.get(addressOf(LIST, '') + filter)).headers.get('etag'),
    ),
  )
  expect(new Set(lists).size).toBe(3)
})

test('an empty list is known, too', async () => {
  const target = '/api/executions?path=no/such'
  const { headers, body } = await once(target)
  expect(body).toEqual([])
  expect((await once(target, known(headers.get('etag')))).status).toBe(304)
})

test('how long a reply may be kept', async () => {
  const cacheOf = async (id: string) =>
    (await client.get(`/api/executions/${id}`)).headers.get('cache-control')
  const id = await client.run(catalogId)
  expect(await cacheOf(id)).toBe('private, no-cache')
  await client.post('/api/events', completed(id, 'a'))
  // reports may still come
  expect(await cacheOf(id)).toBe('private, no-cache')
  // with its start, as figures of durations are of all that tests leave
  await sql`update noetl.execution set started_at = now() - interval '62 minutes',
    ended_at = now() - interval '61 minutes' where execution_id = ${id}`
  expect(await cacheOf(id)).toBe('private, max-age=86400')
  const { headers } = await client.get(`/api/executions/${id}`)
  expect(headers.get('vary')?.split(/, */)).toContain('Authorization')
  // of what is not there, or goes wrong, nothing is kept
  expect((await client.get('/api/executions/12')).headers.get('cache-control')).toBe('no-store')
  expect((await client.get('/api/events/summary/12')).headers.get('etag')).toBeNull()
})

test('who may not see an execution gets no 304 of it', async () => {
  for (const read of READS.filter((each) => !each.includes('summary'))) {
    const reply = await once(addressOf(read, '999999999999999999'), known('*'))
    expect(reply.status).toBe(404)
  }
})

test('what one has written is read by its version', async () => {
  const id = await client.run(catalogId)
  const report = await client.post('/api/events', { execution_id: id, event_type: 'custom' })
  const version = Number(report.headers.get('x-execution-version'))
  for (const read of READS.filter((each) => !each.includes('?'))) {
    const target = `${addressOf(read, id)}?min_version=`
    const there = await once(target + version)
    expect([there.status, Number(there.headers.get('x-execution-version'))]).toEqual([200, version])
  }
  // what has been read already is no answer to who wants more
  const { headers } = await client.get(`/api/executions/${id}`)
  const reply = client.send('GET', `/api/executions/${id}?min_version=${version + 1}`, undefined, {
    headers: known(headers.get('etag')),
  })
  await client.post('/api/events', { execution_id: id, event_type: 'custom' })
  expect([(await reply).status, (await reply).body.events.length]).toEqual([200, version + 1])
})

test('what does not come within two seconds is a 503', async () => {
  const { status, headers, body } = await client.get(`/api/executions/${ended}?min_version=99`)
  expect([status, body.detail, headers.get('retry-after')]).toEqual([
    503,
    'version 99 of the execution is not yet there',
    '5',
  ])
  expect((await client.get(`/api/executions/${ended}?min_version=-1`)).status).toBe(422)
})

test('replies to writers tell the version that they have made', async () => {
  const run = await client.post('/api/executions/run', { catalog_id: catalogId })
  const id = run.body.execution_id
  const versionOf = async () => (await client.get(`/api/executions/${id}`)).body.events.length
  expect(Number(run.headers.get('x-execution-version'))).toBe(await versionOf())
  const report = await client.post('/api/events', completed(id, 'a'))
  expect(Number(report.headers.get('x-execution-version'))).toBe(await versionOf())
  const other = (await client.post('/api/executions/run', { catalog_id: catalogId })).body
  const stop = await client.post(`/api/executions/${other.execution_id}/stop`, {})
  const again = await client.post(`/api/executions/${other.execution_id}/stop`, {})
  const { headers } = await client.get(`/api/executions/${other.execution_id}`)
  expect([stop, again].map((reply) => reply.headers.get('x-execution-version'))).toEqual(
    Array(2).fill(headers.get('x-execution-version')),
  )
})
