// Pausing: what runs ends and is decided on, nothing begins, time goes on, and resuming loses nothing.
import { neon } from '@neondatabase/serverless'
import { expect, inject, test } from 'vitest'
import { expectRebuilt } from '../rebuild.ts'
import { chain, completed, newClient, playbook } from '../support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
const line = (step: object) => `  - ${JSON.stringify(step)}`
const yaml = (...steps: object[]) => playbook(steps.map(line).join('\n'))

const pause = (id: string, by = client) => by.post(`/api/executions/${id}/pause`, undefined)
const resume = (id: string, by = client) => by.post(`/api/executions/${id}/resume`, undefined)
const statusOf = async (id: string) => (await client.get(`/api/executions/${id}`)).body.status
/** What a worker gets that has this execution's jobs before all others. */
async function lease(id: string) {
  await sql`update noetl.queue set priority = (select max(priority) + 1 from noetl.queue) where execution_id = ${id}`
  const { body } = await client.post('/api/queue/lease', { worker_id: 'w', lease_seconds: 60 })
  return body.job?.execution_id === id ? body.job : null
}

test('no worker gets a job of what is paused; the report of one that has one is decided on', async () => {
  const catalogId = await client.register(chain('a', 'b', 'c'))
  const id = await client.run(catalogId)
  const job = await lease(id)
  expect(job).not.toBeNull()
  const before = await client.trips()
  const paused = await pause(id)
  expect((await client.trips()) - before).toBe(1)
  expect(paused.body).toMatchObject({ status: 'ok', execution_id: id, execution_status: 'PAUSED' })
  await client.post('/api/events', { ...completed(id, 'a'), worker_id: 'w' })
  await client.post(`/api/queue/${job.queue_id}/complete`, {})
  expect(await client.log(id)).toContain('step_started:b')
  expect(await statusOf(id)).toBe('PAUSED')
  expect(await lease(id)).toBeNull()
  await client.tick()
  expect(await lease(id)).toBeNull()
  expect((await resume(id)).body.execution_status).toBe('RUNNING')
  expect(await lease(id)).not.toBeNull()
  await client.post('/api/events', { ...completed(id, 'b'), worker_id: 'w' })
  await client.post('/api/events', completed(id, 'c'))
  expect(await statusOf(id)).toBe('COMPLETED')
  await expectRebuilt(client.env.DATABASE_URL as string, [catalogId])
})

test('done twice it is done once, and its version is told', async () => {
  const id = await client.run(await client.register(chain('a')))
  const replies = [await pause(id), await pause(id), await resume(id), await resume(id)]
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(replies.map(({ headers }) => headers.get('x-execution-version'))).toEqual([
    '3',
    '3',
    '4',
    '4',
  ])
  expect((await client.log(id)).filter((event) => /paused|resumed/.test(event))).toEqual([
    'execution_paused:p',
    'execution_resumed:p',
  ])
})

test('an answer that is lost is no second pause', async () => {
  const id = await client.run(await client.register(chain('a')))
  const other = newClient()
  await other.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
  const reply = await pause(id, other)
  await other.noFaults()
  expect(reply.body.execution_status).toBe('PAUSED')
  expect((await client.log(id)).filter((event) => /paused/.test(event))).toHaveLength(1)
})

test('the edge executor begins nothing of what is paused, and goes on at once when it is resumed', async () => {
  const catalogId = await client.register(
    yaml(
      { step: 'start', next: 'first' },
      {
        step: 'first',
        type: 'http',
        url: `${inject('echo')}/slow/2000`,
        next: ['second', 'third'],
      },
      { step: 'second', type: 'transform', data: 2, next: 'end' },
      { step: 'third', type: 'transform', data: 3, next: 'end' },
      { step: 'end', result: { both: '{{ second + third }}' } },
    ),
  )
  const run = client.post('/api/executions/run', { catalog_id: catalogId }, { settled: false })
  const id = (await run).body.execution_id
  await pause(id)
  const until = Date.now() + 15_000
  while (!(await client.log(id)).includes('step_completed:first') && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const log = await client.log(id)
  expect(log).toEqual(expect.arrayContaining(['step_started:second', 'step_started:third']))
  expect(log.filter((event) => event.startsWith('action_started'))).toEqual([
    'action_started:first',
  ])
  // neither messages nor the sweeper begin it
  await client.deliver([{ execution_id: id, delaySeconds: 0 }])
  await sql`update noetl.queue set available_at = available_at - interval '1 minute' where execution_id = ${id}`
  client.messages.length = 0
  await client.tick()
  expect(client.messages.filter(({ execution_id }) => execution_id === id)).toEqual([])
  expect(await client.log(id)).toEqual(log)
  expect(await statusOf(id)).toBe('PAUSED')
  await resume(id)
  const { body } = await client.get(`/api/executions/${id}`)
  expect([body.status, body.result]).toEqual(['COMPLETED', { both: 5 }])
  await expectRebuilt(client.env.DATABASE_URL as string, [catalogId])
})

test('what is paused can be cancelled, can end, and its time limit goes on', async () => {
  const catalogId = await client.register(chain('a'))
  const cancelled = await client.run(catalogId)
  await pause(cancelled)
  expect((await client.post(`/api/executions/${cancelled}/cancel`, {})).body.execution_status).toBe(
    'FAILED',
  )
  const ended = await client.run(catalogId)
  await pause(ended)
  await client.post('/api/events', completed(ended, 'a', { n: 1 }))
  expect(await statusOf(ended)).toBe('COMPLETED')
  for (const id of [cancelled, ended]) {
    for (const reply of [await pause(id), await resume(id)]) expect(reply.status).toBe(409)
  }
  const limited = await client.register(
    playbook(
      '  - {step: start, next: a}\n  - {step: a, type: python, code: x, next: end}\n  - {step: end}',
      'timeout: 3600',
    ),
  )
  const id = await client.run(limited)
  await pause(id)
  await sql`update noetl.queue set available_at = now() - interval '1 minute' where execution_id = ${id} and tool = 'timeout'`
  await client.tick()
  await client.deliver()
  const { body } = await client.get(`/api/executions/${id}`)
  expect([body.status, body.error]).toEqual(['FAILED', 'timed out after 3600 s'])
  await expectRebuilt(client.env.DATABASE_URL as string, [catalogId, limited])
})

test('pausing while much is decided loses nothing', async () => {
  const steps = Array.from({ length: 8 }, (_, n) => `s${n}`)
  const catalogId = await client.register(
    yaml(
      { step: 'start', next: steps },
      ...steps.map((step) => ({ step, type: 'python', code: 'x', next: 'end' })),
      { step: 'end' },
    ),
  )
  const id = await client.run(catalogId)
  await Promise.all([
    ...steps.map((step) => client.post('/api/events', completed(id, step))),
    pause(id),
    resume(id),
    pause(id),
  ])
  await client.post(`/api/broker/evaluate/${id}`, {})
  expect(await statusOf(id)).toBe('COMPLETED')
  await expectRebuilt(client.env.DATABASE_URL as string, [catalogId])
})

test('nobody else writes these events', async () => {
  const id = await client.run(await client.register(chain('a')))
  for (const event_type of ['execution_paused', 'execution_resumed']) {
    expect((await client.post('/api/events', { execution_id: id, event_type })).status).toBe(422)
  }
})
