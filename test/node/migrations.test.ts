// The schema that migrations/ builds from nothing, and the indexes that hot statements rely on.
import { join } from 'node:path'
import { neon, neonConfig } from '@neondatabase/serverless'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Endpoint, startEndpoint } from '../../dev/neon/client.ts'
import {
  countPlaybooks,
  findHead,
  hide,
  listHeads,
  register,
  searchHeads,
} from '../../src/catalog/queries.ts'
import type { Sql, Statement } from '../../src/db.ts'
import { findGraph, findTimeline } from '../../src/event/charts.ts'
import { type ListFilter, listExecutions, NEWEST } from '../../src/event/list.ts'
import { append, readExecution, readItems, readOutcomes, readScope } from '../../src/event/log.ts'
import {
  findDetail,
  findEvent,
  findEvents,
  findIterations,
  findRenderContext,
  summarize,
} from '../../src/event/reads.ts'
import { type NewReport, record } from '../../src/event/report.ts'
import { INITIAL } from '../../src/event/state.ts'
import { leaseDue, listNotifications, tidy } from '../../src/notification/queries.ts'
import { countJobs, findLease, heartbeat, lease, listJobs } from '../../src/queue/jobs.ts'
import { extend, resume, sweep } from '../../src/queue/leases.ts'
import { findDue } from '../../src/schedule/queries.ts'
import { AUDIT } from '../catalog/audit.ts'

const ROOT = join(import.meta.dirname, '../..')
let endpoint: Endpoint
let sql: Sql
/** An execution that has done much. */
let BUSY: string
/** One of many. */
let ONE: string

beforeAll(async () => {
  endpoint = await startEndpoint({ migrate: join(ROOT, 'migrations') })
  neonConfig.fetchEndpoint = () => endpoint.url
  sql = neon('postgres://test:test@db.localhost/noetl')
  await fill()
}, 60_000)
afterAll(() => endpoint.stop())

/** Enough rows, in several partitions, for the planner to choose as it would in earnest. */
async function fill(): Promise<void> {
  const first = sql`noetl.id_at(date_trunc('month', now()))`
  const [ids] = await sql`
    select (${first} + (20001::bigint << 34))::text as busy, (${first} + (7::bigint << 34))::text as one`
  BUSY = String(ids?.busy)
  ONE = String(ids?.one)
  await sql.transaction([
    sql`insert into noetl.catalog (catalog_id, path, version, kind, content, digest, payload)
      select n, 'p' || n % 500 || '/p', n / 500 + 1, 'Playbook', '', '', '{}' from generate_series(1, 5000) n`,
    sql`insert into noetl.catalog_latest (path, catalog_id, kind, search)
      select 'p' || n || '/p', n, 'Playbook', 'p' || n from generate_series(1, 5000) n`,
    sql`insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
        last_event_type, workload, state, parent_execution_id)
      select ${first} + (n::bigint << 34), n % 5000, 'p' || n % 500 || '/p', 'p', 1, 'playbook',
        case when n % 50 = 0 then 'RUNNING' else 'PENDING' end, 3, 'x', '{}', '{"active": []}',
        case when n % 100 = 0 then n end
      from generate_series(1, 20000) n`,
    sql`insert into noetl.event (execution_id, seq, event_id, catalog_id, event_type, node_id, node_name,
        node_type, status)
      select ${first} + (n::bigint << 34), s, n * 10 + s, 1, 'type' || s, 'n', 'n' || s, 'task', 'STARTED'
      from generate_series(1, 20000) n, generate_series(1, 3) s`,
    sql`insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner,
        status, worker_id, lease_until)
      select n, ${first} + (n::bigint << 34), 1, 'n', 'n', 'http', '{}', 'edge',
        case when n % 100 = 0 then 'leased' when n % 101 = 0 then 'queued' else 'done' end,
        case when n % 100 = 0 then 'w' end,
        case when n % 100 = 0 then now() + n * interval '1 second' end
      from generate_series(1, 20000) n`,
  ])
  await sql.transaction([
    // a job of each that is asleep until tomorrow
    sql`insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner,
        status, available_at)
      select 20000 + n, ${first} + (n::bigint << 34), 1, 'z', 'z', 'wait', '{}', 'edge', 'retry',
        now() + interval '1 day'
      from generate_series(1, 20000) n`,
    // what workers of ten tools have before them
    sql`insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner, status)
      select 50000 + n, ${first} + (n::bigint << 34), 1, 'w', 'w', 'tool' || n % 10, '{}', 'worker', 'queued'
      from generate_series(1, 4000) n`,
    // and an execution with 100 iterators of 50 items each, of which few are left to do
    sql`insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner, status)
      select 40000 + n, ${BUSY}, 1, 'b' || n, 'b', 'http', '{}', 'edge',
        case when n > 4990 then 'queued' else 'done' end
      from generate_series(1, 5000) n`,
    sql`insert into noetl.event (execution_id, seq, event_id, catalog_id, event_type, node_id, node_name,
        node_type, status, current_index)
      select ${BUSY}, 1 + o * 50 + i, 1000000 + o * 50 + i, 1, 'iteration_completed', 'b',
        format('b[%s][%s]', o, i), 'iteration', 'COMPLETED', i
      from generate_series(0, 99) o, generate_series(0, 49) i`,
    sql`insert into noetl.schedule (schedule_id, name, cron, timezone, path, overlap, catch_up, enabled, next_at,
        created_by)
      select n, 's' || n, '* * * * *', 'UTC', 'p', 'allow', 'none', n % 10 > 0,
        case when n % 10 > 0 then now() + (n - 100) * interval '1 minute' end, 'cli'
      from generate_series(1, 5000) n`,
  ])
  // messages that wait for their time, and those that were delivered
  await sql`insert into noetl.notification (notification_id, execution_id, path, event_type, url, status,
      attempts, available_at, delivered_at)
    select ${first} + (n::bigint << 34), ${first} + (n::bigint << 34), 'p' || n % 500, 'execution.completed', 'u',
      case when n % 10 = 0 then 'pending' else 'delivered' end, 1 + n % 9,
      now() + case when n % 5000 = 0 then '-1 day' else '1 day' end::interval,
      case when n % 10 > 0 then now() end
    from generate_series(1, 20000) n`
  await sql`analyze`
}

test('migrations build exactly the schema of the snapshot', async () => {
  const columns = await sql`
    select format('%s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' else '' end,
      coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'noetl'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relname <> 'migration'
    order by c.relname, a.attnum`
  const constraints = await sql`
    select format('%s %s: %s', r.relname, c.conname, pg_get_constraintdef(c.oid)) as line
    from pg_constraint c join pg_class r on r.oid = c.conrelid
    where c.connamespace = 'noetl'::regnamespace and not r.relispartition and c.contype <> 'n'
      and r.relname <> 'migration'
    order by 1`
  const indexes = await sql`
    select pg_get_indexdef(i.indexrelid) as line
    from pg_index i join pg_class r on r.oid = i.indrelid
    where r.relnamespace = 'noetl'::regnamespace and not r.relispartition and r.relname <> 'migration'
    order by 1`
  const functions = await sql`
    select format('%s(%s) returns %s', proname, pg_get_function_arguments(oid), pg_get_function_result(oid)) as line
    from pg_proc where pronamespace = 'noetl'::regnamespace order by 1`
  const lines = [columns, constraints, indexes, functions].map((rows) =>
    rows.map(({ line }) => line).join('\n'),
  )
  await expect(`${lines.join('\n\n')}\n`).toMatchFileSnapshot('schema.txt')
})

test('this month and the next three have partitions, and making them again makes none', async () => {
  const partitions = await sql`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'noetl.event'::regclass order by 1`
  expect(partitions).toHaveLength(5)
  const [again] = await sql`select noetl.ensure_partitions(3) as made`
  expect(again?.made).toBe(0)
  const [further] = await sql`select noetl.ensure_partitions(4) as made`
  expect(further?.made).toBe(2)
})

const ID = '250000000000000000'
const ALL: ListFilter = { ...NEWEST, after: { key: null, id: ID } }
const REPORT: NewReport = {
  execution_id: ID,
  event_id: '1',
  is_redacted: false,
  id_given: false,
  is_action_report: true,
  is_deciding: true,
  parent_event_id: null,
  parent_execution_id: null,
  event_type: 'action_completed',
  node_id: 'n',
  node_name: 'n',
  node_type: 'task',
  status: 'COMPLETED',
  duration: 0,
  context: {},
  result: {},
  meta: {},
  error: null,
  stack_trace: null,
  trace_component: null,
  worker_id: null,
  queue_id: null,
  attempt: null,
  current_index: null,
  current_item: null,
}
const PAGE = { after: 0, limit: 100 }
const NEW = { known: [], atLeast: 0 }
const HAS = { known: ['*'], atLeast: 0 }
const SPANS = { after: 0, limit: 500, expand: null }
const reading = (asked: typeof HAS | typeof NEW) => ({ asked, compiled: [], within: null })
const ANY_JOB = {
  status: null,
  execution_id: null,
  worker_id: null,
  cursor: null,
  limit: 10,
  within: null,
}
const ANY_NOTIFICATION = { status: null, execution_id: null, after: null, limit: 10, within: null }
const HELD = { worker_id: 'w', queue_ids: ['1'], nodes: ['n'] }

const HOT: [name: string, statement: (sql: Sql) => Statement, index: RegExp][] = [
  ['list', (s) => listExecutions(s, ALL), /execution\w*_pkey/],
  [
    'list by status',
    (s) => listExecutions(s, { ...ALL, status: 'FAILED' }),
    /status_execution_id_idx/,
  ],
  [
    'list of a folder',
    (s) => listExecutions(s, { ...ALL, limit: 10, within: 'p7/' }),
    /Index Scan using execution_\d+_left_execution_id_idx/,
  ],
  [
    'list of a folder in a folder',
    (s) => listExecutions(s, { ...ALL, within: 'p7/q/' }),
    /path_execution_id_idx|execution\w*_pkey/,
  ],
  ['list by path', (s) => listExecutions(s, { ...ALL, path: 'p' }), /path_execution_id_idx/],
  [
    'list by entry',
    (s) => listExecutions(s, { ...ALL, catalog_id: '1' }),
    /catalog_id_execution_id_idx/,
  ],
  [
    'list by parent',
    (s) => listExecutions(s, { ...ALL, parent_execution_id: '1' }),
    /parent_execution_id_execution_id_idx/,
  ],
  ['detail', (s) => findDetail(s, ID, PAGE, NEW), /event\w*_pkey/],
  ['events by any id', (s) => findEvents(s, ID, PAGE, NEW), /event_id_execution_id_key/],
  ['event by id', (s) => findEvent(s, ID), /event_id_execution_id_key/],
  ['summary in a folder', (s) => summarize(s, ID, NEW, 'p7/'), /execution\w*_pkey/],
  [
    'timeline',
    (s) => findTimeline(s, BUSY, SPANS, reading(NEW)),
    /Index Only Scan using \S*node_name_event_type_seq_idx/,
  ],
  [
    'iterations in a timeline',
    (s) => findTimeline(s, BUSY, { ...SPANS, expand: 'b' }, reading(NEW)),
    /Index Only Scan using \S*node_name_event_type_seq_idx/,
  ],
  ['graph', (s) => findGraph(s, BUSY, reading(NEW)), /node_name_event_type_seq_idx/],
  ['summary', (s) => summarize(s, ID, NEW), /event\w*_pkey|node_name_event_type/],
  ['report', (s) => record(s, REPORT), /event_id_execution_id_key/],
  ['read for deciding', (s) => readExecution(s, ID, ['a'], ['1']), /node_name_event_type_seq_idx/],
  [
    'append',
    (s) =>
      append(s, {
        execution_id: ID,
        expected: 1,
        state: INITIAL,
        events: [],
        jobs: [],
        closed: ['n'],
        failed: [],
        dropped: ['m'],
        decided: [],
        lease: null,
        taken: [],
        held: HELD,
      }),
    /queue_node_key/,
  ],
  [
    'lease',
    (s) =>
      resume(s, {
        execution_id: ID,
        worker_id: 'w',
        seconds: 60,
        queue_ids: ['1'],
        event_ids: ['2'],
        seconds_left: 20,
      }),
    /Index Scan using queue_open/,
  ],
  [
    'lease where much is done',
    (s) =>
      resume(s, {
        execution_id: BUSY,
        worker_id: 'w',
        seconds: 60,
        queue_ids: ['1', '2'],
        event_ids: ['3', '4'],
        seconds_left: 20,
      }),
    /^(?!.*queue_node_key).*Index Scan using queue_open/s,
  ],
  ['extend a lease', (s) => extend(s, HELD, 60), /queue_(pkey|by_worker)/],
  [
    'lease for a worker',
    (s) => lease(s, { queue_ids: ['1'], worker_id: 'w', seconds: 60, tools: null, within: null }),
    // in its order: a backlog is not sorted
    /Index Scan using queue_ready on queue/,
  ],
  [
    'lease for a worker of a folder',
    (s) => lease(s, { queue_ids: ['1'], worker_id: 'w', seconds: 60, tools: null, within: 'p7/' }),
    /Scan (using|on) queue_ready_by_folder/,
  ],
  [
    'lease for a worker of some tools and a folder',
    (s) =>
      lease(s, {
        queue_ids: ['1'],
        worker_id: 'w',
        seconds: 60,
        tools: ['python', 'x'],
        within: 'p7/',
      }),
    /Scan (using|on) queue_ready_by_tool_and_folder/,
  ],
  [
    'lease for a worker of some tools',
    (s) =>
      lease(s, {
        queue_ids: ['1'],
        worker_id: 'w',
        seconds: 60,
        tools: ['python', 'x'],
        within: null,
      }),
    /Index Scan using queue_ready_by_tool on queue/,
  ],
  [
    'end a lease',
    (s) =>
      findLease(s, {
        queue_id: '1',
        worker_id: null,
        back: null,
        is_own: false,
        is_asking: true,
        within: null,
      }),
    /former_lease_pkey|former_lease/,
  ],
  [
    'heartbeat',
    (s) => heartbeat(s, { queue_id: '1', worker_id: null, seconds: 60, within: null }),
    /queue_(pkey|node_key)/,
  ],
  ['jobs', (s) => listJobs(s, ANY_JOB), /queue_pkey/],
  [
    'jobs by status',
    (s) => listJobs(s, { ...ANY_JOB, status: 'queued' }),
    /Index Scan using queue_by_status/,
  ],
  [
    'jobs of a folder',
    (s) => listJobs(s, { ...ANY_JOB, within: 'p7/' }),
    /Scan (using|on) queue_by_folder/,
  ],
  [
    'jobs of a folder by status',
    (s) => listJobs(s, { ...ANY_JOB, within: 'p7/q/', status: 'queued' }),
    /Scan (using|on) queue_by_folder/,
  ],
  ['jobs by worker', (s) => listJobs(s, { ...ANY_JOB, worker_id: 'w' }), /queue_by_worker/],
  ['jobs by execution', (s) => listJobs(s, { ...ANY_JOB, execution_id: ID }), /queue_node_key/],
  ['queue size', (s) => countJobs(s, 'queued'), /queue_by_status|queue_ready/],
  [
    'queue size of a folder',
    (s) => countJobs(s, 'queued', 'p7/'),
    /Scan (using|on) queue_by_folder/,
  ],
  ['items', (s) => readItems(s, ID, 'a', 200), /node_name_event_type_seq_idx/],
  ['outcomes', (s) => readOutcomes(s, ID, 'a'), /node_name_event_type_seq_idx/],
  [
    'outcomes of one iterator among many',
    (s) => readOutcomes(s, BUSY, 'b[7]'),
    /Index Cond: .*event_type = ANY.*node_name = ANY|Index Cond: .*node_name = ANY.*event_type = ANY/,
  ],
  ['scope', (s) => readScope(s, ID, 'a'), /queue_node_key/],
  [
    'iterations',
    (s) => findIterations(s, { execution_id: ID, step: 'a', after: 5, limit: 10 }),
    /node_name_event_type_seq_idx/,
  ],
  ['render', (s) => findRenderContext(s, ID, ['a']), /node_name_event_type_seq_idx/],
  ['sweep', (s) => sweep(s), /queue_lease_until/],
  ['sweep among many that sleep', (s) => sweep(s), /Index Scan using queue_sleepers/],
  [
    'register',
    (s) =>
      register(
        s,
        { catalog_id: '1', path: 'p', kind: 'Playbook', content: '', digest: '', payload: {} },
        AUDIT,
      ),
    /catalog_path_version_key/,
  ],
  [
    'search playbooks',
    (s) => searchHeads(s, { text: 'x', after: null, limit: 10 }),
    /catalog_latest_newest/,
  ],
  [
    'notifications that are due',
    (s) => leaseDue(s, { lease_id: '1', execution_id: null, without: [], limit: 30 }),
    /Index (Only )?Scan using notification_due/,
  ],
  [
    'notifications of an execution that has ended',
    (s) => leaseDue(s, { lease_id: '1', execution_id: ID, without: [], limit: 30 }),
    /Index Scan using notification_once/,
  ],
  ['notifications to be dropped', (s) => tidy(s), /notification_(by_status|pkey)/],
  ['notifications', (s) => listNotifications(s, ANY_NOTIFICATION), /notification_pkey/],
  [
    'notifications by status',
    (s) => listNotifications(s, { ...ANY_NOTIFICATION, status: 'dead' }),
    /notification_by_status/,
  ],
  [
    'notifications by execution',
    (s) => listNotifications(s, { ...ANY_NOTIFICATION, execution_id: ID }),
    /notification_once/,
  ],
  ['a playbook', (s) => findHead(s, 'p'), /catalog_path_version_key/],
  ['delete a playbook', (s) => hide(s, 'p', '1', AUDIT), /catalog_path_version_key/],
  ['count playbooks of a folder', (s) => countPlaybooks(s, 'p7/'), /catalog_latest_by_path/],
  [
    'list playbooks of a folder',
    (s) => listHeads(s, { after: null, limit: 10 }, 'p7/'),
    /catalog_(by_path|path_version_key)/,
  ],
  ['list playbooks', (s) => listHeads(s, { after: null, limit: 10 }), /catalog_(newest|pkey)/],
  ['due schedules', (s) => findDue(s, null, 100), /schedule_due/],
  [
    'due schedules, further on',
    (s) => findDue(s, { next_at: '2026-01-01', id: '1' }, 100),
    /Index Cond: .*ROW\(next_at, schedule_id\)/,
  ],
]

test.each(HOT)('%s is answered by its index', async (_name, statement, index) => {
  const { query, params } = textOf(statement(sql))
  const plan = await sql.query(`explain ${query}`, params)
  const text = plan.map((row) => row['QUERY PLAN']).join('\n')
  expect(text).toMatch(index)
  // a partition without rows costs nothing to read whole
  expect(text).not.toMatch(
    /Seq Scan on (queue|catalog|notification|schedule|(execution|event)_\d+) .*rows=\d{4}/,
  )
})

const KNOWN: [name: string, statement: (sql: Sql) => Statement][] = [
  ['detail', (s) => findDetail(s, ONE, PAGE, HAS)],
  ['events by any id', (s) => findEvents(s, ONE, PAGE, HAS)],
  ['summary', (s) => summarize(s, ONE, HAS)],
  ['timeline', (s) => findTimeline(s, ONE, SPANS, reading(HAS))],
  ['graph', (s) => findGraph(s, ONE, reading(HAS))],
]

test.each(KNOWN)('%s: of what its reader has no event is read', async (_name, statement) => {
  const { query, params } = textOf(statement(sql))
  const [row] = await sql.query(query, params)
  expect(row).toMatchObject({ wanted: false, version: expect.any(Number) })
  const plan = await sql.query(`explain (analyze, costs off) ${query}`, params)
  const scans = plan
    .map((line) => String(line['QUERY PLAN']))
    .filter((line) => /Scan .*\bon event/.test(line))
  expect(scans.length).toBeGreaterThan(0)
  expect(scans.filter((line) => !line.includes('(never executed)'))).toEqual([])
})

/** A statement's text and parameters, as the driver sends them. */
function textOf(statement: Statement): { query: string; params: unknown[] } {
  const { queryData } = statement
  return 'toParameterizedQuery' in queryData ? queryData.toParameterizedQuery() : queryData
}
