// The event log's SQL: appending, and what appending needs to read. Nothing here updates or deletes an
// event. Every append moves the execution's row on in the same statement, so `version` and `seq` agree,
// and writers of one execution queue up on that row (lock order: execution, then its jobs).

import { within } from '../access/within.ts'
import { partOf, stepOf } from '../catalog/nodes.ts'
import { decisionNeeds, type Playbook } from '../catalog/playbook.ts'
import { PLAYBOOK } from '../catalog/work.ts'
import type { Sql, Statement } from '../db.ts'
import { newId } from '../ids.ts'
import { type Json, type JsonObject, storableText, toJson, toJsonOrNull } from '../json.ts'
import { isTerminal, type Status } from '../status.ts'
import type { Decision } from './dispatcher.ts'
import { type State, stateFromJson, stateToJson } from './state.ts'
import { type Draft, nodeId } from './types.ts'

/** An event that is ready to be written. */
export interface NumberedEvent extends Omit<Draft, 'parent'> {
  seq: number
  event_id: string
  node_id: string
  parent_event_id: string | null
}

/** Gives drafts their ids and their places in the log, which ends at `version` now. */
export function numberEvents(drafts: readonly Draft[], version: number): NumberedEvent[] {
  const ids = drafts.map(newId)
  return drafts.map(({ parent, ...draft }, index) => {
    const event_id = ids[index] ?? newId()
    return {
      ...draft,
      seq: version + 1 + index,
      event_id,
      node_id: draft.node_id ?? event_id,
      parent_event_id: typeof parent === 'number' ? (ids[parent] ?? null) : parent,
    }
  })
}

/** A job to be queued, or queued and leased at once to whoever writes it. */
export interface NewJob {
  queue_id: string
  node_id: string
  node_name: string
  tool: string
  action: JsonObject
  context: JsonObject
  needs: string[]
  runner: 'edge' | 'worker'
  event_id: string
  max_attempts: number
  /** Seconds until it may begin. */
  delay_seconds: number
}

/** The jobs of a decision. `events` are its drafts, numbered. */
export function jobsOf(
  playbook: Playbook,
  decision: Decision,
  events: readonly NumberedEvent[],
  executionId: string,
  edgeTools: ReadonlySet<string>,
): NewJob[] {
  return decision.jobs.map(
    ({ node, work: { tool, action, names }, data, startedBy, delay = 0 }) => ({
      queue_id: newId(),
      node_id: nodeId(executionId, node),
      node_name: node,
      tool,
      action: { name: node, ...action },
      context: { ...data, step_name: node },
      needs: [
        ...new Set([
          ...names.filter((name) => playbook.steps.has(name)),
          ...needsBehind(playbook, node),
        ]),
      ],
      runner: edgeTools.has(tool) ? 'edge' : 'worker',
      event_id: (typeof startedBy === 'number' ? events[startedBy]?.event_id : startedBy) ?? '',
      max_attempts: HARMLESS.has(tool) ? MAX_LEASES : maxAttempts(action.retry),
      delay_seconds: delay,
    }),
  )
}

/** Nodes whose data the decision after this one's end mentions, and what its save saves. */
function needsBehind(playbook: Playbook, node: string): string[] {
  const part = partOf(node)
  if (part?.part === 'timeout') return []
  const step = part === null || part.part === 'save' ? playbook.steps.get(stepOf(node)) : undefined
  return [
    ...(part?.part === 'save' ? [part.whole] : []),
    ...(step ? decisionNeeds(playbook, step) : []),
  ]
}

/**
 * What may be begun as often as its holders are lost: a wait goes on waiting, and a playbook step finds its child, whose
 * own steps have their attempts.
 */
const HARMLESS: ReadonlySet<string> = new Set(['wait', PLAYBOOK])
/** A wait is leased once to begin and once to end, too. */
const MAX_LEASES = 100

/** NoETL's rule for how often an action may be tried: 3 unless the step says otherwise. */
function maxAttempts(retry: Json | undefined): number {
  const asked =
    retry === false
      ? 1
      : typeof retry === 'number'
        ? retry
        : typeof retry === 'object' && retry !== null && !Array.isArray(retry)
          ? Number(retry.max_attempts ?? 3)
          : 3
  return Number.isFinite(asked) ? Math.min(100, Math.max(1, Math.trunc(asked))) : 3
}

/** The rows of `events` as `noetl.event` has them; spliced into statements that insert them. */
const eventRows = (sql: Sql, events: readonly NumberedEvent[]) => sql`
  jsonb_to_recordset(${toJson(events)}::jsonb) as e(
    seq int, event_id bigint, parent_event_id bigint, parent_execution_id bigint, event_type text,
    node_id text, node_name text, node_type text, status text, duration float8, context jsonb,
    result jsonb, meta jsonb, error text, stack_trace text, worker_id text, attempt int,
    current_index int, current_item jsonb)`

const eventColumns = (sql: Sql) => sql`
  execution_id, catalog_id, seq, event_id, parent_event_id, parent_execution_id, event_type, node_id,
  node_name, node_type, status, duration, context, result, meta, error, stack_trace, worker_id, attempt, current_index,
  current_item`

/** `insert into noetl.event`, for the execution of CTE `source` (execution_id, catalog_id). */
export const insertEvents = (sql: Sql, source: string, events: readonly NumberedEvent[]) => sql`
  insert into noetl.event (${eventColumns(sql)})
  select x.execution_id, x.catalog_id, e.seq, e.event_id, e.parent_event_id, e.parent_execution_id,
    e.event_type, e.node_id, e.node_name, e.node_type, e.status, coalesce(e.duration, 0), e.context,
    e.result, e.meta, e.error, e.stack_trace, e.worker_id, e.attempt, e.current_index, e.current_item
  from ${sql.unsafe(source)} x, ${eventRows(sql, events.map(withDefaults))}`

/** Absent means {}, while null stays null: an execution_complete without a result has null. */
function withDefaults(event: NumberedEvent): NumberedEvent {
  return {
    ...event,
    context: event.context ?? {},
    result: event.result === undefined ? {} : event.result,
    meta: event.meta ?? {},
  }
}

/**
 * `insert into noetl.queue`, for the execution of CTE `source` (execution_id, catalog_id, path); jobs whose node is
 * in `leased` are the lease of `worker` from the start.
 */
export const insertJobs = (
  sql: Sql,
  source: string,
  jobs: readonly NewJob[],
  lease: Lease | null,
) => sql`
  insert into noetl.queue (queue_id, execution_id, catalog_id, path, node_id, node_name, tool, action,
    context, needs, runner, event_id, max_attempts, status, attempts, worker_id, lease_until, last_heartbeat,
    available_at)
  select j.queue_id, x.execution_id, x.catalog_id, x.path, j.node_id, j.node_name, j.tool, j.action,
    j.context, array(select jsonb_array_elements_text(j.needs)), j.runner, j.event_id, j.max_attempts,
    case when mine.yes then 'leased' else 'queued' end, mine.yes::int,
    case when mine.yes then ${lease?.worker_id ?? null}::text end,
    case when mine.yes then now() + make_interval(secs => ${lease?.seconds ?? 0}::float8) end,
    case when mine.yes then now() end, now() + make_interval(secs => j.delay_seconds)
  from ${sql.unsafe(source)} x,
    jsonb_to_recordset(${toJson(jobs)}::jsonb) as j(
      queue_id bigint, node_id text, node_name text, tool text, action jsonb, context jsonb, needs jsonb,
      runner text, event_id bigint, max_attempts int, delay_seconds float8),
    lateral (select j.queue_id = any(${lease?.queue_ids ?? []}::bigint[]) as yes) mine
  -- what was queued by hand for a node that had not begun gives way
  on conflict on constraint queue_node_key do update set queue_id = excluded.queue_id,
    node_name = excluded.node_name, tool = excluded.tool, action = excluded.action,
    context = excluded.context, needs = excluded.needs, runner = excluded.runner,
    event_id = excluded.event_id, max_attempts = excluded.max_attempts, status = excluded.status,
    attempts = excluded.attempts, worker_id = excluded.worker_id, lease_until = excluded.lease_until,
    last_heartbeat = excluded.last_heartbeat, available_at = excluded.available_at, updated_at = now()`

/** Who takes which new jobs at once, and for how long. */
export interface Lease {
  worker_id: string
  seconds: number
  queue_ids: string[]
}

/** What an executor holds of a step that it reports on: refused unless it still does. */
export interface Held {
  worker_id: string
  queue_ids: string[]
  /** Their nodes. */
  nodes: string[]
  /** Whether the jobs failed for good. */
  dead?: boolean
  /** Those of them that are tried again. */
  again?: readonly Again[]
}

/** A job that goes back to the queue. */
interface Again {
  node_id: string
  delay_seconds: number
}

/** A queued job that the writer takes with the append, under a new queue_id. */
export interface Taken {
  node_id: string
  queue_id: string
}

export interface Append {
  execution_id: string
  /** The version that the decision was made on; nothing is written if the execution has moved on. */
  expected: number
  state: State
  events: readonly NumberedEvent[]
  jobs: readonly NewJob[]
  /** Nodes whose jobs are over, and of these the ones that failed. */
  closed: readonly string[]
  failed: readonly string[]
  /** Nodes whose jobs are no longer wanted. */
  dropped: readonly string[]
  /** Seqs of logged reports that this decision answers. */
  decided: readonly number[]
  lease: Lease | null
  taken: readonly Taken[]
  held: Held | null
}

/**
 * Appends a decision if the execution's version is still the expected one; one row says whether it did.
 * Repeated after a lost answer it writes nothing; whether it was written the first time is for
 * readExecution to say. Raises NE409 when `held` jobs are no longer the holder's, and NE410 when jobs that
 * it would have taken are no longer queued.
 */
export const append = (sql: Sql, a: Append): Statement => sql`
  with moved as (
    update noetl.execution x set
      version = ${a.state.version},
      status = ${a.state.status},
      events_done = ${a.state.eventsDone},
      progress = ${a.state.progress},
      last_event_type = ${a.state.lastEventType},
      state = ${toJson(stateToJson(a.state))}::jsonb,
      undecided = case when ${isTerminal(a.state.status)}::bool then '{}'
        else array(select unnest(x.undecided) except select unnest(${a.decided}::int[])) end,
      ended_at = case when ${isTerminal(a.state.status)}::bool then now() end,
      result = case when ${isTerminal(a.state.status)}::bool then ${toJsonOrNull(a.state.result)}::jsonb end,
      error = ${a.state.error === null ? null : storableText(a.state.error)}
    where x.execution_id = ${a.execution_id} and x.version = ${a.expected} and x.ended_at is null
    returning x.execution_id, x.catalog_id, x.path
  ), logged as (
    ${insertEvents(sql, 'moved', a.events)}
  ), closed as (
    update noetl.queue q set lease_until = null, updated_at = now(),
      status = case when q.node_id = any(${a.failed}::text[]) then 'dead' else 'done' end
    from moved
    where q.execution_id = moved.execution_id and q.node_id = any(${a.closed}::text[])
      and q.status in ('queued', 'retry', 'leased')
      and (${a.held === null}::bool or (q.status = 'leased' and q.worker_id = ${a.held?.worker_id ?? ''}
        and q.queue_id = any(${a.held?.queue_ids ?? []}::bigint[])))
    returning q.queue_id
  ), again as (
    update noetl.queue q set status = 'retry', worker_id = null, lease_until = null, updated_at = now(),
      available_at = now() + make_interval(secs => r.delay_seconds)
    from moved, jsonb_to_recordset(${toJson(a.held?.again ?? [])}::jsonb)
      as r(node_id text, delay_seconds float8)
    where q.execution_id = moved.execution_id and q.node_id = r.node_id and q.status = 'leased'
      and q.worker_id = ${a.held?.worker_id ?? ''} and q.queue_id = any(${a.held?.queue_ids ?? []}::bigint[])
      and not ${isTerminal(a.state.status)}::bool
    returning q.queue_id
  ), given_up as (
    update noetl.queue q set lease_until = null, updated_at = now(),
      -- what was not needed has not failed
      status = case when q.tool = 'timeout' then 'done' else 'dead' end
    from moved
    where (${isTerminal(a.state.status)}::bool or q.node_id = any(${a.dropped}::text[]))
      and q.execution_id = moved.execution_id
      and q.node_id <> all(${a.closed}::text[]) and q.status in ('queued', 'retry', 'leased')
  ), queued as (
    ${insertJobs(sql, 'moved', a.jobs, a.lease)}
  ), taken as (
    update noetl.queue q set status = 'leased', queue_id = t.queue_id, attempts = q.attempts + 1,
      worker_id = ${a.lease?.worker_id ?? null}, last_heartbeat = now(), updated_at = now(),
      lease_until = now() + make_interval(secs => ${a.lease?.seconds ?? 0}::float8)
    from moved, jsonb_to_recordset(${toJson(a.taken)}::jsonb) as t(node_id text, queue_id bigint)
    where q.execution_id = moved.execution_id and q.node_id = t.node_id
      and q.status = 'queued' and q.attempts = 0
    returning q.queue_id
  )
  select
    exists (select from moved) as written,
    case
      when not exists (select from moved) then false
      when ${a.held !== null}::bool
        and (select count(*) from closed) + (select count(*) from again)
          <> ${a.held?.queue_ids.length ?? 0}::int
      then noetl.refuse('NE409', 'the lease is no longer held')
      when (select count(*) from taken) <> ${a.taken.length}::int
      then noetl.refuse('NE410', 'a queued job was taken by another') end as refused`

export interface CancelledRow extends ExecutionRow {
  /** Whether it has been cancelled, and whether it was so by this statement. */
  cancelled: boolean
  written: boolean
}

/**
 * Ends an execution as cancelled, whatever its version is: there is nothing to decide, and many may be writing. No
 * row when there is no such execution. Safe to repeat: the event's id is drawn beforehand.
 */
export const cancelNow = (
  sql: Sql,
  c: { execution_id: string; event_id: string; error: string; within: string | null },
): Statement => sql`
  with ended as (
    -- what src/event/state.ts makes of the event
    update noetl.execution x set version = x.version + 1, status = 'FAILED', progress = 100,
      events_done = x.events_done + 1, last_event_type = 'execution_cancelled', undecided = '{}',
      ended_at = now(), result = null, error = ${storableText(c.error)},
      state = x.state - 'iterators' || '{"active": [], "waiting": {}}'
    where x.execution_id = ${c.execution_id} and x.ended_at is null
      ${within(sql, c.within, sql`x.path`)}
    returning x.*
  ), logged as (
    insert into noetl.event (execution_id, catalog_id, seq, event_id, parent_event_id, event_type,
      node_id, node_name, node_type, status, context, error)
    select x.execution_id, x.catalog_id, x.version, ${c.event_id}::bigint, (select e.event_id
        from noetl.event e where e.execution_id = x.execution_id order by e.seq desc limit 1),
      'execution_cancelled', ${c.event_id}, x.name, 'playbook', 'FAILED', '{"reason": "cancelled"}', x.error
    from ended x
  ), given_up as (
    update noetl.queue q set lease_until = null, updated_at = now(),
      status = case when q.tool = 'timeout' then 'done' else 'dead' end
    from ended x where q.execution_id = x.execution_id and q.status in ('queued', 'retry', 'leased')
  )
  select ${headColumns(sql)}, x.state, true as cancelled, true as written from ended x
  union all
  select ${headColumns(sql)}, x.state, x.last_event_type = 'execution_cancelled' or exists (
      select from noetl.event e where e.execution_id = x.execution_id
        and e.event_type = 'execution_cancelled'), false
  from noetl.execution x
  where x.execution_id = ${c.execution_id} and not exists (select from ended)
    ${within(sql, c.within, sql`x.path`)}`

export interface AppendRow {
  written: boolean
}

/** An execution as the evaluator reads it. */
export interface ExecutionRow {
  execution_id: string
  catalog_id: string
  path: string
  name: string
  entry_version: number
  version: number
  status: Status
  events_done: number
  progress: number
  last_event_type: string
  state: JsonObject
  workload: JsonObject
  result: Json
  error: string | null
  undecided: number[]
  parent_execution_id: string | null
  parent_event_id: string | null
  /** Whether anybody is to be told of its end. */
  notifies: boolean
  /** What the caller that started it may see of the playbooks. */
  within: string | null
  results: JsonObject | null
  reports?: LoggedReport[] | null
  own_event_id?: string | null
}

/** What is small of an execution's row `x`. */
export const headColumns = (sql: Sql) => sql`
  x.execution_id::text, x.catalog_id::text, x.path, x.name, x.entry_version, x.version, x.status,
  x.events_done, x.progress, x.last_event_type, x.error, x.undecided,
  x.parent_execution_id::text, x.parent_event_id::text, x.notify is not null as notifies,
  x.within`

/** What may be large of it, and is needed only to decide. */
export const heavyColumns = (sql: Sql, needed: Statement) => sql`
  case when ${needed} then x.state end as state, case when ${needed} then x.workload end as workload,
  case when ${needed} then x.result end as result`

export const executionColumns = (sql: Sql) => sql`
  ${headColumns(sql)}, x.state, x.workload, x.result`

/** `{node: envelope}` of nodes that are done: the first report of each, the one that was decided on. */
export const resultsOf = (sql: Sql, executionId: string | Statement, names: Statement) => sql`
  (select jsonb_object_agg(r.node_name, r.result) from (
    select distinct on (e.node_name) e.node_name, e.result from noetl.event e
    where e.execution_id = ${executionId} and e.event_type in ('action_completed', 'iterator_completed')
      and e.node_name = any(${names})
      -- a report from before the node began was not decided on
      and e.seq > (select s.seq from noetl.event s where s.execution_id = ${executionId}
        and s.node_name = e.node_name and s.event_type in ('step_started', 'iteration_started') limit 1)
    order by e.node_name, e.event_type = 'iterator_completed' desc, e.seq
  ) r)`

/** The state that a row holds. */
export function stateOf(row: ExecutionRow): State {
  return {
    ...stateFromJson(row.state),
    status: row.status,
    version: row.version,
    eventsDone: row.events_done,
    progress: row.progress,
    lastEventType: row.last_event_type,
    reported: new Map(),
    result: row.result,
    error: row.error,
  }
}

/**
 * Reads an execution with the results of the named steps, its undecided reports, and which of the
 * events `own` is in its log.
 */
export const readExecution = (
  sql: Sql,
  executionId: string,
  names: readonly string[],
  own: readonly string[] = [],
): Statement => sql`
  select ${executionColumns(sql)},
    ${resultsOf(sql, executionId, sql`${names}::text[]`)} as results,
    (select e.event_id::text from noetl.event e where e.execution_id = x.execution_id
      and e.event_id = any(${own}::bigint[]) limit 1) as own_event_id,
    (select jsonb_agg(jsonb_build_object('seq', e.seq, 'event_id', e.event_id::text,
        'event_type', e.event_type, 'node_name', e.node_name, 'node_type', e.node_type,
        'status', e.status, 'context', e.context, 'result', e.result, 'error', e.error) order by e.seq)
      from noetl.event e
      where e.execution_id = x.execution_id and e.seq = any(x.undecided)) as reports
  from noetl.execution x where x.execution_id = ${executionId}`

/** Results of steps, by name. */
export const readResults = (
  sql: Sql,
  executionId: string,
  names: readonly string[],
): Statement => sql`
  select ${resultsOf(sql, executionId, sql`${names}::text[]`)} as results`

/** How many items of an iterator are read at once. */
const ITEMS_WINDOW = 200

/** Items of an iterator from an index on, and what was passed on to its node. */
export const readItems = (
  sql: Sql,
  executionId: string,
  node: string,
  from: number,
): Statement => sql`
  with started as materialized (
    -- unpacked once, whatever it weighs
    select e.context->'items' as items, e.context->'scope' as scope from noetl.event e
    where e.execution_id = ${executionId} and e.node_name = ${node} and e.event_type = 'iterator_started')
  select coalesce((select jsonb_agg(started.items->n order by n)
      from generate_series(${from}::int, ${from}::int + ${ITEMS_WINDOW - 1}::int) n
      where n < jsonb_array_length(started.items)), '[]') as items, scope
  from started`

/** How the iterations of a node have ended, in their order. */
export const readOutcomes = (sql: Sql, executionId: string, node: string): Statement => sql`
  select coalesce(jsonb_agg(jsonb_build_object('index', e.current_index, 'data', e.result,
    'error', e.error) order by e.current_index), '[]') as outcomes
  from noetl.event e
  where e.execution_id = ${executionId}
    and e.event_type in ('iteration_completed', 'iteration_failed')
    -- by name: an execution may have many more iterations, of other iterators
    and e.node_name = any(array(
      select ${node} || '[' || n || ']'
      from noetl.event s, generate_series(0, (s.context->>'total')::int - 1) n
      where s.execution_id = ${executionId} and s.node_name = ${node}
        and s.event_type = 'iterator_started'))`

/** What was passed on to a node when it began. */
export const readScope = (sql: Sql, executionId: string, node: string): Statement => sql`
  select coalesce(
    (select q.context from noetl.queue q
      where q.execution_id = ${executionId} and q.node_id = ${nodeId(executionId, node)}),
    (select e.context->'scope' from noetl.event e where e.execution_id = ${executionId}
      and e.node_name = ${node} and e.event_type = 'iterator_started')) as scope`

/** A report in the log that waits for a decision. */
export type LoggedReport = Omit<Draft, 'parent'> & { seq: number; event_id: string }
