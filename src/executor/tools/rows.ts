// Rows of data as statements that insert them. Each statement has one parameter, the rows as JSON, which
// Postgres itself turns into the types of the columns.

import { isObject, type Json, type JsonObject, toJson } from '../../json.ts'
import type { Bound } from './parameters.ts'
import { checkStorable, isStorable } from './storable.ts'
import { ToolError } from './tool.ts'

/** How many statements one save may become. */
const MAX_STATEMENTS = 1_000
/** Postgres cuts longer names, so that they would mean others. */
const MAX_NAME_BYTES = 63

/**
 * Statements that insert a mapping, or a list of mappings, in order. Rows may have different columns: what
 * a row lacks gets the column's default, or stays as it is where the row replaces another.
 * @param table quoted
 * @param key columns by which a row replaces the one that is there; null: rows are only added
 */
export function insertsOf(table: string, data: Json, key: readonly string[] | null): Bound[] {
  const rows = Array.isArray(data) ? data : [data]
  const place = (index: number) => (Array.isArray(data) ? `data[${index}]` : 'data')
  const batches = batched(
    rows.map((row, index) => checkedRow(row, place(index), key)),
    key,
  )
  return batches.map(({ columns, rows: some }) => ({
    text: insertText(table, columns, key),
    values: [`[${some.map(rowText).join(',')}]`],
  }))
}

function checkedRow(row: Json, place: string, key: readonly string[] | null): JsonObject {
  if (!isObject(row)) throw new ToolError(`${place} is no mapping of columns to values`)
  if (Object.keys(row).length === 0) throw new ToolError(`${place} has no columns`)
  const lacking = key?.find((column) => !Object.hasOwn(row, column))
  if (lacking !== undefined) throw new ToolError(`${place} lacks '${lacking}', a column of the key`)
  for (const [column, value] of Object.entries(row)) checkStorable(value, `${place}.${column}`)
  return row
}

interface Batch {
  columns: string[]
  rows: JsonObject[]
  index: number
}

/**
 * Rows of the same columns go together. A row whose key came before goes behind that one, as one statement
 * cannot write a row twice; so the outcome is as if rows were saved one after another.
 */
function batched(rows: JsonObject[], key: readonly string[] | null): Batch[] {
  const batches: Batch[] = []
  const open = new Map<string, Batch>()
  const written = new Map<string, number>()
  for (const row of rows) {
    const columns = Object.keys(row)
    const shape = JSON.stringify(columns.toSorted())
    const name = key && toJson(key.map((column) => row[column]))
    const after = name === null ? -1 : (written.get(name) ?? -1)
    let batch = open.get(shape)
    if (!batch || batch.index <= after) {
      batch = { columns, rows: [], index: batches.length }
      batches.push(batch)
      open.set(shape, batch)
    }
    batch.rows.push(row)
    if (name !== null) written.set(name, batch.index)
    if (batches.length > MAX_STATEMENTS) {
      throw new ToolError(
        `the rows differ too much, or too often have the same key: more than ${MAX_STATEMENTS} statements`,
      )
    }
  }
  return batches
}

function insertText(table: string, columns: string[], key: readonly string[] | null): string {
  const names = columns.map((column) => quoted(column, 'column'))
  const taken = names.map((name) => `r.${name}`)
  const insert =
    `insert into ${table} (${names.join(', ')}) ` +
    `select ${taken.join(', ')} from json_populate_recordset(null::${table}, $1::json) as r`
  if (key === null) return insert
  const others = columns.filter((column) => !key.includes(column))
  const set = others
    .map((column) => quoted(column, 'column'))
    .map((name) => `${name} = excluded.${name}`)
  const target = key.map((column) => quoted(column, 'column')).join(', ')
  const then = set.length === 0 ? 'do nothing' : `do update set ${set.join(', ')}`
  return `${insert} on conflict (${target}) ${then}`
}

function rowText(row: JsonObject): string {
  const cells = Object.entries(row).map(([column, value]) => `${toJson(column)}:${cellText(value)}`)
  return `{${cells.join(',')}}`
}

/**
 * A value as JSON. Text that is a JSON object or list stands as what it says: a json column then holds that
 * and not a text, and a text column gets the same text to the letter, as Postgres cuts it out of the row.
 */
function cellText(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`
  return typeof value === 'string' && isDocument(value) ? value : toJson(value)
}

function isDocument(text: string): boolean {
  if (!/^(\{.*\}|\[.*\])$/s.test(text)) return false
  try {
    return isStorable(JSON.parse(text))
  } catch {
    return false
  }
}

/** A table's name, or SCHEMA.TABLE, quoted. Each part is taken as it is written, in quotes or without. */
export function tableName(written: string): string {
  const part = /\s*(?:"((?:[^"]|"")*)"|([^".]+?))\s*(\.|$)/y
  const parts: string[] = []
  let isOpen = true
  while (isOpen) {
    const match = part.exec(written)
    if (!match) throw new ToolError(`'${written}' is not the name of a table`)
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    isOpen = match[3] === '.'
  }
  if (parts.length > 2) throw new ToolError(`a table is named TABLE or SCHEMA.TABLE: '${written}'`)
  return parts.map((name) => quoted(name, 'table')).join('.')
}

function quoted(name: string, what: string): string {
  if (name === '' || !isStorable(name))
    throw new ToolError(`'${name}' is not the name of a ${what}`)
  if (new TextEncoder().encode(name).byteLength > MAX_NAME_BYTES) {
    throw new ToolError(`the name of a ${what} has at most ${MAX_NAME_BYTES} bytes: '${name}'`)
  }
  return `"${name.replaceAll('"', '""')}"`
}
