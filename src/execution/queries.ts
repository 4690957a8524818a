// SQL of starting an execution.

import { type AuditEntry, insertAudit } from '../access/audit.ts'
import { entryByLookup, type Lookup } from '../catalog/queries.ts'
import type { Sql, Statement } from '../db.ts'
import {
  insertEvents,
  insertJobs,
  type Lease,
  type NewJob,
  type NumberedEvent,
} from '../event/log.ts'
import { type State, stateToJson } from '../event/state.ts'
import { type Json, type JsonObject, toJson, toJsonOrNull } from '../json.ts'
import type { Target } from '../notification/target.ts'
import { isTerminal, type Status } from '../status.ts'
import type { Requestor, RunRequest } from './schema.ts'

/**
 * What a run is started by at most once: a delivery, a tick, a key that the sender drew. Both statements see
 * `wanted`, the entry that the start was decided on, which has no row when another entry is meant by now.
 */
export interface Occasion {
  /** Sent ahead in the same transaction and round trip: what comes after it sees what others did before. */
  lock?: Statement
  /** `name as (...)`, which `take` may use. */
  before?: Statement
  /** Takes the occasion. Returns `starts` (bool), whether the run may begin, and `answer` (jsonb); no row when it is taken. */
  take: Statement
  /** `name as (...)` that goes on from `occasion`, what `take` has returned. */
  after?: Statement
  /** The answer (jsonb) of whoever took it before, or null. */
  earlier: Statement
}

export interface NewExecution {
  execution_id: string
  catalog_id: string
  name: string
  request: RunRequest
  occasion: Occasion | null
  /** The line of the audit that tells of the start, which adds the execution's id. */
  audit: AuditEntry | null
  /** What the caller may see of the playbooks. */
  within: string | null
  notify: readonly Target[]
  requestor: Requestor
  workload: JsonObject
  join_needs: readonly string[]
  state: State
  events: readonly NumberedEvent[]
  jobs: readonly NewJob[]
  lease: Lease | null
}

export interface StartedRow {
  catalog_id: string
  path: string
  version: number
  kind: string
  /** Whether the execution is there: written now, or by the same statement sent before. */
  written: boolean
  /** What became of the occasion, where there is one: at the first sending null if it was taken meanwhile. */
  answer: JsonObject | null
  started_at: string
  ended_at: string | null
  /** The payload, when the lookup means another entry than the one decided on. */
  payload: JsonObject | null
}

/**
 * Writes an execution with its first events and jobs, all or nothing, if the lookup still means the
 * entry that they were decided on; otherwise it answers with that other entry and writes nothing. An occasion
 * is taken with it, or, where another has taken it, nothing is written but what the occasion writes. No
 * row when there is no such entry. Safe to repeat.
 */
export const start = (sql: Sql, lookup: Lookup, x: NewExecution): Statement => sql`
  with entry as (${entryByLookup(sql, lookup)}),
  wanted as (
    select c.* from entry c where c.catalog_id = ${x.catalog_id}
  ), ${x.occasion?.before ? sql`${x.occasion.before},` : sql``} occasion as (
    ${x.occasion?.take ?? sql`select true as starts, null::jsonb as answer`}
  ), ${x.occasion?.after ? sql`${x.occasion.after},` : sql``} started as (
    insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status,
      version, events_done, progress, last_event_type, ended_at, result, error, workload, state,
      join_needs, parent_execution_id, parent_event_id, parent_step, requestor, metadata, labels, within,
      notify)
    select ${x.execution_id}::bigint, c.catalog_id, c.path, ${x.name}, c.version, ${x.request.type},
      ${x.state.status}, ${x.state.version}::int, ${x.state.eventsDone}::int, ${x.state.progress}::int,
      ${x.state.lastEventType}, case when ${isTerminal(x.state.status)}::bool then now() end,
      ${toJsonOrNull(x.state.result)}::jsonb, ${x.state.error}, ${toJson(x.workload)}::jsonb,
      ${toJson(stateToJson(x.state))}::jsonb, ${x.join_needs}::text[],
      ${x.request.parent_execution_id}::bigint, ${x.request.parent_event_id}::bigint,
      ${x.request.parent_step}, ${toJson(x.requestor)}::jsonb, ${toJson(x.request.metadata)}::jsonb,
      ${toJson(x.request.labels)}::jsonb, ${x.within},
      ${x.notify.length > 0 ? toJson(x.notify) : null}::jsonb
    from wanted c where exists (select from occasion where starts)
    on conflict do nothing
    returning execution_id, catalog_id, path
  ), logged as (
    ${insertEvents(sql, 'started', x.events)}
  ), queued as (
    ${insertJobs(sql, 'started', x.jobs, x.lease)}
  )${x.audit === null ? sql`` : sql`, audited as (${auditStart(sql, x.audit)})`}
  select c.catalog_id::text, c.path, c.version, c.kind,
    exists (select from started) or exists (
      select from noetl.event e where e.execution_id = ${x.execution_id} and e.seq = 1
        and e.event_id = ${x.events[0]?.event_id ?? null}) as written,
    coalesce((select answer from occasion), ${x.occasion?.earlier ?? sql`null::jsonb`}) as answer,
    noetl.rfc3339(now()) as started_at,
    case when ${isTerminal(x.state.status)}::bool then noetl.rfc3339(now()) end as ended_at,
    case when c.catalog_id <> ${x.catalog_id} then c.payload end as payload
  from entry c`

const auditStart = (sql: Sql, audit: AuditEntry): Statement =>
  insertAudit(sql, 'started', audit, {
    detail: sql`${toJson(audit.detail)}::jsonb || jsonb_build_object('execution_id', s.execution_id::text)`,
  })

/** A run as its start is answered. */
export interface StandingRun {
  execution_id: string
  catalog_id: string
  path: string
  name: string
  version: number
  type: RunRequest['type']
  status: Status
  progress: number
  result: Json
  error: string | null
  started_at: string
  ended_at: string | null
}

/** How a run stands. */
export const findRun = (sql: Sql, executionId: string | Statement): Statement => sql`
  select x.execution_id::text, x.catalog_id::text, x.path, x.name, x.entry_version as version,
    x.kind as type, x.status, x.progress, x.result, x.error,
    noetl.rfc3339(x.started_at) as started_at, noetl.rfc3339(x.ended_at) as ended_at
  from noetl.execution x where x.execution_id = ${executionId}`

export interface KeyAnswer {
  fingerprint: string
  /** Null when it is kept no longer. */
  run: StandingRun | null
}

/** The occasion of a run under a key that its sender drew; the answer is a KeyAnswer. */
export const takeKey = (
  sql: Sql,
  k: { caller: string; key: string; fingerprint: string; execution_id: string },
): Occasion => ({
  take: sql`
    insert into noetl.idempotency (caller, key, fingerprint, execution_id)
    select ${k.caller}, ${k.key}, ${k.fingerprint}, ${k.execution_id}::bigint from wanted
    on conflict (caller, key) do nothing
    returning true as starts, null::jsonb as answer`,
  earlier: sql`(select jsonb_build_object('fingerprint', i.fingerprint,
      'run', (select to_jsonb(run) from (${findRun(sql, sql`i.execution_id`)}) run))
    from noetl.idempotency i where i.caller = ${k.caller} and i.key = ${k.key})`,
})
