// SQL of the queue as workers use it: one statement a request, each safe to send again.

import { firstFolder, folderOf, queuedWithin, within, withinFolder } from '../access/within.ts'
import { MAX_PAGE_BYTES, type Sql, type Statement } from '../db.ts'
import { type Asked, askedColumn, asks } from '../event/asked.ts'
import { type ExecutionRow, headColumns, heavyColumns, resultsOf } from '../event/log.ts'
import { type JsonObject, toJson } from '../json.ts'

export const JOB_STATUSES = ['queued', 'leased', 'retry', 'done', 'dead'] as const

/** A job, with what of its execution a worker is told. */
export interface JobRow {
  queue_id: string
  execution_id: string
  catalog_id: string
  node_id: string
  action: JsonObject
  context: JsonObject
  status: string
  priority: number
  attempts: number
  max_attempts: number
  available_at: string
  lease_until: string | null
  worker_id: string | null
  last_heartbeat: string | null
  created_at: string
  updated_at: string
  path: string
  version: number
  workload: JsonObject
}

/** Columns of job `j` and execution `x`. */
const jobColumns = (sql: Sql) => sql`
  j.queue_id::text, j.execution_id::text, j.catalog_id::text, j.node_id, j.action, j.context, j.status,
  j.priority, j.attempts, j.max_attempts, noetl.rfc3339(j.available_at) as available_at,
  noetl.rfc3339(j.lease_until) as lease_until, j.worker_id,
  noetl.rfc3339(j.last_heartbeat) as last_heartbeat, noetl.rfc3339(j.created_at) as created_at,
  noetl.rfc3339(j.updated_at) as updated_at, x.path, x.entry_version as version, x.workload`

export interface LeaseRequest {
  /** Ids of the leases, drawn beforehand: as many as jobs are wanted. */
  queue_ids: readonly string[]
  worker_id: string
  seconds: number
  /** Tools that the worker has; null: any. */
  tools: readonly string[] | null
  /** Of what playbooks, by what their paths begin with; null: all. */
  within: string | null
}

/**
 * Leases free jobs, and jobs whose lease has run out, by priority, then age. Sent again it answers with
 * what is leased under these ids; a second sending that overtakes the first breaks queue_pkey.
 */
export const lease = (sql: Sql, r: LeaseRequest): Statement => {
  const start = startOf(sql, r)
  return sql`
  with mine as (
    select q.* from noetl.queue q
    where q.queue_id = any(${r.queue_ids}::bigint[]) and q.status = 'leased'
  ), free as (
    select f.* from ${r.tools === null ? sql`(select null::text as tool) t` : sql`unnest(${r.tools}::text[]) as t(tool)`},
    lateral (
      select q.* from noetl.queue q
      -- the statuses as the index has them, or it is not used
      where q.runner = 'worker' and q.status in ('queued', 'retry', 'leased')
        and q.attempts < q.max_attempts
        and ((q.status <> 'leased' and q.available_at <= now())
          or (q.status = 'leased' and q.lease_until < now() and not noetl.is_attended(q)))
        and not exists (select from mine)
        ${start.are} ${withinFolder(sql, r.within, sql`q.path`)}
        and exists (select from noetl.execution x
          where x.execution_id = q.execution_id and x.ended_at is null and x.status <> 'PAUSED')
      order by ${start.order} q.priority desc, q.created_at, q.queue_id
      limit ${r.queue_ids.length}
      for update of q skip locked
    ) f
    order by f.priority desc, f.created_at, f.queue_id
    limit ${r.queue_ids.length}
  ), numbered as (
    select free.queue_id, row_number() over ranked as n, sum(octet_length(free.action::text)
      + octet_length(free.context::text) + x.workload_bytes) over ranked as bytes
    from free join noetl.execution x using (execution_id)
    window ranked as (order by free.priority desc, free.created_at, free.queue_id)
  ), leased as (
    update noetl.queue q set status = 'leased', queue_id = (${r.queue_ids}::bigint[])[numbered.n],
      attempts = q.attempts + 1, worker_id = ${r.worker_id}, last_heartbeat = now(), updated_at = now(),
      leased_at = now(), pool = null, begun_at = null,
      lease_until = now() + make_interval(secs => ${r.seconds}::float8)
    from numbered
    where q.queue_id = numbered.queue_id and (numbered.bytes <= ${MAX_PAGE_BYTES} or numbered.n = 1)
    returning q.*, numbered.queue_id as former_id
  ), former as (
    insert into noetl.former_lease (queue_id, execution_id, node_id)
    select former_id, execution_id, node_id from leased
  ), j as (
    select ${leasedColumns(sql)} from leased union all select ${leasedColumns(sql)} from mine
  )
  select ${jobColumns(sql)} from j join noetl.execution x using (execution_id)
  order by j.priority desc, j.created_at, j.queue_id`
}

/** What the index that jobs are taken from begins with: tool, first folder, or both. */
function startOf(sql: Sql, { tools, within: prefix }: LeaseRequest) {
  if (prefix === null) {
    return tools === null ? { are: sql``, order: sql`` } : exactly(sql, sql`q.tool`, sql`t.tool`)
  }
  const [column, folder] = [folderOf(sql, sql`q.path`), firstFolder(prefix)]
  return tools === null
    ? exactly(sql, column, sql`${folder}`)
    : exactly(sql, sql`q.tool, ${column}`, sql`t.tool, ${folder}`)
}

/**
 * `and` that columns have values, with the order that goes with it. By `=` they would be no part of the order, other
 * indexes would have it, too, and the planner may take one in which the jobs of others come first.
 */
const exactly = (sql: Sql, columns: Statement, values: Statement) => ({
  are: sql`and (${columns}) >= (${values}) and (${columns}) <= (${values})`,
  order: sql`${columns},`,
})

const leasedColumns = (sql: Sql) => sql`
  queue_id, execution_id, catalog_id, node_id, action, context, status, priority, attempts, max_attempts,
  available_at, lease_until, worker_id, last_heartbeat, created_at, updated_at`

export interface JobFilter {
  status: string | null
  execution_id: string | null
  worker_id: string | null
  cursor: string | null
  limit: number
  within: string | null
}

/** A page of jobs by queue_id; `found` beyond the rows tells that a page follows. */
export const listJobs = (sql: Sql, f: JobFilter): Statement => sql`
  with page as (
    ${pageOf(sql, f)} order by q.queue_id limit ${f.limit + 1}::int
  ), j as (
    select page.*, count(*) over () as found, row_number() over (order by page.queue_id) as place,
      sum(octet_length(page.action::text) + octet_length(page.context::text) + x.workload_bytes)
        over (order by page.queue_id) as bytes
    from page join noetl.execution x using (execution_id)
  )
  select ${jobColumns(sql)}, j.found
  from j join noetl.execution x using (execution_id)
  where j.place <= ${f.limit}::int and (j.bytes <= ${MAX_PAGE_BYTES} or j.place = 1)
  order by j.queue_id`

/** Those of a worker or an execution are few; the rest are read by status, as there are indexes for that. */
function pageOf(sql: Sql, f: JobFilter): Statement {
  if (f.execution_id === null && f.worker_id === null) {
    if (f.status !== null) return pageByStatus(sql, f, [f.status])
    if (f.within !== null) return pageByStatus(sql, f, JOB_STATUSES)
  }
  return sql`
    select q.* from noetl.queue q
    where true
      ${f.status === null ? sql`` : sql`and q.status = ${f.status}`}
      ${f.execution_id === null ? sql`` : sql`and q.execution_id = ${f.execution_id}`}
      ${f.worker_id === null ? sql`` : sql`and q.worker_id = ${f.worker_id}`}
      ${f.cursor === null ? sql`` : sql`and q.queue_id > ${f.cursor}`}
      ${within(sql, f.within, sql`q.path`)}`
}

function pageByStatus(sql: Sql, f: JobFilter, statuses: readonly string[]): Statement {
  // in ranges, as `exactly` says
  const [columns, values] =
    f.within === null
      ? [sql`q.status`, sql`s.status`]
      : [sql`${folderOf(sql, sql`q.path`)}, q.status`, sql`${firstFolder(f.within)}, s.status`]
  return sql`
    select q.* from unnest(${statuses}::text[]) as s(status), lateral (
      select q.* from noetl.queue q
      where (${columns}, q.queue_id) > (${values}, ${f.cursor ?? '0'}::bigint)
        and (${columns}) <= (${values}) ${withinFolder(sql, f.within, sql`q.path`)}
      order by ${columns}, q.queue_id limit ${f.limit + 1}::int
    ) q`
}

/** Nobody scales by more jobs than this, and counting on takes time. */
const MAX_COUNT = 100_000

export const countJobs = (sql: Sql, status: string, prefix: string | null = null): Statement => sql`
  select count(*)::int as count
  from (
    select from noetl.queue q where q.status = ${status} and q.tool <> 'timeout'
      ${queuedWithin(sql, prefix)}
    limit ${MAX_COUNT}
  ) counted`

export interface NewJobRequest {
  queue_id: string
  execution_id: string
  node_id: string
  node_name: string
  tool: string
  action: JsonObject
  context: JsonObject
  priority: number
  max_attempts: number
  available_at: string | null
}

export interface EnqueuedRow {
  /** Null when the node has a job already. */
  queue_id: string | null
  ended: boolean
}

/** Queues a job by hand, for a worker; no row when there is no such execution. */
export const enqueue = (sql: Sql, j: NewJobRequest): Statement => sql`
  with x as (
    select execution_id, catalog_id, path, ended_at is not null as ended from noetl.execution
    where execution_id = ${j.execution_id} for share
  ), queued as (
    insert into noetl.queue (queue_id, execution_id, catalog_id, path, node_id, node_name, tool, action,
      context, runner, priority, max_attempts, available_at)
    select ${j.queue_id}::bigint, x.execution_id, x.catalog_id, x.path, ${j.node_id}, ${j.node_name}, ${j.tool},
      ${toJson(j.action)}::jsonb, ${toJson(j.context)}::jsonb, 'worker', ${j.priority}::int,
      ${j.max_attempts}::int, coalesce(${j.available_at}::timestamptz, now())
    from x where not x.ended
    on conflict do nothing
    returning queue_id
  )
  select x.ended, coalesce((select queue_id from queued),
    (select q.queue_id from noetl.queue q where q.queue_id = ${j.queue_id}))::text as queue_id
  from x`

/** A lease by its id: the job's state, and all that deciding on its end needs. */
export interface LeaseRow extends ExecutionRow {
  job_status: string
  /** Whether the job still has this id; if not, it was leased anew. */
  present: boolean
  worker_id: string | null
  runner: 'edge' | 'worker'
  node_id: string
  node_name: string
  attempts: number
  max_attempts: number
  /** Whether this very statement gave the job back to be tried again. */
  given_back: boolean
  /** Where the job is open and names credentials: what a reason for its end must be looked at with. */
  asked: Asked | null
  /** What the attempt has reported of its end, without the evaluator having answered it. */
  outcome: Outcome | null
}

interface Outcome {
  event_type: 'action_error' | 'step_result'
  event_id: string
  seq: number
  result: JsonObject
  error: string | null
}

/** How a job goes back to the queue. */
export interface GiveBack {
  status: 'retry' | 'queued'
  delay_seconds: number
}

export interface LeaseLookup {
  queue_id: string
  worker_id: string | null
  back: GiveBack | null
  is_own: boolean
  /** Whether a reason is given that may hold what the job's credentials open. */
  is_asking: boolean
  /** Of what playbooks, by what their paths begin with; null: all. */
  within: string | null
}

/**
 * The job that has, or had, this lease; no row when none had. With `back` a leased one that has attempts
 * left goes back to the queue in the same statement. What the edge executor holds is not the workers' to end.
 */
export const findLease = (sql: Sql, r: LeaseLookup): Statement => sql`
  with given_back as (
    update noetl.queue q set status = ${r.back?.status ?? 'retry'}, lease_until = null, updated_at = now(),
      available_at = now() + make_interval(secs => ${r.back?.delay_seconds ?? 0}::float8)
    where ${r.back !== null}::bool and q.queue_id = ${r.queue_id} and q.status = 'leased'
      and (q.runner = 'worker' or ${r.is_own}::bool) and q.attempts < q.max_attempts
      and (${r.worker_id}::text is null or q.worker_id = ${r.worker_id})
      ${within(sql, r.within, sql`q.path`)}
    returning q.queue_id
  ), j as (
    select q.*, true as present from noetl.queue q where q.queue_id = ${r.queue_id}
    union all
    select q.*, false from noetl.former_lease f join noetl.queue q using (execution_id, node_id)
    where f.queue_id = ${r.queue_id} and q.queue_id <> f.queue_id
    limit 1
  ), open as (
    select j.*, j.present and j.status = 'leased' and not exists (select from given_back) as yes from j
  )
  select ${headColumns(sql)}, ${heavyColumns(sql, sql`open.yes`)}, open.status as job_status, open.present,
    open.worker_id, open.runner, open.node_id, open.node_name, open.attempts, open.max_attempts,
    exists (select from given_back) as given_back,
    case when ${r.is_asking}::bool and open.yes then
      (select ${askedColumn(sql)} from open j where ${asks(sql)}) end as asked,
    case when open.yes then (
      select jsonb_build_object('event_type', e.event_type, 'event_id', e.event_id::text, 'seq', e.seq,
        'result', e.result, 'error', e.error)
      from noetl.event e
      where e.execution_id = open.execution_id and e.node_name = open.node_name
        and e.event_type in ('action_error', 'step_result')
        -- of this attempt: what came before its start is another's
        and e.seq > coalesce((select max(s.seq) from noetl.event s where s.execution_id = open.execution_id
          and s.node_name = open.node_name and s.event_type = 'action_started'), 0)
      order by e.seq desc limit 1) end as outcome,
    case when open.yes then ${resultsOf(
      sql,
      sql`open.execution_id`,
      sql`array(select unnest(open.needs) union select unnest(x.join_needs))`,
    )} end as results
  from open join noetl.execution x using (execution_id)
  where true ${within(sql, r.within, sql`x.path`)}`

/** Puts off the end of a lease that is held; no row when no job has, or had, it. */
export const heartbeat = (
  sql: Sql,
  r: { queue_id: string; worker_id: string | null; seconds: number; within: string | null },
): Statement => sql`
  with extended as (
    update noetl.queue q set lease_until = now() + make_interval(secs => ${r.seconds}::float8),
      last_heartbeat = now(), updated_at = now()
    where q.queue_id = ${r.queue_id} and q.status = 'leased' and q.runner = 'worker'
      and (${r.worker_id}::text is null or q.worker_id = ${r.worker_id})
      ${within(sql, r.within, sql`q.path`)}
    returning q.queue_id
  )
  select exists (select from extended) as extended, q.status as job_status,
    q.queue_id = ${r.queue_id} as present
  from noetl.queue q
  where (q.queue_id = ${r.queue_id} or (q.execution_id, q.node_id) = (
      select f.execution_id, f.node_id from noetl.former_lease f where f.queue_id = ${r.queue_id}))
    ${within(sql, r.within, sql`q.path`)}
  limit 1`

/** Sends a dead job again, with as many attempts as it had, if its execution is still open. */
export const redrive = (sql: Sql, queueId: string, prefix: string | null = null): Statement => sql`
  with j as (
    select q.queue_id, q.execution_id, q.status, x.ended_at is not null as ended, x.status as execution_status
    from noetl.queue q join noetl.execution x using (execution_id)
    where q.queue_id = ${queueId} ${within(sql, prefix, sql`x.path`)}
    for share of x
  ), sent as (
    update noetl.queue q set status = 'queued', attempts = 0, worker_id = null, available_at = now(),
      updated_at = now()
    from j where q.queue_id = j.queue_id and q.status = 'dead' and not j.ended
    returning q.queue_id
  )
  select j.status as job_status, j.ended, j.execution_id::text, j.execution_status,
    exists (select from sent) as sent from j`
