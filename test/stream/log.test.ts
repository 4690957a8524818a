// The live log of an execution: each event once and in order, wherever a reader was cut off.
import { createExecutionContext } from 'cloudflare:test'
import { neon } from '@neondatabase/serverless'
import { expect, test, vi } from 'vitest'
import { connect } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import worker from '../../src/index.ts'
import type { Pace } from '../../src/stream/relay.ts'
import { type Ask, newWatch } from '../../src/stream/service.ts'
import { newKey } from '../access/callers.ts'
import * as world from '../routes/world.ts'
import { newClient } from '../support.ts'
import { type Reading, readUntil } from './sse.ts'
import { long } from './support.ts'

const PACE: Pace = { least_ms: 20, most_ms: 40, beat_ms: 10_000, stuck_ms: 10_000, polls: 10_000 }
const alone = newClient({ STREAM_POLLS: '1000' })
const sql = neon(alone.env.DATABASE_URL as string)

const ask = (id: string, after = '', within: string | null = null): Ask => ({
  execution_id: id,
  after,
  within,
  path: null,
  path_prefix: null,
  status: null,
})
const watchOf = (id: string, pace = PACE, client = alone) =>
  newWatch(connect(configOf(client.env)), id, pace)

/** What an execution's log says, as the messages must. */
async function logOf(id: string) {
  const { events } = (await alone.get(`/api/execution/data/${id}`)).body
  return (events as { seq: number; event_type: string }[]).map((event) => ({
    id: String(event.seq),
    event: event.event_type,
    data: event,
  }))
}
const eventsOf = ({ messages }: Pick<Reading, 'messages'>) =>
  messages
    .filter(({ id }) => id !== null)
    .map((message) => ({ ...message, data: JSON.parse(message.data) }))
const headsOf = ({ messages }: Pick<Reading, 'messages'>) =>
  messages.filter(({ event }) => event === 'execution').map(({ data }) => JSON.parse(data))

const note = (id: string, n: number) =>
  alone.post('/api/events', {
    execution_id: id,
    event_type: 'note',
    node_name: 'work',
    status: 'RUNNING',
    context: { n },
  })

test('what has ended is told whole, and ends', async () => {
  const { id, path } = await world.ended()
  await sql`update noetl.execution set ended_at = ended_at - interval '2 seconds' where execution_id = ${id}`
  const before = await alone.trips()
  const { status, headers, text } = await alone.get(`/api/executions/${id}/stream`)
  expect(await alone.trips()).toBe(before + 1)
  expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  expect(headers.get('cache-control')).toBe('no-store, no-transform')
  const read = await readUntil(new Response(text).body as ReadableStream<Uint8Array>)
  expect(read.retry).toBe('2000')
  expect(eventsOf(read)).toEqual(await logOf(id))
  const [listed] = (await alone.get(`/api/executions?path=${path}`)).body
  expect(headsOf(read)).toEqual([listed])
  expect(read.messages[0]?.event).toBe('execution')
  expect(read.messages.at(-1)).toEqual({ id: null, event: 'end', data: '{"seq":7}' })
})

test('after each seq it goes on with the next, by header or by query', async () => {
  const { id } = await world.ended()
  const log = await logOf(id)
  for (let after = 0; after <= log.length + 1; after++) {
    const wanted = log.slice(after)
    for (const [query, headers] of [
      [`?after=${after}`, {}],
      ['?after=0', { 'last-event-id': String(after) }],
    ] as const) {
      const address = `/api/executions/${id}/stream${query}`
      const { text } = await world.client.send('GET', address, undefined, { headers })
      const read = await readUntil(new Response(text).body as ReadableStream<Uint8Array>)
      expect(eventsOf(read)).toEqual(wanted)
    }
  }
})

test('events that come are told as they come, the head when it changes, and then the end', async () => {
  const { id } = await world.running()
  const body = await watchOf(id)(ask(id))
  const reading = readUntil(body)
  for (let n = 0; n < 5; n++) await note(id, n)
  await alone.post(`/api/executions/${id}/cancel`, {})
  const read = await reading
  expect(read.ended).toBe(true)
  expect(eventsOf(read)).toEqual(await logOf(id))
  expect(headsOf(read).map(({ status }) => status)).toEqual(
    expect.arrayContaining(['RUNNING', 'FAILED']),
  )
  // no head is told twice in a row
  const heads = headsOf(read).map((head) => JSON.stringify(head))
  expect(heads.filter((head, index) => head === heads[index - 1])).toEqual([])
  expect(read.messages.at(-1)?.event).toBe('end')
})

test('a report behind the end is told, if it comes within a second', async () => {
  const { id } = await world.running()
  const reading = readUntil(await watchOf(id)(ask(id)))
  await alone.post(`/api/executions/${id}/cancel`, {})
  const late = await note(id, 1)
  expect(late.status, late.text).toBe(200)
  const read = await reading
  expect(eventsOf(read).at(-1)?.event).toBe('note')
  expect(eventsOf(read)).toEqual(await logOf(id))
})

test('forty watchers, cut off at random, miss nothing and have nothing twice', async () => {
  const { id } = await world.running()
  const watch = watchOf(id)
  async function watcher(patience: number) {
    const seen: { id: string; event: string; data: unknown }[] = []
    for (;;) {
      let left = 1 + Math.floor(Math.random() * patience)
      const read = await readUntil(
        await watch(ask(id, seen.at(-1)?.id ?? '')),
        ({ id: seq }) => seq !== null && --left === 0,
      )
      seen.push(...(eventsOf(read) as never[]))
      if (read.ended) return seen
    }
  }
  const watching = Promise.all(Array.from({ length: 40 }, (_, n) => watcher(1 + n)))
  for (let n = 0; n < 30; n++) await note(id, n)
  await alone.post(`/api/executions/${id}/cancel`, {})
  const log = await logOf(id)
  for (const seen of await watching) expect(seen).toEqual(log)
  expect(log.length).toBeGreaterThan(30)
})

test('a hundred watchers cost the reads of one', async () => {
  const { id } = await world.running()
  const client = newClient()
  const watch = watchOf(id, { ...PACE, least_ms: 100, most_ms: 100 }, client)
  const first = await watch(ask(id))
  const others = await Promise.all(Array.from({ length: 99 }, () => watch(ask(id))))
  const started = Date.now()
  const before = await client.trips()
  const all = [first, ...others].map((body) => readUntil(body))
  for (let n = 0; n < 10; n++) await note(id, n)
  await alone.post(`/api/executions/${id}/cancel`, {})
  const log = await logOf(id)
  for (const read of await Promise.all(all)) expect(eventsOf(read)).toEqual(log)
  const reads = (await client.trips()) - before
  expect(reads).toBeLessThan(10 + (Date.now() - started) / 50)
})

test('a long log comes in pages, each watcher at its own pace', async () => {
  const id = await long(2_000, 4_000)
  const watch = watchOf(id)
  const slow = await watch(ask(id))
  const fast = readUntil(await watch(ask(id)))
  await note(id, 1)
  await alone.post(`/api/executions/${id}/cancel`, {})
  const whole = eventsOf(await fast)
  expect(whole.map(({ id: seq }) => Number(seq))).toEqual(whole.map((_, index) => index + 1))
  expect(whole.length).toBeGreaterThan(2000)
  // it waits in the log, not in memory
  expect(eventsOf(await readUntil(slow)).map(({ id: seq }) => seq)).toEqual(
    whole.map(({ id: seq }) => seq),
  )
})

test('a watcher that takes nothing is cut off, and the others are not', async () => {
  const { id } = await world.running()
  await sql`update noetl.event set context = jsonb_build_object('text', repeat('x', 400000)) where execution_id = ${id} and seq = 1`
  const watch = watchOf(id, { ...PACE, stuck_ms: 300 })
  const stuck = await watch(ask(id))
  const other = readUntil(await watch(ask(id)))
  await new Promise((resolve) => setTimeout(resolve, 600))
  await alone.post(`/api/executions/${id}/cancel`, {})
  expect((await other).ended).toBe(true)
  await expect(readUntil(stuck)).rejects.toThrow('nobody reads it')
})

test('a quiet stream has comments, with the id', async () => {
  const { id } = await world.running()
  const body = await watchOf(id, { ...PACE, beat_ms: 50 })(ask(id))
  setTimeout(() => void alone.post(`/api/executions/${id}/cancel`, {}), 500)
  const read = await readUntil(body)
  expect(read.comments).toBeGreaterThan(3)
  expect(eventsOf(read)).toEqual(await logOf(id))
})

test('after so many reads it ends without an end, and goes on where it was', async () => {
  const { id } = await world.running()
  const short = newClient({ STREAM_POLLS: '1' })
  const { text } = await short.get(`/api/executions/${id}/stream`)
  const read = await readUntil(new Response(text).body as ReadableStream<Uint8Array>)
  expect(read.messages.map(({ event }) => event)).not.toContain('end')
  expect(read.last_id).toBe(String((await logOf(id)).length))
})

test('a database that goes away breaks it off', async () => {
  const { id } = await world.running()
  const client = newClient()
  const body = await watchOf(id, PACE, client)(ask(id))
  await client.faults({ rate: 1, kinds: ['http_500'], seed: 1 })
  await expect(readUntil(body)).rejects.toThrow()
})

test('a key whose prefix the execution is not below finds nothing, also where others watch', async () => {
  const { id, path } = await world.running()
  const watch = watchOf(id)
  const open = await watch(ask(id))
  await expect(watch(ask(id, '', 'elsewhere/'))).rejects.toThrow(`Execution '${id}' not found.`)
  const inside = await watch(ask(id, '', path.slice(0, path.indexOf('/') + 1)))
  await Promise.all([open.cancel(), inside.cancel()])
})

test('a route asks for its caller again: a key that is revoked reads for less than a minute', async () => {
  const { id } = await world.running()
  const { env } = newClient({ ACCESS: 'key', STREAM_POLLS: '1000' })
  for (const address of [`/api/executions/${id}/stream`, '/api/stream']) {
    const key = await newKey(['read'])
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: Date.now() })
    try {
      const request = new Request(`http://edge.localhost${address}`, {
        headers: { authorization: `Bearer ${key.key}` },
      })
      const response = await worker.fetch(request as never, env, createExecutionContext())
      expect(response.status).toBe(200)
      const reading = readUntil(response.body as ReadableStream<Uint8Array>)
      const how = reading.then(
        () => 'ended',
        (error: Error) => error.message,
      )
      let isOver = false
      void how.then(() => {
        isOver = true
      })
      // it reads on as long as the key is one
      for (let n = 0; n < 12; n++) await vi.advanceTimersByTimeAsync(10_000)
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect([address, isOver]).toEqual([address, false])
      // not by a request, whose ids would be of that later time
      await sql`update noetl.api_key set revoked_at = now() where key_id = ${key.id}`
      for (let n = 0; n < 12; n++) {
        await vi.advanceTimersByTimeAsync(5_000)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      // the next heartbeat is due, and the next read is at most five real seconds away
      expect(await how).toMatch('no longer let in')
    } finally {
      vi.useRealTimers()
    }
  }
})

test('an execution that is not there is a problem document', async () => {
  for (const id of ['x', world.NOBODY]) {
    const { status, body } = await alone.get(`/api/executions/${id}/stream`)
    expect([status, body.detail]).toEqual([404, `Execution '${id}' not found.`])
  }
})
