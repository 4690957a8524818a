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
  prefix !== null && firstFolderOf(prefix) === prefix
    ? inFolder(sql, prefix, sql`x.path`)
    : within(sql, prefix, sql`x.path`)

/** `and` that a job `q` is of such a path. Its indexes begin with the first folder; what lies within is looked for there. */
export function queuedWithin(sql: Sql, prefix: string | null): Statement {
  const folder = prefix === null ? '' : firstFolderOf(prefix)
  return sql`
    ${folder === '' ? sql`` : inFolder(sql, folder, sql`q.path`)}
    ${folder === prefix ? sql`` : within(sql, prefix, sql`q.path`)}`
}

const firstFolderOf = (path: string): string => path.slice(0, path.indexOf('/') + 1)

const inFolder = (sql: Sql, folder: string, path: Statement): Statement =>
  sql`and left(${path}, strpos(${path}, '/')) = ${folder}`

function likePrefix(prefix: string): string {
  return `${prefix.replace(/[\\%_]/g, '\\$&')}%`
}
