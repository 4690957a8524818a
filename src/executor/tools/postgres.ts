// The postgres tool: statements through the Neon driver to the credential's own database.

import { connectTo, type Sql } from '../../db.ts'
import { isObject, type Json, type JsonObject } from '../../json.ts'
import { authOf } from './auth.ts'
import { type Bound, bindParameters } from './parameters.ts'
import { failingStatement } from './postgres-blame.ts'
import { connectionUrl } from './postgres-connection.ts'
import { type FullResult, failureOf, transact } from './postgres-send.ts'
import { isTransactionControl, splitStatements } from './statements.ts'
import { type Call, type Ending, fitting, ToolError } from './tool.ts'

/** Rows that one command may return. */
const MAX_ROWS = 10_000
const TOO_LARGE = 'the result, whose statements have run,'

/**
 * Runs the step's statements under its time limit, in one transaction unless `transaction: false` says that
 * each is to run by itself. `data` has `command_0`, `command_1`, .. in order, each with rows and columns or
 * with a message.
 */
export async function postgresTool(call: Call): Promise<Ending> {
  const auth = await authOf(call)
  if (!auth) throw new ToolError('a postgres step needs auth: NAME, the name of a credential')
  const texts = textsOf(call.task)
  if (texts.length === 0) throw new ToolError('there is no statement to run')
  const statements = boundTo(texts, call.task.params ?? null)
  const sql = connectTo(connectionUrl(auth.data))
  const run = isTogether(call.task) ? together : oneByOne
  if (run === together) checkTransaction(texts)
  return { status: 'success', data: await run(sql, statements, call) }
}

async function together(sql: Sql, statements: Bound[], call: Call): Promise<JsonObject> {
  const startedAt = Date.now()
  const queries = statements.map(({ text, values }) => sql.query(text, values))
  try {
    const results = await transact(sql, queries, call.timeoutMs)
    return fitting(commandsOf(results), TOO_LARGE)
  } catch (error) {
    if (error instanceof ToolError) throw error
    const spent = Date.now() - startedAt
    // what must not run twice does not, though it would be undone
    const left = call.task.retry === false ? 0 : call.timeoutMs - 2 * spent
    const failing = await failingStatement(sql, statements, error, left)
    const said = failureOf(error, call.timeoutMs)
    if (failing === null) throw new ToolError(said)
    const place =
      failing < statements.length ? `command_${failing}` : 'at the end of the transaction'
    throw new ToolError(`${place}: ${said}`)
  }
}

/** Each in a transaction of its own; what ran stays, and is in the error's data. */
async function oneByOne(sql: Sql, statements: Bound[], call: Call): Promise<JsonObject> {
  const deadline = Date.now() + call.timeoutMs
  const data: JsonObject = {}
  for (const [index, { text, values }] of statements.entries()) {
    const command = `command_${index}`
    const left = deadline - Date.now()
    try {
      if (left <= 0) throw new ToolError(`stopped after ${call.timeoutMs / 1000} s`)
      const options = {
        fullResults: true,
        arrayMode: true,
        fetchOptions: { signal: AbortSignal.timeout(left) },
      }
      // alone, as in a transaction some statements cannot run
      const result = (await sql.query(text, values, options)) as unknown as FullResult
      data[command] = toCommand(result, index)
      fitting(data, TOO_LARGE)
    } catch (error) {
      const message = failureOf(error, call.timeoutMs)
      data[command] = { status: 'error', message }
      throw new ToolError(`${command}: ${message}`, data)
    }
  }
  return data
}

function isTogether({ transaction = true }: JsonObject): boolean {
  if (typeof transaction === 'boolean') return transaction
  throw new ToolError('transaction is true or false')
}

/** What has been committed stays, and what follows would run by itself. */
function checkTransaction(texts: readonly string[]): void {
  const index = texts.findIndex(isTransactionControl)
  if (index < 0) return
  throw new ToolError(
    `command_${index} begins or ends a transaction, and the step's statements are one already; ` +
      'transaction: false runs each by itself',
  )
}

function commandsOf(results: FullResult[]): JsonObject {
  return Object.fromEntries(
    results.map((result, index) => [`command_${index}`, toCommand(result, index)]),
  )
}

function toCommand(result: FullResult, index: number): Json {
  if (result.rows.length > MAX_ROWS) {
    throw new ToolError(
      `command_${index} returned more than ${MAX_ROWS} rows; it has run: add a limit`,
    )
  }
  const row_count = result.rowCount ?? -1
  if (result.fields.length > 0) {
    const columns = distinct(result.fields.map((field) => field.name))
    const rows = result.rows.map((row) =>
      Object.fromEntries(columns.map((name, place) => [name, row[place] ?? null])),
    )
    return { status: 'success', rows, row_count: rows.length, columns }
  }
  if (result.command === 'CALL') {
    return { status: 'success', message: 'Procedure executed successfully.' }
  }
  return { status: 'success', row_count, message: `Command executed. ${row_count} rows affected.` }
}

/** Names of columns; those that come again get a number, as a row has each name once. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set(names)
  return names.map((name, place) => {
    if (names.indexOf(name) === place) return name
    let number = 2
    while (taken.has(`${name}_${number}`)) number += 1
    taken.add(`${name}_${number}`)
    return `${name}_${number}`
  })
}

/** The statements of `command`, `commands`, `sql` or `query`, to the letter. */
function textsOf(task: JsonObject): string[] {
  const texts = [task.command ?? task.commands ?? task.sql ?? task.query ?? []].flat()
  return texts.flatMap((text) => {
    if (typeof text !== 'string') throw new ToolError('a command is SQL text')
    return splitStatements(text)
  })
}

const PARAMS =
  'params is a mapping for :name; or a list for $1, $2, .., and for several statements a list with one list or mapping for each'

/** The statements with their values, which never become text of them. Without params a text stays as it is. */
function boundTo(texts: string[], params: Json): Bound[] {
  if (params === null) return texts.map((text) => ({ text, values: [] }))
  if (isObject(params)) return texts.map((text, index) => bound(text, params, index))
  if (!Array.isArray(params)) throw new ToolError(PARAMS)
  const lists = texts.length === 1 ? [params] : params
  if (lists.length !== texts.length) {
    throw new ToolError(
      `${texts.length} statements, and ${lists.length} items in params: ${PARAMS}`,
    )
  }
  return texts.map((text, index) => {
    const values = lists[index] ?? null
    if (values === null) return { text, values: [] }
    if (!isObject(values) && !Array.isArray(values)) throw new ToolError(PARAMS)
    return bound(text, values, index)
  })
}

function bound(text: string, values: Json[] | JsonObject, index: number): Bound {
  try {
    return bindParameters(text, values)
  } catch (error) {
    if (!(error instanceof ToolError)) throw error
    throw new ToolError(`command_${index}: ${error.message}`)
  }
}
