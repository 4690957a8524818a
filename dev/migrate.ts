// Applies the migrations: plain SQL files, forward only. As a program: `npm run migrate`.
import { existsSync, realpathSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { type RunnerOption, runner } from 'node-pg-migrate'
import pg from 'pg'
import { clientConfig, parseConnectionString } from './neon/connection.ts'
import { NeonError } from './neon/error.ts'

/** A Postgres server, or an embedded database that this process has open. */
export type MigrationTarget = { connectionString: string } | { pglite: PGlite }

/** A migration's statement failed, and with it all of its file; the files before are applied. */
export class MigrationError extends Error {}

const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/

/**
 * Applies the files `0001_name.sql` of a directory that the database does not have yet, each in a transaction of its
 * own so that none holds its locks through the next, and returns their names. Runs at the same time wait for each other.
 */
export async function migrate(target: MigrationTarget, dir: string): Promise<string[]> {
  await checkNames(dir)
  if ('pglite' in target) return run(embeddedClient(target.pglite), dir)
  const client = new pg.Client({
    ...clientConfig(parseConnectionString(direct(target.connectionString))),
    connectionTimeoutMillis: 30_000,
  })
  // the statement under way fails by itself; without a listener the process would end
  client.on('error', () => {})
  await client.connect()
  try {
    return await run(client, dir)
  } finally {
    await client.end()
  }
}

// A file that is passed over in silence is worse than one that is refused.
async function checkNames(dir: string): Promise<void> {
  const names = await readdir(dir)
  const wrong = names.find((name) => name.endsWith('.sql') && !FILE_NAME.test(name))
  if (wrong !== undefined) throw new Error(`${wrong} is not named like 0001_name.sql`)
}

// The lock belongs to a session, and Neon's pooler may give each statement another one.
const direct = (connectionString: string): string =>
  connectionString.replace(/-pooler(?=\.[^/@]*\.neon\.tech)/, '')

type Client = Extract<RunnerOption, { dbClient: unknown }>['dbClient']

async function run(client: Client, dir: string): Promise<string[]> {
  let current = { name: '', text: '' }
  const load = async (paths: string[]) =>
    Promise.all(
      paths.map(async (path) => {
        const text = await readFile(path, 'utf8')
        const up = (builder: { sql(text: string): void }) => {
          current = { name: basename(path, '.sql'), text }
          builder.sql(text)
        }
        return { id: path, filePaths: [path], actions: { up, down: false as const } }
      }),
    )
  try {
    const applied = await runner({
      dbClient: client,
      dir,
      ignorePattern: '(?!.*\\.sql$).*',
      migrationLoaderStrategies: [{ extensions: ['.sql'], loader: load }],
      direction: 'up',
      schema: ['noetl', 'public'],
      migrationsSchema: 'noetl',
      createMigrationsSchema: true,
      migrationsTable: 'migration',
      checkOrder: true,
      singleTransaction: false,
      advisoryLockMode: 'wait',
      logger: silent,
    })
    return applied.map(({ name }) => name)
  } catch (error) {
    // the runner leaves what failed open, and could not give its lock back within it
    await client.query('rollback').catch(() => {})
    await client.query('select pg_advisory_unlock_all()').catch(() => {})
    if (current.name === '' || !(error instanceof Error)) throw error
    const line = lineOf(error, current.text)
    throw new MigrationError(`${current.name}: ${error.message}${line}`, { cause: error })
  }
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** PGlite under the interface of a `pg` client, as far as the runner uses it. */
function embeddedClient(db: PGlite): Client {
  const query = async (
    input: string | { text: string; values?: unknown[] },
    values?: unknown[],
  ) => {
    const text = typeof input === 'string' ? input : input.text
    const params = values ?? (typeof input === 'string' ? undefined : input.values)
    if (params !== undefined) return db.query(text, params)
    return (await db.exec(text)).at(-1) ?? { rows: [] }
  }
  // The runner only ever calls query on a client that it did not connect itself.
  return Object.assign(new pg.Client(), { query })
}

/** The place of a failure in its migration file. */
function lineOf(error: Error, text: string): string {
  const position = 'position' in error ? Number(error.position) : Number.NaN
  return position > 0 ? ` (line ${text.slice(0, position).split('\n').length})` : ''
}

const EXIT_USAGE = 2

async function main(): Promise<void> {
  const connectionString = process.env.DATABASE_URL
  if (connectionString === undefined || connectionString === '') {
    console.error(
      'usage: DATABASE_URL=postgres://user:password@host/database npm run migrate [-- DIR]',
    )
    process.exit(EXIT_USAGE)
  }
  const dir = process.argv[2] ?? join(import.meta.dirname, '../migrations')
  const applied = await migrate({ connectionString }, dir)
  console.log(applied.length === 0 ? 'up to date' : applied.join('\n'))
}

// import.meta.main is not there before Node 24
const program = process.argv[1] ?? ''
if (existsSync(program) && realpathSync(program) === import.meta.filename) {
  await main().catch((error: unknown) => {
    const where = error instanceof NeonError ? 'DATABASE_URL: ' : ''
    console.error(`migrate: ${where}${oneLine(error)}`)
    process.exit(1)
  })
}

// A refused connection to a name with several addresses has an error for each and no message.
function oneLine(error: unknown): string {
  if (error instanceof AggregateError) return oneLine(error.errors[0])
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? ''
}
