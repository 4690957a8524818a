// SQL of starting an execution.

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
import { type Json, type JsonObject, toJson } from '../json.ts'
import { isTerminal } from '../status.ts'
import type { Requestor, RunRequest } from './schema.ts'

export interface NewExecution {
  execution_id: string
  catalog_id: string
  name: string
  request: RunRequest
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
  started_at: string
  ended_at: string | null
  /** The payload, when the lookup means another entry than the one decided on. */
  payload: JsonObject | null
}

/**
 * Writes an execution with its first events and jobs, all or nothing, if the lookup still means the
 * entry that they were decided on; otherwise it answers with that other entry and writes nothing. No
 * row when there is no such entry. Safe to repeat.
 */
export const start = (sql: Sql, lookup: Lookup, x: NewExecution): Statement => sql`
  with entry as (${entryByLookup(sql, lookup)}),
  started as (
    insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status,
      version, events_done, progress, last_event_type, ended_at, result, error, workload, state,
      join_needs, parent_execution_id, parent_event_id, parent_step, requestor, metadata)
    select ${x.execution_id}::bigint, c.catalog_id, c.path, ${x.name}, c.version, ${x.request.type},
      ${x.state.status}, ${x.state.version}::int, ${x.state.eventsDone}::int, ${x.state.progress}::int,
      ${x.state.lastEventType}, case when ${isTerminal(x.state.status)}::bool then now() end,
      ${orNull(x.state.result)}::jsonb, ${x.state.error}, ${toJson(x.workload)}::jsonb,
      ${toJson(stateToJson(x.state))}::jsonb, ${x.join_needs}::text[],
      ${x.request.parent_execution_id}::bigint, ${x.request.parent_event_id}::bigint,
      ${x.request.parent_step}, ${toJson(x.requestor)}::jsonb, ${toJson(x.request.metadata)}::jsonb
    from entry c where c.catalog_id = ${x.catalog_id}
    on conflict do nothing
    returning execution_id, catalog_id
  ), logged as (
    ${insertEvents(sql, 'started', x.events)}
  ), queued as (
    ${insertJobs(sql, 'started', x.jobs, x.lease)}
  )
  select c.catalog_id::text, c.path, c.version, c.kind,
    exists (select from started) or exists (
      select from noetl.event e where e.execution_id = ${x.execution_id} and e.seq = 1
        and e.event_id = ${x.events[0]?.event_id ?? null}) as written,
    noetl.rfc3339(now()) as started_at,
    case when ${isTerminal(x.state.status)}::bool then noetl.rfc3339(now()) end as ended_at,
    case when c.catalog_id <> ${x.catalog_id} then c.payload end as payload
  from entry c`

function orNull(value: Json): string | null {
  return value === null ? null : toJson(value)
}
