// Saves to Postgres: rows into a table, or a statement with parameters. One transaction, and no value or
// name ever becomes SQL.

import { connectTo, type Sql } from '../../db.ts'
import { isObject, type Json, type JsonObject } from '../../json.ts'
import { authOf } from './auth.ts'
import { type Bound, bindParameters } from './parameters.ts'
import { connectionUrl } from './postgres-connection.ts'
import { send } from './postgres-send.ts'
import { insertsOf, tableName } from './rows.ts'
import type { Saving } from './save.ts'
import { splitStatements } from './statements.ts'
import { type Call, ToolError } from './tool.ts'

/** What Neon takes in one request, and so in one transaction, less what surrounds the parameters. */
const MAX_BYTES = 10_000_000
const STATEMENT = 'statement'

/** Inserts or upserts the data as rows of `table`, or runs `statement`. */
export async function savePostgres({ spec, data, call }: Saving): Promise<Json> {
  const { table = null } = spec
  const plan = spec.statement == null ? rowsPlan(spec, data) : statementPlan(spec, data)
  const sql = await connected(call, spec)
  if (plan.statements.length === 0)
    return { saved: 'postgres', table, row_count: 0, mode: plan.mode }
  try {
    const row_count = await run(sql, plan.statements, call)
    return { saved: 'postgres', table, row_count, mode: plan.mode }
  } catch (error) {
    throw isTypeMeant(error, plan) ? new ToolError(`${table} is a type, too: ${SAY_SCHEMA}`) : error
  }
}

interface Plan {
  mode: string
  statements: Bound[]
}

const SAY_SCHEMA = 'name the table with its schema, SCHEMA.TABLE'

/** Whether a table that is called as a type, as `path` is, was taken for that. */
function isTypeMeant(error: unknown, { mode }: Plan): boolean {
  if (mode === STATEMENT || !(error instanceof ToolError)) return false
  return /^column r\.|must be a row type/.test(error.message)
}

function rowsPlan(spec: JsonObject, data: Json): Plan {
  if (typeof spec.table !== 'string' || spec.table.trim() === '') {
    throw new ToolError('a save to postgres needs table, or statement')
  }
  const mode = typeof spec.mode === 'string' ? spec.mode.trim().toLowerCase() : (spec.mode ?? '')
  const key = columnsOf(spec.key ?? spec.keys ?? null)
  if (mode === 'upsert') {
    if (key.length === 0) throw new ToolError('mode: upsert needs key, the columns that name a row')
    return { mode, statements: insertsOf(tableName(spec.table), data, key) }
  }
  if (mode !== '' && mode !== 'insert') throw new ToolError('mode is insert or upsert')
  // to insert what is to be replaced would double it
  if (key.length > 0) throw new ToolError('key goes with mode: upsert')
  return { mode: 'insert', statements: insertsOf(tableName(spec.table), data, null) }
}

function columnsOf(key: Json): string[] {
  return (key === null ? [] : [key].flat()).map((column) => {
    if (typeof column !== 'string') throw new ToolError('key is a column, or a list of columns')
    return column
  })
}

/** `params`, or the data when there are none, are the statement's parameters. */
function statementPlan(spec: JsonObject, data: Json): Plan {
  const { statement, params = null } = spec
  const [text, ...more] = typeof statement === 'string' ? splitStatements(statement) : []
  if (text === undefined) throw new ToolError('statement is SQL text')
  if (more.length > 0) {
    throw new ToolError('statement is one statement; a postgres step runs several')
  }
  if (params !== null && !isObject(params) && !Array.isArray(params)) {
    throw new ToolError('params is a list for $1, $2, .. or a mapping for :name')
  }
  const values = params ?? (isObject(data) ? data : [])
  return { mode: STATEMENT, statements: [bindParameters(text, values)] }
}

async function connected(call: Call, spec: JsonObject): Promise<Sql> {
  const auth = await authOf({ ...call, task: spec })
  if (!auth) throw new ToolError('a save to postgres needs auth: NAME, the name of a credential')
  return connectTo(connectionUrl(auth.data))
}

async function run(sql: Sql, statements: Bound[], call: Call): Promise<number> {
  const bytes = statements.reduce((sum, one) => sum + weigh(one), 0)
  if (bytes > MAX_BYTES) {
    throw new ToolError(
      `what is to be saved weighs ${bytes} bytes; a transaction takes ${MAX_BYTES}: save it in parts`,
    )
  }
  const queries = statements.map(({ text, values }) => sql.query(text, values))
  const results = await send(sql, queries, call.timeoutMs)
  return results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0)
}

function weigh({ text, values }: Bound): number {
  return new TextEncoder().encode(JSON.stringify([text, values])).byteLength
}
