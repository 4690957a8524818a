// The one door to Postgres: Neon's HTTP driver, its types, its errors, and when to send again.

import './pg-types.ts'
import { NeonDbError, type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless'
import { AppError, type ProblemCode } from './errors.ts'
import type { Config } from './settings.ts'

export type Sql = NeonQueryFunction<false, false>
/** A statement not yet sent. It is sent at each await, so it can be sent again. */
export type Statement = ReturnType<Sql>

const connections = new Map<string, Sql>()

/** How long our own statements may take; one that does not answer counts as one that got lost. */
const ANSWER_MS = 15_000

/** What Neon takes in one request. Its refusal may get lost while the rest is still being sent. */
const MAX_REQUEST_BYTES = 10_485_760

/** What a page of a list may weigh: a reply is at most 10 MB, too, and text grows as it is escaped. */
export const MAX_PAGE_BYTES = 5_000_000

neonConfig.fetchFunction = (url: string, init: RequestInit) => {
  const { body } = init
  if (typeof body === 'string' && body.length > MAX_REQUEST_BYTES / 3) {
    if (new TextEncoder().encode(body).byteLength > MAX_REQUEST_BYTES) throw tooLarge()
  }
  // a tool brings a time limit of its own
  return fetch(url, { ...init, signal: init.signal ?? AbortSignal.timeout(ANSWER_MS) })
}

function tooLarge(cause?: unknown): AppError {
  return new AppError('too_large', 'more than the database takes or gives at once', [], cause)
}

/** The connection of this isolate; nothing is sent yet. */
export function connect(config: Config): Sql {
  if (config.NEON_ENDPOINT !== undefined) neonConfig.fetchEndpoint = config.NEON_ENDPOINT
  return connectTo(config.DATABASE_URL)
}

/** A connection to any database by its URL. @throws AppError that never holds the URL. */
export function connectTo(url: string): Sql {
  const known = connections.get(url)
  if (known) return known
  // the driver looks at it when it sends, and its message repeats the URL, and so the password
  if (!isDatabaseUrl(url)) throw new AppError('misconfigured', 'the database URL is not valid')
  const sql = neon(url)
  if (connections.size > 100) connections.clear()
  connections.set(url, sql)
  return sql
}

function isDatabaseUrl(text: string): boolean {
  const [, rest] = /^postgres(?:ql)?:(\/\/.*)$/s.exec(text) ?? []
  const url = rest === undefined ? null : URL.parse(`http:${rest}`)
  return url !== null && url.username !== '' && url.hostname !== '' && url.pathname.length > 1
}

const ATTEMPTS = 4
/** SQLSTATEs that mean "try again": serialization, deadlock, lock wait, connection, shutdown, too many. */
const TRANSIENT = /^(40001|40P01|55P03|08...|57P0[123]|53300)$/
/** SQLSTATEs that mean "this cannot be stored": NUL characters, values too large or too deep. */
const UNSTORABLE = /^(22[0-9A-Z]{3}|54\d{3})$/
/** How the driver words Neon's refusals by size, of a request and of a reply. */
const TOO_LARGE = /HTTP status (413|507)/
/** What noetl.refuse raises when a lease is no longer held. */
const REFUSALS: Record<string, ProblemCode> = { NE409: 'lease_lost', NE410: 'job_taken' }

/** The SQLSTATE of a database's error; null when the database gave no answer (outcome unknown). */
function sqlState(error: unknown): string | null {
  return error instanceof NeonDbError && error.code ? error.code : null
}

/** The name of the constraint that an error broke, if it broke one. */
export function brokenConstraint(error: unknown): string | null {
  return error instanceof NeonDbError ? (error.constraint ?? null) : null
}

/**
 * Sends a statement and returns its rows, typed by the caller. An answer that never came leaves the
 * outcome unknown; it is sent again, so **every statement must be safe to repeat**: reads are, appends
 * by expected version and inserts under an id drawn beforehand are.
 * @throws AppError `unavailable` when the database stays away, `lease_lost`; NeonDbError otherwise.
 */
export async function rowsOf<Row>(statement: Statement): Promise<Row[]> {
  return (await again(() => statement)) as Row[]
}

/** The same for a statement that comes after another in one transaction, in one round trip. */
export async function rowsAfter<Row>(
  sql: Sql,
  first: Statement,
  second: Statement,
): Promise<Row[]> {
  const [, rows] = await again(() => sql.transaction([first, second]))
  return rows as Row[]
}

async function again<T>(send: () => PromiseLike<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      const state = sqlState(error)
      const refusal = state === null ? undefined : REFUSALS[state]
      if (refusal) throw new AppError(refusal, (error as Error).message)
      if (error instanceof NeonDbError && error.sourceError instanceof AppError) {
        throw error.sourceError
      }
      if (state === null && TOO_LARGE.test((error as Error).message)) throw tooLarge(error)
      if (state !== null && UNSTORABLE.test(state)) {
        throw new AppError(
          'invalid_input',
          'the database cannot store this: NUL characters, or too large or too deep',
          [],
          error,
        )
      }
      if (state !== null && !TRANSIENT.test(state)) throw error
      if (attempt === ATTEMPTS) {
        throw new AppError('unavailable', 'the database does not answer', [], error)
      }
      await sleep(20 * 2 ** attempt * (0.5 + Math.random()))
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
