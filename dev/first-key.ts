// What `npm start` calls its own Worker with where that asks for keys: a key that lasts for the start alone.
import { neonConfig } from '@neondatabase/serverless'
import { type Caller, SCOPES } from '../src/access/caller.ts'
import { createKey, endKey } from '../src/access/service.ts'
import { connectTo } from '../src/db.ts'
import type { Endpoint } from './neon/client.ts'

const START: Caller = {
  id: 'cli',
  name: 'npm start',
  scopes: new Set(SCOPES),
  within: null,
  ip: null,
}

export async function keyOfStart(databaseUrl: string, endpoint: Endpoint) {
  neonConfig.fetchEndpoint = endpoint.url
  const sql = connectTo(databaseUrl)
  const soon = new Date(Date.now() + 10 * 60_000).toISOString()
  const { id, key } = await createKey(sql, START, {
    name: `npm start ${new Date().toISOString()}`,
    scopes: ['read', 'run', 'catalog', 'credential'],
    expires_at: soon,
  })
  return { key, end: () => endKey(sql, START, id) }
}
