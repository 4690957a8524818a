// Sending statements to a credential's database, and what is said when that fails.

import { NeonDbError } from '@neondatabase/serverless'
import type { Sql, Statement } from '../../db.ts'
import { AppError } from '../../errors.ts'
import type { Json } from '../../json.ts'
import { ToolError } from './tool.ts'

/** A statement's result with its rows and their types. */
export interface FullResult {
  command: string
  rowCount: number | null
  /** Values in the order of `fields`, whose names may come twice. */
  rows: Json[][]
  fields: { name: string }[]
}

/** How much longer than the statements themselves their answer may take. */
const GRACE_MS = 2_000
/** How the driver words Neon's refusal of a reply by its size; the transaction is rolled back then. */
const TOO_LARGE = /HTTP status 507/

/**
 * Runs statements in one transaction and under a time limit.
 * @throws ToolError with the database's words, or saying that nobody knows the outcome.
 */
export async function send(
  sql: Sql,
  statements: Statement[],
  timeoutMs: number,
): Promise<FullResult[]> {
  try {
    return await transact(sql, statements, timeoutMs)
  } catch (error) {
    throw new ToolError(failureOf(error, timeoutMs))
  }
}

/** The same with the driver's errors. */
export async function transact(
  sql: Sql,
  statements: Statement[],
  timeoutMs: number,
): Promise<FullResult[]> {
  const limit = sql`select set_config('statement_timeout', ${String(Math.ceil(timeoutMs))}, true)`
  const [, ...results] = (await sql.transaction([limit, ...statements], {
    fullResults: true,
    arrayMode: true,
    fetchOptions: { signal: AbortSignal.timeout(timeoutMs + GRACE_MS) },
  })) as unknown as FullResult[]
  return results
}

/** The SQLSTATE of what a database said; null when it said nothing. */
export function sqlState(error: unknown): string | null {
  return error instanceof NeonDbError && error.code ? error.code : null
}

/** What a step's error says of a failure. */
export function failureOf(error: unknown, timeoutMs: number): string {
  if (error instanceof ToolError) return error.message
  if (!(error instanceof NeonDbError)) return NO_ANSWER
  const { code, message, detail, hint, sourceError } = error
  if (code) {
    if (code === '57014') return `stopped after ${timeoutMs / 1000} s: ${message}`
    const more = [detail, hint && `hint: ${hint}`].filter(Boolean).join('; ')
    return `${message} (SQLSTATE ${code})${more && `: ${more}`}`
  }
  if (TOO_LARGE.test(message)) {
    return 'the rows are more than the database gives at once (10 MB), and nothing was done; add a limit'
  }
  // a refusal of our own: nothing was sent
  if (sourceError instanceof AppError) return sourceError.message
  return NO_ANSWER
}

// the driver's text may name hosts and addresses; what matters is that nobody knows the outcome
const NO_ANSWER = 'the database gave no answer; its statements may or may not have run'
