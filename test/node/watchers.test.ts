// Many watchers over real connections, served by the relay in workerd: a small load of bench/watchers.ts, and what
// only a real connection shows.
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Server } from '../../bench/server.ts'
import { CONTENT, runWatchers, startWatched } from '../../bench/watch.ts'

let server: Server
beforeAll(async () => {
  server = await startWatched({})
  await server.must('POST', '/api/catalog/register', { content: CONTENT })
})
afterAll(() => server.stop())

test('100 watchers of 5 executions, cut off at random, see each event once, in order and soon', async () => {
  const load = { executions: 5, watchers: 100, seconds: 6, every_ms: 700, cut_ms: 1_500 }
  const seen = await runWatchers(server, load)
  expect(seen.faults).toEqual([])
  expect(seen.told).toBe(seen.events * 20)
  expect(seen.median_ms).toBeLessThan(1_000)
  // it would say nothing if nobody had been cut off
  expect(seen.connections).toBeGreaterThan(300)
  // 20 who watch are served by the reads of one, and one more for each who comes back
  expect(seen.reads).toBeLessThan(5 * (seen.seconds / 0.25) + seen.connections)
})

const open = (path: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    get(new URL(path, server.url), { agent: false }, resolve).on('error', reject)
  })

const trips = async () => {
  const url = server.endpoint.replace(/sql$/, 'count?application_name=watchers')
  return ((await (await fetch(url)).json()) as { round_trips: number }).round_trips
}

test('when nobody watches any more, nothing is read', async () => {
  const { execution_id } = await server.must('POST', '/api/execute', { path: 'bench/watched' })
  const streams = [await open(`/api/executions/${execution_id}/stream`), await open('/api/stream')]
  for (const stream of streams) stream.resume()
  await sleep(1_000)
  const before = await trips()
  await sleep(2_000)
  expect(await trips()).toBeGreaterThan(before)
  for (const stream of streams) stream.destroy()
  // that somebody has gone is seen when something is written to him, if only a heartbeat
  for (let n = 0; n < 3; n++) {
    await server.must('POST', '/api/events', {
      execution_id,
      event_type: 'note',
      node_name: 'work',
    })
    await sleep(1_000)
  }
  const after = await trips()
  await sleep(3_000)
  expect(await trips()).toBe(after)
})

test('what is not there is a problem document, by way of the relay, too', async () => {
  const reply = await server.call('GET', '/api/executions/999999999999999999/stream')
  expect([reply.status, reply.body.detail]).toEqual([
    404,
    "Execution '999999999999999999' not found.",
  ])
})
