// Timeline and graph of executions while they run, when much is in them, and under a condition. What they say of
// each example at its end, examples.test.ts asks.
import { neon } from '@neondatabase/serverless'
import { expect, test } from 'vitest'
import { graphOf } from '../../src/catalog/graph.ts'
import { compilePlaybook } from '../../src/catalog/playbook.ts'
import { spansOf, timeOf } from '../../src/event/timeline.ts'
import { newId } from '../../src/ids.ts'
import { chain, completed, newClient, playbook } from '../support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
const line = (step: object) => `  - ${JSON.stringify(step)}`
const yaml = (...steps: object[]) => playbook(steps.map(line).join('\n'))
// biome-ignore lint/suspicious/noExplicitAny: a test reads into replies and fails where they differ
type Body = any

/** The reply in one round trip. */
async function once(target: string, headers: Record<string, string> = {}) {
  const before = await client.trips()
  const reply = await client.send('GET', target, undefined, { headers })
  expect([target, (await client.trips()) - before]).toEqual([target, 1])
  return reply
}
const graph = async (id: string) => (await once(`/api/executions/${id}/graph`)).body
const timeline = async (id: string, query = '') =>
  (await once(`/api/executions/${id}/timeline${query}`)).body
const states = (body: Body) =>
  Object.fromEntries(body.nodes.map((node: Body) => [node.step, node.status]))
const report = (id: string, node: string, event_type: string, more: object = {}) =>
  client.post('/api/events', {
    ...completed(id, node),
    event_type,
    ...(event_type === 'action_started' && { status: 'STARTED' }),
    ...more,
  })

test('a step waits, runs, waits for its next attempt, and is done', async () => {
  const id = await client.run(await client.register(chain('a', 'b')))
  const span = async () => (await timeline(id)).spans[0]
  expect(states(await graph(id))).toEqual({
    start: 'completed',
    a: 'waiting',
    b: 'pending',
    end: 'pending',
  })
  expect(await span()).toMatchObject({
    node: 'a',
    kind: 'step',
    tool: 'python',
    status: 'waiting',
    end_time: null,
    duration: null,
    waiting_seconds: null,
    attempts: [],
  })
  await report(id, 'a', 'action_started', { worker_id: 'w1', attempt: 1 })
  expect(states(await graph(id)).a).toBe('running')
  expect(await span()).toMatchObject({
    status: 'RUNNING',
    end_time: null,
    waiting_seconds: expect.any(Number),
    attempts: [{ n: 1, status: 'RUNNING', end_time: null, worker: 'w1', error: null }],
  })
  await sql`update noetl.queue set status = 'leased', worker_id = 'w1', lease_until = now() + interval '1 minute',
    action = action || '{"retry": 3}' where execution_id = ${id}`
  await report(id, 'a', 'action_error', { status: 'FAILED', error: 'boom', worker_id: 'w1' })
  expect(states(await graph(id)).a).toBe('waiting')
  expect(await span()).toMatchObject({
    status: 'waiting',
    attempts: [{ n: 1, status: 'FAILED', end_time: expect.any(String), error: 'boom' }],
  })
  await report(id, 'a', 'action_started', { worker_id: 'w1', attempt: 2, context: { again: true } })
  await report(id, 'a', 'action_completed', { worker_id: 'w1' })
  const done = await span()
  expect(done).toMatchObject({
    status: 'COMPLETED',
    attempts: [
      { n: 1, status: 'FAILED' },
      { n: 2, status: 'COMPLETED', error: null },
    ],
  })
  expect(Date.parse(done.end_time) - Date.parse(done.start_time)).toBeCloseTo(
    done.duration * 1000,
    -1,
  )
  expect(await graph(id)).toMatchObject({
    nodes: [{ step: 'start' }, { step: 'a', attempts: 2 }, { step: 'b', status: 'waiting' }, {}],
    edges: [
      { from: 'start', to: 'a', fired: true },
      { from: 'a', to: 'b', fired: true },
      { from: 'b', to: 'end', fired: false },
    ],
  })
})

test('what runs when an execution is cancelled ends with it', async () => {
  const id = await client.run(await client.register(chain('a', 'b')))
  await report(id, 'a', 'action_started')
  await client.post(`/api/executions/${id}/cancel`, {})
  expect(states(await graph(id))).toEqual({
    start: 'completed',
    a: 'failed',
    b: 'unreached',
    end: 'unreached',
  })
  const { execution, spans } = await timeline(id)
  expect(spans).toMatchObject([
    {
      status: 'FAILED',
      end_time: execution.end_time,
      attempts: [{ status: 'FAILED', end_time: execution.end_time }],
    },
  ])
})

test('what failed before it began has a span', async () => {
  const id = await client.run(
    await client.register(
      yaml(
        { step: 'start', next: { step: 'a', data: { x: '{{ 1 / 0 }}' } } },
        { step: 'a', type: 'transform', data: 1, next: 'end' },
        { step: 'end' },
      ),
    ),
  )
  expect((await timeline(id)).spans).toMatchObject([
    { node: 'a', status: 'FAILED', duration: 0, attempts: [] },
  ])
  expect(states(await graph(id)).a).toBe('failed')
})

const eachOf = (size: number, task: object = { type: 'transform', data: '{{ n }}' }) =>
  yaml(
    { step: 'start', next: 'each' },
    {
      step: 'each',
      type: 'iterator',
      collection: `{{ range(${size}) | list }}`,
      element: 'n',
      task,
      next: 'end',
    },
    { step: 'end' },
  )

test('iterations, their saves, and those within them', async () => {
  const data = { dsn: client.env.DATABASE_URL }
  await client.post('/api/credentials', { name: 'charts_pg', type: 'postgres', data })
  const task = {
    type: 'iterator',
    collection: '{{ [1, 2, 3] }}',
    element: 'm',
    task: { type: 'transform', data: '{{ m }}', save: { storage: 'event' } },
  }
  const id = await client.run(await client.register(eachOf(2, task)))
  const { execution, spans } = await timeline(id)
  expect(execution).toMatchObject({ status: 'COMPLETED', now: null })
  expect(spans).toMatchObject([
    {
      node: 'each',
      kind: 'step',
      tool: 'iterator',
      parent: null,
      iterations: { total: 2, done: 2, failed: 0, collapsed: 0 },
    },
    {
      node: 'each[0]',
      step: 'each',
      kind: 'iteration',
      index: 0,
      parent: 'each',
      iterations: { total: 3, done: 3, failed: 0, collapsed: 3 },
    },
    { node: 'each[1]', index: 1, iterations: { collapsed: 3 } },
  ])
  const inner = (await timeline(id, '?expand=each[1]')).spans
  expect(
    inner.map(({ node, kind, tool, parent, index }: Body) => [node, kind, tool, parent, index]),
  ).toEqual(
    [0, 1, 2].flatMap((n) => [
      [`each[1][${n}]`, 'iteration', 'transform', 'each[1]', n],
      [`each[1][${n}][save]`, 'save', 'save', `each[1][${n}]`, null],
    ]),
  )
  expect(inner.map(({ status }: Body) => status)).toEqual(Array(6).fill('COMPLETED'))
  expect((await timeline(id, '?expand=other')).spans).toEqual([])
  expect((await graph(id)).nodes[1]).toMatchObject({
    type: 'iterator',
    iterations: { total: 2, done: 2, failed: 0 },
  })
})

test('a playbook step names the execution that runs for it, as soon as there is one', async () => {
  const inner = chain('work')
  const path = /path: ([^,]+),/.exec(inner)?.[1]
  await client.register(inner)
  const id = await client.run(
    await client.register(
      yaml(
        { step: 'start', next: 'sub' },
        { step: 'sub', type: 'playbook', path, next: 'end' },
        { step: 'end' },
      ),
    ),
  )
  const [child] = (await client.get(`/api/executions?parent_execution_id=${id}`)).body
  expect((await timeline(id)).spans).toMatchObject([
    { node: 'sub', tool: 'playbook', status: 'RUNNING', child_execution_id: child.id },
  ])
  // a child may begin without an event of its parent
  const { headers } = await once(`/api/executions/${id}/timeline`)
  await sql`update noetl.execution set parent_execution_id = null where execution_id = ${child.id}`
  const known = { 'if-none-match': headers.get('etag') ?? '' }
  expect((await once(`/api/executions/${id}/timeline`, known)).status).toBe(200)
})

/** An execution of 10,000 iterations, as its log would be. */
async function large(size: number): Promise<string> {
  const catalogId = await client.register(eachOf(size))
  const id = newId()
  await sql`insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
      progress, last_event_type, ended_at, workload, state)
    values (${id}, ${catalogId}, 'p', 'p', 1, 'playbook', 'COMPLETED', ${4 * size + 6}, 100, 'x', now(), '{}', '{}')`
  await sql`
    insert into noetl.event (execution_id, catalog_id, seq, event_id, event_type, node_id, node_name, node_type,
      status, context, created_at)
    select ${id}::bigint, ${catalogId}::bigint, l.seq, ${id}::bigint + l.seq, l.type, '', l.node, '', l.status,
      l.context, now() + l.seq * interval '1 millisecond'
    from (
      values (1, 'execution_start', 'p', 'STARTED', '{"next": [{"step": "each"}]}'::jsonb),
        (2, 'step_started', 'each', 'RUNNING', '{}'),
        (3, 'iterator_started', 'each', 'RUNNING', jsonb_build_object('total', ${size}::int)),
        (4 * ${size}::int + 4, 'iterator_completed', 'each', 'COMPLETED', '{}'),
        (4 * ${size}::int + 5, 'step_completed', 'each', 'COMPLETED', '{"next": [{"step": "end"}]}'),
        (4 * ${size}::int + 6, 'execution_complete', 'end', 'COMPLETED', '{}')
      union all
      select 4 + 4 * n + k, (array['iteration_started', 'action_started', 'action_completed',
          case when n % 10 = 7 then 'iteration_failed' else 'iteration_completed' end])[k + 1],
        'each[' || n || ']', 'COMPLETED', '{}'
      from generate_series(0, ${size}::int - 1) n, generate_series(0, 3) k
    ) l(seq, type, node, status, context)`
  return id
}

test('ten thousand iterations: the first are shown, the rest counted, and paged where asked for', {
  timeout: 60_000,
}, async () => {
  const id = await large(10_000)
  const first = await once(`/api/executions/${id}/timeline`)
  expect(first.headers.get('link')).toBeNull()
  expect(first.body.spans.map(({ node }: Body) => node)).toEqual([
    'each',
    ...Array.from({ length: 200 }, (_, n) => `each[${n}]`),
  ])
  expect(first.body.spans[0].iterations).toEqual({
    total: 10_000,
    done: 9_000,
    failed: 1_000,
    collapsed: 9_800,
  })
  expect(first.body.spans[8]).toMatchObject({ node: 'each[7]', status: 'FAILED', duration: 0.003 })

  const seen: string[] = []
  let target: string | null = `/api/executions/${id}/timeline?expand=each&limit=2000`
  while (target !== null) {
    const { body, headers } = await once(target)
    seen.push(...body.spans.map(({ node }: Body) => node))
    target = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null
  }
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, n) => `each[${n}]`))
  expect((await graph(id)).nodes[1].iterations).toEqual({
    total: 10_000,
    done: 9_000,
    failed: 1_000,
  })
})

test('pages of spans follow one another without gap or double', async () => {
  const id = await client.run(await client.register(eachOf(7)))
  const whole = (await timeline(id)).spans
  const seen: Body[] = []
  let target: string | null = `/api/executions/${id}/timeline?limit=3`
  for (let page = 0; target !== null; page++) {
    const { body, headers }: Body = await once(target)
    expect(body.spans.length).toBe(page < 2 ? 3 : 2)
    seen.push(...body.spans)
    target = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null
  }
  expect(seen).toEqual(whole)
})

test.each(['timeline', 'graph'])(
  'the %s is read in one round trip by an isolate that does not know the playbook',
  async (chart) => {
    // registered behind its back
    const catalogId = newId()
    const payload = {
      workflow: [
        { step: 'start', next: 'a' },
        { step: 'a', type: 'python', code: 'x' },
      ],
    }
    await sql`insert into noetl.catalog (catalog_id, path, version, kind, content, digest, payload, meta, name, tasks_count)
    values (${catalogId}, ${`behind/${catalogId}`}, 1, 'Playbook', '', '', ${JSON.stringify(payload)}::jsonb, '{}', 'n', 2)`
    const id = newId()
    await sql`insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
      last_event_type, workload, state)
    values (${id}, ${catalogId}, 'p', 'p', 1, 'playbook', 'RUNNING', 2, 'x', '{}', '{}')`
    await sql`insert into noetl.event (execution_id, catalog_id, seq, event_id, event_type, node_id, node_name, node_type, status)
    values (${id}, ${catalogId}, 1, ${newId()}, 'execution_start', '', 'p', '', 'STARTED'),
      (${id}, ${catalogId}, 2, ${newId()}, 'step_started', '', 'a', '', 'RUNNING')`
    for (let time = 0; time < 2; time++) {
      const { body } = await once(`/api/executions/${id}/${chart}`)
      expect(body).toMatchObject(
        chart === 'graph'
          ? { nodes: [{}, { type: 'python', status: 'waiting' }] }
          : { spans: [{ tool: 'python' }] },
      )
    }
  },
)

test.each(['timeline', 'graph'])('the %s is not sent to who has it', async (chart) => {
  const id = await client.run(await client.register(chain('a')))
  const target = `/api/executions/${id}/${chart}`
  const tags: (string | null)[] = []
  for (const end of [false, true]) {
    if (end) await client.post('/api/events', completed(id, 'a'))
    const first = await once(target)
    const tag = first.headers.get('etag') ?? ''
    // while it runs a timeline tells the time
    expect(tag.startsWith('W/')).toBe(chart === 'timeline' && !end)
    const again = await once(target, { 'if-none-match': tag })
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', tag])
    if (!tag.startsWith('W/')) expect((await once(target)).text).toBe(first.text)
    tags.push(tag)
  }
  expect(new Set(tags).size).toBe(2)
})

test('a playbook has a graph without a run', async () => {
  const content = yaml(
    { step: 'start', next: [{ when: '{{ workload.x }}', step: 'a' }, { else: 'b' }] },
    { step: 'a', type: 'http', url: 'https://a.test', next: 'end' },
    { step: 'b', next: 'end' },
    { step: 'end' },
  )
  await client.register(content)
  const path = /path: ([^,]+),/.exec(content)?.[1] ?? ''
  const { body } = await once(`/api/catalog/playbook/graph?playbook_id=${path}`)
  const node = (step: string, type: string) => ({
    step,
    type,
    status: 'pending',
    attempts: 0,
    iterations: null,
  })
  expect(body).toEqual({
    path,
    version: 1,
    execution: null,
    nodes: [node('start', 'start'), node('a', 'http'), node('b', 'route'), node('end', 'end')],
    edges: [
      { from: 'start', to: 'a', when: 'workload.x', else: false, fired: false },
      { from: 'start', to: 'b', when: null, else: true, fired: false },
      { from: 'a', to: 'end', when: null, else: false, fired: false },
      { from: 'b', to: 'end', when: null, else: false, fired: false },
    ],
  })
})

const steps = compilePlaybook({
  workflow: [
    { step: 'start', next: 'a' },
    { step: 'a', type: 'python', code: 'x', save: { storage: 'event' }, next: 'end' },
    { step: 'end' },
  ],
})

test('times are as the database writes them', () => {
  expect(timeOf(1_795_669_481_000_007)).toBe('2026-11-26T05:04:41.000007Z')
})

test('a save that never ended ends with its step, though that is not of the page', () => {
  const folded = spansOf({
    nodes: ['a[save]'],
    events: [
      ['a', 'step_started', 1_000_000, null, null, null, null],
      ['a[save]', 'save_started', 2_000_000, null, null, null, null],
      ['a[save]', 'action_started', 2_500_000, 1, 'w', null, null],
      ['a[save]', 'action_error', 3_000_000, 1, null, 'no luck', null],
      ['a', 'step_failed', 3_000_000, null, null, 'no luck', null],
    ],
    counts: {},
    children: {},
    endedAt: null,
    playbook: steps,
    expanded: null,
  })
  expect(folded).toMatchObject([
    {
      kind: 'save',
      tool: 'save',
      parent: 'a',
      status: 'FAILED',
      duration: 1,
      waiting_seconds: 0.5,
      attempts: [{ worker: 'w', error: 'no luck' }],
    },
  ])
})

test('reports from before a step began, and such as come twice, are no attempts', () => {
  const [span] = spansOf({
    nodes: ['a'],
    events: [
      ['a', 'action_completed', 1, null, null, null, null],
      ['a', 'step_started', 1_000_000, null, null, null, null],
      ['a', 'action_started', 1_000_000, 1, null, null, null],
      ['a', 'action_completed', 2_000_000, 1, null, null, null],
      ['a', 'action_completed', 3_000_000, 1, null, null, null],
    ],
    counts: {},
    children: {},
    endedAt: null,
    playbook: steps,
    expanded: null,
  })
  expect(span).toMatchObject({
    start_time: timeOf(1_000_000),
    attempts: [{ n: 1, end_time: timeOf(2_000_000) }],
  })
  expect(span?.attempts.length).toBe(1)
})

test('an action that was put off goes on; one whose lease was lost has failed', () => {
  const [put, lost] = spansOf({
    nodes: ['a', 'b'],
    events: [
      ['a', 'step_started', 1, null, null, null, null],
      ['a', 'action_started', 1, 1, null, null, null],
      ['a', 'action_waiting', 2, null, null, null, null],
      ['b', 'step_started', 3, null, null, null, null],
      ['b', 'action_started', 3, 1, 'w1', null, null],
      ['b', 'action_started', 5, 2, 'w2', null, null],
      ['b', 'action_completed', 6, 2, 'w2', null, null],
      ['b', 'step_completed', 6, null, null, null, null],
      ['a', 'action_started', 7, 2, null, null, null],
      ['a', 'action_completed', 8, 2, null, null, null],
      ['a', 'step_completed', 8, null, null, null, null],
    ],
    counts: {},
    children: {},
    endedAt: 9,
    playbook: steps,
    expanded: null,
  })
  expect(put?.attempts).toMatchObject([
    { n: 1, start_time: timeOf(1), end_time: timeOf(8), status: 'COMPLETED' },
  ])
  expect(lost?.attempts).toMatchObject([
    { n: 1, end_time: timeOf(5), status: 'FAILED', worker: 'w1' },
    { n: 2, start_time: timeOf(5), end_time: timeOf(6), status: 'COMPLETED', worker: 'w2' },
  ])
  const attempts = (started: number, waiting: number) =>
    graphOf(steps, {
      status: 'RUNNING',
      facts: [
        ['a', 'step_started', 1, null],
        ['a', 'action_started', started, null],
        ['a', 'action_waiting', waiting, null],
      ],
      counts: {},
    }).nodes.find(({ step }) => step === 'a')?.attempts
  expect([attempts(1, 1), attempts(2, 1), attempts(3, 1)]).toEqual([1, 1, 2])
})

test('an end that is fired waits for the others; one that nothing fired is not reached', () => {
  const run = (status: 'RUNNING' | 'COMPLETED', next: string[]) =>
    graphOf(steps, {
      status,
      facts: [
        ['p', 'execution_start', 1, ['a']],
        ['a', 'step_started', 1, null],
        ['a', 'step_completed', 1, next],
      ],
      counts: {},
    }).nodes.map((node) => node.status)
  expect(run('RUNNING', ['end'])).toEqual(['completed', 'completed', 'waiting'])
  expect(run('RUNNING', [])).toEqual(['completed', 'completed', 'pending'])
  expect(run('COMPLETED', ['end'])).toEqual(['completed', 'completed', 'completed'])
  expect(run('COMPLETED', [])).toEqual(['completed', 'completed', 'unreached'])
})
