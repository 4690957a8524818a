/** Which names a template takes from its context, so that only those need to be loaded. */
import type { CallArgs, Expr, MacroParams, Node, SliceKey, Target } from './ast.ts'
import { TemplateError } from './error.ts'
import { globals } from './globals.ts'

/** Names bound at some point of the template, innermost block first. */
interface Bound {
  readonly names: Set<string>
  readonly parent: Bound | null
}

// Chains such as 1+1+1 are deep trees; one that could not be evaluated need not be analysed.
const MAX_DEPTH = 512

/** In order of first use. Globals such as range count only where they are not called. */
export function freeNames(nodes: readonly Node[]): string[] {
  const found = new Set<string>()
  visitNodes(nodes, within(null), found)
  return [...found]
}

export function freeNamesOf(expr: Expr): string[] {
  const found = new Set<string>()
  visit(expr, within(null), found)
  return [...found]
}

const within = (parent: Bound | null, ...names: string[]): Bound => ({
  names: new Set(names),
  parent,
})

function isBound(bound: Bound, name: string): boolean {
  for (let place: Bound | null = bound; place; place = place.parent) {
    if (place.names.has(name)) return true
  }
  return false
}

/** Visits nodes in order, and adds to `bound` what they bind. */
function visitNodes(nodes: readonly Node[], bound: Bound, found: Set<string>): Bound {
  for (const node of nodes) visitNode(node, bound, found)
  return bound
}

function visitNode(node: Node, bound: Bound, found: Set<string>): void {
  switch (node.type) {
    case 'text':
      return
    case 'output':
      visit(node.value, bound, found)
      return
    case 'if': {
      const branches = node.branches.map(({ test, body }) => {
        visit(test, bound, found)
        return visitNodes(body, within(bound), found)
      })
      const last = visitNodes(node.otherwise, within(bound), found)
      // A name that only some of the branches set may still come from the context.
      for (const name of last.names) {
        if (branches.every(({ names }) => names.has(name))) bound.names.add(name)
      }
      return
    }
    case 'for': {
      visit(node.iterable, bound, found)
      const inner = within(bound)
      bind(node.target, inner, found)
      if (node.filter) visit(node.filter, inner, found)
      visitNodes(node.body, within(inner, 'loop'), found)
      visitNodes(node.otherwise, within(bound), found)
      return
    }
    case 'set':
      visit(node.value, bound, found)
      bind(node.target, bound, found)
      return
    case 'set_block':
    case 'filter_block':
      for (const { args } of node.filters) {
        for (const part of argParts(args)) visit(part, bound, found)
      }
      visitNodes(node.body, within(bound), found)
      if (node.type === 'set_block') bind(node.target, bound, found)
      return
    case 'with': {
      for (const [, value] of node.bindings) visit(value, bound, found)
      const inner = within(bound)
      for (const [target] of node.bindings) bind(target, inner, found)
      visitNodes(node.body, inner, found)
      return
    }
    case 'macro':
      bound.names.add(node.name)
      visitMacro(node.params, node.body, bound, found)
      return
    case 'call_block':
      visit(node.call, bound, found)
      visitMacro(node.params, node.body, bound, found)
  }
}

function visitMacro(params: MacroParams, body: readonly Node[], bound: Bound, found: Set<string>) {
  const inner = within(bound, ...params.names, 'caller', 'varargs', 'kwargs')
  for (const value of params.defaults) visit(value, inner, found)
  visitNodes(body, inner, found)
}

function bind(target: Target, bound: Bound, found: Set<string>): void {
  if (target.type === 'name') bound.names.add(target.name)
  else if (target.type === 'tuple') for (const item of target.items) bind(item, bound, found)
  else if (!isBound(bound, target.name)) found.add(target.name)
}

function visit(expr: Expr | SliceKey, bound: Bound, found: Set<string>, depth = 0): void {
  if (depth > MAX_DEPTH) throw new TemplateError('limit', 'expression is nested too deeply')
  if (expr.type === 'name') {
    if (!isBound(bound, expr.name)) found.add(expr.name)
    return
  }
  const calledGlobal =
    expr.type === 'call' && expr.target.type === 'name' && globals.has(expr.target.name)
  const parts = calledGlobal ? argParts(expr.args) : partsOf(expr)
  for (const part of parts) visit(part, bound, found, depth + 1)
}

function argParts(args: CallArgs): Expr[] {
  const parts = [...args.positional, ...args.named.map(([, value]) => value)]
  if (args.spread) parts.push(args.spread)
  if (args.spreadNamed) parts.push(args.spreadNamed)
  return parts
}

function partsOf(expr: Expr | SliceKey): (Expr | SliceKey)[] {
  switch (expr.type) {
    case 'const':
    case 'name':
      return []
    case 'list':
    case 'tuple':
    case 'concat':
    case 'and':
    case 'or':
      return [...expr.items]
    case 'dict':
      return expr.entries.flat()
    case 'attribute':
      return [expr.target]
    case 'item':
      return [expr.target, expr.key]
    case 'slice':
      return [expr.start, expr.stop, expr.step].filter((part) => part !== null)
    case 'call':
    case 'filter':
    case 'test':
      return [expr.target, ...argParts(expr.args)]
    case 'not':
    case 'unary':
      return [expr.operand]
    case 'binary':
      return [expr.left, expr.right]
    case 'compare':
      return [expr.first, ...expr.rest.map(({ operand }) => operand)]
    case 'condition':
      return [expr.whenTrue, expr.test, ...(expr.otherwise ? [expr.otherwise] : [])]
  }
}
