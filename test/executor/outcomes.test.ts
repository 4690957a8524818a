// What a driver does when its append was written, refused or lost without its knowing.
import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { completed, newClient, playbook } from '../support.ts'

const setUp = newClient()
const sql = () => neon(setUp.env.DATABASE_URL as string)
const detail = async (id: string) => (await setUp.get(`/api/executions/${id}`)).body
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const slow = (name: string, ms = 500) =>
  `  - {step: ${name}, type: http, url: "${inject('echo')}/slow/${ms}", retry: false}`

beforeAll(async () => {
  const data = { dsn: 'postgres://tool:tool@db.localhost/noetl' }
  await setUp.post('/api/credentials', { name: 'outcomes', type: 'postgres', data })
  await sql()`create table if not exists outcomes (execution_id bigint, step text)`
})

/** Starts a run and answers its id while it goes on; `done` waits for that. */
async function begin(content: string, variables: Record<string, unknown> = {}) {
  const client = newClient(variables)
  const catalog_id = await client.register(content)
  const going = client.post('/api/executions/run', { catalog_id })
  for (;;) {
    const [row] =
      await sql()`select execution_id::text as id from noetl.execution where catalog_id = ${catalog_id}`
    if (row) return { client, id: row.id as string, done: going }
    await pause(10)
  }
}

describe('a job of the backlog that another invocation took', () => {
  test('does not cost the driver the results of its own', async () => {
    const content = playbook(
      `  - {step: start, next: [a, b, c]}\n${['a', 'b', 'c'].map((name) => slow(name)).join('\n')}`,
    )
    const { id, done } = await begin(content, { EDGE_CONCURRENCY: '1' })
    await sql()`update noetl.queue set status = 'leased', worker_id = 'other', attempts = 1, queue_id = queue_id + 5000,
      lease_until = now() + interval '1 minute' where execution_id = ${id} and node_name <> 'a'`
    await done
    const log = await setUp.log(id)
    expect(log).toContain('step_completed:a')
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
    for (const step of ['b', 'c']) {
      await setUp.post('/api/events', { ...completed(id, step), worker_id: 'other' })
    }
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
  })
})

describe('an append whose answer was lost and that cannot be asked about for a while', () => {
  test('is found written in the end, and the job that it leased is run', async () => {
    const client = newClient()
    const insert = (step: string) =>
      `type: postgres, auth: outcomes, retry: false, command: "insert into outcomes values ({{ execution_id }}, '${step}')"`
    const catalogId = await client.register(
      playbook(
        `  - {step: start, next: a}\n  - {step: a, ${insert('a')}, next: b}\n  - {step: b, ${insert('b')}}`,
      ),
    )
    await client.run(catalogId)
    const other = newClient()
    // run, credential, then the append: written, but neither it nor the four calls after it are answered
    await other.faults({ rate: 1, kinds: ['reset_after'], seed: 1, skip: 2, times: 5 })
    const id = await other.run(catalogId)
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
    const rows = await sql()`select step from outcomes where execution_id = ${id} order by step`
    expect(rows.map(({ step }) => step)).toEqual(['a', 'b'])
  })
})

describe('a decision that does not fit one request', () => {
  test('fails the execution, which does not stay undecided for ever', async () => {
    const client = newClient()
    const id = await client.run(
      await client.register(
        playbook(`  - {step: start, next: a}
  - {step: a, type: python, code: x, next: [{step: b, data: {x: "{{ a }}"}}, {step: c, data: {x: "{{ a }}"}}]}
  - {step: b, type: python, code: x}
  - {step: c, type: python, code: x}`),
      ),
    )
    const reply = await client.post('/api/events', completed(id, 'a', 'x'.repeat(3_000_000)))
    expect(reply.status).toBe(200)
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('than the database takes'),
    })
    const [row] = await sql()`select undecided from noetl.execution where execution_id = ${id}`
    expect(row?.undecided).toEqual([])
  })
})

describe('an action that could not end in what a request has left', () => {
  test('is not begun by it, but by a message', async () => {
    const client = newClient()
    const content = playbook(
      `  - {step: start, next: a}\n${slow('a', 10).replace('retry: false', 'timeout: 120')}`,
    )
    const id = await client.run(await client.register(content))
    expect((await detail(id)).events.at(-1).event_type).toBe('step_started')
    await client.deliver()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
  })
})

describe('reports', () => {
  test('from before a step began are kept and are not its result', async () => {
    const client = newClient()
    const id = await client.run(
      await client.register(
        playbook(`  - {step: start, next: a}
  - {step: a, type: python, code: x, next: b}
  - {step: b, type: python, code: x, next: c}
  - {step: c, type: python, code: x, next: end}
  - {step: end, result: {b: "{{ b }}"}}`),
      ),
    )
    await client.post('/api/events', completed(id, 'b', 'early'))
    await client.post('/api/events', completed(id, 'a'))
    await client.post('/api/events', completed(id, 'b', 'real'))
    await client.post('/api/events', completed(id, 'c'))
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { b: 'real' } })
  })

  test('of many bytes in few characters are paged, not refused', async () => {
    const client = newClient()
    const id = await client.run(
      await client.register(
        playbook('  - {step: start, next: a}\n  - {step: a, type: python, code: x}'),
      ),
    )
    for (let n = 0; n < 5; n++) {
      const note = { execution_id: id, event_type: 'note', result: 'ж'.repeat(1_500_000) }
      expect((await client.post('/api/events', note)).status).toBe(200)
    }
    let [events, after] = [0, '0']
    while (after) {
      const page = await client.get(`/api/executions/${id}?after=${after}`)
      expect(page.status).toBe(200)
      events += page.body.events.length
      after = page.headers.get('x-next-cursor') ?? ''
    }
    expect(events).toBe(7)
  })
})

test('an end that does something itself has a result made of what it did', async () => {
  const client = newClient()
  const id = await client.run(
    await client.register(
      playbook(
        `  - {step: start, next: end}\n  - {step: end, type: http, url: "${inject('echo')}/status/200", result: {path: "{{ end.data.path }}", code: "{{ result.status_code }}"}}`,
      ),
    ),
  )
  expect(await detail(id)).toMatchObject({
    status: 'COMPLETED',
    result: { path: '/status/200', code: 200 },
  })
})
