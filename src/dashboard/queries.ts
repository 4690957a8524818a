// SQL of the dashboard's figures and of the rollup that keeps them cheap.

import { countPlaybooks } from '../catalog/queries.ts'
import type { Sql, Statement } from '../db.ts'
import { type ListRow, listExecutions, NEWEST } from '../event/list.ts'
import { pools } from './stat-queries.ts'

export interface FiguresRow {
  completed: number
  failed: number
  /** How long those that ended took in all. */
  completed_seconds: number
  failed_seconds: number
  /** Those that ended in this hour and the 23 before, how many of them failed, and how long they took. */
  ended_lately: number
  failed_lately: number
  seconds_lately: number
  /** Not ended. */
  active: number
  playbooks: number
}

/** Figures of all executions: those in the rollup, those that ended since, and those that go on. */
export const figures = (sql: Sql): Statement => sql`
  with since as (
    select x.status, x.ended_at, extract(epoch from x.ended_at - x.started_at) as seconds
    from noetl.execution x
    where x.ended_at > (select r.counted_until from noetl.rollup r)
      -- always so; a range is what the planner expects few rows of, and so reads from the index
      and x.ended_at < 'infinity'
  ), lately as (
    select h.completed + h.failed as ended, h.failed, h.seconds from noetl.execution_stat h
    where h.grain = 'hour' and h.at > now() - interval '24 hours' and h.path = ''
    union all
    select 1, (s.status = 'FAILED')::int, s.seconds from since s
    where date_trunc('hour', s.ended_at, 'UTC') > now() - interval '24 hours'
  )
  select
    r.completed + s.completed as completed,
    r.failed + s.failed as failed,
    (r.completed_seconds + s.completed_seconds)::float8 as completed_seconds,
    (r.failed_seconds + s.failed_seconds)::float8 as failed_seconds,
    l.*,
    (select count(*) from noetl.execution where ended_at is null) as active,
    (${countPlaybooks(sql)}) as playbooks
  from noetl.rollup r, (
    select count(*) filter (where status = 'COMPLETED') as completed,
      count(*) filter (where status = 'FAILED') as failed,
      coalesce(sum(seconds) filter (where status = 'COMPLETED'), 0) as completed_seconds,
      coalesce(sum(seconds) filter (where status = 'FAILED'), 0) as failed_seconds
    from since
  ) s, (
    select coalesce(sum(ended), 0)::bigint as ended_lately,
      coalesce(sum(failed), 0)::bigint as failed_lately,
      coalesce(sum(seconds), 0)::float8 as seconds_lately
    from lately
  ) l`

export type StatsRow = FiguresRow & { recent: ListRow[] }

/** The figures, and the newest executions as the list has them. */
export const figuresAndNewest = (sql: Sql, limit: number): Statement => sql`
  select f.*, (select coalesce(json_agg(newest), '[]') from (${listExecutions(sql, { ...NEWEST, limit })}) newest) as recent
  from (${figures(sql)}) f`

export type MetricsRow = FiguresRow & {
  queued: number
  retry: number
  leased: number
  dead: number
  /** How long the job that has been free the longest has waited; 0 when none is. */
  oldest_seconds: number
  pools_online: number
  pools_offline: number
}

/**
 * The figures, with those of the queue and of the worker pools. Most jobs are done; the others are counted
 * by queue_by_status.
 */
export const figuresOfAll = (sql: Sql): Statement => sql`
  select f.*, waiting.*, pools.*,
    (select count(*) from noetl.queue where status = 'leased') as leased,
    (select count(*) from noetl.queue where status = 'dead') as dead
  from (${figures(sql)}) f, (
    select count(*) filter (where status = 'queued') as queued,
      count(*) filter (where status = 'retry') as retry,
      coalesce(extract(epoch from now() - min(available_at) filter (where available_at <= now())), 0)::float8
        as oldest_seconds
    from noetl.queue where status in ('queued', 'retry')
  ) waiting, (${pools(sql)}) pools`

/** How many executions one sweep adds: a million old ones take ten sweeps, each a fraction of a second. */
const ROLLED_AT_ONCE = 100_000
/** How long ago an execution must have ended. */
const LAG_SECONDS = 120

/** Adds executions that have ended to the rollup. */
export const rollUp = (
  sql: Sql,
  { most = ROLLED_AT_ONCE, lagSeconds = LAG_SECONDS } = {},
): Statement => sql`select noetl.roll_up(${most}::int, ${lagSeconds}::float8)`
