// workerd killed in the midst of everything, on the real Worker over HTTP: a small load of bench/kills.ts.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runKills } from '../../bench/kill-load.ts'
import { type Server, startServer } from '../../bench/server.ts'

let server: Server
beforeAll(async () => {
  server = await startServer({ EDGE_LEASE_SECONDS: '5', HTTP_ALLOW_PRIVATE: 'true' })
})
afterAll(() => server.stop())

test('runs of all kinds complete, once each, while workerd is killed and started again', async () => {
  const load = { kills: 6, seed: 3, open: 20, life_ms: 2_000, limit_seconds: 60 }
  const figures = await runKills(server, load)
  expect([figures.faults, figures.logs]).toEqual([[], []])
  expect(figures.completed).toBe(figures.executions)
  // it would say nothing if nothing had happened
  expect(figures.begun_again).toBeGreaterThan(0)
}, 120_000)
