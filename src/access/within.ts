// What a caller with a path prefix sees, as a clause of SQL. For null, a caller that sees all, nothing is added.

import type { Sql, Statement } from '../db.ts'

/** `and` that a path begins so. The clause is one that an index over paths answers. */
export const within = (sql: Sql, prefix: string | null, path: Statement): Statement =>
  prefix === null ? sql`` : sql`and ${path} like ${likePrefix(prefix)}`

/** `and` that the execution of an id is of a playbook whose path begins so. */
export const ofWithin = (sql: Sql, prefix: string | null, executionId: Statement): Statement =>
  prefix === null ? sql`` : sql`and exists (${seen(sql, prefix, executionId)})`

const seen = (sql: Sql, prefix: string, executionId: Statement): Statement => sql`
  select x.execution_id from noetl.execution x
  where x.execution_id = ${executionId} ${within(sql, prefix, sql`x.path`)}`

/** `and` that an execution `x` is of such a path; a whole first folder has an index that newest come first in. */
export const listedWithin = (sql: Sql, prefix: string | null): Statement =>
  prefix !== null && prefix.indexOf('/') === prefix.length - 1
    ? sql`and left(x.path, strpos(x.path, '/')) = ${prefix}`
    : within(sql, prefix, sql`x.path`)

function likePrefix(prefix: string): string {
  return `${prefix.replace(/[\\%_]/g, '\\$&')}%`
}
