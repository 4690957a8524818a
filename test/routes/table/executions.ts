// Starting executions, reading them and their events, and stopping them.
import { expect } from 'vitest'
import { completed } from '../../support.ts'
import { bad, good } from '../line.ts'
import type { Shape } from '../shape.ts'
import * as world from '../world.ts'

const { NOBODY } = world

const RUN = {
  execution_id: 'id',
  id: 'id',
  catalog_id: 'id',
  path: 'text',
  playbook_id: 'text',
  playbook_name: 'text',
  version: '=1',
  type: '=playbook',
  execution_type: '=playbook',
  status: '=running',
  timestamp: '=',
  start_time: null,
  end_time: null,
  progress: 0,
  result: null,
  error: null,
}

const HEAD = {
  id: 'id',
  playbook_id: 'text',
  playbook_name: 'text',
  status: 'status',
  start_time: 'local',
  progress: 'int',
  result: 'any',
  error: 'text|null',
}

const EVENT = {
  event_id: 'id',
  event_type: 'text',
  node_id: 'text',
  node_name: 'text',
  node_type: 'text',
  status: 'status',
  duration: 'number',
  created_at: 'local',
  context: 'object',
  result: 'any',
  meta: 'object',
  error: 'text|null',
  catalog_id: 'int64',
  execution_id: 'id',
  timestamp: 'local',
  metadata: 'object',
}

/** The log's routes leave this one id as it is. */
const RAW_EVENT = { ...EVENT, event_id: 'int64' }

const ONE_EVENT: Shape = {
  events: [
    {
      event_id: 'id',
      event_type: 'text',
      node_id: 'text',
      node_name: 'text',
      node_type: 'text',
      status: 'status',
      duration: 'number',
      timestamp: 'local',
      context: 'object',
      result: 'any',
      metadata: 'object',
      error: 'text|null',
      stack_trace: 'text|null',
      execution_id: 'id',
      catalog_id: 'int64',
      resource_path: null,
      resource_version: null,
      input_context: 'object',
      output_result: 'any',
    },
  ],
}

const SEVEN = [
  'execution_start',
  'step_started',
  'action_started',
  'action_completed',
  'step_completed',
  'execution_complete',
  'step_result',
]

const types = (names: readonly string[]) => ({
  events: names.map((event_type) => ({ event_type })),
})

const runs = ['POST /api/executions/run', 'POST /api/execute'].flatMap((on) => [
  bad(on, 'under a key that has started another', {
    given: async () => {
      const { path } = await world.registered()
      const key = world.fresh('key')
      await world.must('POST', '/api/execute', { path }, { 'idempotency-key': key })
      return { path, key }
    },
    send: ({ path, key }) => ({
      body: { path, parameters: { n: 2 } },
      headers: { 'idempotency-key': key },
    }),
    code: 'conflict',
    detail: 'this Idempotency-Key was sent with another request',
  }),
  good(on, {
    as: 'by path',
    given: world.registered,
    send: ({ path }) => ({ body: { path, parameters: { n: 1 } } }),
    reply: RUN,
    is: ({ path, catalog_id }) => ({
      catalog_id,
      path,
      playbook_id: path,
      playbook_name: 'p',
    }),
  }),
  good(on, {
    as: 'with whom to tell of its end',
    given: world.registered,
    send: ({ path }) => ({
      body: {
        path,
        notify: ['https://a.example/x', { url: 'https://b.example', credential: 'c' }],
      },
    }),
    reply: RUN,
  }),
  bad(on, 'with whom nobody can tell', {
    send: { body: { path: 'p', notify: ['https://a.example/x', 'b.example'] } },
    code: 'invalid_input',
    detail: /^invalid body: \/notify\/1 a target is an http or https address/,
    pointers: ['/notify/1'],
  }),
  good(on, {
    as: 'as the page and the command line send it',
    given: world.registered,
    send: ({ path }) => ({ body: { playbook_id: path, parameters: {}, merge: false } }),
    reply: RUN,
  }),
  good(on, {
    as: 'by a bare id, with what else NoETL takes',
    given: world.registered,
    send: ({ catalog_id }) => ({
      body: {
        catalog_id: BigInt(catalog_id),
        version: 1,
        execution_type: 'playbook',
        input_payload: {},
        merge: true,
        context: { parent_execution_id: BigInt(NOBODY), parent_event_id: null, parent_step: 's' },
        metadata: {},
      },
    }),
    reply: RUN,
  }),
  good(on, {
    as: 'as the command line executes it',
    given: world.registered,
    send: ({ path }) => ({
      body: { path, version: '1', input_payload: {}, sync_to_postgres: false, merge: false },
    }),
    reply: {
      ...RUN,
      result: {
        status: '=success',
        message: 'text',
        result: { status: '=queued' },
        execution_id: 'id',
        export_path: null,
      },
    },
    is: ({ path }) => ({
      result: { message: `Execution accepted for playbooks '${path}' version '1'.` },
    }),
  }),
  bad(on, 'without a name', {
    send: { body: { parameters: {} } },
    code: 'invalid_input',
    detail: /At least one identifier must be provided: catalog_id, path, or playbook_id/,
    pointers: [''],
  }),
  bad(on, 'of wrong types', {
    send: { body: { path: 7, merge: 'maybe', parameters: [] } },
    code: 'invalid_input',
    detail: /^invalid body: \/path /,
    pointers: ['/path', '/parameters', '/merge'],
  }),
  bad(on, 'of an unknown path', {
    send: { body: { path: 'no/such' } },
    code: 'not_found',
    detail: "No catalog entries found for path 'no/such'",
  }),
  bad(on, 'of an unknown version', {
    given: world.registered,
    send: ({ path }) => ({ body: { path, version: 9 } }),
    code: 'not_found',
    detail: /^Catalog entry 'test\/.*' with version '9' not found$/,
  }),
  bad(on, 'of an unknown id', {
    send: { body: { catalog_id: NOBODY } },
    code: 'not_found',
    detail: `Catalog entry with ID '${NOBODY}' not found`,
  }),
  bad(on, 'of an id that is none', {
    was: 500,
    send: { body: { catalog_id: 'x' } },
    code: 'not_found',
    detail: "Catalog entry with ID 'x' not found",
  }),
])

/** Two runs of one playbook, the result of the second too large for a list. */
async function two() {
  const playbook = await world.registered()
  const small = await world.ended({ said: 'hello' }, playbook)
  await world.ended({ said: Array.from({ length: 400 }, () => crypto.randomUUID()) }, playbook)
  return small
}

const DATA_ROUTES = [
  { on: 'GET /api/execution/data/{execution_id}', event: RAW_EVENT, missing: 'Execution' },
  { on: 'GET /api/events/by-execution/{execution_id}', event: EVENT, missing: 'events' },
  { on: 'GET /api/events/{event_id}', event: RAW_EVENT, missing: 'Event' },
].flatMap(({ on, event, missing }) => {
  const detail = (id: string) =>
    missing === 'events'
      ? `No events found for execution '${id}'.`
      : `${missing} '${id}' not found.`
  const named = (id: string) => ({ params: { execution_id: id, event_id: id } })
  return [
    good(on, {
      given: world.ended,
      send: ({ id, event_id }) => named(on.includes('{event_id}') ? event_id : id),
      reply: { events: [event] },
      is: types(SEVEN),
    }),
    good(on, {
      as: 'by the id of the other kind',
      given: world.ended,
      send: ({ id, event_id }) => named(on.includes('{event_id}') ? id : event_id),
      reply: { events: [event] },
      is: types(SEVEN),
    }),
    bad(on, 'of an unknown id', {
      send: named(NOBODY),
      code: 'not_found',
      detail: detail(NOBODY),
    }),
    bad(on, 'of an id that is none', { send: named('x'), code: 'not_found', detail: detail('x') }),
    bad(on, 'with a limit that is none', {
      given: world.running,
      send: ({ id }) => ({ ...named(id), query: { limit: 'many', after: -1 } }),
      code: 'invalid_input',
      detail: /^invalid query: /,
      pointers: ['/after', '/limit'],
    }),
  ]
})

const ONE_ROUTES = [
  {
    on: 'GET /api/events/by-id/{event_id}',
    named: (event_id: string) => ({ params: { event_id } }),
  },
  { on: 'GET /api/events/query', named: (event_id: string) => ({ query: { event_id } }) },
].flatMap(({ on, named }) => [
  good(on, {
    was: 404,
    given: world.ended,
    send: ({ event_id }) => named(event_id),
    reply: ONE_EVENT,
    is: ({ event_id, id }) => ({
      events: [{ event_id, execution_id: id, event_type: 'action_started' }],
    }),
  }),
  bad(on, 'of an unknown id', {
    send: named(NOBODY),
    code: 'not_found',
    detail: `Event '${NOBODY}' not found.`,
  }),
])

/** What a worker sends, its ids as bare integers. */
const reportOf = ({ id, catalog_id }: { id: string; catalog_id: string }) => ({
  ...completed(id, 'work', { n: 1 }),
  execution_id: BigInt(id),
  catalog_id: BigInt(catalog_id),
  meta: { worker_pool: 'pool', worker_runtime: 'cpu' },
})

const reports = [
  good('POST /api/events', {
    as: 'as a worker sends it',
    given: world.leased,
    send: (lease) => ({ body: reportOf(lease) }),
    reply: {
      execution_id: 'int64',
      catalog_id: 'int64',
      event_type: '=action_completed',
      status: '=COMPLETED',
      node_id: 'text',
      node_name: '=work',
      node_type: '=task',
      result: { id: '=r', status: '=success', data: { n: 1 } },
      meta: { worker_pool: '=pool', worker_runtime: '=cpu' },
      event_id: 'id',
      trigger_event_id: 'id',
    },
  }),
  good('POST /api/events', {
    as: 'in any spelling of a status, with fields of its own',
    given: world.running,
    send: ({ id }) => ({
      body: {
        execution_id: id,
        event_type: 'custom',
        status: 'completed',
        node_name: 'zz',
        own: [1],
      },
    }),
    reply: {
      execution_id: 'id',
      event_type: '=custom',
      status: '=completed',
      node_name: '=zz',
      own: ['int'],
      event_id: 'id',
      trigger_event_id: 'id',
    },
  }),
  bad('POST /api/events', 'a list', {
    was: 500,
    send: { body: [] },
    code: 'invalid_input',
    detail: /^invalid body: \/ /,
    pointers: [''],
  }),
  bad('POST /api/events', 'without an execution or a type', {
    was: 500,
    send: { body: {} },
    code: 'invalid_input',
    detail: /^invalid body: \/execution_id /,
    pointers: ['/execution_id', '/event_type'],
  }),
  bad('POST /api/events', 'with an unknown status', {
    was: 200,
    given: world.running,
    send: ({ id }) => ({ body: { execution_id: id, event_type: 'custom', status: 'banana' } }),
    code: 'invalid_input',
    detail: "invalid body: /status unknown status 'banana'",
    pointers: ['/status'],
  }),
  bad('POST /api/events', 'in the name of the evaluator', {
    was: 200,
    given: world.running,
    send: ({ id }) => ({ body: { execution_id: id, event_type: 'execution_complete' } }),
    code: 'invalid_input',
    detail: 'invalid body: /event_type is written by the evaluator and cannot be posted',
    pointers: ['/event_type'],
  }),
  bad('POST /api/events', 'of an unknown execution', {
    was: 500,
    send: { body: { execution_id: NOBODY, event_type: 'custom' } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
  bad('POST /api/events', 'another event under the same id', {
    was: 200,
    given: world.ended,
    send: ({ id, event_id }) => ({ body: { execution_id: id, event_id, event_type: 'custom' } }),
    code: 'conflict',
    detail: /^event \d+ is in the log with another body$/,
  }),
  bad('POST /api/events', 'of a job that another has leased', {
    was: 200,
    given: world.leased,
    send: (lease) => ({ body: { ...reportOf(lease), worker_id: 'w2' } }),
    code: 'lease_lost',
    detail: "the job of 'work' is leased to another",
  }),
]

const STOPPED = {
  status: '=ok',
  message: 'text',
  execution_id: 'id',
  execution_status: '=FAILED',
}

const stops = [
  { on: 'POST /api/executions/{execution_id}/stop', was: { was: 404 } },
  { on: 'POST /api/executions/{execution_id}/cancel', was: {} },
].flatMap(({ on, was }) => [
  good(on, {
    ...was,
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: STOPPED,
    is: ({ id }) => ({ execution_id: id }),
  }),
  good(on, {
    ...was,
    as: 'with a reason',
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id }, body: { reason: 'enough' } }),
    reply: STOPPED,
  }),
  bad(on, 'of an unknown id', {
    send: { params: { execution_id: NOBODY } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
  bad(on, 'of one that has ended', {
    given: world.ended,
    send: ({ id }) => ({ params: { execution_id: id } }),
    code: 'conflict',
    detail: /has ended already: COMPLETED$/,
  }),
  bad(on, 'with a reason that is no text', {
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id }, body: { reason: 7 } }),
    code: 'invalid_input',
    detail: /^invalid body: \/reason /,
    pointers: ['/reason'],
  }),
])

const pauses = [
  { on: 'POST /api/executions/{execution_id}/pause', status: 'PAUSED' },
  { on: 'POST /api/executions/{execution_id}/resume', status: 'RUNNING' },
].flatMap(({ on, status }) => [
  good(on, {
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: { ...STOPPED, execution_status: `=${status}` },
    is: ({ id }) => ({ execution_id: id }),
  }),
  bad(on, 'of an unknown id', {
    send: { params: { execution_id: NOBODY } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
  bad(on, 'of one that has ended', {
    given: world.ended,
    send: ({ id }) => ({ params: { execution_id: id } }),
    code: 'conflict',
    detail: /has ended already: COMPLETED$/,
  }),
])

const triggers = [
  { on: 'POST /api/broker/evaluate/{execution_id}', said: 'Orchestration evaluation triggered' },
  { on: 'POST /api/iterator/complete/{execution_id}', said: 'Iterator completion check triggered' },
].flatMap(({ on, said }) => [
  good(on, {
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: { status: '=success', message: 'text' },
    is: ({ id }) => ({ message: `${said} for execution ${id}` }),
  }),
  bad(on, 'of an unknown id', {
    send: { params: { execution_id: NOBODY } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
])

const LIST = 'GET /api/executions'
const DETAIL = 'GET /api/executions/{execution_id}'
const SUMMARY = 'GET /api/events/summary/{execution_id}'
const RENDER = 'POST /api/context/render'
const RESULTS = 'GET /api/aggregate/loop/results'
const CONFIG = 'POST /api/workflow/config'

const SUMMARY_REPLY = {
  status: '=ok',
  summary: {
    execution_id: 'text',
    counts: { '*': 'int' },
    skipped: 0,
    errors: 'list',
  },
}

export const executions = [
  ...runs,
  good(LIST, {
    given: two,
    send: ({ path }) => ({ query: { path } }),
    reply: [{ ...HEAD, end_time: null, duration: null }],
    is: ({ id, path }) => [
      { playbook_id: path, status: 'COMPLETED', progress: 100, result: null },
      { id, playbook_name: 'p', status: 'COMPLETED', progress: 100, error: null },
    ],
  }),
  good(LIST, {
    as: 'with a result that compresses well',
    given: () => world.ended({ said: 'x'.repeat(9_000) }),
    send: ({ path }) => ({ query: { path } }),
    reply: [{ ...HEAD, end_time: null, duration: null }],
    is: [{ result: null, result_omitted: true }],
  }),
  good(LIST, {
    as: 'of all',
    given: world.running,
    reply: [
      { ...HEAD, end_time: 'any', duration: 'any', 'result_omitted?': 'bool', 'labels?': 'object' },
    ],
  }),
  good(LIST, {
    as: 'of a label, by duration, counted',
    given: async () => {
      const { path } = await world.registered()
      const tenant = world.fresh('tenant')
      const labels = { tenant }
      const { execution_id } = await world.must('POST', '/api/execute', { path, labels })
      return { id: String(execution_id), path, labels }
    },
    send: ({ path, labels }) => ({
      query: { label: `tenant:${labels.tenant}`, q: path, sort: '-duration', count: 'true' },
    }),
    reply: [{ ...HEAD, end_time: null, duration: null }],
    is: ({ id, labels }) => [{ id, labels }],
  }),
  bad(LIST, 'with filters that are none', {
    send: { query: { limit: 0, sort: 'name', since: 'yesterday', catalog_id: '-1' } },
    code: 'invalid_input',
    detail: /^invalid query: \/limit /,
    pointers: ['/limit', '/sort', '/catalog_id', '/since'],
  }),
  bad(LIST, 'with the cursor of another sort', {
    send: { query: { sort: 'duration', cursor: NOBODY } },
    code: 'invalid_input',
    detail: 'not a cursor of this sort',
    pointers: ['/cursor'],
  }),
  bad(LIST, 'in two orders', {
    send: { query: { sort: '-ended', order: 'asc' } },
    code: 'invalid_input',
    detail: 'either `-` before sort, or order',
    pointers: ['/order'],
  }),
  bad(LIST, 'with a label that is none', {
    send: { query: { label: 'tenant' } },
    code: 'invalid_input',
    detail: "'tenant' is not key:value",
    pointers: ['/label'],
  }),
  bad(LIST, 'with an unknown status', {
    send: { query: { status: 'banana' } },
    code: 'invalid_input',
    detail: /unknown status 'banana'/,
    pointers: ['/status'],
  }),
  good(DETAIL, {
    given: world.ended,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: {
      ...HEAD,
      end_time: 'local',
      duration: 'number',
      events: [EVENT],
      requestor: { ip: '=192.0.2.1', user_agent: '=routes/1', timestamp: 'local', caller: '=open' },
    },
    is: ({ id, path }) => ({
      id,
      playbook_id: path,
      playbook_name: 'p',
      status: 'COMPLETED',
      progress: 100,
      result: { said: 'hello' },
      error: null,
      ...types(SEVEN),
    }),
  }),
  good(DETAIL, {
    as: 'of one that runs',
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: {
      ...HEAD,
      end_time: null,
      duration: 'number',
      events: [EVENT],
      requestor: { ip: 'text', user_agent: 'text', timestamp: 'local', caller: 'text' },
    },
    is: {
      status: 'RUNNING',
      progress: 0,
      waiting_for: [{ type: 'python', jobs: 1 }],
      ...types(SEVEN.slice(0, 2)),
    },
  }),
  ...[NOBODY, 'x'].map((id) =>
    bad(DETAIL, `of ${id}`, {
      send: { params: { execution_id: id } },
      code: 'not_found',
      detail: `Execution '${id}' not found.`,
    }),
  ),
  bad(DETAIL, 'with a limit that is none', {
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id }, query: { limit: 10_001 } }),
    code: 'invalid_input',
    detail: /^invalid query: \/limit /,
    pointers: ['/limit'],
  }),
  ...DATA_ROUTES,
  good(SUMMARY, {
    given: world.failed,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: {
      ...SUMMARY_REPLY,
      summary: {
        ...SUMMARY_REPLY.summary,
        errors: [{ node_name: '=work', error: '=no luck', created_at: 'local' }],
      },
    },
    is: ({ id }) => ({
      summary: {
        execution_id: id,
        counts: { execution_start: 1, step_started: 1, action_error: 1, execution_failed: 1 },
      },
    }),
  }),
  good(SUMMARY, {
    as: 'of an unknown id',
    send: { params: { execution_id: NOBODY } },
    reply: SUMMARY_REPLY,
    is: { summary: { execution_id: NOBODY, counts: {}, errors: [] } },
  }),
  good(SUMMARY, {
    as: 'of an id that is none',
    was: 500,
    send: { params: { execution_id: 'x' } },
    reply: SUMMARY_REPLY,
    is: { summary: { execution_id: 'x', counts: {}, errors: [] } },
  }),
  bad(SUMMARY, 'with a version that is none', {
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id }, query: { min_version: 'x' } }),
    code: 'invalid_input',
    detail: /^invalid query: \/min_version /,
    pointers: ['/min_version'],
  }),
  ...ONE_ROUTES,
  bad('GET /api/events/query', 'without an id', {
    send: {},
    code: 'invalid_input',
    detail: /^invalid query: \/event_id /,
    pointers: ['/event_id'],
  }),
  ...reports,
  ...stops,
  ...pauses,
  ...triggers,
  good(CONFIG, {
    given: world.running,
    send: ({ id, path }) => ({
      body: { steps: [], config: { execution_id: id, playbook_path: path } },
    }),
    reply: { status: '=ok', persisted: true },
  }),
  good(CONFIG, {
    as: 'without an execution',
    send: { body: { steps: [], config: {} } },
    reply: { status: '=ignored', reason: '=missing execution_id' },
  }),
  bad(CONFIG, 'of an unknown execution', {
    send: { body: { steps: [], config: { execution_id: NOBODY } } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
  bad(CONFIG, 'of an id that is none', {
    send: { body: { config: { execution_id: 'x' } } },
    code: 'invalid_input',
    detail: /^invalid body: \/config\/execution_id /,
    pointers: ['/config/execution_id'],
  }),
  good(RENDER, {
    as: 'a job, as a worker sends it',
    given: world.leased,
    send: ({ job }) => ({
      body: {
        execution_id: BigInt(job.execution_id),
        template: { work: job.context, task: job.action, other: '{{ workload.n }}' },
        extra_context: { env: { HOME: '/root' }, job: { id: BigInt(job.queue_id), uuid: 'u' } },
        strict: true,
      },
    }),
    reply: {
      status: '=ok',
      rendered: {
        work: {
          workload: { n: 1 },
          step_name: '=work',
          path: 'text',
          version: '=1',
          catalog_id: 'int64',
          _meta: { requestor: 'object' },
        },
        task: { name: '=work', type: '=python', code_b64: 'text' },
        other: '={{ workload.n }}',
      },
      context_keys: ['text'],
    },
    is: {
      context_keys: expect.arrayContaining([
        'work',
        'workload',
        'results',
        'context',
        'n',
        'env',
        'job',
      ]),
    },
  }),
  good(RENDER, {
    as: 'a text',
    given: world.running,
    send: ({ id }) => ({
      body: { execution_id: id, template: '{{ workload.n }}', extra_context: null },
    }),
    reply: { status: '=ok', rendered: 1, context_keys: ['text'] },
  }),
  bad(RENDER, 'without an execution', {
    was: 400,
    send: { body: { template: 'x' } },
    code: 'invalid_input',
    detail: /^invalid body: \/execution_id /,
    pointers: ['/execution_id'],
  }),
  bad(RENDER, 'without a template', {
    was: 400,
    given: world.running,
    send: ({ id }) => ({ body: { execution_id: id } }),
    code: 'invalid_input',
    detail: 'invalid body: /template template is required',
    pointers: ['/template'],
  }),
  bad(RENDER, 'for an unknown execution', {
    send: { body: { execution_id: NOBODY, template: 'x' } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
  good(RESULTS, {
    was: 500,
    given: async () => {
      const execution = await world.running()
      for (const current_index of [1, 0]) {
        await world.must('POST', '/api/events', {
          execution_id: execution.id,
          event_type: 'action_completed',
          status: 'COMPLETED',
          node_name: 'work',
          current_index,
          result: { n: current_index },
        })
      }
      return execution
    },
    send: ({ id }) => ({ query: { execution_id: id, step_name: 'work' } }),
    reply: { status: '=ok', results: [{ n: 'int' }], count: 2, method: '=loop_metadata' },
    is: { results: [{ n: 0 }, { n: 1 }] },
  }),
  bad(RESULTS, 'without a step', {
    send: { query: { execution_id: NOBODY } },
    code: 'invalid_input',
    detail: /^invalid query: \/step_name /,
    pointers: ['/step_name'],
  }),
  bad(RESULTS, 'of an unknown execution', {
    send: { query: { execution_id: NOBODY, step_name: 'work' } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
]
