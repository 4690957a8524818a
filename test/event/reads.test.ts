import { beforeAll, expect, test } from 'vitest'
import { chain, completed, newClient } from '../support.ts'

const client = newClient()
let catalogId: string
let path: string
let ids: string[]

beforeAll(async () => {
  const content = chain('a')
  catalogId = await client.register(content)
  path = /path: ([^,]+),/.exec(content)?.[1] ?? ''
  ids = []
  for (let n = 0; n < 5; n++) ids.push(await client.run(catalogId))
  await client.post('/api/events', completed(ids[0] ?? '', 'a', { n: 1 }))
  const failure = {
    ...completed(ids[1] ?? '', 'a'),
    event_type: 'action_error',
    status: 'FAILED',
    error: 'boom',
  }
  await client.post('/api/events', failure)
})

const once = async (target: string) => {
  const before = await client.trips()
  const reply = await client.get(target)
  expect((await client.trips()) - before).toBe(1)
  return reply
}

test('the list has the original’s keys, newest first, in one round trip', async () => {
  const { body } = await once(`/api/executions?path=${path}`)
  expect(body.map(({ id }: { id: string }) => id)).toEqual([...ids].reverse())
  expect(Object.keys(body[0])).toEqual([
    'id',
    'playbook_id',
    'playbook_name',
    'status',
    'start_time',
    'end_time',
    'duration',
    'progress',
    'result',
    'error',
  ])
  expect(body.at(-1)).toMatchObject({
    status: 'COMPLETED',
    progress: 100,
    result: { n: 1 },
    end_time: expect.any(String),
    duration: expect.any(Number),
  })
  expect(body.at(-2)).toMatchObject({ status: 'FAILED', progress: 100, error: 'boom' })
  expect(body[0]).toMatchObject({ status: 'RUNNING', end_time: null, duration: null })
})

test('status, progress, times and result are the same in list and detail', async () => {
  const { body: list } = await client.get(`/api/executions?path=${path}`)
  for (const item of list) {
    const {
      events,
      requestor,
      waiting_for: _some,
      ...detail
    } = (await client.get(`/api/executions/${item.id}`)).body
    expect(detail).toEqual(item)
    expect(events.length).toBeGreaterThan(0)
    expect(requestor).toMatchObject({ ip: null, timestamp: expect.any(String) })
  }
})

test('the list is paged by cursor, each page once, without gap or double', async () => {
  const seen: string[] = []
  let target: string | null = `/api/executions?path=${path}&limit=2`
  while (target !== null) {
    const { body, headers } = await once(target)
    seen.push(...body.map(({ id }: { id: string }) => id))
    const link: string | null = headers.get('link')
    expect(link === null).toBe(headers.get('x-next-cursor') === null)
    target = link === null ? null : (/<([^>]+)>; rel="next"/.exec(link)?.[1] ?? null)
  }
  expect(seen).toEqual([...ids].reverse())
})

test.each([
  ['status=completed', [0]],
  ['status=FAILED', [1]],
  ['status=RUNNING', [4, 3, 2]],
  ['since=2020-01-01', [4, 3, 2, 1, 0]],
  ['until=2020-01-01T00:00:00Z', []],
  ['since=2099-01-01', []],
])('the filter %s', async (filter, expected) => {
  const { body } = await once(`/api/executions?catalog_id=${catalogId}&${filter}`)
  expect(body.map(({ id }: { id: string }) => id)).toEqual(expected.map((n) => ids[n]))
})

test('children are found by their parent', async () => {
  const parent_execution_id = ids[0]
  const run = await client.post('/api/executions/run', {
    catalog_id: catalogId,
    parent_execution_id,
  })
  const { body } = await once(`/api/executions?parent_execution_id=${parent_execution_id}`)
  expect(body.map(({ id }: { id: string }) => id)).toEqual([run.body.execution_id])
})

test.each([
  'limit=0',
  'limit=1001',
  'limit=x',
  'cursor=x',
  'status=nope',
  'since=yesterday',
  'since=0000-01-01',
  'until=9999-12-31T23:59:59-14:00',
  'catalog_id=x',
])('the list refuses %s', async (filter) => {
  expect((await client.get(`/api/executions?${filter}`)).status).toBe(422)
})

test('the detail pages its events by seq', async () => {
  const first = await once(`/api/executions/${ids[0]}?limit=2`)
  expect(first.body.events.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2])
  expect(first.headers.get('x-next-cursor')).toBe('2')
  const rest = await once(`/api/executions/${ids[0]}?after=2`)
  expect(rest.body.events.map(({ seq }: { seq: number }) => seq)).toEqual([3, 4, 5])
  expect(rest.headers.get('link')).toBeNull()
  expect((await client.get(`/api/executions/${ids[0]}?after=99`)).body.events).toEqual([])
})

test('the log by all of its names', async () => {
  const id = ids[0] ?? ''
  const data = await once(`/api/execution/data/${id}`)
  const byExecution = await once(`/api/events/by-execution/${id}`)
  const [first] = data.body.events
  const legacy = await once(`/api/events/${first.event_id}`)
  const byEvent = await once(`/api/execution/data/${first.event_id}`)
  expect(byExecution.text).toBe(data.text)
  expect(legacy.text).toBe(data.text)
  expect(byEvent.text).toBe(data.text)
  expect(first).toMatchObject({
    event_type: 'execution_start',
    node_name: 'p',
    node_type: 'playbook',
    status: 'STARTED',
    execution_id: id,
    catalog_id: catalogId,
    metadata: first.meta,
    timestamp: first.created_at,
    normalized_status: 'STARTED',
  })
  expect(first.meta).toMatchObject({
    path,
    version: '1',
    parent_execution_id: null,
    parent_step: null,
  })
  const byId = await once(`/api/events/by-id/${first.event_id}`)
  const byQuery = await once(`/api/events/query?event_id=${first.event_id}`)
  expect(byQuery.text).toBe(byId.text)
  expect(byId.body.events).toMatchObject([
    { event_id: first.event_id, resource_path: null, output_result: {} },
  ])
})

test('the summary counts by type and shows the last three errors', async () => {
  const { body } = await once(`/api/events/summary/${ids[1]}`)
  expect(body).toMatchObject({
    status: 'ok',
    summary: {
      execution_id: ids[1],
      counts: {
        execution_start: 1,
        step_started: 1,
        action_error: 1,
        step_failed: 1,
        execution_failed: 1,
      },
      skipped: 0,
      errors: [{ node_name: 'a', error: 'boom', created_at: expect.any(String) }],
    },
  })
})

test('the summary of what is not there is empty, as the original’s', async () => {
  for (const id of ['1', 'abc']) {
    const { status, body } = await client.get(`/api/events/summary/${id}`)
    expect([status, body]).toEqual([
      200,
      { status: 'ok', summary: { execution_id: id, counts: {}, skipped: 0, errors: [] } },
    ])
  }
})

test.each([
  ['/api/executions/X', "Execution 'X' not found."],
  ['/api/executions/12', "Execution '12' not found."],
  ['/api/executions/99999999999999999999', "Execution '99999999999999999999' not found."],
  ['/api/execution/data/X', "Execution 'X' not found."],
  ['/api/execution/data/12', "Execution '12' not found."],
  ['/api/events/by-execution/12', "No events found for execution '12'."],
  ['/api/events/12', "Event '12' not found."],
  ['/api/events/by-id/12', "Event '12' not found."],
  ['/api/events/query?event_id=12', "Event '12' not found."],
])('%s is a 404 in the original’s words', async (target, detail) => {
  const { status, body } = await client.get(target)
  expect([status, body.detail]).toEqual([404, detail])
})

test('events/query without an id is refused', async () => {
  expect((await client.get('/api/events/query')).status).toBe(422)
})

test('a database that is away is a 503, never an empty list', async () => {
  const away = newClient()
  await away.faults({ rate: 1, kinds: ['refuse'], seed: 1 })
  for (const target of [
    '/api/executions',
    `/api/executions/${ids[0]}`,
    `/api/events/summary/${ids[0]}`,
    `/api/execution/data/${ids[0]}`,
  ]) {
    const { status, headers, body } = await away.get(target)
    expect([status, headers.get('retry-after'), body.detail]).toEqual([
      503,
      '5',
      'the database does not answer',
    ])
  }
})
