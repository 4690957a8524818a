// SQL of what is read from executions and their log. Events leave the database as JSON text, which the
// Worker passes on without parsing it.

import { ofWithin, within } from '../access/within.ts'
import { MAX_PAGE_BYTES, type Sql, type Statement } from '../db.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Status } from '../status.ts'
import type { Asked, ExecutionStanding } from './fresh.ts'
import { resultsOf } from './log.ts'
import { CHILD } from './types.ts'

/** One event in the API's shape; `result` and `context` as stored. */
export const eventJson = (sql: Sql) => sql`
  json_build_object('event_id', e.event_id::text, 'event_type', e.event_type, 'node_id', e.node_id,
    'node_name', e.node_name, 'node_type', e.node_type, 'status', e.status, 'duration', e.duration,
    'created_at', noetl.rfc3339(e.created_at), 'context', e.context, 'result', e.result, 'meta', e.meta,
    'error', e.error, 'catalog_id', e.catalog_id::text, 'execution_id', e.execution_id::text,
    'timestamp', noetl.rfc3339(e.created_at), 'metadata', e.meta, 'normalized_status', e.status,
    'seq', e.seq, 'parent_event_id', e.parent_event_id::text)::text`

/** A page of a log: events after a seq, at most so many, and at most so many bytes of JSON (but one). */
export interface LogPage {
  after: number
  limit: number
}

interface EventsRow {
  /** JSON array of the page's events, as text. */
  events: string
  /** seq of the page's last event; null when there is none. */
  last_seq: number | null
}

/** Changed with the form of what is read, so that tags of an older form are nobody's. */
export const FORM = 2

/** For how long reports come on an execution that has ended. */
const LATE_SECONDS = 3_600

/**
 * How an execution `x` stands to what its reader has.
 * @param andOn what the bytes depend on beside its version, as texts
 * @param rest of the select: columns, and where `x` is from
 */
export const standing = (
  sql: Sql,
  { known, atLeast }: Asked,
  andOn: Statement,
  rest: Statement,
): Statement => sql`
  select s.*, s.version >= ${atLeast}::int
    and not (${known}::text[] && array[s.tag, '*']) as wanted
  from (
    select x.execution_id, x.version, concat_ws('.', ${FORM}::int, x.version, ${andOn}) as tag,
      x.ended_at is not null as ended,
      coalesce(x.ended_at < now() - make_interval(secs => ${LATE_SECONDS}), false) as settled
    ${rest} offset 0
  ) s`

/** The columns of a standing `k`. */
export const standingColumns = (sql: Sql) => sql`k.version, k.tag, k.ended, k.settled, k.wanted`

/**
 * What stands before all that is read of it, in a subquery that `offset 0` keeps apart: a subquery that is asked
 * first, where a condition of the join would be asked when all is built.
 */
export const wanted = (sql: Sql) => sql`(select known.wanted from known)`

export const fromExecution = (sql: Sql, executionId: string, prefix: string | null): Statement =>
  sql`from noetl.execution x where x.execution_id = ${executionId} ${within(sql, prefix, sql`x.path`)}`

const eventPage = (sql: Sql, execution: Statement, page: LogPage) => sql`
  select '[' || string_agg(p.event, ',' order by p.seq) || ']' as events, max(p.seq) as last_seq
  from (
    select sized.*, sum(octet_length(sized.event)) over (order by sized.seq) as bytes,
      row_number() over (order by sized.seq) as place
    from (
      select e.seq, ${eventJson(sql)} as event from noetl.event e
      where e.execution_id = ${execution} and e.seq > ${page.after}::int
      order by e.seq limit ${page.limit}::int
    ) sized
  ) p
  where p.bytes <= ${MAX_PAGE_BYTES} or p.place = 1`

/**
 * What jobs of execution `x` wait for, by their tool: a worker, a child execution, a time; and since when.
 * Null when none does.
 */
const waitingFor = (sql: Sql) => sql`
  case when x.ended_at is null then (
    select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('type', w.tool, 'jobs', w.jobs,
      'since', noetl.rfc3339(w.since), 'until', noetl.rfc3339(w.until))) order by w.since)
    from (select q.tool, count(*) as jobs,
        min(case when q.runner = 'worker' then greatest(q.created_at, q.available_at)
          else q.created_at end) as since,
        min(q.available_at) filter (where q.tool = 'wait') as until
      from noetl.queue q
      where q.execution_id = x.execution_id
        and ((q.runner = 'worker' and q.status in ('queued', 'retry') and q.available_at <= now())
          or (q.runner = 'worker' and q.status = 'leased' and q.lease_until < now()
            and not noetl.is_attended(q))
          or (q.tool = 'playbook' and q.status = 'leased' and q.worker_id = ${CHILD} || q.event_id)
          or (q.tool = 'wait' and q.status = 'retry' and q.available_at > now()))
      group by q.tool) w) end::text as waiting_for`

/** The head of execution `x`. */
export const headColumns = (sql: Sql) => sql`
  x.execution_id::text as id, x.path as playbook_id, x.name as playbook_name, x.status,
  noetl.rfc3339(x.started_at) as start_time, noetl.rfc3339(x.ended_at) as end_time,
  extract(epoch from x.ended_at - x.started_at)::float8 as duration, x.progress, x.error, x.version,
  nullif(x.labels, '{}')::text as labels`

export interface HeadRow {
  id: string
  playbook_id: string
  playbook_name: string
  status: string
  start_time: string
  end_time: string | null
  duration: number | null
  progress: number
  error: string | null
  version: number
  /** JSON text. */
  result: string | null
  /** JSON text; null when there are none. */
  labels: string | null
}

export type DetailRow = ExecutionStanding &
  HeadRow &
  EventsRow & { requestor: string; waiting_for: string | null }

/** An execution with a page of its events; of what the reader has, its standing alone. */
export const findDetail = (
  sql: Sql,
  executionId: string,
  page: LogPage,
  asked: Asked,
  prefix: string | null = null,
): Statement => sql`
  with known as materialized (${standing(
    sql,
    asked,
    // jobs come to wait as time passes, without an event
    sql`${pageTag(page)}::text, left(md5(w.waiting_for), 12)`,
    sql`, w.waiting_for from noetl.execution x, lateral (select ${waitingFor(sql)} offset 0) w
      where x.execution_id = ${executionId} ${within(sql, prefix, sql`x.path`)}`,
  )})
  select d.*, k.waiting_for, ${standingColumns(sql)}
  from known k left join lateral (
    select ${headColumns(sql)}, x.result::text as result, x.requestor::text as requestor,
      coalesce(p.events, '[]') as events, p.last_seq
    from noetl.execution x
    left join lateral (${eventPage(sql, sql`x.execution_id`, page)}) p on true
    where ${wanted(sql)} and x.execution_id = k.execution_id offset 0
  ) d on true`

const pageTag = ({ after, limit }: LogPage) => `${after}-${limit}`

export type PageRow = ExecutionStanding & EventsRow

/**
 * A page of the events of the execution that an id names: its own id, or that of one of its events; of what the
 * reader has, its standing alone.
 */
export const findEvents = (
  sql: Sql,
  id: string,
  page: LogPage,
  asked: Asked,
  prefix: string | null = null,
): Statement => sql`
  with found as (
    select x.* from noetl.execution x
    where x.execution_id = ${id} ${within(sql, prefix, sql`x.path`)}
    union all
    select x.* from noetl.event e join noetl.execution x using (execution_id)
    where e.event_id = ${id} ${within(sql, prefix, sql`x.path`)}
    limit 1
  ), known as materialized (${standing(sql, asked, sql`${pageTag(page)}::text`, sql`from found x`)})
  select p.*, ${standingColumns(sql)}
  from known k left join lateral (
    select coalesce(p.events, '[]') as events, p.last_seq
    from (${eventPage(sql, sql`k.execution_id`, page)}) p
    where ${wanted(sql)} offset 0
  ) p on true`

/** One event by its id, in the shape that the original meant to answer. */
export const findEvent = (
  sql: Sql,
  eventId: string,
  prefix: string | null = null,
): Statement => sql`
  select json_build_object('event_id', e.event_id::text, 'event_type', e.event_type,
    'node_id', e.node_id, 'node_name', e.node_name, 'node_type', e.node_type, 'status', e.status,
    'duration', e.duration, 'timestamp', noetl.rfc3339(e.created_at), 'context', e.context,
    'result', e.result, 'metadata', e.meta, 'error', e.error, 'stack_trace', e.stack_trace,
    'execution_id', e.execution_id::text, 'catalog_id', e.catalog_id::text, 'seq', e.seq,
    'parent_event_id', e.parent_event_id::text, 'resource_path', null, 'resource_version', null,
    'input_context', e.context, 'output_result', e.result)::text as event
  from noetl.event e
  where e.event_id = ${eventId} ${ofWithin(sql, prefix, sql`e.execution_id`)}
  limit 1`

export interface SummaryRow extends ExecutionStanding {
  counts: Record<string, number> | null
  skipped: number
  errors: { node_name: string; error: string | null; created_at: string }[]
}

/** Events of an execution by type, and its last three errors; of what the reader has, its standing alone. */
export const summarize = (
  sql: Sql,
  executionId: string,
  asked: Asked,
  prefix: string | null = null,
): Statement => sql`
  with known as materialized (${standing(sql, asked, sql`null`, fromExecution(sql, executionId, prefix))})
  select s.*, ${standingColumns(sql)}
  from known k left join lateral (
    select
      (select jsonb_object_agg(event_type, n) from (
        select event_type, count(*) as n from noetl.event
        where execution_id = ${executionId} group by event_type) c) as counts,
      (select count(*)::int from noetl.event where execution_id = ${executionId}
        and (event_type = 'step_skipped'
          or (event_type = 'action_completed' and result @> '{"skipped": true}'))) as skipped,
      coalesce((select jsonb_agg(jsonb_build_object('node_name', l.node_name, 'error', l.error,
          'created_at', noetl.rfc3339(l.created_at)) order by l.seq)
        from (select seq, node_name, error, created_at from noetl.event
          where execution_id = ${executionId} and event_type = 'action_error'
          order by seq desc limit 3) l), '[]') as errors
    where ${wanted(sql)} offset 0
  ) s on true`

export interface StandingRow {
  status: Status
  /** Whether it ended by being cancelled. */
  cancelled: boolean
}

/** How an execution stands; no row when there is none. */
export const findStanding = (
  sql: Sql,
  executionId: string,
  prefix: string | null = null,
): Statement => sql`
  select x.status, exists (select from noetl.event e where e.execution_id = x.execution_id
    and e.event_type = 'execution_cancelled') as cancelled
  from noetl.execution x
  where x.execution_id = ${executionId} ${within(sql, prefix, sql`x.path`)}`

export interface RenderRow {
  workload: JsonObject
  /** The workload as the playbook has it. */
  own: JsonObject | null
  /** Steps that have a result. */
  steps: string[]
  /** Envelopes of the results that were asked for. */
  results: JsonObject | null
}

/** What templates of an execution see: its workload, and results of the named steps (null: of all). */
export const findRenderContext = (
  sql: Sql,
  executionId: string,
  names: readonly string[] | null,
  prefix: string | null = null,
): Statement => sql`
  with steps as (
    select array(select distinct e.node_name from noetl.event e
      where e.execution_id = ${executionId} and e.event_type = 'action_completed'
        and exists (select from noetl.event s where s.execution_id = ${executionId}
          and s.node_name = e.node_name and s.event_type = 'step_started')) as names
  )
  select x.workload, c.payload->'workload' as own, steps.names as steps,
    ${resultsOf(sql, executionId, names === null ? sql`steps.names` : sql`${names}::text[]`)} as results
  from noetl.execution x join noetl.catalog c using (catalog_id), steps
  where x.execution_id = ${executionId} ${within(sql, prefix, sql`x.path`)}`

export interface IterationsRow {
  results: Json[] | null
  last_index: number | null
  /** Whether more follow. */
  more: boolean
}

/**
 * A page of the results of a step's iterations, by index, at most so many and so many bytes (but one);
 * no row when there is no such execution.
 */
export const findIterations = (
  sql: Sql,
  p: { execution_id: string; step: string; after: number; limit: number },
  prefix: string | null = null,
): Statement => sql`
  with reported as (
    -- iterations that a worker reports by itself
    select distinct on (e.current_index) e.current_index, e.result from noetl.event e
    where e.execution_id = ${p.execution_id} and e.node_name = ${p.step}
      and e.event_type in ('action_completed', 'iteration_completed')
      and e.current_index > ${p.after}::int
    order by e.current_index, e.seq
    limit ${p.limit}::int + 1
  ), decided as (
    select done.current_index, jsonb_build_object('status', 'success', 'data', done.result)
    from noetl.event s,
      generate_series(${p.after}::int + 1, (s.context->>'total')::int - 1) n,
      lateral (
        select e.current_index, e.result from noetl.event e
        where e.execution_id = ${p.execution_id} and e.event_type = 'iteration_completed'
          and e.node_name = ${p.step} || '[' || n || ']'
      ) done
    where s.execution_id = ${p.execution_id} and s.node_name = ${p.step}
      and s.event_type = 'iterator_started'
    limit ${p.limit}::int + 1
  ), items as (
    select * from reported union all select * from decided
    order by current_index limit ${p.limit}::int + 1
  ), page as (
    select i.*, row_number() over by_index as place,
      sum(octet_length(i.result::text)) over by_index as bytes
    from items i window by_index as (order by i.current_index)
  ), shown as (
    select * from page where place <= ${p.limit}::int and (bytes <= ${MAX_PAGE_BYTES} or place = 1)
  )
  select (select jsonb_agg(result order by current_index) from shown) as results,
    (select max(current_index) from shown) as last_index,
    (select count(*) from items) > (select count(*) from shown) as more
  from noetl.execution x
  where x.execution_id = ${p.execution_id} ${within(sql, prefix, sql`x.path`)}`
