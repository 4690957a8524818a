import { beforeAll, describe, expect, inject, test } from 'vitest'
import { figures, figuresAndNewest, figuresOfAll, rollUp } from '../../src/dashboard/queries.ts'
import type { Statement } from '../../src/db.ts'
import { type Client, chain, completed, newClient } from '../support.ts'
import { newDatabase, sqlOf } from './database.ts'
import { explain } from './explain.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('the embedded database adds what has ended, too', async () => {
  const client = newClient()
  const id = await client.run(await client.register(chain('a')))
  await client.post('/api/events', completed(id, 'a'))
  const sql = sqlOf(client.env.DATABASE_URL as string)
  await pause(200)
  await rollUp(sql, { lagSeconds: 0.1 })
  const [row] = await sql`
    select f.completed, f.failed, t.*, (select max(completed) from noetl.rollup) as rolled
    from (${figures(sql)}) f, (
      select count(*) filter (where status = 'COMPLETED') as all_completed,
        count(*) filter (where status = 'FAILED') as all_failed
      from noetl.execution) t`
  expect(row).toMatchObject({ completed: row?.all_completed, failed: row?.all_failed })
  expect(Number(row?.rolled)).toBeGreaterThan(0)
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  let url: string
  let client: Client
  let sql: ReturnType<typeof sqlOf>
  let catalogId: string

  beforeAll(async () => {
    url = await newDatabase()
    client = newClient({}, url)
    sql = sqlOf(url)
    catalogId = await client.register(chain('a'))
  })

  async function end(id: string, status: 'COMPLETED' | 'FAILED') {
    const report = completed(id, 'a')
    const failure = { ...report, event_type: 'action_error', status: 'FAILED', error: 'boom' }
    const { status: code } = await client.post(
      '/api/events',
      status === 'FAILED' ? failure : report,
    )
    expect(code).toBe(200)
  }

  /** So many that end, so many that fail and so many that wait. */
  async function runs(completing: number, failing: number, waiting = 0) {
    for (let n = 0; n < completing + failing + waiting; n++) {
      const id = await client.run(catalogId)
      if (n < completing) await end(id, 'COMPLETED')
      else if (n < completing + failing) await end(id, 'FAILED')
    }
  }

  /** The figures equal a count of all executions at the same instant; how many have ended. */
  async function expectExact(): Promise<number> {
    const [row] = await sql`
      select f.completed, f.failed, f.active, round(f.completed_seconds::numeric, 3) as completed_seconds,
        f.ended_lately, t.*, round(t.all_completed_seconds, 3) as all_completed_seconds,
        (select sum(completed + failed) from noetl.execution_stat
          where grain = 'hour' and path = '') as in_hours, r.completed + r.failed as in_total
      from (${figures(sql)}) f, noetl.rollup r, (
        select count(*) filter (where status = 'COMPLETED') as all_completed,
          count(*) filter (where status = 'FAILED') as all_failed,
          count(*) filter (where ended_at is null) as all_active,
          coalesce(sum(extract(epoch from ended_at - started_at))
            filter (where status = 'COMPLETED'), 0) as all_completed_seconds
        from noetl.execution) t`
    expect(row).toMatchObject({
      completed: row?.all_completed,
      failed: row?.all_failed,
      active: row?.all_active,
      completed_seconds: row?.all_completed_seconds,
    })
    expect(Number(row?.in_hours)).toBe(Number(row?.in_total))
    return Number(row?.completed) + Number(row?.failed)
  }

  const inRollup = async () => {
    const [row] = await sql`
      select (completed + failed)::int as executions, counted_until::text, xmin::text as version
      from noetl.rollup`
    return row ?? {}
  }

  test('figures are exact whatever has been added to the rollup, one sweep or many at once', async () => {
    expect(await expectExact()).toBe(0)
    await runs(5, 2, 3)
    expect(await expectExact()).toBe(7)
    // none has ended two minutes ago
    await client.tick()
    expect([await inRollup(), await expectExact()]).toEqual([
      expect.objectContaining({ executions: 0 }),
      7,
    ])
    await rollUp(sql, { most: 3, lagSeconds: 0 })
    expect([(await inRollup()).executions, await expectExact()]).toEqual([3, 7])
    await runs(1, 1)
    expect(await expectExact()).toBe(9)
    await Promise.all(Array.from({ length: 10 }, () => rollUp(sql, { most: 2, lagSeconds: 0 })))
    expect(await expectExact()).toBe(9)
    await rollUp(sql, { lagSeconds: 0 })
    expect([(await inRollup()).executions, await expectExact()]).toEqual([9, 9])
    await rollUp(sql, { lagSeconds: 0 })
    expect([(await inRollup()).executions, await expectExact()]).toEqual([9, 9])
  })

  test('nothing is written while nothing ends', async () => {
    const before = await inRollup()
    await rollUp(sql, { lagSeconds: 0 })
    expect(await inRollup()).toEqual(before)
  })

  test('figures are exact at every moment while executions end and sweeps overlap', async () => {
    let isRunning = true
    const sweeps = Array.from({ length: 3 }, async () => {
      while (isRunning) await rollUp(sql, { most: 4, lagSeconds: 0.2 })
    })
    const writers = Array.from({ length: 4 }, () => runs(8, 4, 1))
    const reader = (async () => {
      while (isRunning) await expectExact()
    })()
    await Promise.all(writers)
    await pause(400)
    isRunning = false
    await Promise.all([...sweeps, reader])
    await rollUp(sql, { lagSeconds: 0.2 })
    const ended = await expectExact()
    expect((await inRollup()).executions).toBe(ended)
  })

  test('an execution that ends in a transaction begun long ago is not passed over', async () => {
    const slow = await client.run(catalogId)
    const others = [await client.run(catalogId), await client.run(catalogId)]
    const before = await expectExact()
    // its ended_at is when it begins, and it commits seconds after the others
    const straggler = Promise.resolve(sql`
      update noetl.execution set status = 'COMPLETED', progress = 100, ended_at = now()
      where execution_id = ${slow} and pg_sleep(4) is not null`)
    await pause(200)
    for (const id of others) await end(id, 'COMPLETED')
    await pause(300)
    await rollUp(sql, { lagSeconds: 0.2 })
    expect([(await inRollup()).executions, await expectExact()]).toEqual([before, before + 2])
    await straggler
    expect(await expectExact()).toBe(before + 3)
    await pause(300)
    await rollUp(sql, { lagSeconds: 0.2 })
    expect([(await inRollup()).executions, await expectExact()]).toEqual([before + 3, before + 3])
  })

  test('old executions are added part by part, the rest by a tick of the cron trigger', async () => {
    const own = newClient({}, await newDatabase())
    const ownSql = sqlOf(own.env.DATABASE_URL as string)
    // a half ended at one instant, as brought in from elsewhere
    await ownSql`
      insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
        last_event_type, workload, state, progress, started_at, ended_at)
      select noetl.id_at(now()) + n, 1, 'p', 'p', 1, 'playbook',
        case when n % 10 = 0 then 'FAILED' else 'COMPLETED' end,
        3, 'x', '{}', '{}', 100, at - interval '2.5 seconds', at
      from (select n, date_trunc('day', now(), 'UTC') - interval '4 days'
          + greatest(0, n - 6000) * interval '1 minute' as at
        from generate_series(1, 12000) n) s`
    const added = async (add: Promise<unknown>) => {
      await add
      const [row] = await ownSql`select (completed + failed)::int as n from noetl.rollup`
      const { body } = await own.get('/api/dashboard/stats')
      expect([body.successful_executions, body.failed_executions]).toEqual([10_800, 1_200])
      return row?.n
    }
    // what ended at one instant is added whole, else the next sweep would not know where to go on
    expect(await added(rollUp(ownSql, { most: 4_000 }))).toBe(6_000)
    expect(await added(rollUp(ownSql, { most: 4_000 }))).toBe(10_000)
    expect(await added(own.tick())).toBe(12_000)
    const [hours] = await ownSql`
      select count(*)::int as rows, sum(completed + failed)::int as executions, sum(seconds)::int as seconds,
        max(completed)::int as most
      from noetl.execution_stat where grain = 'hour' and path = '' and completed + failed > 0`
    // 100 hours, and a failure at the start of the next
    expect(hours).toEqual({ rows: 101, executions: 12_000, seconds: 30_000, most: 5_400 + 54 })

    await ownSql`vacuum analyze`
    const [ACTIVE, ENDED] = [/execution_id_path_status_started_at_idx/, /ended_at_execution_id_idx/]
    const hot: [Statement, RegExp[]][] = [
      [figures(ownSql), [ACTIVE, ENDED]],
      [figuresAndNewest(ownSql, 10), [/execution\w*_pkey/, ACTIVE, ENDED]],
      [figuresOfAll(ownSql), [ACTIVE, ENDED]],
    ]
    for (const [statement, indexes] of hot) {
      const plan = await explain(ownSql, statement)
      for (const index of indexes) expect(plan).toMatch(index)
      expect(plan).not.toMatch(/Seq Scan on \w+ .*rows=\d{4}/)
    }
  })

  test('jobs that are not done are counted by an index, however many are', async () => {
    const own = sqlOf(await newDatabase())
    await own`
      insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner, status)
      select n, n, 1, 'n', 'n', 'http', '{}', 'edge', case when n % 100 = 0 then 'dead' else 'done' end
      from generate_series(1, 10000) n`
    await own`vacuum analyze noetl.queue`
    expect(await explain(own, figuresOfAll(own))).not.toMatch(/Seq Scan on queue/)
  })
})
