// What the language guarantees, each from the API to the database and back. Details are tested in their areas.
import { neon } from '@neondatabase/serverless'
import { beforeAll, expect, inject, test } from 'vitest'
import type { Json, JsonObject } from '../src/json.ts'
import { expectRebuilt } from './rebuild.ts'
import { completed, newClient, playbook } from './support.ts'

const client = newClient()
const database = client.env.DATABASE_URL as string
const sql = neon(database)
const ECHO = inject('echo')
const STAMP = Date.now()
const AUTH = `guarantees-${STAMP}`
const TABLE = `guaranteed_${STAMP}`
let names = 0
const unique = () => `${STAMP}-${++names}`

beforeAll(async () => {
  await client.post('/api/credentials', { name: AUTH, type: 'postgres', data: { dsn: database } })
  await sql.query(`create table ${TABLE} (run text, k text, v jsonb, t text)`)
})

type Step = JsonObject & { step: string }

const yaml = (steps: Step[], head: JsonObject = {}) =>
  playbook(
    steps.map((step) => `  - ${JSON.stringify(step)}`).join('\n'),
    Object.entries(head)
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
      .join('\n'),
  )

const detail = async (id: string) => (await client.get(`/api/executions/${id}`)).body
const stateOf = async (id: string) => {
  const { status, progress, error } = await detail(id)
  return [status, progress, error]
}

/** Starts a run and goes on with it until nothing can go on here. */
async function begun(steps: Step[], head: JsonObject = {}, parameters: Json = {}) {
  const catalogId = await client.register(yaml(steps, head))
  const id = await client.run(catalogId, parameters)
  return { id, catalogId }
}

/** A run that has ended, and whose projection is what its log says. */
async function ended(steps: Step[], head: JsonObject = {}, parameters: Json = {}) {
  const { id, catalogId } = await begun(steps, head, parameters)
  await expectRebuilt(database, [catalogId])
  return { id, ...(await detail(id)), log: await client.log(id) }
}

/** The result of a run that must complete. */
async function resultOf(steps: Step[], head: JsonObject = {}, parameters: Json = {}) {
  const { status, error, result } = await ended(steps, head, parameters)
  expect([status, error]).toEqual(['COMPLETED', null])
  return result
}

const START: Step = { step: 'start', next: 'a' }
const END: Step = { step: 'end' }
const python = (step: string, next?: Json): Step => ({
  step,
  type: 'python',
  code: 'def main(): pass',
  ...(next !== undefined && { next }),
})
const give = (step: string, data: Json, next: Json): Step => ({
  step,
  type: 'transform',
  data,
  next,
})
const query = (command: string, more: JsonObject = {}): JsonObject => ({
  type: 'postgres',
  auth: AUTH,
  command,
  ...more,
})
const saved = (more: JsonObject): JsonObject => ({
  storage: 'postgres',
  auth: AUTH,
  table: TABLE,
  ...more,
})
const rowsOf = (run: string) =>
  sql.query(`select k, v, t from ${TABLE} where run = $1 order by k`, [run])
const report = (body: object) => client.post('/api/events', body)

const failed = (id: string, step: string, error: string) => ({
  ...completed(id, step),
  event_type: 'action_error',
  status: 'FAILED',
  error,
})

/** Has the execution's worker job leased, and by nobody else's test. */
async function lease(id: string, worker_id: string, lease_seconds = 60) {
  const tool = `guarantee-${id}`
  await sql`update noetl.queue set tool = ${tool} where execution_id = ${id} and tool = 'python'`
  const ask = { worker_id, lease_seconds, capabilities: [tool] }
  const { body } = await client.post('/api/queue/lease', ask)
  return body.job
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a workbook step runs its task', async () => {
  const double = query('select $1::int * 2 as n', { params: ['{{ n }}'] })
  const head = { workbook: [{ name: 'double', ...double }] }
  const twice = [
    { step: 'start', next: [{ step: 'a', data: { n: 4 } }] },
    {
      step: 'a',
      type: 'workbook',
      name: 'double',
      next: [{ step: 'b', data: { n: '{{ a.command_0.rows[0].n }}' } }],
    },
    { step: 'b', type: 'workbook', task: 'double', next: 'end' },
    { step: 'end', result: { n: '{{ b.command_0.rows[0].n }}' } },
  ]
  expect(await resultOf(twice, head)).toEqual({ n: 16 })
})

test('next may be a name, a mapping, or a list of both', async () => {
  const steps = [
    { step: 'start', next: { step: 'a', data: { n: 1 } } },
    give('a', '{{ n + 1 }}', 'b'),
    give('b', '{{ a + 1 }}', ['c', { step: 'd', data: { n: 10 } }]),
    give('c', '{{ b + 1 }}', { step: 'end' }),
    give('d', '{{ b + n }}', 'end'),
    { step: 'end', result: { c: '{{ c }}', d: '{{ d }}' } },
  ]
  expect(await resultOf(steps)).toEqual({ c: 4, d: 13 })
})

test('a run is COMPLETED, and at 100 %, when all of it is done and not before', async () => {
  const { id } = await begun([
    START,
    python('a', 'b'),
    { step: 'b', next: 'c' },
    python('c', [{ step: 'd', when: '{{ c.n > 1 }}' }]),
    python('d', 'end'),
    END,
  ])
  const seen = async () => {
    const { status, progress } = await detail(id)
    const [row] = (await client.get(`/api/executions?limit=200`)).body.filter(
      (each: { id: string }) => each.id === id,
    )
    expect([row.status, row.progress]).toEqual([status, progress])
    return { status, progress }
  }
  const before = [await seen()]
  await report({ ...completed(id, 'a'), event_type: 'action_started', status: 'STARTED' })
  before.push(await seen())
  await report(completed(id, 'a'))
  before.push(await seen())
  await report({ ...completed(id, 'a'), event_type: 'step_result' })
  before.push(await seen())
  for (const { status, progress } of before) {
    expect(status).toBe('RUNNING')
    expect(progress).toBeLessThan(100)
  }
  const progress = before.map((each) => each.progress)
  expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  // no condition holds: nothing is left that could ever run, and so it is over
  await report(completed(id, 'c', { n: 1 }))
  expect(await seen()).toEqual({ status: 'COMPLETED', progress: 100 })
})

test('a step that fails and then succeeds goes on as if it had succeeded at once', async () => {
  const flaky = {
    step: 'a',
    type: 'http',
    url: `${ECHO}/flaky/2/${unique()}`,
    retry: { max_attempts: 3, initial_delay: 0.01 },
    next: 'b',
  }
  const end = { step: 'end', result: { n: '{{ b }}' } }
  const { status, error, result, log } = await ended([
    START,
    flaky,
    give('b', '{{ a.data.count }}', 'end'),
    end,
  ])
  expect([status, error, result]).toEqual(['COMPLETED', null, { n: 3 }])
  expect(log.filter((line: string) => line === 'action_error:a')).toHaveLength(2)
})

test('a step that fails for good ends the run, once, with its error', async () => {
  const { id } = await begun([
    { step: 'start', next: ['a', 'b'] },
    python('a', 'c'),
    python('b', 'c'),
    python('c', 'end'),
    END,
  ])
  await report(failed(id, 'a', 'no luck'))
  expect(await stateOf(id)).toEqual(['FAILED', expect.any(Number), 'no luck'])
  await report(completed(id, 'b'))
  const log = await client.log(id)
  const ends = log.filter((line) => /^execution_(complete|failed|cancelled)/.test(line))
  expect(ends).toHaveLength(1)
  expect(ends[0]).toMatch(/^execution_failed/)
  expect(log).not.toContain('step_started:c')
  expect((await detail(id)).end_time).not.toBe(null)
})

test('a playbook that cannot run is refused, and one without an end ends', async () => {
  for (const [steps, said] of [
    [[{ step: 'start', next: 'nowhere' }], /nowhere/],
    [[python('a', 'b'), python('b')], /start/],
  ] as const) {
    const content = yaml(steps as unknown as Step[])
    const { status, body } = await client.post('/api/catalog/register', { content })
    expect(status).toBe(422)
    expect(body.detail).toMatch(said)
  }
  const { status, log } = await ended([START, { step: 'a', type: 'transform', data: 1 }])
  expect(status).toBe('COMPLETED')
  expect(log.at(-1)).toMatch(/^execution_complete/)
})

test('a job whose worker has died is leased again, and the run ends', async () => {
  const { id } = await begun([START, python('a', 'end'), { step: 'end', result: { a: '{{ a }}' } }])
  const lost = await lease(id, 'died', 1)
  expect(await lease(id, 'early')).toBe(null)
  await pause(1_100)
  await client.tick()
  const job = await lease(id, 'alive')
  expect([job.execution_id, job.attempts]).toEqual([id, 2])
  await report(completed(id, 'a', { by: 'alive' }))
  expect((await client.post(`/api/queue/${job.queue_id}/complete`, {})).status).toBe(200)
  expect((await client.post(`/api/queue/${lost.queue_id}/complete`, {})).status).toBe(409)
  expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { a: { by: 'alive' } } })
})

test('a step of the edge whose holder has died is run again, and the run ends', async () => {
  const one = newClient({ EDGE_MAX_STEPS: '1' })
  const steps = [START, give('a', 1, 'b'), give('b', '{{ a + 1 }}', 'end')]
  const catalogId = await one.register(yaml([...steps, { step: 'end', result: { b: '{{ b }}' } }]))
  const id = await one.run(catalogId)
  await sql`update noetl.queue set status = 'leased', worker_id = 'died', attempts = 1,
    lease_until = now() - interval '1 second' where execution_id = ${id} and node_name = 'b'`
  await one.tick()
  await one.deliver()
  expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { b: 2 } })
  await expectRebuilt(database, [catalogId])
})

test('rows with times, intervals, uuids and bytes are results like all others', async () => {
  const command = `select now() as at, date '2026-01-02' as day, time '03:04' as clock,
    interval '1 day 2 hours' as span, '0b6c2a3e-4f55-4a7f-9a2b-0d5f6a7b8c9d'::uuid as key,
    '\\x00ff'::bytea as bytes, 1.50::numeric as price`
  const { command_0 } = await resultOf([START, { step: 'a', ...query(command), next: 'end' }, END])
  expect(command_0.rows).toEqual([
    {
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*(Z|\+00:00)$/),
      day: '2026-01-02',
      clock: '03:04:00',
      span: '1 day 02:00:00',
      key: '0b6c2a3e-4f55-4a7f-9a2b-0d5f6a7b8c9d',
      bytes: '\\x00ff',
      price: 1.5,
    },
  ])
})

test('a report that was lost does not leave its step open', async () => {
  // a worker's: what it says of its job tells the rest
  const { id } = await begun([START, python('a', 'b'), python('b', 'end'), END])
  const job = await lease(id, 'w')
  await client.post(`/api/queue/${job.queue_id}/complete`, {})
  expect(await client.log(id)).toContain('step_started:b')
  // the edge's: whichever answer it does not get, it reports again, and what arrived twice counts once
  const lossy = newClient()
  const url = `${ECHO}/flaky/0/${unique()}-{{ execution_id }}`
  const steps = [START, { step: 'a', type: 'http', url, next: 'b' }, give('b', '{{ a }}', 'end')]
  const end = { step: 'end', result: { count: '{{ b.data.count }}' } }
  const catalogId = await lossy.register(yaml([...steps, end]))
  await lossy.run(catalogId)
  for (const skip of [0, 1, 2]) {
    await lossy.faults({ rate: 1, kinds: ['reset_after'], seed: 1, skip, times: 1 })
    const before = await lossy.trips()
    const edge = await lossy.run(catalogId)
    // undisturbed it takes three
    expect((await lossy.trips()) - before).toBeGreaterThan(3)
    await lossy.noFaults()
    expect(await detail(edge)).toMatchObject({ status: 'COMPLETED', result: { count: 1 } })
    const log = await client.log(edge)
    expect(log.filter((line) => line === 'action_completed:a')).toHaveLength(1)
  }
  await expectRebuilt(database, [catalogId])
})

test('conditions choose at every step, and a router is left by its next', async () => {
  const steps = (n: number) => [
    {
      step: 'start',
      next: [
        { step: 'low', when: '{{ workload.n < 5 }}' },
        { step: 'high', when: '{{ workload.n >= 5 }}' },
      ],
    },
    give('low', 'low', 'router'),
    give('high', 'high', 'router'),
    {
      step: 'router',
      next: [
        {
          when: '{{ workload.n is even }}',
          // biome-ignore lint/suspicious/noThenProperty: that is what the language calls it
          then: { step: 'told', args: { what: 'even' } },
          else: [{ step: 'told', args: { what: 'odd' } }],
        },
        { step: 'zero', condition: '{{ workload.n == 0 }}' },
      ],
    },
    give('told', '{{ what }}', 'end'),
    give('zero', 'zero', 'end'),
    {
      step: 'end',
      result: {
        n,
        size: "{{ low | default('') }}{{ high | default('') }}",
        told: '{{ told }}',
        zero: "{{ zero | default('no') }}",
      },
    },
  ]
  const all = []
  for (const n of [0, 3, 8]) all.push(await resultOf(steps(n), { workload: { n } }))
  expect(all).toEqual([
    { n: 0, size: 'low', told: 'even', zero: 'zero' },
    { n: 3, size: 'low', told: 'odd', zero: 'no' },
    { n: 8, size: 'high', told: 'even', zero: 'no' },
  ])
})

test('a run ends when all its branches have, and what they found is in its result', async () => {
  const { id } = await begun([
    { step: 'start', next: ['a', 'b'] },
    python('a', 'end'),
    python('b', 'c'),
    python('c', 'end'),
    { step: 'end', result: { a: '{{ a }}', c: '{{ c }}' } },
  ])
  await report(completed(id, 'a', 1))
  expect((await detail(id)).status).toBe('RUNNING')
  await report(completed(id, 'b', 2))
  expect((await detail(id)).status).toBe('RUNNING')
  await report(completed(id, 'c', 3))
  expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { a: 1, c: 3 } })
  expect((await client.log(id)).at(-1)).toMatch(/^execution_complete/)
})

/** Registers a playbook to be called by others; answers its path. */
async function callable(steps: Step[]): Promise<string> {
  const path = `test/guarantees/${unique()}`
  const content = JSON.stringify({ metadata: { path }, workload: { n: 1 }, workflow: steps })
  await client.register(content)
  return path
}

const calling = (path: string): Step[] => [
  START,
  { step: 'a', type: 'playbook', path, input: { n: '{{ 20 + 1 }}' }, next: 'b' },
  give('b', '{{ a.n }}', 'end'),
  { step: 'end', result: { n: '{{ b }}' } },
]

test('a playbook step runs the playbook with its input, and has its result', async () => {
  const path = await callable([
    START,
    {
      step: 'a',
      ...query('select $1::int * 2 as n', { params: ['{{ workload.n }}'] }),
      next: 'end',
    },
    { step: 'end', result: { n: '{{ a.command_0.rows[0].n }}' } },
  ])
  const { id, status, result } = await ended(calling(path))
  expect([status, result]).toEqual(['COMPLETED', { n: 42 }])
  const children = (await client.get(`/api/executions?parent_execution_id=${id}`)).body
  expect(children).toMatchObject([{ status: 'COMPLETED', result: { n: 42 } }])
})

test('a run goes on when its child has ended, whoever ended it and however', async () => {
  const path = await callable([
    START,
    python('a', 'end'),
    { step: 'end', result: { n: '{{ a }}' } },
  ])
  const [good, bad] = [await begun(calling(path)), await begun(calling(path))]
  const childOf = async ({ id }: { id: string }) =>
    (await client.get(`/api/executions?parent_execution_id=${id}`)).body[0].id as string
  await report(completed(await childOf(good), 'a', 5))
  expect(await detail(good.id)).toMatchObject({ status: 'COMPLETED', result: { n: 5 } })
  await report(failed(await childOf(bad), 'a', 'no luck'))
  expect(await detail(bad.id)).toMatchObject({
    status: 'FAILED',
    error: expect.stringContaining('no luck'),
  })
})

test('a run waits for its child however many of those who hold the step die', async () => {
  const path = await callable([
    START,
    python('a', 'end'),
    { step: 'end', result: { n: '{{ a }}' } },
  ])
  const { id } = await begun(calling(path))
  for (let death = 0; death < 5; death++) {
    await sql`update noetl.queue set worker_id = 'died', lease_until = now() - interval '1 second'
      where execution_id = ${id} and status = 'leased'`
    await client.tick()
    await client.deliver()
  }
  const [child, ...others] = (await client.get(`/api/executions?parent_execution_id=${id}`)).body
  expect(others).toEqual([])
  await report(completed(child.id, 'a', 7))
  expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { n: 7 } })
})

const each = (task: JsonObject, more: JsonObject = {}): Step[] => [
  START,
  {
    step: 'a',
    type: 'iterator',
    collection: [1, 0, 2],
    element: 'n',
    task,
    next: 'end',
    ...more,
  },
  END,
]

test('a failed item fails the step', async () => {
  const { status, error } = await ended(
    each({ type: 'http', url: `${ECHO}/status/{{ 200 if n else 503 }}` }),
  )
  expect(status).toBe('FAILED')
  expect(error).toMatch(/1 of 3 iterations failed.*HTTP 503/)
})

test('an item whose save fails has failed', async () => {
  const save = saved({ data: { run: '{{ execution_id }}', k: '{{ n }}', v: '{{ 1 // n }}' } })
  const { id, status, error } = await ended(each({ type: 'transform', data: '{{ n }}', save }))
  expect(status).toBe('FAILED')
  expect(error).toMatch(/1 of 3 iterations failed.*save/)
  expect((await rowsOf(id)).map(({ k }) => k)).toEqual(['1', '2'])
})

test('what an iterator saves is saved once', async () => {
  const row = (k: string, v: string) => saved({ data: { run: '{{ execution_id }}', k, v } })
  const task = {
    type: 'transform',
    data: '{{ n * 10 }}',
    save: row('item {{ n }}', '{{ result }}'),
  }
  const { id, status } = await ended(each(task, { save: row('all', '{{ result }}') }))
  expect(status).toBe('COMPLETED')
  expect((await rowsOf(id)).map(({ k, v }) => [k, v])).toEqual([
    ['all', [10, 0, 20]],
    ['item 0', 0],
    ['item 1', 10],
    ['item 2', 20],
  ])
})

test('an http step is retried by its status code, and its error says what came back', async () => {
  const called = (retry: Json): Step[] => [
    START,
    { step: 'a', type: 'http', url: `${ECHO}/flaky/1/${unique()}`, retry, next: 'end' },
    { step: 'end', result: { count: '{{ a.data.count }}' } },
  ]
  const on = (retry_when: string) => ({ max_attempts: 3, initial_delay: 0.01, retry_when })
  expect(await resultOf(called(on('{{ status_code == 503 }}')))).toEqual({ count: 2 })
  const { status, error, log } = await ended(called(on('{{ status_code == 429 }}')))
  expect([status, error]).toEqual(['FAILED', 'HTTP 503 Service Unavailable: {"count":1}'])
  expect(log.filter((line: string) => line === 'action_started:a')).toHaveLength(1)
})

test('attempts count from one, and delays are what was asked for, fractions of a second too', async () => {
  const retry = { max_attempts: 3, initial_delay: 0.3, backoff_multiplier: 2, jitter: false }
  const url = `${ECHO}/flaky/2/${unique()}`
  const { events } = await ended([START, { step: 'a', type: 'http', url, retry, next: 'end' }, END])
  const of = (type: string) => events.filter((event: JsonObject) => event.event_type === type)
  expect(of('action_retry').map((event: JsonObject) => event.result)).toMatchObject([
    { attempt: 1, retry_delay_seconds: 0.3 },
    { attempt: 2, retry_delay_seconds: 0.6 },
  ])
  const times = of('action_started').map((event: JsonObject) => Date.parse(String(event.timestamp)))
  expect(times[1] - times[0]).toBeGreaterThanOrEqual(290)
  expect(times[2] - times[1]).toBeGreaterThanOrEqual(590)
  expect(times[2] - times[0]).toBeLessThan(5_000)
})

test('ids and nulls in results stay what they are', async () => {
  const command = `select 7 as id, null as nothing, 9007199254740993 as user_id, '' as empty`
  const { id, result, events } = await ended([
    START,
    { step: 'a', ...query(command), next: 'end' },
    END,
  ])
  const rows = [{ id: 7, nothing: null, user_id: 9007199254740993n, empty: '' }]
  expect(result.command_0.rows).toEqual(rows)
  const event = events.find((each: JsonObject) => each.event_type === 'step_result')
  expect(event.result.command_0.rows).toEqual(rows)
  const { text } = await client.get(`/api/executions/${id}`)
  expect(text).toContain('9007199254740993')
})

test('the result of a run is what its end says, whatever is reported later', async () => {
  const { id } = await begun([
    { step: 'start', next: ['a', 'b'] },
    python('a', 'end'),
    python('b', 'end'),
    { step: 'end', result: { from_a: '{{ a }}' } },
  ])
  await report(completed(id, 'a', 'first'))
  await report(completed(id, 'b', 'last'))
  await report({ ...completed(id, 'b', 'late'), event_type: 'step_result' })
  expect((await detail(id)).result).toEqual({ from_a: 'first' })
})

test('each run is listed once, in one order, page after page', async () => {
  const catalogId = await client.register(yaml([START, python('a', 'end'), END]))
  const ids = await Promise.all(Array.from({ length: 11 }, () => client.run(catalogId)))
  await Promise.all(ids.map((id) => report(completed(id, 'a'))))
  // as if all had begun in the same instant
  await sql`update noetl.execution set started_at = date_trunc('day', started_at)
    where catalog_id = ${catalogId}`
  const listed: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body, headers } = await client.get(
      `/api/executions?catalog_id=${catalogId}&limit=3${cursor && `&cursor=${cursor}`}`,
    )
    listed.push(...body.map(({ id }: { id: string }) => id))
    cursor = headers.get('x-next-cursor')
  }
  expect(listed).toEqual(ids.toSorted((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1)))
})

test('a result of whatever form leaves the list whole', async () => {
  const steps = [START, python('a', 'end'), { step: 'end', result: { a: '{{ a }}' } }]
  const catalogId = await client.register(yaml(steps))
  const odd: Json[] = ['{"broken": ', '[1, 2', "{'single': 1}", 'null', '', '{{ nope }}', 'NaN']
  const ids = []
  for (const data of odd) {
    const id = await client.run(catalogId)
    await report(completed(id, 'a', data))
    ids.push(id)
  }
  const { status, body } = await client.get(`/api/executions?catalog_id=${catalogId}`)
  expect(status).toBe(200)
  const results = new Map(body.map((each: { id: string; result: Json }) => [each.id, each.result]))
  expect(ids.map((id) => results.get(id))).toEqual(odd.map((a) => ({ a })))
})

test('an event stays as it was written', async () => {
  const { id } = await begun([START, python('a', 'end'), END])
  const event_id = String(4_611_686_018_400_000_000n + BigInt(STAMP))
  const body = { ...completed(id, 'a', 1), event_id, duration: 1.5 }
  const first = await report(body)
  expect(first.status).toBe(200)
  const stored = async () => (await client.get(`/api/events/by-id/${event_id}`)).body
  const before = await stored()
  expect(before.events[0]).toMatchObject({ status: 'COMPLETED', duration: 1.5 })
  for (const other of [{ event_type: 'note' }, { status: 'FAILED' }, { result: { data: 2 } }]) {
    expect((await report({ ...body, ...other })).status).toBe(409)
  }
  expect((await report(body)).body).toEqual(first.body)
  expect(await stored()).toEqual(before)
  const unknown = { execution_id: id, event_type: 'note', status: 'no such status' }
  expect((await report(unknown)).status).toBe(422)
})

test('SQL reaches the database to the letter', async () => {
  const text = "line one\n\n  line two; <b> 'quoted' -- no comment"
  const command = [
    `insert into ${TABLE} (run, k, t) values ('{{ execution_id }}', 'x', -- a comment; really`,
    `  '${text.replaceAll("'", "''")}');`,
    `select t, '{{ workload.text }}' as templated from ${TABLE} where run = '{{ execution_id }}'`,
  ].join('\n')
  const result = await resultOf([START, { step: 'a', ...query(command), next: 'end' }, END], {
    workload: { text: 'a < b > c & d' },
  })
  expect(result.command_1.rows).toEqual([{ t: text, templated: 'a < b > c & d' }])
})

test('the statements of a step are done together or not at all', async () => {
  const command = `insert into ${TABLE} (run, k) values ('{{ execution_id }}', 'x');
    select 1 / 0; insert into ${TABLE} (run, k) values ('{{ execution_id }}', 'y')`
  const { id, status, error } = await ended([
    START,
    { step: 'a', ...query(command), next: 'end' },
    END,
  ])
  expect([status, error]).toEqual(['FAILED', 'command_1: division by zero (SQLSTATE 22012)'])
  expect(await rowsOf(id)).toEqual([])
})

test('a save keeps nulls, mappings and quotes as they are', async () => {
  const value = { none: null, list: [1, 'two', false], nested: { "it's": '"quoted"; drop' } }
  const save = saved({
    data: { run: '{{ execution_id }}', k: "it's", v: '{{ result }}', t: '{{ result.none }}' },
  })
  const { id, status } = await ended([START, { ...give('a', value, 'end'), save }, END])
  expect(status).toBe('COMPLETED')
  expect(await rowsOf(id)).toEqual([{ k: "it's", v: value, t: null }])
})

test('a value keeps its type wherever it goes', async () => {
  const values: JsonObject = {
    one: 1,
    text: '1',
    half: 0.5,
    yes: true,
    none: null,
    list: [1, '1', null],
    items: { keys: 2 },
  }
  const all = Object.fromEntries(Object.keys(values).map((key) => [key, `{{ workload.${key} }}`]))
  const passed = Object.fromEntries(Object.keys(values).map((key) => [key, `{{ a.${key} }}`]))
  const { id, status, result } = await ended(
    [
      START,
      give('a', all, [{ step: 'b', data: { given: passed }, when: "{{ a.text == '1' }}" }]),
      {
        step: 'b',
        type: 'http',
        method: 'POST',
        url: `${ECHO}/echo`,
        json: '{{ given }}',
        next: 'c',
      },
      {
        step: 'c',
        type: 'transform',
        data: '{{ given | default(a) }}',
        save: saved({ data: { run: '{{ execution_id }}', k: 'all', v: '{{ result }}' } }),
        next: 'end',
      },
      { step: 'end', result: { body: '{{ b.data.body }}', a: '{{ a }}' } },
    ],
    { workload: values },
  )
  expect([status, JSON.parse(result.body), result.a]).toEqual(['COMPLETED', values, values])
  expect((await rowsOf(id)).map(({ v }) => v)).toEqual([values])
})

test('a name means the same in conditions, data, SQL, saves and the end', async () => {
  const all = '{{ execution_id }}/{{ workload.w }}/{{ a.v }}'
  const { id, status, error, result } = await ended(
    [
      START,
      give('a', { v: 5 }, [{ step: 'b', when: `{{ '${all}' != '' }}`, data: { given: all } }]),
      {
        step: 'b',
        ...query(`select '${all}' as sql, $1 as bound, '{{ given }}' as given`, { params: [all] }),
        save: saved({ data: { run: '{{ execution_id }}', k: all } }),
        next: [{ step: 'end', when: `{{ execution_id ~ '/' ~ workload.w ~ '/' ~ a.v == given }}` }],
      },
      { step: 'end', result: { end: all, b: '{{ b.command_0.rows[0] }}' } },
    ],
    { workload: { w: 'w' } },
  )
  const expected = `${id}/w/5`
  expect([status, error]).toEqual(['COMPLETED', null])
  expect(result).toEqual({ end: expected, b: { sql: expected, bound: expected, given: expected } })
  expect((await rowsOf(id)).map(({ k }) => k)).toEqual([expected])
})

test('an undefined name fails the step that mentions it, and says which', async () => {
  const { status, error } = await ended([
    START,
    give('a', { good: '{{ workload }}', bad: '{{ nope.x }}' }, 'end'),
    END,
  ])
  expect(status).toBe('FAILED')
  expect(error).toContain('nope')
})
