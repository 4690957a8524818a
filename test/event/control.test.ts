import { describe, expect, test } from 'vitest'
import { chain, completed, newClient } from '../support.ts'

const client = newClient()
const begin = async () => client.run(await client.register(chain('a', 'b')))
const stop = (id: string, body?: unknown, name = 'stop') =>
  client.send('POST', `/api/executions/${id}/${name}`, body)

describe('stopping', () => {
  test('ends the execution once, and nothing of it goes on', async () => {
    const id = await begin()
    const first = await stop(id, { reason: 'enough' })
    expect([first.status, first.body]).toEqual([
      200,
      {
        status: 'ok',
        message: `Execution ${id} is cancelled.`,
        execution_id: id,
        execution_status: 'FAILED',
      },
    ])
    expect((await stop(id, undefined, 'cancel')).body).toEqual(first.body)
    const late = await client.post('/api/events', completed(id, 'a'))
    expect(late.status).toBe(200)
    expect((await client.get(`/api/executions/${id}`)).body).toMatchObject({
      status: 'FAILED',
      progress: 100,
      error: 'cancelled: enough',
      result: null,
    })
    expect(await client.log(id)).toEqual([
      expect.stringMatching(/^execution_start/),
      'step_started:a',
      expect.stringMatching(/^execution_cancelled/),
      // a late fact is kept, and changes nothing
      'action_completed:a',
    ])
    expect((await client.get(`/api/queue?execution_id=${id}`)).body.items).toMatchObject([
      { status: 'dead' },
    ])
  })

  test('loses to an end that was there before', async () => {
    const id = await begin()
    for (const step of ['a', 'b']) await client.post('/api/events', completed(id, step))
    const { status, body } = await stop(id)
    expect([status, body.detail]).toEqual([409, `execution ${id} has ended already: COMPLETED`])
  })

  test('at the same instant as the last report has one outcome', async () => {
    for (let n = 0; n < 5; n++) {
      const id = await begin()
      await client.post('/api/events', completed(id, 'a'))
      const [cancelled, report] = await Promise.all([
        stop(id),
        client.post('/api/events', completed(id, 'b')),
      ])
      expect(report.status).toBe(200)
      const { status } = (await client.get(`/api/executions/${id}`)).body
      expect([cancelled.status, status]).toEqual(
        cancelled.status === 200 ? [200, 'FAILED'] : [409, 'COMPLETED'],
      )
      const ends = (await client.log(id)).filter((event) =>
        /^execution_(complete|cancelled)/.test(event),
      )
      expect(ends).toHaveLength(1)
    }
  })

  test('of an unknown execution is a 404', async () => {
    expect((await stop('5')).status).toBe(404)
    expect((await stop('abc')).body.detail).toBe("Execution 'abc' not found.")
  })
})

describe('asking the evaluator to look again', () => {
  test('goes on with a report that no decision has answered', async () => {
    for (const [path, message] of [
      ['broker/evaluate', 'Orchestration evaluation triggered for execution '],
      ['iterator/complete', 'Iterator completion check triggered for execution '],
    ]) {
      const id = await begin()
      await client.faults({ rate: 1, kinds: ['refuse'], seed: 1, skip: 1 })
      await client.post('/api/events', completed(id, 'a'))
      await client.noFaults()
      expect(await client.log(id)).not.toContain('step_completed:a')
      const { body } = await client.send('POST', `/api/${path}/${id}`)
      expect(body).toEqual({ status: 'success', message: message + id })
      expect(await client.log(id)).toContain('step_started:b')
    }
    expect((await client.send('POST', '/api/broker/evaluate/5')).status).toBe(404)
  })
})

test('the steps of an execution are kept anyway', async () => {
  const id = await begin()
  const config = (execution_id: unknown) =>
    client.post('/api/workflow/config', {
      steps: [{}],
      config: { execution_id, playbook_path: 'p' },
    })
  expect((await config(id)).body).toEqual({ status: 'ok', persisted: true })
  expect((await config(undefined)).body).toEqual({
    status: 'ignored',
    reason: 'missing execution_id',
  })
  expect((await config('5')).status).toBe(404)
})

test("a step's iterations are gathered in their order", async () => {
  const id = await begin()
  for (const index of [2, 0, 1]) {
    await client.post('/api/events', {
      ...completed(id, 'loop', { n: index }),
      current_index: index,
    })
  }
  const { body } = await client.get(`/api/aggregate/loop/results?execution_id=${id}&step_name=loop`)
  expect(body).toEqual({
    status: 'ok',
    results: [{ n: 0 }, { n: 1 }, { n: 2 }],
    count: 3,
    method: 'loop_metadata',
  })
  expect(
    (await client.get(`/api/aggregate/loop/results?execution_id=${id}&step_name=x`)).body.results,
  ).toEqual([])
  expect((await client.get('/api/aggregate/loop/results?execution_id=5&step_name=x')).status).toBe(
    404,
  )
  expect((await client.get('/api/aggregate/loop/results')).status).toBe(422)
})
