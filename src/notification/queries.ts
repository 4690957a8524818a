// SQL of the outbox. Its rows are written by the statements that end executions (migrations/0014_notification.sql).

import { type AuditEntry, insertAudit } from '../access/audit.ts'
import { within } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import { toJson } from '../json.ts'
import { MAX_ATTEMPTS } from './backoff.ts'
import type { Told } from './message.ts'

/** Longer than a batch can take. */
export const LEASE_SECONDS = 120
/** What a message carries of each at most. */
const MAX_RESULT_BYTES = 65_536
const MAX_METADATA_BYTES = 16_384
const MAX_ERROR = 4_096
/** How long messages are kept; dead ones are there to be looked at. */
const DELIVERED_DAYS = 7
const DEAD_DAYS = 30
const DROP_LIMIT = 20_000
/** How long a message that is due waits for its turn at a receiver that is away. */
const WAIT_DAYS = 7

/** A message to be sent now. */
export interface LeasedRow {
  notification_id: string
  url: string
  origin: string
  credential: string | null
  event_type: string
  /** How often it has been sent, this time among them. */
  attempts: number
  /** Null when the execution is kept no longer. */
  told: Told | null
}

/** Whether message `n` may be sent now. */
const isDue = (sql: Sql): Statement => sql`
  n.status = 'pending' and n.available_at <= now() and n.attempts < ${MAX_ATTEMPTS}::int
  and (n.lease_until is null or n.lease_until < now())`

export interface LeaseRequest {
  lease_id: string
  /** Null: of all. */
  execution_id: string | null
  /** Receivers, by their origins, that get nothing now. */
  without: readonly string[]
  limit: number
}

/**
 * Leases messages that are due, of one execution or of all. The receivers take turns: each has its first message sent
 * before any has its second. So it costs by how many receivers are waited for, not by how many messages wait. Safe to
 * repeat: what is leased under this id already is returned, and nothing else is leased.
 */
export const leaseDue = (sql: Sql, p: LeaseRequest): Statement => sql`
  with mine as (
    select n.* from noetl.notification n where n.lease_id = ${p.lease_id} and n.status = 'pending'
  ), candidate as (
    ${p.execution_id === null ? byTurns(sql, p) : ofExecution(sql, p.execution_id)}
  ), due as (
    select n.notification_id
    from (select c.* from candidate c order by c.turn, c.available_at limit ${p.limit}) c
      join noetl.notification n using (notification_id)
    -- as it was read: else another has leased it, or it is put off
    where n.status = 'pending' and n.available_at is not distinct from c.available_at
      and n.lease_id is not distinct from c.lease_id and not exists (select from mine)
    for update of n skip locked
  ), leased as (
    update noetl.notification n set lease_id = ${p.lease_id}::bigint,
      lease_until = now() + make_interval(secs => ${LEASE_SECONDS}),
      attempts = n.attempts + 1
    from due where n.notification_id = due.notification_id
    returning n.*
  )
  select l.notification_id::text, l.url, l.origin, l.credential, l.event_type, l.attempts,
    case when x.execution_id is not null then json_build_object(
      'execution_id', x.execution_id::text, 'path', x.path, 'version', x.entry_version, 'status', x.status,
      'started_at', noetl.rfc3339(x.started_at), 'ended_at', noetl.rfc3339(x.ended_at),
      'duration', extract(epoch from x.ended_at - x.started_at)::float8, 'progress', x.progress,
      'error', left(x.error, ${MAX_ERROR}::int),
      'result', case when result.bytes <= ${MAX_RESULT_BYTES} then x.result end,
      'result_omitted', coalesce(result.bytes > ${MAX_RESULT_BYTES}, false),
      'parent_execution_id', x.parent_execution_id::text,
      'metadata', case when metadata.bytes <= ${MAX_METADATA_BYTES} then x.metadata end,
      'metadata_omitted', metadata.bytes > ${MAX_METADATA_BYTES}) end as told
  from (table leased union all table mine) l
    left join noetl.execution x on x.execution_id = l.execution_id,
    lateral (select octet_length(x.result::text) as bytes) result,
    lateral (select octet_length(x.metadata::text) as bytes) metadata`

const ofExecution = (sql: Sql, executionId: string): Statement => sql`
  select n.notification_id, n.available_at, n.lease_id, 1 as turn
  from (select * from noetl.notification where execution_id = ${executionId} offset 0) n
  where ${isDue(sql)}`

/** The receivers whose first messages have waited longest, and of each what one lease may have. */
const byTurns = (sql: Sql, { without, limit }: LeaseRequest): Statement => sql`
  select d.*
  from (${dueReceivers(sql, without)} order by first.available_at limit ${limit}) r, lateral (
    select n.notification_id, n.available_at, n.lease_id, row_number() over (order by n.available_at) as turn
    from noetl.notification n
    where n.origin = r.origin and ${isDue(sql)}
    order by n.available_at
    limit ${limit}
  ) d`

/** Receivers for whom something is due, as `r` with the `first` of it: goes from one to the next by the index. */
const dueReceivers = (sql: Sql, without: readonly string[]): Statement => sql`
  with recursive receiver as (
    (select n.origin from noetl.notification n where n.status = 'pending' order by n.origin limit 1)
    union all
    select (select n.origin from noetl.notification n
      where n.status = 'pending' and n.origin > r.origin order by n.origin limit 1)
    from receiver r where r.origin is not null
  )
  select r.origin
  from receiver r, lateral (
    select n.available_at from noetl.notification n
    where n.origin = r.origin and ${isDue(sql)}
    order by n.available_at limit 1
  ) first
  where r.origin <> all(${without}::text[])`

/** What became of a message. */
export interface Outcome {
  notification_id: string
  status: 'delivered' | 'pending' | 'dead'
  last_status: number | null
  last_error: string | null
  /** Seconds until it is sent again; null: as soon as it was to be before. */
  delay: number | null
  /** Whether it was not sent at all, so that this was no attempt. */
  is_skipped: boolean
}

/**
 * Records what became of messages under a lease; of a lease that ran out meanwhile only that they arrived.
 * @param away receivers, by their origins, that do not answer: what has waited for them for days is dead
 */
export const reportSent = (
  sql: Sql,
  leaseId: string,
  outcomes: readonly Outcome[],
  away: readonly string[],
): Statement => sql`
  with abandoned as (
    update noetl.notification n set status = 'dead',
      last_error = ${`its receiver was away when its turn came, ${WAIT_DAYS} days long`}
    where n.notification_id = any(array(
      select n.notification_id from noetl.notification n
      where n.origin = any(${away}::text[]) and ${isDue(sql)}
        and n.available_at < now() - make_interval(days => ${WAIT_DAYS})
      order by n.available_at limit ${DROP_LIMIT})) and ${isDue(sql)}
  )
  update noetl.notification n set status = r.status,
    last_status = case when r.is_skipped then n.last_status else r.last_status end,
    last_error = coalesce(r.last_error, case when r.is_skipped then n.last_error end),
    attempts = n.attempts - r.is_skipped::int, lease_id = null, lease_until = null, delivered_at = case when r.status = 'delivered' then now() end,
    available_at = case when r.delay is null then n.available_at
      else now() + make_interval(secs => r.delay) end
  from jsonb_to_recordset(${toJson(outcomes)}::jsonb) as r(notification_id bigint, status text,
    last_status int, last_error text, delay float8, is_skipped bool)
  where n.notification_id = r.notification_id and n.status = 'pending'
    and (n.lease_id = ${leaseId}::bigint or r.status = 'delivered')`

/** Gives up on what fell silent in its last attempt, drops what is old; says whether anything is due. */
export const tidy = (sql: Sql): Statement => sql`
  with given_up as (
    update noetl.notification n set status = 'dead', lease_id = null, lease_until = null,
      last_error = 'no sign of life from whoever sent it'
    where n.status = 'pending' and n.attempts >= ${MAX_ATTEMPTS}::int and n.lease_until < now()
  ), dropped as (
    delete from noetl.notification where notification_id = any(array(
      select notification_id from noetl.notification
      where status = 'delivered'
        and notification_id < noetl.id_at(now() - make_interval(days => ${DELIVERED_DAYS}))
      order by notification_id limit ${DROP_LIMIT}))
  ), buried as (
    delete from noetl.notification where notification_id = any(array(
      select notification_id from noetl.notification
      where status = 'dead'
        and notification_id < noetl.id_at(now() - make_interval(days => ${DEAD_DAYS}))
      order by notification_id limit ${DROP_LIMIT}))
  )
  select exists (${dueReceivers(sql, [])}) as due`

export interface NotificationRow {
  id: string
  execution_id: string
  path: string
  type: string
  url: string
  credential: string | null
  status: 'pending' | 'delivered' | 'dead'
  attempts: number
  next_attempt_at: string | null
  last_status: number | null
  last_error: string | null
  created_at: string
  delivered_at: string | null
}

const columns = (sql: Sql) => sql`
  n.notification_id::text as id, n.execution_id::text, n.path, n.event_type as type, n.url, n.credential,
  n.status, n.attempts, case when n.status = 'pending' then noetl.rfc3339(n.available_at) end
    as next_attempt_at, n.last_status, n.last_error, noetl.rfc3339(n.created_at) as created_at,
  noetl.rfc3339(n.delivered_at) as delivered_at`

export interface NotificationFilter {
  status: NotificationRow['status'] | null
  execution_id: string | null
  after: string | null
  limit: number
  /** What the caller may see of the playbooks. */
  within: string | null
}

/** A page of messages, newest first. */
export const listNotifications = (sql: Sql, f: NotificationFilter): Statement => sql`
  select ${columns(sql)} from noetl.notification n
  where true
    ${f.status === null ? sql`` : sql`and n.status = ${f.status}`}
    ${f.execution_id === null ? sql`` : sql`and n.execution_id = ${f.execution_id}`}
    ${f.after === null ? sql`` : sql`and n.notification_id < ${f.after}`}
    ${within(sql, f.within, sql`n.path`)}
  order by n.notification_id desc
  limit ${f.limit}`

/** A dead message begins again, its attempts too; no row when there is no such message for the caller. */
export const redrive = (
  sql: Sql,
  p: { id: string; within: string | null },
  audit: AuditEntry,
): Statement => sql`
  with redriven as (
    update noetl.notification n set status = 'pending', attempts = 0, available_at = now()
    where n.notification_id = ${p.id} and n.status = 'dead' ${within(sql, p.within, sql`n.path`)}
    returning *
  ), audited as (
    ${insertAudit(sql, 'redriven', audit)}
  )
  select ${columns(sql)}, true as redriven from redriven n
  union all
  -- a second sending finds it done by the first
  select ${columns(sql)}, exists (select from noetl.audit a where a.audit_id = ${audit.audit_id})
  from noetl.notification n
  where n.notification_id = ${p.id} and not exists (select from redriven)
    ${within(sql, p.within, sql`n.path`)}`

/** Notes that somebody was given what messages to an origin are signed with; the secret itself is nowhere. */
export const noteSecretRead = (sql: Sql, audit: AuditEntry): Statement => sql`
  with given as (select) ${insertAudit(sql, 'given', audit)}`
