// What a caller with a path prefix sees, as a clause of SQL.

import type { Sql, Statement } from '../db.ts'

/** `and` that a path begins so; nothing for null. The clause is one that an index over paths answers. */
export const within = (sql: Sql, prefix: string | null, path: Statement): Statement =>
  prefix === null ? sql`` : sql`and ${path} like ${likePrefix(prefix)}`

function likePrefix(prefix: string): string {
  return `${prefix.replace(/[\\%_]/g, '\\$&')}%`
}
