// NoETL's worker, unchanged, against this server: each of its requests as it sends it, each reply field for
// field. Its leases name no tool, so the queue is this file's own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Server } from '../../../bench/server.ts'
import { type Json, parseJson } from '../../../src/json.ts'
import {
  type Difference,
  EXCHANGES,
  isEqual,
  isTime,
  Performance,
  withTextIds,
} from './exchanges.ts'
import { eventsOf, HEADERS, LOG, lineOf, startExample } from './support.ts'

interface Departure {
  why: string
  covers(difference: Difference): boolean
}

/** All that differs from NoETL's replies. */
const DEPARTURES: Departure[] = [
  {
    why: 'ids are strings everywhere, as JavaScript reads no integers beyond 2^53',
    covers: ({ meant, actual }) => typeof meant === 'bigint' && actual === String(meant),
  },
  {
    why: 'times are RFC 3339 in UTC everywhere',
    covers: ({ recorded, meant, actual }) =>
      isTime(recorded) && actual === meant && isRfc3339(actual),
  },
  {
    why: 'updated_at is the time of the last change, which the lease is; NoETL’s never moves',
    covers: ({ at, meant, actual }) =>
      at === 'job.updated_at' && isRfc3339(actual) && String(actual) > String(meant),
  },
  {
    why: 'the time of a start is known',
    covers: ({ path, at, recorded, actual }) =>
      path.endsWith('/run') &&
      ((at === 'timestamp' && recorded === '') || (at === 'start_time' && recorded === null)) &&
      isRfc3339(actual),
  },
  {
    why: 'JSON in a text has no spaces',
    covers: ({ at, recorded, actual }) =>
      at === 'job.action' &&
      isEqual(parseJson(String(recorded)), parseJson(String(actual))) &&
      !/[:,] /.test(String(actual)),
  },
  {
    why: 'templates see execution_id too; the order of the names says nothing',
    covers: ({ at, recorded, actual }) =>
      at === 'context_keys' &&
      Array.isArray(recorded) &&
      Array.isArray(actual) &&
      isEqual([...recorded, 'execution_id'].sort(), actual.toSorted()),
  },
]

const isRfc3339 = (value: unknown) =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z$/.test(value)

let server: Server
beforeAll(async () => {
  server = await startExample()
})
afterAll(() => server.stop())

/** Plays the exchanges, each request made from what the replies before it told. */
async function play(prepare: (request: Json) => Json) {
  const performance = new Performance()
  const used = new Set<Departure>()
  const surprises: unknown[] = []
  for (const [index, exchange] of EXCHANGES.entries()) {
    const { method, path, request, status, response } = exchange
    const sent = request === null ? undefined : prepare(performance.fill(request))
    const reply = await server.call(method, performance.fillText(path), sent, HEADERS)
    expect(reply, `${index}: ${method} ${path}`).toMatchObject({ status })
    performance.learn(response, reply.body)
    for (const difference of performance.differences(exchange, reply.body)) {
      const covering = DEPARTURES.filter(({ covers }) => covers(difference))
      for (const departure of covering) used.add(departure)
      if (covering.length !== 1) surprises.push({ index, ...difference, covering })
    }
  }
  expect(surprises).toEqual([])
  expect(DEPARTURES.filter((departure) => !used.has(departure))).toEqual([])
  return performance.execution
}

describe.each([
  ['bare integers, as it got them from NoETL', (request: Json) => request],
  ['texts, as it gets them here', withTextIds],
])('a worker that sends ids as %s', (_how, prepare) => {
  test('gets NoETL’s replies, but for the departures that are named, and leaves its 17 events', async () => {
    const id = await play(prepare)
    const detail = await server.must('GET', `/api/executions/${id}`)
    expect(detail).toMatchObject({ status: 'COMPLETED', progress: 100, error: null })
    const { summary } = await server.must('GET', `/api/events/summary/${id}`)
    expect(summary).toMatchObject({
      counts: {
        execution_start: 1,
        step_started: 3,
        action_started: 3,
        action_completed: 3,
        step_result: 3,
        step_completed: 3,
        execution_complete: 1,
      },
    })
    expect((await eventsOf(server, id)).map(lineOf)).toEqual(LOG)
  })
})
