/** What `a.b` and `a[b]` find: own data first, then our methods. Nothing inherited, ever. */
import { invoke } from './call.ts'
import { typeError } from './error.ts'
import { Loop } from './loop.ts'
import { findMethod, isRefusedMethod } from './methods.ts'
import { type Run, scan, spend } from './run.ts'
import { repr, reprText } from './text.ts'
import { lengthOf, sliceText } from './unicode.ts'
import {
  Callable,
  dictGet,
  Group,
  isDict,
  isInteger,
  iterate,
  Namespace,
  Tuple,
  typeName,
  Undefined,
  used,
} from './values.ts'

export function getAttribute(target: unknown, name: string): unknown {
  used(target)
  if (isDict(target)) {
    const own = dictGet(target, name)
    if (own !== undefined) return own
  } else if (target instanceof Namespace) {
    return target.attributes.get(name) ?? missing(target, name)
  } else if (target instanceof Loop) {
    return target.attribute(name)
  } else if (target instanceof Group) {
    if (name === 'grouper') return target[0]
    if (name === 'list') return target[1]
  }
  const method = findMethod(target, name)
  if (method) return new Callable(name, (run, args) => invoke(run, name, method, target, args))
  return missing(target, name)
}

export function getItem(run: Run, target: unknown, key: unknown): unknown {
  used(target)
  used(key)
  if (typeof key === 'string') return getAttribute(target, key)
  const value = isDict(target) ? dictGet(target, key) : elementAt(run, target, key)
  return value === undefined
    ? new Undefined(`${describeType(target)} has no element ${repr(run, key)}`)
    : value
}

function elementAt(run: Run, target: unknown, key: unknown): unknown {
  if (!isInteger(key)) return undefined
  if (Array.isArray(target)) return target.at(Number(key))
  if (typeof target !== 'string') return undefined
  scan(run, target)
  const at = Number(key) < 0 ? Number(key) + lengthOf(target) : Number(key)
  return at < 0 ? undefined : sliceText(target, at, at + 1) || undefined
}

function missing(target: unknown, name: string): Undefined {
  if (isRefusedMethod(target, name)) {
    const message = `access to attribute '${name}' of '${typeName(target)}' object is unsafe.`
    return new Undefined(message, 'type')
  }
  return new Undefined(`'${describeType(target)}' has no attribute ${reprText(name)}`)
}

/** As Jinja puts it in its messages. */
function describeType(target: unknown): string {
  return target === null || target === undefined ? 'None' : `${typeName(target)} object`
}

/** Python's `target[start:stop:step]`. */
export function getSlice(run: Run, target: unknown, bounds: readonly unknown[]): unknown {
  used(target)
  const [start = null, stop = null, step = 1] = bounds.map(sliceBound)
  if (typeof target !== 'string' && !Array.isArray(target)) {
    return new Undefined(`${describeType(target)} has no element slice`)
  }
  const stride = step ?? 1
  if (stride === 0) typeError('slice step cannot be zero')
  const length = typeof target === 'string' ? lengthOf(target) : target.length
  const [low, high] = stride > 0 ? [0, length] : [-1, length - 1]
  const clamp = (bound: number | null, fallback: number) =>
    bound === null ? fallback : Math.min(Math.max(bound < 0 ? bound + length : bound, low), high)
  const from = clamp(start, stride > 0 ? low : high)
  const to = clamp(stop, stride > 0 ? high : low)
  if (typeof target === 'string' && stride === 1) {
    scan(run, target)
    return sliceText(target, from, Math.max(from, to))
  }
  return pick(run, target, from, to, stride)
}

function sliceBound(value: unknown): number | null {
  if (used(value) === null) return null
  return isInteger(value) ? Number(value) : typeError('slice indices must be integers or None')
}

function pick(
  run: Run,
  target: string | unknown[],
  from: number,
  to: number,
  stride: number,
): unknown {
  const items = typeof target === 'string' ? iterate(run, target) : target
  spend(run, Math.max(0, Math.ceil((to - from) / stride)))
  const picked: unknown[] = []
  for (let at = from; stride > 0 ? at < to : at > to; at += stride) picked.push(items[at])
  if (typeof target === 'string') return picked.join('')
  return target instanceof Tuple ? Tuple.from(picked) : picked
}

export type Getter = (item: unknown) => unknown

/** Reads a path such as 'a.b.0' as filters take it; a default stands in for what is missing. */
export function attributeGetter(run: Run, path: unknown, fallback: unknown = null): Getter {
  const parts: unknown[] =
    typeof path === 'string'
      ? path.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))
      : [path]
  return (item) => {
    let value = item
    for (const part of parts) {
      spend(run)
      value = getItem(run, value, part)
      if (value instanceof Undefined && fallback !== null) value = fallback
    }
    return value
  }
}
