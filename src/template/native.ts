/** What leaves the engine: JSON values, with nothing in them that only a template knows. */
import type { Expr } from './ast.ts'
import { typeError } from './error.ts'
import { Loop } from './loop.ts'
import { checkDepth, type Run, spendText } from './run.ts'
import { Callable, dictEntries, isDict, Namespace, typeName, used } from './values.ts'

/**
 * Whether an expression can only give what the context holds, unchanged and as often as it
 * holds it. Such a value is handed on as it is, whatever its size.
 */
export function onlyReads(expr: Expr): boolean {
  switch (expr.type) {
    case 'const':
    case 'name':
      return true
    case 'attribute':
      return onlyReads(expr.target)
    case 'list':
      return expr.items.length === 0
    case 'dict':
      return expr.entries.length === 0
    case 'item':
      return expr.key.type !== 'slice' && onlyReads(expr.target)
    case 'and':
    case 'or':
      return expr.items.every(onlyReads)
    case 'condition':
      return onlyReads(expr.whenTrue) && (!expr.otherwise || onlyReads(expr.otherwise))
    case 'filter':
      return (
        READING_FILTERS.has(expr.name) && [expr.target, ...expr.args.positional].every(onlyReads)
      )
    default:
      return false
  }
}

const READING_FILTERS: ReadonlySet<string> = new Set(['default', 'd', 'first', 'last'])

/**
 * Turns tuples, namespaces and keyed dicts into arrays and objects. What the template refers to
 * many times, such as a list of the same large object, would be written out many times: each
 * time but the first counts as text built.
 */
export function toNative(run: Run, value: unknown): unknown {
  return convert(run, value, new Map(), 0).value
}

interface Converted {
  readonly value: unknown
  /** Roughly the characters it takes as JSON. */
  readonly weight: number
}

function convert(
  run: Run,
  value: unknown,
  seen: Map<unknown, Converted>,
  depth: number,
): Converted {
  checkDepth(run, depth)
  const known = seen.get(used(value))
  if (known) {
    spendText(run, known.weight)
    return known
  }
  const converted = convertNew(run, value, seen, depth)
  if (typeof value === 'string' || (typeof value === 'object' && value !== null)) {
    seen.set(value, converted)
  }
  return converted
}

function convertNew(
  run: Run,
  value: unknown,
  seen: Map<unknown, Converted>,
  depth: number,
): Converted {
  if (typeof value === 'string') return { value, weight: value.length + 2 }
  if (value instanceof Callable || value instanceof Loop || typeof value === 'function') {
    const name = value instanceof Loop ? 'loop' : value.name
    return typeError(`'${name}' is a ${typeName(value)}: it has no value of its own`)
  }
  if (Array.isArray(value)) {
    const items = Array.from(value, (item) => convert(run, item, seen, depth + 1))
    const weight = items.reduce((sum, item) => sum + item.weight + 1, 2)
    return { value: items.map((item) => item.value), weight }
  }
  const dict = value instanceof Namespace ? value.attributes : value
  if (!isDict(dict)) return { value, weight: 8 }
  const entries = dictEntries(dict).map(
    ([key, item]) => [keyText(key), convert(run, item, seen, depth + 1)] as const,
  )
  const weight = entries.reduce((sum, [key, item]) => sum + key.length + item.weight + 4, 2)
  return { value: Object.fromEntries(entries.map(([key, item]) => [key, item.value])), weight }
}

/** As json.dumps writes a key. */
function keyText(key: unknown): string {
  return key === null ? 'null' : String(key)
}
