// SQL of streams: the log of one execution as text that is passed on unparsed, and what has changed in all.

import { within } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import { type ListRow, listColumns } from '../event/list.ts'
import { eventJson } from '../event/reads.ts'

/** How events are written. */
type Form = 'sse' | 'ndjson'

export interface LogPage {
  execution_id: string
  /** The seq that it begins after. */
  after: string
  form: Form
  limit: number
  /** What it weighs at most, but for its first event. */
  bytes: number
  /** What the execution's path begins with. */
  within: string | null
}

export interface LogRow extends ListRow {
  text: string
  /** seq of the page's last event; null when there is none. */
  last_seq: number | null
  /** Whether it ended a second ago or longer: a worker's last reports may come behind the end. */
  settled: boolean | null
}

/** Events after a seq, with the execution's head as of the same instant; no row when there is no such execution. */
export const readLog = (sql: Sql, p: LogPage): Statement => {
  const json = eventJson(sql)
  const line =
    p.form === 'ndjson'
      ? sql`${json} || E'\n'`
      : sql`'id: ' || e.seq || E'\nevent: ' || e.event_type || E'\ndata: ' || ${json} || E'\n\n'`
  return sql`
  select ${listColumns(sql)}, x.ended_at < now() - interval '1 second' as settled,
    coalesce(p.text, '') as text, p.last_seq
  from noetl.execution x left join lateral (
    select string_agg(s.line, '' order by s.seq) as text, max(s.seq) as last_seq
    from (
      select l.*, sum(octet_length(l.line)) over (order by l.seq) as bytes,
        row_number() over (order by l.seq) as place
      from (
        select e.seq, ${line} as line from noetl.event e
        where e.execution_id = x.execution_id and e.seq > ${p.after}::bigint
        order by e.seq limit ${p.limit}::int
      ) l
    ) s
    where s.bytes <= ${p.bytes}::int or s.place = 1
  ) p on true
  where x.execution_id = ${p.execution_id} ${within(sql, p.within, sql`x.path`)}`
}

/** A point in the order of commits: what a snapshot sees has been told. */
export interface Point {
  /** Milliseconds of the epoch. */
  ms: string
  /** As Postgres writes it; null for none. */
  snapshot: string | null
}

export type ChangeRow = Partial<ListRow> & {
  ms: string
  snapshot: string
  /** Whether the point is too long ago, or of another database. */
  lost: boolean
}

/** How many executions are told of at once; one more says that there were too many. */
export const MAX_CHANGES = 1_000

/**
 * Executions that have changed since a point, and the point of now. Writers pay nothing for it: an event's id carries
 * about its time, so the newest are found by the index that ids have; which of them the snapshot did not see, their xmin
 * tells exactly, whatever the order of commits. What took more than 30 seconds from its id to its commit is not found by
 * it, nor is a report that brought an id of its own; an end is found anyhow, by its time.
 */
export const readChanges = (sql: Sql, { ms, snapshot }: Point): Statement => {
  const since = sql`(to_timestamp(${ms}::bigint / 1000.0) - interval '30 seconds')`
  // an xmin has the lower 32 bits of its transaction's id
  const isNew = (xmin: Statement) => sql`not pg_visible_in_snapshot(
    (n.top - ((n.top - ${xmin}::text::bigint) & 4294967295))::text::xid8, ${snapshot}::pg_snapshot)`
  return sql`
  with n as materialized (
    select pg_current_snapshot() as snapshot, pg_snapshot_xmax(pg_current_snapshot())::text::bigint as top,
      coalesce(${snapshot}::pg_snapshot is null
        or to_timestamp(${ms}::bigint / 1000.0) not between now() - interval '5 minutes' and now() + interval '1 minute'
        or pg_snapshot_xmax(${snapshot}::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), true) as lost
  ), changed as (
    select e.execution_id from n, noetl.event e
    where not n.lost and e.event_id > noetl.id_at(${since})
      -- ids of other makers, which may be far ahead, are not looked through each time
      and e.event_id < noetl.id_at(now() + interval '1 day') and ${isNew(sql`e.xmin`)}
    union
    select x.execution_id from n, noetl.execution x
    where not n.lost and x.ended_at > ${since} and ${isNew(sql`x.xmin`)}
  )
  select floor(extract(epoch from now()) * 1000)::text as ms, n.snapshot::text as snapshot, n.lost, c.*
  from n left join (
    select ${listColumns(sql)} from changed join noetl.execution x using (execution_id)
    limit ${MAX_CHANGES + 1}::int
  ) c on true`
}
