// SQL of the queue: leases taken by the edge executor, and given back when they ran out.

import type { Sql, Statement } from '../db.ts'
import type { Started } from '../event/commit.ts'
import { type ExecutionRow, executionColumns, type Held, resultsOf } from '../event/log.ts'
import { CHILD } from '../event/types.ts'
import type { Json } from '../json.ts'
import { MAY_SHOW_SECRET } from '../redact/forms.ts'
import type { Status } from '../status.ts'

export interface ResumedRow extends ExecutionRow {
  jobs: Started[] | null
  /** Whether there are free jobs that may take longer than was left. */
  too_long: boolean
}

/**
 * Takes up to as many edge jobs of an execution as ids are given, records their action_started, and
 * returns the execution with what the jobs and the decisions after them mention. No row when it is
 * unknown or has ended. Safe to repeat: a job leased under one of these ids is returned again.
 */
export const resume = (
  sql: Sql,
  p: {
    execution_id: string
    worker_id: string
    seconds: number
    queue_ids: string[]
    event_ids: string[]
    /** Seconds in which what is taken must have ended. */
    seconds_left: number
  },
): Statement => sql`
  with locked as (
    -- the execution's row before its jobs, as every writer takes them
    select * from noetl.execution where execution_id = ${p.execution_id} and ended_at is null for update
  ), mine as (
    -- the ids were drawn for this execution: by them alone, not among all that it has done
    select q.* from noetl.queue q
    where q.status = 'leased' and q.queue_id = any(${p.queue_ids}::bigint[])
  ), ready as (
    select r.* from locked, lateral (
      select q.queue_id from noetl.queue q
      where q.execution_id = locked.execution_id and q.runner = 'edge'
        and q.status in ('queued', 'retry') and q.available_at <= now() and q.attempts < q.max_attempts
        and not exists (select from mine) and noetl.edge_limit(q.action) <= ${p.seconds_left}
        -- of one that is paused only time goes on
        and (locked.status <> 'PAUSED' or q.tool = 'timeout')
      order by q.priority desc, q.created_at, q.queue_id
      limit ${p.queue_ids.length}
      for update skip locked
    ) r
  ), numbered as (
    select queue_id, row_number() over (order by queue_id)::int as n from ready
  ), leased as (
    update noetl.queue q set status = 'leased', queue_id = (${p.queue_ids}::bigint[])[numbered.n],
      attempts = q.attempts + 1, worker_id = ${p.worker_id}, last_heartbeat = now(), updated_at = now(),
      lease_until = now() + make_interval(secs => ${p.seconds}::float8)
    from numbered where q.queue_id = numbered.queue_id
    returning q.*, numbered.n
  ), moved as (
    update noetl.execution x set version = x.version + (select count(*) from leased)::int,
      last_event_type = 'action_started'
    from locked
    where x.execution_id = ${p.execution_id} and exists (select from leased)
    returning x.*
  ), started as (
    insert into noetl.event (execution_id, catalog_id, seq, event_id, parent_event_id, event_type,
      node_id, node_name, node_type, status, context, attempt)
    select m.execution_id, m.catalog_id, m.version - (select count(*) from leased)::int + l.n,
      (${p.event_ids}::bigint[])[l.n], l.event_id, 'action_started', l.node_id, l.node_name, 'task',
      'STARTED', jsonb_build_object(
        'work', case when l.context::text ~* ${MAY_SHOW_SECRET} then '{}' else l.context end,
        -- what its author wrote where a secret belongs cannot be told from the rest here
        'task', case when l.action::text ~* ${MAY_SHOW_SECRET}
          then jsonb_build_object('name', l.action->'name', 'type', l.action->'type') else l.action end,
        'retry', jsonb_build_object('attempt', l.attempts, 'max_attempts', l.max_attempts,
          'is_retry', l.attempts > 1)), l.attempts
    from moved m, leased l
  ), jobs as (
    select queue_id, node_id, node_name, tool, action, context, needs, attempts, max_attempts, created_at,
      event_id as step_event_id, (${p.event_ids}::bigint[])[n] as event_id from leased
    union all
    select queue_id, node_id, node_name, tool, action, context, needs, attempts, max_attempts, created_at,
      event_id, (${p.event_ids}::bigint[])[array_position(${p.queue_ids}::bigint[], queue_id)] from mine
  ), x as (
    select * from moved union all select * from locked where not exists (select from moved)
  )
  select ${executionColumns(sql)},
    (select jsonb_agg(jsonb_build_object('queue_id', j.queue_id::text, 'node_id', j.node_id,
      'node_name', j.node_name, 'tool', j.tool, 'action', j.action, 'context', j.context,
      'attempt', j.attempts, 'max_attempts', j.max_attempts, 'event_id', j.event_id::text,
      'waited', extract(epoch from now() - j.created_at)::float8,
      'step_event_id', j.step_event_id::text)) from jobs j
    ) as jobs,
    x.status <> 'PAUSED' and exists (select from noetl.queue q
      where q.execution_id = ${p.execution_id} and q.runner = 'edge' and q.status in ('queued', 'retry')
        and q.available_at <= now() and q.attempts < q.max_attempts
        and noetl.edge_limit(q.action) > ${p.seconds_left}) as too_long,
    ${resultsOf(sql, p.execution_id, sql`array(select unnest(j.needs) from jobs j)`)} as results
  from x`

/** Puts off the end of leases that are still the holder's; their ids. */
export const extend = (sql: Sql, held: Omit<Held, 'nodes'>, seconds: number): Statement => sql`
  update noetl.queue set lease_until = now() + make_interval(secs => ${seconds}::float8),
    last_heartbeat = now(), updated_at = now()
  where queue_id = any(${held.queue_ids}::bigint[]) and status = 'leased' and worker_id = ${held.worker_id}
  returning queue_id::text`

export interface SweptRow {
  /** Executions with edge jobs that nobody runs. */
  stranded: string[]
  /** Executions with reports that nobody has answered. */
  undecided: string[]
  /**
   * Leases that ran out in the last permitted attempt, and how many there were; `allowed` is how many
   * seconds the step may take, when that is what ran out.
   */
  exhausted: { queue_id: string; execution_id: string; attempts: number; allowed: number | null }[]
  /** How many leases that ran out have been freed. */
  freed: number
  /** Child executions that have ended without their parents knowing, and that have outlived them. */
  unreported: string[]
  abandoned: string[]
}

/** How many of each kind one sweep takes up; the next goes on. */
const SWEEP_LIMIT = 500
/** A job is stranded when it has been free for this long: whoever queued it would have begun. */
const STRANDED_SECONDS = 10
/** How much longer than its step allows a worker may take before the step fails without it. */
const OVERDUE_SECONDS = 10
/** How long a job that is over can be asked after, and a request sent again; dead jobs are there to be looked at. */
const DONE_DAYS = 7
const DEAD_DAYS = 30
/** How many rows one sweep drops: more than a busy minute leaves behind. */
const DROP_LIMIT = 20_000

/** Frees leases that ran out, and lists what needs somebody to go on with it. */
export const sweep = (sql: Sql): Statement => sql`
  with overdue as (
    -- some seconds are the worker's own, to say so itself
    select q.queue_id, noetl.time_limit(q.action) as allowed from noetl.queue q
    where q.status = 'leased' and q.runner = 'worker' and noetl.time_limit(q.action) is not null
      and q.leased_at < now() - make_interval(secs => noetl.time_limit(q.action) + ${OVERDUE_SECONDS})
    order by q.leased_at limit ${SWEEP_LIMIT} for update skip locked
  ), silent as (
    select q.queue_id, null::float8 as allowed from noetl.queue q
    where q.status = 'leased' and q.lease_until < now() and not noetl.is_attended(q)
    order by q.lease_until limit ${SWEEP_LIMIT} for update skip locked
  ), over as (
    select queue_id, max(allowed) as allowed
    from (select * from overdue union all select * from silent) both_kinds group by queue_id
  ), freed as (
    update noetl.queue q set status = 'retry', worker_id = null, lease_until = null,
      available_at = now(), updated_at = now()
    from over where q.queue_id = over.queue_id and q.attempts < q.max_attempts
      -- a step that took too long is tried again if it asks for that
      and (over.allowed is null or noetl.retries(q.action))
    returning q.queue_id, q.execution_id, q.runner
  ), spent as (
    select q.queue_id, q.execution_id, q.attempts, over.allowed from noetl.queue q join over using (queue_id)
    where not exists (select from freed where freed.queue_id = q.queue_id)
  ), outlived as (
    -- queued by hand at the very instant that its execution ended
    update noetl.queue q set status = 'dead', lease_until = null, updated_at = now()
    from noetl.execution x
    where x.ended_at > now() - interval '10 minutes' and q.execution_id = x.execution_id
      and q.status in ('queued', 'retry')
  ), stranded as (
    select execution_id from freed where runner = 'edge'
    union
    (select q.execution_id from noetl.queue q
      where q.runner = 'edge' and q.status in ('queued', 'retry') and q.attempts < q.max_attempts
        and q.available_at < now() - make_interval(secs => ${STRANDED_SECONDS})
        -- looked up job by job; those of paused ones would stand before all others
        and (q.tool = 'timeout' or coalesce((select x.status from noetl.execution x
          where x.execution_id = q.execution_id), '') <> 'PAUSED')
      order by q.available_at limit ${SWEEP_LIMIT})
  ), dropped as (
    delete from noetl.queue where queue_id = any(array(select queue_id from noetl.queue
      where status = 'done' and queue_id < noetl.id_at(now() - make_interval(days => ${DONE_DAYS}))
      order by queue_id limit ${DROP_LIMIT}))
  ), buried as (
    delete from noetl.queue where queue_id = any(array(select queue_id from noetl.queue
      where status = 'dead' and queue_id < noetl.id_at(now() - make_interval(days => ${DEAD_DAYS}))
      order by queue_id limit ${DROP_LIMIT}))
  ), forgotten as (
    delete from noetl.former_lease where queue_id = any(array(select queue_id from noetl.former_lease
      where queue_id < noetl.id_at(now() - make_interval(days => ${DONE_DAYS}))
      order by queue_id limit ${DROP_LIMIT}))
  ), unkeyed as (
    delete from noetl.idempotency where (caller, key) in (select caller, key from noetl.idempotency
      where created_at < now() - make_interval(days => ${DONE_DAYS})
      order by created_at limit ${DROP_LIMIT})
  )
  select (select count(*)::int from freed) as freed,
    array(select x.execution_id::text from noetl.queue q
      join noetl.execution x on x.execution_id = q.event_id
      where q.tool = 'playbook' and q.status = 'leased' and x.ended_at is not null
        and q.worker_id = ${CHILD} || x.execution_id limit ${SWEEP_LIMIT}) as unreported,
    array(select c.execution_id::text from noetl.execution c
      join noetl.execution p on p.execution_id = c.parent_execution_id
      where c.ended_at is null and c.parent_event_id = c.execution_id and (p.ended_at is not null
        or exists (select from noetl.queue q where q.execution_id = c.parent_execution_id
          and q.node_id = c.parent_execution_id || ':' || c.parent_step and q.status in ('done', 'dead')))
      limit ${SWEEP_LIMIT}) as abandoned,
    array(select execution_id::text from stranded) as stranded,
    array(select execution_id::text from noetl.execution where undecided <> '{}'
      limit ${SWEEP_LIMIT}) as undecided,
    coalesce((select jsonb_agg(jsonb_build_object('queue_id', queue_id::text,
      'execution_id', execution_id::text, 'attempts', attempts, 'allowed', allowed)) from spent), '[]')
      as exhausted`

export interface ChildRow {
  /** Whether the job is the child's now, to be ended when it ends. */
  handed: boolean
  status: Status
  result: Json
  error: string | null
  duration: number | null
}

/**
 * Hands a job over to the child execution that does it, unless that has ended already. The lock makes the
 * child's end come before or after, never in between; who ends it later reports to the parent.
 */
export const handOver = (
  sql: Sql,
  p: { queue_id: string; worker_id: string; child_id: string },
): Statement => sql`
  with child as (
    select * from noetl.execution where execution_id = ${p.child_id} for share
  ), handed as (
    update noetl.queue q set worker_id = ${CHILD + p.child_id}, updated_at = now(),
      lease_until = now() + interval '100 years'
    from child
    where q.queue_id = ${p.queue_id} and q.status = 'leased' and q.worker_id = ${p.worker_id}
      and child.ended_at is null
    returning q.queue_id
  )
  select exists (select from handed) or exists (select from noetl.queue q
      where q.queue_id = ${p.queue_id} and q.worker_id = ${CHILD + p.child_id}) as handed,
    child.status, child.result, child.error,
    extract(epoch from child.ended_at - child.started_at)::float8 as duration
  from child`

export interface EndedChildRow extends Omit<ChildRow, 'handed'> {
  path: string
  parent_execution_id: string
  parent_step: string
}

/** How a child execution has ended; no row while it runs, or when it is nobody's child. */
export const findEndedChild = (sql: Sql, childId: string): Statement => sql`
  select x.status, x.result, x.error, x.path, x.parent_execution_id::text, x.parent_step,
    extract(epoch from x.ended_at - x.started_at)::float8 as duration
  from noetl.execution x
  where x.execution_id = ${childId} and x.parent_event_id = x.execution_id and x.ended_at is not null`

/** Child executions of an execution that have not ended. */
export const findOpenChildren = (sql: Sql, executionId: string): Statement => sql`
  select x.execution_id::text from noetl.execution x
  where x.parent_execution_id = ${executionId} and x.parent_event_id = x.execution_id
    and x.ended_at is null`

/** Paths of the playbooks that an execution runs within, its own first, at most one more than allowed. */
export const findAncestors = (sql: Sql, executionId: string, max: number): Statement => sql`
  with recursive up as (
    select x.execution_id, x.path, x.parent_execution_id, x.parent_event_id, 1 as depth
    from noetl.execution x where x.execution_id = ${executionId}
    union all
    select x.execution_id, x.path, x.parent_execution_id, x.parent_event_id, up.depth + 1
    from up join noetl.execution x on x.execution_id = up.parent_execution_id
    where up.parent_event_id = up.execution_id and up.depth <= ${max}::int
  )
  select path from up order by depth`

export const ensurePartitions = (sql: Sql): Statement => sql`select noetl.ensure_partitions(3)`
