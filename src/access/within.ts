// What a caller with a path prefix sees, as a clause of SQL. For null, a caller that sees all, nothing is added.

import type { Sql, Statement } from '../db.ts'

/** `and` that a path begins so. The clause is one that an index over paths answers. */
export const within = (sql: Sql, prefix: string | null, path: Statement): Statement =>
  prefix === null ? sql`` : sql`and ${path} like ${likePrefix(prefix)}`

/** `and` that the execution of an id is of a playbook whose path begins so. */
export const ofWithin = (sql: Sql, prefix: string | null, executionId: Statement): Statement =>
  prefix === null
    ? sql``
    : sql`and exists (select from noetl.execution x
        where x.execution_id = ${executionId} ${within(sql, prefix, sql`x.path`)})`

/** `and` that an execution `x` is of such a path; a whole first folder has an index that newest come first in. */
export const listedWithin = (sql: Sql, prefix: string | null): Statement =>
  prefix !== null && prefix === firstFolder(prefix)
    ? sql`and ${folderOf(sql, sql`x.path`)} = ${prefix}`
    : within(sql, prefix, sql`x.path`)

/** `and` that a job `q` is of such a path. The index is of first folders; one within is looked for there. */
export function queuedWithin(sql: Sql, prefix: string | null): Statement {
  const folder = prefix === null ? '' : firstFolder(prefix)
  return sql`${folder === '' ? sql`` : sql`and ${folderOf(sql, sql`q.path`)} = ${folder}`}
    ${withinFolder(sql, prefix, sql`q.path`)}`
}

/** `and` that a path begins so, where its first folder is known to. */
export const withinFolder = (sql: Sql, prefix: string | null, path: Statement): Statement =>
  prefix === null || prefix === firstFolder(prefix) ? sql`` : within(sql, prefix, path)

/** The first folder of a path, with its `/`; '' when it is in none. */
export const firstFolder = (path: string): string => path.slice(0, path.indexOf('/') + 1)

/** The same in SQL, as indexes have it. */
export const folderOf = (sql: Sql, path: Statement): Statement =>
  sql`left(${path}, strpos(${path}, '/'))`

function likePrefix(prefix: string): string {
  return `${prefix.replace(/[\\%_]/g, '\\$&')}%`
}
