import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { expectRebuilt } from '../rebuild.ts'
import { completed, newClient, playbook } from '../support.ts'

const setUp = newClient()
const sql = () => neon(setUp.env.DATABASE_URL as string)

beforeAll(async () => {
  const data = { dsn: 'postgres://tool:tool@db.localhost/noetl' }
  await setUp.post('/api/credentials', { name: 'drive', type: 'postgres', data })
  await sql()`create table if not exists drive_ran (execution_id bigint, step text)`
})

const insert = (step: string) =>
  `type: postgres, auth: drive, command: "insert into drive_ran values ({{ execution_id }}, '${step}')"`

/** start -> s0 -> s1 .. -> end, each leaving a row. */
function steps(count: number): string {
  const name = (n: number) => (n === count ? 'end' : `s${n}`)
  const chain = Array.from(
    { length: count },
    (_, n) => `  - {step: s${n}, ${insert(`s${n}`)}, next: ${name(n + 1)}}`,
  )
  return playbook(['  - {step: start, next: s0}', ...chain, '  - {step: end}'].join('\n'))
}

/** start -> w0 .. wn side by side -> join -> end. */
function wide(count: number): string {
  const names = Array.from({ length: count }, (_, n) => `w${n}`)
  return playbook(
    [
      `  - {step: start, next: [${names.join(', ')}]}`,
      ...names.map((name) => `  - {step: ${name}, ${insert(name)}, next: join}`),
      `  - {step: join, ${insert('join')}, next: end}`,
      '  - {step: end}',
    ].join('\n'),
  )
}

const rowsOf = async (id: string) =>
  (await sql()`select step from drive_ran where execution_id = ${id} order by step`).map(
    ({ step }) => step,
  )
const detail = async (id: string) => (await setUp.get(`/api/executions/${id}`)).body
const jobs = async (id: string) =>
  await sql()`select node_name, status, attempts from noetl.queue where execution_id = ${id} order by node_name`

describe('round trips', () => {
  test('a three-step run costs at most 6 to its end on a cold isolate, and 5 on a warm one', async () => {
    const content = steps(3)
    const id = await setUp.register(content)
    for (const most of [6, 5]) {
      const client = newClient()
      const execution = await client.run(id)
      expect(await client.trips()).toBeLessThanOrEqual(most)
      expect(await detail(execution)).toMatchObject({ status: 'COMPLETED', progress: 100 })
      expect((await detail(execution)).events).toHaveLength(17)
    }
  })

  test('each further step costs one', async () => {
    const [short, long] = [await setUp.register(steps(3)), await setUp.register(steps(13))]
    const cost = async (catalogId: string) => {
      await newClient().run(catalogId)
      const client = newClient()
      await client.run(catalogId)
      return client.trips()
    }
    expect((await cost(long)) - (await cost(short))).toBe(10)
  })
})

describe('side by side', () => {
  test('a fan-out wider than there is room for runs each branch once and joins', async () => {
    const client = newClient()
    const id = await client.run(await client.register(wide(12)))
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
    expect(await rowsOf(id)).toEqual(
      ['join', ...Array.from({ length: 12 }, (_, n) => `w${n}`)].sort(),
    )
    expect(
      (await jobs(id)).every(({ status, attempts }) => status === 'done' && attempts === 1),
    ).toBe(true)
  })

  test('a failing branch ends the execution at once; free jobs of the others are never run', async () => {
    const client = newClient({ EDGE_CONCURRENCY: '1' })
    const content = playbook(`  - {step: start, next: [bad, good]}
  - {step: bad, type: postgres, auth: drive, command: select 1/0}
  - {step: good, ${insert('good')}}`)
    const id = await client.run(await client.register(content))
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('division by zero'),
    })
    expect((await jobs(id)).map(({ node_name, status }) => [node_name, status])).toEqual([
      ['bad', 'dead'],
      ['good', 'dead'],
    ])
    expect(await rowsOf(id)).toEqual([])
  })
})

describe('handing over', () => {
  test('beyond its budget of steps an invocation leaves the rest to the queue, which finishes it', async () => {
    const client = newClient({ EDGE_MAX_STEPS: '4' })
    const id = await client.run(await client.register(steps(10)))
    expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
    let rounds = 0
    while ((await detail(id)).status === 'RUNNING' && rounds++ < 10) await client.deliver()
    expect(rounds).toBe(2)
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
    expect((await rowsOf(id)).length).toBe(10)
  })

  test('a message that comes twice, or late, runs nothing twice', async () => {
    const client = newClient({ EDGE_MAX_STEPS: '1' })
    const id = await client.run(await client.register(steps(2)))
    const message = { execution_id: id, delaySeconds: 0 }
    await Promise.all([
      client.deliver([message]),
      client.deliver([message]),
      client.deliver([message]),
    ])
    await client.deliver([message, message])
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
    expect(await rowsOf(id)).toEqual(['s0', 's1'])
  })

  test('when the message is lost the sweeper finds what nobody runs', async () => {
    const client = newClient({ EDGE_MAX_STEPS: '1' })
    const id = await client.run(await client.register(steps(2)))
    client.messages.splice(0)
    await client.tick()
    expect(client.messages.filter(({ execution_id }) => execution_id === id)).toEqual([])
    await sql()`update noetl.queue set available_at = now() - interval '1 minute' where execution_id = ${id}`
    await client.tick()
    expect(client.messages.map(({ execution_id }) => execution_id)).toContain(id)
    await client.deliver()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
  })

  test('without a queue the sweeper goes on by itself', async () => {
    const client = newClient({ EDGE_MAX_STEPS: '1', JOBS: undefined })
    const id = await client.run(await client.register(steps(2)))
    await sql()`update noetl.queue set available_at = now() - interval '1 minute' where execution_id = ${id}`
    await client.tick()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
  })
})

describe('an invocation that dies', () => {
  /** Leaves a run's first job leased by somebody who is gone. */
  async function abandoned(): Promise<string> {
    const client = newClient({ EDGE_MAX_STEPS: '1' })
    const id = await client.run(await client.register(steps(2)))
    await sql()`update noetl.queue set status = 'leased', worker_id = 'gone', attempts = 1,
      lease_until = now() - interval '1 second' where execution_id = ${id} and node_name = 's1'`
    return id
  }

  test('loses its lease, and another finishes what it had begun', async () => {
    const id = await abandoned()
    const client = newClient()
    await client.tick()
    await client.deliver()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
    expect((await jobs(id)).find(({ node_name }) => node_name === 's1')).toMatchObject({
      status: 'done',
      attempts: 2,
    })
    const started = (await detail(id)).events.filter(
      ({ event_type, node_name }: Record<string, string>) =>
        event_type === 'action_started' && node_name === 's1',
    )
    expect(started.at(-1).context.retry).toEqual({ attempt: 2, max_attempts: 3, is_retry: true })
  })

  test('again and again, fails its step in the end: no run is RUNNING for ever', async () => {
    const id = await abandoned()
    await sql()`update noetl.queue set attempts = 3 where execution_id = ${id} and node_name = 's1'`
    const client = newClient()
    await client.tick()
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: 'no sign of life from whoever ran it, in 3 attempts',
    })
    expect((await jobs(id)).find(({ node_name }) => node_name === 's1')).toMatchObject({
      status: 'dead',
    })
  })

  test('between a report and its decision leaves nothing undecided for long', async () => {
    const client = newClient()
    const content = playbook(`  - {step: start, next: a}
  - {step: a, type: python, code: x, next: b}
  - {step: b, ${insert('b')}}`)
    const id = await client.run(await client.register(content))
    // the report is written, and every call after it fails
    await client.faults({ rate: 1, kinds: ['refuse'], seed: 1, skip: 1 })
    const reply = await client.post('/api/events', completed(id, 'a'))
    await client.noFaults()
    expect(reply.status).toBe(503)
    expect((await detail(id)).events.at(-1).event_type).toBe('action_completed')
    await client.tick()
    await client.deliver()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
    expect(await rowsOf(id)).toEqual(['b'])
  })

  test('between a report and its decision: the report sent again is decided then', async () => {
    const client = newClient()
    const content = playbook('  - {step: start, next: a}\n  - {step: a, type: python, code: x}')
    const id = await client.run(await client.register(content))
    await client.faults({ rate: 1, kinds: ['refuse'], seed: 1, skip: 1 })
    await client.post('/api/events', completed(id, 'a'))
    await client.noFaults()
    expect((await client.post('/api/events', completed(id, 'a'))).status).toBe(200)
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
  })
})

describe('a lease that is lost while the action runs', () => {
  test('refuses the late report; the new holder’s result counts', async () => {
    const client = newClient()
    const content = playbook(`  - {step: start, next: slow}
  - {step: slow, type: http, url: "${inject('echo')}/slow/2000", next: end}
  - {step: end, result: {from: "{{ slow }}"}}`)
    const catalogId = await client.register(content)
    const { body } = await client.post(
      '/api/executions/run',
      { catalog_id: catalogId },
      { settled: false },
    )
    const id = body.execution_id
    await sql()`update noetl.queue set worker_id = 'another', queue_id = queue_id + 1000 where execution_id = ${id}`
    await new Promise((resolve) => setTimeout(resolve, 3_500))
    expect(
      (await detail(id)).events.map(({ event_type }: Record<string, string>) => event_type),
    ).toEqual(['execution_start', 'step_started', 'action_started'])
    const report = completed(id, 'slow', 'another')
    // what the edge executor holds is its own to report
    const forged = await client.post('/api/events', report)
    expect([forged.status, forged.body.title]).toEqual([409, 'Lease lost'])
    await client.post('/api/events', { ...report, worker_id: 'another' })
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { from: 'another' } })
  })

  test('does not take with it the results of the actions beside it', async () => {
    const client = newClient()
    const step = (name: string) =>
      `  - {step: ${name}, type: http, url: "${inject('echo')}/slow/2000"}`
    const content = playbook(
      `  - {step: start, next: [a, b, c]}\n${['a', 'b', 'c'].map(step).join('\n')}`,
    )
    const catalogId = await client.register(content)
    const { body } = await client.post(
      '/api/executions/run',
      { catalog_id: catalogId },
      { settled: false },
    )
    const id = body.execution_id
    await sql()`update noetl.queue set worker_id = 'another', queue_id = queue_id + 1000
      where execution_id = ${id} and node_name = 'b'`
    await new Promise((resolve) => setTimeout(resolve, 3_500))
    const log = await client.log(id)
    expect(log.filter((event) => event.startsWith('step_completed')).sort()).toEqual([
      'step_completed:a',
      'step_completed:c',
    ])
  })
})

describe('a database that answers badly', () => {
  test.each(['refuse', 'reset_before', 'reset_during', 'reset_after', 'http_500', 'empty_400'])(
    'each single call of a run may meet %s: it ends right, and no step runs twice',
    async (kind) => {
      const catalogId = await setUp.register(steps(2))
      for (let skip = 0; skip < 6; skip++) {
        const client = newClient()
        await client.faults({ rate: 1, kinds: [kind], seed: skip, skip, times: 1 })
        const id = await client.run(catalogId)
        expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
        expect(await rowsOf(id)).toEqual(['s0', 's1'])
      }
      await expectRebuilt(setUp.env.DATABASE_URL as string, [catalogId])
    },
  )
})

describe('a database that is away for a while', () => {
  test('is waited for before an action and after it: no step fails or runs twice for that', async () => {
    const client = newClient()
    const catalogId = await setUp.register(steps(2))
    // run, credential, append, append: from the credential on, twelve calls in a row fail
    await client.faults({ rate: 1, kinds: ['http_500'], seed: 1, skip: 2, times: 6 })
    const id = await client.run(catalogId)
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED' })
    expect(await rowsOf(id)).toEqual(['s0', 's1'])
  })
})

describe('a result that cannot be kept', () => {
  test('is its step’s error, and the execution ends', async () => {
    const client = newClient()
    const content = playbook(`  - {step: start, next: a}
  - {step: a, type: postgres, auth: drive, command: "select repeat('x', 3000000) as x"}`)
    const id = await client.run(await client.register(content))
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('bytes'),
    })
  })

  test('because its quoting makes it too large for one request, likewise', async () => {
    const client = newClient()
    const content = playbook(`  - {step: start, next: a}
  - {step: a, type: postgres, auth: drive, command: "select repeat(chr(92), 1000000) as x"}`)
    const id = await client.run(await client.register(content))
    expect(await detail(id)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('the result cannot be kept'),
    })
  })
})

describe('templates of an action', () => {
  test('see earlier results with their types, also when another invocation ran those steps', async () => {
    const client = newClient({ EDGE_MAX_STEPS: '1' })
    const content = playbook(`  - {step: start, next: a}
  - {step: a, type: postgres, auth: drive, command: "select 41 as n, array[1,2] as list", next: b}
  - {step: b, type: postgres, auth: drive, command: "select {{ a.command_0.rows[0].n + 1 }} as n", next: end}
  - {step: end, result: {n: "{{ b.command_0.rows[0].n }}", list: "{{ a.command_0.rows[0].list }}"}}`)
    const id = await client.run(await client.register(content))
    await client.deliver()
    expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { n: 42, list: [1, 2] } })
  })

  test('that fail, fail the step with the expression and its place', async () => {
    const client = newClient()
    const content = playbook(`  - {step: start, next: a}
  - {step: a, type: postgres, auth: drive, command: "select {{ nope.x }}"}`)
    const id = await client.run(await client.register(content))
    const { status, error } = await detail(id)
    expect(status).toBe('FAILED')
    expect(error).toContain("'nope' is undefined")
    expect(error).toContain('/command')
  })
})
