// The catalog: registering versions of playbooks, and reading them.

import { textFromBase64 } from '../base64.ts'
import { brokenConstraint, rowsOf, type Sql } from '../db.ts'
import { AppError, fail } from '../errors.ts'
import { newId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import {
  type CatalogRow,
  findWhole,
  listEntries,
  listHeads,
  type RegisteredRow,
  register,
} from './queries.ts'
import type { RegisterRequest } from './schema.ts'
import { MAX_CONTENT_BYTES, pathOf, readPlaybook } from './validate.ts'

export interface Registered {
  status: 'success'
  message: string
  path: string
  version: number
  catalog_id: string
  kind: string
  /** False when the latest version has the same content, which then is the answer. */
  created: boolean
}

const MAX_SHOWN_FAULTS = 100

/**
 * Registers a version of what the content describes.
 * @throws AppError `invalid_input` with every fault of the content and its place.
 */
export async function registerEntry(sql: Sql, request: RegisterRequest): Promise<Registered> {
  const content = contentOf(request)
  const kind = request.resource_type
  const { payload, faults } = readPlaybook(content, kind.toLowerCase())
  if (payload === null) {
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
    const first = faults[0]
    const place = first?.line === undefined ? '' : `line ${first.line}, column ${first.column}: `
    throw new AppError(
      'invalid_input',
      `${place}${first?.detail ?? 'not a playbook'}${more}`,
      faults.slice(0, MAX_SHOWN_FAULTS),
    )
  }
  const path = pathOf(payload) ?? ''
  const entry = { path, kind, content, payload, digest: await sha256(content), catalog_id: newId() }
  const row = await registerOnce(sql, entry)
  const what = row.created ? 'registered' : 'is registered already'
  return {
    status: 'success',
    message: `Resource '${path}' version '${row.version}' ${what}.`,
    path,
    version: row.version,
    catalog_id: row.catalog_id,
    kind,
    created: row.created,
  }
}

async function registerOnce(
  sql: Sql,
  entry: Parameters<typeof register>[1],
): Promise<RegisteredRow> {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const [row] = await rowsOf<RegisteredRow>(register(sql, entry))
      if (row) return row
    } catch (error) {
      // another registration of this path took the version; the next one is free
      const broken = brokenConstraint(error)
      // or this very one was sent before, and its answer lost
      if (broken !== 'catalog_path_version_key' && broken !== 'catalog_pkey') throw error
    }
  }
  throw new AppError(
    'conflict',
    `'${entry.path}' is being registered by too many at once; try again`,
  )
}

function contentOf({ content, content_base64 }: RegisterRequest): string {
  const text = content ?? (content_base64 == null ? null : textFromBase64(content_base64.trim()))
  if (text === null) {
    const isGiven = content_base64 != null
    fail(
      'invalid_input',
      isGiven
        ? 'content_base64 is not base64 of UTF-8 text'
        : 'The content or content_base64 must be provided.',
    )
  }
  if (new TextEncoder().encode(text).byteLength > MAX_CONTENT_BYTES) {
    fail('too_large', `the content is larger than ${MAX_CONTENT_BYTES} bytes`)
  }
  if (text.includes('\0')) fail('invalid_input', 'the content has a NUL character')
  return text
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Every version of every entry of a kind (or under one path), newest first. */
export async function readEntries(
  sql: Sql,
  page: { kind: string | null; path: string | null; after: string | null; limit: number },
): Promise<{ rows: CatalogRow[]; next: string | null }> {
  const rows = await rowsOf<CatalogRow & { found: number }>(listEntries(sql, page))
  const next = (rows[0]?.found ?? 0) > rows.length ? (rows.at(-1)?.catalog_id ?? null) : null
  return { rows: rows.map(({ found: _found, ...row }) => row), next }
}

export interface PlaybookHead {
  catalog_id: string
  path: string
  version: number
  kind: string
  meta: JsonObject
  created_at: string
  name: string | null
  description: string | null
  tasks_count: number
}

/** Playbooks without their content, newest first. */
export async function readHeads(
  sql: Sql,
  page: { after: string | null; limit: number },
): Promise<{ rows: PlaybookHead[]; next: string | null }> {
  return cut(
    await rowsOf<PlaybookHead>(listHeads(sql, { ...page, limit: page.limit + 1 })),
    page.limit,
  )
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

function cut<Row extends { catalog_id: string }>(rows: Row[], limit: number) {
  const shown = rows.slice(0, limit)
  return { rows: shown, next: rows.length > limit ? (shown.at(-1)?.catalog_id ?? null) : null }
}
