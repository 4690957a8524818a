import pg from 'pg'
import { type Result, type Run, rowBytes, type Work } from './backend.ts'
import { clientConfig, type Target } from './connection.ts'
import { connectError, lostConnection, NeonError, responseTooLarge } from './error.ts'

const MAX_POOLS = 20
const IDLE_MS = 30_000
const CONNECT_MS = 15_000

const rawText = { getTypeParser: () => (value: string) => value }

// the types of pg do not know this option
type Extended = pg.QueryArrayConfig & { queryMode: 'extended' }

type Entry = { pool: pg.Pool; busy: number }

/** Postgres servers over TCP: a pool of connections for each target, the least used pools closed. */
export type Pools = {
  run(target: Target): Run
  close(): Promise<void>
}

/** Opens no connection yet; each pool has at most `maxConnections`. */
export function createPools(maxConnections: number): Pools {
  const entries = new Map<string, Entry>()

  const entryOf = (target: Target): Entry => {
    const { applicationName: _, ...same } = target
    const key = JSON.stringify(same)
    const entry = entries.get(key) ?? { pool: openPool(target, maxConnections), busy: 0 }
    // a Map keeps the order of insertion, so the first is the least recently used
    entries.delete(key)
    entries.set(key, entry)
    return entry
  }

  const evict = () => {
    for (const [key, { pool, busy }] of entries) {
      if (entries.size <= MAX_POOLS) return
      // ending a pool would leave those who wait for a connection of it waiting for ever
      if (busy > 0) continue
      entries.delete(key)
      pool.end().catch(() => {})
    }
  }

  return {
    run: (target) => async (work, gone) => {
      const entry = entryOf(target)
      entry.busy++
      try {
        return await runOn(entry.pool, work, gone)
      } finally {
        entry.busy--
        evict()
      }
    },
    close: async () => {
      await Promise.all([...entries.values()].map(({ pool }) => pool.end()))
    },
  }
}

function openPool(target: Target, max: number): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(target),
    max,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'local neon endpoint',
  })
  // Without a listener a server that goes away would end this process. The statement under way
  // fails by itself, and the pool drops a broken idle connection.
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => {})
    if ('connection' in client && client.connection instanceof pg.Connection) {
      endCopies(client.connection)
    }
  })
  return pool
}

// A copy from stdin swallows the message that ends the statement, and `pg`, which refuses the copy,
// does not send another one: both sides would wait for ever.
function endCopies(connection: pg.Connection) {
  connection.on('copyInResponse', () => connection.sync())
}

async function runOn(pool: pg.Pool, work: Work, gone?: AbortSignal): Promise<Result[]> {
  const client = await pool.connect().catch((error: unknown) => {
    throw connectFailure(error)
  })
  if (gone?.aborted) {
    client.release()
    throw lostConnection()
  }
  let broken = false
  try {
    return await runStatements(client, work)
  } catch (error) {
    broken = !(error instanceof NeonError) && !(error instanceof pg.DatabaseError)
    throw broken ? lostConnection() : statementFailure(error)
  } finally {
    // before the reply: the next request of the same client must not meet this one's locks
    if (!broken) broken = !(await reset(client))
    client.release(broken)
  }
}

async function runStatements(client: pg.PoolClient, work: Work): Promise<Result[]> {
  if (work.begin !== null) await client.query(work.begin)
  const results: Result[] = []
  let bytes = 0
  for (const { query, params } of work.statements) {
    const config: Extended = {
      text: query,
      values: params,
      rowMode: 'array',
      // also without parameters: a text of several statements is refused, as by Neon
      queryMode: 'extended',
      types: rawText,
    }
    const result = await client.query<(string | null)[]>(config)
    bytes += result.rows.reduce((sum, row) => sum + rowBytes(row), 0)
    if (bytes > work.maxResponseBytes) throw responseTooLarge(work.maxResponseBytes)
    results.push({
      fields: result.fields,
      rows: result.rows,
      command: result.command ?? '',
      rowCount: result.rowCount,
    })
  }
  if (work.begin !== null) await client.query('commit')
  return results
}

async function reset(client: pg.PoolClient): Promise<boolean> {
  try {
    if (client.getTransactionStatus() !== 'I') await client.query('rollback')
    await client.query('discard all')
    return true
  } catch {
    return false
  }
}

function connectFailure(error: unknown): NeonError {
  if (!(error instanceof pg.DatabaseError)) return connectError()
  const wrongPassword = error.code?.startsWith('28')
  return wrongPassword
    ? new NeonError(400, error.message, error)
    : connectError(error, error.message)
}

function statementFailure(error: unknown): unknown {
  return error instanceof pg.DatabaseError ? new NeonError(400, error.message, error) : error
}
