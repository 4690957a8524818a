// What a network may do to a worker: each of its POSTs arrives twice, the copy right after the original was
// answered, at the same instant, or some calls later. The log is the same 17 events each time.
import { neon } from '@neondatabase/serverless'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reply, Server } from '../../../bench/server.ts'
import { randomFrom } from '../../../dev/neon/faults.ts'
import { startPostgres } from '../../../dev/postgres.ts'
import { toJson } from '../../../src/json.ts'
import { expectRebuilt } from '../../rebuild.ts'
import { EXCHANGES, Performance } from './exchanges.ts'
import { eventsOf, HEADERS, LOG, lineOf, startExample } from './support.ts'

const SEEDS = Array.from({ length: 30 }, (_, index) => index + 1)
const MODES = ['after', 'at once', 'late'] as const
/** A copy comes at most so many calls late. One of a lease so comes before the worker leases again. */
const MAX_LATE = 6

/** A copy under way, and what the worker was answered. */
interface Copy {
  of: [name: string, first: Reply]
  due: number
  send(): Promise<Reply>
}

/** Plays the exchanges with a copy of each POST; answers the execution's id. */
async function playTwice(server: Server, seed: number): Promise<string> {
  const random = randomFrom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const performance = new Performance()
  const late: Copy[] = []
  for (const [index, { method, path, request, response }] of EXCHANGES.entries()) {
    const name = `${index}: ${method} ${path}`
    const sent = request === null ? undefined : performance.fill(request)
    const target = performance.fillText(path)
    const send = () => server.call(method, target, sent, HEADERS)
    // the run itself is not the worker's to start
    const isDoubled = method === 'POST' && index > 0
    const mode = isDoubled ? MODES[below(MODES.length)] : null

    const arriving = late.filter(({ due }) => due === index).map(deliver)
    const sendings = mode === 'at once' ? [send(), send()] : [send()]
    // the worker goes by the answer that comes first
    const first = await Promise.race(sendings)
    const others = await Promise.all(mode === 'after' ? [send()] : sendings)
    for (const other of others) expectSame(name, first, other)
    for (const [copy, answer] of await Promise.all(arriving)) expectSame(...copy, answer)
    if (mode === 'late')
      late.push({ of: [`${name}, late`, first], due: index + 1 + below(MAX_LATE), send })

    const reply = path.endsWith('/lease') ? await leased(server, performance, first, send) : first
    expect(reply.status, `${name}: ${toJson(reply.body)}`).toBe(200)
    performance.learn(response, reply.body)
  }
  const last = late.filter(({ due }) => due >= EXCHANGES.length).map(deliver)
  for (const [copy, answer] of await Promise.all(last)) expectSame(...copy, answer)
  return performance.execution
}

async function deliver({ of, send }: Copy): Promise<[Copy['of'], Reply]> {
  return [of, await send()]
}

/** A copy is answered as its original was; a lease may get another job or none, a rendering sees more. */
function expectSame(name: string, first: Reply, copy: Reply): void {
  expect(copy.status, `${name}: ${toJson(copy.body)}`).toBe(200)
  if (!/lease|render/.test(name)) expect(copy.body, name).toEqual(first.body)
}

/**
 * The reply with a job. When a copy took the job, nobody knows of that lease: it runs out, and the worker,
 * which goes on asking, gets the job. That sending has no copy: a job is leased three times at most.
 */
async function leased(
  server: Server,
  performance: Performance,
  first: Reply,
  send: () => Promise<Reply>,
): Promise<Reply> {
  if (first.body.job !== null) return first
  await neon(server.databaseUrl)`
    update noetl.queue set lease_until = now() - interval '1 second'
    where execution_id = ${performance.execution} and status = 'leased'`
  return send()
}

const postgres = await startPostgres()
afterAll(async () => 'url' in postgres && postgres.stop())

const DATABASES = {
  'the embedded Postgres': { isMissing: false, url: undefined },
  'a real Postgres':
    'url' in postgres ? { isMissing: false, url: postgres.url } : { isMissing: true },
}

for (const [name, { isMissing, url }] of Object.entries(DATABASES)) {
  describe.skipIf(isMissing)(`on ${name}, when each POST of a worker arrives twice`, () => {
    let server: Awaited<ReturnType<typeof startExample>>
    beforeAll(async () => {
      server = await startExample(url)
    })
    afterAll(() => server.stop())

    test.each(SEEDS)('seed %i leaves the same 17 events', async (seed) => {
      const id = await playTwice(server, seed)
      const events = await eventsOf(server, id)
      expect(events.map(lineOf).sort()).toEqual(LOG.toSorted())
      const detail = await server.must('GET', `/api/executions/${id}`)
      expect(detail).toMatchObject({ status: 'COMPLETED', progress: 100, error: null })
      const jobs = await server.must('GET', `/api/queue?execution_id=${id}`)
      expect(jobs.items).toMatchObject([{ status: 'done' }, { status: 'done' }, { status: 'done' }])
    })

    test('each log is whole, and folds into what is kept', async () => {
      const all = await expectRebuilt(server.databaseUrl, [server.catalogId])
      expect(all).toHaveLength(SEEDS.length)
      expect(all.flatMap(({ undecided }) => undecided)).toEqual([])
    })
  })
}
