// What is kept of executions has no secret, whoever did their steps.
import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { newClient, playbook } from '../support.ts'

const ECHO = inject('echo')
const client = newClient()
const PASSWORD = `hunter2-${Date.now()}`
const CREDENTIAL = `redact-${Date.now()}`
/** Makes the password within the database. */
const REVERSED = `reverse('${[...PASSWORD].reverse().join('')}')`
const DSN = `postgres://test:${PASSWORD}@db.localhost/noetl`
const sql = neon(client.env.DATABASE_URL as string)

beforeAll(async () => {
  const data = { db_host: 'db.localhost', db_user: 'test', db_password: PASSWORD, db_name: 'noetl' }
  await client.post('/api/credentials', { name: CREDENTIAL, type: 'postgres', data })
})

async function eventsOf(id: string): Promise<string> {
  const [row] = await sql`
    select string_agg(e::text, '') || (select coalesce(x.result::text, '') || coalesce(x.error, '')
      from noetl.execution x where execution_id = ${id}) as kept
    from noetl.event e where execution_id = ${id}`
  return row?.kept
}

async function ran(step: object, workload: object = {}) {
  const yaml = playbook(
    `  - {step: start, next: use}
  - ${JSON.stringify({ step: 'use', next: 'end', ...step })}
  - {step: end, result: {all: "{{ use }}"}}`,
    `workload: ${JSON.stringify(workload)}`,
  )
  const id = await client.run(await client.register(yaml))
  const { body, text } = await client.get(`/api/executions/${id}`)
  return { id, body, text }
}

describe('of the edge executor', () => {
  test.each<[what: string, step: object]>([
    [
      'in rows',
      {
        auth: CREDENTIAL,
        command: `select ${REVERSED} as p, 'postgres://u:' || ${REVERSED} || '@h/d' as dsn`,
      },
    ],
    ['in an error', { auth: CREDENTIAL, command: `select ${REVERSED}::int` }],
    [
      'in a statement of its own',
      { auth: CREDENTIAL, transaction: false, command: `select 1; select ${REVERSED}::int` },
    ],
    ['inline', { auth: { type: 'postgres', inline: { dsn: DSN } }, command: 'select 1 / 0' }],
    [
      'in fields',
      {
        auth: {
          source: 'inline',
          fields: { host: 'db.localhost', user: 'test', password: PASSWORD, database: 'noetl' },
        },
        command: 'select 1',
      },
    ],
  ])('a password %s', async (_what, step) => {
    const { id, text } = await ran({ type: 'postgres', ...step })
    expect(text).not.toContain(PASSWORD)
    expect(await eventsOf(id)).not.toContain(PASSWORD)
  })

  test('what an author wrote into a request, or into a save of it', async () => {
    const { id, body, text } = await ran({
      type: 'http',
      url: `${ECHO.replace('//', `//me:${PASSWORD}@`)}/a`,
      headers: { Authorization: `Bearer ${PASSWORD}`, 'X-Secret': PASSWORD },
      save: {
        storage: 'http',
        url: `${ECHO}/b`,
        auth: { type: 'bearer', inline: { token: PASSWORD } },
      },
    })
    expect(body.status).toBe('COMPLETED')
    expect(text).not.toContain(PASSWORD)
    expect(await eventsOf(id)).not.toContain(PASSWORD)
  })

  test('what the end takes from the workload', async () => {
    const yaml = playbook(
      `  - {step: start, next: end}
  - {step: end, result: {dsn: "{{ workload.dsn }}", headers: {X-Token: abc}}}`,
      `workload: {dsn: "${DSN}"}`,
    )
    const { body } = await client.get(
      `/api/executions/${await client.run(await client.register(yaml))}`,
    )
    const dsn = 'postgres://test:***@db.localhost/noetl'
    expect(body.result).toEqual({ dsn, headers: { 'X-Token': '***' } })
  })

  test('what is taken up again', async () => {
    const { id, body } = await ran({
      type: 'http',
      url: `${ECHO}/status/500`,
      headers: { Authorization: `Bearer ${PASSWORD}` },
      retry: { max_attempts: 2, initial_delay: 0.1 },
    })
    expect(body.status).toBe('FAILED')
    const starts = (await client.log(id)).filter((event) => event === 'action_started:use')
    expect(starts).toHaveLength(2)
    expect(await eventsOf(id)).not.toContain(PASSWORD)
  })
})

describe('of workers', () => {
  const report = (id: string, event_type: string, more: object) =>
    client.post('/api/events', {
      execution_id: id,
      event_type,
      status: event_type === 'action_error' ? 'FAILED' : 'COMPLETED',
      node_id: `${id}:use`,
      node_name: 'use',
      node_type: 'task',
      ...more,
    })
  const started = (id: string) =>
    report(id, 'action_started', {
      status: 'STARTED',
      context: {
        work: { a: PASSWORD, env: { PATH: '/bin', PGPASSWORD: 'from-the-environment' } },
        task: { type: 'python', auth: { type: 'x', inline: { token: 'short-1' } } },
      },
      trace_component: { worker_raw_context: { env: { HOME: '/', X: 'from-the-environment' } } },
    })

  test.each<[what: string, auth: unknown, workload: object]>([
    ['by name', CREDENTIAL, {}],
    ['by a template', '{{ workload.pg_auth }}', { pg_auth: CREDENTIAL }],
    [
      'by a template that joins',
      "{{ workload.a ~ '-' ~ workload.b }}",
      { a: 'redact', b: CREDENTIAL.slice(7) },
    ],
    ['by key', { type: 'postgres', key: CREDENTIAL }, {}],
    ['under aliases', { one: { source: 'credential', key: CREDENTIAL }, two: 'nobody' }, {}],
    ['inline', { type: 'postgres', inline: { password: PASSWORD } }, {}],
    [
      'inline by a template',
      { source: 'inline', fields: { password: '{{ workload.p }}' } },
      { p: PASSWORD },
    ],
  ])('what a step names in auth %s', async (_what, auth, workload) => {
    const { id } = await ran({ type: 'python', code: 'x', auth }, workload)
    await started(id)
    await report(id, 'action_completed', {
      result: { id: 'r', status: 'success', data: { rows: [PASSWORD], encoded: btoa(PASSWORD) } },
      meta: { dsn: `x ${DSN}` },
    })
    await report(id, 'step_result', { result: { rows: [PASSWORD] } })
    const { body } = await client.get(`/api/executions/${id}`)
    expect(body).toMatchObject({
      status: 'COMPLETED',
      result: { all: { rows: ['***'], encoded: '***' } },
    })
    // the workload is the author's own, and stays
    const kept = (await eventsOf(id)).replaceAll(JSON.stringify(JSON.stringify(workload)), '')
    if (!('p' in workload)) expect(kept).not.toContain(PASSWORD)
    expect(kept).not.toContain('from-the-environment')
    expect(kept).not.toContain('short-1')
  })

  test('an error with its traceback, and why a worker gave up', async () => {
    const { id } = await ran({ type: 'python', code: 'x', auth: CREDENTIAL, retry: false })
    await report(id, 'action_error', { error: `no ${PASSWORD}`, traceback: `File x\n ${PASSWORD}` })
    expect(await eventsOf(id)).not.toContain(PASSWORD)
    const other = await ran({ type: 'python', code: 'x', auth: CREDENTIAL })
    const { body } = await client.get(`/api/queue?execution_id=${other.id}`)
    const [{ queue_id }] = body.items
    await sql`update noetl.queue set status = 'leased', worker_id = 'w', lease_until = now() + interval '1 minute'
      where queue_id = ${queue_id}`
    const error = `password ${PASSWORD} was refused`
    await client.post(`/api/queue/${queue_id}/fail`, { worker_id: 'w', retry: false, error })
    const failed = await client.get(`/api/executions/${other.id}`)
    expect(failed.body.error).toBe('password *** was refused')
    expect(await eventsOf(other.id)).not.toContain(PASSWORD)
  })

  test('that are sent twice, or again from another isolate, are one', async () => {
    const { id } = await ran({ type: 'python', code: 'x', auth: CREDENTIAL })
    const event_id = String(4_611_686_018_427_000_000n + BigInt(Date.now() % 1_000_000))
    const send = (text: string) => report(id, 'action_completed', { event_id, result: { text } })
    const first = await send(PASSWORD)
    expect([first.status, (await send(PASSWORD)).body]).toEqual([200, first.body])
    expect((await send('another')).status).toBe(409)
    expect(
      (await client.log(id)).filter((event) => event.startsWith('action_completed')),
    ).toHaveLength(1)
  })

  test('cost a round trip each, and one more for the first of a step with auth', async () => {
    const trips = async (id: string) => {
      const before = await client.trips()
      await report(id, 'note', { result: { a: 1 } })
      return (await client.trips()) - before
    }
    const plain = await ran({ type: 'python', code: 'x' })
    expect([await trips(plain.id), await trips(plain.id)]).toEqual([1, 1])
    for (const auth of [CREDENTIAL, '{{ workload.pg_auth }}']) {
      const { id } = await ran({ type: 'python', code: 'x', auth }, { pg_auth: CREDENTIAL })
      expect([await trips(id), await trips(id)]).toEqual([2, 1])
    }
  })

  test('are shown in the queue without what is secret, and leased with it', async () => {
    const { id } = await ran({
      type: 'python',
      code: 'x',
      auth: { type: 'x', inline: { token: PASSWORD } },
    })
    const { text } = await client.get(`/api/queue?execution_id=${id}`)
    expect(text).toContain('inline')
    expect(text).not.toContain(PASSWORD)
    const [{ queue_id }] = (await client.get(`/api/queue?execution_id=${id}`)).body.items
    await sql`update noetl.queue set priority = 1000000 where queue_id = ${queue_id}`
    const leased = await client.post('/api/queue/lease', { worker_id: 'w' })
    expect(leased.body.job.execution_id).toBe(id)
    expect(leased.text).toContain(PASSWORD)
  })
})
