// SQL of the catalog. Entries are only ever inserted.

import type { Sql, Statement } from '../db.ts'
import { type JsonObject, toJson } from '../json.ts'

/** Which entry is meant: by id, or by path and version (null: the latest). */
export type Lookup = { catalog_id: string } | { path: string; version: number | null }

export interface EntryRow {
  catalog_id: string
  path: string
  version: number
  kind: string
  payload: JsonObject
}

/** The entry that a lookup means; `latest` is the highest version. */
export const entryByLookup = (sql: Sql, lookup: Lookup): Statement =>
  'catalog_id' in lookup
    ? sql`select c.* from noetl.catalog c where c.catalog_id = ${lookup.catalog_id}`
    : lookup.version === null
      ? sql`select c.* from noetl.catalog c where c.path = ${lookup.path} order by c.version desc limit 1`
      : sql`select c.* from noetl.catalog c where c.path = ${lookup.path} and c.version = ${lookup.version}`

export const findEntry = (sql: Sql, lookup: Lookup): Statement => sql`
  select c.catalog_id::text, c.path, c.version, c.kind, c.payload from (${entryByLookup(sql, lookup)}) c`

export const findEntryById = (sql: Sql, catalogId: string): Statement =>
  findEntry(sql, { catalog_id: catalogId })

export interface NewEntry {
  catalog_id: string
  path: string
  kind: string
  content: string
  digest: string
  payload: JsonObject
}

export interface RegisteredRow {
  catalog_id: string
  version: number
  created: boolean
}

/**
 * Adds a version, unless the latest has the same content; then that one is the answer. Two at once
 * break catalog_path_version_key and the loser sends it again.
 */
export const register = (sql: Sql, e: NewEntry): Statement => sql`
  with latest as (
    select c.catalog_id, c.version, c.digest = ${e.digest} and c.kind = ${e.kind} as same
    from noetl.catalog c where c.path = ${e.path} order by c.version desc limit 1
  ), created as (
    insert into noetl.catalog (catalog_id, path, version, kind, content, digest, payload, meta)
    select ${e.catalog_id}::bigint, ${e.path}, coalesce((select version from latest), 0) + 1, ${e.kind},
      ${e.content}, ${e.digest}, ${toJson(e.payload)}::jsonb,
      jsonb_build_object('registered_at', noetl.rfc3339(now()))
    where not coalesce((select same from latest), false)
    returning catalog_id, version
  )
  select catalog_id::text, version, true as created from created
  union all
  select catalog_id::text, version, catalog_id = ${e.catalog_id}::bigint from latest where same`

export interface CatalogRow extends EntryRow {
  content: string
  layout: unknown
  meta: JsonObject
  created_at: string
}

/** Which columns a listing needs; content and payload are large. */
const columns = (sql: Sql) => sql`
  c.catalog_id::text, c.path, c.version, c.kind, c.meta, noetl.rfc3339(c.created_at) as created_at`

/** A reply over Neon's HTTP is at most 10 MB; text grows as it is escaped. */
const MAX_PAGE_BYTES = 5_000_000

/**
 * A page of entries, newest first, at most `limit` and at most so many bytes (but one); `after` is the
 * catalog_id of the page before. `found` beyond the rows tells that a page follows.
 */
export const listEntries = (
  sql: Sql,
  page: { kind: string | null; path: string | null; after: string | null; limit: number },
): Statement => sql`
  with page as (
    select c.*, count(*) over () as found, row_number() over newest as place,
      sum(octet_length(c.content) + octet_length(c.payload::text)) over newest as bytes
    from (
      select c.* from noetl.catalog c
      where (${page.kind}::text is null or c.kind = ${page.kind})
        and (${page.path}::text is null or c.path = ${page.path})
        and (${page.after}::bigint is null or c.catalog_id < ${page.after}::bigint)
      order by c.catalog_id desc
      limit ${page.limit}::int + 1
    ) c
    window newest as (order by c.catalog_id desc)
  )
  select ${columns(sql)}, c.content, c.layout, c.payload, c.found
  from page c
  where c.place <= ${page.limit}::int and (c.bytes <= ${MAX_PAGE_BYTES} or c.place = 1)
  order by c.catalog_id desc`

/** The same without the large columns, with what a list of playbooks shows of the payload. */
export const listHeads = (
  sql: Sql,
  page: { after: string | null; limit: number },
): Statement => sql`
  select ${columns(sql)}, c.payload->'metadata'->>'description' as description,
    coalesce(c.payload->'metadata'->>'name', c.payload->>'name') as name,
    jsonb_array_length(case when jsonb_typeof(coalesce(c.payload->'workflow', c.payload->'steps')) = 'array'
      then coalesce(c.payload->'workflow', c.payload->'steps') else '[]' end) as tasks_count
  from noetl.catalog c
  where c.kind = 'Playbook' and (${page.after}::bigint is null or c.catalog_id < ${page.after}::bigint)
  order by c.catalog_id desc
  limit ${page.limit}`

export const findWhole = (sql: Sql, lookup: Lookup): Statement => sql`
  select ${columns(sql)}, c.content, c.layout, c.payload from (${entryByLookup(sql, lookup)}) c`
