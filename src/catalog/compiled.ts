// Compiled entries of this isolate. Entries never change, so they are kept without asking again.

import { rowsOf, type Sql } from '../db.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import { compilePlaybook, type Playbook } from './playbook.ts'
import { type EntryRow, findEntryById } from './queries.ts'

export interface Entry {
  catalog_id: string
  path: string
  version: number
  playbook: Playbook
}

const MAX_KEPT = 200
const kept = new Map<string, Entry>()

/** The entry if this isolate has it. */
export function knownEntry(catalogId: string): Entry | null {
  return kept.get(catalogId) ?? null
}

/** What this isolate has now; whoever asks for what it lacks keeps this meanwhile. */
export function knownEntries(): Entry[] {
  return [...kept.values()]
}

/** Compiles an entry and keeps it. */
export function keepEntry(row: {
  catalog_id: string
  path: string
  version: number
  payload: JsonObject
}): Entry {
  const { catalog_id, path, version, payload } = row
  const entry = { catalog_id, path, version, playbook: compilePlaybook(payload) }
  const oldest = kept.keys().next()
  if (kept.size >= MAX_KEPT && !oldest.done) kept.delete(oldest.value)
  kept.set(catalog_id, entry)
  return entry
}

/**
 * An entry by its id, deleted or not, as its executions go on; one round trip where this isolate has not
 * seen it yet.
 */
export async function entryOf(sql: Sql, catalogId: string): Promise<Entry> {
  const known = kept.get(catalogId)
  if (known) return known
  const [row] = await rowsOf<EntryRow>(findEntryById(sql, catalogId))
  if (!row) throw new AppError('internal', `catalog entry ${catalogId} is gone`)
  return keepEntry(row)
}
