// A slow worker whose lease ran out and the one that leased the job anew both report on one step.
import { neon } from '@neondatabase/serverless'
import { expect, test } from 'vitest'
import { completed, newClient, playbook } from '../support.ts'

const client = newClient({ EDGE_TOOLS: '' })
const STEPS = playbook(`  - {step: start, next: a}
  - {step: a, type: python, code: x, retry: {max_attempts: 20}, next: end}
  - {step: end, result: {a: "{{ a }}"}}`)

const begin = async () => client.run(await client.register(STEPS))
const failed = (id: string) => ({
  ...completed(id, 'a'),
  event_type: 'action_error',
  status: 'FAILED',
  error: 'boom',
})
const detail = async (id: string) => (await client.get(`/api/executions/${id}`)).body

/** A run whose step has a result in the log that no decision has answered. */
async function undecided(): Promise<string> {
  const id = await begin()
  await client.faults({ rate: 1, kinds: ['refuse'], seed: 1, skip: 1 })
  const first = await client.post('/api/events', completed(id, 'a', { n: 1 }))
  await client.noFaults()
  expect(first.status).toBe(503)
  return id
}

test('the first of two results counts, also where the decision on it was lost', async () => {
  const id = await undecided()
  await client.post('/api/events', completed(id, 'a', { n: 2 }))
  const { events, result } = await detail(id)
  const of = (type: string) =>
    events.find(({ event_type }: { event_type: string }) => event_type === type)
  expect(result).toEqual({ a: { n: 1 } })
  expect(of('step_completed').parent_event_id).toBe(of('action_completed').event_id)
})

test('an error after a result changes nothing, also where the decision on the result was lost', async () => {
  const id = await undecided()
  await client.post('/api/events', failed(id))
  expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { a: { n: 1 } } })
})

test('an error of a holder whose lease was swept does not end a step that has attempts left', async () => {
  const id = await begin()
  const sql = neon(client.env.DATABASE_URL as string)
  const tool = `swept-${id}`
  await sql`update noetl.queue set tool = ${tool} where execution_id = ${id}`
  await client.post('/api/queue/lease', { worker_id: 'w', capabilities: [tool] })
  await sql`update noetl.queue set lease_until = now() - interval '1 second' where execution_id = ${id}`
  await client.tick()
  await client.post('/api/events', failed(id))
  expect(await detail(id)).toMatchObject({ status: 'RUNNING' })
  const { body } = await client.post('/api/queue/lease', { worker_id: 'x', capabilities: [tool] })
  await client.post('/api/events', completed(id, 'a', { n: 3 }))
  expect((await client.send('POST', `/api/queue/${body.job.queue_id}/complete`)).status).toBe(200)
  expect(await detail(id)).toMatchObject({ status: 'COMPLETED', result: { a: { n: 3 } } })
})
