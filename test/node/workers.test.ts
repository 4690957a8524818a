// Worker processes that die and lose messages, on the real Worker over HTTP: a small load of bench/workers.ts.
import { neonConfig } from '@neondatabase/serverless'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HARSH, runLoad } from '../../bench/load.ts'
import { type Server, startServer } from '../../bench/server.ts'
import { expectRebuilt } from '../rebuild.ts'

let server: Server
beforeAll(async () => {
  server = await startServer({ EDGE_TOOLS: '' })
  neonConfig.fetchEndpoint = server.endpoint
})
afterAll(() => server.stop())

test('20 runs of 3 steps complete while workers are killed and messages get lost', async () => {
  const figures = await runLoad(server, {
    name: 'test',
    executions: 20,
    workers: 3,
    seed: 1,
    lease_seconds: 2,
    fortune: { ...HARSH, lose_report: 0.15 },
    limit_seconds: 50,
  })
  expect(figures.faults).toEqual([])
  expect(figures.completed).toBe(20)
  // it would say nothing if nothing had happened
  expect(figures.kills).toBeGreaterThan(3)
  expect(figures.releases).toBeGreaterThan(3)
  expect(figures.inferred).toBeGreaterThan(0)
  const all = await expectRebuilt(server.databaseUrl, [figures.catalog_id])
  expect(all).toHaveLength(20)
  expect(all.flatMap(({ undecided }) => undecided)).toEqual([])
})
