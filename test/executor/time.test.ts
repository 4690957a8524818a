// Steps that wait, and steps and executions that may take only so long.
import { neon } from '@neondatabase/serverless'
import { describe, expect, test } from 'vitest'
import { expectRebuilt } from '../rebuild.ts'
import { completed, newClient, playbook } from '../support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
const detail = async (id: string) => (await client.get(`/api/executions/${id}`)).body

/** Lets time pass for the jobs of an execution. */
async function passes(executionId: string, seconds: number) {
  await sql`update noetl.queue set available_at = available_at - make_interval(secs => ${seconds}),
    created_at = created_at - make_interval(secs => ${seconds}),
    leased_at = leased_at - make_interval(secs => ${seconds}) where execution_id = ${executionId}`
}

describe('a wait', () => {
  test('of a moment goes on by itself', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: nap}
  - {step: nap, type: wait, seconds: "{{ 0.2 }}", next: end}
  - {step: end}`),
    )
    const executionId = await client.run(id)
    const body = await detail(executionId)
    expect(body.status).toBe('COMPLETED')
    expect(body.result.waited).toBeGreaterThanOrEqual(0.2)
    expect(await client.log(executionId)).toEqual([
      'execution_start:p',
      'step_started:nap',
      'action_started:nap',
      'action_waiting:nap',
      'action_started:nap',
      'action_completed:nap',
      'step_result:nap',
      'step_completed:nap',
      'execution_complete:end',
    ])
    await expectRebuilt(client.env.DATABASE_URL as string, [id])
  })

  test('of days costs nothing until its time has come', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: nap}
  - {step: nap, type: wait, for: 200000, next: end}
  - {step: end}`),
    )
    const executionId = await client.run(id)
    const before = await detail(executionId)
    expect(before).toMatchObject({ status: 'RUNNING', waiting_for: [{ type: 'wait', jobs: 1 }] })
    const [{ since, until }] = before.waiting_for
    expect(Math.round((Date.parse(until) - Date.parse(since)) / 1000)).toBe(200_000)
    const messages = client.messages.filter(({ execution_id }) => execution_id === executionId)
    // the platform delays a message by twelve hours at most
    expect(Math.max(...messages.map(({ delaySeconds }) => delaySeconds))).toBe(43_200)
    await client.deliver(messages)
    // nor can anybody else say that it is over
    const report = await client.post('/api/events', completed(executionId, 'nap', { waited: 0 }))
    expect(report.status).toBe(409)
    expect((await client.log(executionId)).at(-1)).toBe('action_waiting:nap')
    await passes(executionId, 200_001)
    await client.deliver(messages.slice(0, 1))
    const body = await detail(executionId)
    expect([body.status, body.result.waited > 200_000]).toEqual(['COMPLETED', true])
  })

  test('until a time that has passed is over at once; what is no time fails', async () => {
    const run = async (until: string) => {
      const id = await client.register(
        playbook(`  - {step: start, next: nap}
  - {step: nap, type: wait, until: "${until}", next: end}
  - {step: end}`),
      )
      return detail(await client.run(id))
    }
    expect((await run('2020-01-01T00:00:00Z')).status).toBe('COMPLETED')
    expect((await run('{{ now() }}')).status).toBe('COMPLETED')
    expect((await run("{{ 'tomorrow' }}")).error).toBe('until is a time like 2026-01-31T12:00:00Z')
  })
})

describe('a time limit', () => {
  const PYTHON = 'type: python, code: "def main(): pass"'

  test('of an iterator fails the step, whatever of it still runs', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: each}
  - {step: each, type: iterator, collection: [1, 2], element: n, timeout: 60, task: {${PYTHON}}, next: end}
  - {step: end}`),
    )
    const executionId = await client.run(id)
    const [wakeUp] = client.messages.filter(({ execution_id }) => execution_id === executionId)
    expect(wakeUp?.delaySeconds).toBe(60)
    await passes(executionId, 61)
    await client.deliver(wakeUp && [wakeUp])
    const body = await detail(executionId)
    expect([body.status, body.error]).toEqual(['FAILED', 'timed out after 60 s'])
    await expectRebuilt(client.env.DATABASE_URL as string, [id])
  })

  test('of a playbook step fails it and ends its child', async () => {
    const child = playbook(
      `  - {step: start, next: a}\n  - {step: a, ${PYTHON}, next: end}\n  - {step: end}`,
    )
    await client.register(child)
    const path = /path: ([^,]+)/.exec(child)?.[1]
    const id = await client.register(
      playbook(
        `  - {step: start, next: call}
  - {step: call, type: playbook, path: ${path}, timeout: "{{ workload.t }}", next: end}
  - {step: end}`,
        'workload: {t: 90}',
      ),
    )
    const executionId = await client.run(id)
    await passes(executionId, 101)
    await client.tick()
    await client.deliver()
    const body = await detail(executionId)
    expect([body.status, body.error]).toEqual(['FAILED', 'timed out after 90 s'])
    const [row] =
      await sql`select status, error from noetl.execution where parent_execution_id = ${executionId}`
    expect(row?.status).toBe('FAILED')
  })

  test('of one item fails that item alone', async () => {
    const child = playbook(
      `  - {step: start, next: a}\n  - {step: a, ${PYTHON}, next: end}\n  - {step: end}`,
    )
    await client.register(child)
    const path = /path: ([^,]+)/.exec(child)?.[1]
    const id = await client.register(
      playbook(`  - {step: start, next: each}
  - step: each
    type: iterator
    collection: [1]
    element: n
    on_error: continue
    task: {type: playbook, path: ${path}, timeout: 30}
    next: end
  - {step: end}`),
    )
    const executionId = await client.run(id)
    await passes(executionId, 41)
    await client.tick()
    await client.deliver()
    const body = await detail(executionId)
    expect([body.status, body.error]).toEqual(['COMPLETED', null])
    expect(body.result).toEqual([{ status: 'error', error: 'timed out after 30 s', index: 0 }])
    await client.tick()
    const [row] =
      await sql`select status from noetl.execution where parent_execution_id = ${executionId}`
    expect(row?.status).toBe('FAILED')
    await expectRebuilt(client.env.DATABASE_URL as string, [id])
  })

  test('that is not reached leaves nothing behind', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: each}
  - {step: each, type: iterator, collection: [1], element: n, timeout: 60, task: {type: transform, data: 1}, next: wait}
  - {step: wait, ${PYTHON}, next: end}
  - {step: end}`),
    )
    const executionId = await client.run(id)
    const jobs =
      await sql`select node_name, status from noetl.queue where execution_id = ${executionId} and tool = 'timeout'`
    expect(jobs).toEqual([{ node_name: 'each[timeout]', status: 'done' }])
    await passes(executionId, 61)
    await client.tick()
    await client.deliver()
    expect((await detail(executionId)).status).toBe('RUNNING')
  })

  test('of the whole playbook ends it, whatever it waits for', async () => {
    const id = await client.register(
      playbook(
        `  - {step: start, next: a}\n  - {step: a, ${PYTHON}, next: end}\n  - {step: end}`,
        'timeout: 120',
      ),
    )
    const executionId = await client.run(id)
    await client.tick()
    await client.deliver()
    expect((await detail(executionId)).status).toBe('RUNNING')
    await passes(executionId, 131)
    await client.tick()
    await client.deliver()
    const body = await detail(executionId)
    expect([body.status, body.error]).toEqual(['FAILED', 'timed out after 120 s'])
    expect((await client.log(executionId)).slice(-2)).toEqual([
      'action_completed:[timeout]',
      'execution_failed:p',
    ])
    await expectRebuilt(client.env.DATABASE_URL as string, [id])
  })

  test('of a step that a worker does is kept by the sweeper, also while the lease is put off', async () => {
    for (const [retry, expected] of [
      ['false', 'dead'],
      ['{max_attempts: 2}', 'retry'],
    ]) {
      const id = await client.register(
        playbook(`  - {step: start, next: a}
  - {step: a, ${PYTHON}, timeout: 5, retry: ${retry}, next: end}
  - {step: end}`),
      )
      const executionId = await client.run(id)
      let job = null
      do {
        const lease = { worker_id: 'w-time', lease_seconds: 600, capabilities: ['python'] }
        job = (await client.post('/api/queue/lease', lease)).body.job
      } while (job && job.execution_id !== executionId)
      await client.tick()
      expect(
        (await client.get(`/api/queue?execution_id=${executionId}`)).body.items[0].status,
      ).toBe('leased')
      await passes(executionId, 16)
      await client.tick()
      expect(
        (await client.get(`/api/queue?execution_id=${executionId}`)).body.items[0].status,
      ).toBe(expected)
      expect((await client.post(`/api/queue/${job.queue_id}/complete`, {})).status).toBe(409)
      if (expected === 'dead') expect((await detail(executionId)).error).toBe('timed out after 5 s')
      else await client.post(`/api/executions/${executionId}/cancel`, {})
    }
  })
})
