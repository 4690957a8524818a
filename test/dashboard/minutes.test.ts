// Sums by the minute: what they are made of, when they are dropped, and that figures are exact with and without them.
import { describe, expect, inject, test } from 'vitest'
import { rollUp } from '../../src/dashboard/queries.ts'
import { namedWindow, WINDOWS, type Window, windowBetween } from '../../src/dashboard/window.ts'
import type { Sql } from '../../src/db.ts'
import { applyMigrations, newDatabase, sqlOf } from './database.ts'
import { ALL, expectTrue, history } from './truth.ts'

const HOUR = 3_600_000
const SCOPES = [
  ALL,
  { ...ALL, path_prefix: 'past/p' },
  { ...ALL, path: 'past/p3' },
  { ...ALL, within: 'past/', path_prefix: 'past/p1' },
]

/** Windows of all kinds, those with instants anywhere within so many hours. */
function windows(hours: number): Window[] {
  const now = Date.now()
  const ago = (ms: number) => new Date(now - ms).toISOString()
  const random = Array.from({ length: 12 }, (_, n) => {
    const from = Math.random() * hours * HOUR + 1_000
    // within a minute, within an hour, to any time, and open
    const longest = [30_000, HOUR, from][n % 4]
    const to = longest === undefined ? null : from - Math.random() * Math.min(longest, from)
    return windowBetween(ago(from), to === null ? null : ago(to), now)
  })
  const whole = [2 * HOUR, 45 * 60_000].map((ms) => Math.floor((now - ms) / 60_000) * 60_000)
  const [from, to] = whole.map((ms) => new Date(ms).toISOString())
  const aligned = from && to ? windowBetween(from, to, now) : null
  return [...WINDOWS.map(namedWindow), aligned, ...random].filter((window) => window !== null)
}

async function expectAllTrue(sql: Sql, hours: number) {
  for (const [n, window] of windows(hours).entries()) {
    await expectTrue(sql, window, SCOPES[n % SCOPES.length] ?? ALL)
    await expectTrue(sql, window, ALL)
  }
}

/** Sweeps until all is added that ended so long ago; several at once. */
async function sweepAll(sql: Sql, most: number, lagSeconds = 0) {
  for (;;) {
    const [before] = await sql`select completed + failed as ended from noetl.rollup`
    await Promise.all([1, 2, 3].map(() => rollUp(sql, { most, lagSeconds })))
    const [after] = await sql`select completed + failed as ended from noetl.rollup`
    if (after?.ended === before?.ended) return
  }
}

/** The minutes that are kept have what the executions say, each once, and none is missing. Answers how many have rows. */
async function expectMinutes(sql: Sql) {
  const [found] = await sql`
    with kept as (
      select s.at, s.path, s.started, s.started_failed, s.completed, s.failed, s.seconds, s.last_started,
        s.last_execution,
        (select sum(e.failures) from noetl.error_stat e
          where e.grain = 'minute' and e.at = s.at and e.path = s.path) as errors,
        (select sum(d.value::bigint) from jsonb_each_text(s.durations) d) as durations
      from noetl.execution_stat s where s.grain = 'minute'
    ), counted as (
      select g.at, p.path, count(*) filter (where g.is_start) as started,
        count(*) filter (where g.is_start and x.status = 'FAILED') as started_failed,
        count(*) filter (where not g.is_start and x.status = 'COMPLETED') as completed,
        count(*) filter (where not g.is_start and x.status = 'FAILED') as failed,
        coalesce(sum(extract(epoch from x.ended_at - x.started_at)) filter (where not g.is_start), 0) as seconds,
        max(x.started_at) filter (where g.is_start) as last_started,
        max(x.execution_id) filter (where g.is_start) as last_execution,
        nullif(count(*) filter (where not g.is_start and x.status = 'FAILED'), 0) as errors,
        nullif(count(*) filter (where not g.is_start), 0) as durations
      from noetl.execution x, noetl.rollup r,
        lateral (values (date_trunc('minute', x.started_at), true), (date_trunc('minute', x.ended_at), false))
          g (at, is_start),
        lateral (values (x.path), ('')) p (path)
      where x.ended_at <= r.counted_until and g.at >= r.minutes_since
      group by 1, 2
    )
    select (select count(*)::int from (select * from kept except select * from counted) d) as wrong,
      (select count(*)::int from (select * from counted except select * from kept) d) as missing,
      (select count(distinct at)::int from kept) as minutes,
      (select extract(epoch from r.counted_until - r.minutes_since)::float8 / 3600 from noetl.rollup r) as hours`
  expect(found).toMatchObject({ wrong: 0, missing: 0 })
  return { minutes: Number(found?.minutes), hours: Number(found?.hours) }
}

describe.skipIf(inject('postgres') === '')('on a real Postgres', { timeout: 60_000 }, () => {
  test('two days of minutes are kept, and figures are exact beyond them', async () => {
    const sql = sqlOf(await newDatabase())
    await history(sql, 'past', 3_000, 53)
    await sweepAll(sql, 25, 900)
    const { minutes, hours } = await expectMinutes(sql)
    expect(minutes).toBeGreaterThan(1_000)
    expect(hours).toBeGreaterThan(47.9)
    expect(hours).toBeLessThan(48.1)
    await expectAllTrue(sql, 52)
    // what is no longer kept counts no more, and goes with what is added next
    await sql`update noetl.rollup set minutes_since = minutes_since + interval '20 hours'`
    await expectAllTrue(sql, 52)
    await sweepAll(sql, 25)
    await expectMinutes(sql)
  })

  test('a sweep that is behind writes the minutes of its last hour alone', async () => {
    const sql = sqlOf(await newDatabase())
    await history(sql, 'past', 2_000, 20)
    await sweepAll(sql, 100_000)
    const { minutes, hours } = await expectMinutes(sql)
    expect(minutes).toBeGreaterThan(10)
    expect(hours).toBeLessThan(1.1)
    await expectAllTrue(sql, 19)
  })

  test('figures are exact before the first sweep after the migration, and behind it', async () => {
    const url = await newDatabase('0019')
    const sql = sqlOf(url)
    await history(sql, 'past', 1_000, 5)
    for (const lagSeconds of [9_000, 1_800]) await rollUp(sql, { lagSeconds })
    await applyMigrations(url, (number) => number === '0019')
    await expectAllTrue(sql, 5)
    await rollUp(sql, { lagSeconds: 600 })
    await expectMinutes(sql)
    await expectAllTrue(sql, 5)
    await sweepAll(sql, 100_000)
    const { hours } = await expectMinutes(sql)
    expect(hours).toBeGreaterThan(0.4)
    expect(hours).toBeLessThan(0.6)
    await expectAllTrue(sql, 5)
  })
})
