// How Postgres means to answer a statement.
import type { Statement } from '../../src/db.ts'
import type { sqlOf } from './database.ts'

export async function explain(
  sql: ReturnType<typeof sqlOf>,
  statement: Statement,
): Promise<string> {
  const { query, params } = textOf(statement)
  const plan = await sql.query(`explain ${query}`, params)
  return plan.map((row) => row['QUERY PLAN']).join('\n')
}

/** A statement's text and parameters, as the driver sends them. */
function textOf({ queryData }: Statement): { query: string; params: unknown[] } {
  return 'toParameterizedQuery' in queryData ? queryData.toParameterizedQuery() : queryData
}
