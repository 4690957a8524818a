import { describe, expect, inject, test } from 'vitest'
import { chain, completed, newClient, playbook } from '../support.ts'
import { newDatabase } from './database.ts'

const client = newClient()

test('figures have the names of the server, nested and flat, and those of the UI', async () => {
  const before = await client.trips()
  const { status, body } = await client.get('/api/dashboard/stats')
  expect([status, (await client.trips()) - before]).toEqual([200, 1])
  const names = [
    'total_executions',
    'successful_executions',
    'failed_executions',
    'total_playbooks',
    'active_workflows',
  ]
  expect(Object.keys(body)).toEqual([
    'status',
    'stats',
    ...names,
    'active_executions',
    'success_rate',
    'recent_executions',
  ])
  expect(Object.keys(body.stats)).toEqual(names)
  expect(body).toMatchObject({ ...body.stats, status: 'ok' })
  expect(body.active_executions).toBe(body.active_workflows)
})

test('widgets are metrics in the shape that the UI draws, in one round trip', async () => {
  const before = await client.trips()
  const { status, body } = await client.get('/api/dashboard/widgets')
  expect([status, (await client.trips()) - before]).toEqual([200, 1])
  const ids = body.widgets.map(({ id }: { id: string }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const widget of body.widgets) {
    expect(widget).toEqual({
      id: expect.any(String),
      type: 'metric',
      title: expect.any(String),
      data: { value: expect.any(Number) },
      config: {
        format: expect.stringMatching(/^(number|percentage)$/),
        color: expect.stringMatching(/^#[0-9a-f]{6}$/),
      },
    })
  }
})

test('the newest executions are ten items of the list', async () => {
  const catalogId = await client.register(chain('a'))
  for (let n = 0; n < 11; n++) await client.run(catalogId)
  for (let attempt = 0; ; attempt++) {
    const { text: list } = await client.get('/api/executions?limit=10')
    const { text, body } = await client.get('/api/dashboard/stats')
    expect(body.recent_executions).toHaveLength(10)
    // others may run meanwhile
    if (attempt < 20 && !text.includes(list)) continue
    expect(text).toContain(`"recent_executions":${list}`)
    return
  }
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('figures are true; of nothing, zeros', async () => {
    const own = newClient({}, await newDatabase())
    const stats = async () => {
      const { body } = await own.get('/api/dashboard/stats')
      const { recent_executions, ...figures } = body
      const ids = recent_executions.map(({ id }: { id: string }) => id)
      return { ...figures, recent_executions: ids }
    }
    const expected = (
      [total, successful, failed, playbooks, active]: number[],
      success_rate: number,
      recent_executions: string[],
    ) => {
      const same = {
        total_executions: total,
        successful_executions: successful,
        failed_executions: failed,
        total_playbooks: playbooks,
        active_workflows: active,
      }
      return {
        ...same,
        status: 'ok',
        stats: same,
        active_executions: active,
        success_rate,
        recent_executions,
      }
    }
    const widgets = async () => {
      const { body } = await own.get('/api/dashboard/widgets')
      return Object.fromEntries(
        body.widgets.map(({ id, data }: { id: string; data: { value: number } }) => [
          id,
          data.value,
        ]),
      )
    }
    expect(await stats()).toEqual(expected([0, 0, 0, 0, 0], 0, []))
    expect(new Set(Object.values(await widgets()))).toEqual(new Set([0]))

    const content = chain('a')
    const catalogId = await own.register(content)
    const waiting = await own.run(catalogId)
    expect(await stats()).toEqual(expected([1, 0, 0, 1, 1], 0, [waiting]))

    const failed = await own.run(catalogId)
    const failure = { event_type: 'action_error', status: 'FAILED', error: 'boom' }
    await own.post('/api/events', { ...completed(failed, 'a'), ...failure })
    expect(await stats()).toEqual(expected([2, 0, 1, 1, 1], 0, [failed, waiting]))

    const done = [await own.run(catalogId), await own.run(catalogId)]
    for (const id of done) await own.post('/api/events', completed(id, 'a'))
    // ends at once
    const other = await own.register(playbook('  - {step: start, next: end}\n  - {step: end}'))
    const quick = await own.run(other)
    // another version is no other playbook
    await own.register(`${content}# changed\n`)
    const recent = [quick, ...done.reverse(), failed, waiting]
    expect(await stats()).toEqual(expected([5, 3, 1, 2, 1], 75, recent))
    expect(await widgets()).toMatchObject({
      'total-playbooks': 2,
      'total-executions': 5,
      'active-executions': 1,
      'successful-executions': 3,
      'failed-executions': 1,
      'success-rate': 75,
      'ended-24h': 4,
      'failed-24h': 1,
    })
  })
})
