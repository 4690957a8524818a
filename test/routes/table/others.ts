// Credentials, figures, what the server says of itself, and what must not come back.
import { expect } from 'vitest'
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const CREDENTIALS = 'GET /api/credentials'
const CREDENTIAL = 'GET /api/credentials/{identifier}'

const DELETE = 'DELETE /api/credentials/{identifier}'

const ITEM = {
  id: 'id',
  name: 'text',
  meta: 'any',
  tags: ['text'],
  description: '=d',
  created_at: 'utc',
  updated_at: 'utc',
  data: null,
  type: '=postgres',
}

const newCredential = () => ({
  name: world.fresh('credential'),
  type: 'postgres',
  data: { db_host: 'db.test', db_password: 'secret' },
  tags: 'a, b',
  description: 'd',
})

const credentials = [
  ...['POST /api/credentials', 'POST /api/credentials/legacy'].flatMap((on) => [
    good(on, {
      given: async () => newCredential(),
      send: (body) => ({ body }),
      reply: ITEM,
      is: ({ name }) => ({ name, tags: ['a', 'b'], meta: null }),
    }),
    good(on, {
      as: 'by the other name of its type, with tags as a list',
      given: async () => newCredential(),
      send: ({ type, ...rest }) => ({
        body: { ...rest, credential_type: type, tags: ['a', 'b'], meta: { team: 't' } },
      }),
      reply: ITEM,
      is: ({ name }) => ({ name, tags: ['a', 'b'], meta: { team: 't' } }),
    }),
    bad(on, 'without name or data', {
      send: { body: { type: 'generic' } },
      code: 'invalid_input',
      detail: /^invalid body: \/name /,
      pointers: ['/name', '/data'],
    }),
    bad(on, 'with data that is no object', {
      send: { body: { name: 'c', data: 'secret' } },
      code: 'invalid_input',
      detail: 'invalid body: /data an object is expected',
      pointers: ['/data'],
    }),
  ]),
  good(CREDENTIALS, {
    given: world.credential,
    send: ({ name }) => ({ query: { type: 'postgres', q: name } }),
    reply: { items: [ITEM], filter: { type: '=postgres', q: 'text' } },
    is: ({ id, name }) => ({ items: [{ id, name }], filter: { q: name } }),
  }),
  good(CREDENTIALS, {
    as: 'all',
    given: world.credential,
    reply: { items: 'list', filter: { type: null, q: null } },
    is: ({ id }) => ({ items: expect.arrayContaining([expect.objectContaining({ id })]) }),
  }),
  bad(CREDENTIALS, 'with too long a filter', {
    send: { query: { q: 'x'.repeat(257) } },
    code: 'invalid_input',
    detail: /^invalid query: \/q /,
    pointers: ['/q'],
  }),
  good(CREDENTIAL, {
    as: 'by name, with its data, as workers ask',
    given: world.credential,
    send: ({ name }) => ({ params: { identifier: name }, query: { include_data: 'true' } }),
    reply: { ...ITEM, data: { db_host: '=db.test', db_password: '=secret' } },
    is: ({ id, name }) => ({ id, name }),
  }),
  good(CREDENTIAL, {
    as: 'by id',
    given: world.credential,
    send: ({ id }) => ({ params: { identifier: id } }),
    reply: ITEM,
    is: ({ id, name }) => ({ id, name }),
  }),
  bad(CREDENTIAL, 'of an unknown name', {
    was: 500,
    send: { params: { identifier: 'nobody' }, query: { include_data: 'true' } },
    code: 'not_found',
    detail: 'Credential not found',
  }),
  good(DELETE, {
    given: world.credential,
    send: ({ id }) => ({ params: { identifier: id } }),
    reply: { status: '=ok', name: 'text' },
    is: ({ name }) => ({ name }),
  }),
  bad(DELETE, 'of an unknown name', {
    send: { params: { identifier: 'nobody' } },
    code: 'not_found',
    detail: 'Credential not found',
  }),
  bad(CREDENTIAL, 'with or without data', {
    given: world.credential,
    send: ({ name }) => ({ params: { identifier: name }, query: { include_data: 'perhaps' } }),
    code: 'invalid_input',
    detail: /^invalid query: \/include_data /,
    pointers: ['/include_data'],
  }),
]

const COUNTS = {
  total_executions: 'int',
  successful_executions: 'int',
  failed_executions: 'int',
  total_playbooks: 'int',
  active_workflows: 'int',
}

const METRIC_NAMES = [
  'noetl_up',
  'noetl_info',
  'noetl_process_start_time_seconds',
  'noetl_request_total',
]

const figures = [
  good('GET /api/dashboard/stats', {
    given: world.ended,
    reply: { status: '=ok', stats: COUNTS, ...COUNTS },
  }),
  good('GET /api/dashboard/widgets', { reply: { widgets: [] } }),
  ...['GET /metrics', 'GET /api/metrics/prometheus'].map((on) =>
    good(on, {
      ...(on !== 'GET /metrics' && { was: 500 }),
      reply: 'text',
      is: METRIC_NAMES.map((name) => new RegExp(`^${name}(\\{.*\\})? \\S+$`, 'm')),
    }),
  ),
]

const STATS = 'GET /api/stats'

const window = [
  good(STATS, {
    given: world.ended,
    // between two instants the reply is the same whenever it is asked for
    send: ({ path }) => ({
      query: {
        path,
        since: new Date(Date.now() - 3_600_000).toISOString(),
        until: new Date(Date.now() + 1_800_000).toISOString(),
      },
    }),
    reply: 'object',
    is: ({ id, path }) => ({
      window: { name: null, bucket: 'minute' },
      executions: { started: 1, ended: 1, completed: 1, failed: 0, success_rate: 100 },
      totals: { executions: 1, completed: 1, failed: 0, active: 0 },
      playbooks: [{ path, runs: 1, completed: 1, last_execution_id: id }],
      errors: [],
    }),
  }),
  good(STATS, {
    as: 'of a day',
    reply: {
      window: { name: '=24h', since: 'time', until: 'time', bucket: '=hour' },
      executions: 'object',
      totals: 'object',
      duration: 'object',
      timeline: [{ at: 'time', started: 'int', completed: 'int', failed: 'int' }],
      playbooks: 'list',
      errors: 'list',
      queue: 'object',
      pools: { online: 'int', offline: 'int' },
    },
  }),
  bad(STATS, 'of a window that is none', {
    send: { query: { window: '2h', top: 0 } },
    code: 'invalid_input',
    detail: /^invalid query: \/window /,
    pointers: ['/window', '/top'],
  }),
  bad(STATS, 'until before since', {
    send: { query: { since: '2026-01-02', until: '2026-01-01' } },
    code: 'invalid_input',
    detail: /since must be before until/,
    pointers: ['/since'],
  }),
  bad(STATS, 'of a window and an instant', {
    send: { query: { window: '1h', since: '2026-01-02' } },
    code: 'invalid_input',
    detail: /either window, or since and until/,
    pointers: ['/window'],
  }),
  bad(STATS, 'until, from nowhere', {
    send: { query: { until: '2026-01-02' } },
    code: 'invalid_input',
    detail: /until needs since/,
    pointers: ['/until'],
  }),
]

const service = [
  good('GET /', { reply: { message: 'text' }, is: { name: 'noetl-edge', docs: '/docs' } }),
  good('GET /health', { reply: { status: '=ok' } }),
  good('GET /openapi.json', { reply: 'object', is: { openapi: expect.stringMatching(/^3\.1/) } }),
  good('GET /docs', { reply: 'text', is: [/^<!doctype html>/i, /POST/, /\/api\/queue\/lease/] }),
]

const GONE: readonly (readonly [on: string, instead: RegExp, was: number])[] = [
  ['POST /api/postgres/execute', /postgres step/, 200],
  ['GET /api/status', /GET \/metrics/, 200],
  ['GET /api/threads', /GET \/metrics/, 200],
  ['GET /api/profiler/memory', /GET \/metrics/, 200],
  ['POST /api/gcp/token', /POST \/api\/credentials/, 200],
  ['POST /api/gcp/token/legacy', /POST \/api\/credentials/, 200],
  ['POST /api/metrics/report', /GET \/metrics/, 500],
  ['GET /api/metrics/query', /GET \/metrics/, 500],
  ['GET /api/metrics/components', /GET \/metrics/, 500],
]

const gone = GONE.map(([on, detail, was]) =>
  bad(on, 'gone for good', { was, send: {}, code: 'gone', detail }),
)

export const others = [...credentials, ...figures, ...window, ...service, ...gone]
