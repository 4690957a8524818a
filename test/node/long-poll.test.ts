// A lease that waits, over a real connection: what only such a one shows is that its caller has gone.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server, startServer } from '../../bench/server.ts'

const CONTENT = `metadata: {path: test/long-poll}
workflow:
  - {step: start, next: work}
  - {step: work, type: python, code: x, next: end}
  - {step: end}`

let server: Server
beforeAll(async () => {
  server = await startServer({})
  await server.must('POST', '/api/catalog/register', { content: CONTENT })
})
afterAll(() => server.stop())

const run = async () =>
  (await server.must('POST', '/api/execute', { path: 'test/long-poll' })).execution_id

const wait = (seconds: number, signal?: AbortSignal) =>
  fetch(new URL('/api/queue/lease', server.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-encoding': 'gzip, br' },
    body: JSON.stringify({ worker_id: 'w', wait_seconds: seconds }),
    ...(signal && { signal }),
  })

test('a job that comes is leased to whoever waits, long before the time is up', async () => {
  const waiting = wait(25).then((reply) => reply.json())
  await sleep(500)
  const id = await run()
  const arrived = Date.now()
  expect(await waiting).toMatchObject({ status: 'ok', job: { execution_id: id, worker_id: 'w' } })
  // 200 ms on a machine with nothing else to do
  expect(Date.now() - arrived).toBeLessThan(5_000)
})

test('a caller that hangs up is leased nothing, whatever encoding it accepts', async () => {
  const leaving = new AbortController()
  const waiting = wait(25, leaving.signal)
    .then((reply) => reply.text())
    .catch((error: Error) => error.name)
  await sleep(600)
  leaving.abort()
  expect(await waiting).toBe('AbortError')
  await sleep(1_000)
  const id = await run()
  await sleep(600)
  const { items } = await server.must('GET', `/api/queue?execution_id=${id}`)
  expect(items).toMatchObject([{ status: 'queued', worker_id: null }])
})
