// SQL of API keys and of the audit.

import type { Sql, Statement } from '../db.ts'
import type { JsonObject } from '../json.ts'
import { type AuditEntry, insertAudit } from './audit.ts'
import type { Scope } from './caller.ts'

export interface KeyRow {
  id: string
  name: string
  scopes: Scope[]
  path_prefix: string | null
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  revoked_at: string | null
}

const columns = (sql: Sql) => sql`
  k.key_id::text as id, k.name, k.scopes, k.path_prefix, noetl.rfc3339(k.created_at) as created_at,
  noetl.rfc3339(k.expires_at) as expires_at, noetl.rfc3339(k.last_used_at) as last_used_at,
  noetl.rfc3339(k.revoked_at) as revoked_at`

export interface UsedRow {
  name: string
  scopes: Scope[]
  path_prefix: string | null
  /** Milliseconds of the epoch. */
  expires_ms: number | null
}

/** The key that may be used with a secret, if any; notes that it was used, to the minute. */
export const useKey = (sql: Sql, keyId: string, digest: string): Statement => sql`
  with valid as (
    select k.* from noetl.api_key k
    where k.key_id = ${keyId} and k.digest = ${digest} and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now())
  ), used as (
    update noetl.api_key k set last_used_at = now() from valid
    where k.key_id = valid.key_id
      and (valid.last_used_at is null or valid.last_used_at < now() - interval '1 minute')
  )
  select name, scopes, path_prefix, (extract(epoch from expires_at) * 1000)::float8 as expires_ms
  from valid`

export interface NewKey {
  key_id: string
  name: string
  digest: string
  scopes: readonly Scope[]
  path_prefix: string | null
  expires_at: string | null
}

/** Adds a key. A name that a key in use has breaks api_key_name_once; sent again it answers as at first. */
export const addKey = (sql: Sql, key: NewKey, audit: AuditEntry): Statement => sql`
  with sent as (
    select k.* from noetl.api_key k where k.key_id = ${key.key_id}::bigint
  ), added as (
    insert into noetl.api_key (key_id, name, digest, scopes, path_prefix, expires_at)
    select ${key.key_id}::bigint, ${key.name}, ${key.digest}, ${key.scopes}::text[], ${key.path_prefix},
      ${key.expires_at}::timestamptz
    where not exists (select from sent)
    returning *
  ), audited as (
    ${insertAudit(sql, 'added', audit)}
  )
  select ${columns(sql)} from (table added union all table sent) k`

/** Revokes a key; no row when there is none. */
export const revokeKey = (sql: Sql, keyId: string, audit: AuditEntry): Statement => sql`
  with revoked as (
    update noetl.api_key k set revoked_at = now()
    where k.key_id = ${keyId} and k.revoked_at is null
    returning *
  ), audited as (
    ${insertAudit(sql, 'revoked', audit)}
  )
  select ${columns(sql)} from revoked k
  union all
  select ${columns(sql)} from noetl.api_key k
  where k.key_id = ${keyId} and not exists (select from revoked)`

/** A page of keys, newest first. */
export const listKeys = (sql: Sql, page: { after: string | null; limit: number }): Statement => sql`
  select ${columns(sql)} from noetl.api_key k
  where (${page.after}::bigint is null or k.key_id < ${page.after}::bigint)
  order by k.key_id desc
  limit ${page.limit}`

export interface AuditRow {
  id: string
  created_at: string
  actor: string
  actor_name: string
  ip: string | null
  action: string
  subject: string
  detail: JsonObject
}

export interface AuditFilter {
  actor: string | null
  action: string | null
  subject: string | null
  since: string | null
  until: string | null
  after: string | null
  limit: number
}

/** A page of the audit, newest first; a minute is allowed for clocks that differ, as an id carries its time. */
export const listAudit = (sql: Sql, f: AuditFilter): Statement => sql`
  select a.audit_id::text as id, noetl.rfc3339(a.created_at) as created_at, a.actor, a.actor_name, a.ip,
    a.action, a.subject, a.detail
  from noetl.audit a
  where true
    ${f.actor === null ? sql`` : sql`and a.actor = ${f.actor}`}
    ${f.action === null ? sql`` : sql`and a.action = ${f.action}`}
    ${f.subject === null ? sql`` : sql`and a.subject = ${f.subject}`}
    ${
      f.since === null
        ? sql``
        : sql`and a.created_at >= ${f.since}::timestamptz
      and a.audit_id >= noetl.id_at(${f.since}::timestamptz - interval '1 minute')`
    }
    ${
      f.until === null
        ? sql``
        : sql`and a.created_at < ${f.until}::timestamptz
      and a.audit_id < noetl.id_at(${f.until}::timestamptz + interval '1 minute')`
    }
    ${f.after === null ? sql`` : sql`and a.audit_id < ${f.after}`}
  order by a.audit_id desc
  limit ${f.limit}`
