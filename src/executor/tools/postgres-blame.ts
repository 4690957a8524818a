// Which of a transaction's statements failed: Neon's answer does not say. The same statements run once more
// within a block whose errors say their line, and which is always undone.

import { NeonDbError } from '@neondatabase/serverless'
import type { Sql } from '../../db.ts'
import type { Bound } from './parameters.ts'
import { sqlState, transact } from './postgres-send.ts'

/** What may be gone, or another thing, a moment later; and what is not a statement's fault. */
const PASSING = /^(08|28|3D|40|53|54|55|57|58|XX)/

/**
 * The number of the statement that made the transaction fail; their count when the end of it did. Null when
 * that cannot be told: the error is a passing one, there is no time left, or it does not come again.
 */
export async function failingStatement(
  sql: Sql,
  statements: Bound[],
  error: unknown,
  timeoutMs: number,
): Promise<number | null> {
  const state = sqlState(error)
  if (state === null || PASSING.test(state)) return null
  if (statements.length === 1) return 0
  if (timeoutMs <= 0) return null
  try {
    await transact(sql, [sql.query(rehearsal(statements))], timeoutMs)
    return null
  } catch (again) {
    if (!(again instanceof NeonDbError) || again.code !== state) return null
    // the outermost place comes last
    const line = [...(again.where ?? '').matchAll(/inline_code_block\D+(\d+)/g)].at(-1)?.[1]
    return line === undefined ? null : Number(line) - 1
  }
}

/** A block that runs each statement on a line of its own, and fails at its end at the latest. */
function rehearsal(statements: Bound[]): string {
  const tag = `$ne_${crypto.randomUUID().replaceAll('-', '')}$`
  const lines = statements.map(({ text, values }, index) =>
    values.length === 0 ? execute(text) : prepared(text, values, `ne_${index}`),
  )
  const end = `${execute('set constraints all immediate')} raise exception 'undone';`
  return `do ${tag}begin ${[...lines, end].join('\n')}\nend${tag}`
}

function execute(text: string): string {
  return `execute ${literal(text)};`
}

/** By way of a prepared statement, as Postgres then finds the types of the parameters as it did before. */
function prepared(text: string, values: (string | null)[], name: string): string {
  const given = values.map((value) => (value === null ? 'null' : literal(value))).join(', ')
  return [`prepare ${name} as ${text}`, `execute ${name}(${given})`, `deallocate ${name}`]
    .map(execute)
    .join(' ')
}

function literal(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "''")
  return `E'${escaped.replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`
}
