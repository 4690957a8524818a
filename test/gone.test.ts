import { expect, test } from 'vitest'
import { newClient } from './support.ts'

const client = newClient()

test.each([
  ['POST', '/api/postgres/execute', /postgres step/],
  ['GET', '/api/postgres/execute', /postgres step/],
  ['GET', '/api/status', /GET \/metrics/],
  ['GET', '/api/threads', /GET \/metrics/],
  ['GET', '/api/profiler', /GET \/metrics/],
  ['POST', '/api/profiler/memory/start', /GET \/metrics/],
  ['POST', '/api/gcp/token', /POST \/api\/credentials/],
  ['POST', '/api/gcp/token/legacy', /POST \/api\/credentials/],
  ['GET', '/api/metrics/query', /GET \/metrics/],
  ['GET', '/api/metrics/components', /GET \/metrics/],
  ['POST', '/api/metrics/report', /GET \/metrics/],
])('%s %s is gone, and says what to use instead', async (method, path, instead) => {
  const body = method === 'POST' ? '{not even json' : undefined
  const reply = await client.send(method, path, body)
  expect([reply.status, reply.headers.get('content-type')]).toEqual([
    410,
    'application/problem+json',
  ])
  expect(reply.body).toMatchObject({
    type: 'urn:noetl-edge:problem:gone',
    detail: expect.stringMatching(instead),
    instance: path,
  })
})

test('what is gone asks the database nothing, and tells nothing without the key', async () => {
  const closed = newClient({ ACCESS: 'key', API_KEY: 'k'.repeat(16) })
  expect((await closed.post('/api/postgres/execute', {})).status).toBe(401)
  await client.post('/api/postgres/execute', { query: 'select 1' })
  expect(await client.trips()).toBe(0)
})
