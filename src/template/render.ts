import { applyFilter } from './apply.ts'
import type { FilterStep, ForNode, MacroParams, Node, Target } from './ast.ts'
import type { Args } from './call.ts'
import { limitError, typeError } from './error.ts'
import { call, evaluate, evaluateArgs, lookUp, type Scope } from './evaluate.ts'
import { Loop } from './loop.ts'
import { descend, type Run, spend, spendText } from './run.ts'
import { toText } from './text.ts'
import { Callable, iterate, Namespace, Tuple, truthy, Undefined, used } from './values.ts'

const innerScope = (parent: Scope, names: Map<string, unknown> = new Map()): Scope => ({
  names,
  parent,
})

export function renderNodes(run: Run, nodes: readonly Node[], scope: Scope): string {
  descend(run)
  let text = ''
  for (const node of nodes) text += renderNode(run, node, scope)
  run.depth -= 1
  return text
}

/** Text that goes to the output is counted once, here. */
function emit(run: Run, text: string): string {
  spendText(run, text.length)
  return text
}

function renderNode(run: Run, node: Node, scope: Scope): string {
  spend(run)
  if (node.type === 'text') return emit(run, node.text)
  run.at = node.span
  switch (node.type) {
    case 'output':
      return emit(run, toText(run, evaluate(run, node.value, scope)))
    case 'if':
      for (const { test, body } of node.branches) {
        if (truthy(evaluate(run, test, scope))) return renderNodes(run, body, scope)
      }
      return renderNodes(run, node.otherwise, scope)
    case 'for':
      return renderLoop(run, node, evaluate(run, node.iterable, scope), scope, 1)
    case 'set':
      assign(run, node.target, evaluate(run, node.value, scope), scope)
      return ''
    case 'set_block': {
      const text = renderNodes(run, node.body, innerScope(scope))
      assign(run, node.target, filterText(run, node.filters, text, scope), scope)
      return ''
    }
    case 'filter_block': {
      const text = renderNodes(run, node.body, innerScope(scope))
      return emit(run, toText(run, filterText(run, node.filters, text, scope)))
    }
    case 'with': {
      const values = node.bindings.map(([, value]) => evaluate(run, value, scope))
      const inner = innerScope(scope)
      for (const [index, [target]] of node.bindings.entries()) {
        assign(run, target, values[index], inner)
      }
      return renderNodes(run, node.body, inner)
    }
    case 'macro':
      scope.names.set(node.name, macro(node.name, node.params, node.body, scope))
      return ''
    case 'call_block': {
      const callee = evaluate(run, node.call.target, scope)
      const args = evaluateArgs(run, node.call.args, scope)
      const caller = macro('caller', node.params, node.body, scope)
      const named = new Map([...args.named, ['caller', caller]])
      return emit(run, toText(run, call(run, callee, { ...args, named })))
    }
  }
}

function filterText(run: Run, filters: readonly FilterStep[], text: string, scope: Scope): unknown {
  return filters.reduce<unknown>(
    (value, { name, args }) => applyFilter(run, name, value, evaluateArgs(run, args, scope)),
    text,
  )
}

function renderLoop(run: Run, node: ForNode, value: unknown, scope: Scope, depth: number): string {
  if (depth > run.limits.depth) limitError('loop calls itself too deeply')
  const items = iterate(run, value).filter((item) => {
    if (!node.filter) return true
    const inner = innerScope(scope)
    assign(run, node.target, item, inner)
    return truthy(evaluate(run, node.filter, inner))
  })
  if (items.length === 0) return renderNodes(run, node.otherwise, innerScope(scope))

  const again = (inner: unknown) => renderLoop(run, node, inner, scope, depth + 1)
  const loop = new Loop(items, depth, node.recursive ? again : null)
  let text = ''
  for (const [index, item] of items.entries()) {
    loop.index0 = index
    const inner = innerScope(scope, new Map([['loop', loop]]))
    assign(run, node.target, item, inner)
    text += renderNodes(run, node.body, inner)
  }
  return text
}

function assign(run: Run, target: Target, value: unknown, scope: Scope): void {
  switch (target.type) {
    case 'name':
      scope.names.set(target.name, value)
      return
    case 'namespace': {
      const place = used(lookUp(run, scope, target.name))
      if (!(place instanceof Namespace))
        typeError('cannot assign attribute on non-namespace object')
      else place.attributes.set(target.attribute, value)
      return
    }
    case 'tuple': {
      const items = iterate(run, value)
      const wanted = target.items.length
      if (items.length < wanted) {
        typeError(`not enough values to unpack (expected ${wanted}, got ${items.length})`)
      }
      if (items.length > wanted) typeError(`too many values to unpack (expected ${wanted})`)
      for (const [index, part] of target.items.entries()) assign(run, part, items[index], scope)
    }
  }
}

function macro(name: string, params: MacroParams, body: readonly Node[], scope: Scope): Callable {
  return new Callable(name, (run, args) => {
    run.macroDepth += 1
    if (run.macroDepth > run.limits.depth) limitError('macros call each other too deeply')
    const { at } = run
    const inner = innerScope(scope)
    bindParams(run, name, params, args, inner)
    const text = renderNodes(run, body, inner)
    run.at = at
    run.macroDepth -= 1
    return text
  })
}

function bindParams(run: Run, name: string, params: MacroParams, args: Args, scope: Scope): void {
  const { names, defaults, extras } = params
  const named = new Map(args.named)
  const extra = args.positional.slice(names.length)
  if (extras.has('varargs')) scope.names.set('varargs', Tuple.from(extra))
  else if (extra.length > 0) {
    typeError(`macro '${name}' takes not more than ${names.length} argument(s)`)
  }
  for (const [index, param] of names.entries()) {
    const given = index < args.positional.length ? args.positional[index] : named.get(param)
    if (index >= args.positional.length) named.delete(param)
    const fallback = defaults[index - names.length + defaults.length]
    const value =
      given ?? (given === undefined && fallback ? evaluate(run, fallback, scope) : given)
    scope.names.set(param, value === undefined ? notProvided(param) : value)
  }
  if (extras.has('caller') && !names.includes('caller')) {
    scope.names.set('caller', named.get('caller') ?? new Undefined('No caller defined'))
    named.delete('caller')
  }
  if (extras.has('kwargs')) scope.names.set('kwargs', Object.fromEntries(named))
  else if (named.size > 0) {
    typeError(`macro '${name}' takes no keyword argument '${[...named.keys()][0]}'`)
  }
}

const notProvided = (param: string) => new Undefined(`parameter '${param}' was not provided`)
