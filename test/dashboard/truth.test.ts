// Every figure is what a count over the log gives at the same instant, whatever has been added to the rollup and
// whoever writes meanwhile.
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { rollUp } from '../../src/dashboard/queries.ts'
import {
  MAX_DAYS,
  namedWindow,
  WINDOWS,
  type Window,
  windowBetween,
} from '../../src/dashboard/window.ts'
import { type Client, completed, newClient } from '../support.ts'
import { newDatabase, sqlOf } from './database.ts'
import { ALL, COMPLETE, expectTrue, type Fact, facts, history } from './truth.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const HOUR = 3_600_000

/** Windows that begin and end anywhere. */
function windows(): Window[] {
  const now = Date.now()
  const ago = (hours: number) => new Date(now - hours * HOUR - 12_345).toISOString()
  const spans: [number, number | null][] = [
    [0.7, null],
    [9.3, null],
    [9.3, 2.1],
    [9.3, 9.1],
    [60, 59.5],
    [90.2, 1.01],
    [700.4, null],
    [700.4, 30.3],
    [130, 20.5],
    [MAX_DAYS * 24 - 1, 0],
  ]
  const between = spans.map(([from, to]) =>
    windowBetween(ago(from), to === null ? null : ago(to), now),
  )
  return [...WINDOWS.map(namedWindow), ...between].filter((window) => window !== null)
}

/** Playbooks of all kinds below a folder, by what becomes of their runs. */
async function playbooks(client: Client, folder: string) {
  const steps = (work: string) =>
    `workflow:\n  - {step: start, next: a}\n  - {step: a, ${work}, next: end}\n  - {step: end}\n`
  const waiting = 'type: python, code: "def main(): pass"'
  const register = (name: string, work: string) =>
    client.register(`metadata: {path: ${folder}/${name}, name: ${name}}\n${steps(work)}`)
  const quick = await register('quick/q', 'type: transform, data: 1')
  return {
    quick,
    one: await register('one', waiting),
    other: await register('other/o', waiting),
    parent: await register('parent', `type: playbook, path: ${folder}/quick/q`),
  }
}

type Playbooks = Awaited<ReturnType<typeof playbooks>>
let errors = 0

/** A run of each kind. */
async function runs(client: Client, { quick, one, other, parent }: Playbooks) {
  const labels = { tenant: 'a', nr: String(errors) }
  await client.post('/api/executions/run', { catalog_id: quick, labels })
  await client.run(parent)
  while ((await client.deliver()) > 0);
  for (const catalogId of [one, one, other]) {
    const id = await client.run(catalogId)
    await client.post('/api/events', completed(id, 'a'))
  }
  const failing = await client.run(other)
  const error = `row ${++errors} of 0x${errors}ff is   wrong`
  const failure = { event_type: 'action_error', status: 'FAILED', error }
  await client.post('/api/events', { ...completed(failing, 'a'), ...failure })
  const stopped = await client.run(one)
  await client.post(`/api/executions/${stopped}/stop`, {})
  await client.run(one)
}

test('embedded: the figures of a folder, while others write', { timeout: 60_000 }, async () => {
  const client = newClient()
  const sql = sqlOf(client.env.DATABASE_URL as string)
  const folder = `truth-${Date.now()}`
  const kinds = await playbooks(client, folder)
  await history(sql, folder, 300)
  for (let n = 0; n < 4; n++) await runs(client, kinds)
  for (const lagSeconds of [3_600, 0.1]) {
    await pause(150)
    await rollUp(sql, { lagSeconds })
    for (const window of windows()) {
      const scope = { ...ALL, within: `${folder}/` }
      expect(await expectTrue(sql, window, scope)).toBe(300 + 4 * 9)
      await expectTrue(sql, window, { ...scope, path: `${folder}/one` })
    }
  }
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  let client: Client
  let url: string
  let sql: ReturnType<typeof sqlOf>
  let kinds: Playbooks

  beforeAll(async () => {
    url = await newDatabase()
    client = newClient({}, url)
    sql = sqlOf(url)
    kinds = await playbooks(client, 'own')
    await history(sql, 'past', 2_000)
  })

  test('while writers write and sweeps overlap', { timeout: 120_000 }, async () => {
    let isRunning = true
    const sweeps = Array.from({ length: 2 }, async () => {
      while (isRunning) {
        await rollUp(sql, { most: 150, lagSeconds: 0.2 })
        await pause(20)
      }
    })
    const readers = Array.from({ length: 2 }, async (_, nr) => {
      const scopes = [
        ALL,
        { ...ALL, path_prefix: 'own/' },
        { ...ALL, path: 'own/one' },
        { ...ALL, within: 'past/', path_prefix: 'past/p1' },
      ]
      for (let n = nr; isRunning; n++) {
        for (const window of windows()) {
          await expectTrue(sql, window, scopes[n % scopes.length] ?? ALL)
        }
      }
    })
    const writers = Array.from({ length: 4 }, async () => {
      const writer = newClient({}, url)
      for (let n = 0; n < 12; n++) await runs(writer, kinds)
    })
    const written = Promise.all(writers).finally(() => {
      isRunning = false
    })
    await Promise.all([written, ...sweeps, ...readers])
    for (const window of windows()) {
      expect(await expectTrue(sql, window, ALL)).toBe(2_000 + 4 * 12 * 9)
    }
  })

  test('all pages say the same: statistics, dashboard, metrics, list and its counts', async () => {
    for (let round = 0; round < 2; round++) {
      const all = (await facts(sql)) as Fact[]
      const active = all.filter(({ end }) => end === null).length
      const complete = all.filter(({ end }) => end === COMPLETE).length
      const failed = all.length - active - complete

      const { body: stats } = await client.get('/api/stats?window=30d')
      expect(stats.totals).toEqual({ executions: all.length, completed: complete, failed, active })
      const { body: dashboard } = await client.get('/api/dashboard/stats')
      expect(dashboard).toMatchObject({
        total_executions: all.length,
        successful_executions: complete,
        failed_executions: failed,
        active_executions: active,
      })
      const { text } = await client.get('/metrics')
      for (const line of [
        `noetl_executions_total{status="COMPLETED"} ${complete}`,
        `noetl_executions_total{status="FAILED"} ${failed}`,
        `noetl_executions_active ${active}`,
        ...Object.entries(stats.queue)
          .filter(([status]) => ['queued', 'retry', 'leased', 'dead'].includes(status))
          .map(([status, n]) => `noetl_queue_jobs{status="${status}"} ${n}`),
      ]) {
        expect(text.split('\n')).toContain(line)
      }

      const { since, until } = stats.window
      const span = `since=${since}&until=${until}`
      expect(await total(`${span}`)).toBe(stats.executions.started)
      for (const [status, n] of Object.entries(stats.executions.by_status)) {
        expect([status, await total(`${span}&status=${status}`)]).toEqual([status, n])
      }
      expect(await total('')).toBe(all.length)
      expect(await total('status=failed')).toBe(failed)
      expect(await total('status=completed')).toBe(complete)
      expect(await total('status=running')).toBe(stats.executions.active.RUNNING)
      const one = all.filter(({ path }) => path === 'own/one')
      expect(await total('path=own/one')).toBe(one.length)
      expect(await total('path=own/one&status=completed')).toBe(
        one.filter(({ end }) => end === COMPLETE).length,
      )
      // once more with all of it in the rollup
      await rollUp(sql, { lagSeconds: 0 })
    }
  })

  async function total(query: string): Promise<number> {
    const { headers } = await client.get(`/api/executions?limit=1&count=true&${query}`)
    expect(headers.get('x-total-count-exact')).toBeNull()
    return Number(headers.get('x-total-count'))
  }

  test.each(['started', '-started', 'ended', '-ended', 'duration', '-duration'])(
    'pages by %s have each execution once, in order',
    async (sort) => {
      const all = (await facts(sql)) as Fact[]
      const ids: string[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const after: string = cursor && `&cursor=${encodeURIComponent(cursor)}`
        const { body, headers } = await client.get(`/api/executions?sort=${sort}&limit=97${after}`)
        ids.push(...body.map(({ id }: { id: string }) => id))
        cursor = headers.get('x-next-cursor')
      }
      const by = sort.replace('-', '')
      const sign = sort.startsWith('-') ? -1 : 1
      const byId = (a: Fact, b: Fact) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1)
      const keyOf = (x: Fact) => (by === 'ended' ? (x.ended ?? 0) : (x.ended ?? 0) - x.started)
      const order = (a: Fact, b: Fact) => {
        if (by === 'started') return sign * byId(a, b)
        // those that go on come last, newest first
        if (a.ended === null || b.ended === null) {
          return a.ended === b.ended ? -byId(a, b) : a.ended === null ? 1 : -1
        }
        return sign * (keyOf(a) - keyOf(b) || byId(a, b))
      }
      expect(ids).toEqual(all.sort(order).map(({ id }) => id))
    },
  )
})
