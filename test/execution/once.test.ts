// Runs that are started once under a key, and answers that wait for the end.
import { expect, inject, test } from 'vitest'
import { newClient, playbook } from '../support.ts'
import { registered } from './waiting.ts'

const client = newClient()
const RUN = '/api/executions/run'
let keys = 0
const newKey = () => `key-${Date.now()}-${++keys}`
const under = (key: string) => ({ headers: { 'idempotency-key': key } })

const ENDING = () =>
  playbook('  - {step: start, next: end}\n  - {step: end, result: {n: "{{ n }}"}}')

test('a key starts one run, however often the request is sent', async () => {
  const { path } = await registered(client)
  const options = under(newKey())
  const first = await client.post(RUN, { path, parameters: { n: 1 } }, options)
  const again = await client.post('/api/execute', { path, parameters: { n: 1 } }, options)
  expect([again.status, again.body]).toEqual([200, first.body])
  expect((await client.get(`/api/executions?path=${path}`)).body).toHaveLength(1)
})

test('the answer says how the run stands by now', async () => {
  const options = under(newKey())
  const catalog_id = await client.register(ENDING())
  const request = { catalog_id, parameters: { n: 1 } }
  const first = await client.post(RUN, request, options)
  const again = await client.post(RUN, request, options)
  expect(again.body).toEqual({
    ...first.body,
    status: 'completed',
    progress: 100,
    end_time: expect.any(String),
    result: { n: 1 },
  })
})

test('another request under the key is refused, and starts nothing', async () => {
  const { path } = await registered(client)
  const options = under(newKey())
  await client.post(RUN, { path, parameters: { n: 1 } }, options)
  const other = await client.post(RUN, { path, parameters: { n: 2 } }, options)
  expect([other.status, other.body.detail]).toEqual([
    409,
    'this Idempotency-Key was sent with another request',
  ])
  expect((await client.get(`/api/executions?path=${path}`)).body).toHaveLength(1)
  for (const key of ['', 'x'.repeat(256)]) {
    expect([key, (await client.post(RUN, { path }, under(key))).status]).toEqual([key, 422])
  }
})

test('a request that cannot be met does not use the key up', async () => {
  const path = `test/once/${newKey()}`
  const options = under(newKey())
  expect((await client.post(RUN, { path }, options)).status).toBe(404)
  await client.register(
    `metadata: {path: ${path}}\nworkflow:\n  - {step: start, next: end}\n  - {step: end}`,
  )
  expect((await client.post(RUN, { path }, options)).status).toBe(200)
})

test('a lost answer, too, leaves one run', async () => {
  const flaky = newClient()
  const { path } = await registered(flaky)
  await flaky.post(RUN, { path })
  for (let n = 0; n < 6; n++) {
    const options = under(newKey())
    await flaky.faults({ rate: 1, kinds: ['reset_after'], seed: n, times: 1 })
    const first = await flaky.post(RUN, { path, parameters: { n } }, options)
    await flaky.noFaults()
    expect(first.status, first.text).toBe(200)
    const again = await flaky.post(RUN, { path, parameters: { n } }, options)
    expect(again.body.execution_id).toBe(first.body.execution_id)
  }
  expect((await flaky.get(`/api/executions?path=${path}`)).body).toHaveLength(7)
})

test('a run under a key costs one round trip, as any other', async () => {
  const { path } = await registered(client)
  await client.post(RUN, { path })
  const before = await client.trips()
  await client.post(RUN, { path }, under(newKey()))
  expect((await client.trips()) - before).toBe(1)
})

test.skipIf(inject('postgres') === '')('many at once under one key are one run', async () => {
  const clients = Array.from({ length: 8 }, () => newClient({}, inject('postgres')))
  const [first] = clients
  if (!first) return
  const { path } = await registered(first)
  for (let round = 0; round < 5; round++) {
    const options = under(newKey())
    const replies = await Promise.all(
      clients.map((one) => one.post(RUN, { path, parameters: { round } }, options)),
    )
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(new Set(replies.map(({ body }) => body.execution_id)).size).toBe(1)
  }
  expect((await first.get(`/api/executions?path=${path}`)).body).toHaveLength(5)
})

const preferring = (prefer: string) => ({ headers: { prefer } })

test('an answer waits for the end when it is asked to', async () => {
  const catalog_id = await client.register(ENDING())
  const reply = await client.post(RUN, { catalog_id, parameters: { n: 7 } }, preferring('wait=5'))
  expect([reply.status, reply.body.status, reply.body.result, reply.body.progress]).toEqual([
    200,
    'completed',
    { n: 7 },
    100,
  ])
  expect(reply.headers.get('preference-applied')).toBe('wait=5')
})

test('an answer that has waited in vain is 202', async () => {
  const { path } = await registered(client)
  const began = Date.now()
  const reply = await client.post(RUN, { path }, preferring('respond-async, wait=1'))
  expect([reply.status, reply.body.status]).toEqual([202, 'running'])
  expect(Date.now() - began).toBeGreaterThan(900)
})

test('a run that fails is an answer, too', async () => {
  const catalog_id = await client.register(
    playbook('  - {step: start, next: a}\n  - {step: a, type: transform, data: "{{ nothing }}"}'),
  )
  const reply = await client.post(RUN, { catalog_id }, preferring('wait=5'))
  expect([reply.status, reply.body.status]).toEqual([200, 'failed'])
  expect(reply.body.error).toContain('nothing')
})

test.each([
  ['wait=0', null],
  ['wait=-1', null],
  ['wait', null],
  ['handling=strict', null],
  ['wait=999', 'wait=60'],
  ['WAIT = 3; x', 'wait=3'],
])('Prefer: %s', async (prefer, applied) => {
  const catalog_id = await client.register(ENDING())
  const reply = await client.post(RUN, { catalog_id, parameters: { n: 1 } }, preferring(prefer))
  expect([reply.status, reply.headers.get('preference-applied')]).toEqual([200, applied])
})
