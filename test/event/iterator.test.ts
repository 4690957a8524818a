// Iterators, run to their end at the edge and by workers.
import { describe, expect, inject, test } from 'vitest'
import type { Json } from '../../src/json.ts'
import { expectRebuilt } from '../rebuild.ts'
import { completed, newClient, playbook } from '../support.ts'

const client = newClient({ EDGE_MAX_STEPS: '10000' })
const ECHO = inject('echo')

/** Runs one iterator step and answers with the execution. */
async function iterated(step: object, head = '', parameters: Json = {}) {
  const keys = JSON.stringify({
    step: 'each',
    type: 'iterator',
    element: 'n',
    task: { type: 'transform', data: '{{ n * 10 }}' },
    next: 'end',
    ...step,
  })
  const id = await client.register(
    playbook(`  - {step: start, next: each}\n  - ${keys}\n  - {step: end}`, head),
  )
  const executionId = await client.run(id, parameters)
  await expectRebuilt(client.env.DATABASE_URL as string, [id])
  const { body } = await client.get(`/api/executions/${executionId}`)
  return { ...body, log: await client.log(executionId) }
}

async function resultOf(step: object, head = '', parameters: Json = {}) {
  const { status, error, result } = await iterated(step, head, parameters)
  expect([status, error]).toEqual(['COMPLETED', null])
  return result
}

describe('an iterator', () => {
  test('runs its task for each item, in order, and leaves an event for each', async () => {
    const { status, result, log } = await iterated({ collection: [1, 2] })
    expect([status, result]).toEqual(['COMPLETED', [10, 20]])
    expect(log).toEqual([
      'execution_start:p',
      'step_started:each',
      'iterator_started:each',
      'iteration_started:each[0]',
      'action_started:each[0]',
      'action_completed:each[0]',
      'iteration_completed:each[0]',
      'iteration_started:each[1]',
      'action_started:each[1]',
      'action_completed:each[1]',
      'iteration_completed:each[1]',
      'iterator_completed:each',
      'step_result:each',
      'step_completed:each',
      'execution_complete:end',
    ])
  })

  test('of nothing completes at once', async () => {
    expect(await resultOf({ collection: [] })).toEqual([])
  })

  test('runs several at once when asked to, and keeps the order', async () => {
    const collection = Array.from({ length: 23 }, (_, n) => n)
    const { result, log } = await iterated({ collection, mode: 'async', concurrency: 4 })
    expect(result).toEqual(collection.map((n) => n * 10))
    const started = log.slice(0, log.indexOf('action_completed:each[0]'))
    expect(started.filter((line: string) => line.startsWith('iteration_started'))).toHaveLength(4)
  })

  test('one after the other: the next begins when the last has ended', async () => {
    const { log } = await iterated({ collection: [1, 2, 3] })
    for (const n of [1, 2]) {
      const before = log.indexOf(`iteration_completed:each[${n - 1}]`)
      expect(log.indexOf(`iteration_started:each[${n}]`)).toBeGreaterThan(before)
    }
  })

  test.each([
    ['a template', '{{ workload.list }}', [10, 20]],
    ['a text of JSON', '[3, 4]', [30, 40]],
    ["a text of Python's", "[5, 'x' if false else 6]", [50, 60]],
    ['a mapping with a list of that name', { ns: [7], other: [1] }, [70]],
    ['a mapping with one list', { whatever: [8] }, [80]],
    ['a single text', '9', undefined],
  ])('takes %s for a collection', async (_what, collection, expected) => {
    const { status, result } = await iterated({ collection }, 'workload: {list: [1, 2]}')
    if (expected === undefined) expect(result).toEqual(['9999999999'])
    else expect([status, result]).toEqual(['COMPLETED', expected])
  })

  test('refuses what is no collection, and says so', async () => {
    const { status, error } = await iterated({ collection: '{{ workload.x }}' }, 'workload: {x: 3}')
    expect([status, error]).toEqual(['FAILED', 'the collection is a number, not a list'])
  })

  test('an undefined collection fails the step with the expression', async () => {
    const { status, error } = await iterated({ collection: '{{ nope.x }}' })
    expect(status).toBe('FAILED')
    expect(error).toContain('nope')
  })

  test('where, order_by, limit and chunk, in this order', async () => {
    const people = [
      { name: 'c', age: 30 },
      { name: 'a', age: 20 },
      { name: 'd', age: 40 },
      { name: 'b', age: 50 },
      { name: 'e', age: 10 },
    ]
    const names = { type: 'transform', data: "{{ n | map(attribute='name') | list }}" }
    const step = { collection: people, where: 'n.age >= 20', order_by: '-age', limit: 3 }
    expect(await resultOf({ ...step, chunk: 2, task: names })).toEqual([['b', 'd'], ['c']])
    const two = { ...step, order_by: ['n.age > 25', '{{ n.name }}'], limit: '{{ 9 }}' }
    expect(await resultOf({ ...two, task: { type: 'transform', data: '{{ n.name }}' } })).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
  })

  test('an item sees where it stands, what was passed on, and the rest', async () => {
    const data = {
      n: '{{ n }}',
      loop: '{{ _loop }}',
      index: '{{ index }}',
      batch: '{{ batch }}',
      of: '{{ each.result_index }}',
      parent: '{{ parent.passed }}',
      passed: '{{ passed }}',
      workload: '{{ workload.w }}',
      before: '{{ first.v }}',
      id: '{{ execution_id }}',
      job: '{{ job.execution_id }}',
    }
    const id = await client.register(
      playbook(
        `  - {step: start, next: first}
  - {step: first, type: transform, data: {v: 5}, next: [{step: each, data: {passed: 7}}]}
  - ${JSON.stringify({ step: 'each', type: 'iterator', collection: ['x', 'y', 'z'], element: 'n', chunk: 2, enumerate: true, task: { type: 'transform', data }, next: 'end' })}
  - {step: end}`,
        'workload: {w: 1}',
      ),
    )
    const executionId = await client.run(id)
    const { body } = await client.get(`/api/executions/${executionId}`)
    expect(body.error).toBe(null)
    const item = ['z']
    expect(body.result[1]).toEqual({
      n: item,
      loop: { index: 1, current_index: 1, item, count: 2, first: false, last: true },
      index: 1,
      batch: item,
      of: 1,
      parent: 7,
      passed: 7,
      workload: 1,
      before: 5,
      id: executionId,
      job: executionId,
    })
  })

  test('later steps and the end see its results under its name', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: each}
  - {step: each, type: iterator, collection: [1, 2], element: n, task: {type: transform, data: "{{ n + 1 }}"}, next: after}
  - {step: after, type: transform, data: "{{ each | sum }}", next: end}
  - {step: end, result: {sum: "{{ after }}", last: "{{ each[-1] }}"}}`),
    )
    const { body } = await client.get(`/api/executions/${await client.run(id)}`)
    expect(body.result).toEqual({ sum: 5, last: 3 })
  })
})

describe('failed items', () => {
  const risky = {
    collection: [1, 0, 2, 0],
    task: { type: 'http', url: `${ECHO}/status/{{ 200 if n else 503 }}` },
  }

  test('fail the step when the rest is done, and it says which', async () => {
    const { status, error, log } = await iterated(risky)
    expect(status).toBe('FAILED')
    expect(error).toMatch(/^2 of 4 iterations failed; the first, each\[1\]: HTTP 503/)
    expect(log).toContain('iteration_completed:each[2]')
    expect(log.filter((line: string) => line.startsWith('iteration_failed'))).toHaveLength(2)
  })

  test('are marked in the result with on_error: continue', async () => {
    const { status, result } = await iterated({ ...risky, on_error: 'continue' })
    expect(status).toBe('COMPLETED')
    expect(result[0].status_code).toBe(200)
    expect(result[1]).toMatchObject({ status: 'error', index: 1 })
    expect(result[1].error).toContain('HTTP 503')
    expect(result).toHaveLength(4)
  })

  test('are tried again by the task’s own retry', async () => {
    const task = {
      type: 'http',
      url: `${ECHO}/flaky/2/it-${Date.now()}-{{ n }}`,
      retry: { max_attempts: 3, initial_delay: 0.01, jitter: false },
    }
    const { status, error, log } = await iterated({ collection: [1, 2], task })
    expect([status, error]).toEqual(['COMPLETED', null])
    expect(log.filter((line: string) => line === 'action_error:each[1]')).toHaveLength(2)
  })
})

describe('what an iterator may run', () => {
  test('a task of the workbook', async () => {
    const head =
      'workbook: [{name: times, type: transform, data: "{{ n * workload.by }}"}]\nworkload: {by: 3}'
    expect(
      await resultOf({ collection: [1, 2], task: { type: 'workbook', name: 'times' } }, head),
    ).toEqual([3, 6])
  })

  test('playbooks, each an execution of its own', async () => {
    const child = playbook(
      '  - {step: start, next: end}\n  - {step: end, result: {got: "{{ workload.v }}"}}',
    )
    const path = /path: ([^,]+)/.exec(child)?.[1]
    await client.register(child)
    const task = { type: 'playbook', path, data: { v: '{{ n }}' } }
    expect(await resultOf({ collection: [1, 2, 3], mode: 'async', task })).toEqual([
      { got: 1 },
      { got: 2 },
      { got: 3 },
    ])
  })

  test('another iterator, whose items see both', async () => {
    const inner = {
      type: 'iterator',
      collection: '{{ n.list }}',
      element: 'm',
      task: { type: 'transform', data: '{{ n.k ~ m }}' },
    }
    const collection = [
      { k: 'a', list: [1, 2] },
      { k: 'b', list: [] },
      { k: 'c', list: [3] },
    ]
    for (const mode of ['sequential', 'async']) {
      const { result, log } = await iterated({ collection, mode, task: inner })
      expect(result).toEqual([['a1', 'a2'], [], ['c3']])
      expect(log).toContain('iteration_completed:each[0][1]')
    }
  })

  test('a loop of any step', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: each}
  - {step: each, type: transform, data: "{{ city ~ '!' }}", loop: {in: [a, b], iterator: city}, next: end}
  - {step: end}`),
    )
    const { body } = await client.get(`/api/executions/${await client.run(id)}`)
    expect(body.result).toEqual(['a!', 'b!'])
  })

  test('steps of workers, one after the other', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: each}
  - {step: each, type: iterator, collection: [4, 5], element: n, task: {type: python, code: "def main(n): return n"}, next: end}
  - {step: end}`),
    )
    const executionId = await client.run(id)
    const lease = async () =>
      (await client.post('/api/queue/lease', { worker_id: 'w', capabilities: ['python'] })).body.job
    for (const [index, n] of [4, 5].entries()) {
      let job = await lease()
      while (job && job.execution_id !== executionId) job = await lease()
      expect([job.node_id, job.context.n]).toEqual([`${executionId}:each[${index}]`, n])
      const report = { ...completed(executionId, `each[${index}]`, n * 2), node_name: 'each' }
      expect((await client.post('/api/events', report)).status).toBe(200)
      expect((await client.post(`/api/queue/${job.queue_id}/complete`, {})).status).toBe(200)
      // sent again it changes nothing
      expect((await client.post('/api/events', report)).status).toBe(200)
    }
    const { body } = await client.get(`/api/executions/${executionId}`)
    expect([body.status, body.result]).toEqual(['COMPLETED', [8, 10]])
    const page = `/api/aggregate/loop/results?execution_id=${executionId}&step_name=each`
    expect((await client.get(page)).body).toMatchObject({ results: [8, 10], count: 2 })
    await expectRebuilt(client.env.DATABASE_URL as string, [id])
  })
})

describe('across invocations', () => {
  test('what one hands over, others go on with', async () => {
    const small = newClient({ EDGE_MAX_STEPS: '3' })
    const id = await small.register(
      playbook(`  - {step: start, next: each}
  - {step: each, type: iterator, collection: "{{ range(20) | list }}", element: n, mode: async, task: {type: transform, data: "{{ n }}"}, next: end}
  - {step: end}`),
    )
    const executionId = await small.run(id)
    for (let round = 0; round < 40 && (await small.deliver()) > 0; round++);
    const { body } = await small.get(`/api/executions/${executionId}`)
    expect([body.status, body.result]).toEqual([
      'COMPLETED',
      Array.from({ length: 20 }, (_, n) => n),
    ])
    await expectRebuilt(small.env.DATABASE_URL as string, [id])
  })

  test('a cancel ends its iterations', async () => {
    const id = await client.register(
      playbook(`  - {step: start, next: each}
  - {step: each, type: iterator, collection: [1, 2], element: n, task: {type: python, code: "def main(): pass"}, next: end}
  - {step: end}`),
    )
    const executionId = await client.run(id)
    expect((await client.post(`/api/executions/${executionId}/cancel`, {})).status).toBe(200)
    const late = await client.post('/api/events', completed(executionId, 'each[0]', 1))
    expect(late.status).toBe(200)
    const log = await client.log(executionId)
    expect(log.filter((line) => line.startsWith('iteration_'))).toEqual([
      'iteration_started:each[0]',
    ])
  })
})
