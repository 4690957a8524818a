// The typed client, as a program of somebody else would use it: each wrong name is an error of its compiler.
import { expect, expectTypeOf, test } from 'vitest'
import { newClient } from '../../src/client.ts'
import type { Status } from '../../src/status.ts'
import * as world from './world.ts'

const { api } = newClient('http://edge.localhost', { fetch: world.client.fetch })

test('runs a playbook, does its job as a worker, and reads what became of it', async () => {
  const { path, content } = world.text()
  const { catalog_id } = await (
    await api.catalog.register.$post({ query: {}, json: { content } })
  ).json()

  const run = await (
    await api.executions.run.$post({ json: { catalog_id, parameters: { n: 1 }, merge: false } })
  ).json()
  expectTypeOf(run.execution_id).toEqualTypeOf<string>()
  expectTypeOf(run.status).toEqualTypeOf<'running' | 'completed' | 'failed'>()
  expect(run).toMatchObject({ path, status: 'running' })
  await world.first(run.execution_id)

  const lease = await (
    await api.queue.lease.$post({ json: { worker_id: 'w1', lease_seconds: 60 } })
  ).json()
  const { job } = lease
  if (job === null) throw new Error('no job')
  expectTypeOf(job.attempts).toEqualTypeOf<number>()
  expect([lease.status, job.execution_id]).toEqual(['ok', run.execution_id])

  const report = { execution_id: run.execution_id, node_id: job.node_id, node_name: 'work' }
  await api.events.$post({
    json: { ...report, event_type: 'action_completed', status: 'COMPLETED', result: { data: 1 } },
  })
  const done = await api.queue[':queue_id'].complete.$post({
    param: { queue_id: job.queue_id },
    json: { worker_id: 'w1' },
  })
  expect(await done.json()).toEqual({ status: 'ok', id: job.queue_id })

  const listed = await (await api.executions.$get({ query: { path, limit: 10 } })).json()
  expectTypeOf(listed[0]?.end_time).toEqualTypeOf<string | null | undefined>()
  expect(listed.map(({ id }) => id)).toEqual([run.execution_id])

  const detail = await (
    await api.executions[':execution_id'].$get({
      param: { execution_id: run.execution_id },
      query: {},
    })
  ).json()
  expectTypeOf(detail.status).toEqualTypeOf<Status>()
  expectTypeOf(detail.events[0]?.seq).toEqualTypeOf<number | undefined>()
  expect([detail.status, detail.progress]).toEqual(['COMPLETED', 100])
})

test('keeps a credential and reads it', async () => {
  const name = world.fresh('credential')
  const data = { token: 'secret' }
  const made = await (await api.credentials.$post({ json: { name, type: 'bearer', data } })).json()
  expectTypeOf(made.tags).toEqualTypeOf<string[] | null>()
  const { items } = await (await api.credentials.$get({ query: { q: name } })).json()
  expect(items).toEqual([made])
  const read = await api.credentials[':identifier'].$get({
    param: { identifier: made.id },
    query: { include_data: 'true' },
  })
  expect(await read.json()).toEqual({ ...made, data })
})

test('what is misspelt does not compile', () => {
  expectTypeOf(misspelt).returns.toEqualTypeOf<Promise<void>>()
})

/** Nothing of it is sent. */
async function misspelt() {
  const param = { execution_id: '1' }
  // @ts-expect-error a field of the request
  await api.executions.run.$post({ json: { catalogid: '1' } })
  // @ts-expect-error a value of the wrong type
  await api.executions.run.$post({ json: { path: 'p', merge: 'yes' } })
  // @ts-expect-error a field that a lease must have
  await api.queue.lease.$post({ json: { worker: 'w1' } })
  // @ts-expect-error a name in the query
  await api.executions.$get({ query: { limits: 10 } })
  // @ts-expect-error a route
  await api.executions.runs.$post({ json: { path: 'p' } })
  // @ts-expect-error a parameter of the path
  await api.executions[':execution_id'].$get({ param: { id: '1' }, query: {} })
  // @ts-expect-error a field that a credential must have
  await api.credentials.$post({ json: { name: 'c' } })
  const detail = await (await api.executions[':execution_id'].$get({ param, query: {} })).json()
  // @ts-expect-error a field of the reply
  detail.state
  // @ts-expect-error a status that there is not
  if (detail.status === 'DONE') return
  const { job } = await (await api.queue.lease.$post({ json: { worker_id: 'w' } })).json()
  // @ts-expect-error there may be no job
  job.queue_id
}
