import { neon } from '@neondatabase/serverless'
import { describe, expect, inject, test } from 'vitest'
import { retryDelay } from '../../src/executor/retry.ts'
import type { Json } from '../../src/json.ts'
import { expectRebuilt } from '../rebuild.ts'
import { newClient, playbook } from '../support.ts'

const client = newClient()
let keys = 0

/** A run of one http step whose address fails so many times first. */
async function flaky(fails: number, retry: string, options: { settled?: boolean } = {}) {
  const url = `${inject('echo')}/flaky/${fails}/${Date.now()}-${++keys}`
  const catalogId = await client.register(
    playbook(`  - {step: start, next: call}
  - {step: call, type: http, url: "${url}", retry: ${retry}, next: end}
  - {step: end, result: {count: "{{ call.data.count }}"}}`),
  )
  const reply = await client.post('/api/executions/run', { catalog_id: catalogId }, options)
  return { id: reply.body.execution_id as string, catalogId }
}

const detail = async (id: string) => (await client.get(`/api/executions/${id}`)).body
const types = async (id: string) => (await client.log(id)).map((event) => event.split(':')[0])

describe('a step that asks for retries', () => {
  test('goes on after its third attempt as if it had been the first', async () => {
    const { id, catalogId } = await flaky(2, '{max_attempts: 3, initial_delay: 0.1, jitter: false}')
    expect(await detail(id)).toMatchObject({
      status: 'COMPLETED',
      progress: 100,
      result: { count: 3 },
    })
    expect(await types(id)).toEqual([
      'execution_start',
      'step_started',
      ...['action_started', 'action_error', 'action_retry'],
      ...['action_started', 'action_error', 'action_retry'],
      ...['action_started', 'action_completed', 'step_result'],
      'step_completed',
      'execution_complete',
    ])
    const { events } = await detail(id)
    const of = (type: string) =>
      events.filter(({ event_type }: { event_type: string }) => event_type === type)
    expect(of('action_retry').map(({ result }: { result: object }) => result)).toMatchObject([
      { attempt: 1, max_attempts: 3, retry_delay_seconds: 0.1 },
      { attempt: 2, max_attempts: 3, retry_delay_seconds: 0.2 },
    ])
    expect(
      of('action_started').map(({ context }: { context: { retry: object } }) => context.retry),
    ).toEqual([
      { attempt: 1, max_attempts: 3, is_retry: false },
      { attempt: 2, max_attempts: 3, is_retry: true },
      { attempt: 3, max_attempts: 3, is_retry: true },
    ])
    await expectRebuilt(client.env.DATABASE_URL as string, [catalogId])
  })

  test('fails with the last error when its attempts are spent', async () => {
    const { id } = await flaky(9, '{max_attempts: 2, initial_delay: 0}')
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('503'),
    })
    expect((await types(id)).slice(-3)).toEqual(['action_error', 'step_failed', 'execution_failed'])
    expect((await types(id)).filter((type) => type === 'action_started')).toHaveLength(2)
    expect((await client.get(`/api/queue?execution_id=${id}`)).body.items).toMatchObject([
      { status: 'dead', attempts: 2 },
    ])
  })

  test('is tried by status code, and stops where it says', async () => {
    const again = await flaky(
      1,
      '{max_attempts: 5, initial_delay: 0, retry_when: "{{ status_code >= 500 }}"}',
    )
    expect(await detail(again.id)).toMatchObject({ status: 'COMPLETED' })
    for (const retry of [
      '{max_attempts: 5, initial_delay: 0, retry_when: "status_code == 429"}',
      '{max_attempts: 5, initial_delay: 0, stop_when: "{{ data.data.count == 1 }}"}',
      'false',
      '1',
    ]) {
      const { id } = await flaky(1, retry)
      expect([retry, (await detail(id)).status]).toEqual([retry, 'FAILED'])
      expect((await types(id)).filter((type) => type === 'action_started')).toHaveLength(1)
    }
  })

  test('waits in the queue when the delay is longer than the invocation', async () => {
    const { id } = await flaky(1, '{max_attempts: 2, initial_delay: 50, jitter: false}')
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
    const [job] = (await client.get(`/api/queue?execution_id=${id}`)).body.items
    expect(job).toMatchObject({ status: 'retry', attempts: 1, worker_id: null })
    expect(
      client.messages.some(
        ({ execution_id, delaySeconds }) => execution_id === id && delaySeconds === 50,
      ),
    ).toBe(true)
    // before its time nobody takes it, and after it the message finds it
    await client.deliver([{ execution_id: id, delaySeconds: 0 }])
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
    const sql = neon(client.env.DATABASE_URL as string)
    await sql`update noetl.queue set available_at = now() - interval '1 minute' where execution_id = ${id}`
    await client.tick()
    await client.deliver([{ execution_id: id, delaySeconds: 0 }])
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { count: 2 } })
  })

  test('is not tried again after a cancel', async () => {
    const { id } = await flaky(5, '{max_attempts: 5, initial_delay: 2, jitter: false}', {
      settled: false,
    })
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect((await client.send('POST', `/api/executions/${id}/stop`)).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect((await types(id)).filter((type) => type === 'action_started')).toHaveLength(1)
  })
})

describe('the delay', () => {
  const of = (retry: Json, attempt = 1, extra = {}) =>
    retryDelay(retry, {
      attempt,
      max_attempts: 10,
      result: { status: 'error', error: 'refused', data: { status_code: 503 } },
      context: { workload: { n: 1 } },
      random: 0.5,
      ...extra,
    })

  test('grows from the first attempt on, up to its limit, in fractions of a second', () => {
    const retry = { initial_delay: 0.25, backoff_multiplier: 2, max_delay: 3, jitter: false }
    expect([1, 2, 3, 4, 5, 9].map((attempt) => of(retry, attempt))).toEqual([0.25, 0.5, 1, 2, 3, 3])
    expect([1, 2, 3].map((attempt) => of(true, attempt))).toEqual([1, 2, 4])
    expect(of(5)).toBe(1)
  })

  test('is spread by jitter', () => {
    expect([0, 0.5, 1].map((random) => of(true, 1, { random }))).toEqual([0.5, 1, 1.5])
  })

  test('is none where none is asked for, or a condition cannot be evaluated', () => {
    for (const retry of [false, null, { retry_when: 'nowhere.x > 1' }, { stop_when: 'true' }]) {
      expect(of(retry as Json)).toBeNull()
    }
    expect(of(true, 10)).toBeNull()
    expect(
      of({
        retry_when: '"refused" in error and attempt < 3 and not success and workload.n == 1',
        jitter: false,
      }),
    ).toBe(1)
    expect(of({ initial_delay: 'x', max_delay: -1, jitter: false })).toBe(1)
  })
})
