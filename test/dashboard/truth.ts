// Figures of a window counted by hand from the log, at the instant at which the product counts them: both are one
// statement.
import { expect } from 'vitest'
import type { Scope } from '../../src/dashboard/cover.ts'
import { ERROR_BOUND, percentilesOf } from '../../src/dashboard/percentiles.ts'
import { figuresOfWindow, type WindowRow } from '../../src/dashboard/stat-queries.ts'
import type { Window } from '../../src/dashboard/window.ts'
import type { Sql } from '../../src/db.ts'

/** What the log says of an execution; times in microseconds of the epoch. */
export interface Fact {
  id: string
  path: string
  started: number
  end: 'execution_complete' | 'execution_failed' | 'execution_cancelled' | null
  ended: number | null
  error: string | null
}

interface Job {
  path: string
  tool: string
  status: string
}

/** Facts of all executions, from their events alone. */
export const facts = (sql: Sql) => sql`
  select s.execution_id::text as id, coalesce(s.context->>'path', '') as path,
    (extract(epoch from s.created_at) * 1000000)::bigint as started, e.event_type as end,
    (extract(epoch from e.created_at) * 1000000)::bigint as ended, e.error
  from noetl.event s left join noetl.event e on e.execution_id = s.execution_id
    and e.event_type in ('execution_complete', 'execution_failed', 'execution_cancelled')
  where s.seq = 1`

/** So many of the past, in the log and in the projection: over 40 days, most of them lately, or evenly over some hours. */
export async function history(
  sql: Sql,
  folder: string,
  count: number,
  hours: number | null = null,
) {
  // what is brought in is behind the mark: the sums are to fill again
  await sql.transaction([
    sql`truncate noetl.execution_stat, noetl.error_stat`,
    sql`update noetl.rollup set counted_until = '-infinity', completed = 0, failed = 0, completed_seconds = 0,
      failed_seconds = 0`,
  ])
  await sql`
    with run as (
      select noetl.id_at(at) + n as id, n, at, ${folder} || '/p' || (n % 7) as path, case
          when n % 11 = 0 then 'execution_failed' when n % 13 = 0 then 'execution_cancelled'
          else 'execution_complete' end as type,
        at + interval '1 second' * (exp(random() * 12 - 4))::numeric(20, 6) as ended
      from (select n, now() - interval '1 second'
          * (random() ^ ${hours === null ? 4 : 1}::int * ${(hours ?? 960) * 3600}::int + 60) as at
        from generate_series(1, ${count}::int) n) s
    ), kept as (
      insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
        last_event_type, workload, state, progress, started_at, ended_at, error)
      select id, 1, path, 'p', 1, 'playbook', case when ended > now() then 'RUNNING'
          when type = 'execution_complete' then 'COMPLETED' else 'FAILED' end, 2, type, '{}', '{}',
        case when ended > now() then 50 else 100 end, at, case when ended <= now() then ended end,
        case when type <> 'execution_complete' and ended <= now() then 'line ' || n || ': away' end
      from run
    ), founded as (
      insert into noetl.event (execution_id, seq, event_id, catalog_id, event_type, node_id, node_name, node_type,
        status, context, created_at)
      select id, 1, id, 1, 'execution_start', 'p', 'p', 'playbook', 'STARTED', jsonb_build_object('path', path), at
      from run
    )
    insert into noetl.event (execution_id, seq, event_id, catalog_id, event_type, node_id, node_name, node_type,
      status, created_at, error)
    select id, 2, id + 1000000, 1, type, 'p', 'p', 'playbook', 'COMPLETED', ended,
      case when type <> 'execution_complete' then 'line ' || n || ': away' end
    from run where ended <= now()`
}

export const ALL: Scope = { path: null, path_prefix: null, within: null }
export const COMPLETE = 'execution_complete'
const STEP: Record<string, number> = { minute: 60e6, hour: 3600e6, day: 86400e6 }

/** Compares the figures of a window with the log; answers how many executions they are of. */
export async function expectTrue(sql: Sql, window: Window, scope: Scope): Promise<number> {
  const [row] = await sql`
    select f.*, (select json_agg(t) from (${facts(sql)}) t) as facts,
      (select json_agg(j) from (select coalesce(s.context->>'path', '') as path, q.tool, q.status from noetl.queue q
        join noetl.event s on s.execution_id = q.execution_id and s.seq = 1
        where q.status <> 'done') j) as all_jobs
    from (${figuresOfWindow(sql, window, scope, 5)}) f`
  const { facts: all, all_jobs, ...figures } = row as WindowRow & { facts: Fact[]; all_jobs: Job[] }
  const isSeen = ({ path }: { path: string }) =>
    (scope.path === null || path === scope.path) &&
    path.startsWith(scope.path_prefix ?? '') &&
    path.startsWith(scope.within ?? '')
  const seen = (all ?? []).filter(isSeen)
  const since = microseconds(figures.since)
  const until = window.until === null ? Number.POSITIVE_INFINITY : microseconds(figures.until)
  const within = (at: number | null) => at !== null && at >= since && at < until
  const started = seen.filter((x) => within(x.started))
  const ended = seen.filter((x) => within(x.ended))
  const completed = ended.filter((x) => x.end === COMPLETE)
  const failed = ended.filter((x) => x.end !== COMPLETE)
  const active = seen.filter((x) => x.end === null)
  const what = JSON.stringify({ window, scope })

  expect([what, figures.started, figures.completed, figures.failed]).toEqual([
    what,
    started.length,
    completed.length,
    failed.length,
  ])
  const { COMPLETED, FAILED, ...going } = figures.by_status
  expect([what, COMPLETED, FAILED, sum(Object.values(going))]).toEqual([
    what,
    started.filter((x) => x.end === COMPLETE).length,
    started.filter((x) => x.end !== null && x.end !== COMPLETE).length,
    started.filter((x) => x.end === null).length,
  ])
  expect([what, sum(Object.values(figures.active_by_status))]).toEqual([what, active.length])
  expect([what, figures.all_completed, figures.all_failed]).toEqual([
    what,
    seen.filter((x) => x.end === COMPLETE).length,
    seen.filter((x) => x.end !== null && x.end !== COMPLETE).length,
  ])
  expectNear(what, figures.durations, ended)
  expect(figures.seconds).toBeCloseTo(sum(ended.map(seconds)), 2)

  const step = STEP[window.bucket] ?? 1
  const bucketOf = (at: number | null) => Math.floor((at ?? 0) / step) * step
  const last = bucketOf(Math.min(until - 1, microseconds(figures.until)))
  expect(figures.timeline.length).toBeLessThanOrEqual(102)
  const moments = new Map(figures.timeline.map((m) => [microseconds(m.at), m]))
  for (let at = bucketOf(since); at <= last; at += step) {
    const count = (list: Fact[], key: 'started' | 'ended') =>
      list.filter((x) => bucketOf(x[key]) === at).length
    expect([what, at, moments.get(at)]).toMatchObject([
      what,
      at,
      {
        started: count(started, 'started'),
        completed: count(completed, 'ended'),
        failed: count(failed, 'ended'),
      },
    ])
  }

  const paths = [...new Set([...started, ...ended].map(({ path }) => path))].map((path) => {
    const of = (list: Fact[]) => list.filter((x) => x.path === path)
    return {
      path,
      runs: of(started).length,
      completed: of(completed).length,
      failed: of(failed).length,
      active: of(active).length,
      last_execution_id: latest(of(started).map(({ id }) => id)),
    }
  })
  const byRuns = (a: (typeof paths)[number], b: typeof a) =>
    b.runs - a.runs || b.completed + b.failed - a.completed - a.failed || (a.path < b.path ? -1 : 1)
  const top = figures.playbooks.map(({ durations, last_started_at: _, ...playbook }) => {
    expectNear(
      what,
      durations,
      ended.filter(({ path }) => path === playbook.path),
    )
    return playbook
  })
  expect([what, top]).toEqual([what, paths.sort(byRuns).slice(0, 5)])

  const messages = new Map<string, Fact[]>()
  for (const x of failed) {
    const message = normalized(x.error ?? '')
    messages.set(message, [...(messages.get(message) ?? []), x])
  }
  const errors = [...messages].map(([message, list]) => ({
    message,
    count: list.length,
    last: Math.max(...list.map(({ ended }) => ended ?? 0)),
  }))
  const shown = figures.errors.map(({ message, count, last_at }) => ({
    message,
    count,
    last: microseconds(last_at),
  }))
  expect([what, shown]).toEqual([
    what,
    errors
      .sort((a, b) => b.count - a.count || b.last - a.last || (a.message < b.message ? -1 : 1))
      .slice(0, 10),
  ])

  const jobs = (all_jobs ?? []).filter(isSeen)
  const tools = [...new Set(jobs.map(({ tool }) => tool))].sort()
  const depth = (tool: string, status: string) =>
    jobs.filter((job) => job.tool === tool && job.status === status).length
  expect([what, figures.jobs]).toEqual([
    what,
    tools.map((tool) => ({
      tool,
      queued: depth(tool, 'queued'),
      retry: depth(tool, 'retry'),
      leased: depth(tool, 'leased'),
      dead: depth(tool, 'dead'),
    })),
  ])
  return seen.length
}

/** Percentiles of a histogram lie within the bound of the true ones. */
function expectNear(what: string, histogram: Record<string, number>, ended: Fact[]) {
  expect([what, sum(Object.values(histogram))]).toEqual([what, ended.length])
  const all = ended.map(seconds).sort((a, b) => a - b)
  const shares = [0.5, 0.95, 0.99]
  for (const [index, value] of percentilesOf(histogram, shares).entries()) {
    const exact = all[Math.max(1, Math.ceil((shares[index] ?? 0) * all.length)) - 1]
    if (exact === undefined) expect(value).toBeNull()
    else expect(Math.abs((value ?? 0) - exact)).toBeLessThanOrEqual(ERROR_BOUND * exact + 0.0011)
  }
}

function normalized(error: string): string {
  return error
    .slice(0, 1_000)
    .replace(/[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}/gi, '<uuid>')
    .replace(/\b(0x[\da-f]+|(?=[a-f]*\d)[\da-f]{12,})\b/gi, '<id>')
    .replace(/\d+(\.\d+)?/g, '<n>')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)
}

function seconds({ started, ended }: Fact): number {
  return ((ended ?? started) - started) / 1e6
}

function microseconds(text: string): number {
  const [head = '', fraction = ''] = text.replace('Z', '').split('.')
  return Date.parse(`${head}Z`) * 1_000 + Number(fraction.padEnd(6, '0'))
}

function latest(ids: string[]): string | null {
  return ids.reduce<string | null>(
    (most, id) => (most === null || BigInt(id) > BigInt(most) ? id : most),
    null,
  )
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
