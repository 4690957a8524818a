// A notation for the shapes of replies, short enough for a table of all routes.

/**
 * A word is a type (`WORDS`), `a|b` either of two, `=text` this very text; other values are themselves.
 * `[shape]` is a list of at least one, each of that shape, `[]` an empty one. An object has these keys and no others;
 * `key?` may be missing, and `*` alone stands for all keys.
 */
export type Shape = string | number | boolean | null | readonly Shape[] | Keys
type Keys = { readonly [key: string]: Shape }

/** What is said of a place where there is nothing. */
export const ABSENT = 'absent'

/** A place in a reply (`/events/-/status`) that is not of the shape that was wanted. */
export interface Difference {
  at: string
  wanted: Shape
  got: unknown
}

const text = (value: unknown, pattern: RegExp) => typeof value === 'string' && pattern.test(value)
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !isList(value)

const CLOCK = String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?`

const WORDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  any: (value) => value !== undefined,
  text: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  int: (value) => Number.isInteger(value),
  null: (value) => value === null,
  object: isMap,
  list: isList,
  [ABSENT]: (value) => value === undefined,
  /** A 64-bit id as ours are written, and as a bare integer. */
  id: (value) => text(value, /^[1-9]\d{17,18}$/),
  int64: (value) => typeof value === 'bigint',
  /** RFC 3339 in UTC, as ours are written; with an offset; and without one. */
  time: (value) => text(value, RegExp(`${CLOCK}Z$`)),
  utc: (value) => text(value, RegExp(`${CLOCK}[+]00:00$`)),
  local: (value) => text(value, RegExp(`${CLOCK}$`)),
  /** The six words. */
  status: (value) => text(value, /^(STARTED|RUNNING|PAUSED|PENDING|FAILED|COMPLETED)$/),
  /** The JSON of an object. */
  json: (value) => text(value, /^\{.*\}$/s) && isMap(JSON.parse(String(value))),
}

/** Where a value is not of a shape. */
export function differences(wanted: Shape, got: unknown, at = ''): Difference[] {
  if (isList(wanted)) return ofItems(wanted as readonly Shape[], got, at)
  if (typeof wanted === 'object' && wanted !== null) {
    return isMap(got) ? ofKeys(wanted as Keys, got, at) : [{ at, wanted, got }]
  }
  return fits(wanted, got) ? [] : [{ at, wanted, got }]
}

/** Whether a value is of a shape. */
export function isOf(wanted: Shape, got: unknown): boolean {
  return differences(wanted, got).length === 0
}

function ofItems(wanted: readonly Shape[], got: unknown, at: string): Difference[] {
  const [each] = wanted
  const isEmpty = each === undefined
  if (!isList(got) || isEmpty !== (got.length === 0)) return [{ at, wanted, got }]
  return isEmpty ? [] : got.flatMap((item) => differences(each, item, `${at}/-`))
}

function ofKeys(wanted: Keys, got: Record<string, unknown>, at: string): Difference[] {
  const { '*': each, ...named } = wanted
  if (each !== undefined) {
    return Object.values(got).flatMap((value) => differences(each, value, `${at}/-`))
  }
  const shapes = Object.entries(named).map(([key, shape]) => ({
    key: key.replace(/\?$/, ''),
    shape,
    optional: key.endsWith('?'),
  }))
  const known = new Set(shapes.map(({ key }) => key))
  return [
    ...shapes.flatMap(({ key, shape, optional }) => {
      const value = got[key]
      if (value === undefined)
        return optional ? [] : [{ at: `${at}/${key}`, wanted: shape, got: value }]
      return differences(shape, value, `${at}/${key}`)
    }),
    ...Object.entries(got)
      .filter(([key]) => !known.has(key))
      .map(([key, value]) => ({ at: `${at}/${key}`, wanted: ABSENT, got: value })),
  ]
}

function fits(wanted: string | number | boolean | null, got: unknown): boolean {
  if (typeof wanted !== 'string') return wanted === got
  if (wanted.startsWith('=')) return got === wanted.slice(1)
  return wanted.split('|').some((word) => {
    const is = WORDS[word]
    if (is === undefined) throw new Error(`no such word in a shape: ${word}`)
    return is(got)
  })
}
