/** Python's view of JavaScript values: kinds, truth, equality, order. */
import type { Args } from './call.ts'
import { TemplateError, typeError } from './error.ts'
import { checkDepth, type Run, scan, spend } from './run.ts'
import { codePoints, compareText } from './unicode.ts'

/** A value that is not there. It may be passed on and tested for; any use of it is an error. */
export class Undefined {
  readonly message: string
  readonly kind: 'undefined' | 'type'

  constructor(message: string, kind: 'undefined' | 'type' = 'undefined') {
    this.message = message
    this.kind = kind
  }
}

/** What an inline if without else gives: Jinja lets it print as nothing, even when strict. */
export class Nothing extends Undefined {}

/** A list that prints and compares as a tuple; it leaves the engine as an array. */
export class Tuple extends Array<unknown> {
  // Results of map, filter and slice are lists.
  static override get [Symbol.species]() {
    return Array
  }
}

export const tuple = (...items: unknown[]): unknown[] => Tuple.from(items)

/** What `groupby` gives: (grouper, list), readable by name too. */
export class Group extends Tuple {}

export class Namespace {
  readonly attributes: Map<string, unknown>

  constructor(entries: Iterable<readonly [string, unknown]>) {
    this.attributes = new Map(entries)
  }
}

/** The only thing that a template can call. */
export class Callable {
  readonly name: string
  readonly invoke: (run: Run, args: Args) => unknown

  constructor(name: string, invoke: (run: Run, args: Args) => unknown) {
    this.name = name
    this.invoke = invoke
  }
}

/** Plain objects; a Map holds a dict literal with keys that are not strings. */
export type Dict = Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>

export function isDict(value: unknown): value is Dict {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Map) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    prototype === Object.prototype ||
    prototype === null ||
    // Plain objects made in another realm.
    (Object.getPrototypeOf(prototype) === null && !Array.isArray(value))
  )
}

export function dictEntries(dict: Dict): [unknown, unknown][] {
  return dict instanceof Map ? [...dict] : Object.entries(dict)
}

function dictSize(dict: Dict): number {
  return dict instanceof Map ? dict.size : Object.keys(dict).length
}

/** JavaScript's undefined if there is no such key. Inherited properties are never seen. */
export function dictGet(dict: Dict, key: unknown): unknown {
  if (dict instanceof Map) return dict.get(storedKey(dict, key))
  if (typeof key !== 'string') return undefined
  return Object.prototype.propertyIsEnumerable.call(dict, key)
    ? (dict as Readonly<Record<string, unknown>>)[key]
    : undefined
}

/** The form in which a Map holds a key, if it does: True and 1 are one key, so are 5 and 5n. */
function storedKey(map: ReadonlyMap<unknown, unknown>, key: unknown): unknown {
  const isSmall = typeof key === 'bigint' && Number.isSafeInteger(Number(key))
  const plain = isSmall ? Number(key) : key
  if (map.has(plain)) return plain
  const twin = typeof plain === 'boolean' ? Number(plain) : plain === 1
  return map.has(twin) && (plain === 0 || plain === 1 || typeof plain === 'boolean') ? twin : plain
}

export function makeDict(entries: readonly (readonly [unknown, unknown])[]): Dict {
  for (const [key] of entries) {
    if (used(key) !== null && typeof key === 'object') {
      typeError(`unhashable type: '${typeName(key)}'`)
    }
  }
  if (entries.every(([key]) => typeof key === 'string')) return Object.fromEntries(entries)
  const map = new Map<unknown, unknown>()
  for (const [key, value] of entries) map.set(storedKey(map, key), value)
  return map
}

export const isNumeric = (value: unknown): value is number | bigint | boolean =>
  typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'

export const isInteger = (value: unknown): value is number | bigint | boolean =>
  typeof value === 'number' ? Number.isSafeInteger(value) : isNumeric(value)

export function used<T>(value: T): T {
  if (value instanceof Undefined) throw new TemplateError(value.kind, value.message)
  return value
}

export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType'
  if (typeof value === 'boolean') return 'bool'
  if (isNumeric(value)) return isInteger(value) ? 'int' : 'float'
  if (typeof value === 'string') return 'str'
  if (value instanceof Tuple) return 'tuple'
  if (Array.isArray(value)) return 'list'
  if (isDict(value)) return 'dict'
  if (value instanceof Date) return 'datetime'
  return value instanceof Callable || typeof value === 'function' ? 'function' : 'object'
}

export function truthy(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0
  if (value === null || value === undefined) return false
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'bigint') return value !== 0n
  if (value instanceof Nothing) return false
  return isDict(used(value)) ? dictSize(value as Dict) > 0 : true
}

/** The elements of whatever a `for` may walk over: characters of a text, keys of a dict. */
export function iterate(run: Run, value: unknown): readonly unknown[] {
  const items = value instanceof Nothing ? [] : elements(used(value))
  spend(run, items.length)
  return items
}

function elements(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value === 'string') return codePoints(value)
  if (isDict(value)) return dictEntries(value).map(([key]) => key)
  return typeError(`'${typeName(value)}' object is not iterable`)
}

export function equals(run: Run, a: unknown, b: unknown, depth = 0): boolean {
  if (a instanceof Nothing || b instanceof Nothing) return a === b
  used(a)
  used(b)
  spend(run)
  checkDepth(run, depth)
  if (isNumeric(a) && isNumeric(b)) return order(Number.isNaN(a), a, b) === 0
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length === b.length) scan(run, a)
    return a === b
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length || a instanceof Tuple !== b instanceof Tuple) return false
    return a.every((item, index) => equals(run, item, b[index], depth + 1))
  }
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
  if (!isDict(a) || !isDict(b)) return a === b
  if (dictSize(a) !== dictSize(b)) return false
  return dictEntries(a).every(([key, item]) => {
    const other = dictGet(b, key)
    return other !== undefined && equals(run, item, other, depth + 1)
  })
}

/** Below, equal or above zero as `a` sorts before, with or after `b`; NaN if neither. */
export function compare(
  run: Run,
  a: unknown,
  b: unknown,
  symbol: '<' | '<=' | '>' | '>=' = '<',
  depth = 0,
): number {
  used(a)
  used(b)
  spend(run)
  checkDepth(run, depth)
  if (isNumeric(a) && isNumeric(b)) return order(Number.isNaN(a), a, b)
  if (typeof a === 'string' && typeof b === 'string') {
    scan(run, a.length < b.length ? a : b)
    return compareText(a, b)
  }
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime()
  if (Array.isArray(a) && Array.isArray(b) && typeName(a) === typeName(b)) {
    const at = a.findIndex((item, i) => i >= b.length || !equals(run, item, b[i], depth + 1))
    if (at < 0 || at >= b.length) return a.length - b.length
    return compare(run, a[at], b[at], symbol, depth + 1)
  }
  return typeError(
    `'${symbol}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`,
  )
}

function order(unordered: boolean, a: number | bigint | boolean, b: number | bigint | boolean) {
  if (unordered || Number.isNaN(b)) return Number.NaN
  if (a < b) return -1
  return a > b ? 1 : 0
}

export function contains(run: Run, container: unknown, item: unknown): boolean {
  used(container)
  if (typeof container === 'string') {
    if (typeof used(item) !== 'string') {
      typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`)
    }
    scan(run, container)
    return container.includes(String(item))
  }
  if (Array.isArray(container)) return container.some((other) => equals(run, item, other))
  if (isDict(container)) {
    hashKey(item)
    return dictGet(container, item) !== undefined
  }
  return typeError(`argument of type '${typeName(container)}' is not iterable`)
}

/** A text that two values share exactly if Python's set would take them for one. */
export function hashKey(value: unknown): string {
  used(value)
  if (typeof value === 'string') return `s${value}`
  if (isNumeric(value)) return `n${typeof value === 'bigint' ? value : Number(value)}`
  if (value === null || value === undefined) return 'none'
  if (value instanceof Date) return `d${value.getTime()}`
  if (value instanceof Tuple) return JSON.stringify(value.map(hashKey))
  return typeError(`unhashable type: '${typeName(value)}'`)
}
