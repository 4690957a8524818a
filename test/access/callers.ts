// Callers with API keys of their own.
import type { Scope } from '../../src/access/caller.ts'
import { type Client, newClient } from '../support.ts'

/** Lets everybody in, and so makes the keys. */
export const open = newClient()
let names = 0

/** A new key, as its making answered. */
export async function newKey(scopes: readonly Scope[], more: Record<string, unknown> = {}) {
  const name = `key ${Date.now()} ${++names}`
  const reply = await open.post('/api/keys', { name, scopes, ...more })
  if (reply.status !== 200) throw new Error(reply.text)
  return { ...reply.body, name } as { id: string; key: string; name: string }
}

/** A client of a Worker that wants a key, with this one. */
export function withKey(key: string | null, client: Client = newClient({ ACCESS: 'key' })) {
  const authorization: Record<string, string> =
    key === null ? {} : { authorization: `Bearer ${key}` }
  return {
    client,
    send: (method: string, path: string, body?: unknown, headers = {}) =>
      client.send(method, path, body, { headers: { ...headers, ...authorization } }),
  }
}

export type KeyClient = ReturnType<typeof withKey>
