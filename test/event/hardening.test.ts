// What could hang an execution, end it wrongly, or make it say something else than it means.
import { neon } from '@neondatabase/serverless'
import { describe, expect, inject, test } from 'vitest'
import { connectTo } from '../../src/db.ts'
import { type NewReport, record } from '../../src/event/report.ts'
import { nodeId } from '../../src/event/types.ts'
import { newId } from '../../src/ids.ts'
import type { Json } from '../../src/json.ts'
import { expectRebuilt } from '../rebuild.ts'
import { completed, newClient, playbook } from '../support.ts'

const client = newClient({ EDGE_MAX_STEPS: '10000' })
const database = client.env.DATABASE_URL as string
const sql = neon(database)
const ECHO = inject('echo')

interface StepLike {
  step: string
  [key: string]: unknown
}

/** A playbook that begins with the first of these steps. */
function contentOf(steps: StepLike[], head = ''): string {
  const ends = steps.some(({ step }) => step === 'end') ? [] : [{ step: 'end' }]
  const all = [{ step: 'start', next: steps[0]?.step }, ...steps, ...ends]
  return playbook(all.map((step) => `  - ${JSON.stringify(step)}`).join('\n'), head)
}

async function ran(steps: StepLike[], head = '', parameters: Json = {}) {
  const id = await client.register(contentOf(steps, head))
  const executionId = await client.run(id, parameters)
  await expectRebuilt(database, [id])
  return (await client.get(`/api/executions/${executionId}`)).body
}

async function passes(executionId: string, seconds: number) {
  await sql`update noetl.queue set available_at = available_at - make_interval(secs => ${seconds}),
    created_at = created_at - make_interval(secs => ${seconds}) where execution_id = ${executionId}`
}

describe('an execution ends', () => {
  test('when what follows from the last item is too large to be written', async () => {
    const each = {
      step: 'each',
      type: 'iterator',
      collection: [1, 2, 3, 4],
      element: 'n',
      on_error: 'continue',
      task: { type: 'transform', data: "{{ '\u6f22' * 400000 }}" },
      next: 'end',
    }
    const executionId = await client.run(await client.register(contentOf([each])))
    const [row] =
      await sql`select status, error from noetl.execution where execution_id = ${executionId}`
    expect(row?.status).toBe('FAILED')
    expect(row?.error).toMatch(/^the results of 4 iterations weigh \d+ bytes; at most/)
  })

  test('when a step and the time of the whole end in one decision', async () => {
    const id = await client.register(
      contentOf(
        [{ step: 'py', type: 'python', code: 'def main(): pass', next: 'end' }],
        'timeout: 100',
      ),
    )
    const executionId = await client.run(id)
    await sql`update noetl.queue set status = 'leased', worker_id = 'x', attempts = 1,
      lease_until = now() + interval '1 hour' where execution_id = ${executionId} and tool = 'timeout'`
    const report = (node: string): NewReport => ({
      execution_id: executionId,
      event_id: newId(),
      is_redacted: false,
      id_given: true,
      is_action_report: true,
      is_deciding: true,
      parent_event_id: null,
      parent_execution_id: null,
      event_type: 'action_completed',
      node_id: nodeId(executionId, node),
      node_name: node,
      node_type: 'task',
      status: 'COMPLETED',
      duration: 0,
      context: {},
      result: { status: 'success', data: { seconds: 100 } },
      meta: {},
      error: null,
      stack_trace: null,
      trace_component: null,
      worker_id: 'x',
      queue_id: null,
      attempt: null,
      current_index: null,
      current_item: null,
    })
    const own = connectTo(database)
    await record(own, report('py'))
    await record(own, report('[timeout]'))
    await client.tick()
    await client.deliver()
    const { body } = await client.get(`/api/executions/${executionId}`)
    expect(body.status).toBe('COMPLETED')
    await expectRebuilt(database, [id])
  })

  test('when somebody has queued a job for a step that had not begun', async () => {
    const id = await client.register(
      contentOf([
        { step: 'nap', type: 'wait', seconds: 100, next: 'b' },
        { step: 'b', type: 'transform', data: 1, next: 'end' },
      ]),
    )
    const executionId = await client.run(id)
    const job = {
      execution_id: executionId,
      node_id: `${executionId}:b`,
      action: { type: 'python' },
    }
    expect((await client.post('/api/queue/enqueue', { ...job, context: {} })).status).toBe(200)
    await passes(executionId, 101)
    await client.deliver([{ execution_id: executionId, delaySeconds: 0 }])
    const { body } = await client.get(`/api/executions/${executionId}`)
    expect([body.status, body.result]).toEqual(['COMPLETED', 1])
  })

  test('cancelled, however busy it is', async () => {
    const steps = [
      {
        step: 'each',
        type: 'iterator',
        collection: '{{ range(1500) | list }}',
        element: 'n',
        mode: 'async',
        task: { type: 'transform', data: '{{ n }}' },
        next: 'end',
      },
    ]
    const id = await client.register(contentOf(steps))
    const run = await client.post('/api/executions/run', { catalog_id: id }, { settled: false })
    const { execution_id } = run.body
    const before = await client.trips()
    const { status } = await client.post(`/api/executions/${execution_id}/cancel`, {})
    expect(status).toBe(200)
    expect((await client.trips()) - before).toBeLessThan(20)
    await expectRebuilt(database, [id])
    const { body } = await client.get(`/api/executions/${execution_id}?limit=1`)
    expect(body.status).toBe('FAILED')
  })
})

describe('what waits', () => {
  test('takes no room of what works beside it', async () => {
    const waits = Array.from({ length: 5 }, (_, n) => ({
      step: `w${n}`,
      type: 'wait',
      seconds: 3,
      next: 'end',
    }))
    const chain = [0, 1, 2].map((n) => ({
      step: `c${n}`,
      type: 'transform',
      data: n,
      next: n < 2 ? `c${n + 1}` : 'end',
    }))
    const fan = { step: 'fan', next: [...waits.map(({ step }) => step), 'c0'] }
    const id = await client.register(contentOf([fan, ...waits, ...chain]))
    const log = await client.log(await client.run(id))
    const chained = log.indexOf('step_completed:c2')
    expect(chained).toBeGreaterThan(0)
    for (const { step } of waits) {
      expect(log.indexOf(`step_completed:${step}`)).toBeGreaterThan(chained)
    }
  })
})

describe('a step that may take long', () => {
  test('is left to whoever has the time, also when something is tried again beside it', async () => {
    const id = await client.register(
      contentOf([
        { step: 'fan', next: ['quick', 'long'] },
        {
          step: 'quick',
          type: 'http',
          url: `${ECHO}/flaky/1/${Date.now()}-long`,
          retry: { initial_delay: 0.1, jitter: false },
          next: 'end',
        },
        { step: 'long', type: 'http', url: `${ECHO}/slow/10`, timeout: 60, next: 'end' },
      ]),
    )
    const executionId = await client.run(id)
    expect(await client.log(executionId)).toContain('step_completed:quick')
    expect(await client.log(executionId)).not.toContain('action_started:long')
    await client.deliver()
    expect((await client.get(`/api/executions/${executionId}`)).body.status).toBe('COMPLETED')
  })
})

describe('a report', () => {
  test('on a timer that a step does not have, or whose time has not come, changes nothing', async () => {
    const id = await client.register(
      contentOf(
        [
          { step: 'py', type: 'python', code: 'def main(): pass', next: 'each' },
          {
            step: 'each',
            type: 'iterator',
            collection: [1],
            element: 'n',
            timeout: 900,
            task: { type: 'python', code: 'x' },
            next: 'end',
          },
        ],
        'timeout: 900',
      ),
    )
    const executionId = await client.run(id)
    const post = async (node: string) =>
      (await client.post('/api/events', completed(executionId, node, { seconds: 1 }))).status
    expect([await post('py[timeout]'), await post('py[save]'), await post('py[3]')]).toEqual([
      200, 200, 200,
    ])
    expect([await post('[timeout]'), await post('[0]')]).toEqual([409, 200])
    expect(await post('py')).toBe(200)
    expect(await post('each[timeout]')).toBe(409)
    expect(await post('each')).toBe(200)
    const { body } = await client.get(`/api/executions/${executionId}`)
    expect([body.status, body.error]).toEqual(['RUNNING', null])
    expect(await post('each[0]')).toBe(200)
    expect((await client.get(`/api/executions/${executionId}`)).body.status).toBe('COMPLETED')
    await expectRebuilt(database, [id])
  })
})

describe('data', () => {
  test('that is null is null to later steps, and in an iterator’s results', async () => {
    const body = await ran([
      { step: 'a', type: 'transform', data: '{{ none }}', next: 'each' },
      {
        step: 'each',
        type: 'iterator',
        collection: [1],
        element: 'n',
        task: { type: 'transform', data: '{{ none }}' },
        next: 'end',
      },
      { step: 'end', result: { none: '{{ a is none }}', each: '{{ each }}' } },
    ])
    expect(body.result).toEqual({ none: true, each: [null] })
  })

  test('of an item does not take the place of what a condition knows', async () => {
    const body = await ran(
      [
        {
          step: 'each',
          type: 'iterator',
          collection: [{ owner: 'x', workload: { user: 'x' } }, { owner: 'me' }],
          element: 'n',
          where: 'n.owner == workload.user',
          task: { type: 'transform', data: '{{ n.owner }}' },
          next: 'end',
        },
      ],
      'workload: {user: me}',
    )
    expect(body.result).toEqual(['me'])
  })

  test('passed to a step is seen by its own transitions, and by the result of the end', async () => {
    const body = await ran([
      { step: 'r', next: [{ step: 'a', data: { x: 1 } }] },
      {
        step: 'a',
        type: 'transform',
        data: 5,
        next: [{ step: 'b', when: 'x == 1', data: { y: '{{ x + 1 }}' } }],
      },
      { step: 'b', next: [{ step: 'end', when: 'y == 2', data: { z: '{{ y + 1 }}' } }] },
      { step: 'end', type: 'transform', data: 9, result: { z: '{{ z }}', own: '{{ result }}' } },
    ])
    expect([body.status, body.error, body.result]).toEqual(['COMPLETED', null, { z: 3, own: 9 }])
  })

  test('of another step may say how long a playbook may take', async () => {
    const child = contentOf([{ step: 'a', type: 'transform', data: 1, next: 'end' }])
    await client.register(child)
    const path = /path: ([^,]+)/.exec(child)?.[1]
    const body = await ran([
      { step: 'cfg', type: 'transform', data: { s: 50 }, next: 'mid' },
      { step: 'mid', type: 'transform', data: 1, next: 'kid' },
      { step: 'kid', type: 'playbook', path, timeout: '{{ cfg.s }}', next: 'end' },
    ])
    expect([body.status, body.error]).toEqual(['COMPLETED', null])
  })

  test('that many iterations ask for is not too much at once', async () => {
    const rows = Array.from({ length: 90 }, (_, id) => ({ id, text: 'x'.repeat(15_000) }))
    const chunked = await ran(
      [
        {
          step: 'each',
          type: 'iterator',
          collection: '{{ workload.rows }}',
          element: 'some',
          chunk: 12,
          mode: 'async',
          task: {
            type: 'transform',
            data: '{{ [some | length, batch | length, _loop.item | length] }}',
          },
          next: 'end',
        },
      ],
      '',
      { rows },
    )
    expect([chunked.error, chunked.result?.[0]]).toEqual([null, [12, 12, 12]])
  })

  test('of the end is its iterations’, when it loops', async () => {
    const body = await ran([
      { step: 'a', type: 'transform', data: 1, next: 'end' },
      {
        step: 'end',
        type: 'transform',
        data: '{{ n }}',
        loop: { in: [1, 2], as: 'n' },
        result: { all: '{{ result }}' },
      },
    ])
    expect([body.error, body.result]).toEqual([null, { all: [1, 2] }])
  })
})
