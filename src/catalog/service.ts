// The catalog: reading it, and deleting from it. Of paths that a caller does not see nothing is there.

import { auditOf } from '../access/audit.ts'
import { type Caller, mayReach } from '../access/caller.ts'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { newId } from '../ids.ts'
import { toJson } from '../json.ts'
import type { Page } from '../reply.ts'
import { graphOf } from './graph.ts'
import { compilePlaybook } from './playbook.ts'
import {
  type CatalogRow,
  countPlaybooks,
  type EntryPage,
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
  page: EntryPage,
  within: string | null,
): Promise<{ rows: CatalogRow[]; next: string | null }> {
  const rows = await rowsOf<CatalogRow & { found: number }>(listEntries(sql, page, within))
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
export async function readHeads(
  sql: Sql,
  { after, limit }: Paging,
  within: string | null,
): Promise<Page> {
  const page = { after, limit: limit + 1 }
  return pageOf(await rowsOf<HeadRow>(listHeads(sql, page, within)), limit)
}

/** Playbooks with the text in their path, name or description, newest first. */
export async function searchPlaybooks(
  sql: Sql,
  { text, after, limit }: Paging & { text: string },
  within: string | null,
): Promise<Page> {
  const page = { text, after, limit: limit + 1 }
  return pageOf(await rowsOf<HeadRow>(searchHeads(sql, page, within)), limit)
}

function pageOf(rows: HeadRow[], limit: number): Page {
  const shown = rows.slice(0, limit)
  const next = rows.length > limit ? (shown.at(-1)?.catalog_id ?? null) : null
  return { json: toJson(shown.map(itemOf)), next }
}

/** The latest version of a playbook, without its content. @throws AppError `not_found`. */
export async function readHead(sql: Sql, path: string, caller: Caller) {
  const [row] = mayReach(caller, path) ? await rowsOf<HeadRow>(findHead(sql, path)) : []
  return itemOf(row ?? fail('not_found', `Playbook '${path}' not found.`))
}

/** One entry, whole; without a version the latest. @throws AppError `not_found`. */
export async function readEntry(
  sql: Sql,
  path: string,
  version: string | undefined,
  caller: Caller,
): Promise<CatalogRow> {
  const wanted = version === undefined || version === 'latest' ? null : Number(version)
  const [row] = mayReach(caller, path)
    ? await rowsOf<CatalogRow>(findWhole(sql, { path, version: wanted }))
    : []
  return (
    row ?? fail('not_found', `Playbook '${path}' with version '${version ?? 'latest'}' not found.`)
  )
}

/** The graph of one entry. @throws AppError `not_found`. */
export async function readPlaybookGraph(
  sql: Sql,
  path: string,
  wanted: string | undefined,
  caller: Caller,
) {
  const { version, payload } = await readEntry(sql, path, wanted, caller)
  return { path, version, execution: null, ...graphOf(compilePlaybook(payload), null) }
}

/** The figures at the head of the catalog's page. */
export async function readWidgets(sql: Sql, within: string | null) {
  const [row] = await rowsOf<{ playbooks: number }>(countPlaybooks(sql, within))
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
export async function deletePlaybook(sql: Sql, path: string, caller: Caller) {
  const deletionId = newId()
  const audit = auditOf(caller, 'playbook.deleted', `playbook:${path}`)
  const statement = hide(sql, path, deletionId, audit)
  let [row] = mayReach(caller, path) ? await rowsOf<HiddenRow>(statement) : []
  // gone under its eyes: by somebody else, or by this very statement, whose first answer was lost
  if (row?.versions === 0 && row.was_there) {
    ;[row] = await rowsOf<HiddenRow>(statement)
  }
  const { versions = 0 } = row ?? {}
  if (versions === 0) fail('not_found', `Playbook '${path}' not found.`)
  return { status: 'success', message: `Playbook '${path}' deleted.`, path, versions }
}
