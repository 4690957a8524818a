// Reading executions and their events: the founding four, and the events by other names. `within` is what the
// caller sees of the playbooks: of the rest nothing is there.

import type { Fresh } from '../conditional.ts'
import { rowsOf, type Sql, type Statement } from '../db.ts'
import { fail } from '../errors.ts'
import { parseId } from '../ids.ts'
import { type Json, toJson } from '../json.ts'
import { type Asked, type ExecutionStanding, readAt } from './fresh.ts'
import {
  type DetailRow,
  findDetail,
  findEvent,
  findEvents,
  findIterations,
  findStanding,
  type HeadRow,
  type IterationsRow,
  type LogPage,
  type PageRow,
  type StandingRow,
  type SummaryRow,
  summarize,
} from './reads.ts'
import { dataOf } from './types.ts'

/** How the log of one execution is read. `within` is what the caller sees of the playbooks. */
interface Reading {
  page: LogPage
  asked: Asked
  within: string | null
}

/** An execution and a page of its events. @throws AppError `not_found`. */
export async function readDetail(
  sql: Sql,
  executionId: string,
  { page, asked, within }: Reading,
): Promise<Fresh> {
  const id = parseId(executionId)
  const row =
    id === null
      ? undefined
      : await readAt(asked, () => first<DetailRow>(findDetail(sql, id, page, asked, within)))
  if (!row) fail('not_found', `Execution '${executionId}' not found.`)
  return freshOf(row, nextPage(row), () =>
    object({
      ...headOf(row),
      events: row.events,
      ...(row.requestor !== '{}' && { requestor: row.requestor }),
      ...(row.waiting_for !== null && { waiting_for: row.waiting_for }),
    }),
  )
}

/** `{"events": [...]}` of an execution, named by its id or by that of one of its events. */
export async function readEvents(
  sql: Sql,
  anyId: string,
  missing: string,
  { page, asked, within }: Reading,
): Promise<Fresh> {
  const id = parseId(anyId)
  const row =
    id === null
      ? undefined
      : await readAt(asked, () => first<PageRow>(findEvents(sql, id, page, asked, within)))
  if (!row) fail('not_found', missing)
  return freshOf(row, nextPage(row), () => object({ events: row.events }))
}

/** What was read, unless its reader has it. */
export function freshOf(row: ExecutionStanding, next: string | null, json: () => string): Fresh {
  const { tag, version, settled, wanted } = row
  return { json: wanted ? json() : null, next, tag, version, settled }
}

export async function first<Row>(statement: Statement): Promise<Row | undefined> {
  const [row] = await rowsOf<Row>(statement)
  return row
}

/** `{"events": [event]}`. @throws AppError `not_found`. */
export async function readEvent(sql: Sql, eventId: string, within: string | null): Promise<string> {
  const id = parseId(eventId)
  const [row] = id === null ? [] : await rowsOf<{ event: string }>(findEvent(sql, id, within))
  return row
    ? object({ events: `[${row.event}]` })
    : fail('not_found', `Event '${eventId}' not found.`)
}

/** How an execution stands. @throws AppError `not_found`. */
export async function readStanding(
  sql: Sql,
  executionId: string,
  within: string | null,
): Promise<StandingRow> {
  const id = parseId(executionId)
  const [row] = id === null ? [] : await rowsOf<StandingRow>(findStanding(sql, id, within))
  return row ?? fail('not_found', `Execution '${executionId}' not found.`)
}

/** A page of the results of a step's iterations, by index. @throws AppError `not_found`. */
export async function readIterations(
  sql: Sql,
  page: { execution_id: string; step: string; after: number; limit: number },
  within: string | null,
): Promise<{ results: Json[]; next: string | null }> {
  const [row] = await rowsOf<IterationsRow>(findIterations(sql, page, within))
  if (!row) fail('not_found', `Execution '${page.execution_id}' not found.`)
  const next = row.more && row.last_index !== null ? String(row.last_index) : null
  return { results: (row.results ?? []).map(dataOf), next }
}

/** Counts by event type; of an execution that is not there, none, as the original has it. */
export async function readSummary(
  sql: Sql,
  executionId: string,
  { asked, within }: Omit<Reading, 'page'>,
): Promise<Fresh> {
  const id = parseId(executionId)
  const row =
    id === null
      ? undefined
      : await readAt(asked, () => first<SummaryRow>(summarize(sql, id, asked, within)))
  const { counts, skipped = 0, errors = [] } = row ?? {}
  const summary = { execution_id: executionId, counts: counts ?? {}, skipped, errors }
  const json = () => toJson({ status: 'ok', summary })
  return row ? freshOf(row, null, json) : { json: json(), next: null, tag: null }
}

function nextPage({
  last_seq,
  version,
}: {
  last_seq: number | null
  version: number
}): string | null {
  return last_seq !== null && last_seq < version ? String(last_seq) : null
}

/** The head of an execution in NoETL's order of keys, each value as JSON text. */
export function headOf(row: HeadRow): Record<string, string> {
  return {
    id: toJson(row.id),
    playbook_id: toJson(row.playbook_id),
    playbook_name: toJson(row.playbook_name),
    status: toJson(row.status),
    start_time: toJson(row.start_time),
    end_time: toJson(row.end_time),
    duration: toJson(row.duration),
    progress: toJson(row.progress),
    result: row.result ?? 'null',
    error: toJson(row.error),
    ...(row.labels !== null && { labels: row.labels }),
  }
}

/** An object of values that are JSON text already. */
export function object(values: Record<string, string>): string {
  return `{${Object.entries(values)
    .map(([key, value]) => `${toJson(key)}:${value}`)
    .join(',')}}`
}
