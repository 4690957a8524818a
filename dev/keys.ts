// `npm run keys`: API keys, straight in the database, as the first one must be made. DATABASE_URL says which one; without
// it, it is the one of `npm start`, whether that runs or not.
import { parseArgs } from 'node:util'
import { neonConfig } from '@neondatabase/serverless'
import { type Caller, SCOPES } from '../src/access/caller.ts'
import { NewKeyRequest } from '../src/access/schema.ts'
import { createKey, endKey, readKeys } from '../src/access/service.ts'
import { connectTo, type Sql } from '../src/db.ts'
import { AppError } from '../src/errors.ts'
import { EMBEDDED_URL, isInUse, notedAddress, openEmbedded } from './embedded.ts'
import { startEndpoint } from './neon/client.ts'

const USAGE = `usage: [DATABASE_URL=postgres://…] npm run keys -- COMMAND
  create NAME SCOPES [--prefix PATH/] [--expires 2027-12-31]   SCOPES: ${SCOPES.join(',')}
  list
  revoke ID`

const CLI: Caller = {
  id: 'cli',
  name: 'npm run keys',
  scopes: new Set(SCOPES),
  within: null,
  ip: null,
}

async function main(): Promise<void> {
  const { positionals, values } = argumentsOf()
  const [command, ...rest] = positionals
  const { url, stop } = await database()
  try {
    if (command === 'create' && rest.length === 2) await create(connectTo(url), rest, values)
    else if (command === 'list' && rest.length === 0) await list(connectTo(url))
    else if (command === 'revoke' && rest.length === 1) await revoke(connectTo(url), rest[0] ?? '')
    else misused()
  } finally {
    await stop()
  }
}

interface Options {
  prefix?: string | undefined
  expires?: string | undefined
}

async function create(sql: Sql, [name, scopes = '']: string[], { prefix, expires }: Options) {
  const request = NewKeyRequest.safeParse({
    name,
    scopes: scopes.split(',').filter(Boolean),
    path_prefix: prefix,
    expires_at: expires,
  })
  if (!request.success) {
    const faults = request.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    return misused(faults.join('\n'))
  }
  const { key, id } = await createKey(sql, CLI, request.data)
  // the key alone on its line, for whoever reads it by a program
  console.error(`Key ${id}, which is shown now and never again:`)
  console.log(key)
}

async function list(sql: Sql): Promise<void> {
  let cursor: string | undefined
  do {
    const { items, next } = await readKeys(sql, { limit: 200, cursor })
    for (const { id, name, scopes, path_prefix, revoked_at, expires_at, last_used_at } of items) {
      const state = revoked_at ? 'revoked' : expires_at ? `until ${expires_at}` : 'valid'
      const used = last_used_at ? `used ${last_used_at}` : 'never used'
      const below = path_prefix ? `below ${path_prefix}` : 'all playbooks'
      console.log([id, name, scopes.join(','), below, state, used].join('\t'))
    }
    cursor = next ?? undefined
  } while (cursor !== undefined)
}

async function revoke(sql: Sql, id: string): Promise<void> {
  const { name } = await endKey(sql, CLI, id)
  console.log(`${name} is revoked; it is refused everywhere within a minute`)
}

/** The database behind an endpoint that speaks Neon's protocol, as the driver needs it. */
async function database(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env.DATABASE_URL
  if (given) {
    const endpoint = await startEndpoint({ url: given })
    neonConfig.fetchEndpoint = endpoint.url
    return { url: given, stop: endpoint.stop }
  }
  try {
    const endpoint = await openEmbedded()
    neonConfig.fetchEndpoint = endpoint.url
    return { url: EMBEDDED_URL, stop: endpoint.stop }
  } catch (error) {
    const address = notedAddress()
    if (!isInUse(error) || address === null) throw error
    // npm start has it open
    neonConfig.fetchEndpoint = address
    return { url: EMBEDDED_URL, stop: async () => {} }
  }
}

function argumentsOf() {
  try {
    const options = { prefix: { type: 'string' }, expires: { type: 'string' } } as const
    return parseArgs({ allowPositionals: true, options })
  } catch (error) {
    return misused(error instanceof Error ? error.message : undefined)
  }
}

function misused(why?: string): never {
  if (why !== undefined) console.error(why)
  console.error(USAGE)
  process.exit(2)
}

await main().catch((error: unknown) => {
  const words = error instanceof AppError || error instanceof Error ? error.message : String(error)
  const hint = words.includes('api_key') ? '; run `npm run migrate` first' : ''
  console.error(`keys: ${words.split('\n', 1)[0]}${hint}`)
  process.exit(1)
})
