// The postgres tool: statements through the Neon driver to the credential's own database.

import { NeonDbError } from '@neondatabase/serverless'
import { connectTo, type Sql, type Statement } from '../../db.ts'
import type { Json, JsonObject } from '../../json.ts'
import { splitStatements } from './statements.ts'
import { authOf, type Call, type Ending, fitting, ToolError } from './tool.ts'

/** Rows that one command may return. */
const MAX_ROWS = 10_000

/**
 * Runs the step's statements in one transaction and under its time limit. `data` has `command_0`,
 * `command_1`, .. in order, each with rows and columns or with a message.
 */
export async function postgresTool(call: Call): Promise<Ending> {
  const auth = await authOf(call)
  if (!auth) throw new ToolError('a postgres step needs auth: NAME, the name of a credential')
  const statements = statementsOf(call.task)
  if (statements.length === 0) throw new ToolError('there is no statement to run')
  const sql = connectTo(connectionUrl(auth.data))
  const queries = statements.map((text) => sql.query(text))
  const results = await send(sql, queries, call.timeoutMs)
  const data: JsonObject = {}
  results.forEach((result, index) => {
    data[`command_${index}`] = toCommand(result, index)
  })
  return { status: 'success', data: fitting(data, 'the result, whose statements have run,') }
}

interface FullResult {
  command: string
  rowCount: number | null
  rows: JsonObject[]
  fields: { name: string }[]
}

/**
 * Runs statements in one transaction and under a time limit.
 * @throws ToolError with the database's words, or saying that nobody knows the outcome.
 */
export async function send(
  sql: Sql,
  statements: Statement[],
  timeoutMs: number,
): Promise<FullResult[]> {
  const limit = sql`select set_config('statement_timeout', ${String(timeoutMs)}, true)`
  const abort = AbortSignal.timeout(timeoutMs + 2_000)
  try {
    const [, ...results] = (await sql.transaction([limit, ...statements], {
      fullResults: true,
      fetchOptions: { signal: abort },
    })) as unknown as FullResult[]
    return results
  } catch (error) {
    throw new ToolError(failureOf(error, timeoutMs))
  }
}

function failureOf(error: unknown, timeoutMs: number): string {
  if (error instanceof NeonDbError && error.code) {
    if (error.code === '57014') return `stopped after ${timeoutMs / 1000} s: ${error.message}`
    const more = [error.detail, error.hint && `hint: ${error.hint}`].filter(Boolean).join('; ')
    return `${error.message} (SQLSTATE ${error.code})${more && `: ${more}`}`
  }
  // the driver's text may name hosts and addresses; what matters is that nobody knows the outcome
  return 'the database gave no answer; its statements may or may not have run'
}

function toCommand(result: FullResult, index: number): Json {
  if (result.rows.length > MAX_ROWS) {
    throw new ToolError(`command_${index} returned more than ${MAX_ROWS} rows; add a limit`)
  }
  const row_count = result.rowCount ?? -1
  if (result.fields.length > 0) {
    const columns = result.fields.map((field) => field.name)
    return { status: 'success', rows: result.rows, row_count: result.rows.length, columns }
  }
  if (result.command === 'CALL') {
    return { status: 'success', message: 'Procedure executed successfully.' }
  }
  return { status: 'success', row_count, message: `Command executed. ${row_count} rows affected.` }
}

/** The statements of `command`, `commands`, `sql` or `query`. */
function statementsOf(task: JsonObject): string[] {
  const texts = [task.command ?? task.commands ?? task.sql ?? task.query ?? []].flat()
  return texts.flatMap((text) => {
    if (typeof text !== 'string') throw new ToolError('a command is SQL text')
    return splitStatements(text)
  })
}

const ALIASES = {
  url: ['dsn', 'db_url', 'url', 'connection_string'],
  host: ['db_host', 'host', 'hostname'],
  port: ['db_port', 'port'],
  user: ['db_user', 'user', 'username'],
  password: ['db_password', 'password'],
  database: ['db_name', 'database', 'dbname', 'db_database'],
  sslmode: ['sslmode', 'ssl_mode'],
} as const

/** Where a credential's database is. @throws ToolError naming the fields that are lacking. */
export function connectionUrl(data: JsonObject): string {
  const given = (key: keyof typeof ALIASES) => {
    const value = ALIASES[key]
      .map((name) => data[name])
      .find((field) => field != null && field !== '')
    return value === undefined ? null : String(value)
  }
  const url = given('url')
  if (url !== null) return url
  const missing = (['host', 'user', 'database'] as const).filter((key) => given(key) === null)
  if (missing.length > 0) {
    throw new ToolError(`the credential lacks ${missing.map((key) => ALIASES[key][0]).join(', ')}`)
  }
  const part = (key: keyof typeof ALIASES) => encodeURIComponent(given(key) ?? '')
  const sslmode = given('sslmode')
  return (
    `postgresql://${part('user')}:${part('password')}@${given('host')}:${given('port') ?? 5432}` +
    `/${part('database')}${sslmode === null ? '' : `?sslmode=${encodeURIComponent(sslmode)}`}`
  )
}
