// Many who watch executions over real connections, cut off at random, and what each of them has seen.
import { type ClientRequest, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../src/json.ts'
import { newParser } from '../test/stream/sse.ts'
import { EMBEDDED, type Server, startServer } from './server.ts'

export interface Watching {
  executions: number
  watchers: number
  /** For so long each execution gets an event every so often. */
  seconds: number
  every_ms: number
  /** How long a connection lives on average; 0: until it ends by itself. */
  cut_ms: number
}

export interface Seen {
  /** Events that watchers were told of, and connections that they needed. */
  told: number
  connections: number
  events: number
  /** Reads of the database for them, and for how long. */
  reads: number
  seconds: number
  /** From the writer's reply, which follows the commit, to the watcher. */
  median_ms: number
  p95_ms: number
  most_ms: number
  faults: string[]
}

const NAME = 'watchers'

/** Waits for a worker that never comes. */
export const CONTENT = `metadata: {path: bench/watched}
workflow:
  - {step: start, next: work}
  - {step: work, type: python, code: x, next: end}
  - {step: end}`

/** One watcher, until it is told the end. It comes back with the id of the last message that it has whole. */
async function watch(server: Server, id: string, cut_ms: number) {
  const seqs: number[] = []
  const times: number[] = []
  const faults: string[] = []
  let connections = 0
  let last = ''
  let isOver = false
  const limit = performance.now() + 120_000
  while (!isOver && performance.now() < limit) {
    connections += 1
    await new Promise<void>((done) => {
      const { take } = newParser(({ event, id: seq }) => {
        if (event === 'end') isOver = true
        if (seq === null) return
        last = seq
        seqs.push(Number(seq))
        times.push(performance.now())
      })
      const url = new URL(`/api/executions/${id}/stream`, server.url)
      const headers = last === '' ? {} : { 'last-event-id': last }
      const request: ClientRequest = get(url, { agent: false, headers }, (reply) => {
        if (reply.statusCode !== 200) faults.push(`${id}: status ${reply.statusCode}`)
        reply.setEncoding('utf8').on('data', take).on('close', done)
        reply.on('error', () => done())
      })
      request.on('error', () => done())
      if (cut_ms > 0) {
        const timer = setTimeout(() => request.destroy(), Math.random() * 2 * cut_ms)
        request.on('close', () => clearTimeout(timer))
      }
    })
  }
  if (!isOver) faults.push(`${id}: no end`)
  return { seqs, times, connections, faults }
}

export async function runWatchers(server: Server, w: Watching): Promise<Seen> {
  await server.must('POST', '/api/catalog/register', { content: CONTENT })
  const ids: string[] = []
  for (let n = 0; n < w.executions; n++) {
    const { execution_id } = await server.must('POST', '/api/execute', { path: 'bench/watched' })
    ids.push(String(execution_id))
  }
  const watching = Array.from({ length: w.watchers }, (_, n) => {
    const id = ids[n % ids.length] ?? ''
    return watch(server, id, w.cut_ms).then((seen) => ({ id, ...seen }))
  })
  await sleep(1_000)

  // when each event was known to be committed
  const committed = new Map<string, number>()
  let posts = 0
  const before = await tripsOf(server)
  const started = performance.now()
  async function write(id: string): Promise<void> {
    await sleep(Math.random() * w.every_ms)
    for (let n = 1; performance.now() - started < w.seconds * 1_000; n++) {
      const next = sleep(w.every_ms)
      const note = { execution_id: id, event_type: 'note', node_name: 'work', status: 'RUNNING' }
      await server.must('POST', '/api/events', note)
      const now = performance.now()
      posts += 1
      // execution_start and step_started come before
      committed.set(`${id} ${2 + n}`, now)
      await next
    }
  }
  await Promise.all(ids.map(write))
  const seconds = (performance.now() - started) / 1_000
  const reads = (await tripsOf(server)) - before - posts
  for (const id of ids) await server.must('POST', `/api/executions/${id}/cancel`, {})

  const all = await Promise.all(watching)
  const faults = all.flatMap((one) => one.faults)
  const delays: number[] = []
  let events = 0
  for (const id of ids) {
    const log = (await server.must('GET', `/api/execution/data/${id}`)).events as JsonObject[]
    events += log.length
    const wanted = log.map(({ seq }) => seq).join()
    for (const { id: own, seqs, times } of all) {
      if (own !== id) continue
      if (seqs.join() !== wanted) faults.push(`${id}: ${seqs.join()} instead of ${wanted}`)
      for (const [index, seq] of seqs.entries()) {
        const since = committed.get(`${id} ${seq}`)
        if (since !== undefined) delays.push(Math.max(0, (times[index] ?? 0) - since))
      }
    }
  }
  delays.sort((a, b) => a - b)
  const at = (share: number) => delays[Math.floor((delays.length - 1) * share)] ?? Number.NaN
  return {
    told: all.reduce((sum, { seqs }) => sum + seqs.length, 0),
    connections: all.reduce((sum, one) => sum + one.connections, 0),
    events,
    reads,
    seconds,
    median_ms: at(0.5),
    p95_ms: at(0.95),
    most_ms: at(1),
    faults,
  }
}

/** The product, with round trips counted; on a Postgres server, or on an embedded one. */
export function startWatched(variables: Record<string, string>, postgres?: string) {
  const database = new URL(postgres ?? EMBEDDED)
  database.searchParams.set('application_name', NAME)
  return startServer({ DATABASE_URL: database.href, ...variables }, postgres)
}

async function tripsOf({ endpoint }: Server): Promise<number> {
  const url = endpoint.replace(/sql$/, `count?application_name=${NAME}`)
  return ((await (await fetch(url)).json()) as { round_trips: number }).round_trips
}
