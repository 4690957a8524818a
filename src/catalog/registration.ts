// What writes to the catalog: every change of a playbook is a new version of it.

import { auditOf } from '../access/audit.ts'
import { type Caller, requireReach } from '../access/caller.ts'
import { textFromBase64 } from '../base64.ts'
import { brokenConstraint, rowsOf, type Sql } from '../db.ts'
import { sha256 } from '../digest.ts'
import { AppError, type Fault, fail } from '../errors.ts'
import { newId } from '../ids.ts'
import { parse } from '../validate.ts'
import { minimalPlaybook, withPath, withValue } from './edit.ts'
import { headOf } from './head.ts'
import {
  type CatalogRow,
  findWhole,
  type NewEntry,
  type RegisteredRow,
  register,
} from './queries.ts'
import {
  type ContentRequest,
  NewPlaybook,
  type PlaybookRequest,
  type RegisterRequest,
} from './schema.ts'
import { itemOf } from './service.ts'
import { MAX_CONTENT_BYTES, MAX_SHOWN_FAULTS, pathOf, readPlaybook } from './validate.ts'

/** Step types that nothing here would run, and why. */
type Refused = ReadonlyMap<string, string>

const NO_CONTENT = 'The content or content_base64 must be provided.'

/**
 * Registers a version of what the content describes; without content, a new playbook of that name.
 * @throws AppError `invalid_input` with every fault of the content and its place; `forbidden` for a path that the
 * caller does not see.
 */
export async function registerEntry(
  sql: Sql,
  caller: Caller,
  request: RegisterRequest,
  refused: Refused,
) {
  const { content, content_base64, name, resource_type } = request
  if (content == null && content_base64 == null && name?.trim() && resource_type === 'Playbook') {
    return createPlaybook(sql, caller, request)
  }
  const entry = await entryFrom(textOf(request, NO_CONTENT), refused, resource_type)
  return registrationOf(await registered(sql, caller, entry))
}

/** @throws AppError `conflict` when there is one already. */
async function createPlaybook(sql: Sql, caller: Caller, request: RegisterRequest) {
  const { name, description = null } = parse(NewPlaybook, request, 'body')
  const row = await registerOnce(
    sql,
    caller,
    await entryFrom(minimalPlaybook(name, description), new Map()),
    0,
  )
  if (!row?.created) fail('conflict', `'${name}' is registered already`)
  return registrationOf(row)
}

/**
 * Registers the content as the next version of this path, whatever path it names itself.
 * @throws AppError `invalid_input` with every fault of the content and its place.
 */
export async function storeContent(
  sql: Sql,
  caller: Caller,
  path: string,
  request: ContentRequest,
  refused: Refused,
) {
  // the original takes an empty one for none
  const given = { ...request, content: request.content || null }
  const entry = await entryFrom(textOf(given, 'Content is required.'), refused, 'Playbook', path)
  const { version, catalog_id } = await registered(sql, caller, entry)
  const message = `Playbook '${path}' content updated.`
  return { status: 'success', message, path, version, catalog_id }
}

/**
 * Registers a version with another name or description than the latest has; given content, that.
 * @throws AppError `not_found`; `invalid_input` when the text is written so that they cannot be changed.
 */
export async function changePlaybook(
  sql: Sql,
  caller: Caller,
  path: string,
  request: PlaybookRequest,
  refused: Refused,
) {
  if (request.content || request.content_base64) {
    return storeContent(sql, caller, path, request, refused)
  }
  requireReach(caller, path)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [row] = await rowsOf<CatalogRow>(findWhole(sql, { path, version: null }))
    if (!row) fail('not_found', `Playbook '${path}' not found.`)
    const entry = await entryFrom(changed(row, request), refused, row.kind, path)
    const stored = await registerOnce(sql, caller, entry, row.version)
    if (stored) return itemOf(stored)
  }
  throw tooMany(path)
}

function changed({ path, content, payload }: CatalogRow, request: PlaybookRequest): string {
  const shown = headOf(path, payload)
  let text = content
  for (const key of ['name', 'description'] as const) {
    const value = request[key]
    // what a page sends back as a list has shown it is no change, even if the list has cut it
    if (value === undefined || value === null || value === (shown[key] ?? '')) continue
    text =
      withValue(text, ['metadata', key], value) ??
      fail('invalid_input', `the playbook is written so that its metadata.${key} cannot be changed`)
  }
  return text
}

/** Finds what is wrong with a content; registers nothing. */
export function validateContent(request: ContentRequest, refused: Refused) {
  const { faults } = readPlaybook(textOf(request, NO_CONTENT), 'Playbook', { refused })
  if (faults.length === 0) return { valid: true }
  const shown = faults.slice(0, MAX_SHOWN_FAULTS)
  return { valid: false, errors: shown.map(wordsOf), faults: shown }
}

/** Reads what is to be registered; a path that is given counts over what the content says. */
async function entryFrom(
  text: string,
  refused: Refused,
  kind = 'Playbook',
  given: string | null = null,
): Promise<NewEntry> {
  const { payload, faults } = readPlaybook(text, kind, { path: given, refused })
  if (payload === null) throw refusal(faults)
  const path = given ?? pathOf(payload) ?? ''
  if (pathOf(payload) !== path) {
    const edited = withPath(text, payload, path)
    if (edited !== null) return entryFrom(sized(edited), refused, kind)
    fail('invalid_input', `the content is written so that its path cannot be made '${path}'`)
  }
  return { path, kind, content: text, payload, digest: await sha256(text), catalog_id: newId() }
}

function refusal(faults: readonly Fault[]): AppError {
  const [first] = faults
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  const words = first ? wordsOf(first) : 'not a playbook'
  return new AppError('invalid_input', `${words}${more}`, faults.slice(0, MAX_SHOWN_FAULTS))
}

function wordsOf({ line, column, detail }: Fault): string {
  return line === undefined ? detail : `line ${line}, column ${column}: ${detail}`
}

const ATTEMPTS = 20

async function registered(sql: Sql, caller: Caller, entry: NewEntry): Promise<RegisteredRow> {
  return (await registerOnce(sql, caller, entry, null)) ?? tooMany(entry.path)
}

/** Registers once, however often it is sent; null when `expected` is not the latest version (0: none). */
async function registerOnce(
  sql: Sql,
  caller: Caller,
  entry: NewEntry,
  expected: number | null,
): Promise<RegisteredRow | null> {
  requireReach(caller, entry.path)
  const audit = auditOf(caller, 'playbook.registered', `playbook:${entry.path}`)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const [row] = await rowsOf<RegisteredRow>(register(sql, entry, audit, expected))
      return row ?? null
    } catch (error) {
      // another registration of this path took the version; the next one is free
      const broken = brokenConstraint(error)
      // or this very one was sent before, and its answer lost
      if (broken !== 'catalog_path_version_key' && broken !== 'catalog_pkey') throw error
    }
  }
  return tooMany(entry.path)
}

function tooMany(path: string): never {
  fail('conflict', `'${path}' is being registered by too many at once; try again`)
}

function registrationOf({ path, version, catalog_id, kind, created }: RegisteredRow) {
  const what = created ? 'registered' : 'is registered already'
  return {
    status: 'success',
    message: `Resource '${path}' version '${version}' ${what}.`,
    id: path,
    path,
    version,
    catalog_id,
    kind,
    created,
    resource_path: path,
    resource_version: version,
  }
}

function textOf({ content, content_base64 }: ContentRequest, missing: string): string {
  const text = content ?? (content_base64 == null ? null : textFromBase64(content_base64.trim()))
  const refuse = (pointer: string, detail: string) =>
    fail('invalid_input', detail, [{ pointer, detail }])
  if (text === null && content_base64 != null) {
    refuse('/content_base64', 'content_base64 is not base64 of UTF-8 text')
  }
  if (text === null) return refuse('/content', missing)
  if (text.includes('\0')) refuse('/content', 'the content has a NUL character')
  return sized(text)
}

function sized(text: string): string {
  if (new TextEncoder().encode(text).byteLength > MAX_CONTENT_BYTES) {
    fail('too_large', `the content is larger than ${MAX_CONTENT_BYTES} bytes`)
  }
  return text
}
