import { attributeGetter, type Getter } from './attributes.ts'
import { type Operation, operation } from './call.ts'
import { typeError } from './error.ts'
import { entriesOf } from './methods.ts'
import { binary } from './operators.ts'
import { type Run, spend } from './run.ts'
import { integerArg, joinTexts } from './strings.ts'
import { toText } from './text.ts'
import { lengthOf } from './unicode.ts'
import {
  compare,
  equals,
  Group,
  hashKey,
  isDict,
  iterate,
  Nothing,
  truthy,
  tuple,
  typeName,
  Undefined,
  used,
} from './values.ts'

const length = operation('', (run, value) => {
  if (typeof value === 'string') return lengthOf(value)
  const countable = value instanceof Nothing || Array.isArray(used(value)) || isDict(value)
  if (!countable) typeError(`object of type '${typeName(value)}' has no len()`)
  return iterate(run, value).length
})

export const collectionFilters: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['length', length],
  ['count', length],
  ['list', operation('', (run, value) => [...iterate(run, value)])],
  ['first', operation('', (run, value) => pick(run, value, 0, 'first'))],
  ['last', operation('', (run, value) => pick(run, value, -1, 'last'))],
  ['reverse', operation('', reverse)],
  ['join', operation('d? attribute?', join)],
  ['sum', operation('attribute? start?', sum)],
  ['min', operation('case_sensitive? attribute?', extreme(-1))],
  ['max', operation('case_sensitive? attribute?', extreme(1))],
  ['sort', operation('reverse? case_sensitive? attribute?', sort)],
  ['unique', operation('case_sensitive? attribute?', unique)],
  ['groupby', operation('attribute default? case_sensitive?', groupBy)],
  ['batch', operation('linecount fill_with?', batch)],
  ['slice', operation('slices fill_with?', slice)],
  ['items', operation('', (run, value) => (value instanceof Undefined ? [] : items(run, value)))],
  ['dictsort', operation('case_sensitive? by? reverse?', dictSort)],
])

function items(run: Run, value: unknown): unknown[] {
  return entriesOf(run, value).map((entry) => tuple(...entry))
}

function pick(run: Run, value: unknown, index: number, which: string): unknown {
  const list = Array.isArray(value) ? value : iterate(run, value)
  const item = list.at(index)
  return item === undefined ? new Undefined(`No ${which} item, sequence was empty.`) : item
}

function reverse(run: Run, value: unknown): unknown {
  const turned = [...iterate(run, value)].reverse()
  return typeof value === 'string' ? turned.join('') : turned
}

function join(run: Run, value: unknown, separator: unknown = '', attribute: unknown = null) {
  const read = attribute === null ? null : attributeGetter(run, attribute)
  const texts = iterate(run, value).map((item) => toText(run, read ? read(item) : item))
  return joinTexts(run, toText(run, separator), texts)
}

function sum(run: Run, value: unknown, attribute: unknown = null, start: unknown = 0): unknown {
  const read = attribute === null ? null : attributeGetter(run, attribute)
  if (typeof start === 'string') typeError("sum() can't sum strings [use ''.join(seq) instead]")
  return iterate(run, value).reduce<unknown>(
    (total, item) => binary(run, '+', total, read ? read(item) : item),
    start,
  )
}

/** Reads what elements are compared by; text without its case unless that matters. */
function keyGetter(run: Run, attribute: unknown, sensitive: unknown, fallback?: unknown): Getter {
  const read = attributeParts(run, attribute, fallback)
  return (item) => foldCase(run, read(item), sensitive)
}

function attributeParts(run: Run, attribute: unknown, fallback?: unknown): Getter {
  return attribute === null ? (item) => item : attributeGetter(run, attribute, fallback ?? null)
}

function foldCase(run: Run, value: unknown, sensitive: unknown): unknown {
  if (typeof value !== 'string' || truthy(sensitive)) return value
  spend(run, value.length >> 10)
  return value.toLowerCase()
}

function extreme(wanted: 1 | -1) {
  return (run: Run, value: unknown, sensitive: unknown = false, attribute: unknown = null) => {
    const read = keyGetter(run, attribute, sensitive)
    const [first, ...others] = iterate(run, value).map((item) => ({ item, key: read(item) }))
    if (!first) return new Undefined('No aggregated item, sequence was empty.')
    const symbol = wanted < 0 ? '<' : '>'
    return others.reduce(
      (best, other) => (compare(run, other.key, best.key, symbol) * wanted > 0 ? other : best),
      first,
    ).item
  }
}

interface Keyed<T> {
  readonly item: T
  readonly key: unknown
}

function sortByKey<T>(run: Run, list: readonly Keyed<T>[], reversed: unknown): Keyed<T>[] {
  // Python's sort is stable in both directions, so reversing means to turn the comparison.
  const direction = truthy(reversed) ? -1 : 1
  return list.toSorted((a, b) => {
    const order = compare(run, a.key, b.key)
    return Number.isNaN(order) ? 0 : order * direction
  })
}

function sort(
  run: Run,
  value: unknown,
  reversed: unknown = false,
  sensitive: unknown = false,
  attribute: unknown = null,
): unknown[] {
  const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute]
  const getters = paths.map((path) => keyGetter(run, path, sensitive))
  const list = iterate(run, value).map((item) => ({ item, key: getters.map((read) => read(item)) }))
  return sortByKey(run, list, reversed).map(({ item }) => item)
}

function unique(run: Run, value: unknown, sensitive: unknown = false, attribute: unknown = null) {
  const read = keyGetter(run, attribute, sensitive)
  const seen = new Set<string>()
  return iterate(run, value).filter((item) => {
    const key = hashKey(read(item))
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  })
}

function groupBy(
  run: Run,
  value: unknown,
  attribute: unknown,
  fallback: unknown = null,
  sensitive: unknown = false,
): unknown[] {
  const read = keyGetter(run, attribute, sensitive, fallback)
  const name = attributeParts(run, attribute, fallback)
  const list = iterate(run, value).map((item) => ({ item, key: read(item) }))
  const groups: { key: unknown; members: unknown[] }[] = []
  for (const { item, key } of sortByKey(run, list, false)) {
    const last = groups.at(-1)
    if (last && equals(run, last.key, key)) last.members.push(item)
    else groups.push({ key, members: [item] })
  }
  // A group is called as its first member has it, case and all.
  return groups.map(({ members }) => Group.of(name(members[0]), members))
}

function batch(run: Run, value: unknown, size: unknown, fill: unknown = null): unknown[][] {
  const width = integerArg(size)
  const list = iterate(run, value)
  const rows: unknown[][] = []
  for (let at = 0; at < list.length; at += Math.max(1, width)) {
    rows.push(list.slice(at, at + Math.max(1, width)))
  }
  const last = rows.at(-1)
  if (!last || fill === null || last.length >= width) return rows
  spend(run, width - last.length)
  return [...rows.slice(0, -1), [...last, ...Array(width - last.length).fill(fill)]]
}

function slice(run: Run, value: unknown, slices: unknown, fill: unknown = null): unknown[][] {
  const list = iterate(run, value)
  const count = integerArg(slices)
  if (count === 0) typeError('division by zero')
  spend(run, Math.max(0, count))
  const size = Math.floor(list.length / count)
  const larger = list.length % count
  return Array.from({ length: Math.max(0, count) }, (_, index) => {
    const start = index * size + Math.min(index, larger)
    const part = list.slice(start, start + size + (index < larger ? 1 : 0))
    return fill !== null && index >= larger ? [...part, fill] : part
  })
}

function dictSort(
  run: Run,
  value: unknown,
  sensitive: unknown = false,
  by: unknown = 'key',
  reversed: unknown = false,
): unknown[] {
  if (by !== 'key' && by !== 'value') typeError('You can only sort by either "key" or "value"')
  const list = entriesOf(run, value).map((entry) => ({
    item: entry,
    key: foldCase(run, by === 'key' ? entry[0] : entry[1], sensitive),
  }))
  return sortByKey(run, list, reversed).map(({ item }) => tuple(...item))
}
