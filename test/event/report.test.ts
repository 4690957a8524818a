import { expect, test } from 'vitest'
import { chain, completed, newClient } from '../support.ts'

const client = newClient()
const running = async (...steps: string[]) =>
  client.run(await client.register(chain(...(steps.length > 0 ? steps : ['a', 'b']))))
const report = (body: unknown) => client.post('/api/events', body)

test('the reply is the body with the event id, twice, and the status as sent', async () => {
  const id = await running()
  const body = {
    execution_id: id,
    event_type: 'custom.mark',
    status: 'success',
    node_name: 'zz',
    extra: [1],
  }
  const reply = await report(body)
  expect(reply.status).toBe(200)
  expect(reply.body).toEqual({
    ...body,
    event_id: expect.stringMatching(/^\d+$/),
    trigger_event_id: reply.body.event_id,
  })
  const { body: stored } = await client.get(`/api/events/by-id/${reply.body.event_id}`)
  expect(stored.events[0]).toMatchObject({
    status: 'COMPLETED',
    event_type: 'custom.mark',
    node_name: 'zz',
  })
})

test('the same id and body again gives the first answer and no second event', async () => {
  const id = await running()
  const body = {
    execution_id: id,
    event_id: '4611686018427387905',
    event_type: 'note',
    context: { a: [1, null] },
  }
  const [first, second] = [await report(body), await report(body)]
  expect([second.status, second.body]).toEqual([200, first.body])
  expect((await client.log(id)).filter((event) => event.startsWith('note'))).toHaveLength(1)
})

test('the same id with another body is a conflict, and the log keeps the first', async () => {
  const id = await running()
  const body = {
    execution_id: id,
    event_id: '4611686018427387906',
    event_type: 'note',
    result: { n: 1 },
  }
  await report(body)
  for (const other of [
    { ...body, result: { n: 2 } },
    { ...body, event_type: 'other' },
    { ...body, status: 'failed' },
  ]) {
    const reply = await report(other)
    expect([reply.status, reply.headers.get('content-type')]).toEqual([
      409,
      'application/problem+json',
    ])
  }
  const { body: stored } = await client.get('/api/events/by-id/4611686018427387906')
  expect(stored.events[0].result).toEqual({ n: 1 })
})

test('a worker’s report without an id, sent twice, is written once and decides once', async () => {
  const id = await running()
  const [first, second] = [await report(completed(id, 'a', 1)), await report(completed(id, 'a', 1))]
  expect(second.body.event_id).toBe(first.body.event_id)
  expect(await client.log(id)).toEqual([
    'execution_start:p',
    'step_started:a',
    'action_completed:a',
    'step_completed:a',
    'step_started:b',
  ])
})

test('a second end of a step with another result is kept and decides nothing', async () => {
  const id = await running()
  await report(completed(id, 'a', 1))
  expect((await report(completed(id, 'a', 2))).status).toBe(200)
  const log = await client.log(id)
  expect(log.filter((event) => event === 'action_completed:a')).toHaveLength(2)
  expect(log.filter((event) => event === 'step_started:b')).toHaveLength(1)
})

test('64-bit integers in ids and in data survive', async () => {
  const id = await running()
  const text = `{"execution_id":${id},"event_id":4611686018427387911,"event_type":"note","catalog_id":9007199254740993,
    "result":{"big":9223372036854775807,"small":-9007199254740993,"list":[9007199254740993],"float":1.5}}`
  const reply = await report(text)
  expect(reply.status).toBe(200)
  expect(reply.body).toMatchObject({ execution_id: id, event_id: '4611686018427387911' })
  expect(reply.text).toContain('9223372036854775807')
  const { text: stored } = await client.get('/api/events/by-id/4611686018427387911')
  expect(stored).toContain('"big": 9223372036854775807')
  expect(stored).toContain('[9007199254740993]')
})

test('every spelling of a status that NoETL knows is normalised, and an unknown one is refused', async () => {
  const id = await running()
  const spellings = {
    done: 'COMPLETED',
    Failure: 'FAILED',
    'in-progress': 'RUNNING',
    begin: 'STARTED',
    RETRYING: 'PENDING',
    halted: 'PAUSED',
    '': 'PENDING',
  }
  for (const [status, stored] of Object.entries(spellings)) {
    const { body } = await report({ execution_id: id, event_type: 'note', status })
    const { body: found } = await client.get(`/api/events/query?event_id=${body.event_id}`)
    expect(found.events[0].status).toBe(stored)
  }
  const refused = await report({ execution_id: id, event_type: 'note', status: 'sideways' })
  expect(refused.status).toBe(422)
  expect(refused.body).toMatchObject({
    errors: [{ pointer: '/status', detail: "unknown status 'sideways'" }],
  })
})

test.each([
  ['an unknown execution', { execution_id: '1', event_type: 'note' }, 404],
  ['no execution id', { event_type: 'note' }, 422],
  ['a bad execution id', { execution_id: 'abc', event_type: 'note' }, 422],
  ['no type', { execution_id: '1' }, 422],
  ['a forged end', { execution_id: '1', event_type: 'execution_complete' }, 422],
  ['a forged step', { execution_id: '1', event_type: 'step_completed' }, 422],
  ['a list', [1], 422],
  ['a string', '"x"', 422],
  ['text that is not JSON', '{', 400],
  ['nothing', '', 400],
  ['what nests too deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400],
  [
    'an attempt beyond 32 bits',
    { execution_id: '1', event_type: 'note', attempt: 3_000_000_000 },
    422,
  ],
  [
    'an index beyond 32 bits',
    { execution_id: '1', event_type: 'note', current_index: -3_000_000_000 },
    422,
  ],
  ['a negative duration', { execution_id: '1', event_type: 'note', duration: -1 }, 422],
])('%s is refused with a problem document', async (_what, body, status) => {
  const reply = await report(body)
  expect([reply.status, reply.headers.get('content-type')]).toEqual([
    status,
    'application/problem+json',
  ])
  expect(reply.body).toMatchObject({ status, detail: expect.any(String), instance: '/api/events' })
})

test('what jsonb cannot store is replaced, and the report is not lost', async () => {
  const id = await running()
  const text = `{"execution_id":"${id}","event_type":"note","result":{"a\\u0000b":"x\\u0000y","half":"\\ud800"}}`
  const { status, body } = await report(text)
  expect(status).toBe(200)
  const { body: stored } = await client.get(`/api/events/by-id/${body.event_id}`)
  expect(stored.events[0].result).toEqual({ 'a\ufffdb': 'x\ufffdy', half: '\ufffd' })
})

test('NUL in a text field is replaced as well', async () => {
  const id = await running()
  const reply = await report(
    `{"execution_id":"${id}","event_type":"note","node_name":"a\\u0000b","error":"x\\u0000"}`,
  )
  expect(reply.status).toBe(200)
})

test('late reports are kept after the end and change neither status, result nor times', async () => {
  const id = await running('a')
  await report(completed(id, 'a', { n: 1 }))
  const before = (await client.get(`/api/executions/${id}`)).body
  await report({ ...completed(id, 'a', { n: 2 }), event_type: 'step_result' })
  const { events, ...after } = (await client.get(`/api/executions/${id}`)).body
  expect(events).toHaveLength(before.events.length + 1)
  expect(after).toEqual({ ...before, events: undefined })
})

test('a report that decides nothing costs one round trip; one that decides costs two', async () => {
  const id = await running()
  const trips = async (body: unknown) => {
    const before = await client.trips()
    await report(body)
    return (await client.trips()) - before
  }
  expect(
    await trips({ ...completed(id, 'a'), event_type: 'action_started', status: 'STARTED' }),
  ).toBe(1)
  expect(await trips(completed(id, 'a', 1))).toBe(2)
  expect(await trips({ ...completed(id, 'a', 1), event_type: 'step_result' })).toBe(1)
  expect(await trips(completed(id, 'b', 1))).toBe(2)
})

test('a decision that mentions earlier results, and an end that gathers them, still cost two', async () => {
  const gathering = chain('a', 'b').replace(
    '{step: end}',
    "{step: end, result: {a: '{{ a.n }}', b: '{{ b.n }}'}}",
  )
  const id = await client.run(await client.register(gathering))
  await report(completed(id, 'a', { n: 1 }))
  const before = await client.trips()
  await report(completed(id, 'b', { n: 2 }))
  expect((await client.trips()) - before).toBe(2)
  expect((await client.get(`/api/executions/${id}`)).body.result).toEqual({ a: 1, b: 2 })
})

test('a report of nearly 4 MiB is kept; a larger body is refused as too large', async () => {
  const id = await running()
  const note = { execution_id: id, event_type: 'note' }
  expect((await report({ ...note, result: 'x'.repeat(4_000_000) })).status).toBe(200)
  expect((await report({ ...note, result: 'x'.repeat(4_200_000) })).status).toBe(413)
})
