// What a hostile network and a careless worker may do to a job.
import { neon } from '@neondatabase/serverless'
import { describe, expect, inject, test, vi } from 'vitest'
import { completed, newClient, playbook } from '../support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
const detail = async (id: string) => (await client.get(`/api/executions/${id}`)).body
const event = (id: string, event_type: string, status: string, more = {}) =>
  client.post('/api/events', { ...completed(id, 'a'), event_type, status, ...more })
let tools = 0

/** A run that waits for a worker with its first step, which only leases by this tool take. */
async function waiting(step = '') {
  const id = await client.run(
    await client.register(
      playbook(`  - {step: start, next: a}
  - {step: a, type: python, code: x${step}, next: end}
  - {step: end, result: {a: "{{ a }}"}}`),
    ),
  )
  const tool = `hard-${Date.now()}-${++tools}`
  await sql`update noetl.queue set tool = ${tool} where execution_id = ${id}`
  const lease = async () =>
    (await client.post('/api/queue/lease', { worker_id: 'w', capabilities: [tool] })).body.job
  return { id, tool, lease }
}

const expire = (id: string) =>
  sql`update noetl.queue set lease_until = now() - interval '1 second' where execution_id = ${id}`
const end = (queueId: string, how: string, body?: unknown) =>
  client.send('POST', `/api/queue/${queueId}/${how}`, body)

describe('after the end of an execution', () => {
  test('a job that was queued at that instant is not leased, and dies at the next sweep', async () => {
    const { id, tool, lease } = await waiting()
    await client.send('POST', `/api/executions/${id}/stop`)
    await sql`update noetl.queue set status = 'queued', worker_id = null where execution_id = ${id}`
    expect(await lease()).toBeNull()
    await client.tick()
    const [row] = await sql`select status from noetl.queue where tool = ${tool}`
    expect(row).toEqual({ status: 'dead' })
  })

  test('a lease that was given at that instant ends with a clear word', async () => {
    const { id, lease } = await waiting()
    const job = await lease()
    await client.send('POST', `/api/executions/${id}/stop`)
    await sql`update noetl.queue set status = 'leased', lease_until = now() + interval '1 minute'
      where execution_id = ${id}`
    const { status, body } = await end(job.queue_id, 'complete')
    expect([status, body.detail]).toEqual([409, 'the lease is not held: its execution has ended'])
  })
})

describe('reports that come late', () => {
  test('an error of an earlier attempt does not end the last one', async () => {
    const { id, lease } = await waiting(', retry: {max_attempts: 3}')
    for (const attempt of [1, 2]) {
      const job = await lease()
      await event(id, 'action_started', 'STARTED', { context: { attempt }, result: {} })
      await event(id, 'action_error', 'FAILED', { error: 'boom', result: {} })
      await end(job.queue_id, 'fail', { retry_delay_seconds: 0 })
    }
    const last = await lease()
    await event(id, 'action_started', 'STARTED', { context: { attempt: 3 }, result: {} })
    await event(id, 'action_error', 'FAILED', { error: 'boom', result: {} })
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
    await event(id, 'action_completed', 'COMPLETED')
    expect((await end(last.queue_id, 'complete')).status).toBe(200)
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
  })

  test('the same end of an action is one event, also after a start that came late', async () => {
    const { id, lease } = await waiting()
    await lease()
    for (const type of ['action_completed', 'action_started', 'action_completed']) {
      await event(id, type, type === 'action_started' ? 'STARTED' : 'COMPLETED')
    }
    const log = await client.log(id)
    expect(log.filter((entry) => entry === 'action_completed:a')).toHaveLength(1)
  })

  test('equal results of different items are different events', async () => {
    const { id } = await waiting()
    for (const current_index of [0, 1, 1]) {
      await client.post('/api/events', { ...completed(id, 'loop', 7), current_index })
    }
    const { body } = await client.get(
      `/api/aggregate/loop/results?execution_id=${id}&step_name=loop`,
    )
    expect(body.results).toEqual([7, 7])
  })

  test('one that names its lease is refused when that is lost', async () => {
    const { id, lease } = await waiting()
    const { queue_id } = await lease()
    await expire(id)
    await client.send('POST', '/api/queue/reap-expired')
    const report = { ...completed(id, 'a', 1), queue_id, worker_id: 'w' }
    expect((await client.post('/api/events', report)).status).toBe(409)
    const again = await lease()
    expect((await client.post('/api/events', report)).status).toBe(409)
    expect((await client.post('/api/events', { ...report, queue_id: again.queue_id })).status).toBe(
      200,
    )
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { a: 1 } })
    // what comes after the end of its own lease is still its own
    const late = { ...report, queue_id: again.queue_id, event_type: 'step_result', result: 1 }
    expect((await client.post('/api/events', late)).status).toBe(200)
  })
})

describe('a job whose last attempt falls silent', () => {
  test('fails its step with what it had reported, or says that nothing came', async () => {
    for (const [error, expected] of [
      ['boom', 'boom'],
      [null, 'no sign of life from whoever ran it, in 1 attempts'],
    ]) {
      const { id, lease } = await waiting(', retry: {max_attempts: 1}')
      await lease()
      if (error) await event(id, 'action_error', 'FAILED', { error, result: {} })
      await expire(id)
      await client.tick()
      expect(await detail(id)).toMatchObject({ status: 'FAILED', error: expected })
    }
  })

  test('dies also when it is no step, and can be sent again', async () => {
    const { id } = await waiting()
    const tool = `by-hand-${id}`
    const job = {
      execution_id: id,
      node_id: `${id}:extra`,
      action: { type: tool },
      max_attempts: 1,
    }
    await client.post('/api/queue/enqueue', job)
    const lease = async () =>
      (await client.post('/api/queue/lease', { worker_id: 'w', capabilities: [tool] })).body.job
    const { queue_id } = await lease()
    await sql`update noetl.queue set lease_until = now() - interval '1 second' where queue_id = ${queue_id}`
    await client.tick()
    const { items } = (await client.get(`/api/queue?execution_id=${id}&status=dead`)).body
    expect(items).toMatchObject([{ queue_id, status: 'dead' }])
    expect((await end(queue_id, 'redrive')).status).toBe(200)
    expect(await lease()).toMatchObject({ attempts: 1 })
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
  })
})

describe("a worker that never puts its lease off, as NoETL's", () => {
  const register = (name: string) => client.post('/api/worker/pool/register', { name })
  const begun = async (pool: string) => {
    const { id, lease } = await waiting()
    await lease()
    await event(id, 'action_started', 'STARTED', { meta: { worker_pool: pool }, result: {} })
    await expire(id)
    return { id, lease }
  }

  test('keeps its job while its pool lives', async () => {
    const pool = `pool-${Date.now()}`
    await register(pool)
    const { id, lease } = await begun(pool)
    expect(await lease()).toBeNull()
    await client.tick()
    expect(await lease()).toBeNull()
    expect(await detail(id)).not.toHaveProperty('waiting_for')
    await sql`update noetl.runtime set heartbeat = now() - interval '61 seconds' where name = ${pool}`
    expect(await lease()).toMatchObject({ attempts: 2 })
  })

  test('loses it when its process was started again, and after a while in any case', async () => {
    const pool = `again-${Date.now()}`
    await register(pool)
    const { lease } = await begun(pool)
    await register(pool)
    expect(await lease()).toMatchObject({ attempts: 2 })

    const other = await begun(pool)
    expect(await other.lease()).toBeNull()
    await sql`update noetl.queue set lease_until = now() - interval '16 minutes' where execution_id = ${other.id}`
    expect(await other.lease()).toMatchObject({ attempts: 2 })
  })

  test('loses it at once when it never began', async () => {
    await register(`idle-${Date.now()}`)
    const { id, lease } = await waiting()
    await lease()
    await expire(id)
    expect(await lease()).toMatchObject({ attempts: 2 })
  })
})

test('what the edge executor holds is not for workers to end', async () => {
  const slow = await client.register(
    playbook(`  - {step: start, next: a}
  - {step: a, type: http, url: "${inject('echo')}/slow/2000", next: end}\n  - {step: end}`),
  )
  const { body } = await client.post(
    '/api/executions/run',
    { catalog_id: slow },
    { settled: false },
  )
  const [job] = (await client.get(`/api/queue?execution_id=${body.execution_id}`)).body.items
  for (const how of ['complete', 'fail']) {
    const reply = await end(job.queue_id, how, {})
    expect([reply.status, reply.body.detail]).toEqual([409, "the job is the edge executor's"])
  }
  expect((await end(job.queue_id, 'heartbeat')).status).toBe(409)
  await vi.waitFor(
    async () => expect(await detail(body.execution_id)).toMatchObject({ status: 'COMPLETED' }),
    15_000,
  )
})

test('a moment without a database does not fail a playbook step', async () => {
  const own = newClient()
  const path = `hard/kid-${Date.now()}`
  const steps = '  - {step: start, next: end}\n  - {step: end, result: {x: 1}}'
  await own.register(`metadata: {path: ${path}}\nworkflow:\n${steps}`)
  const parent = await own.register(
    playbook(
      `  - {step: start, next: c}\n  - {step: c, type: playbook, path: ${path}, next: end}\n  - {step: end}`,
    ),
  )
  await own.run(parent)
  for (const skip of [1, 2]) {
    await own.faults({ kinds: ['refuse'], rate: 1, seed: 1, skip, times: 4 })
    const id = await own.run(parent)
    await own.noFaults()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { x: 1 } })
  }
})
