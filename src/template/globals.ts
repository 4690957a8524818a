import type { Args } from './call.ts'
import { limitError, typeError } from './error.ts'
import { type Run, spend } from './run.ts'
import { integerArg } from './strings.ts'
import { textOf } from './text.ts'
import { Callable, dictEntries, isDict, iterate, makeDict, Namespace } from './values.ts'

/** The bound of Jinja's own sandbox. */
const MAX_RANGE = 100_000

/** Names that every template knows; the context may hide them. */
export const globals: ReadonlyMap<string, unknown> = new Map([
  ['range', new Callable('range', range)],
  ['dict', new Callable('dict', (run, args) => makeDict(entries(run, args)))],
  ['namespace', new Callable('namespace', namespace)],
])

function range(run: Run, { positional, named }: Args): number[] {
  if (named.size > 0) typeError('range() takes no keyword arguments')
  const numbers = positional.map(integerArg)
  if (!numbers.every(Number.isSafeInteger)) limitError('range() takes small integers only')
  const [first, second, step = 1] = numbers
  if (first === undefined || numbers.length > 3) {
    return typeError(`range expected 1 to 3 arguments, got ${numbers.length}`)
  }
  if (step === 0) typeError('range() arg 3 must not be zero')
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (length > MAX_RANGE) {
    limitError(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`)
  }
  spend(run, length)
  return Array.from({ length }, (_, index) => start + index * step)
}

/** What dict(...) is made of: a dict or pairs, then the named arguments. */
function entries(run: Run, { positional, named }: Args): [unknown, unknown][] {
  const [base] = positional
  if (positional.length > 1) typeError('dict expected at most 1 argument')
  if (base === undefined) return [...named]
  const pairs = isDict(base)
    ? dictEntries(base)
    : iterate(run, base).map((pair) => pairOf(run, pair))
  return [...pairs, ...named]
}

function pairOf(run: Run, pair: unknown): [unknown, unknown] {
  const [key, value, ...others] = iterate(run, pair)
  if (value === undefined || others.length > 0) typeError('dict() needs pairs of key and value')
  return [key, value]
}

function namespace(run: Run, args: Args): Namespace {
  return new Namespace(entries(run, args).map(([key, value]) => [textOf(key), value] as const))
}
