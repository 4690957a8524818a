// Where what `npm start` keeps is: the embedded database, and the address of its endpoint while it runs.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Endpoint, startEndpoint } from './neon/client.ts'

const ROOT = join(import.meta.dirname, '..')
export const DATA = join(ROOT, '.data')
export const MIGRATIONS = join(ROOT, 'migrations')
export const EMBEDDED_URL = 'postgresql://noetl:noetl@db.localhost/noetl'
const ADDRESS = join(DATA, 'endpoint')

/** Opens it, and notes its address for whoever comes while it is open. */
export async function openEmbedded(): Promise<Endpoint> {
  mkdirSync(DATA, { recursive: true })
  const endpoint = await startEndpoint({ data: join(DATA, 'postgres'), migrate: MIGRATIONS })
  writeFileSync(ADDRESS, endpoint.url)
  return endpoint
}

/** The address that was noted last; null when there is none. */
export function notedAddress(): string | null {
  return existsSync(ADDRESS) ? readFileSync(ADDRESS, 'utf8').trim() : null
}

/** Whether an error says that another process has the embedded database open. */
export function isInUse(error: unknown): boolean {
  return error instanceof Error && error.message.includes('is in use by process')
}
