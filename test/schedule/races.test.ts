// Ticks that many see at once, and whose answers get lost, on a real server, where statements wait for one another.
import { describe, expect, inject, test } from 'vitest'
import { connect } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import { mayBegin, takePlace } from '../../src/execution/overlap.ts'
import { cancelReplaced } from '../../src/execution/replaced.ts'
import { startEntry } from '../../src/execution/service.ts'
import { driverFor } from '../../src/executor/drive.ts'
import { startDue } from '../../src/schedule/due.ts'
import { startAt } from '../../src/schedule/run.ts'
import { type Client, newClient } from '../support.ts'
import { type Given, given, makeDue, registered, runsOf, shown, sqlOf } from './given.ts'

const newReal = () => newClient({}, inject('postgres'))
const times = (count: number) => Array.from({ length: count }, (_, index) => index)

/** The ticks of all runs of these schedules, as `id time`, in order. */
async function ticksOf(client: Client, schedules: readonly Given[]): Promise<string[]> {
  const runs = await Promise.all(schedules.map((schedule) => runsOf(client, schedule)))
  return schedules
    .flatMap(({ id }, at) => (runs[at] ?? []).map(({ time }) => `${id} ${time}`))
    .sort()
}

async function many(client: Client, count: number, more: Record<string, unknown> = {}) {
  const path = await registered(client)
  const schedules: Given[] = []
  for (const _ of times(count)) schedules.push(await given(client, { path, ...more }))
  return schedules
}

function driverOf({ env }: Client) {
  const config = configOf(env)
  return driverFor(env, config, connect(config), 'message', () => undefined)
}

async function waiting(client: Client, schedules: readonly Given[]): Promise<number> {
  const ids = schedules.map(({ id }) => id)
  const [row] = await sqlOf(client)`select count(*)::int as n from noetl.schedule
    where schedule_id = any(${ids}::bigint[]) and next_at <= now()`
  return row?.n
}

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('20 sweeps at once over 30 due schedules start 30 runs', async () => {
    const clients = times(20).map(newReal)
    const [client] = clients
    if (!client) throw new Error('no client')
    const schedules = await many(client, 30)
    for (const schedule of schedules) await makeDue(client, schedule)
    await Promise.all(clients.map((each) => each.tick()))
    const ticks = await ticksOf(client, schedules)
    expect(ticks).toHaveLength(30)
    expect(new Set(ticks).size).toBe(30)
    expect(await waiting(client, schedules)).toBe(0)
    const rows = await Promise.all(schedules.map((schedule) => shown(client, schedule)))
    expect(rows.filter(({ last_error, skipped }) => last_error !== null || skipped > 0)).toEqual([])
  })

  test('all ticks that were missed run once each, in their order, whoever catches up', async () => {
    const clients = times(10).map(newReal)
    const [client] = clients
    if (!client) throw new Error('no client')
    const minute = (new Date().getUTCMinutes() + 30) % 60
    const schedules = await many(client, 6, { cron: `${minute} * * * *`, catch_up: 'all' })
    for (const { id } of schedules) {
      await sqlOf(
        client,
      )`update noetl.schedule set next_at = next_at - interval '8 hours' where schedule_id = ${id}`
    }
    // who loses a tick leaves the rest to the winner
    await Promise.all(clients.map((each) => each.tick()))
    const ticks = await ticksOf(client, schedules)
    expect(ticks).toHaveLength(48)
    expect(new Set(ticks).size).toBe(48)
    for (const schedule of schedules) {
      const order = (await runsOf(client, schedule)).map(({ time }) => time)
      expect(order).toEqual([...order].sort())
    }
  })

  test('more than a page of them, and one that has missed more than a sweep makes good, all run', async () => {
    const client = newReal()
    const minute = (new Date().getUTCMinutes() + 30) % 60
    const behind = await given(client, { cron: `${minute} * * * *`, catch_up: 'all' })
    await sqlOf(
      client,
    )`update noetl.schedule set next_at = next_at - interval '120 hours' where schedule_id = ${behind.id}`
    const schedules = await many(client, 230)
    await sqlOf(client)`update noetl.schedule set next_at = date_trunc('minute', now())
      where schedule_id = any(${schedules.map(({ id }) => id)}::bigint[])`
    await client.tick()
    expect(await ticksOf(client, schedules)).toHaveLength(230)
    await client.tick()
    const ticks = await ticksOf(client, [behind])
    expect([ticks.length, new Set(ticks).size]).toEqual([120, 120])
  })

  test.each(['reset_after', 'reset_during', 'reset_before', 'http_500'])(
    'answers that get lost start no run twice and lose none: %s',
    async (kind) => {
      const client = newReal()
      const schedules = await many(client, 10)
      for (const schedule of schedules) await makeDue(client, schedule)
      const lossy = times(4).map(newReal)
      for (const [seed, each] of lossy.entries()) {
        await each.faults({ rate: 0.4, kinds: [kind], seed: seed + 1 })
      }
      await Promise.all(lossy.map((each) => each.tick().catch(() => undefined)))
      for (const each of lossy) await each.noFaults()
      await client.tick()
      const ticks = await ticksOf(client, schedules)
      expect(ticks).toHaveLength(10)
      expect(new Set(ticks).size).toBe(10)
      expect(await waiting(client, schedules)).toBe(0)
    },
  )

  test('a Worker that dies in the midst of a sweep leaves the rest to the next, and no run is started twice', async () => {
    const client = newReal()
    const schedules = await many(client, 10)
    for (const schedule of schedules) await makeDue(client, schedule)
    const dying = newReal()
    // it hears of nothing more after some statements, which are done all the same
    await dying.faults({ rate: 1, kinds: ['reset_after'], seed: 1, skip: 6 })
    await dying.tick().catch(() => undefined)
    const before = await ticksOf(client, schedules)
    expect(before.length).toBeGreaterThan(0)
    await newReal().tick()
    const ticks = await ticksOf(client, schedules)
    expect(ticks).toHaveLength(10)
    expect(ticks).toEqual(expect.arrayContaining(before))
    expect(new Set(ticks).size).toBe(10)
  })

  test('a run whose first sending is still under way when it is sent again goes on', async () => {
    const client = newReal()
    const path = `test/slow/${Date.now()}`
    const catalogId = await client.register(
      `metadata: {path: ${path}}\nworkflow:\n  - {step: start, next: a}\n` +
        '  - {step: a, type: transform, data: {b: 1}, next: end}\n  - {step: end}\n',
    )
    const schedule = await given(client, { path })
    // from now on this isolate knows the entry
    await client.post(`/api/schedules/${schedule.name}/run`, undefined)
    await makeDue(client, schedule)
    const sql = sqlOf(client)
    await sql.transaction([
      sql`create or replace function noetl.tick_slowly() returns trigger language plpgsql as $$
        begin perform pg_sleep(0.4); return new; end $$`,
      sql.query(`create trigger tick_slowly before insert on noetl.execution for each row
        when (new.catalog_id = ${catalogId}) execute function noetl.tick_slowly()`),
    ])
    try {
      // the answer of the start never comes, and it is sent again while the first waits
      await client.faults({ rate: 1, kinds: ['reset_during'], seed: 1, skip: 1, times: 1 })
      await startDue(driverOf(client))
    } finally {
      await client.noFaults()
      await sql`drop trigger tick_slowly on noetl.execution`
      await sql`drop function noetl.tick_slowly`
    }
    const [, ticked, ...others] = await runsOf(client, schedule)
    expect(others).toEqual([])
    expect(client.messages).toContainEqual({ execution_id: ticked?.id, delaySeconds: 0 })
  })

  test('a schedule that is changed while it is swept runs a tick once', async () => {
    const client = newReal()
    const schedules = await many(client, 8)
    for (const schedule of schedules) await makeDue(client, schedule)
    const change = async ({ name }: Given, n: number) => {
      const body = n % 2 === 0 ? { enabled: n % 4 === 0 } : { cron: `${n} * * * *` }
      return (await client.send('PATCH', `/api/schedules/${name}`, body)).status
    }
    const [statuses] = await Promise.all([
      Promise.all(times(24).map((n) => change(schedules[n % 8] as Given, n))),
      ...times(6).map(() => newReal().tick()),
    ])
    expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([])
    const ticks = await ticksOf(client, schedules)
    expect(new Set(ticks).size).toBe(ticks.length)
  })

  /** Many runs begin at once that may not overlap, as deliveries do. */
  async function beginAtOnce(client: Client, schedule: Given, count: number) {
    const driver = driverOf(client)
    const { sql } = driver
    const how = startAt(
      { ...schedule, version: null, parameters: {}, merge: false, notify: [], within: null },
      new Date().toISOString(),
    )
    const occasion = (executionId: string) => ({
      take: sql`update noetl.schedule t set ${takePlace(sql, executionId)} from wanted
        where t.schedule_id = ${schedule.id} and ${mayBegin(sql)} returning true as starts, null::jsonb as answer`,
      earlier: sql`(select '{"skipped": true}'::jsonb from noetl.schedule t
        where t.schedule_id = ${schedule.id} and not ${mayBegin(sql)})`,
    })
    const outcomes = await Promise.all(
      times(count).map(() => startEntry(driver, { ...how, occasion }, null)),
    )
    return { driver, started: outcomes.filter((outcome) => 'run' in outcome).length }
  }

  test('of runs that begin at once, skip lets one', async () => {
    const client = newReal()
    const schedule = await given(client, { overlap: 'skip' })
    const { started } = await beginAtOnce(client, schedule, 20)
    expect(started).toBe(1)
    const [run] = await runsOf(client, schedule)
    await client.post(`/api/executions/${run?.id}/stop`, {})
    expect((await beginAtOnce(client, schedule, 20)).started).toBe(1)
    expect(await runsOf(client, schedule)).toHaveLength(2)
  })

  test('of runs that begin at once, replace leaves one', async () => {
    const client = newReal()
    const schedule = await given(client, { overlap: 'replace' })
    const { driver, started } = await beginAtOnce(client, schedule, 20)
    expect(started).toBe(20)
    await Promise.all(times(3).map(() => cancelReplaced(driver, 'noetl.schedule', schedule.id)))
    const open = (await runsOf(client, schedule)).filter(({ ended_at }) => ended_at === null)
    expect(open).toMatchObject([{ id: (await shown(client, schedule)).last_execution_id }])
  })

  test('a schedule whose replaced runs are still to be cancelled is deleted when they are', async () => {
    const client = newReal()
    const schedule = await given(client, { overlap: 'replace' })
    await beginAtOnce(client, schedule, 5)
    const { status } = await client.send('DELETE', `/api/schedules/${schedule.name}`)
    expect(status).toBe(200)
    const open = (await runsOf(client, schedule)).filter(({ ended_at }) => ended_at === null)
    expect(open).toHaveLength(1)
  })
})
