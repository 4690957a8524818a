// SQL of the catalog. Of an entry, only whether it is shown ever changes.

import { type AuditEntry, insertAudit } from '../access/audit.ts'
import { within } from '../access/within.ts'
import { MAX_PAGE_BYTES, type Sql, type Statement } from '../db.ts'
import { type JsonObject, toJson } from '../json.ts'
import { folded, type Head, headOf, searchedText } from './head.ts'

/** Which entry is meant: by id, or by path and version (null: the latest). */
export type Lookup = { catalog_id: string } | { path: string; version: number | null }

export interface EntryRow {
  catalog_id: string
  path: string
  version: number
  kind: string
  payload: JsonObject
}

/** The entry that a lookup means, unless it is deleted; `latest` is the highest version. */
export const entryByLookup = (sql: Sql, lookup: Lookup): Statement =>
  'catalog_id' in lookup
    ? sql`select c.* from noetl.catalog c where c.catalog_id = ${lookup.catalog_id} and c.deleted_at is null`
    : lookup.version === null
      ? sql`select c.* from (${newestOf(sql, lookup.path)}) c where c.deleted_at is null`
      : sql`select c.* from noetl.catalog c
          where c.path = ${lookup.path} and c.version = ${lookup.version} and c.deleted_at is null`

/** A path's highest version; a deletion hides all of them, so that one tells whether there is any. */
const newestOf = (sql: Sql, path: string): Statement =>
  sql`select c.* from noetl.catalog c where c.path = ${path} order by c.version desc limit 1`

export const findEntry = (sql: Sql, lookup: Lookup): Statement => sql`
  select c.catalog_id::text, c.path, c.version, c.kind, c.payload from (${entryByLookup(sql, lookup)}) c`

/** An entry that an execution refers to, deleted or not. */
export const findEntryById = (sql: Sql, catalogId: string): Statement => sql`
  select c.catalog_id::text, c.path, c.version, c.kind, c.payload
  from noetl.catalog c where c.catalog_id = ${catalogId}`

export interface NewEntry {
  catalog_id: string
  path: string
  kind: string
  content: string
  digest: string
  payload: JsonObject
}

/** What a list shows of an entry. */
export interface HeadRow extends Head {
  catalog_id: string
  path: string
  version: number
  kind: string
  meta: JsonObject
  created_at: string
}

export interface RegisteredRow extends HeadRow {
  created: boolean
}

/**
 * Adds a version, unless the latest has the same content; then that one is the answer. Two at once
 * break catalog_path_version_key and the loser sends it again. Given `expected`, no row comes when the
 * latest version is another one by then (0: none).
 */
export const register = (
  sql: Sql,
  e: NewEntry,
  audit: AuditEntry,
  expected: number | null = null,
): Statement => {
  const head = headOf(e.path, e.payload)
  return sql`
  with newest as (
    select c.*, c.deleted_at is null as is_there,
      c.deleted_at is null and c.digest = ${e.digest} and c.kind = ${e.kind} as is_same
    from (${newestOf(sql, e.path)}) c
  ), sent as (
    select c.* from noetl.catalog c where c.catalog_id = ${e.catalog_id}::bigint
  ), next as (
    select coalesce(max(n.version), 0) + 1 as version
    from newest n
    having not coalesce(bool_or(n.is_same), false)
      and not exists (select from sent)
      and (${expected}::int is null
        or coalesce(max(n.version) filter (where n.is_there), 0) = ${expected}::int)
  ), created as (
    insert into noetl.catalog (catalog_id, path, version, kind, content, digest, payload, meta, name,
      description, tasks_count)
    select ${e.catalog_id}::bigint, ${e.path}, next.version, ${e.kind},
      ${e.content}, ${e.digest}, ${toJson(e.payload)}::jsonb,
      jsonb_build_object('registered_at', noetl.rfc3339(now())),
      ${head.name}, ${head.description}, ${head.tasks_count}
    from next
    returning *
  ), latest as (
    insert into noetl.catalog_latest (path, catalog_id, kind, search)
    select c.path, c.catalog_id, c.kind, ${searchedText(e.path, head)} from created c
    on conflict (path) do update
    set catalog_id = excluded.catalog_id, kind = excluded.kind, search = excluded.search
  ), audited as (
    ${insertAudit(sql, 'created', audit, { detail: sql`jsonb_build_object('version', s.version)` })}
  )
  select ${heads(sql)}, true as created from (table created union all table sent) c
  union all
  select ${heads(sql)}, false from newest c where c.is_same and not exists (select from sent)`
}

export interface CatalogRow extends EntryRow {
  content: string
  layout: unknown
  meta: JsonObject
  created_at: string
}

/** Which columns a listing needs; content and payload are large. */
const columns = (sql: Sql) => sql`
  c.catalog_id::text, c.path, c.version, c.kind, c.meta, noetl.rfc3339(c.created_at) as created_at`

/** What a list of playbooks shows. */
const heads = (sql: Sql) => sql`${columns(sql)}, c.name, c.description, c.tasks_count`

export interface EntryPage {
  kind: string | null
  path: string | null
  after: string | null
  limit: number
}

/**
 * A page of entries, newest first, at most `limit` and at most so many bytes (but one); `after` is the
 * catalog_id of the page before. `found` beyond the rows tells that a page follows.
 */
export const listEntries = (
  sql: Sql,
  page: EntryPage,
  prefix: string | null = null,
): Statement => sql`
  with page as (
    select c.*, count(*) over () as found, row_number() over newest as place,
      sum(c.bytes) over newest as page_bytes
    from (
      select c.* from noetl.catalog c
      where c.deleted_at is null
        and (${page.kind}::text is null or c.kind = ${page.kind})
        and (${page.path}::text is null or c.path = ${page.path})
        and (${page.after}::bigint is null or c.catalog_id < ${page.after}::bigint)
        ${within(sql, prefix, sql`c.path`)}
      order by c.catalog_id desc
      limit ${page.limit}::int + 1
    ) c
    window newest as (order by c.catalog_id desc)
  )
  select ${columns(sql)}, c.content, c.layout, c.payload, c.found
  from page c
  where c.place <= ${page.limit}::int and (c.page_bytes <= ${MAX_PAGE_BYTES} or c.place = 1)
  order by c.catalog_id desc`

/** The same without the large columns. */
export const listHeads = (
  sql: Sql,
  page: { after: string | null; limit: number },
  prefix: string | null = null,
): Statement => sql`
  select ${heads(sql)}
  from noetl.catalog c
  where c.kind = 'Playbook' and c.deleted_at is null
    and (${page.after}::bigint is null or c.catalog_id < ${page.after}::bigint)
    ${within(sql, prefix, sql`c.path`)}
  order by c.catalog_id desc
  limit ${page.limit}`

/** The latest versions whose path, name or description has the text in it, newest first. */
export const searchHeads = (
  sql: Sql,
  page: { text: string; after: string | null; limit: number },
  prefix: string | null = null,
): Statement => sql`
  with found as (
    select c.catalog_id from noetl.catalog_latest c
    where c.kind = 'Playbook' and position(${folded(page.text)} in c.search) > 0
      and (${page.after}::bigint is null or c.catalog_id < ${page.after}::bigint)
      ${within(sql, prefix, sql`c.path`)}
    order by c.catalog_id desc
    limit ${page.limit}
  )
  select ${heads(sql)} from found f join noetl.catalog c on c.catalog_id = f.catalog_id
  order by c.catalog_id desc`

export const findHead = (sql: Sql, path: string): Statement => sql`
  select ${heads(sql)} from (${entryByLookup(sql, { path, version: null })}) c`

export const countPlaybooks = (sql: Sql, prefix: string | null = null): Statement => sql`
  select count(*)::int as playbooks from noetl.catalog_latest c
  where c.kind = 'Playbook' ${within(sql, prefix, sql`c.path`)}`

export const findWhole = (sql: Sql, lookup: Lookup): Statement => sql`
  select ${columns(sql)}, c.content, c.layout, c.payload from (${entryByLookup(sql, lookup)}) c`

export interface HiddenRow {
  /** How many versions this deletion hid, now or when it was sent before. */
  versions: number
  /** Whether there was anything to hide when the statement began. */
  was_there: boolean
}

/** Hides every version of a path. Safe to repeat. */
export const hide = (
  sql: Sql,
  path: string,
  deletionId: string,
  audit: AuditEntry,
): Statement => sql`
  with hidden as (
    update noetl.catalog c set deleted_at = now(), deletion_id = ${deletionId}::bigint
    where c.path = ${path} and c.deleted_at is null
    returning c.catalog_id
  ), latest as (
    -- unless another version has become the latest meanwhile
    delete from noetl.catalog_latest l using hidden h
    where l.path = ${path} and l.catalog_id = h.catalog_id
  ), audited as (
    ${insertAudit(sql, 'hidden', audit, {
      detail: sql`jsonb_build_object('versions', (select count(*) from hidden))`,
    })}
  ), before as (
    select c.deleted_at, c.deletion_id from noetl.catalog c where c.path = ${path}
  )
  select (select count(*) from hidden)::int
      + (select count(*) from before where deletion_id = ${deletionId}::bigint)::int as versions,
    exists (select from before where deleted_at is null) as was_there`
