import { applyFilter, applyTest } from './apply.ts'
import type { CallArgs, Expr } from './ast.ts'
import { getAttribute, getItem, getSlice } from './attributes.ts'
import { type Args, NO_ARGS } from './call.ts'
import { typeError } from './error.ts'
import { globals } from './globals.ts'
import { Loop } from './loop.ts'
import { negate } from './numbers.ts'
import { binary, compareWith } from './operators.ts'
import { descend, type Run, spend, spendText } from './run.ts'
import { textOf, toText } from './text.ts'
import {
  Callable,
  dictEntries,
  dictGet,
  isDict,
  iterate,
  makeDict,
  Nothing,
  Tuple,
  truthy,
  typeName,
  Undefined,
  used,
} from './values.ts'

/** Names bound by the template itself; a bare expression has none. */
export interface Scope {
  readonly names: Map<string, unknown>
  readonly parent: Scope | null
}

export function evaluate(run: Run, expr: Expr, scope: Scope | null): unknown {
  spend(run)
  switch (expr.type) {
    case 'const':
      return expr.value
    case 'name':
      return lookUp(run, scope, expr.name)
    default: {
      // Not decremented when an error passes: nothing goes on after one.
      descend(run)
      const value = compute(run, expr, scope)
      run.depth -= 1
      return value
    }
  }
}

export function lookUp(run: Run, scope: Scope | null, name: string): unknown {
  for (let place = scope; place; place = place.parent) {
    const bound = place.names.get(name)
    if (bound !== undefined) return bound
  }
  const given = dictGet(run.context, name)
  if (given !== undefined) return given
  return globals.get(name) ?? new Undefined(`'${name}' is undefined`)
}

type Compound = Exclude<Expr, { type: 'const' | 'name' }>

function compute(run: Run, expr: Compound, scope: Scope | null): unknown {
  const value = (part: Expr) => evaluate(run, part, scope)
  switch (expr.type) {
    case 'attribute':
      return getAttribute(value(expr.target), expr.name)
    case 'item': {
      const { key } = expr
      const target = value(expr.target)
      if (key.type !== 'slice') return getItem(run, target, value(key))
      const bounds = [key.start, key.stop, key.step]
      return getSlice(
        run,
        target,
        bounds.map((part) => (part ? value(part) : null)),
      )
    }
    case 'call':
      return call(run, value(expr.target), evaluateArgs(run, expr.args, scope))
    case 'filter':
      return applyFilter(run, expr.name, value(expr.target), evaluateArgs(run, expr.args, scope))
    case 'test':
      return applyTest(run, expr.name, value(expr.target), evaluateArgs(run, expr.args, scope))
    case 'condition':
      if (truthy(value(expr.test))) return value(expr.whenTrue)
      return expr.otherwise ? value(expr.otherwise) : noElse()
    case 'and':
    case 'or':
      return shortCircuit(run, expr.items, expr.type === 'or', scope)
    case 'not':
      return !truthy(value(expr.operand))
    case 'compare':
      return compareChain(run, expr, scope)
    case 'binary':
      return binary(run, expr.operator, value(expr.left), value(expr.right))
    case 'unary':
      return negate(value(expr.operand), expr.operator)
    case 'concat':
      return concatenate(run, expr.items, scope)
    case 'list':
      return expr.items.map(value)
    case 'tuple':
      return Tuple.from(expr.items, value)
    case 'dict':
      return makeDict(expr.entries.map(([key, item]) => [value(key), value(item)] as const))
  }
}

function noElse(): Nothing {
  return new Nothing('the inline if-expression evaluated to false and no else section was defined.')
}

/** The first item that decides, as it is; the last one if none does. */
function shortCircuit(run: Run, items: readonly Expr[], until: boolean, scope: Scope | null) {
  let value: unknown
  for (const [index, item] of items.entries()) {
    value = evaluate(run, item, scope)
    if (index < items.length - 1 && truthy(value) === until) break
  }
  return value
}

function compareChain(run: Run, expr: Expr & { type: 'compare' }, scope: Scope | null): boolean {
  let left = evaluate(run, expr.first, scope)
  for (const { operator, operand } of expr.rest) {
    const right = evaluate(run, operand, scope)
    if (!compareWith(run, operator, left, right)) return false
    left = right
  }
  return true
}

function concatenate(run: Run, items: readonly Expr[], scope: Scope | null): string {
  const values = items.map((item) => evaluate(run, item, scope))
  const parts = values.map((value) => toText(run, value))
  spendText(
    run,
    parts.reduce((sum, part) => sum + part.length, 0),
  )
  return parts.join('')
}

export function evaluateArgs(run: Run, args: CallArgs, scope: Scope | null): Args {
  const { spread, spreadNamed } = args
  if (args.positional.length === 0 && args.named.length === 0 && !spread && !spreadNamed) {
    return NO_ARGS
  }
  const positional = args.positional.map((arg) => evaluate(run, arg, scope))
  const named = new Map(args.named.map(([name, arg]) => [name, evaluate(run, arg, scope)]))
  if (spread) {
    for (const item of iterate(run, evaluate(run, spread, scope))) positional.push(item)
  }
  if (spreadNamed) {
    const dict = used(evaluate(run, spreadNamed, scope))
    if (!isDict(dict)) typeError('argument after ** must be a mapping')
    for (const [key, item] of isDict(dict) ? dictEntries(dict) : []) {
      named.set(textOf(key, 'a keyword'), item)
    }
  }
  return { positional, named }
}

export function call(run: Run, callee: unknown, args: Args): unknown {
  used(callee)
  if (callee instanceof Callable) return callee.invoke(run, args)
  if (callee instanceof Loop) return callee.call(args)
  return typeError(`'${typeName(callee)}' object is not callable`)
}
