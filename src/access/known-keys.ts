// Whose key it is, at no round trip of its own for a key that this isolate has seen lately (src/memory.ts).

import { rowsOf, type Sql } from '../db.ts'
import { newMemory } from '../memory.ts'
import type { Caller } from './caller.ts'
import { parseKey } from './key.ts'
import { type UsedRow, useKey } from './queries.ts'

type KeyHolder = Omit<Caller, 'ip'>

const known = newMemory<{ holder: KeyHolder; expires_ms: number }>(1_000)

/**
 * Whose key a text is; null when it is nobody's.
 * @param database its connection string: another database has other keys
 * @param later takes what may go on after the reply
 * @param admit throws when too much from where the text comes from was nobody's
 */
export async function callerOfKey(
  sql: Sql,
  database: string,
  text: string,
  later: (work: Promise<unknown>) => void,
  admit: () => Promise<void>,
): Promise<KeyHolder | null> {
  const key = await parseKey(text)
  if (!key) return null
  const { key_id, digest } = key
  const look = async () => {
    await admit()
    const [row] = await rowsOf<UsedRow>(useKey(sql, key_id, digest))
    return row ? { holder: holderOf(key_id, row), expires_ms: row.expires_ms ?? Infinity } : null
  }
  const found = await known.get(`${key_id} ${digest} ${database}`, look, later)
  return found && Date.now() < found.expires_ms ? found.holder : null
}

function holderOf(keyId: string, { name, scopes, path_prefix }: UsedRow): KeyHolder {
  return { id: `key:${keyId}`, name, scopes: new Set(scopes), within: path_prefix }
}
