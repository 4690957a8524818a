// The queue, as workers use it.
import { bad, good } from '../line.ts'
import type { Shape } from '../shape.ts'
import * as world from '../world.ts'

const { NOBODY } = world

/** All columns of NoETL's queue. */
const JOB = {
  queue_id: 'int64',
  execution_id: 'int64',
  catalog_id: 'int64',
  node_id: 'text',
  action: 'json',
  context: {
    workload: { n: 1 },
    step_name: '=work',
    path: 'text',
    version: '=1',
    catalog_id: 'int64',
    _meta: {
      requestor: { ip: '=192.0.2.1', user_agent: '=routes/1', timestamp: 'local' },
    },
  },
  status: '=leased',
  priority: 'int',
  attempts: 1,
  max_attempts: 3,
  available_at: 'utc',
  lease_until: 'utc',
  worker_id: '=w1',
  last_heartbeat: 'utc',
  created_at: 'utc',
  updated_at: 'utc',
  parent_execution_id: null,
  parent_event_id: null,
  event_id: null,
  node_name: null,
  node_type: null,
} satisfies Shape

const QUEUED = {
  ...JOB,
  status: '=queued',
  attempts: 0,
  lease_until: null,
  worker_id: null,
  last_heartbeat: null,
}

const LEASE = 'POST /api/queue/lease'
const RESERVE = 'POST /api/queue/reserve'
const QUEUE = 'GET /api/queue'
const ENQUEUE = 'POST /api/queue/enqueue'
const ACK = 'POST /api/queue/ack'
const NACK = 'POST /api/queue/nack'
const REAP = 'POST /api/queue/reap-expired'
const COMPLETE = 'POST /api/queue/{queue_id}/complete'
const FAIL = 'POST /api/queue/{queue_id}/fail'
const HEARTBEAT = 'POST /api/queue/{queue_id}/heartbeat'
const REDRIVE = 'POST /api/queue/{queue_id}/redrive'

const ASK = { worker_id: 'w1', lease_seconds: 60 }

const leases = [
  { on: LEASE, status: { status: '=ok' }, was: { was: 400 } },
  { on: RESERVE, status: {}, was: {} },
].flatMap(({ on, status, was }) => [
  good(on, {
    ...(on === RESERVE && { was: 500 }),
    given: world.running,
    send: { body: ASK },
    reply: { ...status, job: JOB },
    is: ({ id, node, catalog_id }) => ({ job: { execution_id: id, catalog_id, node_id: node } }),
  }),
  good(on, {
    ...(on === RESERVE && { was: 500 }),
    as: 'when there is nothing',
    send: { body: { ...ASK, capabilities: ['nobody has this'] } },
    reply: { ...(on === LEASE && { status: '=empty' }), job: null },
  }),
  bad(on, 'without a worker', {
    ...was,
    send: { body: {} },
    code: 'invalid_input',
    detail: /^invalid body: \/worker_id /,
    pointers: ['/worker_id'],
  }),
  bad(on, 'of wrong types', {
    send: { body: { worker_id: '', lease_seconds: 'long', capabilities: 'python' } },
    code: 'invalid_input',
    detail: /^invalid body: \/worker_id /,
    pointers: ['/worker_id', '/lease_seconds', '/capabilities'],
  }),
])

type Lease = Awaited<ReturnType<typeof world.leased>>

const queueId = ({ job }: Lease) => ({ queue_id: String(job.queue_id) })

/** What ends a lease or puts off its end: by path, as workers do; and by body. */
const endings = [
  { on: COMPLETE, body: {} },
  { on: FAIL, body: {} },
  { on: HEARTBEAT, body: {} },
].flatMap(({ on, body }) => [
  bad(on, 'of an unknown id', {
    ...(on === FAIL && { was: 500 }),
    send: { params: { queue_id: NOBODY }, body },
    code: 'not_found',
    detail: 'job not found',
  }),
  bad(on, 'of an id that is none', {
    ...(on === FAIL && { was: 500 }),
    send: { params: { queue_id: 'x' }, body },
    code: 'not_found',
    detail: 'job not found',
  }),
  bad(on, 'by another worker', {
    was: 200,
    given: world.leased,
    send: (lease) => ({ params: queueId(lease), body: { worker_id: 'w2' } }),
    code: 'lease_lost',
    detail: /^the job is leased, and not by this worker$/,
  }),
  bad(on, 'with a worker that is no text', {
    given: world.leased,
    send: (lease) => ({ params: queueId(lease), body: { worker_id: 7 } }),
    code: 'invalid_input',
    detail: /^invalid body: \/worker_id /,
    pointers: ['/worker_id'],
  }),
])

const DONE = { status: '=ok', id: 'int64' }
const sameId = ({ job }: Lease) => ({ id: job.queue_id })

export const queue = [
  ...leases,
  good(COMPLETE, {
    as: 'without a body, as workers do',
    given: world.leased,
    send: (lease) => ({ params: queueId(lease) }),
    reply: DONE,
    is: sameId,
  }),
  good(COMPLETE, {
    as: 'with the name of the worker',
    given: world.leased,
    send: (lease) => ({ params: queueId(lease), body: { worker_id: 'w1' } }),
    reply: DONE,
    is: sameId,
  }),
  good(FAIL, {
    as: 'to be tried again',
    given: world.leased,
    send: (lease) => ({
      params: queueId(lease),
      body: { retry: true, retry_delay_seconds: 60 },
    }),
    reply: DONE,
    is: sameId,
  }),
  good(FAIL, {
    as: 'for good',
    given: world.leased,
    send: (lease) => ({ params: queueId(lease), body: { retry: false } }),
    reply: DONE,
    is: sameId,
  }),
  good(FAIL, {
    as: 'without a body',
    was: 404,
    given: world.leased,
    send: (lease) => ({ params: queueId(lease) }),
    reply: DONE,
    is: sameId,
  }),
  good(HEARTBEAT, {
    given: world.leased,
    send: (lease) => ({ params: queueId(lease), body: { worker_id: 'w1', extend_seconds: 30 } }),
    reply: DONE,
    is: sameId,
  }),
  ...endings,
  good(QUEUE, {
    given: world.running,
    send: ({ id }) => ({ query: { execution_id: id } }),
    reply: { status: '=ok', items: [QUEUED] },
    is: ({ node, catalog_id }) => ({ items: [{ node_id: node, catalog_id }] }),
  }),
  good(QUEUE, {
    as: 'by status and worker',
    given: world.leased,
    send: ({ id }) => ({
      query: { status: 'leased', worker_id: 'w1', execution_id: id, limit: 100 },
    }),
    reply: { status: '=ok', items: [JOB] },
    is: ({ job }) => ({ items: [job] }),
  }),
  bad(QUEUE, 'with filters that are none', {
    send: { query: { status: 'lost', execution_id: 'x', limit: 0 } },
    code: 'invalid_input',
    detail: /^invalid query: \/status /,
    pointers: ['/status', '/execution_id', '/limit'],
  }),
  ...['GET /api/queue/size', 'GET /api/jobs/queue/size'].flatMap((on) => [
    good(on, {
      given: world.running,
      send: { query: { status: 'queued' } },
      reply: { status: '=ok', count: 'int' },
    }),
    good(on, { as: 'of what is queued', reply: { status: '=ok', count: 'int' } }),
    bad(on, 'of an unknown status', {
      send: { query: { status: 'lost' } },
      code: 'invalid_input',
      detail: /^invalid query: \/status /,
      pointers: ['/status'],
    }),
  ]),
  good(ENQUEUE, {
    given: world.running,
    send: ({ id }) => ({
      body: {
        execution_id: BigInt(id),
        node_id: `${id}:more`,
        action: JSON.stringify({ name: 'more', type: 'python', code: 'x' }),
        input_context: { a: 1 },
        priority: 1,
        max_attempts: 2,
        available_at: '2026-11-23T12:00:00',
      },
    }),
    reply: DONE,
  }),
  good(ENQUEUE, {
    as: 'a node that has a job',
    given: world.running,
    send: ({ id, node }) => ({ body: { execution_id: id, node_id: node, action: { type: 'x' } } }),
    reply: { status: '=ok', id: null },
  }),
  bad(ENQUEUE, 'without what it needs', {
    was: 400,
    send: { body: {} },
    code: 'invalid_input',
    detail: /^invalid body: \/execution_id /,
    pointers: ['/execution_id', '/node_id', '/action'],
  }),
  bad(ENQUEUE, 'into an unknown execution', {
    was: 500,
    send: { body: { execution_id: NOBODY, node_id: 'n', action: {} } },
    code: 'not_found',
    detail: `Execution '${NOBODY}' not found.`,
  }),
  bad(ENQUEUE, 'into one that has ended', {
    given: world.ended,
    send: ({ id }) => ({ body: { execution_id: id, node_id: 'n', action: {} } }),
    code: 'conflict',
    detail: /has ended; nothing runs in it$/,
  }),
  ...[ACK, NACK].flatMap((on) => [
    good(on, {
      was: 500,
      given: world.leased,
      send: ({ job }) => ({ body: { queue_id: BigInt(job.queue_id), worker_id: 'w1' } }),
      reply: { ok: true },
    }),
    bad(on, 'without what it needs', {
      send: { body: {} },
      code: 'invalid_input',
      detail: /^invalid body: \/queue_id /,
      pointers: ['/queue_id', '/worker_id'],
    }),
    bad(on, 'of an unknown id', {
      was: 500,
      send: { body: { queue_id: NOBODY, worker_id: 'w1' } },
      code: 'not_found',
      detail: 'job not found',
    }),
    bad(on, 'by another worker', {
      was: 500,
      given: world.leased,
      send: ({ job }) => ({ body: { queue_id: job.queue_id, worker_id: 'w2' } }),
      code: 'lease_lost',
      detail: /^the job is leased, and not by this worker$/,
    }),
  ]),
  good(NACK, {
    as: 'to be tried again later',
    was: 500,
    given: world.leased,
    send: ({ job }) => ({
      body: { queue_id: job.queue_id, worker_id: 'w1', retry_delay_seconds: 60 },
    }),
    reply: { ok: true },
  }),
  good(REAP, { was: 500, given: world.expired, reply: { reclaimed: 'int' } }),
  good(REDRIVE, {
    given: world.dead,
    send: (lease) => ({ params: queueId(lease) }),
    reply: DONE,
    is: sameId,
  }),
  bad(REDRIVE, 'of a job that is not dead', {
    given: world.leased,
    send: (lease) => ({ params: queueId(lease) }),
    code: 'conflict',
    detail: 'the job is leased, not dead',
  }),
  bad(REDRIVE, 'of an execution that has ended', {
    given: world.failed,
    send: (lease) => ({ params: queueId(lease) }),
    code: 'conflict',
    detail: /has ended \(FAILED\), and nothing of it runs again/,
  }),
  bad(REDRIVE, 'of an unknown id', {
    send: { params: { queue_id: NOBODY } },
    code: 'not_found',
    detail: 'job not found',
  }),
]
