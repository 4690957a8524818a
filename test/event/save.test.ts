// Saves behind steps, whoever does the step: once, after it, and part of it.
import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { expectRebuilt } from '../rebuild.ts'
import { completed, newClient, playbook } from '../support.ts'

const client = newClient()
const database = client.env.DATABASE_URL as string
const sql = neon(database)
const AUTH = `saves-${Date.now()}`
const TABLE = `saved_${Date.now()}`
const ECHO = inject('echo')

beforeAll(async () => {
  const data = { dsn: database }
  await client.post('/api/credentials', { name: AUTH, type: 'postgres', data })
  await sql.query(`create table ${TABLE} (run text, k text, v jsonb, unique (run, k))`)
})

const spec = (more: object) => ({ storage: 'postgres', auth: AUTH, table: TABLE, ...more })
const rowsOf = async (id: string) =>
  await sql.query(`select k, v from ${TABLE} where run = $1 order by k`, [id])

/** Runs one step between start and end. */
async function ran(step: object) {
  const id = await client.register(
    playbook(
      `  - {step: start, next: [{step: only, data: {passed: 4}}]}\n  - ${JSON.stringify({ step: 'only', next: 'end', ...step })}\n  - {step: end, result: {only: "{{ only }}"}}`,
      'workload: {w: 9}',
    ),
  )
  const executionId = await client.run(id)
  await expectRebuilt(database, [id])
  const { body } = await client.get(`/api/executions/${executionId}`)
  return { id: executionId, ...body, log: await client.log(executionId) }
}

describe('a save behind a step', () => {
  test('is an action of its own, and sees the result, what was passed on and the rest', async () => {
    const data = {
      run: '{{ execution_id }}',
      k: '{{ result.name }}',
      v: ['{{ this.data.name }}', '{{ data.n }}', '{{ passed }}', '{{ workload.w }}'],
    }
    const only = { type: 'transform', data: { name: 'x', n: null }, save: spec({ data }) }
    const { id, status, error, result, log } = await ran(only)
    expect([status, error]).toEqual(['COMPLETED', null])
    expect(await rowsOf(id)).toEqual([{ k: 'x', v: ['x', null, 4, 9] }])
    // the step's result is what its action gave
    expect(result).toEqual({ only: { name: 'x', n: null } })
    expect(log).toEqual([
      'execution_start:p',
      'step_started:only',
      'action_started:only',
      'action_completed:only',
      'step_result:only',
      'save_started:only[save]',
      'action_started:only[save]',
      'action_completed:only[save]',
      'step_completed:only',
      'execution_complete:end',
    ])
  })

  test('costs one round trip', async () => {
    const cost = async (step: object) => {
      await ran(step)
      const id = await client.register(
        playbook(
          `  - {step: start, next: only}\n  - ${JSON.stringify({ step: 'only', next: 'end', ...step })}\n  - {step: end}`,
        ),
      )
      await client.run(id)
      const before = await client.trips()
      await client.run(id)
      return (await client.trips()) - before
    }
    const without = await cost({ type: 'transform', data: { a: 1 } })
    const withSave = await cost({ type: 'transform', data: { a: 1 }, save: 'event' })
    expect(withSave - without).toBe(1)
  })

  test('fails the step when it fails, and says that it was the save', async () => {
    const only = { type: 'transform', data: { nope: 1 }, save: spec({}) }
    const { status, error, log } = await ran(only)
    expect(status).toBe('FAILED')
    expect(error).toMatch(/^save: .*nope/)
    expect(log).not.toContain('step_completed:only')
  })

  test('is done once more, and the step is not, when whoever did it fell silent', async () => {
    const silent = newClient({ EDGE_MAX_STEPS: '1' })
    const key = `silent-${Date.now()}`
    const step = {
      step: 'only',
      type: 'http',
      url: `${ECHO}/flaky/0/${key}`,
      save: spec({ data: { run: '{{ execution_id }}', k: 'a', v: '{{ result.data.count }}' } }),
      next: 'end',
    }
    const id = await silent.register(
      playbook(`  - {step: start, next: only}\n  - ${JSON.stringify(step)}\n  - {step: end}`),
    )
    const executionId = await silent.run(id)
    const left = await sql`select status from noetl.queue
      where execution_id = ${executionId} and node_name = 'only[save]'`
    expect(left).toEqual([{ status: 'queued' }])
    // leased by one that dies
    await sql`update noetl.queue set status = 'leased', worker_id = 'dead', attempts = 1,
      lease_until = now() - interval '1 second'
      where execution_id = ${executionId} and node_name = 'only[save]'`
    await silent.tick()
    await silent.deliver()
    const { body } = await silent.get(`/api/executions/${executionId}`)
    expect([body.status, body.error]).toEqual(['COMPLETED', null])
    expect(await rowsOf(executionId)).toEqual([{ k: 'a', v: 1 }])
    await expectRebuilt(database, [id])
  })

  test('on a router and on the end is that step’s work', async () => {
    const at = (k: string) =>
      JSON.stringify(spec({ data: { run: '{{ execution_id }}', k, v: '{{ workload }}' } }))
    const id = await client.register(
      playbook(
        `  - {step: start, save: ${at('start')}, next: mid}
  - {step: mid, save: ${at('mid')}, next: end}
  - {step: end, type: end, save: ${at('end')}, result: {done: true}}`,
        'workload: {w: 1}',
      ),
    )
    const executionId = await client.run(id)
    const { body } = await client.get(`/api/executions/${executionId}`)
    expect([body.status, body.error, body.result]).toEqual(['COMPLETED', null, { done: true }])
    expect((await rowsOf(executionId)).map(({ k }) => k)).toEqual(['end', 'mid', 'start'])
  })

  test('of an iterator is done once, with all its results; of its task, for each item', async () => {
    const item = spec({
      mode: 'upsert',
      key: ['run', 'k'],
      data: { run: '{{ execution_id }}', k: 'i{{ n }}', v: '{{ result }}' },
    })
    const whole = spec({ data: { run: '{{ execution_id }}', k: 'all', v: '{{ result }}' } })
    const { id, status, error, result } = await ran({
      type: 'iterator',
      collection: [1, 2, 3],
      element: 'n',
      mode: 'async',
      task: { type: 'transform', data: '{{ n * 2 }}', save: item },
      save: whole,
    })
    expect([status, error, result]).toEqual(['COMPLETED', null, { only: [2, 4, 6] }])
    expect(await rowsOf(id)).toEqual([
      { k: 'all', v: [2, 4, 6] },
      { k: 'i1', v: 2 },
      { k: 'i2', v: 4 },
      { k: 'i3', v: 6 },
    ])
  })

  test('that fails for an item fails that item', async () => {
    const { status, result } = await ran({
      type: 'iterator',
      collection: ['a', 'b'],
      element: 'n',
      on_error: 'continue',
      task: { type: 'transform', data: 1, save: spec({ data: { k: '{{ n }}', no_column: 1 } }) },
    })
    expect(status).toBe('COMPLETED')
    expect(result.only.map(({ error }: { error: string }) => error.slice(0, 5))).toEqual([
      'save:',
      'save:',
    ])
  })

  test('follows what a worker did, and the worker knows nothing of it', async () => {
    const save = spec({ data: { run: '{{ execution_id }}', k: '{{ passed }}', v: '{{ result }}' } })
    const { id } = await ran({ type: 'python', code: 'def main(): return 5', save })
    const lease = { worker_id: 'w-save', capabilities: ['python'] }
    let job = null
    // other tests leave jobs behind
    do job = (await client.post('/api/queue/lease', lease)).body.job
    while (job && job.execution_id !== id)
    expect(job.action).not.toContain('save')
    const report = completed(id, 'only', { five: 5 })
    await Promise.all([client.post('/api/events', report), client.post('/api/events', report)])
    await client.post(`/api/queue/${job.queue_id}/complete`, {})
    await client.post('/api/events', report)
    const { body } = await client.get(`/api/executions/${id}`)
    expect([body.status, body.error]).toEqual(['COMPLETED', null])
    expect(await rowsOf(id)).toEqual([{ k: '4', v: { five: 5 } }])
    const log = await client.log(id)
    expect(log.filter((line) => line === 'save_started:only[save]')).toHaveLength(1)
  })
})
