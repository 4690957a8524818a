// SQL of hooks. `secrets` is ciphertext here, always.

import { type AuditEntry, insertAudit } from '../access/audit.ts'
import { within as belowPrefix } from '../access/within.ts'
import { entryByLookup } from '../catalog/queries.ts'
import type { Sql, Statement } from '../db.ts'
import type { Overlap } from '../execution/overlap.ts'
import { type JsonObject, toJson, toJsonOrNull } from '../json.ts'
import type { Target } from '../notification/target.ts'
import type { Provider } from './verify/index.ts'

/** A hook as the API shows it. */
export interface HookRow {
  id: string
  name: string
  provider: Provider
  path: string
  version: number | null
  secret_count: number
  header: string | null
  public_url: string | null
  tolerance_seconds: number
  filter: string | null
  parameters: JsonObject | null
  delivery_id: string | null
  merge: boolean
  identical_content: 'refuse' | 'allow'
  overlap: Overlap
  notify: readonly Target[]
  enabled: boolean
  may_wait: boolean
  max_body_bytes: number
  keep_body_bytes: number
  keep_days: number
  within: string | null
  created_by: string
  created_at: string
  updated_at: string
}

/** The same with what is not shown. */
export interface WholeHookRow extends HookRow {
  secrets: string | null
  revision: number
}

const columns = (sql: Sql) => sql`
  h.hook_id::text as id, h.name, h.provider, h.path, h.entry_version as version, h.secret_count, h.header,
  h.public_url, h.tolerance_seconds, h.filter, h.parameters, h.delivery_id, h.merge, h.identical_content,
  h.overlap, coalesce(h.notify, '[]') as notify, h.enabled, h.may_wait, h.within,
  h.max_body_bytes, h.keep_body_bytes, h.keep_days,
  h.created_by,
  noetl.rfc3339(h.created_at) as created_at, noetl.rfc3339(h.updated_at) as updated_at`

const wholeColumns = (sql: Sql) => sql`${columns(sql)}, h.secrets, h.revision`

/** What is written of a hook. */
export interface HookValues
  extends Omit<HookRow, 'id' | 'within' | 'created_by' | 'created_at' | 'updated_at'> {
  secrets: string | null
}

/** The written columns and their values, in one order. */
const written = (sql: Sql) => sql`
  name, provider, path, entry_version, secrets, secret_count, header, public_url, tolerance_seconds, filter,
  parameters, delivery_id, merge, identical_content, overlap, notify, enabled, may_wait, max_body_bytes,
  keep_body_bytes,  keep_days`

const values = (sql: Sql, v: HookValues) => sql`
  ${v.name}::text, ${v.provider}::text, ${v.path}::text, ${v.version}::int, ${v.secrets}::text,
  ${v.secret_count}::int, ${v.header}::text, ${v.public_url}::text, ${v.tolerance_seconds}::int,
  ${v.filter}::text, ${toJsonOrNull(v.parameters)}::jsonb,
  ${v.delivery_id}::text, ${v.merge}::bool, ${v.identical_content}::text, ${v.overlap}::text,
  ${toJson(v.notify)}::jsonb, ${v.enabled}::bool, ${v.may_wait}::bool, ${v.max_body_bytes}::int, ${v.keep_body_bytes}::int, ${v.keep_days}::int`

/** Whether the playbook that is meant is there. */
const hasEntry = (sql: Sql, { path, version }: HookValues) =>
  sql`exists (select from (${entryByLookup(sql, { path, version })}) c)`

export interface WrittenRow {
  /** Null when the playbook is not there, or the hook is another by now. */
  hook: WholeHookRow | null
  has_entry: boolean
}

/** Adds a hook if its playbook is there. A name in use breaks hook_name_once; sent again it answers as at first. */
export const addHook = (
  sql: Sql,
  h: HookValues & { hook_id: string; within: string | null; created_by: string },
  audit: AuditEntry,
): Statement => sql`
  with sent as (
    select h.* from noetl.hook h where h.hook_id = ${h.hook_id}::bigint
  ), added as (
    insert into noetl.hook (hook_id, within, created_by, ${written(sql)})
    select ${h.hook_id}::bigint, ${h.within}, ${h.created_by}, ${values(sql, h)}
    where ${hasEntry(sql, h)} and not exists (select from sent)
    returning *
  ), audited as (
    ${insertAudit(sql, 'added', audit)}
  )
  select (select row_to_json(shown) from (
      select ${wholeColumns(sql)} from (table added union all table sent) h) shown) as hook,
    ${hasEntry(sql, h)} as has_entry`

/** Changes a hook if it is as it was read. */
export const changeHook = (
  sql: Sql,
  { id, revision, within }: Pick<WholeHookRow, 'id' | 'revision' | 'within'>,
  h: HookValues,
  audit: AuditEntry,
): Statement => sql`
  with changed as (
    update noetl.hook h set (${written(sql)}) = row(${values(sql, h)}), within = ${within}, updated_at = now(),
      revision = h.revision + 1
    where h.hook_id = ${id} and h.revision = ${revision}::int and h.deleted_at is null
      and ${hasEntry(sql, h)}
    returning *
  ), audited as (
    ${insertAudit(sql, 'changed', audit)}
  )
  select (select row_to_json(shown) from (select ${wholeColumns(sql)} from changed h) shown) as hook,
    ${hasEntry(sql, h)} as has_entry`

/** Takes a hook away; its deliveries go by and by. */
export const removeHook = (
  sql: Sql,
  name: string,
  prefix: string | null,
  audit: AuditEntry,
): Statement => sql`
  with removed as (
    update noetl.hook h set deleted_at = now(), enabled = false, revision = h.revision + 1
    where h.name = ${name} and h.deleted_at is null ${belowPrefix(sql, prefix, sql`h.path`)}
    returning h.hook_id
  ), audited as (
    ${insertAudit(sql, 'removed', audit)}
  )
  select hook_id::text as id from removed`

/** A hook by its name. */
export const findHook = (sql: Sql, name: string, prefix: string | null): Statement => sql`
  select ${wholeColumns(sql)} from noetl.hook h
  where h.name = ${name} and h.deleted_at is null ${belowPrefix(sql, prefix, sql`h.path`)}`

/** A page of hooks, newest first. */
export const listHooks = (
  sql: Sql,
  page: { prefix: string | null; after: string | null; limit: number },
): Statement => sql`
  select ${columns(sql)} from noetl.hook h
  where h.deleted_at is null ${belowPrefix(sql, page.prefix, sql`h.path`)}
    and (${page.after}::bigint is null or h.hook_id < ${page.after}::bigint)
  order by h.hook_id desc
  limit ${page.limit}`
