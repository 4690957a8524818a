// What the figures of a window are summed up from: what has been rolled up is taken by whole hours and days; the rest
// (what has ended since, what goes on, and the ends of a window that lie within an hour) from the executions themselves.

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

/** `and` that executions `x`, or rows of another table, of the scope's playbooks. */
export const ofScope = (sql: Sql, scope: Scope, path: Statement): Statement => sql`
  ${scope.path === null ? sql`` : sql`and ${path} = ${scope.path}`}
  ${within(sql, scope.path_prefix, path)} ${within(sql, scope.within, path)}`

type Span = readonly [from: string, to: string]

/**
 * What covers a window, by columns of `w`: whole days, whole hours, and the ends that lie within an hour, which are
 * read from the executions. Spans that are empty are left out, as each costs a plan.
 */
interface Cover {
  days: Span[]
  hours: Span[]
  edges: Span[]
}

export function coverOf({ bucket, since, until }: Window): Cover {
  if (bucket === 'minute') return { days: [], hours: [], edges: [['since', 'ending']] }
  const edges: Span[] = [
    ...(since === null ? [] : [['since', 'h_from'] as const]),
    ...(until === null ? [] : [['h_to', 'ending'] as const]),
  ]
  if (bucket === 'hour') return { days: [], hours: [['h_from', 'h_to']], edges }
  const hours: Span[] = [
    ...(since === null ? [] : [['h_from', 'd_from'] as const]),
    ...(until === null ? [] : [['d_to', 'h_to'] as const]),
  ]
  return { days: [['d_from', 'd_to']], hours, edges }
}

/** The window: where it begins and ends, and the whole hours (h) and days (d) within it. */
export const windowRow = (sql: Sql, { bucket, buckets, since, until }: Window): Statement => {
  const begin =
    since === null
      ? sql`date_trunc(${bucket}, now(), 'UTC') - ${(buckets ?? 1) - 1}::int * ${LENGTH[bucket]}::interval`
      : sql`${since}::timestamptz`
  const ceil = (unit: 'hour' | 'day') => sql`
    date_trunc(${unit}, w.since + ${LENGTH[unit]}::interval - interval '1 microsecond', 'UTC')`
  const floor = (unit: 'hour' | 'day') =>
    until === null ? sql`w.ending` : sql`date_trunc(${unit}, w.ending, 'UTC')`
  return sql`
    select w.*, ${ceil('hour')} as h_from, ${floor('hour')} as h_to, ${ceil('day')} as d_from,
      ${floor('day')} as d_to
    from (select ${begin} as since, ${until ?? 'infinity'}::timestamptz as ending) w`
}

/** A column of `w`. */
const of = (sql: Sql, column: string): Statement => sql`(select ${sql.unsafe(column)} from w)`

/** The rolled-up rows of a table within the window. */
export const pieces = (
  sql: Sql,
  { days, hours }: Cover,
  columns: Statement,
  table: Statement,
  where: Statement,
): Statement => {
  const piece = (grain: string, [from, to]: Span) => sql`
    select ${columns} from ${table} s where s.grain = ${grain}
      and s.at >= ${of(sql, from)} and s.at < ${of(sql, to)} ${where}`
  const all = [
    ...days.map((span) => piece('day', span)),
    ...hours.map((span) => piece('hour', span)),
  ]
  const none = sql`select ${columns} from ${table} s where false`
  return all.reduce((before, next) => sql`${before} union all ${next}`, all.shift() ?? none)
}

/**
 * Executions that the rolled-up rows of the window leave out: what ended since, what goes on, and those that
 * started or ended at its ends. An id carries its start's time; a minute is allowed for clocks that differ.
 */
export const rawRows = (sql: Sql, { edges }: Cover, scope: Scope): Statement => {
  const columns = sql`x.execution_id, x.path, x.status, x.started_at, x.ended_at`
  const inWindow = (at: Statement) =>
    sql`${at} >= (select since from w) and ${at} < (select ending from w)`
  const path = ofScope(sql, scope, sql`x.path`)
  const mark = sql`(select counted_until from mark)`
  const edge = (from: Statement, to: Statement) => sql`
    union all
    select ${columns}, x.error, false as is_new, false as has_started, true as has_ended
    from noetl.execution x
    where x.ended_at >= ${from} and x.ended_at < ${to} and x.ended_at <= ${mark} ${path}
    union all
    select ${columns}, null, false, true, false
    from noetl.execution x
    where x.execution_id >= noetl.id_at(${from} - interval '1 minute')
      and x.execution_id < noetl.id_at(${to} + interval '1 minute')
      and x.started_at >= ${from} and x.started_at < ${to} and x.ended_at <= ${mark} ${path}`
  return sql`
    select ${columns}, x.error, true as is_new, ${inWindow(sql`x.started_at`)} as has_started,
      ${inWindow(sql`x.ended_at`)} as has_ended
    from noetl.execution x
    -- the end is always so; of a range the planner expects few rows, and so reads them from the index
    where x.ended_at > ${mark} and x.ended_at < 'infinity' ${path}
    union all
    select ${columns}, null, false, ${inWindow(sql`x.started_at`)}, false
    from noetl.execution x where x.ended_at is null ${path}
    ${edges.reduce((all, [from, to]) => sql`${all} ${edge(of(sql, from), of(sql, to))}`, sql``)}`
}
