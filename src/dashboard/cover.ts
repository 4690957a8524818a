// What the figures of a window are summed up from: what has been rolled up is taken by whole minutes, hours and days; the
// rest (what has ended since, what goes on, and parts of a minute at the ends of a window) from the executions themselves.

import { within } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import type { Bucket, Window } from './window.ts'

/** Of which playbooks. */
export interface Scope {
  path: string | null
  path_prefix: string | null
  /** What the caller sees. */
  within: string | null
}

/** In hours, as a day of the session's time zone may have another length. */
export const LENGTH: Readonly<Record<Bucket, string>> = {
  minute: '1 minute',
  hour: '1 hour',
  day: '24 hours',
}

/** The minute, hour or day of UTC that an instant is in; much faster than date_trunc in a time zone. */
export const floor = (sql: Sql, unit: Bucket, at: Statement): Statement =>
  sql`date_bin(${LENGTH[unit]}::interval, ${at}, '2025-01-01T00:00:00Z'::timestamptz)`

/** `and` that executions `x`, or rows of another table, of the scope's playbooks. */
export const ofScope = (sql: Sql, scope: Scope, path: Statement): Statement => sql`
  ${scope.path === null ? sql`` : sql`and ${path} = ${scope.path}`}
  ${within(sql, scope.path_prefix, path)} ${within(sql, scope.within, path)}`

/**
 * Parts of a statement: the window `w`, and what covers it. `spans` are read from the sums of their grain, `edges` from
 * the executions, and so are minutes that are not kept.
 */
export const cover = (sql: Sql, { bucket, buckets, since, until }: Window): Statement => {
  const begins =
    since === null
      ? sql`${floor(sql, bucket, sql`now()`)} - ${(buckets ?? 1) - 1}::int * ${LENGTH[bucket]}::interval`
      : sql`${since}::timestamptz`
  /** The whole units within a span, or nothing at its end. */
  const whole = (unit: Bucket, isUsed: boolean, outer: Statement) => {
    const from = sql`${outer}.begins`
    const to = sql`${outer}.ends`
    if (!isUsed) return sql`lateral (select ${to} as begins, ${to} as ends)`
    const ceiling = floor(
      sql,
      unit,
      sql`${from} + ${LENGTH[unit]}::interval - interval '1 microsecond'`,
    )
    const first = sql`least(${ceiling}, ${to})`
    return sql`lateral (select ${first} as begins, greatest(${floor(sql, unit, to)}, ${first}) as ends)`
  }
  return sql`
  w as materialized (select ${begins} as begins, ${until ?? 'infinity'}::timestamptz as ends),
  parts as materialized (
    select p.* from w, ${whole('minute', true, sql`w`)} m, ${whole('hour', bucket !== 'minute', sql`m`)} h,
      ${whole('day', bucket === 'day', sql`h`)} d,
      lateral (values ('execution', w.begins, m.begins), ('minute', m.begins, h.begins),
        ('hour', h.begins, d.begins), ('day', d.begins, d.ends), ('hour', d.ends, h.ends),
        ('minute', h.ends, m.ends), ('execution', m.ends, w.ends)) p (grain, begins, ends)
    where p.begins < p.ends
  ), spans as materialized (
    select p.grain, case p.grain when 'minute' then greatest(p.begins, m.minutes_since) else p.begins end as begins, p.ends
    from parts p, mark m where p.grain <> 'execution'
  ), edges as materialized (
    select p.begins, e.ends
    from parts p, mark m,
      lateral (select case p.grain when 'minute' then least(p.ends, m.minutes_since) else p.ends end as ends) e
    where p.grain in ('execution', 'minute') and p.begins < e.ends
  )`
}

/** The rolled-up rows of a table within the window. */
export const pieces = (
  sql: Sql,
  { bucket, since }: Window,
  columns: Statement,
  table: Statement,
  where: Statement,
): Statement => {
  // of several grains only where a window begins anywhere; where it is known, the others cost no plan
  const grain = since === null || bucket === 'minute' ? sql`${bucket}` : sql`p.grain`
  return sql`
  select ${columns} from spans p join ${table} s on s.grain = ${grain} and s.at >= p.begins and s.at < p.ends
  where true ${where}`
}

/**
 * Executions that the rolled-up rows of the window leave out: what ended since, what goes on, and those that
 * started or ended at its ends. An id carries its start's time; a minute is allowed for clocks that differ.
 */
export const rawRows = (sql: Sql, { bucket, since }: Window, scope: Scope): Statement => {
  const columns = sql`x.execution_id, x.path, x.status, x.started_at, x.ended_at`
  const inWindow = (at: Statement) =>
    sql`${at} >= (select begins from w) and ${at} < (select ends from w)`
  const path = ofScope(sql, scope, sql`x.path`)
  const mark = sql`(select counted_until from mark)`
  // the others begin with a whole hour or day, and what is not read costs no plan
  const hasEdges = since !== null || bucket === 'minute'
  const edges = sql`
    union all
    select ${columns}, x.error, false, false, true
    from edges e join noetl.execution x on x.ended_at >= e.begins and x.ended_at < e.ends
    where x.ended_at <= ${mark} ${path}
    union all
    select ${columns}, null, false, true, false
    from edges e join noetl.execution x on x.execution_id >= noetl.id_at(e.begins - interval '1 minute')
      and x.execution_id < noetl.id_at(e.ends + interval '1 minute')
      and x.started_at >= e.begins and x.started_at < e.ends
    where x.ended_at <= ${mark} ${path}`
  return sql`
    select ${columns}, x.error, true as is_new, ${inWindow(sql`x.started_at`)} as has_started,
      ${inWindow(sql`x.ended_at`)} as has_ended
    from (
      select ${columns}, x.error from noetl.execution x
      -- the end is always so; of a range the planner expects few rows, and so reads them from the index
      where x.ended_at > ${mark} and x.ended_at < 'infinity'
      -- these are few; by a path all of its executions would be looked at
      offset 0
    ) x
    where true ${path}
    union all
    select ${columns}, null, false, ${inWindow(sql`x.started_at`)}, false
    from noetl.execution x where x.ended_at is null ${path}
    ${hasEdges ? edges : sql``}`
}
