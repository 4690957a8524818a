import { neon } from '@neondatabase/serverless'
import { describe, expect, test } from 'vitest'
import { completed, newClient, playbook } from '../support.ts'

/** Jobs of other tests are in the same queue: each test leases by a tool type of its own. */
const client = newClient()
let tools = 0

/** A run of one step that waits for a worker, whose tool type is the test's own. */
async function waiting(step = '', head = '') {
  const id = await client.run(
    await client.register(
      playbook(
        `  - {step: start, next: work}\n  - {step: work, type: python, code: x${step}, next: end}\n  - {step: end}`,
        head,
      ),
    ),
  )
  const tool = `tool-${Date.now()}-${++tools}`
  await sql`update noetl.queue set tool = ${tool} where execution_id = ${id}`
  return { id, tool, node: `${id}:work` }
}

const sql = neon(client.env.DATABASE_URL as string)

const lease = async (tool: string, extra = {}) =>
  (
    await client.post('/api/queue/lease', {
      worker_id: 'w1',
      lease_seconds: 60,
      capabilities: [tool],
      ...extra,
    })
  ).body

const end = (job: { queue_id: string }, how: string, body?: unknown) =>
  client.send('POST', `/api/queue/${job.queue_id}/${how}`, body)

/** As if the time of the lease had passed. */
const expire = (id: string) =>
  sql`update noetl.queue set lease_until = now() - interval '1 second' where execution_id = ${id}`

const statusOf = async (id: string) => (await client.get(`/api/executions/${id}`)).body.status

describe('leasing', () => {
  test('hands out the job as NoETL does, once', async () => {
    const { id, tool, node } = await waiting(', with: {a: "{{ workload.n }}"}', 'workload: {n: 1}')
    const { status, job } = await lease(tool)
    expect(status).toBe('ok')
    expect(job).toMatchObject({
      execution_id: id,
      node_id: node,
      status: 'leased',
      priority: 5,
      attempts: 1,
      max_attempts: 3,
      worker_id: 'w1',
      node_name: null,
    })
    expect(JSON.parse(job.action)).toEqual({
      name: 'work',
      type: 'python',
      code_b64: btoa('x'),
      data: { a: '{{ workload.n }}' },
    })
    expect(job.context).toMatchObject({
      step_name: 'work',
      version: '1',
      catalog_id: job.catalog_id,
      workload: { n: 1 },
      _meta: { requestor: { ip: null } },
    })
    expect(await lease(tool)).toEqual({ status: 'empty', job: null })
  })

  test('takes a job whose lease has run out, under a new id; the old one is lost', async () => {
    const { id, tool } = await waiting()
    const { job: first } = await lease(tool)
    await expire(id)
    const { job: second } = await lease(tool, { worker_id: 'w2' })
    expect(second).toMatchObject({ execution_id: id, attempts: 2, worker_id: 'w2' })
    expect(second.queue_id).not.toBe(first.queue_id)
    for (const how of ['complete', 'fail', 'heartbeat']) {
      const { status, body } = await end(first, how, {})
      expect([how, status, body.detail]).toEqual([
        how,
        409,
        'the lease is not held: the job is leased under another lease',
      ])
    }
    expect((await end(second, 'complete')).status).toBe(200)
    expect((await end(first, 'complete')).body.detail).toContain('the job is done')
  })

  test('goes by priority, then age', async () => {
    const { tool } = await waiting()
    const jobs = [await waiting(), await waiting(), await waiting()]
    for (const { id } of jobs)
      await sql`update noetl.queue set tool = ${tool} where execution_id = ${id}`
    await sql`update noetl.queue set priority = 9 where execution_id = ${jobs[2]?.id}`
    const order = []
    for (let n = 0; n < 4; n++) order.push((await lease(tool)).job.execution_id)
    expect(order.slice(0, 1)).toEqual([jobs[2]?.id])
    expect(order.slice(2)).toEqual([jobs[0]?.id, jobs[1]?.id])
  })

  test('hands out several at once, and no more than there are', async () => {
    const { id, tool } = await waiting()
    const { id: other } = await waiting()
    await sql`update noetl.queue set tool = ${tool} where execution_id = ${other}`
    const reply = await lease(tool, { limit: 5 })
    expect(reply.jobs.map((job: { execution_id: string }) => job.execution_id)).toEqual([id, other])
    expect(reply.job).toEqual(reply.jobs[0])
    expect(await lease(tool, { limit: 5 })).toEqual({ status: 'empty', job: null, jobs: [] })
  })

  test('of several workers at once gives each job to one', async () => {
    const { tool } = await waiting()
    const ids = []
    for (let n = 0; n < 5; n++) ids.push((await waiting()).id)
    await sql`update noetl.queue set tool = ${tool} where execution_id = any(${ids}::bigint[])`
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) => lease(tool, { worker_id: `w${n}` })),
    )
    const got = replies.flatMap(({ job }) => (job ? [job.execution_id] : []))
    expect(got).toHaveLength(6)
    expect(new Set(got).size).toBe(6)
  })

  test('leaves alone what is not due, spent, or of another tool', async () => {
    const { id, tool } = await waiting()
    expect((await lease('no-such-tool')).status).toBe('empty')
    await sql`update noetl.queue set available_at = now() + interval '1 hour' where execution_id = ${id}`
    expect((await lease(tool)).status).toBe('empty')
    await sql`update noetl.queue set available_at = now(), attempts = 3 where execution_id = ${id}`
    expect((await lease(tool)).status).toBe('empty')
  })

  test('waits for a job that comes', async () => {
    const { id, tool } = await waiting()
    await sql`update noetl.queue set available_at = now() + interval '700 milliseconds' where execution_id = ${id}`
    const begun = Date.now()
    const { job } = await lease(tool, { wait_seconds: 10 })
    expect(job.execution_id).toBe(id)
    expect(Date.now() - begun).toBeGreaterThan(300)
    expect(Date.now() - begun).toBeLessThan(5_000)
    expect((await lease(tool, { wait_seconds: 0.3 })).status).toBe('empty')
  })

  test('costs one round trip, and an answer that is lost leases nothing twice', async () => {
    const { tool } = await waiting()
    const other = newClient()
    await other.post('/api/queue/lease', { worker_id: 'w', capabilities: ['none'] })
    expect(await other.trips()).toBe(1)
    await other.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
    const { body } = await other.post('/api/queue/lease', { worker_id: 'w', capabilities: [tool] })
    expect(body.job).toMatchObject({ attempts: 1, worker_id: 'w' })
  })

  test('does not begin without a worker id, nor with one too long', async () => {
    for (const body of [
      {},
      { worker_id: '' },
      { worker_id: 'x'.repeat(257) },
      { worker_id: 'w', lease_seconds: 0 },
      { worker_id: 'w', wait_seconds: 31 },
      { worker_id: 'w', limit: 101 },
    ]) {
      expect((await client.post('/api/queue/lease', body)).status).toBe(422)
    }
  })
})

describe('completing', () => {
  test('after the report is 200 twice, in one round trip each', async () => {
    const { id, tool } = await waiting()
    const { job } = await lease(tool)
    await client.post('/api/events', completed(id, 'work', { n: 1 }))
    expect(await statusOf(id)).toBe('COMPLETED')
    const before = await client.trips()
    for (let n = 0; n < 2; n++) {
      const { status, body } = await end(job, 'complete')
      expect([status, body]).toEqual([200, { status: 'ok', id: job.queue_id }])
    }
    expect((await client.trips()) - before).toBe(2)
    expect(
      (await client.log(id)).filter((event) => event.startsWith('action_completed')),
    ).toHaveLength(1)
  })

  test('without the report records what is missing, and goes on', async () => {
    const { id, tool } = await waiting('', '')
    const { job } = await lease(tool)
    const before = await client.trips()
    expect((await end(job, 'complete')).status).toBe(200)
    expect((await client.trips()) - before).toBe(2)
    const { events, status } = (await client.get(`/api/executions/${id}`)).body
    expect(status).toBe('COMPLETED')
    const report = events.find(
      ({ event_type }: { event_type: string }) => event_type === 'action_completed',
    )
    expect(report).toMatchObject({
      node_name: 'work',
      node_id: `${id}:work`,
      status: 'COMPLETED',
      meta: { inferred: true },
      result: { status: 'success', data: null },
    })
    expect((await end(job, 'complete')).status).toBe(200)
  })

  test('without the report, but with the step_result, keeps the result', async () => {
    const { id, tool } = await waiting()
    const { job } = await lease(tool)
    await client.post('/api/events', {
      ...completed(id, 'work'),
      event_type: 'action_started',
      status: 'STARTED',
      result: {},
    })
    await client.post('/api/events', {
      ...completed(id, 'work'),
      event_type: 'step_result',
      result: { n: 7 },
    })
    await end(job, 'complete')
    expect((await client.get(`/api/executions/${id}`)).body).toMatchObject({
      status: 'COMPLETED',
      result: { n: 7 },
    })
  })

  test('by another worker, of an unknown job, or of one that failed is refused', async () => {
    const { tool } = await waiting()
    const { job } = await lease(tool)
    const foreign = await end(job, 'complete', { worker_id: 'thief' })
    expect([foreign.status, foreign.body.detail]).toEqual([
      409,
      'the job is leased, and not by this worker',
    ])
    expect((await client.send('POST', '/api/queue/123/complete')).body).toMatchObject({
      status: 404,
      detail: 'job not found',
    })
    expect((await client.send('POST', '/api/queue/abc/complete')).status).toBe(404)
    expect((await end(job, 'complete', { worker_id: 'w1' })).status).toBe(200)
    expect((await end(job, 'complete', { worker_id: 'thief' })).status).toBe(409)
    expect((await end(job, 'fail')).status).toBe(409)
  })

  test('after the execution was cancelled is refused', async () => {
    const { id, tool } = await waiting()
    const { job } = await lease(tool)
    await client.send('POST', `/api/executions/${id}/stop`)
    const { status, body } = await end(job, 'complete')
    expect([status, body.detail]).toEqual([409, 'the lease is not held: the job is dead'])
  })

  test('by all at once is decided once', async () => {
    const { id, tool } = await waiting()
    const { job } = await lease(tool)
    const replies = await Promise.all([
      ...Array.from({ length: 6 }, () => end(job, 'complete')),
      client.post('/api/events', completed(id, 'work', { n: 1 })),
    ])
    expect(replies.map(({ status }) => status)).toEqual(Array(7).fill(200))
    expect(await statusOf(id)).toBe('COMPLETED')
    expect((await client.log(id)).filter((event) => event === 'step_completed:work')).toHaveLength(
      1,
    )
  })
})

describe('failing', () => {
  test('with a reason costs no look at credentials that no job names', async () => {
    const { id, tool } = await waiting(', retry: {max_attempts: 2}')
    const first = await lease(tool)
    let before = await client.trips()
    const again = { retry: true, retry_delay_seconds: 0, error: 'it broke' }
    expect((await end(first.job, 'fail', again)).status).toBe(200)
    expect((await client.trips()) - before).toBe(1)
    const second = await lease(tool)
    before = await client.trips()
    const last = { retry: false, error: 'no: host=h password=abc' }
    expect((await end(second.job, 'fail', last)).status).toBe(200)
    expect((await client.trips()) - before).toBe(2)
    const { body } = await client.get(`/api/executions/${id}`)
    expect([body.status, body.error]).toEqual(['FAILED', 'no: host=h password=***'])
  })

  const failed = (id: string, error = 'it broke') => ({
    ...completed(id, 'work'),
    event_type: 'action_error',
    status: 'FAILED',
    error,
    result: { error },
  })

  test('with attempts left is tried again after the delay', async () => {
    const { id, tool } = await waiting(', retry: {max_attempts: 3}')
    const { job } = await lease(tool)
    await client.post('/api/events', failed(id))
    expect(await statusOf(id)).toBe('RUNNING')
    const before = await client.trips()
    const reply = await end(job, 'fail', { retry: true, retry_delay_seconds: 0.2 })
    expect(reply.body).toEqual({ status: 'ok', id: job.queue_id })
    expect((await client.trips()) - before).toBe(1)
    // sent again it is still 200
    expect((await end(job, 'fail', { retry: true, retry_delay_seconds: 0.2 })).status).toBe(200)
    expect((await lease(tool)).status).toBe('empty')
    await client.post('/api/events', {
      ...failed(id),
      event_type: 'action_retry',
      status: 'RETRYING',
    })
    const { job: again } = await lease(tool, { wait_seconds: 5 })
    expect(again.attempts).toBe(2)
    await client.post('/api/events', completed(id, 'work', { n: 2 }))
    expect((await end(again, 'complete')).status).toBe(200)
    expect((await client.get(`/api/executions/${id}`)).body).toMatchObject({
      status: 'COMPLETED',
      result: { n: 2 },
    })
  })

  test('with the same error on each attempt, the last is for good', async () => {
    const { id, tool } = await waiting(', retry: 2')
    for (const attempt of [1, 2]) {
      const { job } = await lease(tool)
      expect(job.attempts).toBe(attempt)
      await client.post('/api/events', {
        ...completed(id, 'work'),
        event_type: 'action_started',
        status: 'STARTED',
        result: {},
        context: { attempt },
      })
      await client.post('/api/events', failed(id))
      expect((await end(job, 'fail', { retry_delay_seconds: 0 })).status).toBe(200)
    }
    const log = await client.log(id)
    expect(log.filter((event) => event === 'action_error:work')).toHaveLength(2)
    expect(log.slice(-2).map((event) => event.split(':')[0])).toEqual([
      'step_failed',
      'execution_failed',
    ])
    expect((await client.get(`/api/executions/${id}`)).body).toMatchObject({
      status: 'FAILED',
      error: 'it broke',
    })
  })

  test('for good fails the step with what was reported, or with what is missing', async () => {
    const reported = await waiting(', retry: true')
    const { job } = await lease(reported.tool)
    await client.post('/api/events', failed(reported.id))
    expect((await end(job, 'fail', { retry: false })).status).toBe(200)
    expect((await end(job, 'fail', { retry: false })).status).toBe(200)
    expect((await client.get(`/api/executions/${reported.id}`)).body).toMatchObject({
      status: 'FAILED',
      error: 'it broke',
    })

    const silent = await waiting()
    const { job: lost } = await lease(silent.tool)
    expect((await end(lost, 'fail', { retry: false })).status).toBe(200)
    const { events, error } = (await client.get(`/api/executions/${silent.id}`)).body
    expect(error).toBe('the worker failed the job without saying why')
    expect(
      events.find(({ event_type }: { event_type: string }) => event_type === 'action_error').meta,
    ).toEqual({ inferred: true })
    const { body } = await client.get(`/api/queue?status=dead&execution_id=${silent.id}`)
    expect(body.items).toMatchObject([{ status: 'dead', worker_id: 'w1', attempts: 1 }])
  })

  test('without retry in the step the report alone decides', async () => {
    const { id, tool } = await waiting()
    const { job } = await lease(tool)
    await client.post('/api/events', failed(id))
    expect(await statusOf(id)).toBe('FAILED')
    expect((await end(job, 'fail', { retry: false })).status).toBe(200)
  })

  test('a worker that dies between its report and its word is replaced', async () => {
    const { id, tool } = await waiting(', retry: true')
    await lease(tool)
    await client.post('/api/events', failed(id))
    await expire(id)
    const { job } = await lease(tool)
    expect(job.attempts).toBe(2)
    await end(job, 'complete')
    expect(await statusOf(id)).toBe('COMPLETED')
  })
})

describe('heartbeat', () => {
  test('puts off the end of the lease, for its holder alone', async () => {
    const { id, tool } = await waiting()
    const { job } = await lease(tool)
    await expire(id)
    expect((await end(job, 'heartbeat', { worker_id: 'w1', extend_seconds: 300 })).body).toEqual({
      status: 'ok',
      id: job.queue_id,
    })
    expect((await lease(tool)).status).toBe('empty')
    expect((await end(job, 'heartbeat', { worker_id: 'thief' })).status).toBe(409)
    expect((await end({ queue_id: '5' }, 'heartbeat', {})).status).toBe(404)
    await end(job, 'complete')
    expect((await end(job, 'heartbeat')).body.detail).toBe('the lease is not held: the job is done')
  })
})

describe('the older names', () => {
  test('reserve, ack and nack', async () => {
    const { id, tool } = await waiting()
    const reserve = async () =>
      (
        await client.post('/api/queue/reserve', {
          worker_id: 'w',
          lease_seconds: 9,
          capabilities: [tool],
        })
      ).body
    const { job } = await reserve()
    expect(job.execution_id).toBe(id)
    const named = { queue_id: job.queue_id, worker_id: 'w' }
    expect((await client.post('/api/queue/nack', { ...named, worker_id: 'thief' })).status).toBe(
      409,
    )
    expect(
      (await client.post('/api/queue/nack', { ...named, retry_delay_seconds: 0 })).body,
    ).toEqual({ ok: true })
    const { job: again } = await reserve()
    expect(again.attempts).toBe(2)
    expect(
      (await client.post('/api/queue/ack', { queue_id: again.queue_id, worker_id: 'w' })).body,
    ).toEqual({ ok: true })
    expect(await statusOf(id)).toBe('COMPLETED')
    expect(await reserve()).toEqual({ job: null })
    expect((await client.post('/api/queue/ack', { queue_id: '5', worker_id: 'w' })).status).toBe(
      404,
    )
    expect((await client.post('/api/queue/ack', { worker_id: 'w' })).status).toBe(422)
  })

  test('reap-expired frees what has run out', async () => {
    const { id, tool } = await waiting()
    await lease(tool)
    await expire(id)
    expect(
      (await client.send('POST', '/api/queue/reap-expired')).body.reclaimed,
    ).toBeGreaterThanOrEqual(1)
    const { body } = await client.get(`/api/queue?execution_id=${id}`)
    expect(body.items).toMatchObject([{ status: 'retry', worker_id: null, lease_until: null }])
  })
})

describe('queueing by hand', () => {
  test('is for workers, once a node, in open executions', async () => {
    const { id } = await waiting()
    const job = {
      execution_id: id,
      node_id: `${id}:extra`,
      action: { type: 'python', code: 'y' },
      context: { a: 1 },
    }
    const first = await client.post('/api/queue/enqueue', job)
    expect(first.body).toMatchObject({ status: 'ok', id: expect.stringMatching(/^\d+$/) })
    expect(
      (await client.post('/api/queue/enqueue', { ...job, action: '{"type": "python"}' })).body,
    ).toEqual({ status: 'ok', id: null })
    const { items } = (await client.get(`/api/queue?execution_id=${id}`)).body
    expect(items.find(({ node_id }: { node_id: string }) => node_id === job.node_id)).toMatchObject(
      { priority: 0, max_attempts: 5, status: 'queued', context: { a: 1 } },
    )
    await sql`update noetl.queue set tool = ${`by-hand-${id}`} where node_id = ${job.node_id}`
    const { job: leased } = await lease(`by-hand-${id}`)
    // it is no step: it may die and be sent again while the execution is open
    expect((await end(leased, 'fail', { retry: false })).status).toBe(200)
    expect(await statusOf(id)).toBe('RUNNING')
    expect((await end(leased, 'redrive')).body).toEqual({ status: 'ok', id: leased.queue_id })
    expect((await end(leased, 'redrive')).body.detail).toBe('the job is queued, not dead')
    expect((await lease(`by-hand-${id}`)).job.attempts).toBe(1)
    await client.send('POST', `/api/executions/${id}/stop`)
    expect((await client.post('/api/queue/enqueue', { ...job, node_id: 'another' })).status).toBe(
      409,
    )
    const dead = (await client.get(`/api/queue?execution_id=${id}&status=dead`)).body.items
    const refused = await end(dead[0], 'redrive')
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      expect.stringContaining(`execution ${id} has ended (FAILED)`),
    ])
  })

  test('of an unknown execution, or without what it needs, is refused', async () => {
    const job = { execution_id: '1', node_id: 'n', action: {} }
    expect((await client.post('/api/queue/enqueue', job)).status).toBe(404)
    for (const body of [
      {},
      { ...job, action: 'no json' },
      { ...job, action: '[]' },
      { ...job, node_id: undefined },
    ]) {
      expect((await client.post('/api/queue/enqueue', body)).status).toBe(422)
    }
    expect((await end({ queue_id: '5' }, 'redrive')).status).toBe(404)
  })
})

describe('looking on', () => {
  test('lists jobs by page, each once', async () => {
    const { id } = await waiting()
    for (let n = 0; n < 4; n++) {
      await client.post('/api/queue/enqueue', { execution_id: id, node_id: `n${n}`, action: {} })
    }
    const seen: string[] = []
    let target: string | null = `/api/queue?execution_id=${id}&limit=2`
    while (target) {
      const { body, headers }: Awaited<ReturnType<typeof client.get>> = await client.get(target)
      expect(body.status).toBe('ok')
      seen.push(...body.items.map((item: { node_id: string }) => item.node_id))
      const link: string = headers.get('link') ?? ''
      target = /<([^>]+)>/.exec(link)?.[1] ?? null
    }
    expect(seen.sort()).toEqual([`${id}:work`, 'n0', 'n1', 'n2', 'n3'])
    expect((await client.get('/api/queue?status=nonsense')).status).toBe(422)
  })

  test('counts, under both names', async () => {
    await waiting()
    const [count] = await sql`select count(*)::int as n from noetl.queue where status = 'queued'`
    expect((await client.get('/api/queue/size')).body).toEqual({ status: 'ok', count: count?.n })
    expect((await client.get('/api/jobs/queue/size?status=queued')).body).toEqual({
      status: 'ok',
      count: count?.n,
    })
    expect((await client.get('/api/queue/size?status=all')).status).toBe(422)
  })

  test('an execution says what it waits for, until somebody does it', async () => {
    const { id, tool } = await waiting()
    const { waiting_for } = (await client.get(`/api/executions/${id}`)).body
    expect(waiting_for).toEqual([{ type: tool, jobs: 1, since: expect.stringMatching(/Z$/) }])
    await lease(tool)
    expect((await client.get(`/api/executions/${id}`)).body).not.toHaveProperty('waiting_for')
    await expire(id)
    expect((await client.get(`/api/executions/${id}`)).body.waiting_for).toHaveLength(1)
  })
})

test('EDGE_TOOLS says what the edge does itself', async () => {
  const steps =
    '  - {step: start, next: a}\n  - {step: a, type: http, url: "http://127.0.0.1:1/", next: end}\n  - {step: end}'
  const none = newClient({ EDGE_TOOLS: '' })
  const id = await none.run(await none.register(playbook(steps)))
  expect((await none.get(`/api/executions/${id}`)).body).toMatchObject({
    status: 'RUNNING',
    waiting_for: [{ type: 'http' }],
  })
  const some = newClient({ EDGE_TOOLS: 'postgres, http' })
  const other = await some.run(await some.register(playbook(steps)))
  expect((await some.get(`/api/executions/${other}`)).body.status).toBe('FAILED')
})
