// What becomes of a new run when the last one of the same hook or schedule still goes on: both run (`allow`), the
// new one does not begin (`skip`), or the last one is cancelled (`replace`). Tables of things that start runs have
// three columns for it: overlap, current_execution_id, and replaced, the runs that are still to be cancelled.

import type { Sql, Statement } from '../db.ts'

export const OVERLAPS = ['allow', 'skip', 'replace'] as const
export type Overlap = (typeof OVERLAPS)[number]

/** Tables that have the columns. */
export type OverlapTable = 'noetl.hook' | 'noetl.schedule'

/**
 * Whether the last run of row `t` has ended. An update that waited for another sees that one's row, but the
 * executions of before: a run that it cannot see has just begun, unless it is so old that retention has taken it.
 */
const hasEnded = (sql: Sql): Statement => sql`(t.current_execution_id is null
  or exists (select from noetl.execution x
    where x.execution_id = t.current_execution_id and x.ended_at is not null)
  or (t.current_execution_id < noetl.id_at(now() - interval '1 hour')
    and not exists (select from noetl.execution x where x.execution_id = t.current_execution_id)))`

/** For `where` of an update of `t`: whether a new run may begin. */
export const mayBegin = (sql: Sql): Statement => sql`(t.overlap <> 'skip' or ${hasEnded(sql)})`

/** For `set` of the same update: the new run takes the place of the last one, if it may begin. */
export const takePlace = (sql: Sql, executionId: string): Statement => sql`
  current_execution_id = case when ${mayBegin(sql)} then ${executionId}::bigint else t.current_execution_id end,
  replaced = array_remove(t.replaced || ${displaced(sql)}, null)`

/** The run of row `t` that a new one takes the place of; null where both may go on, or none does. */
export const displaced = (sql: Sql): Statement =>
  sql`case when t.overlap = 'replace' and not ${hasEnded(sql)} then t.current_execution_id end`

/** Rows of a table with runs that are to be cancelled; all rows, or one. */
export const findReplaced = (
  sql: Sql,
  table: OverlapTable,
  key: string,
  id: string | null,
): Statement => sql`
  select t.${sql.unsafe(key)}::text as id, t.replaced[1:100]::text[] as replaced from ${sql.unsafe(table)} t
  where t.replaced <> '{}' and (${id}::bigint is null or t.${sql.unsafe(key)} = ${id}::bigint)
  limit 100`

export const dropReplaced = (
  sql: Sql,
  table: OverlapTable,
  key: string,
  id: string,
  ids: string[],
): Statement =>
  sql`update ${sql.unsafe(table)} t
    set replaced = array(select unnest(t.replaced) except select unnest(${ids}::bigint[]))
    where t.${sql.unsafe(key)} = ${id}`
