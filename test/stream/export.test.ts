// The export of a log: all of it, in pages of the database, or a reply that is seen to be broken off.
import { expect, test } from 'vitest'
import { connect } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import { exportLog } from '../../src/stream/service.ts'
import * as world from '../routes/world.ts'
import { newClient } from '../support.ts'
import { long } from './support.ts'

const client = newClient()
test('each event is a line, in order, a page a round trip', async () => {
  const id = await long(5_000)
  const before = await client.trips()
  const { status, headers, text } = await client.get(`/api/executions/${id}/events.ndjson`)
  expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
  const lines = text.trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).seq)).toEqual(lines.map((_, index) => index + 1))
  expect(lines.length).toBe(5_000 + 2)
  expect((await client.trips()) - before).toBe(3)
  const page = (await client.get(`/api/execution/data/${id}?limit=2`)).body.events
  expect(lines.slice(0, 2).map((line) => JSON.parse(line))).toEqual(page)
  const rest = await client.get(`/api/executions/${id}/events.ndjson?after=5000`)
  expect(rest.text.trimEnd().split('\n')).toEqual(lines.slice(5_000))
  const none = await client.get(`/api/executions/${id}/events.ndjson?after=5002`)
  expect([none.status, none.text]).toEqual([200, ''])
})

test('no page is read before its reader wants it', async () => {
  const id = await long(5_000)
  const before = await client.trips()
  const body = await exportLog(connect(configOf(client.env)), id, 0, null)
  const reader = body.getReader()
  await reader.read()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect((await client.trips()) - before).toBe(1)
  await reader.cancel()
})

test('a database that goes away in the midst breaks it off', async () => {
  const id = await long(5_000)
  const failing = newClient()
  const body = await exportLog(connect(configOf(failing.env)), id, 0, null)
  const reader = body.getReader()
  await reader.read()
  await failing.faults({ rate: 1, kinds: ['http_500'], seed: 1 })
  await expect(reader.read()).rejects.toThrow('the database does not answer')
})

test('what is not there, or not to be seen, is a problem document', async () => {
  const id = await long(1)
  const asked = await client.get(`/api/executions/${world.NOBODY}/events.ndjson`)
  expect([asked.status, asked.body.detail]).toEqual([404, `Execution '${world.NOBODY}' not found.`])
  await expect(exportLog(connect(configOf(client.env)), id, 0, 'elsewhere/')).rejects.toThrow(
    'not found',
  )
})
