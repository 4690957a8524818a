import { describe, expect, test } from 'vitest'
import { newClient, playbook } from '../support.ts'
import { registered, rowOf } from './waiting.ts'

const client = newClient()
const RUN = '/api/executions/run'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

const startOf = async (executionId: string) =>
  (await client.get(`/api/executions/${executionId}`)).body.events[0]

describe.each([RUN, '/api/execute'])('%s', (endpoint) => {
  test('answers with every key of the original', async () => {
    const { path, ids } = await registered(client)
    const { status, body } = await client.post(endpoint, { path })
    expect(status).toBe(200)
    const id = body.execution_id
    expect(id).toMatch(/^\d{15,19}$/)
    expect(body).toEqual({
      execution_id: id,
      id,
      catalog_id: ids[0],
      path,
      playbook_id: path,
      playbook_name: path.split('/').at(-1),
      version: '1',
      type: 'playbook',
      execution_type: 'playbook',
      status: 'running',
      timestamp: expect.stringMatching(TIME),
      start_time: body.timestamp,
      end_time: null,
      progress: 0,
      result: null,
      error: null,
    })
    expect(Math.abs(Date.now() - Date.parse(body.timestamp))).toBeLessThan(60_000)
  })
})

describe('the beginning', () => {
  test('keeps its parent, nested or flat, and its own metadata', async () => {
    const { ids } = await registered(client)
    const parent = {
      parent_execution_id: '9007199254740993',
      parent_event_id: '9007199254740995',
      parent_step: 's',
    }
    for (const form of [
      parent,
      { context: parent },
      { ...parent, context: { parent_step: 'other' } },
    ]) {
      const run = await client.post(RUN, { catalog_id: ids[0], ...form, metadata: { by: 'test' } })
      const row = await rowOf(client, run.body.execution_id)
      expect(row).toMatchObject({
        parent: parent.parent_execution_id,
        parent_event: parent.parent_event_id,
        parent_step: 's',
        metadata: { by: 'test' },
      })
      const start = await startOf(run.body.execution_id)
      expect(start.parent_event_id).toBe(parent.parent_event_id)
      expect(start.meta).toMatchObject({
        parent_execution_id: parent.parent_execution_id,
        parent_step: 's',
      })
    }
    const { body } = await client.get(
      `/api/executions?parent_execution_id=${parent.parent_execution_id}`,
    )
    expect(body).toHaveLength(3)
  })

  test('takes a parent id as a bare integer', async () => {
    const { ids } = await registered(client)
    const run = await client.post(
      RUN,
      `{"catalog_id": "${ids[0]}", "parent_execution_id": 9007199254740997}`,
    )
    expect((await rowOf(client, run.body.execution_id)).parent).toBe('9007199254740997')
  })

  test('is of a type, under either name', async () => {
    const { ids } = await registered(client)
    for (const body of [{ type: 'tool' }, { execution_type: 'tool' }]) {
      const run = await client.post(RUN, { catalog_id: ids[0], ...body })
      expect([run.body.type, run.body.execution_type]).toEqual(['tool', 'tool'])
      expect((await rowOf(client, run.body.execution_id)).kind).toBe('tool')
    }
    expect((await client.post(RUN, { catalog_id: ids[0], type: 'cron' })).status).toBe(422)
  })

  test('knows who asked', async () => {
    const { ids } = await registered(client)
    const headers = { 'cf-connecting-ip': '203.0.113.7', 'user-agent': `test ${'x'.repeat(600)}` }
    const run = await client.post(RUN, { catalog_id: ids[0] }, { headers })
    const { body } = await client.get(`/api/executions/${run.body.execution_id}`)
    expect(body.requestor).toEqual({
      ip: '203.0.113.7',
      user_agent: headers['user-agent'].slice(0, 512),
      timestamp: expect.stringMatching(/Z$/),
      caller: 'open',
    })
    expect(body.events[0].meta.requestor).toEqual(body.requestor)
  })

  test('is an event with the path, the version and the workload', async () => {
    const { path, ids } = await registered(client)
    const run = await client.post(RUN, { path, parameters: { v: 5 } })
    expect(await startOf(run.body.execution_id)).toMatchObject({
      event_type: 'execution_start',
      node_name: path.split('/').at(-1),
      node_type: 'playbook',
      status: 'STARTED',
      catalog_id: ids[0],
      context: { path, version: '1', workload: { v: 5, kept: true } },
    })
    expect(await client.log(run.body.execution_id)).toHaveLength(2)
  })
})

test('with sync_to_postgres false the reply says what the original says', async () => {
  const { path } = await registered(client)
  const { body } = await client.post('/api/execute', { path, sync_to_postgres: false })
  expect(body.result).toEqual({
    status: 'success',
    message: `Execution accepted for playbooks '${path}' version '1'.`,
    result: { status: 'queued' },
    execution_id: body.execution_id,
    export_path: null,
  })
})

test('a run without work ends in the reply, with its result', async () => {
  const id = await client.register(
    playbook(
      '  - {step: start, next: end}\n  - {step: end, result: {sum: "{{ workload.a + 1 }}"}}',
      'workload: {a: 1}',
    ),
  )
  const { body } = await client.post(RUN, { catalog_id: id, parameters: { a: 41 } })
  expect(body).toMatchObject({
    status: 'completed',
    progress: 100,
    result: { sum: 42 },
    error: null,
  })
  expect(body.end_time).toMatch(TIME)
  expect(await client.log(body.execution_id)).toEqual([
    expect.stringMatching(/^execution_start:/),
    'execution_complete:end',
  ])
})
