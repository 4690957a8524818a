// SQL of the figures of a window, all in one statement, and so at one instant.

import { queuedWithin } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import { cover, floor, LENGTH, ofScope, pieces, rawRows, type Scope } from './cover.ts'
import type { Histogram } from './percentiles.ts'
import type { Window } from './window.ts'

interface Moment {
  at: string
  started: number
  completed: number
  failed: number
}

interface PlaybookRow {
  path: string
  runs: number
  completed: number
  failed: number
  active: number
  last_execution_id: string | null
  last_started_at: string | null
  durations: Histogram
}

interface ErrorRow {
  message: string
  count: number
  last_execution_id: string
  last_at: string
}

interface JobsRow {
  tool: string
  queued: number
  retry: number
  leased: number
  dead: number
}

export interface WindowRow {
  since: string
  until: string
  started: number
  completed: number
  failed: number
  seconds: number
  durations: Histogram
  /** Of those that started within the window. */
  by_status: Record<string, number>
  /** Of those that have not ended, whenever they started. */
  active_by_status: Record<string, number>
  /** Of all times. */
  all_completed: number
  all_failed: number
  timeline: Moment[]
  playbooks: PlaybookRow[]
  errors: ErrorRow[]
  jobs: JobsRow[]
  oldest_seconds: number
  pools_online: number
  pools_offline: number
}

/** How many errors are shown. */
const MOST_ERRORS = 10

/** The figures of a window. */
export const figuresOfWindow = (
  sql: Sql,
  window: Window,
  scope: Scope,
  mostPlaybooks: number,
): Statement => {
  const isAll = scope.path === null && scope.path_prefix === null && scope.within === null
  const path = ofScope(sql, scope, sql`s.path`)
  const table = sql`noetl.execution_stat`
  const ofPath = sql`s.path, s.started, s.completed, s.failed, s.last_started, s.last_execution`
  // of all playbooks, sums are kept beside those of each, and are few
  const kept = isAll ? sql`and s.path = ''` : sql`and s.path <> '' ${path}`
  const folder = queuedWithin(sql, scope.path ?? scope.within ?? scope.path_prefix)
  const ofJobs = sql`${folder} ${ofScope(sql, scope, sql`q.path`)}`
  const bucketOf = (at: Statement) => floor(sql, window.bucket, at)
  return sql`
  with mark as materialized (select * from noetl.rollup), ${cover(sql, window)},
  raw as materialized (${rawRows(sql, window, scope)}),
  rolled as materialized (
    ${pieces(
      sql,
      window,
      sql`s.at, s.path, s.started, s.started_failed, s.completed, s.failed, s.seconds, s.durations,
        s.last_started, s.last_execution`,
      table,
      kept,
    )}
  ),
  by_path as materialized (${
    isAll
      ? pieces(sql, window, ofPath, table, sql`and s.path <> ''`)
      : sql`select ${ofPath} from rolled s`
  }),
  moments as (
    select ${bucketOf(sql`r.at`)} as at, r.started, r.started_failed, r.completed, r.failed, r.seconds
    from rolled r
    union all
    select ${bucketOf(sql`x.started_at`)}, 1,
      (x.status = 'FAILED')::int, 0, 0, 0
    from raw x where x.has_started and x.ended_at is not null
    union all
    -- how they will end is not known
    select ${bucketOf(sql`x.started_at`)}, 1, 0, 0, 0, 0
    from raw x where x.has_started and x.ended_at is null
    union all
    select ${bucketOf(sql`x.ended_at`)}, 0, 0, (x.status = 'COMPLETED')::int, (x.status = 'FAILED')::int,
      extract(epoch from x.ended_at - x.started_at)
    from raw x where x.has_ended
  ), sums as (
    select coalesce(sum(started), 0)::bigint as started, coalesce(sum(started_failed), 0)::bigint as started_failed,
      coalesce(sum(completed), 0)::bigint as completed, coalesce(sum(failed), 0)::bigint as failed,
      coalesce(sum(seconds), 0)::float8 as seconds
    from moments
  ), totals as (
    select k.completed + n.completed as completed, k.failed + n.failed as failed
    from (${
      isAll
        ? sql`select completed, failed from mark`
        : sql`select coalesce(sum(s.completed), 0)::bigint as completed, coalesce(sum(s.failed), 0)::bigint as failed
            from noetl.execution_stat s where s.grain = 'day' ${path}`
    }) k, (
      select count(*) filter (where x.status = 'COMPLETED') as completed,
        count(*) filter (where x.status = 'FAILED') as failed
      from raw x where x.is_new
    ) n
  ), active as (
    select x.path, x.status, count(*) as n, count(*) filter (where x.has_started) as n_started
    from raw x where x.ended_at is null group by 1, 2
  ), statuses as (
    select status, sum(n)::bigint as n, sum(n_started)::bigint as n_started from active group by 1
  ), taken as (
    select x.path, noetl.duration_bucket(date_part('epoch', x.ended_at - x.started_at))::text as bucket,
      count(*) as n
    from raw x where x.has_ended group by 1, 2
  ), durations as (
    select b.bucket, sum(b.n)::bigint as n
    from (
      select d.key as bucket, d.value::bigint as n from rolled r, jsonb_each_text(r.durations) d
      union all
      select t.bucket, t.n from taken t
    ) b group by 1
  ), runs as (
    select r.path, sum(r.started)::bigint as runs, sum(r.completed)::bigint as completed,
      sum(r.failed)::bigint as failed, max(r.last_execution) as last_execution, max(r.last_started) as last_started
    from (
      select b.path, b.started, b.completed, b.failed, b.last_execution, b.last_started from by_path b
      union all
      select x.path, count(*) filter (where x.has_started),
        count(*) filter (where x.has_ended and x.status = 'COMPLETED'),
        count(*) filter (where x.has_ended and x.status = 'FAILED'),
        max(x.execution_id) filter (where x.has_started), max(x.started_at) filter (where x.has_started)
      from raw x group by 1
    ) r
    group by 1
    having sum(r.started) + sum(r.completed) + sum(r.failed) > 0
    order by 2 desc, sum(r.completed) + sum(r.failed) desc, 1
    limit ${mostPlaybooks}
  ), tops as (
    select b.path, jsonb_object_agg(b.bucket, b.n) as durations
    from (
      select t.path, t.bucket, sum(t.n) as n
      from (
        select r.path, d.key as bucket, d.value::bigint as n
        from runs r, lateral (${pieces(sql, window, sql`s.durations`, table, sql`and s.path = r.path`)}) p,
          jsonb_each_text(p.durations) d
        union all
        select t.path, t.bucket, t.n from runs r join taken t using (path)
      ) t
      group by 1, 2
    ) b group by 1
  ), failures as (
    select f.message, sum(f.n)::bigint as n, max(f.last_at) as last_at,
      (array_agg(f.last_execution order by f.last_at desc, f.last_execution desc))[1] as last_execution
    from (
      ${pieces(
        sql,
        window,
        sql`s.message, s.failures as n, s.last_at, s.last_execution`,
        sql`noetl.error_stat`,
        kept,
      )}
      union all
      select noetl.error_group(x.error), 1, x.ended_at, x.execution_id
      from raw x where x.has_ended and x.status = 'FAILED'
    ) f
    group by 1 order by 2 desc, 3 desc, 1 limit ${MOST_ERRORS}
  ), waiting as (
    select q.tool, q.status, count(*) as n, min(q.available_at) filter (where q.available_at <= now()
      and q.status in ('queued', 'retry')) as since
    from noetl.queue q where q.status in ('queued', 'retry', 'leased') ${ofJobs}
    group by 1, 2
    union all
    -- they stay, so there may be many
    select q.tool, 'dead', count(*), null from noetl.queue q where q.status = 'dead' ${ofJobs}
    group by 1
  )
  select noetl.rfc3339(w.begins) as since,
    noetl.rfc3339(case when w.ends = 'infinity' then now() else w.ends end) as until,
    s.started, s.completed, s.failed, s.seconds,
    (select coalesce(jsonb_object_agg(d.bucket, d.n), '{}') from durations d) as durations,
    (select coalesce(jsonb_object_agg(a.status, a.n_started), '{}') from statuses a) || jsonb_build_object(
      'COMPLETED', s.started - s.started_failed - coalesce((select sum(n_started) from statuses), 0),
      'FAILED', s.started_failed) as by_status,
    (select coalesce(jsonb_object_agg(a.status, a.n), '{}') from statuses a) as active_by_status,
    totals.completed as all_completed, totals.failed as all_failed,
    (select coalesce(jsonb_agg(jsonb_build_object('at', noetl.rfc3339(t.at), 'started', t.started,
        'completed', t.completed, 'failed', t.failed) order by t.at), '[]')
      from (
        select m.at, sum(m.started) as started, sum(m.completed) as completed, sum(m.failed) as failed
        from (
          select at, started, completed, failed from moments
          union all
          select at, 0, 0, 0 from generate_series(${bucketOf(sql`w.begins`)},
            least(w.ends - interval '1 microsecond', now()), ${LENGTH[window.bucket]}::interval) at
        ) m group by 1
      ) t) as timeline,
    (select coalesce(jsonb_agg(jsonb_build_object('path', r.path, 'runs', r.runs, 'completed', r.completed,
        'failed', r.failed, 'active', coalesce((select sum(n) from active a where a.path = r.path), 0),
        'last_execution_id', r.last_execution::text, 'last_started_at', noetl.rfc3339(r.last_started),
        'durations', coalesce(t.durations, '{}'))
        order by r.runs desc, r.completed + r.failed desc, r.path), '[]')
      from runs r left join tops t using (path)) as playbooks,
    (select coalesce(jsonb_agg(jsonb_build_object('message', f.message, 'count', f.n,
        'last_execution_id', f.last_execution::text, 'last_at', noetl.rfc3339(f.last_at))
        order by f.n desc, f.last_at desc, f.message), '[]')
      from failures f) as errors,
    (select coalesce(jsonb_agg(jsonb_build_object('tool', j.tool, 'queued', j.queued, 'retry', j.retry,
        'leased', j.leased, 'dead', j.dead) order by j.tool), '[]')
      from (
        select tool, coalesce(sum(n) filter (where status = 'queued'), 0) as queued,
          coalesce(sum(n) filter (where status = 'retry'), 0) as retry,
          coalesce(sum(n) filter (where status = 'leased'), 0) as leased,
          coalesce(sum(n) filter (where status = 'dead'), 0) as dead
        from waiting group by 1
      ) j) as jobs,
    coalesce((select extract(epoch from now() - min(since)) from waiting), 0)::float8 as oldest_seconds,
    p.*
  from w, sums s, totals, (${pools(sql)}) p`
}

/** How many worker pools there are, by whether they are heard of. */
export const pools = (sql: Sql): Statement => sql`
  select count(*) filter (where is_online) as pools_online,
    count(*) filter (where not is_online) as pools_offline
  from (
    select status <> 'offline' and noetl.is_heard(heartbeat) as is_online
    from noetl.runtime where kind = 'worker_pool'
  ) pool`
