// SQL of lists of executions. Whatever is asked for, a request reads a bounded number of rows: what no index
// answers is looked for among so many at a time.

import { listedWithin, within } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import { toJson } from '../json.ts'
import type { Asked, Standing } from './fresh.ts'
import { FORM, type HeadRow, headColumns } from './reads.ts'
import { NEWEST_FIRST, type Place, type Sort } from './sorting.ts'

export interface ListFilter {
  limit: number
  sort: Sort
  /** The last one of the page before. */
  after: Place | null
  status: string | null
  path: string | null
  catalog_id: string | null
  parent_execution_id: string | null
  since: string | null
  until: string | null
  /** What their paths begin with. */
  within: string | null
  execution_id: string | null
  /** A text that is in the path, the error, or a label. */
  text: string | null
  labels: Readonly<Record<string, string>>
}

export const NEWEST: ListFilter = {
  limit: 100,
  sort: NEWEST_FIRST,
  after: null,
  status: null,
  path: null,
  catalog_id: null,
  parent_execution_id: null,
  since: null,
  until: null,
  within: null,
  execution_id: null,
  text: null,
  labels: {},
}

export interface ListRow extends HeadRow {
  result_omitted: boolean
  /** What it is sorted by, where that is not its id. */
  key: string | null
}

/** A result larger than this is not in the list; the detail has it. */
const MAX_LISTED_RESULT_BYTES = 8_192
/** How many executions one request looks at for what no index answers. */
export const MOST_SEARCHED = 10_000
/** How far is counted what the rollup does not tell. */
export const MOST_COUNTED = 10_000

const ENDED = new Set(['COMPLETED', 'FAILED'])

/** What of a list is in order by an index; the rest is looked for in it. */
interface Part {
  /** Of executions `x`. */
  where: Statement
  order: Statement
  /** Text of what they are sorted by. */
  key: Statement
}

/**
 * A page of executions that need not be searched for. Newest first (or last), each filter is answered by its own index.
 * By end or duration they are in the order of that, then of their ids, and those that go on come last, newest first.
 */
export const listExecutions = (sql: Sql, f: ListFilter): Statement => {
  const pages = partsOf(sql, f).map((part) => page(sql, f, part))
  return whole(sql, f, pages)
}

/** Whether a list has filters that no index answers in its order. */
export function isSearch(f: ListFilter): boolean {
  const { by } = f.sort
  if (f.text !== null || Object.keys(f.labels).length > 0) return true
  if (by === 'started') return false
  const others = [
    f.path,
    f.catalog_id,
    f.parent_execution_id,
    f.since,
    f.until,
    f.within,
    f.execution_id,
  ]
  return f.status !== null || others.some((value) => value !== null)
}

/** What is known of a list as a whole, in each of its rows. */
interface Whole {
  /** Where the search stopped before its end, if it did. */
  stop_key: string | null
  stop_id: string | null
  total: number | null
  /** How many were looked at for the total; null when it is known without. */
  counted: number | null
}

/**
 * A page that is searched for or counted: its rows with what is known of all, or one row without an id when there are
 * none. What lies behind the place where the search stopped is not shown, as it would be out of order.
 */
export const seekExecutions = (sql: Sql, f: ListFilter, isCounted: boolean): Statement => {
  const parts = partsOf(sql, f)
  const searches = isSearch(f) ? parts.map((part, index) => search(sql, f, part, index)) : []
  const pages = isSearch(f) ? searches.map((s) => s.page) : parts.map((part) => page(sql, f, part))
  const none = sql`select null::text as key, null::text as id where false`
  const stops = searches.reduce((all, { stop }) => sql`${all} union all ${stop}`, none)
  return sql`
  with ${searches.reduce((all, { steps }) => sql`${all} ${steps},`, sql``)}
  stopped as (${stops})
  select p.*, s.key as stop_key, s.id as stop_id, t.total, t.counted
  from (${isCounted ? count(sql, f) : sql`select null::bigint as total, null::bigint as counted`}) t
  left join stopped s on true
  left join lateral (${whole(sql, f, pages)}) p on true`
}

/**
 * The search of a part: `steps` look at as many executions as one request may, each once and only until the page is
 * full. `stop` is the last of them, if the page is not full and there may be more.
 */
const search = (sql: Sql, f: ListFilter, part: Part, index: number) => {
  const of = (name: string, nr: number) => sql`${sql.unsafe(`${name}${nr}`)}`
  const [walk, found, stop] = [of('walk', index), of('found', index), of('stop', index)]
  const isOpen = (nr: number) => sql`(select count(*) from ${of('found', nr)}) < ${f.limit}::int`
  // the part before has been seen to its end
  const isNext =
    index === 0
      ? sql``
      : sql`and ${isOpen(index - 1)} and not exists (select from ${of('stop', index - 1)})`
  return {
    steps: sql`
    ${walk} as materialized (
      select x.execution_id,
        (true ${f.sort.by === 'started' ? sql`` : indexed(sql, f)} ${sought(sql, f)}) as fits
      from noetl.execution x where ${part.where} ${isNext}
      order by ${part.order} limit ${MOST_SEARCHED}::int
    ), ${found} as materialized (
      select execution_id from ${walk} where fits limit ${f.limit}
    ), ${stop} as materialized (
      select ${part.key} as key, x.execution_id::text as id
      from (select execution_id from ${walk} where ${isOpen(index)} offset ${MOST_SEARCHED - 1}::int limit 1) w
        join noetl.execution x using (execution_id)
    )`,
    page: sql`
    select ${shownColumns(sql, part)} from ${found} w join noetl.execution x using (execution_id)
    order by ${part.order}`,
    stop: sql`select * from ${stop}`,
  }
}

/** What else a searched or counted list says: another total is another answer. */
const saysOf = (sql: Sql): Statement => sql`concat('/', p.stop_id, '/', p.total, '/', p.counted)`

/** A list whose reader may have it: then its tag alone, as one row of nothing. */
const unlessKnown = (
  sql: Sql,
  list: Statement,
  says: Statement,
  { known }: Asked,
): Statement => sql`
  with page as materialized (${list}), placed as (
    select p.*, row_number() over () as place from page p
  ), tagged as (
    select ${FORM}::int || '.' || md5(coalesce(string_agg(concat(p.id, '-', p.version, ${says}), ','
      order by p.place), '')) as tag
    from placed p
  ), known as (
    select t.tag, not (${known}::text[] && array[t.tag, '*']) as wanted from tagged t
  )
  select p.*, k.tag, k.wanted from known k left join placed p on k.wanted order by p.place`

/** Of an empty list, or of one that the reader has, `id` is null. */
export type FreshRow = Standing & Partial<Whole> & (ListRow | { id: null })

/** A page of executions, unless its reader has it. */
export const listUnlessKnown = (sql: Sql, f: ListFilter, asked: Asked): Statement =>
  unlessKnown(sql, listExecutions(sql, f), sql`''`, asked)

/** A page that is searched for or counted, unless its reader has it. */
export const seekUnlessKnown = (
  sql: Sql,
  f: ListFilter,
  isCounted: boolean,
  asked: Asked,
): Statement => unlessKnown(sql, seekExecutions(sql, f, isCounted), saysOf(sql), asked)

/** The parts that a list goes through, one after the other. */
function partsOf(sql: Sql, f: ListFilter): Part[] {
  const { by, descending } = f.sort
  const order = descending ? sql`desc` : sql`asc`
  const beyond = descending ? sql`<` : sql`>`
  if (by === 'started') {
    const after = f.after === null ? sql`` : sql`and x.execution_id ${beyond} ${f.after.id}`
    return [
      {
        where: sql`true ${after} ${indexed(sql, f)}`,
        order: sql`x.execution_id ${order}`,
        key: sql`null::text`,
      },
    ]
  }
  const column =
    by === 'ended' ? sql`x.ended_at` : sql`extract(epoch from x.ended_at - x.started_at)`
  const key =
    by === 'ended'
      ? sql`noetl.rfc3339(x.ended_at)`
      : sql`extract(epoch from x.ended_at - x.started_at)::text`
  const type = by === 'ended' ? sql`timestamptz` : sql`numeric`
  const { after } = f
  const parts: Part[] = []
  if ((after === null || after.key !== null) && (f.status === null || ENDED.has(f.status))) {
    parts.push({
      where: sql`x.ended_at is not null ${
        after === null
          ? sql``
          : sql`and (${column}, x.execution_id) ${beyond} (${after.key}::${type}, ${after.id}::bigint)`
      }`,
      order: sql`${column} ${order}, x.execution_id ${order}`,
      key,
    })
  }
  if (f.status === null || !ENDED.has(f.status)) {
    parts.push({
      where: sql`x.ended_at is null ${
        after === null || after.key !== null ? sql`` : sql`and x.execution_id < ${after.id}`
      }`,
      order: sql`x.execution_id desc`,
      key: sql`null::text`,
    })
  }
  return parts
}

/** A page's worth of a part. */
const page = (sql: Sql, f: ListFilter, part: Part): Statement => sql`
  select ${shownColumns(sql, part)} from noetl.execution x where ${part.where}
  order by ${part.order} limit ${f.limit}`

const shownColumns = (sql: Sql, { key }: Part): Statement =>
  sql`${listColumns(sql)}, ${key} as key, x.ended_at is null as is_active`

/** The parts' pages as one, in order. */
const whole = (sql: Sql, f: ListFilter, pages: readonly Statement[]): Statement => {
  const [first, second] = pages
  if (!first)
    return sql`select * from (${page(sql, f, { where: sql`false`, order: sql`1`, key: sql`null::text` })}) p`
  if (!second) return first
  const { by, descending } = f.sort
  const type = by === 'ended' ? sql`timestamptz` : sql`numeric`
  const order = descending ? sql`desc` : sql`asc`
  return sql`
    select * from ((${first}) union all (${second})) p
    order by p.is_active, p.key::${type} ${order}, case when not p.is_active then p.id::bigint end ${order},
      p.id::bigint desc
    limit ${f.limit}`
}

/** What lists show of execution `x`. */
export const listColumns = (sql: Sql): Statement => sql`
  ${headColumns(sql)},
  case when x.result_bytes <= ${MAX_LISTED_RESULT_BYTES} then x.result::text end as result,
  coalesce(x.result_bytes > ${MAX_LISTED_RESULT_BYTES}, false) as result_omitted`

/**
 * Filters that have an index, newest first. A clause stands only where its filter is given, so that each filter is
 * answered by its own; since and until bound the ids as well (an id carries its time; a minute is allowed for clocks
 * that differ), which leaves partitions out.
 */
const indexed = (sql: Sql, f: ListFilter): Statement => sql`
  ${f.execution_id === null ? sql`` : sql`and x.execution_id = ${f.execution_id}`}
  ${listedWithin(sql, f.within)}
  ${f.status === null ? sql`` : sql`and x.status = ${f.status}`}
  ${f.path === null ? sql`` : sql`and x.path = ${f.path}`}
  ${f.catalog_id === null ? sql`` : sql`and x.catalog_id = ${f.catalog_id}`}
  ${f.parent_execution_id === null ? sql`` : sql`and x.parent_execution_id = ${f.parent_execution_id}`}
  ${
    f.since === null
      ? sql``
      : sql`and x.started_at >= ${f.since}::timestamptz
          and x.execution_id >= noetl.id_at(${f.since}::timestamptz - interval '1 minute')`
  }
  ${
    f.until === null
      ? sql``
      : sql`and x.started_at < ${f.until}::timestamptz
          and x.execution_id < noetl.id_at(${f.until}::timestamptz + interval '1 minute')`
  }
  ${Object.keys(f.labels).length === 0 ? sql`` : sql`and x.labels <> '{}'`}`

/** Filters that have none. */
const sought = (sql: Sql, { text, labels }: ListFilter): Statement => {
  const pattern = text === null ? null : `%${text.replace(/[\\%_]/g, '\\$&')}%`
  return sql`
    ${Object.keys(labels).length === 0 ? sql`` : sql`and x.labels @> ${toJson(labels)}::jsonb`}
    ${
      pattern === null
        ? sql``
        : sql`and (x.path ilike ${pattern} or x.error ilike ${pattern}
            or (x.labels <> '{}' and exists (select from jsonb_each_text(x.labels) l
              where l.key ilike ${pattern} or l.value ilike ${pattern})))`
    }`
}

/** How many there are in all: from the rollup where that knows, else by looking at so many. */
const count = (sql: Sql, f: ListFilter): Statement => {
  const others = [f.catalog_id, f.parent_execution_id, f.since, f.until, f.execution_id, f.text]
  const isKnown = others.every((value) => value === null) && Object.keys(f.labels).length === 0
  if (!isKnown) {
    return sql`
      select least(count(*) filter (where true ${sought(sql, f)}), ${MOST_COUNTED}::int) as total,
        count(*) as counted
      from (
        select x.* from noetl.execution x where true ${indexed(sql, f)}
        order by x.execution_id desc limit ${MOST_COUNTED + 1}::int
      ) x`
  }
  const of = (path: Statement) =>
    sql`${f.path === null ? sql`` : sql`and ${path} = ${f.path}`} ${within(sql, f.within, path)}`
  const status = f.status === null ? sql`` : sql`and x.status = ${f.status}`
  const active = sql`(select count(*) from noetl.execution x
    where x.ended_at is null ${status} ${of(sql`x.path`)})`
  if (f.status !== null && !ENDED.has(f.status)) {
    return sql`select ${active} as total, null::bigint as counted`
  }
  const known =
    f.status === null
      ? sql`s.completed + s.failed`
      : f.status === 'FAILED'
        ? sql`s.failed`
        : sql`s.completed`
  const rolled =
    f.path === null && f.within === null
      ? sql`(select ${known} from noetl.rollup s)`
      : sql`(select coalesce(sum(${known}), 0)::bigint from noetl.execution_stat s
          where s.grain = 'day' ${of(sql`s.path`)})`
  // a filter in the clause would have all that it fits to be looked at, and these are few
  const since = sql`(select count(*) filter (where true ${status} ${of(sql`x.path`)})
    from noetl.execution x
    where x.ended_at > (select counted_until from noetl.rollup) and x.ended_at < 'infinity')`
  return sql`select ${rolled} + ${since} ${f.status === null ? sql`+ ${active}` : sql``} as total,
    null::bigint as counted`
}
