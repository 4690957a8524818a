// SQL of POST /api/events: one report appended, whatever its execution's version is.

import { within } from '../access/within.ts'
import { partOf, timerOf } from '../catalog/nodes.ts'
import type { Sql, Statement } from '../db.ts'
import { type Json, toJson, toJsonOrNull } from '../json.ts'
import { isTerminal, type Status } from '../status.ts'
import { type Asked, askedColumn, asks } from './asked.ts'
import { type ExecutionRow, headColumns, heavyColumns, resultsOf } from './log.ts'
import { nodeId } from './types.ts'

/** A report as it is stored. */
export interface NewReport {
  execution_id: string
  event_id: string
  /** Whether the secrets of its job have been taken out of it. */
  is_redacted: boolean
  /** Whether the sender gave the id. If not, the same action report of an attempt counts as sent twice. */
  id_given: boolean
  is_action_report: boolean
  is_deciding: boolean
  parent_event_id: string | null
  parent_execution_id: string | null
  event_type: string
  node_id: string
  node_name: string
  node_type: string
  status: Status
  duration: number
  context: Json
  result: Json
  meta: Json
  error: string | null
  stack_trace: string | null
  trace_component: Json
  worker_id: string | null
  /** The lease that it was done under, where the sender tells. */
  queue_id: string | null
  attempt: number | null
  current_index: number | null
  current_item: Json
}

/** What `record` answers: no row when there is no such execution. */
export interface RecordedRow extends ExecutionRow {
  /** The event that is in the log already under this id, or that this one repeats. */
  existing_id: string | null
  same: boolean | null
  /** seq of the event if it was written now. */
  seq: number | null
  /** Whether the evaluator has to answer it. */
  deciding: boolean | null
  /** Whether its sender no longer holds the job that it reports on. */
  refused: boolean
  /** What it must be looked at with first: nothing else is answered then, and nothing written. */
  asked: Asked | null
}

/**
 * Appends a report and counts it; the execution's row lock gives it its seq. An end of an action is
 * noted as undecided and closes its job, so nobody leases it again while the decision is made. Safe to
 * repeat: the event id is drawn beforehand.
 */
export const record = (sql: Sql, r: NewReport, prefix: string | null = null): Statement => sql`
  with given as (
    -- each is a parameter once: a request to Neon is at most 10 MB
    select ${toJson(r.context)}::jsonb as context, ${toJsonOrNull(r.result)}::jsonb as result,
      ${toJson(r.meta)}::jsonb as meta, ${toJsonOrNull(r.trace_component)}::jsonb as trace_component,
      ${toJsonOrNull(r.current_item)}::jsonb as current_item
  ), keyed as (
    select g.*, case when not ${r.id_given}::bool and ${r.is_action_report}::bool then
      md5(concat_ws(chr(31), ${r.event_type}::text, ${r.node_name}::text, ${r.status}::text,
        g.context::text, g.result::text, ${r.error}::text, ${r.current_index}::text,
        case when ${r.event_type} = 'action_error' then (
          -- the same error of the next attempt is another report
          select count(*) from noetl.event e where e.execution_id = ${r.execution_id}
            and e.node_name = ${r.node_name} and e.event_type = 'action_started') end)) end as report_key
    from given g
  ), existing as (
    select e.event_id,
      e.event_type = ${r.event_type} and e.status = ${r.status} and e.node_name = ${r.node_name}
        and e.context is not distinct from g.context and e.result is not distinct from g.result
        and e.meta is not distinct from g.meta and e.error is not distinct from ${r.error}
        and e.node_type = ${r.node_type} and e.duration = ${r.duration}::float8
        and e.attempt is not distinct from ${r.attempt}::int
        and e.worker_id is not distinct from ${r.worker_id}
        and e.current_index is not distinct from ${r.current_index}::int
        and e.current_item is not distinct from g.current_item
        and e.node_id = ${r.node_id} and e.stack_trace is not distinct from ${r.stack_trace}
        and e.trace_component is not distinct from g.trace_component
        and e.parent_event_id = coalesce(${r.parent_event_id}::bigint, e.parent_event_id)
        and e.parent_execution_id is not distinct from ${r.parent_execution_id}::bigint as same
    from noetl.event e, keyed g
    where e.execution_id = ${r.execution_id} and e.event_id = ${r.event_id}
    union all
    select e.event_id, true
    from keyed g join noetl.event e on e.report_key = g.report_key
    where e.execution_id = ${r.execution_id}
    limit 1
  ), job as (
    select q.* from noetl.queue q
    where q.execution_id = ${r.execution_id}
      and q.node_id in (${r.node_id}, ${nodeId(r.execution_id, r.node_name)})
    order by q.node_id <> ${r.node_id} limit 1
  ), asking as (
    select j.* from job j where not ${r.is_redacted}::bool and ${asks(sql)}
  ), refused as (
    -- who says which lease it is must hold it, and what the edge executor holds is its own to report
    select from job j where ${r.is_action_report}::bool and (
      j.queue_id <> ${r.queue_id}::bigint
      or (${r.queue_id}::bigint is not null and j.status in ('queued', 'retry'))
      -- a timer's time is over when it has been leased
      or (j.tool = 'timeout' and j.status <> 'leased')
      -- and a wait's is not until then, and the edge executor's to tell
      or (j.tool = 'wait' and j.status in ('queued', 'retry'))
      or (${r.is_deciding}::bool and j.status = 'leased' and (j.worker_id <> ${r.worker_id}
        or (j.runner = 'edge' and j.worker_id is distinct from ${r.worker_id}))))
  ), moved as (
    update noetl.execution x set
      version = x.version + 1,
      events_done = x.events_done + ${isTerminal(r.status) ? 1 : 0}::int,
      -- the formula of src/event/state.ts
      progress = case when x.ended_at is null then greatest(x.progress, least(99,
        100 * (x.events_done + ${isTerminal(r.status) ? 1 : 0}::int) / (x.version + 1)))
        else x.progress end,
      last_event_type = ${r.event_type},
      undecided = case
        when ${r.is_deciding}::bool and x.ended_at is null
          and (x.state->'active' ? ${awaitedNode(r.node_name)} or ${r.node_name} = ${timerOf('')})
          -- whether an attempt that failed is the last one is for its holder to say, by failing the job
          and not exists (select from job j where ${r.event_type} = 'action_error'
            and j.status in ('queued', 'leased', 'retry') and noetl.retries(j.action)
            and j.tool <> 'playbook')
        then x.undecided || (x.version + 1) else x.undecided end
    where x.execution_id = ${r.execution_id} and not exists (select from existing)
      and not exists (select from refused) and not exists (select from asking) ${within(sql, prefix, sql`x.path`)}
    returning x.*
  ), logged as (
    insert into noetl.event (execution_id, catalog_id, seq, event_id, parent_event_id,
      parent_execution_id, event_type, node_id, node_name, node_type, status, duration, context, result,
      meta, error, stack_trace, trace_component, worker_id, attempt, current_index, current_item,
      report_key)
    select m.execution_id, m.catalog_id, m.version, ${r.event_id}::bigint,
      coalesce(${r.parent_event_id}::bigint, (select e.event_id from noetl.event e
        where e.execution_id = m.execution_id order by e.seq desc limit 1)),
      ${r.parent_execution_id}::bigint, ${r.event_type}, ${r.node_id}, ${r.node_name}, ${r.node_type},
      ${r.status}, ${r.duration}::float8, g.context, g.result, g.meta, ${r.error}, ${r.stack_trace},
      g.trace_component, ${r.worker_id}, ${r.attempt}::int, ${r.current_index}::int, g.current_item,
      g.report_key
    from moved m, keyed g
  ), begun as (
    update noetl.queue q set pool = left(g.meta->>'worker_pool', 256), begun_at = now()
    from moved m, job j, given g
    where ${r.event_type} = 'action_started' and q.execution_id = m.execution_id
      and q.node_id = j.node_id and q.status = 'leased' and q.runner = 'worker'
  ), closed as (
    update noetl.queue q set lease_until = null, updated_at = now(),
      status = ${r.event_type === 'action_error' ? 'dead' : 'done'}
    from moved m, job j
    where m.version = any(m.undecided) and q.execution_id = m.execution_id and q.node_id = j.node_id
      and q.status in ('queued', 'retry', 'leased')
  )
  select ${headColumns(sql)}, ${heavyColumns(sql, sql`x.version = any(x.undecided)`)},
    null::text as existing_id, null::bool as same, x.version as seq,
    x.version = any(x.undecided) as deciding, false as refused, null::jsonb as asked,
    case when x.version = any(x.undecided) then
      ${resultsOf(
        sql,
        r.execution_id,
        sql`array(
          select unnest(j.needs) from job j
          union
          select unnest(x.join_needs) where jsonb_array_length(x.state->'active') <= 1)`,
      )}
    end as results
  from moved x
  union all
  select ${headColumns(sql)}, ${heavyColumns(sql, sql`false`)}, existing.event_id::text, existing.same,
    null, null, existing.event_id is null, (select ${askedColumn(sql)} from asking j), null
  from noetl.execution x left join existing on true
  where x.execution_id = ${r.execution_id}
    and (exists (select from existing) or exists (select from refused) or exists (select from asking))
    ${within(sql, prefix, sql`x.path`)}`

/** The node that a report on this one may decide: a timer has none of its own. */
function awaitedNode(node: string): string {
  const part = partOf(node)
  return part?.part === 'timeout' ? part.whole : node
}
