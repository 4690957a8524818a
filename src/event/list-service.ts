// Lists of executions: pages in some order, searches that go on where they stopped, and how many there are.

import type { Fresh } from '../conditional.ts'
import { rowsOf, type Sql } from '../db.ts'
import type { Page } from '../reply.ts'
import type { Asked } from './fresh.ts'
import {
  type FreshRow,
  isSearch,
  type ListFilter,
  type ListRow,
  listUnlessKnown,
  MOST_COUNTED,
  seekUnlessKnown,
} from './list.ts'
import { headOf, object } from './read-service.ts'
import { cursorOf, type Place } from './sorting.ts'

export interface ListPage extends Fresh {
  /** Of a search: whether it has looked at all that it had to. */
  isComplete: boolean | null
  /** How many there are, and whether exactly so; null when it was not asked. */
  total: { count: number; isExact: boolean } | null
}

/** A page of executions, unless its reader has it. */
export async function readExecutions(
  sql: Sql,
  filter: ListFilter,
  isCounted: boolean,
  asked: Asked,
): Promise<ListPage> {
  // one more than asked for tells whether a page follows
  const more = { ...filter, limit: filter.limit + 1 }
  const isPlain = !isCounted && !isSearch(filter)
  const statement = isPlain
    ? listUnlessKnown(sql, more, asked)
    : seekUnlessKnown(sql, more, isCounted, asked)
  const rows = await rowsOf<FreshRow>(statement)
  const [first] = rows
  const { tag = null, wanted = true } = first ?? {}
  const nothing = { isComplete: null, total: null }
  if (!wanted) return { json: null, next: null, tag, ...nothing }
  // a row without an id stands for none
  const found = rows.filter((row) => row.id !== null)
  if (isPlain) return { ...pageOf(filter, found, null), tag, ...nothing }
  const { stop_key = null, stop_id = null, total = null, counted = null } = first ?? {}
  const stop = stop_id === null ? null : { key: stop_key, id: stop_id }
  return {
    ...pageOf(filter, found, stop),
    tag,
    isComplete: isSearch(filter) ? stop === null || found.length > filter.limit : null,
    total: total === null ? null : { count: total, isExact: (counted ?? 0) <= MOST_COUNTED },
  }
}

/** The rows as JSON, and where the next page begins: behind the last that is shown, else where a search stopped. */
function pageOf({ limit, sort }: ListFilter, rows: readonly ListRow[], stop: Place | null): Page {
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  const place = last ? { key: last.key, id: last.id } : stop
  return {
    json: `[${shown.map(listItem).join(',')}]`,
    next: place && cursorOf(sort, place),
  }
}

/** An execution as lists show it, as JSON text. */
export function listItem(row: ListRow): string {
  return object({ ...headOf(row), ...(row.result_omitted && { result_omitted: 'true' }) })
}
