import { neon } from '@neondatabase/serverless'
import { describe, expect, test } from 'vitest'
import { completed, newClient } from '../support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
const detail = async (id: string) => (await client.get(`/api/executions/${id}`)).body
let paths = 0
const newPath = () => `test/child/${Date.now()}-${++paths}`

/** Registers a playbook of these steps; answers its path. */
async function registered(steps: string, head = '', path = newPath()): Promise<string> {
  await client.register(`metadata: {path: ${path}}\n${head}\nworkflow:\n${steps}\n`)
  return path
}

const run = async (path: string, parameters = {}) =>
  (await client.post('/api/execute', { path, parameters })).body.execution_id as string

const childrenOf = async (id: string) =>
  (await client.get(`/api/executions?parent_execution_id=${id}`)).body

const caller = (path: string, more = '') =>
  registered(`  - {step: start, next: sub}
  - {step: sub, type: playbook, path: "${path}"${more}, next: end}
  - {step: end, result: {got: "{{ sub }}"}}`)

const DOUBLE = `  - {step: start, next: end}
  - {step: end, result: {double: "{{ workload.n * 2 }}"}}`
const WAITING = `  - {step: start, next: task}
  - {step: task, type: python, code: x, next: end}
  - {step: end, result: {v: "{{ task.v }}"}}`
const FAILING = `  - {step: start, next: bad}
  - {step: bad, type: http, url: "http://127.0.0.1:1/"}`

describe('a step of type playbook', () => {
  test('runs a child execution with its input, and has its result', async () => {
    const child = await registered(DOUBLE, 'workload: {n: 1}')
    const id = await run(await caller(child, ', with: {n: "{{ 20 + 1 }}"}'))
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { got: { double: 42 } } })
    const [only, ...others] = await childrenOf(id)
    expect(others).toEqual([])
    expect(only).toMatchObject({ playbook_id: child, status: 'COMPLETED' })
    const { events } = await detail(only.id)
    expect(events[0].meta).toMatchObject({ parent_execution_id: id, parent_step: 'sub' })
    const report = (await detail(id)).events.find(
      ({ event_type }: { event_type: string }) => event_type === 'action_completed',
    )
    expect(report.result.execution_id).toBe(only.id)
    expect((await client.log(id)).map((event) => event.split(':')[0])).toEqual([
      'execution_start',
      'step_started',
      'action_started',
      'action_completed',
      'step_result',
      'step_completed',
      'execution_complete',
    ])
  })

  test('waits for a child that waits for a worker, and goes on when it ends', async () => {
    const id = await run(await caller(await registered(WAITING)))
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
    const [child] = await childrenOf(id)
    expect(await detail(child.id)).toMatchObject({ waiting_for: [{ type: 'python' }] })
    expect((await detail(id)).waiting_for).toMatchObject([{ type: 'playbook', jobs: 1 }])
    // whatever else looks at the parent meanwhile does not run the step again
    await client.tick()
    await client.deliver()
    expect(await childrenOf(id)).toHaveLength(1)
    await client.post('/api/events', completed(child.id, 'task', { v: 9 }))
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { got: { v: 9 } } })
    expect((await client.log(id)).filter((event) => event === 'action_completed:sub')).toHaveLength(
      1,
    )
  })

  test('fails with its child, and says why', async () => {
    const path = await registered(FAILING)
    const id = await run(await caller(path))
    const { status, error } = await detail(id)
    expect(status).toBe('FAILED')
    expect(error).toContain(`playbook '${path}' failed: `)
    // and one that fails later, where a worker reports it
    const later = await run(await caller(await registered(WAITING)))
    const [child] = await childrenOf(later)
    await client.post('/api/events', {
      ...completed(child.id, 'task'),
      event_type: 'action_error',
      status: 'FAILED',
      error: 'no luck',
    })
    expect(await detail(later)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('no luck'),
    })
  })

  test('of an unknown playbook, or without a path, is refused or fails', async () => {
    const id = await run(await caller('test/child/nowhere'))
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: "No catalog entries found for path 'test/child/nowhere'",
    })
    const { status, body } = await client.post('/api/catalog/register', {
      content: 'metadata: {path: x/y}\nworkflow:\n  - {step: start, type: playbook}\n',
    })
    expect([status, body.errors[0].detail]).toEqual([
      422,
      'a playbook step needs one of path, resource_path',
    ])
  })

  test('takes its child with it when it is cancelled, through all levels', async () => {
    const id = await run(await caller(await caller(await registered(WAITING))))
    const [child] = await childrenOf(id)
    const [grandchild] = await childrenOf(child.id)
    expect(grandchild.status).toBe('RUNNING')
    await client.send('POST', `/api/executions/${id}/stop`)
    for (const { id: each } of [child, grandchild]) {
      expect(await detail(each)).toMatchObject({
        status: 'FAILED',
        error: 'cancelled: the playbook that it runs for has ended',
      })
    }
  })

  test('goes five levels down and up again', async () => {
    let path = await registered(DOUBLE, 'workload: {n: 4}')
    for (let level = 0; level < 5; level++) path = await caller(path, ', with: {n: 4}')
    let { result, status } = await detail(await run(path))
    expect(status).toBe('COMPLETED')
    for (let level = 0; level < 5; level++) result = result.got
    expect(result).toEqual({ double: 8 })
  })

  test('does not run within itself, nor deeper than it may', async () => {
    const path = newPath()
    const inner = await caller(path)
    await registered(
      `  - {step: start, next: s}\n  - {step: s, type: playbook, path: ${inner}}`,
      '',
      path,
    )
    expect((await detail(await run(path))).error).toContain(
      `playbook '${path}' would run within itself`,
    )

    const flat = newClient({ PLAYBOOK_DEPTH: '2' })
    let deep = await registered(DOUBLE, 'workload: {n: 1}')
    for (let level = 0; level < 2; level++) deep = await caller(deep)
    const { body } = await flat.post('/api/execute', { path: deep })
    expect((await detail(body.execution_id)).error).toContain('nested more than 2 deep')
  })

  test('is one child, however often its action begins', async () => {
    const id = await run(await caller(await registered(WAITING)))
    // as if whoever started the child had died before it handed the job over
    await sql`update noetl.queue set status = 'retry', lease_until = null, worker_id = null where execution_id = ${id}`
    await client.tick()
    await client.deliver()
    const [child, ...others] = await childrenOf(id)
    expect(others).toEqual([])
    await client.post('/api/events', completed(child.id, 'task', { v: 1 }))
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
  })

  test('that nobody told of the end of its child is told by the sweeper', async () => {
    const id = await run(await caller(await registered(WAITING)))
    const [child] = await childrenOf(id)
    // report and decision are written, and every call after them fails
    await client.faults({ rate: 1, kinds: ['refuse'], seed: 1, skip: 2 })
    await client.post('/api/events', completed(child.id, 'task', { v: 3 }))
    await client.noFaults()
    expect(await detail(child.id)).toMatchObject({ status: 'COMPLETED' })
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
    await client.tick()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { got: { v: 3 } } })
  })

  test('that ended without its child is followed by it at the next sweep', async () => {
    const id = await run(await caller(await registered(WAITING)))
    const [child] = await childrenOf(id)
    await client.faults({ rate: 1, kinds: ['refuse'], seed: 1, skip: 1 })
    await client.send('POST', `/api/executions/${id}/stop`)
    await client.noFaults()
    expect(await detail(id)).toMatchObject({ status: 'FAILED' })
    expect(await detail(child.id)).toMatchObject({ status: 'RUNNING' })
    await client.tick()
    expect(await detail(child.id)).toMatchObject({ status: 'FAILED' })
  })

  test('a parent named by a caller waits for nobody, and hears nothing', async () => {
    const parent = await run(await registered(WAITING))
    const path = await registered(DOUBLE, 'workload: {n: 1}')
    await client.post('/api/execute', {
      path,
      parent_execution_id: parent,
      parent_event_id: '5',
      parent_step: 'task',
    })
    expect(await client.log(parent)).toHaveLength(2)
  })
})

describe('a step of type workbook', () => {
  const HEAD = `workbook:
  - {name: greet, type: python, code: "def main(): pass", with: {a: 1, b: 2}}
  - {name: fetch, type: http, url: "http://127.0.0.1:1/"}
  - {name: again, type: workbook, task: greet, with: {b: 3}}`

  test('is its task: the job is the task’s, with the step’s own input over it', async () => {
    const path = await registered(
      `  - {step: start, next: [one, two, three]}
  - {step: one, type: workbook, task: greet, with: {b: 5}}
  - {step: two, type: workbook, name: greet}
  - {step: three, type: workbook, task: again}`,
      HEAD,
    )
    const id = await run(path)
    const { items } = (await client.get(`/api/queue?execution_id=${id}`)).body
    const actions = Object.fromEntries(
      items.map((item: { action: string }) => {
        const action = JSON.parse(item.action)
        return [action.name, action]
      }),
    )
    const task = { type: 'python', code_b64: btoa('def main(): pass') }
    expect(actions).toEqual({
      one: { name: 'one', ...task, data: { a: 1, b: 5 } },
      two: { name: 'two', ...task, data: { a: 1, b: 2 } },
      three: { name: 'three', ...task, data: { a: 1, b: 3 } },
    })
  })

  test('runs at the edge when its task does', async () => {
    const id = await run(
      await registered('  - {step: start, next: fetch}\n  - {step: fetch, type: workbook}', HEAD),
    )
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: expect.not.stringContaining('workbook'),
    })
  })

  test('is refused when there is no such task, or tasks name one another', async () => {
    const refused = async (steps: string, head: string) => {
      const { status, body } = await client.post('/api/catalog/register', {
        content: `metadata: {path: x/y}\n${head}\nworkflow:\n${steps}\n`,
      })
      return [
        status,
        body.errors?.map(
          ({ pointer, detail: text }: Record<string, string>) => `${pointer} ${text}`,
        ),
      ]
    }
    expect(await refused('  - {step: start, type: workbook, task: nope}', HEAD)).toEqual([
      422,
      ["/workflow/0 no task of the workbook is called 'nope'"],
    ])
    const circle =
      'workbook:\n  - {name: a, type: workbook, task: b}\n  - {name: b, type: workbook, task: a}'
    expect((await refused('  - {step: start, type: workbook, task: a}', circle))[1]).toHaveLength(3)
    expect(await refused('  - {step: start}', 'workbook: {a: 1}')).toEqual([
      422,
      ['/workbook the workbook is a list of tasks'],
    ])
    expect(
      (
        await refused(
          '  - {step: start}',
          'workbook:\n  - {name: a, type: nonsense}\n  - {name: a, type: python}\n  - {type: python}\n  - text',
        )
      )[1],
    ).toHaveLength(4)
  })
})
