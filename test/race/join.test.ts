import { describe, expect, inject, test } from 'vitest'
import { expectRebuilt } from '../rebuild.ts'
import { completed, newClient, playbook } from '../support.ts'

const BRANCHES = Array.from({ length: 25 }, (_, index) => `b${index}`)

/** start -> 25 branches -> join -> end. */
function fanOut(): string {
  const branch = (name: string) =>
    `  - {step: ${name}, type: python, code: "def main(): pass", next: join}`
  return playbook(
    [
      `  - {step: start, next: [${BRANCHES.join(', ')}]}`,
      ...BRANCHES.map(branch),
      '  - {step: join, type: python, code: "def main(): pass", next: end}',
      '  - {step: end}',
    ].join('\n'),
  )
}

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('25 branches that end at the same instant join, 100 times of 100', async () => {
    const client = newClient({}, inject('postgres'))
    const catalogId = await client.register(fanOut())
    for (let round = 0; round < 100; round++) {
      const id = await client.run(catalogId)
      const replies = await Promise.all(
        BRANCHES.map((branch) => client.post('/api/events', completed(id, branch, { branch }))),
      )
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
      const log = await client.log(id)
      expect(log.filter((event) => event === 'step_started:join')).toHaveLength(1)
      expect(log.filter((event) => event.startsWith('step_completed'))).toHaveLength(25)
      await client.post('/api/events', completed(id, 'join'))
      expect((await client.get(`/api/executions/${id}`)).body.status).toBe('COMPLETED')
    }
    const all = await expectRebuilt(client.env.DATABASE_URL as string, [catalogId])
    expect(all).toHaveLength(100)
    expect(all.every(({ undecided }) => undecided.length === 0)).toBe(true)
  }, 180_000)

  test('the same report from ten senders at once is written once', async () => {
    const client = newClient({}, inject('postgres'))
    const catalogId = await client.register(fanOut())
    const id = await client.run(catalogId)
    const report = { ...completed(id, 'b0', 1), event_id: '77001' }
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => client.post('/api/events', report)),
    )
    expect(replies.map(({ status, body }) => [status, body.event_id])).toEqual(
      replies.map(() => [200, '77001']),
    )
    const log = await client.log(id)
    expect(log.filter((event) => event === 'action_completed:b0')).toHaveLength(1)
    expect(log.filter((event) => event === 'step_completed:b0')).toHaveLength(1)
  })

  test('two results for one step at once: one is decided on, none stays undecided', async () => {
    const client = newClient({}, inject('postgres'))
    const catalogId = await client.register(fanOut())
    for (let round = 0; round < 20; round++) {
      const id = await client.run(catalogId)
      const reports = [1, 2, 3, 4].map((n) => completed(id, 'b0', n))
      await Promise.all(reports.map((report) => client.post('/api/events', report)))
      const log = await client.log(id)
      expect(log.filter((event) => event === 'step_completed:b0')).toHaveLength(1)
    }
    const all = await expectRebuilt(client.env.DATABASE_URL as string, [catalogId])
    expect(all.every(({ undecided }) => undecided.length === 0)).toBe(true)
  }, 60_000)

  test('a failure and the last completion race to one end', async () => {
    const client = newClient({}, inject('postgres'))
    const catalogId = await client.register(
      playbook(`  - {step: start, next: [a, b]}
  - {step: a, type: python, code: x, next: end}
  - {step: b, type: python, code: x, next: end}
  - {step: end}`),
    )
    for (let round = 0; round < 30; round++) {
      const id = await client.run(catalogId)
      await Promise.all([
        client.post('/api/events', completed(id, 'a')),
        client.post('/api/events', {
          ...completed(id, 'b'),
          event_type: 'action_error',
          status: 'FAILED',
          error: 'boom',
        }),
      ])
      const { body } = await client.get(`/api/executions/${id}`)
      expect(body).toMatchObject({ status: 'FAILED', error: 'boom', progress: 100 })
    }
    const all = await expectRebuilt(client.env.DATABASE_URL as string, [catalogId])
    expect(all.every(({ undecided }) => undecided.length === 0)).toBe(true)
  }, 60_000)
})
