// SQL of what a report must be looked at with before it is written: which credentials its job names, and what of them
// is in the database.

import type { Sql, Statement } from '../db.ts'
import type { Json, JsonObject } from '../json.ts'

/** A credential as it is stored: `secret` is ciphertext. */
export interface Sealed {
  name: string
  secret: string
}

/** What a job's `auth` says, with what its templates may mention. */
export interface Asked {
  auth: Json[]
  context: JsonObject
  workload: JsonObject
  /** The credentials that `auth`, or a text of the workload, names as it stands. */
  credentials: Sealed[] | null
}

/** The `auth` of job `j`, by each of the keys that it has. */
const authOf = (sql: Sql) =>
  sql`(select coalesce(jsonb_agg(v), '[]') from jsonb_path_query(j.action,
    '$.keyvalue() ? (@.key == "auth" || @.key == "credential" || @.key == "credentials").value') v)`

/** What is asked of job `j` and execution `x`, as one jsonb. */
export const askedColumn = (sql: Sql) => sql`
  jsonb_build_object('auth', ${authOf(sql)}, 'context', j.context, 'workload', x.workload, 'credentials',
    (select jsonb_agg(jsonb_build_object('name', c.name, 'secret', c.secret)) from noetl.credential c
      where c.name in (
        select v #>> '{}' from jsonb_path_query(${authOf(sql)}, '$.**') v where jsonb_typeof(v) = 'string'
        union
        select v #>> '{}' from jsonb_path_query(x.workload, '$.**{1 to 2}') v
        where jsonb_typeof(v) = 'string')))`

/** Whether job `j` names credentials. */
export const asks = (sql: Sql) => sql`j.action ?| array['auth', 'credential', 'credentials']`

/** Credentials by name, or by id. */
export const findSealed = (sql: Sql, names: readonly string[]): Statement => sql`
  select name, secret from noetl.credential
  where name = any(${names}::text[])
    or credential_id in (select n::bigint from unnest(${names}::text[]) n where n ~ '^[0-9]{1,18}$')`
