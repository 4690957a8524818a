import { locate, TemplateError, type TemplateErrorKind } from './error.ts'
import type { Token } from './lexer.ts'
import { DEFAULT_LIMITS } from './run.ts'

/** A place in the token stream. */
export interface Cursor {
  readonly source: string
  readonly tokens: readonly Token[]
  index: number
  depth: number
  /** Tags that the blocks around this place wait for, and the names of those blocks. */
  readonly waiting: (readonly string[])[]
  readonly open: string[]
}

export function newCursor(source: string, tokens: readonly Token[]): Cursor {
  return { source, tokens, index: 0, depth: 0, waiting: [], open: [] }
}

export function peek(cursor: Cursor, ahead = 0): Token {
  const token = cursor.tokens[Math.min(cursor.index + ahead, cursor.tokens.length - 1)]
  return token ?? { type: 'eof', value: '', start: 0, end: 0 }
}

export function advance(cursor: Cursor): Token {
  const token = peek(cursor)
  cursor.index += 1
  return token
}

function at(cursor: Cursor, type: 'name' | 'operator', value: string, ahead = 0): boolean {
  const token = peek(cursor, ahead)
  return token.type === type && token.value === value
}

export const atName = (cursor: Cursor, value: string, ahead = 0): boolean =>
  at(cursor, 'name', value, ahead)

export const atOperator = (cursor: Cursor, value: string, ahead = 0): boolean =>
  at(cursor, 'operator', value, ahead)

/** Consumes the word or symbol if it comes next. */
export function takeName(cursor: Cursor, value: string): boolean {
  const found = atName(cursor, value)
  if (found) cursor.index += 1
  return found
}

export function takeOperator(cursor: Cursor, value: string): boolean {
  const found = atOperator(cursor, value)
  if (found) cursor.index += 1
  return found
}

export function expectOperator(cursor: Cursor, value: string): Token {
  return atOperator(cursor, value) ? advance(cursor) : unexpected(cursor, value)
}

export function expectKeyword(cursor: Cursor, value: string): Token {
  return atName(cursor, value) ? advance(cursor) : unexpected(cursor, value)
}

export function expectName(cursor: Cursor): string {
  const token = peek(cursor)
  if (token.type !== 'name') return unexpected(cursor, 'name')
  return String(advance(cursor).value)
}

export function expectEnd(cursor: Cursor, type: 'variable_end' | 'block_end'): Token {
  return peek(cursor).type === type ? advance(cursor) : unexpected(cursor, DESCRIPTIONS[type] ?? '')
}

function unexpected(cursor: Cursor, expected: string): never {
  const token = peek(cursor)
  return fail(
    cursor,
    token.type === 'eof'
      ? `unexpected end of template, expected '${expected}'.`
      : `expected token '${expected}', got '${describe(token)}'`,
  )
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  data: 'template data / text',
  variable_begin: 'begin of print statement',
  variable_end: 'end of print statement',
  block_begin: 'begin of statement block',
  block_end: 'end of statement block',
  eof: 'end of template',
  string: 'string',
  integer: 'integer',
  float: 'float',
}

export const describe = (token: Token): string => DESCRIPTIONS[token.type] ?? String(token.value)

/** Runs a parser one level deeper; the bound keeps hostile sources from overflowing the stack. */
export function nested<T>(cursor: Cursor, parse: () => T): T {
  cursor.depth += 1
  if (cursor.depth > DEFAULT_LIMITS.depth) {
    fail(cursor, `template is nested more than ${DEFAULT_LIMITS.depth} levels deep`, 'limit')
  }
  const result = parse()
  cursor.depth -= 1
  return result
}

export function fail(cursor: Cursor, message: string, kind: TemplateErrorKind = 'syntax'): never {
  const { start } = peek(cursor)
  const error = locate(new TemplateError(kind, message), cursor.source, { start, end: start })
  const { line, column } = error
  // The position is the token's, the source shown is the whole tag's.
  locate(error, cursor.source, tagAround(cursor))
  throw Object.assign(error, { line, column })
}

function tagAround(cursor: Cursor): { start: number; end: number } {
  const isEdge = (token: Token, edge: string) => token.type.endsWith(edge)
  const before = cursor.tokens.slice(0, cursor.index + 1)
  const opened = before.findLast((token) => isEdge(token, '_begin'))
  const start = opened?.start ?? 0
  const closed = cursor.tokens.find((token) => token.start > start && isEdge(token, '_end'))
  return { start, end: closed?.end ?? cursor.source.length }
}
