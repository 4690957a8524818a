// SQL of what charts of an execution are made from: the slim columns of its log, never what its events carry.

import type { Sql, Statement } from '../db.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Status } from '../status.ts'
import type { Asked, ExecutionStanding } from './fresh.ts'
import { fromExecution, standing, standingColumns, wanted } from './reads.ts'
import { type Counts, SHOWN_ITERATIONS, type SlimEvent, SPAN_EVENTS } from './timeline.ts'

/** The playbook of execution `x`, unless its reader has compiled it. */
interface EntryColumns {
  catalog_id: string
  path: string
  entry_version: number
  /** What it is compiled from, where it is not known. */
  payload: JsonObject | null
}

const entryColumns = (sql: Sql, compiled: readonly string[]) => sql`
  x.catalog_id::text, x.path, x.entry_version,
  (select c.payload from noetl.catalog c where c.catalog_id = x.catalog_id
    and c.catalog_id <> all(${compiled}::bigint[])) as payload`

/** Iterations by their iterators; asked for none where `asked` does not hold. */
const iterationCounts = (sql: Sql, executionId: string, asked: Statement, nodes: Statement) => sql`
  (select jsonb_object_agg(c.node, jsonb_build_array(c.started, c.done, c.failed)) from (
    select left(e.node_name, -strpos(reverse(e.node_name), '[')) as node,
      count(*) filter (where e.event_type = 'iteration_started') as started,
      count(*) filter (where e.event_type = 'iteration_completed') as done,
      count(*) filter (where e.event_type = 'iteration_failed') as failed
    from noetl.event e
    where ${asked} and e.execution_id = ${executionId}
      and e.event_type in ('iteration_started', 'iteration_completed', 'iteration_failed')
    group by 1) c
  where c.node = any(array(${nodes})))`

/** Whether nodes `b` are shown unless others are asked for: a step's first iterations, and none within them. */
const unexpanded = (sql: Sql) => sql`
  split_part(b.node_name, '[', 3) in ('', 'save]', 'timeout]')
    and case when rtrim(split_part(b.node_name, '[', 2), ']') in ('', 'save', 'timeout') then true
      else rtrim(split_part(b.node_name, '[', 2), ']')::int < ${SHOWN_ITERATIONS} end`

/** Whether they are iterations of a node, or saves and timers of these. */
const expanded = (sql: Sql, node: string) => sql`
  starts_with(b.node_name, ${node} || '[')
    and split_part(substr(b.node_name, length(${node}) + 1), '[', 2) not in ('save]', 'timeout]')
    and split_part(substr(b.node_name, length(${node}) + 1), '[', 3) in ('', 'save]', 'timeout]')`

/** A page of spans: those that began after a seq, so many; `expand`: the iterations of a node, instead. */
export interface SpanPage {
  after: number
  limit: number
  expand: string | null
}

export type TimelineRow = ExecutionStanding &
  EntryColumns & {
    id: string
    status: Status
    start_time: string
    end_time: string | null
    ended_at: number | null
    now: string
    nodes: string[] | null
    /** seq of the last of these nodes. */
    last_seq: number | null
    more: boolean
    events: SlimEvent[] | null
    counts: Record<string, Counts> | null
    children: Record<string, string> | null
  }

/** What the spans of an execution are folded from; of what the reader has, its standing alone. */
export const findTimeline = (
  sql: Sql,
  executionId: string,
  page: SpanPage,
  { asked, compiled, within }: { asked: Asked; compiled: readonly string[]; within: string | null },
): Statement => sql`
  with known as materialized (${standing(
    sql,
    asked,
    // children begin without an event of their parent; and of an execution that runs the time is told
    sql`${`${page.after}-${page.limit}`}::text, left(md5(${page.expand}::text), 12),
      (select count(*) from noetl.execution c where c.parent_execution_id = x.execution_id)`,
    fromExecution(sql, executionId, within),
  )}), begun as materialized (
    select b.seq, b.node_name from (
      select e.seq, e.node_name from noetl.event e
      where ${wanted(sql)} and e.execution_id = ${executionId}
        and e.event_type in ('step_started', 'iteration_started', 'save_started')
      union all
      select min(e.seq), e.node_name from noetl.event e
      where ${wanted(sql)} and e.execution_id = ${executionId}
        and e.event_type = 'action_started' and right(e.node_name, 9) = '[timeout]'
      group by e.node_name
      union all
      -- what failed before it could begin
      select e.seq, e.node_name from noetl.event e
      where ${wanted(sql)} and e.execution_id = ${executionId}
        and e.event_type = 'step_failed' and not exists (select from noetl.event s
          where s.execution_id = ${executionId} and s.node_name = e.node_name
            and s.event_type = 'step_started')
      -- all of them by the index that has their names, and then sorted: the log itself is wide
      offset 0
    ) b
    where b.seq > ${page.after}::int and ${page.expand === null ? unexpanded(sql) : expanded(sql, page.expand)}
    order by b.seq limit ${page.limit}::int + 1
  ), shown as materialized (
    select * from begun order by seq limit ${page.limit}::int
  ), named as (
    select node_name from shown
    union
    -- what ends a save, and a timer, is that what they belong to ends
    select left(node_name, -length(substring(node_name from '\\[[a-z]+\\]$'))) from shown
    where node_name ~ '\\[[a-z]+\\]$'
  )
  select d.*, ${standingColumns(sql)}
  from known k left join lateral (
    select x.execution_id::text as id, x.status, noetl.rfc3339(x.started_at) as start_time,
      noetl.rfc3339(x.ended_at) as end_time, (extract(epoch from x.ended_at) * 1000000)::float8 as ended_at,
      noetl.rfc3339(now()) as now, ${entryColumns(sql, compiled)},
      (select jsonb_agg(s.node_name order by s.seq) from shown s) as nodes,
      (select max(s.seq) from shown s) as last_seq,
      (select count(*) from begun) > (select count(*) from shown) as more,
      (select jsonb_agg(jsonb_build_array(e.node_name, e.event_type,
          (extract(epoch from e.created_at) * 1000000)::bigint, e.attempt,
          case when e.event_type like 'action%' then
            left(coalesce(e.worker_id, e.meta->>'worker_id', e.meta->>'worker_pool'), 256) end,
          case when e.event_type = 'action_error' then left(e.error, 500) end,
          case when e.event_type = 'iterator_started' then e.context->'total' end) order by e.seq)
        from named n join noetl.event e on e.node_name = n.node_name
        where e.execution_id = ${executionId} and e.event_type = any(${SPAN_EVENTS}::text[])) as events,
      ${iterationCounts(
        sql,
        executionId,
        sql`exists (select from shown s join noetl.event i on i.node_name = s.node_name
          where i.execution_id = ${executionId} and i.event_type = 'iterator_started')`,
        sql`select s.node_name from shown s`,
      )} as counts,
      (select jsonb_object_agg(c.parent_step, c.id) from (
        select c.parent_step, max(c.execution_id)::text as id from noetl.execution c
        where c.parent_execution_id = ${executionId} and c.parent_event_id = c.execution_id
          and c.parent_step = any(array(select node_name from shown))
        group by c.parent_step) c) as children
    from noetl.execution x
    where ${wanted(sql)} and x.execution_id = k.execution_id offset 0
  ) d on true`

export type GraphRow = ExecutionStanding &
  EntryColumns & {
    id: string
    status: Status
    facts: [string, string, number, Json][] | null
    counts: Record<string, Counts> | null
  }

/** What an execution's log has of its steps; of what the reader has, its standing alone. */
export const findGraph = (
  sql: Sql,
  executionId: string,
  { asked, compiled, within }: { asked: Asked; compiled: readonly string[]; within: string | null },
): Statement => sql`
  with known as materialized (${standing(sql, asked, sql`null`, fromExecution(sql, executionId, within))}),
  stages as materialized (
    select e.node_name, e.event_type, 1 as count,
      case when e.event_type in ('execution_start', 'step_completed')
        then jsonb_path_query_array(e.context, '$.next[*].step') end as more
    from noetl.event e
    where ${wanted(sql)} and e.execution_id = ${executionId} and e.event_type in (
      'execution_start', 'step_started', 'step_completed', 'step_failed', 'step_skipped')
  ), steps as materialized (
    select node_name from stages where event_type = 'step_started'
  ), actions as materialized (
    select e.node_name, e.event_type, count(*)::int as count,
      max(case when e.event_type = 'iterator_started' then (e.context->>'total')::int end) as total
    from steps s join noetl.event e on e.node_name = s.node_name
    where e.execution_id = ${executionId}
      and e.event_type in ('action_started', 'action_waiting', 'action_error', 'iterator_started')
    group by e.node_name, e.event_type
  )
  select d.*, ${standingColumns(sql)}
  from known k left join lateral (
    select x.execution_id::text as id, x.status, ${entryColumns(sql, compiled)},
      (select jsonb_agg(jsonb_build_array(f.node_name, f.event_type, f.count, f.more)) from (
        table stages union all select node_name, event_type, count, to_jsonb(total) from actions) f) as facts,
      ${iterationCounts(
        sql,
        executionId,
        sql`exists (select from actions where event_type = 'iterator_started')`,
        sql`select node_name from steps`,
      )} as counts
    from noetl.execution x
    where ${wanted(sql)} and x.execution_id = k.execution_id offset 0
  ) d on true`
