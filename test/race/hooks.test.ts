// Deliveries that come many times at once, on a real Postgres: each counts once.
import { expect, inject, test } from 'vitest'
import { deliver, hookOf } from '../hook/support.ts'
import { newClient, type Reply } from '../support.ts'

const postgres = inject('postgres')

/** Runs so many at a time, as so many connections would. */
async function byMany<T>(tasks: readonly (() => Promise<T>)[], connections: number): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const one = async () => {
    for (let task = tasks[next++]; task; task = tasks[next++]) results.push(await task())
  }
  await Promise.all(Array.from({ length: connections }, one))
  return results
}

test.skipIf(postgres === '')(
  '1,000 deliveries of 100 ids from 50 connections start exactly 100 runs',
  async () => {
    // many isolates, as far as one can be many
    const clients = Array.from({ length: 10 }, () => newClient({}, postgres))
    const [first] = clients
    if (!first) return
    const hook = await hookOf(first)
    const tasks = Array.from({ length: 1_000 }, (_, n) => async (): Promise<[number, Reply]> => {
      const client = clients[n % clients.length] ?? first
      const id = (n * 37) % 100
      return [id, await deliver(client, hook, { id }, { id: `delivery-${id}` })]
    })
    const replies = await byMany(tasks, 50)
    expect(replies).toHaveLength(1_000)
    const answers = new Map<number, Set<string>>()
    for (const [id, { status, text }] of replies) {
      expect([status, text]).toEqual([202, expect.stringContaining('started')])
      answers.set(id, (answers.get(id) ?? new Set()).add(text))
    }
    expect(answers.size).toBe(100)
    // whoever asks gets the first answer
    for (const same of answers.values()) expect(same.size).toBe(1)
    const runs = (await first.get(`/api/executions?path=${hook.path}&limit=1000`)).body
    expect(runs).toHaveLength(100)
    expect(new Set(runs.map(({ status }: { status: string }) => status))).toEqual(
      new Set(['COMPLETED']),
    )
  },
  120_000,
)

const WAITING =
  '  - {step: start, next: work}\n  - {step: work, type: python, code: "def main(): pass"}'

test.skipIf(postgres === '').each(['skip', 'replace'] as const)(
  'of 60 different deliveries at once to a hook that says %s, one run goes on',
  async (overlap) => {
    const clients = Array.from({ length: 6 }, () => newClient({}, postgres))
    const [first] = clients
    if (!first) return
    const hook = await hookOf(first, { overlap }, WAITING)
    const tasks = Array.from(
      { length: 60 },
      (_, n) => () => deliver(clients[n % clients.length] ?? first, hook, { n }, { id: `d-${n}` }),
    )
    const replies = await byMany(tasks, 20)
    const started = replies.filter(({ body }) => body.status === 'started').length
    expect(replies.map(({ status }) => status)).toEqual(Array(60).fill(202))
    if (overlap === 'skip') expect(started).toBe(1)
    else expect(started).toBe(60)
    // what somebody else was busy with
    await first.tick()
    const runs = (await first.get(`/api/executions?path=${hook.path}&limit=1000`)).body
    expect(runs).toHaveLength(started)
    const open = runs.filter(({ end_time }: { end_time: string | null }) => end_time === null)
    expect(open).toHaveLength(1)
  },
  120_000,
)
