// The catalog: reading it, and deleting from it.

import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { newId } from '../ids.ts'
import { toJson } from '../json.ts'
import type { Page } from '../reply.ts'
import {
  type CatalogRow,
  countPlaybooks,
  findHead,
  findWhole,
  type HeadRow,
  type HiddenRow,
  hide,
  listEntries,
  listHeads,
  searchHeads,
} from './queries.ts'

/** Every version of every entry of a kind (or under one path), newest first. */
export async function readEntries(
  sql: Sql,
  page: { kind: string | null; path: string | null; after: string | null; limit: number },
): Promise<{ rows: CatalogRow[]; next: string | null }> {
  const rows = await rowsOf<CatalogRow & { found: number }>(listEntries(sql, page))
  const next = (rows[0]?.found ?? 0) > rows.length ? (rows.at(-1)?.catalog_id ?? null) : null
  return { rows: rows.map(({ found: _found, ...row }) => row), next }
}

/** What lists show of playbooks. */
export function itemOf(row: HeadRow) {
  return {
    id: row.path,
    name: row.name,
    kind: row.kind,
    version: row.version,
    meta: row.meta,
    description: row.description,
    created_at: row.created_at,
    updated_at: row.created_at,
    status: 'active',
    tasks_count: row.tasks_count,
  }
}

/** Where a page of a list begins, and how long it is. */
interface Paging {
  after: string | null
  limit: number
}

/** Every version of every playbook without its content, newest first. */
export async function readHeads(sql: Sql, { after, limit }: Paging): Promise<Page> {
  return pageOf(await rowsOf<HeadRow>(listHeads(sql, { after, limit: limit + 1 })), limit)
}

/** Playbooks with the text in their path, name or description, newest first. */
export async function searchPlaybooks(
  sql: Sql,
  { text, after, limit }: Paging & { text: string },
): Promise<Page> {
  return pageOf(await rowsOf<HeadRow>(searchHeads(sql, { text, after, limit: limit + 1 })), limit)
}

function pageOf(rows: HeadRow[], limit: number): Page {
  const shown = rows.slice(0, limit)
  const next = rows.length > limit ? (shown.at(-1)?.catalog_id ?? null) : null
  return { json: toJson(shown.map(itemOf)), next }
}

/** The latest version of a playbook, without its content. @throws AppError `not_found`. */
export async function readHead(sql: Sql, path: string) {
  const [row] = await rowsOf<HeadRow>(findHead(sql, path))
  return itemOf(row ?? fail('not_found', `Playbook '${path}' not found.`))
}

/** One entry, whole; without a version the latest. @throws AppError `not_found`. */
export async function readEntry(
  sql: Sql,
  path: string,
  version: string | undefined,
): Promise<CatalogRow> {
  const wanted = version === undefined || version === 'latest' ? null : Number(version)
  const [row] = await rowsOf<CatalogRow>(findWhole(sql, { path, version: wanted }))
  return (
    row ?? fail('not_found', `Playbook '${path}' with version '${version ?? 'latest'}' not found.`)
  )
}

/** The figures at the head of the catalog's page. */
export async function readWidgets(sql: Sql) {
  const [row] = await rowsOf<{ playbooks: number }>(countPlaybooks(sql))
  const playbooks = row?.playbooks ?? 0
  // whatever is registered can be run: there are no drafts
  return [
    metric('catalog-summary', 'Total Playbooks', playbooks, '#1890ff'),
    metric('active-playbooks', 'Active Playbooks', playbooks, '#52c41a'),
    metric('draft-playbooks', 'Draft Playbooks', 0, '#faad14'),
  ]
}

function metric(id: string, title: string, value: number, color: string) {
  return { id, type: 'metric', title, data: { value }, config: { format: 'number', color } }
}

/**
 * Hides every version of a path from all but the executions that have begun.
 * @throws AppError `not_found` when nothing is there.
 */
export async function deletePlaybook(sql: Sql, path: string) {
  const deletionId = newId()
  let [row] = await rowsOf<HiddenRow>(hide(sql, path, deletionId))
  // gone under its eyes: by somebody else, or by this very statement, whose first answer was lost
  if (row?.versions === 0 && row.was_there) {
    ;[row] = await rowsOf<HiddenRow>(hide(sql, path, deletionId))
  }
  const { versions = 0 } = row ?? {}
  if (versions === 0) fail('not_found', `Playbook '${path}' not found.`)
  return { status: 'success', message: `Playbook '${path}' deleted.`, path, versions }
}
