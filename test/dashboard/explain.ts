// How Postgres means to answer a statement.
import type { Statement } from '../../src/db.ts'
import type { sqlOf } from './database.ts'

export async function explain(
  sql: ReturnType<typeof sqlOf>,
  statement: Statement,
): Promise<string> {
  return (await linesOf(sql, statement, 'costs on')).join('\n')
}

/** How many rows of a table a statement reads, those that it passes over included. It is executed. */
export async function readOf(
  sql: ReturnType<typeof sqlOf>,
  statement: Statement,
  table: string,
): Promise<number> {
  let read = 0
  let loops = 0
  for (const line of await linesOf(sql, statement, 'analyze, costs off, timing off')) {
    if (line.includes('->')) {
      const rows = /rows=([\d.]+) loops=(\d+)/.exec(line)
      loops = rows && new RegExp(`Scan.* on ${table}\\b`).test(line) ? Number(rows[2]) : 0
      read += loops * Number(rows?.[1] ?? 0)
    }
    read += loops * Number(/Rows Removed by (?:Filter|Index Recheck): (\d+)/.exec(line)?.[1] ?? 0)
  }
  return Math.round(read)
}

async function linesOf(
  sql: ReturnType<typeof sqlOf>,
  statement: Statement,
  options: string,
): Promise<string[]> {
  const { query, params } = textOf(statement)
  const plan = await sql.query(`explain (${options}) ${query}`, params)
  return plan.map((row) => String(row['QUERY PLAN']))
}

/** A statement's text and parameters, as the driver sends them. */
function textOf({ queryData }: Statement): { query: string; params: unknown[] } {
  return 'toParameterizedQuery' in queryData ? queryData.toParameterizedQuery() : queryData
}
