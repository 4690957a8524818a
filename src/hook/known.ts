// Hooks as this isolate has seen them lately, with their secrets, so that a delivery costs one round trip.

import { decrypt, encrypt } from '../credential/cipher.ts'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { newMemory } from '../memory.ts'
import type { Config } from '../settings.ts'
import { findHook, type WholeHookRow } from './queries.ts'

export interface KnownHook {
  row: Omit<WholeHookRow, 'secrets'>
  secrets: readonly string[]
}

const known = newMemory<KnownHook>(500)

/** The hook of a name; null when there is none. A change is known everywhere within a minute. */
export function knownHook(
  sql: Sql,
  config: Config,
  name: string,
  later: (work: Promise<unknown>) => void,
): Promise<KnownHook | null> {
  const look = async () => {
    const [row] = await rowsOf<WholeHookRow>(findHook(sql, name, null))
    return row ? openHook(config, row) : null
  }
  return known.get(keyOf(config, name), look, later)
}

/** For this isolate, a change is known at once. */
export function forgetHook(config: Config, name: string): void {
  known.forget(keyOf(config, name))
}

function keyOf({ DATABASE_URL }: Config, name: string): string {
  return `${name} ${DATABASE_URL}`
}

/** A row with its secrets as they are. */
export async function openHook(config: Config, row: WholeHookRow): Promise<KnownHook> {
  const { secrets, ...shown } = row
  if (secrets === null) return { row: shown, secrets: [] }
  const { list } = await decrypt(encryptionKey(config), secretName(row.id), secrets)
  return { row: shown, secrets: list as string[] }
}

/** What is stored of secrets; null when there are none. */
export async function sealSecrets(
  config: Config,
  hookId: string,
  secrets: readonly string[],
): Promise<string | null> {
  if (secrets.length === 0) return null
  return encrypt(encryptionKey(config), secretName(hookId), { list: [...secrets] })
}

/** What is encrypted for one hook is of no use in another. */
function secretName(hookId: string): string {
  return `hook ${hookId}`
}

function encryptionKey({ ENCRYPTION_KEY }: Config): string {
  return (
    ENCRYPTION_KEY ?? fail('misconfigured', 'ENCRYPTION_KEY is not set; secrets of hooks need it')
  )
}
