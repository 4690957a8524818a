// What changes in all executions: nothing that is committed is missed, whatever the order of commits.
import { neon } from '@neondatabase/serverless'
import { expect, inject, test } from 'vitest'
import { connect } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import type { Pace } from '../../src/stream/relay.ts'
import { type Ask, newWatch } from '../../src/stream/service.ts'
import * as world from '../routes/world.ts'
import { chain, newClient } from '../support.ts'
import { type Message, readUntil } from './sse.ts'

const PACE: Pace = { least_ms: 20, most_ms: 40, beat_ms: 10_000, stuck_ms: 10_000, polls: 10_000 }
const client = newClient({ STREAM_POLLS: '1000' })

const ask = (more: Partial<Ask> = {}): Ask => ({
  execution_id: null,
  after: '',
  within: null,
  path: null,
  path_prefix: null,
  status: null,
  ...more,
})
const watchAll = (pace = PACE) => newWatch(connect(configOf(client.env)), null, pace)
const { cancel, note } = {
  cancel: (id: string) => client.post(`/api/executions/${id}/cancel`, {}),
  note: (id: string) =>
    client.post('/api/events', { execution_id: id, event_type: 'note', node_name: 'work' }),
}
const dataOf = ({ data }: Message) => JSON.parse(data)
const isEnd = (id: string) => (message: Message) =>
  message.event === 'execution' && dataOf(message).id === id && dataOf(message).end_time !== null

test('it begins with a reset, and then tells each execution that changes, as the list does', async () => {
  const { id, path } = await world.running()
  const body = await watchAll()(ask())
  const reading = readUntil(body, isEnd(id))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await note(id)
  await cancel(id)
  const { messages, last_id } = await reading
  expect(messages[0]).toMatchObject({ event: 'reset', data: '{}' })
  const own = messages.filter(({ event, data }) => event === 'execution' && data.includes(id))
  const { body: listed } = await client.get(`/api/executions?path=${path}`)
  expect([dataOf(own.at(-1) as Message)]).toEqual(listed)
  // from its last id on it goes on
  const other = await world.running()
  const again = await readUntil(await watchAll()(ask({ after: last_id })), ({ data }) =>
    data.includes(other.id),
  )
  expect(again.messages.map(({ event }) => event)).not.toContain('reset')
})

test('a cursor that is too old, made up or of another database gets a reset', async () => {
  const reset = async (after: string) =>
    (await readUntil(await watchAll()(ask({ after })), () => true)).messages.map((m) => m.event)
  const now = Date.now()
  expect(await reset(`${now - 301_000}.10:10:`)).toEqual(['reset'])
  expect(await reset(`${now}.10:999999999999:`)).toEqual(['reset'])
  for (const snapshot of [
    '10:1:',
    '0:1:',
    '1:5:4,3',
    '1:5:3,',
    '1:5:5',
    '1:5:x',
    '1:5',
    '5:5:3',
    '9'.repeat(30),
  ])
    expect([snapshot, await reset(`${now}.${snapshot}`)]).toEqual([snapshot, ['reset']])
  expect(await reset('made up')).toEqual(['reset'])
  const one = newClient()
  const headers = { 'last-event-id': "1.1:1:'" }
  const { status, text } = await one.send('GET', '/api/stream', undefined, { headers })
  expect([status, text]).toEqual([
    200,
    expect.stringMatching(/^retry: 2000\n\nid: \d+\.\d+:\d+:[\d,]*\nevent: reset\ndata: \{\}\n\n$/),
  ])
})

test('it tells what was asked for, and says what is no longer so', async () => {
  const [a, b] = [await world.registered(), await world.registered()]
  const watch = watchAll()
  const start = async (path: string) =>
    String((await world.must('POST', '/api/execute', { path })).execution_id)
  const kept = { prefix: a.path.slice(0, a.path.lastIndexOf('/') + 1) }
  const bodies = await Promise.all([
    watch(ask({ path: a.path, status: 'RUNNING' })),
    watch(ask({ path_prefix: kept.prefix })),
    watchAll({ ...PACE, polls: 60 })(ask({ within: kept.prefix, path: b.path })),
  ])
  await new Promise((resolve) => setTimeout(resolve, 200))
  const running = await start(a.path)
  const other = await start(b.path)
  const { promise: isSeen, resolve: see } = Promise.withResolvers<void>()
  const gone = readUntil(bodies[0] as ReadableStream, (message) => {
    if (message.event === 'execution') see()
    return message.event === 'gone'
  })
  const folder = readUntil(bodies[1] as ReadableStream, isEnd(running))
  const nothing = readUntil(bodies[2] as ReadableStream)
  await isSeen
  await cancel(other)
  await cancel(running)
  const seen = (await gone).messages.filter(({ event }) => event !== 'reset')
  expect(seen.map(({ event }) => event)).toEqual(['execution', 'gone'])
  expect(dataOf(seen[1] as Message)).toEqual({ id: running })
  const inFolder = (await folder).messages.filter(({ event }) => event !== 'reset')
  expect(new Set(inFolder.map((message) => dataOf(message).id))).toEqual(new Set([running]))
  expect((await nothing).messages.map(({ event }) => event)).toEqual(['reset'])
})

test('watchers that come at different times are served by the same reads', async () => {
  const one = newClient()
  const watch = newWatch(connect(configOf(one.env)), null, { ...PACE, least_ms: 200, most_ms: 200 })
  const { id } = await world.running()
  const all = []
  for (let n = 0; n < 30; n++) {
    const body = await watch(ask())
    all.push(readUntil(body, isEnd(id)))
  }
  await new Promise((resolve) => setTimeout(resolve, 600))
  const [before, started] = [await one.trips(), Date.now()]
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const reads = (await one.trips()) - before
  expect(reads).toBeLessThanOrEqual(Math.ceil((Date.now() - started) / 200) + 1)
  await cancel(id)
  for (const { messages } of await Promise.all(all)) {
    expect(messages.filter(({ event }) => event === 'reset')).toHaveLength(1)
  }
})

const postgres = inject('postgres')
const race = postgres === '' ? test.skip : test

race('what commits after another that began later is told', async () => {
  const real = newClient({}, postgres)
  const db = neon(real.env.DATABASE_URL as string)
  const ids = [] as string[]
  for (let n = 0; n < 2; n++) {
    const run = await real.post('/api/execute', {
      catalog_id: await real.register(chain('work')),
    })
    ids.push(String(run.body.execution_id))
  }
  const [slow = '', quick = ''] = ids
  const watch = newWatch(connect(configOf(real.env)), null, PACE)
  const told: string[] = []
  const reading = readUntil(await watch(ask()), (message) => {
    if (message.event === 'execution') told.push(dataOf(message).id)
    return told.includes(slow)
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  // its transaction has begun, and has its id, before the other's
  const late = db.transaction([
    db`update noetl.execution set version = version + 1 where execution_id = ${slow}`,
    db`insert into noetl.event (execution_id, catalog_id, seq, event_id, event_type, node_id, node_name, node_type, status)
      select execution_id, catalog_id, version, ${String((BigInt(Date.now() - 1_735_689_600_000) << 22n) + 7n)}::bigint, 'note', 'n', 'n', 'task', 'RUNNING'
      from noetl.execution where execution_id = ${slow}`,
    db`select pg_sleep(3)`,
  ])
  await Promise.all([
    late,
    new Promise((resolve) => setTimeout(resolve, 300)).then(() =>
      real.post('/api/events', { execution_id: quick, event_type: 'note', node_name: 'work' }),
    ),
  ])
  await reading
  expect(told.indexOf(quick)).toBeGreaterThanOrEqual(0)
  expect(told.indexOf(quick)).toBeLessThan(told.indexOf(slow))
  // each change once
  expect(told.filter((id) => id === quick)).toHaveLength(1)
})
