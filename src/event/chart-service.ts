// Charts of an execution: its spans in time, and its playbook's graph with what has become of each step.

import { type Entry, keepEntry, knownEntries } from '../catalog/compiled.ts'
import { graphOf } from '../catalog/graph.ts'
import type { Playbook } from '../catalog/playbook.ts'
import type { Fresh } from '../conditional.ts'
import type { Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { parseId } from '../ids.ts'
import { toJson } from '../json.ts'
import {
  findGraph,
  findTimeline,
  type GraphRow,
  type SpanPage,
  type TimelineRow,
} from './charts.ts'
import { type Asked, readAt } from './fresh.ts'
import { first, freshOf } from './read-service.ts'
import { spansOf } from './timeline.ts'

interface Reading {
  asked: Asked
  within: string | null
}

/** A page of an execution's spans. @throws AppError `not_found`. */
export async function readTimeline(
  sql: Sql,
  executionId: string,
  { page, asked, within }: Reading & { page: SpanPage },
): Promise<Fresh> {
  const entries = knownEntries()
  const how = { asked, within, compiled: idsOf(entries) }
  const row = await found(executionId, asked, (id) =>
    first<TimelineRow>(findTimeline(sql, id, page, how)),
  )
  const fresh = freshOf(row, row.more ? String(row.last_seq) : null, () => {
    const { id, status, start_time, end_time } = row
    // of what has ended the same is told for ever
    const now = row.ended ? null : row.now
    const spans = spansOf({
      nodes: row.nodes ?? [],
      events: row.events ?? [],
      counts: row.counts ?? {},
      children: row.children ?? {},
      endedAt: row.ended_at,
      playbook: playbookOf(row, entries),
      expanded: page.expand,
    })
    return toJson({ execution: { id, status, start_time, end_time, now }, spans })
  })
  return { ...fresh, weak: !row.ended }
}

/** The graph of an execution's playbook. @throws AppError `not_found`. */
export async function readGraph(
  sql: Sql,
  executionId: string,
  { asked, within }: Reading,
): Promise<Fresh> {
  const entries = knownEntries()
  const how = { asked, within, compiled: idsOf(entries) }
  const row = await found(executionId, asked, (id) => first<GraphRow>(findGraph(sql, id, how)))
  return freshOf(row, null, () => {
    const { id, status, path, entry_version: version } = row
    const run = { status, facts: row.facts ?? [], counts: row.counts ?? {} }
    const graph = graphOf(playbookOf(row, entries), run)
    return toJson({ path, version, execution: { id, status }, ...graph })
  })
}

const idsOf = (entries: readonly Entry[]) => entries.map(({ catalog_id }) => catalog_id)

async function found<Row extends { version: number }>(
  executionId: string,
  asked: Asked,
  read: (id: string) => Promise<Row | undefined>,
): Promise<Row> {
  const id = parseId(executionId)
  const row = id === null ? undefined : await readAt(asked, () => read(id))
  return row ?? fail('not_found', `Execution '${executionId}' not found.`)
}

/** What was read of it, or what was known before. */
function playbookOf(row: TimelineRow | GraphRow, entries: readonly Entry[]): Playbook {
  const { catalog_id, path, entry_version: version, payload } = row
  const known = entries.find((entry) => entry.catalog_id === catalog_id)
  return (known ?? keepEntry({ catalog_id, path, version, payload: payload ?? {} })).playbook
}
