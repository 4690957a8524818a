import { filters, tests } from './apply.ts'
import type {
  BinaryOperator,
  CallArgs,
  CompareOperator,
  Expr,
  FilterStep,
  SliceKey,
} from './ast.ts'
import {
  advance,
  atName,
  atOperator,
  type Cursor,
  describe,
  expectName,
  expectOperator,
  fail,
  nested,
  peek,
  takeName,
  takeOperator,
} from './cursor.ts'

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
])
const COMPARISONS: readonly CompareOperator[] = ['==', '!=', '<', '<=', '>', '>=']
// From loosest to tightest. Unlike in Python, `~` binds tighter than `+`, and `**` groups to the
// left and looser than a sign.
const BINARY_LEVELS: readonly (readonly (BinaryOperator | '~')[])[] = [
  ['+', '-'],
  ['~'],
  ['*', '/', '//', '%'],
  ['**'],
]

/** What ends a tuple without brackets, beside the end of the tag and `)`. */
interface TupleOptions {
  readonly condition?: boolean
  readonly end?: string
  readonly mayBeEmpty?: boolean
}

export function parseExpression(cursor: Cursor, condition = true): Expr {
  return nested(cursor, () => (condition ? parseCondition(cursor) : parseOr(cursor)))
}

export function parseTuple(cursor: Cursor, options: TupleOptions = {}): Expr {
  const items: Expr[] = []
  let isTuple = false
  while (!atTupleEnd(cursor, options.end)) {
    items.push(parseExpression(cursor, options.condition))
    if (!takeOperator(cursor, ',')) break
    isTuple = true
  }
  const [only] = items
  if (!isTuple && only) return only
  if (!isTuple && !options.mayBeEmpty) {
    fail(cursor, `Expected an expression, got '${describe(peek(cursor))}'`)
  }
  return { type: 'tuple', items }
}

function atTupleEnd(cursor: Cursor, end: string | undefined): boolean {
  const { type } = peek(cursor)
  if (type === 'variable_end' || type === 'block_end' || type === 'eof') return true
  return atOperator(cursor, ')') || (end !== undefined && atName(cursor, end))
}

function parseCondition(cursor: Cursor): Expr {
  let expr = parseOr(cursor)
  while (takeName(cursor, 'if')) {
    const test = parseOr(cursor)
    const otherwise = takeName(cursor, 'else') ? parseExpression(cursor) : null
    expr = { type: 'condition', test, whenTrue: expr, otherwise }
  }
  return expr
}

function parseOr(cursor: Cursor): Expr {
  const first = parseAnd(cursor)
  const items = [first]
  while (takeName(cursor, 'or')) items.push(parseAnd(cursor))
  return items.length === 1 ? first : { type: 'or', items }
}

function parseAnd(cursor: Cursor): Expr {
  const first = parseNot(cursor)
  const items = [first]
  while (takeName(cursor, 'and')) items.push(parseNot(cursor))
  return items.length === 1 ? first : { type: 'and', items }
}

function parseNot(cursor: Cursor): Expr {
  if (!takeName(cursor, 'not')) return parseComparison(cursor)
  return { type: 'not', operand: nested(cursor, () => parseNot(cursor)) }
}

function parseComparison(cursor: Cursor): Expr {
  const first = parseBinary(cursor, 0)
  const rest: { operator: CompareOperator; operand: Expr }[] = []
  for (let operator = takeComparison(cursor); operator; operator = takeComparison(cursor)) {
    rest.push({ operator, operand: parseBinary(cursor, 0) })
  }
  return rest.length === 0 ? first : { type: 'compare', first, rest }
}

function takeComparison(cursor: Cursor): CompareOperator | undefined {
  if (takeName(cursor, 'in')) return 'in'
  if (atName(cursor, 'not') && atName(cursor, 'in', 1)) {
    cursor.index += 2
    return 'not in'
  }
  return COMPARISONS.find((operator) => takeOperator(cursor, operator))
}

function parseBinary(cursor: Cursor, level: number): Expr {
  const operators = BINARY_LEVELS[level]
  if (!operators) return parseUnary(cursor, true)
  const next = () => parseBinary(cursor, level + 1)
  let left = next()
  for (;;) {
    const operator = operators.find((symbol) => takeOperator(cursor, symbol))
    if (operator === undefined) return left
    if (operator === '~') {
      const items = [left, next()]
      while (takeOperator(cursor, '~')) items.push(next())
      left = { type: 'concat', items }
    } else {
      left = { type: 'binary', operator, left, right: next() }
    }
  }
}

function parseUnary(cursor: Cursor, filtered: boolean): Expr {
  const sign = (['-', '+'] as const).find((symbol) => takeOperator(cursor, symbol))
  const operand = sign ? nested(cursor, () => parseUnary(cursor, false)) : parsePrimary(cursor)
  const node: Expr = sign ? { type: 'unary', operator: sign, operand } : operand
  const postfixed = parsePostfix(cursor, node)
  return filtered ? parseFilters(cursor, postfixed) : postfixed
}

function parsePrimary(cursor: Cursor): Expr {
  const token = peek(cursor)
  if (token.type === 'name') {
    advance(cursor)
    const constant = CONSTANTS.get(token.value)
    return constant === undefined
      ? { type: 'name', name: token.value }
      : { type: 'const', value: constant }
  }
  if (token.type === 'integer' || token.type === 'float') {
    advance(cursor)
    return { type: 'const', value: token.value }
  }
  if (token.type === 'string') return parseStrings(cursor)
  if (takeOperator(cursor, '(')) {
    const expr = parseTuple(cursor, { mayBeEmpty: true })
    expectOperator(cursor, ')')
    return expr
  }
  if (takeOperator(cursor, '[')) {
    return { type: 'list', items: parseUntil(cursor, ']', () => parseExpression(cursor)) }
  }
  if (takeOperator(cursor, '{')) {
    return { type: 'dict', entries: parseUntil(cursor, '}', () => parseEntry(cursor)) }
  }
  return fail(cursor, `unexpected '${describe(token)}'`)
}

/** Adjacent strings are one string. */
function parseStrings(cursor: Cursor): Expr {
  const parts: string[] = []
  while (peek(cursor).type === 'string') parts.push(String(advance(cursor).value))
  return { type: 'const', value: parts.join('') }
}

function parseEntry(cursor: Cursor): readonly [Expr, Expr] {
  const key = parseExpression(cursor)
  expectOperator(cursor, ':')
  return [key, parseExpression(cursor)]
}

/** Items separated by commas, up to and including the closing bracket. */
function parseUntil<T>(cursor: Cursor, closer: string, parse: () => T): T[] {
  const items: T[] = []
  while (!takeOperator(cursor, closer)) {
    if (items.length > 0) {
      expectOperator(cursor, ',')
      if (takeOperator(cursor, closer)) break
    }
    items.push(parse())
  }
  return items
}

function parsePostfix(cursor: Cursor, start: Expr): Expr {
  let node = start
  for (;;) {
    if (takeOperator(cursor, '.')) node = parseAttribute(cursor, node)
    else if (takeOperator(cursor, '[')) node = parseSubscript(cursor, node)
    else if (takeOperator(cursor, '(')) {
      node = { type: 'call', target: node, args: parseArgs(cursor) }
    } else return node
  }
}

function parseAttribute(cursor: Cursor, target: Expr): Expr {
  const token = peek(cursor)
  if (token.type === 'name') {
    advance(cursor)
    return { type: 'attribute', target, name: token.value }
  }
  if (token.type !== 'integer') return fail(cursor, 'expected name or number')
  advance(cursor)
  return { type: 'item', target, key: { type: 'const', value: token.value } }
}

function parseSubscript(cursor: Cursor, target: Expr): Expr {
  const keys: (Expr | SliceKey)[] = []
  while (!takeOperator(cursor, ']')) {
    if (keys.length > 0) expectOperator(cursor, ',')
    keys.push(parseKey(cursor))
  }
  const [key] = keys
  if (keys.length === 1 && key) return { type: 'item', target, key }
  const items = keys.filter((item) => item.type !== 'slice')
  if (items.length < keys.length) fail(cursor, 'a slice has one dimension only')
  return { type: 'item', target, key: { type: 'tuple', items } }
}

function parseKey(cursor: Cursor): Expr | SliceKey {
  const atPart = () =>
    !atOperator(cursor, ':') && !atOperator(cursor, ']') && !atOperator(cursor, ',')
  const first = atOperator(cursor, ':') ? null : parseExpression(cursor)
  if (!takeOperator(cursor, ':') && first) return first
  const stop = atPart() ? parseExpression(cursor) : null
  const step = takeOperator(cursor, ':') && atPart() ? parseExpression(cursor) : null
  return { type: 'slice', start: first, stop, step }
}

/** Arguments after an opening parenthesis, in Python's order: positional, named, `*`, `**`. */
function parseArgs(cursor: Cursor): CallArgs {
  const positional: Expr[] = []
  const named: [string, Expr][] = []
  let spread: Expr | null = null
  let spreadNamed: Expr | null = null
  const inOrder = (ok: boolean) => {
    if (!ok) fail(cursor, 'invalid syntax for function call expression')
  }
  parseUntil(cursor, ')', () => {
    if (takeOperator(cursor, '*')) {
      inOrder(spread === null && spreadNamed === null)
      spread = parseExpression(cursor)
    } else if (takeOperator(cursor, '**')) {
      inOrder(spreadNamed === null)
      spreadNamed = parseExpression(cursor)
    } else if (peek(cursor).type === 'name' && atOperator(cursor, '=', 1)) {
      inOrder(spreadNamed === null)
      const name = expectName(cursor)
      expectOperator(cursor, '=')
      named.push([name, parseExpression(cursor)])
    } else {
      inOrder(spread === null && spreadNamed === null && named.length === 0)
      positional.push(parseExpression(cursor))
    }
  })
  return { positional, named, spread, spreadNamed }
}

function parseFilters(cursor: Cursor, start: Expr): Expr {
  let node = start
  for (;;) {
    if (takeOperator(cursor, '|')) {
      node = { type: 'filter', target: node, ...parseFilterStep(cursor) }
    } else if (takeName(cursor, 'is')) node = parseTest(cursor, node)
    else if (takeOperator(cursor, '(')) {
      node = { type: 'call', target: node, args: parseArgs(cursor) }
    } else return node
  }
}

/** A filter's name and arguments, after the `|`. */
export function parseFilterStep(cursor: Cursor): FilterStep {
  const name = parseDottedName(cursor)
  if (!filters.has(name)) {
    cursor.index -= 1
    fail(cursor, `No filter named '${name}'.`)
  }
  return { name, args: takeOperator(cursor, '(') ? parseArgs(cursor) : NO_CALL_ARGS }
}

const NO_CALL_ARGS: CallArgs = { positional: [], named: [], spread: null, spreadNamed: null }

function parseDottedName(cursor: Cursor): string {
  let name = expectName(cursor)
  while (takeOperator(cursor, '.')) name += `.${expectName(cursor)}`
  return name
}

function parseTest(cursor: Cursor, target: Expr): Expr {
  const negated = takeName(cursor, 'not')
  const name = parseDottedName(cursor)
  if (!tests.has(name)) {
    cursor.index -= 1
    fail(cursor, `No test named '${name}'.`)
  }
  const args = takeOperator(cursor, '(') ? parseArgs(cursor) : parseBareTestArg(cursor)
  const test: Expr = { type: 'test', target, name, args }
  return negated ? { type: 'not', operand: test } : test
}

/** `x is divisibleby 3`: one argument may stand without parentheses. */
function parseBareTestArg(cursor: Cursor): CallArgs {
  const token = peek(cursor)
  const startsArg =
    token.type === 'name'
      ? !['else', 'or', 'and'].includes(token.value)
      : ['string', 'integer', 'float'].includes(token.type) ||
        atOperator(cursor, '[') ||
        atOperator(cursor, '{')
  if (!startsArg) return NO_CALL_ARGS
  if (atName(cursor, 'is')) fail(cursor, 'You cannot chain multiple tests with is')
  return { ...NO_CALL_ARGS, positional: [parsePostfix(cursor, parsePrimary(cursor))] }
}
