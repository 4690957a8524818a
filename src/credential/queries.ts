// SQL of credentials. `secret` is ciphertext here, always.

import { type AuditEntry, insertAudit } from '../access/audit.ts'
import type { Sql, Statement } from '../db.ts'
import { type Json, toJson, toJsonOrNull } from '../json.ts'

export interface CredentialRow {
  id: string
  name: string
  type: string
  meta: unknown
  tags: string[] | null
  description: string | null
  created_at: string
  updated_at: string
}

const columns = (sql: Sql) => sql`
  credential_id::text as id, name, type, meta, tags, description,
  noetl.rfc3339(created_at) as created_at, noetl.rfc3339(updated_at) as updated_at`

export interface NewCredential {
  id: string
  name: string
  type: string
  secret: string
  meta: Json | undefined
  tags: string[] | null
  description: string | null
}

/**
 * Creates, or replaces by name. Its line in the audit is written first: sent again it finds the line, and undoes nothing
 * that others have done since. Without a row it has been deleted since.
 */
export const put = (sql: Sql, c: NewCredential, audit: AuditEntry): Statement => sql`
  with sent as (select), audited as (
    ${insertAudit(sql, 'sent', audit)} returning audit_id
  ), written as (
  insert into noetl.credential (credential_id, name, type, secret, meta, tags, description)
  select ${c.id}::bigint, ${c.name}, ${c.type}, ${c.secret},
    ${toJsonOrNull(c.meta)}::jsonb,
    case when ${c.tags !== null}::bool then array(
      select jsonb_array_elements_text(${toJson(c.tags ?? [])}::jsonb)) end,
    ${c.description}
  from audited
  on conflict (name) do update set type = excluded.type, secret = excluded.secret, meta = excluded.meta,
    tags = excluded.tags, description = excluded.description, updated_at = now()
  returning *
  )
  select ${columns(sql)} from written
  union all
  select ${columns(sql)} from noetl.credential where name = ${c.name} and not exists (select from audited)`

const called = (sql: Sql, id: string | null, name: string) => sql`
  case when ${id}::bigint is null then name = ${name} else credential_id = ${id}::bigint end`

/** By id when the text is one, else by name. */
export const find = (
  sql: Sql,
  id: string | null,
  name: string,
  audit: AuditEntry | null,
): Statement => sql`
  with found as (
    select * from noetl.credential where ${called(sql, id, name)}
  )
  ${audit === null ? sql`` : sql`, audited as (${insertAudit(sql, 'found', audit, { subject: sql`'credential:' || s.name` })})`}
  select ${columns(sql)}, secret from found`

/** Removes one, and tells its name; sent again it tells it again, and leaves what has its name since. */
export const remove = (
  sql: Sql,
  id: string | null,
  name: string,
  audit: AuditEntry,
): Statement => sql`
  with removed as (
    delete from noetl.credential where ${called(sql, id, name)}
      and not exists (${line(sql, audit)}) returning name, type
  ), audited as (
    ${insertAudit(sql, 'removed', audit, {
      subject: sql`'credential:' || s.name`,
      detail: sql`jsonb_build_object('type', s.type)`,
    })}
  )
  select name from removed
  union all
  ${line(sql, audit)}`

/** The name that a line of the audit is about, if it is written. */
const line = (sql: Sql, { audit_id }: AuditEntry): Statement => sql`
  select substr(a.subject, length('credential:') + 1) as name from noetl.audit a
  where a.audit_id = ${audit_id}`

export interface CredentialPage {
  type: string | null
  q: string | null
  /** The last name of the page before. */
  after: string | null
  limit: number
}

export const list = (sql: Sql, { type, q, after, limit }: CredentialPage): Statement => sql`
  select ${columns(sql)} from noetl.credential
  where (${type}::text is null or type = ${type})
    and (${q}::text is null or position(lower(${q}) in lower(name || ' ' || coalesce(description, ''))) > 0)
    and (${after}::text is null or name > ${after})
  order by name
  limit ${limit}`
