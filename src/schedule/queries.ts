// SQL of schedules.

import { type AuditEntry, insertAudit } from '../access/audit.ts'
import { within } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import { mayBegin, type Overlap, takePlace } from '../execution/overlap.ts'
import type { Occasion } from '../execution/queries.ts'
import { type JsonObject, toJson } from '../json.ts'
import type { Target } from '../notification/target.ts'
import type { CatchUp } from './ticks.ts'

/** What of a schedule its users say. */
export interface Definition {
  cron: string
  timezone: string
  path: string
  version: number | null
  parameters: JsonObject
  merge: boolean
  overlap: Overlap
  catch_up: CatchUp
  notify: readonly Target[]
  enabled: boolean
}

export interface ScheduleRow extends Definition {
  id: string
  name: string
  next_at: string | null
  last_at: string | null
  last_execution_id: string | null
  last_error: string | null
  skipped: number
  created_by: string
  created_at: string
  updated_at: string
  within: string | null
  /** The database's clock. */
  now: string
}

const columns = (sql: Sql) => sql`
  t.schedule_id::text as id, t.name, t.cron, t.timezone, t.path, t.version, t.parameters, t.merge, t.overlap,
  t.catch_up, t.notify, t.enabled, noetl.rfc3339(t.next_at) as next_at, noetl.rfc3339(t.last_at) as last_at,
  t.current_execution_id::text as last_execution_id, t.last_error, t.skipped, t.created_by,
  noetl.rfc3339(t.created_at) as created_at, noetl.rfc3339(t.updated_at) as updated_at, t.within,
  noetl.rfc3339(now()) as now`

export interface NewSchedule extends Definition {
  schedule_id: string
  name: string
  next_at: string | null
  within: string | null
  created_by: string
}

/** Adds a schedule. A name in use breaks schedule_name_once; sent again it answers as at first. */
export const addSchedule = (sql: Sql, s: NewSchedule, audit: AuditEntry): Statement => sql`
  with sent as (
    select t.* from noetl.schedule t where t.schedule_id = ${s.schedule_id}::bigint
  ), added as (
    insert into noetl.schedule (schedule_id, name, cron, timezone, path, version, parameters, merge, overlap,
      catch_up, notify, enabled, next_at, within, created_by)
    select ${s.schedule_id}::bigint, ${s.name}, ${s.cron}, ${s.timezone}, ${s.path}, ${s.version}::int,
      ${toJson(s.parameters)}::jsonb, ${s.merge}::bool, ${s.overlap}, ${s.catch_up},
      ${toJson(s.notify)}::jsonb, ${s.enabled}::bool, ${s.next_at}::timestamptz, ${s.within}, ${s.created_by}
    where not exists (select from sent)
    returning *
  ), audited as (
    ${insertAudit(sql, 'added', audit)}
  )
  select ${columns(sql)} from (table added union all table sent) t`

const named = (sql: Sql, name: string, prefix: string | null): Statement =>
  sql`t.name = ${name} ${within(sql, prefix, sql`t.path`)}`

/** @param prefix what the caller may see of the playbooks */
export const findSchedule = (sql: Sql, name: string, prefix: string | null): Statement => sql`
  select ${columns(sql)} from noetl.schedule t where ${named(sql, name, prefix)}`

export interface ScheduleFilter {
  path: string | null
  enabled: boolean | null
  within: string | null
  /** The last name of the page before. */
  after: string | null
  limit: number
}

/** A page of schedules, by name. */
export const listSchedules = (sql: Sql, f: ScheduleFilter): Statement => sql`
  select ${columns(sql)} from noetl.schedule t
  where true ${within(sql, f.within, sql`t.path`)}
    ${f.path === null ? sql`` : sql`and t.path = ${f.path}`}
    ${f.enabled === null ? sql`` : sql`and t.enabled = ${f.enabled}::bool`}
    ${f.after === null ? sql`` : sql`and t.name > ${f.after}`}
  order by t.name
  limit ${f.limit}`

/**
 * Changes a schedule as it was read; no row when it was changed since, or a tick was taken: that one could come
 * again by a `next_at` that was thought of before.
 */
export const changeSchedule = (
  sql: Sql,
  read: ScheduleRow,
  s: Definition & { next_at: string | null; within: string | null },
  audit: AuditEntry,
): Statement => sql`
  with changed as (
    update noetl.schedule t set cron = ${s.cron}, timezone = ${s.timezone}, path = ${s.path},
      version = ${s.version}::int, parameters = ${toJson(s.parameters)}::jsonb, merge = ${s.merge}::bool,
      overlap = ${s.overlap}, catch_up = ${s.catch_up}, notify = ${toJson(s.notify)}::jsonb,
      enabled = ${s.enabled}::bool, next_at = ${s.next_at}::timestamptz, within = ${s.within},
      updated_at = now()
    where t.schedule_id = ${read.id} and t.updated_at = ${read.updated_at}::timestamptz
      and t.next_at is not distinct from ${read.next_at}::timestamptz
    returning t.*
  ), audited as (
    ${insertAudit(sql, 'changed', audit)}
  )
  select ${columns(sql)} from changed t`

export interface DeletedRow {
  /** Now, or by the same statement sent before. */
  deleted: boolean
  /** The schedule's id, if it is there still as it has runs that are to be cancelled. */
  busy: string | null
}

/** Deletes a schedule, unless runs that others have taken the place of are still to be cancelled. */
export const deleteSchedule = (
  sql: Sql,
  name: string,
  prefix: string | null,
  audit: AuditEntry,
): Statement => sql`
  with deleted as (
    delete from noetl.schedule t where ${named(sql, name, prefix)} and t.replaced = '{}'
    returning t.schedule_id
  ), audited as (
    ${insertAudit(sql, 'deleted', audit)}
  )
  select exists (select from deleted)
      or exists (select from noetl.audit a where a.audit_id = ${audit.audit_id}) as deleted,
    (select t.schedule_id::text from noetl.schedule t
      where ${named(sql, name, prefix)} and t.replaced <> '{}') as busy`

/** A schedule that is due. */
export interface DueRow extends ScheduleRow {
  next_at: string
}

/** Schedules that are due, those that wait longest first. */
export const findDue = (
  sql: Sql,
  after: Pick<DueRow, 'next_at' | 'id'> | null,
  limit: number,
): Statement => sql`
  select ${columns(sql)} from noetl.schedule t
  where t.enabled and t.next_at <= now()
    ${after === null ? sql`` : sql`and (t.next_at, t.schedule_id) > (${after.next_at}::timestamptz, ${after.id}::bigint)`}
  order by t.next_at, t.schedule_id
  limit ${limit}`

/** A schedule as it was read, waiting for a tick, and what it is to wait for then. */
export interface Move {
  schedule: DueRow
  /** The tick that is seen to. */
  tick: string
  following: string | null
}

const waiting = (sql: Sql, { schedule }: Pick<Move, 'schedule'>): Statement => sql`
  t.schedule_id = ${schedule.id} and t.enabled and t.next_at = ${schedule.next_at}::timestamptz
  and t.updated_at = ${schedule.updated_at}::timestamptz`

/** One that never comes again is over. */
const moveOn = (sql: Sql, { following }: Pick<Move, 'following'>): Statement => sql`
  next_at = ${following}::timestamptz, enabled = ${following !== null}::bool`

/**
 * The occasion of a tick's run: whoever takes it moves the schedule on. The answer says whether the tick was skipped;
 * if not, somebody else has taken it.
 */
export const takeTick = (sql: Sql, move: Move, executionId: string): Occasion => ({
  take: sql`
    update noetl.schedule t set ${moveOn(sql, move)}, last_at = ${move.tick}::timestamptz, last_error = null,
      skipped = t.skipped + case when ${mayBegin(sql)} then 0 else 1 end, ${takePlace(sql, executionId)}
    from wanted
    where ${waiting(sql, move)}
    returning t.current_execution_id = ${executionId}::bigint as starts,
      case when t.current_execution_id <> ${executionId}::bigint then '{"skipped": true}'::jsonb end as answer`,
  earlier: sql`(select '{"skipped": false}'::jsonb
    where not exists (select from noetl.schedule t where ${waiting(sql, move)}))`,
})

/** Moves a schedule on from ticks that were missed, if it still waits for them. */
export const passOver = (sql: Sql, move: Omit<Move, 'tick'>): Statement => sql`
  update noetl.schedule t set ${moveOn(sql, move)} where ${waiting(sql, move)} returning t.schedule_id`

/** Moves a schedule on from a tick whose run could not be started, if it still waits for it. */
export const noteFailure = (sql: Sql, move: Move, error: string): Statement => sql`
  update noetl.schedule t set ${moveOn(sql, move)}, last_at = ${move.tick}::timestamptz, last_error = ${error}
  where ${waiting(sql, move)} returning t.schedule_id`
