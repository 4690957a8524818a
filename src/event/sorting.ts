// How lists of executions are sorted, and where a page of one ends.

import { parseId } from '../ids.ts'

/** `started` is the order of ids, which carry the time at which they were drawn. */
export const SORTS = ['started', 'ended', 'duration'] as const
type SortKey = (typeof SORTS)[number]

export interface Sort {
  by: SortKey
  descending: boolean
}

export const NEWEST_FIRST: Sort = { by: 'started', descending: true }

/** The last execution of a page: what it is sorted by (null while it runs, and of `started`), and its id. */
export interface Place {
  key: string | null
  id: string
}

/** A sort as it is asked for: `-ended`, or `ended` and an order. Null when both say an order. */
export function sortOf(text: string | undefined, order: 'asc' | 'desc' | undefined): Sort | null {
  if (text === undefined) return { by: 'started', descending: order !== 'asc' }
  const isMinus = text.startsWith('-')
  if (isMinus && order !== undefined) return null
  const by = (isMinus ? text.slice(1) : text) as SortKey
  return { by, descending: isMinus || order === 'desc' }
}

/** A place as `X-Next-Cursor` has it. It is for the same sort only. */
export function cursorOf({ by, descending }: Sort, { key, id }: Place): string {
  return by === 'started' ? id : `${descending ? '-' : ''}${by}_${key ?? 'none'}_${id}`
}

const CURSOR = /^(-?)(ended|duration)_([0-9.:TZ-]{1,40}|none)_(\d{1,19})$/
const KEYS: Readonly<Record<string, RegExp>> = {
  ended: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/,
  duration: /^-?\d{1,12}(\.\d{1,6})?$/,
}

/** The place that a cursor names; null when it is none of this sort. */
export function placeOf({ by, descending }: Sort, cursor: string): Place | null {
  if (by === 'started') {
    const id = parseId(cursor)
    return id === null ? null : { key: null, id }
  }
  const [, minus, sort, key = '', digits = ''] = CURSOR.exec(cursor) ?? []
  const id = parseId(digits)
  if (sort !== by || (minus === '-') !== descending || id === null) return null
  if (key === 'none') return { key: null, id }
  return KEYS[by]?.test(key) ? { key, id } : null
}
