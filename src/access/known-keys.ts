// Which keys are valid, as this isolate has last seen it, so that a request pays no round trip for its key. An
// answer is used for STALE_MS; after FRESH_MS it is looked up again beside a request. So a revoked key is refused
// within a minute everywhere, and a key in use is never waited for.

import { rowsOf, type Sql } from '../db.ts'
import type { Caller } from './caller.ts'
import { parseKey } from './key.ts'
import { type UsedRow, useKey } from './queries.ts'

const FRESH_MS = 20_000
const STALE_MS = 50_000
const MAX_KNOWN = 1_000

interface Known {
  caller: Omit<Caller, 'ip'>
  read_ms: number
  expires_ms: number
  isAsked: boolean
}

/** By database and key, as text of its id and its secret's digest. */
const known = new Map<string, Known>()

/**
 * Whose key a text is; null when it is nobody's.
 * @param database its connection string: another database has other keys
 * @param later takes what may go on after the reply
 */
export async function callerOfKey(
  sql: Sql,
  database: string,
  text: string,
  later: (work: Promise<unknown>) => void,
): Promise<Omit<Caller, 'ip'> | null> {
  const key = await parseKey(text)
  if (!key) return null
  const name = `${key.key_id} ${key.digest} ${database}`
  const now = Date.now()
  const found = known.get(name)
  if (found && now < found.read_ms + STALE_MS && now < found.expires_ms) {
    if (now >= found.read_ms + FRESH_MS && !found.isAsked) {
      found.isAsked = true
      later(
        look(sql, key, name).catch(() => {
          found.isAsked = false
        }),
      )
    }
    return found.caller
  }
  return (await look(sql, key, name))?.caller ?? null
}

async function look(
  sql: Sql,
  { key_id, digest }: { key_id: string; digest: string },
  name: string,
): Promise<Known | null> {
  // an answer is as old as its question
  const read_ms = Date.now()
  const [row] = await rowsOf<UsedRow>(useKey(sql, key_id, digest))
  known.delete(name)
  if (!row) return null
  const caller = {
    id: `key:${key_id}`,
    name: row.name,
    scopes: new Set(row.scopes),
    within: row.path_prefix,
  }
  const fresh = { caller, read_ms, expires_ms: row.expires_ms ?? Infinity, isAsked: false }
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(name, fresh)
  return fresh
}
