// What a list of executions is asked for.

import type * as z from 'zod'
import { fail } from '../errors.ts'
import { parseId } from '../ids.ts'
import { LABEL_KEY } from '../schema.ts'
import { normalizeStatus } from '../status.ts'
import type { ListFilter } from './list.ts'
import type { ListQuery } from './schema.ts'
import { placeOf, sortOf } from './sorting.ts'

const MAX_LABELS = 16
/** What is an id, and is looked for nowhere else. */
const LONG_ID = /^\d{15,19}$/

/** The filter of a query. @throws AppError `invalid_input`. */
export function filterOf(
  query: z.output<typeof ListQuery>,
  labels: readonly string[],
  within: string | null,
): ListFilter {
  const sort =
    sortOf(query.sort, query.order) ?? refuse('/order', 'either `-` before sort, or order')
  const { q } = query
  const id = q !== undefined && LONG_ID.test(q) ? parseId(q) : null
  return {
    limit: query.limit,
    sort,
    after:
      query.cursor === undefined
        ? null
        : (placeOf(sort, query.cursor) ?? refuse('/cursor', 'not a cursor of this sort')),
    status: query.status === undefined ? null : statusOf(query.status),
    path: query.path ?? null,
    catalog_id: query.catalog_id ?? null,
    parent_execution_id: query.parent_execution_id ?? null,
    since: query.since ?? null,
    until: query.until ?? null,
    within,
    execution_id: id,
    text: id === null ? (q ?? null) : null,
    labels: labelsOf(labels),
  }
}

function labelsOf(texts: readonly string[]): Record<string, string> {
  if (texts.length > MAX_LABELS) refuse('/label', `at most ${MAX_LABELS} labels`)
  const labels = new Map<string, string>()
  for (const text of texts) {
    const at = text.indexOf(':')
    const [key, value] = [text.slice(0, at), text.slice(at + 1)]
    if (at < 0 || !LABEL_KEY.test(key)) refuse('/label', `'${text}' is not key:value`)
    if (labels.has(key) && labels.get(key) !== value) {
      refuse('/label', `'${key}' cannot have two values`)
    }
    labels.set(key, value)
  }
  return Object.fromEntries(labels)
}

export function statusOf(text: string): string {
  return normalizeStatus(text) ?? refuse('/status', `unknown status '${text}'`)
}

function refuse(pointer: string, detail: string): never {
  fail('invalid_input', detail, [{ pointer, detail }])
}
