import type { Expr, FilterStep, MacroParams, Node, Target } from './ast.ts'
import {
  advance,
  atName,
  atOperator,
  type Cursor,
  expectEnd,
  expectKeyword,
  expectName,
  expectOperator,
  fail,
  nested,
  newCursor,
  peek,
  takeName,
  takeOperator,
} from './cursor.ts'
import type { Span } from './error.ts'
import { parseExpression, parseFilterStep, parseTuple } from './expressions.ts'
import { normalizeSource, tokenize } from './lexer.ts'
import { freeNames } from './names.ts'

type OutputNode = Extract<Node, { type: 'output' }>

export interface Template {
  readonly source: string
  readonly nodes: readonly Node[]
  /** The expression, if the template is one `{{ }}` and nothing else but white space. */
  readonly only: OutputNode | null
}

export interface Expression {
  readonly source: string
  readonly expr: Expr
}

export function parseTemplate(input: string): Template {
  const source = normalizeSource(input)
  const cursor = newCursor(source, tokenize(source, 'template'))
  const nodes = parseNodes(cursor, [])
  return { source, nodes, only: onlyExpression(source.trim(), nodes) }
}

export function parseBareExpression(input: string): Expression {
  const source = normalizeSource(input)
  const cursor = newCursor(source, tokenize(source, 'expression'))
  const expr = parseExpression(cursor)
  if (peek(cursor).type !== 'eof') fail(cursor, 'chunk after expression')
  return { source, expr }
}

function onlyExpression(trimmed: string, nodes: readonly Node[]): OutputNode | null {
  if (!trimmed.startsWith('{{') || !trimmed.endsWith('}}')) return null
  const [node, ...others] = nodes.filter((item) => item.type !== 'text' || item.text.trim() !== '')
  return node?.type === 'output' && others.length === 0 ? node : null
}

/** Nodes up to one of the end tags, which stays the current token; or up to the end. */
function parseNodes(cursor: Cursor, endTags: readonly string[]): Node[] {
  const nodes: Node[] = []
  for (;;) {
    const token = peek(cursor)
    if (token.type === 'eof') {
      return endTags.length === 0 ? nodes : failOnTag(cursor, null)
    }
    advance(cursor)
    if (token.type === 'data') nodes.push({ type: 'text', text: token.value })
    else if (token.type === 'variable_begin') {
      const value = parseTuple(cursor)
      const { end } = expectEnd(cursor, 'variable_end')
      nodes.push({ type: 'output', value, span: { start: token.start, end } })
    } else {
      if (endTags.some((tag) => atName(cursor, tag))) return nodes
      nodes.push(...nested(cursor, () => parseTag(cursor, token.start)))
      expectEnd(cursor, 'block_end')
    }
  }
}

/** What a block encloses, after its opening tag; leaves the cursor at the end tag's name. */
function parseBody(cursor: Cursor, ...endTags: string[]): Node[] {
  takeOperator(cursor, ':')
  expectEnd(cursor, 'block_end')
  cursor.waiting.push(endTags)
  const nodes = parseNodes(cursor, endTags)
  cursor.waiting.pop()
  return nodes
}

function parseBlock(cursor: Cursor, endTag: string): Node[] {
  const nodes = parseBody(cursor, endTag)
  advance(cursor)
  return nodes
}

type TagParser = (cursor: Cursor, span: Span) => Node | Node[]

const TAGS: ReadonlyMap<string, TagParser> = new Map<string, TagParser>([
  ['if', parseIf],
  ['for', parseFor],
  ['set', parseSet],
  ['with', parseWith],
  ['macro', parseMacro],
  ['call', parseCallBlock],
  ['filter', parseFilterBlock],
  ['print', parsePrint],
])
const LOADING_TAGS = ['include', 'import', 'from', 'extends']
const REFUSED_TAGS = ['block', 'autoescape']

function parseTag(cursor: Cursor, start: number): Node[] {
  const token = peek(cursor)
  if (token.type !== 'name') fail(cursor, 'tag name expected')
  const name = String(token.value)
  if (LOADING_TAGS.includes(name)) {
    fail(cursor, 'no loader for this environment specified', 'type')
  }
  if (REFUSED_TAGS.includes(name)) fail(cursor, `The tag '${name}' is not supported.`)
  const parse = TAGS.get(name) ?? failOnTag(cursor, name)
  advance(cursor)
  const rest = cursor.tokens.slice(cursor.index, cursor.index + MAX_TAG_LOOKAHEAD)
  const end = rest.find(({ type }) => type === 'block_end')?.end ?? peek(cursor).end
  cursor.open.push(name)
  const nodes = parse(cursor, { start, end })
  cursor.open.pop()
  return Array.isArray(nodes) ? nodes : [nodes]
}

/** A tag's source is only shown, and cut to 200 characters. */
const MAX_TAG_LOOKAHEAD = 200

function parseIf(cursor: Cursor, span: Span): Node {
  const branches = [parseBranch(cursor)]
  while (takeName(cursor, 'elif')) branches.push(parseBranch(cursor))
  const otherwise = takeName(cursor, 'else') ? parseBody(cursor, 'endif') : []
  expectKeyword(cursor, 'endif')
  return { type: 'if', branches, otherwise, span }
}

function parseBranch(cursor: Cursor) {
  const test = parseTuple(cursor, { condition: false })
  return { test, body: parseBody(cursor, 'elif', 'else', 'endif') }
}

function parseFor(cursor: Cursor, span: Span): Node {
  const target = parseTarget(cursor, 'in')
  expectKeyword(cursor, 'in')
  const iterable = parseTuple(cursor, { condition: false, end: 'recursive' })
  const filter = takeName(cursor, 'if') ? parseExpression(cursor) : null
  const recursive = takeName(cursor, 'recursive')
  const body = parseBody(cursor, 'endfor', 'else')
  const otherwise = takeName(cursor, 'else') ? parseBody(cursor, 'endfor') : []
  expectKeyword(cursor, 'endfor')
  return { type: 'for', target, iterable, filter, recursive, body, otherwise, span }
}

function parseSet(cursor: Cursor, span: Span): Node {
  const isNamespace = peek(cursor).type === 'name' && atOperator(cursor, '.', 1)
  const target = isNamespace ? parseNamespaceTarget(cursor) : parseTarget(cursor)
  if (takeOperator(cursor, '=')) return { type: 'set', target, value: parseTuple(cursor), span }
  const filters = parseFilterSteps(cursor)
  return { type: 'set_block', target, filters, body: parseBlock(cursor, 'endset'), span }
}

function parseWith(cursor: Cursor, span: Span): Node {
  const bindings: (readonly [Target, Expr])[] = []
  while (peek(cursor).type !== 'block_end') {
    if (bindings.length > 0) expectOperator(cursor, ',')
    const target = parseTarget(cursor)
    expectOperator(cursor, '=')
    bindings.push([target, parseExpression(cursor)])
  }
  return { type: 'with', bindings, body: parseBlock(cursor, 'endwith'), span }
}

function parseMacro(cursor: Cursor, span: Span): Node {
  const name = parseTargetName(cursor)
  const params = parseParams(cursor)
  const body = parseBlock(cursor, 'endmacro')
  return { type: 'macro', name, params: withExtras(params, body), body, span }
}

function parseCallBlock(cursor: Cursor, span: Span): Node {
  const params = atOperator(cursor, '(') ? parseParams(cursor) : { names: [], defaults: [] }
  const call = parseExpression(cursor)
  if (call.type !== 'call') return fail(cursor, 'expected call')
  const body = parseBlock(cursor, 'endcall')
  return { type: 'call_block', call, params: withExtras(params, body), body, span }
}

function parseFilterBlock(cursor: Cursor, span: Span): Node {
  const filters = [parseFilterStep(cursor), ...parseFilterSteps(cursor)]
  return { type: 'filter_block', filters, body: parseBlock(cursor, 'endfilter'), span }
}

function parsePrint(cursor: Cursor, span: Span): Node[] {
  const nodes: Node[] = []
  while (peek(cursor).type !== 'block_end') {
    if (nodes.length > 0) expectOperator(cursor, ',')
    nodes.push({ type: 'output', value: parseExpression(cursor), span })
  }
  return nodes
}

function parseFilterSteps(cursor: Cursor): FilterStep[] {
  const steps: FilterStep[] = []
  while (takeOperator(cursor, '|')) steps.push(parseFilterStep(cursor))
  return steps
}

type Params = Omit<MacroParams, 'extras'>

/** As in Jinja, a macro takes extra arguments only if its body mentions what holds them. */
function withExtras(params: Params, body: readonly Node[]): MacroParams {
  return { ...params, extras: new Set(freeNames(body)) }
}

function parseParams(cursor: Cursor): Params {
  const names: string[] = []
  const defaults: Expr[] = []
  expectOperator(cursor, '(')
  while (!takeOperator(cursor, ')')) {
    if (names.length > 0) expectOperator(cursor, ',')
    names.push(parseTargetName(cursor))
    if (takeOperator(cursor, '=')) defaults.push(parseExpression(cursor))
    else if (defaults.length > 0) fail(cursor, 'non-default argument follows default argument')
  }
  return { names, defaults }
}

function parseTarget(cursor: Cursor, end?: string): Target {
  const items: Target[] = []
  let isTuple = false
  while (peek(cursor).type !== 'block_end' && !(end && atName(cursor, end))) {
    if (atOperator(cursor, ')') || atOperator(cursor, '=')) break
    items.push(parseTargetItem(cursor))
    if (!takeOperator(cursor, ',')) break
    isTuple = true
  }
  const [only] = items
  if (!only) return fail(cursor, 'Expected a name to assign to')
  return isTuple ? { type: 'tuple', items } : only
}

function parseTargetItem(cursor: Cursor): Target {
  if (!takeOperator(cursor, '(')) return { type: 'name', name: parseTargetName(cursor) }
  const target = nested(cursor, () => parseTarget(cursor))
  expectOperator(cursor, ')')
  return target
}

function parseTargetName(cursor: Cursor): string {
  if (['true', 'false', 'none', 'True', 'False', 'None'].some((name) => atName(cursor, name))) {
    fail(cursor, "can't assign to 'const'")
  }
  return expectName(cursor)
}

function parseNamespaceTarget(cursor: Cursor): Target {
  const name = expectName(cursor)
  expectOperator(cursor, '.')
  return { type: 'namespace', name, attribute: expectName(cursor) }
}

/** Jinja's words for an unknown tag, or for the end of the template inside of a block. */
function failOnTag(cursor: Cursor, name: string | null): never {
  const quoted = (tags: readonly string[]) => tags.map((tag) => `'${tag}'`).join(' or ')
  const message = [
    name === null ? 'Unexpected end of template.' : `Encountered unknown tag '${name}'.`,
  ]
  const waiting = cursor.waiting.at(-1)
  if (waiting && name !== null && cursor.waiting.flat().includes(name)) {
    message.push(
      'You probably made a nesting mistake. Jinja is expecting this tag,' +
        ` but currently looking for ${quoted(waiting)}.`,
    )
  } else if (waiting) {
    message.push(`Jinja was looking for the following tags: ${quoted(waiting)}.`)
  }
  const open = cursor.open.at(-1)
  if (open) message.push(`The innermost block that needs to be closed is '${open}'.`)
  return fail(cursor, message.join(' '))
}
