// SQL of runtimes. Each is one row, which its registrations and heartbeats write again and again.

import type { Sql, Statement } from '../db.ts'
import { type JsonObject, toJson, toJsonOrNull } from '../json.ts'
import type { Kind } from './schema.ts'

export interface RuntimeWrite {
  runtime_id: string
  kind: Kind
  name: string
  uri: string | null
  status: string
  capacity: number | null
  labels: JsonObject | string[] | null
  runtime: JsonObject
}

const inserted = (sql: Sql, r: RuntimeWrite) => sql`
  insert into noetl.runtime as r (runtime_id, kind, name, uri, status, capacity, labels, runtime)
  values (${r.runtime_id}, ${r.kind}, ${r.name}, ${r.uri}, ${r.status}, ${r.capacity},
    ${toJsonOrNull(r.labels)}::json, ${toJson(r.runtime)}::json)`

/** What a heartbeat changes: one that had taken its leave is back. */
const alive = (sql: Sql) => sql`
  heartbeat = now(), updated_at = now(),
  status = case when r.status = 'offline' then 'ready' else r.status end`

/** Registers, or registers anew under the id of before. */
export const register = (sql: Sql, r: RuntimeWrite): Statement => sql`
  ${inserted(sql, r)}
  on conflict (kind, name) do update set uri = excluded.uri, status = excluded.status,
    capacity = excluded.capacity, labels = excluded.labels, runtime = excluded.runtime,
    heartbeat = now(), updated_at = now(), registered_at = now()
  returning runtime_id::text`

/** Marks as offline; no row when the name is unknown. */
export const deregister = (sql: Sql, kind: Kind, name: string): Statement => sql`
  update noetl.runtime set status = 'offline', updated_at = now()
  where kind = ${kind} and name = ${name}
  returning runtime_id::text`

/** Notes a sign of life; no row when the name is unknown. */
export const beat = (sql: Sql, kind: Kind, name: string): Statement => sql`
  update noetl.runtime r set ${alive(sql)}
  where kind = ${kind} and name = ${name}
  returning runtime_id::text`

/** Notes a sign of life; an unknown name is registered, which its id being the new one tells. */
export const beatOrRegister = (sql: Sql, r: RuntimeWrite): Statement => sql`
  ${inserted(sql, r)}
  on conflict (kind, name) do update set ${alive(sql)}
  returning runtime_id::text`

export interface RuntimeFilter {
  kind: Kind
  type: string | null
  status: string | null
  cursor: string | null
  limit: number
}

export interface RuntimeRow {
  runtime_id: string
  name: string
  runtime: JsonObject
  uri: string | null
  status: string
  capacity: number | null
  labels: JsonObject | string[] | null
  heartbeat: string
  created_at: string
  updated_at: string
}

/** Runtimes of a kind, newest first; `cursor` is the runtime_id that the page begins after. */
export const list = (sql: Sql, f: RuntimeFilter): Statement => sql`
  select r.runtime_id::text, r.name, r.runtime, r.uri, now_is.status, r.capacity, r.labels,
    noetl.rfc3339(r.heartbeat) as heartbeat, noetl.rfc3339(r.created_at) as created_at,
    noetl.rfc3339(r.updated_at) as updated_at
  from noetl.runtime r, lateral (
    select case when noetl.is_heard(r.heartbeat) then r.status else 'offline' end as status
  ) now_is
  where r.kind = ${f.kind}
    and (${f.type}::text is null or r.runtime->>'type' = ${f.type})
    and (${f.status}::text is null or now_is.status = ${f.status})
    and (${f.cursor}::bigint is null or r.runtime_id < ${f.cursor}::bigint)
  order by r.runtime_id desc
  limit ${f.limit}::int`
