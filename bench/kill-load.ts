// Runs of mixed playbooks while workerd is killed again and again, and what became of them.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { neon, neonConfig } from '@neondatabase/serverless'
import { randomFrom } from '../dev/neon/faults.ts'
import type { Json } from '../src/json.ts'
import { type Kept, readKept, refold } from './refold.ts'
import type { Server } from './server.ts'

export interface KillLoad {
  kills: number
  seed: number
  /** How many runs are open at once. */
  open: number
  /** The longest that a Worker lives before it is killed; most live shorter. */
  life_ms: number
  /** How long what is left may take after the last kill. */
  limit_seconds: number
}

export interface KillFigures {
  seconds: number
  /** Of these, those after the last kill. */
  seconds_after: number
  /** Runs whose start was answered, and those whose answer was lost and that are there all the same. */
  accepted: number
  unanswered: number
  /** All executions, with those of playbook steps. */
  executions: number
  completed: number
  events: number
  /** Actions begun again because whoever had begun them was killed. */
  begun_again: number
  /** Those among the http steps' that were asked for once more. */
  asked_again: number
  /** Rows that plain inserts have left, and those that are there twice. */
  inserted: number
  inserted_again: number
  /** Rows saved by key. */
  upserted: number
  /** What ought not to be, each in a line. */
  faults: string[]
  /** The logs of the first executions that are not what they should be. */
  logs: string[]
}

const CREDENTIAL = 'bench_kills'
const ITEMS = 6
/** The platform fires the cron trigger each minute; waiting so long for what only it finds would tell nothing. */
const TICK_MS = 2_000
/** As many attempts as bad luck may need: each kill may cost one. */
const RETRY = { max_attempts: 30, initial_delay: 0.1, max_delay: 0.3 }

/** What a playbook is, and what it leaves behind. */
interface Mixed {
  steps: object[]
  result(n: number): Json
  /** Keys of the rows that it saves by key, and that it inserts. */
  kept: string[]
  noted: string[]
  /** What it asks for by http, and how often when nothing is lost. */
  asks: Record<string, number>
}

const RUN = '{{ execution_id }}'
const next = (...names: string[]) => ({ next: names })
const keep = (k: string, v: string) => ({
  storage: 'postgres',
  auth: CREDENTIAL,
  table: 'kept',
  mode: 'upsert',
  key: ['run', 'k'],
  data: { run: RUN, k, v },
})
const note = (k: string, v: string) => ({
  storage: 'postgres',
  auth: CREDENTIAL,
  table: 'noted',
  data: { run: RUN, k, v },
})

/** Asks the echo; the reply has the last part of the path. */
const ask = (echo: string, what: string, who = RUN) => ({
  type: 'http',
  url: `${echo}${what}/${who}/{{ workload.n }}`,
  retry: RETRY,
})

const CHILD = 'bench/kills/child'

function mixedOf(echo: string): Record<string, Mixed> {
  return {
    'bench/kills/line': {
      steps: [
        { step: 'start', ...next('fetch') },
        { step: 'fetch', ...ask(echo, 'fetch'), ...next('query') },
        {
          step: 'query',
          type: 'postgres',
          auth: CREDENTIAL,
          command: 'select $1::int + 1 as n',
          params: ['{{ fetch.data.n }}'],
          retry: RETRY,
          ...next('shape'),
        },
        {
          step: 'shape',
          type: 'transform',
          data: { n: '{{ query.command_0.rows[0].n * 2 }}' },
          retry: RETRY,
          ...next('program'),
        },
        {
          step: 'program',
          type: 'javascript',
          input: { n: '{{ shape.n }}' },
          code: 'export const main = ({ n }) => n + 3',
          retry: RETRY,
          ...next('pause'),
        },
        { step: 'pause', type: 'wait', seconds: 0.3, ...next('keep') },
        {
          step: 'keep',
          type: 'save',
          ...keep('line', '{{ program }}'),
          retry: RETRY,
          ...next('note'),
        },
        {
          step: 'note',
          type: 'save',
          ...note('line', '{{ program }}'),
          retry: RETRY,
          ...next('end'),
        },
        { step: 'end', result: { n: '{{ program }}' } },
      ],
      result: (n) => ({ n: (n + 1) * 2 + 3 }),
      kept: ['line'],
      noted: ['line'],
      asks: { fetch: 1 },
    },
    'bench/kills/items': {
      steps: [
        { step: 'start', ...next('each') },
        {
          step: 'each',
          type: 'iterator',
          collection: `{{ range(${ITEMS}) | list }}`,
          element: 'i',
          mode: 'async',
          concurrency: 3,
          task: {
            ...ask(echo, 'item{{ i }}'),
            save: keep('item{{ i }}', '{{ result.data.n }}'),
          },
          save: note('items', '{{ result | length }}'),
          ...next('sum'),
        },
        {
          step: 'sum',
          type: 'transform',
          data: "{{ each | map(attribute='data') | map(attribute='n') | sum }}",
          retry: RETRY,
          ...next('end'),
        },
        { step: 'end', result: { sum: '{{ sum }}', items: '{{ each | length }}' } },
      ],
      result: (n) => ({ sum: n * ITEMS, items: ITEMS }),
      kept: Array.from({ length: ITEMS }, (_, i) => `item${i}`),
      noted: ['items'],
      asks: Object.fromEntries(Array.from({ length: ITEMS }, (_, i) => [`item${i}`, 1])),
    },
    'bench/kills/nest': {
      steps: [
        { step: 'start', ...next('sub', 'flaky', 'pause') },
        {
          step: 'sub',
          type: 'playbook',
          path: CHILD,
          input: { n: '{{ workload.n }}' },
          ...next('join'),
        },
        { step: 'flaky', ...ask(echo, 'flaky'), ...next('join') },
        { step: 'pause', type: 'wait', seconds: 0.2, ...next('join') },
        {
          step: 'join',
          type: 'transform',
          data: '{{ sub.n + flaky.data.n }}',
          retry: RETRY,
          save: keep('nest', '{{ result }}'),
          ...next('end'),
        },
        { step: 'end', result: { n: '{{ join }}' } },
      ],
      result: (n) => ({ n: 2 * n }),
      kept: ['nest'],
      noted: [],
      asks: { flaky: 2 },
    },
    [CHILD]: {
      steps: [
        { step: 'start', ...next('fetch') },
        {
          step: 'fetch',
          ...ask(echo, 'fetch'),
          save: note('child', '{{ result.data.n }}'),
          ...next('pause'),
        },
        { step: 'pause', type: 'wait', seconds: 0.5, ...next('end') },
        { step: 'end', result: { n: '{{ fetch.data.n }}' } },
      ],
      result: (n) => ({ n }),
      kept: [],
      noted: ['child'],
      asks: { fetch: 1 },
    },
  }
}

/** Answers `/WHAT/WHO/N` with N, what is called flaky only from the second time on, and counts. */
async function startEcho() {
  const asked = new Map<string, number>()
  const server = createServer((request, response) => {
    const [, what = '', who = '', n = ''] = (request.url ?? '').split('/')
    const key = `${what}/${who}`
    const count = (asked.get(key) ?? 0) + 1
    asked.set(key, count)
    const status = what === 'flaky' && count === 1 ? 503 : 200
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ n: Number(n) }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    asked,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Keeps runs going, kills workerd so often, lets all come to their end, and looks at each. */
export async function runKills(server: Server, load: KillLoad): Promise<KillFigures> {
  neonConfig.fetchEndpoint = server.endpoint
  const sql = neon(server.databaseUrl)
  await sql`create table kept (run bigint, k text, v int, unique (run, k))`
  await sql`create table noted (run bigint, k text, v int)`
  const echo = await startEcho()
  const mixed = mixedOf(echo.url)
  const credential = { name: CREDENTIAL, type: 'postgres', data: { dsn: server.databaseUrl } }
  await server.must('POST', '/api/credentials', credential)
  for (const [path, { steps }] of Object.entries(mixed)) {
    const content = JSON.stringify({ metadata: { path }, workload: { n: 0 }, workflow: steps })
    await server.must('POST', '/api/catalog/register', { content })
  }

  const startedAt = performance.now()
  const random = randomFrom(load.seed)
  const starting = keepStarting(
    server,
    Object.keys(mixed).filter((path) => path !== CHILD),
    load,
  )
  const ticking = keepTicking(server)
  // there is nothing to lose before
  while (starting.count() < load.open) await sleep(10)
  for (let killed = 0; killed < load.kills; killed++) {
    await sleep(random() ** 2 * load.life_ms)
    await server.crash()
  }
  const lastKillAt = performance.now()
  const { accepted, refusals } = await starting.stop()
  await untilEnded(server, load.limit_seconds)
  const endedAt = performance.now()
  await ticking.stop()
  echo.stop()

  const all = await readKept(sql)
  const rows = {
    kept: countRows(await sql`select run::text, k, v from kept`),
    noted: countRows(await sql`select run::text, k, v from noted`),
  }
  const figures: KillFigures = {
    seconds: (endedAt - startedAt) / 1000,
    seconds_after: (endedAt - lastKillAt) / 1000,
    accepted: accepted.length,
    unanswered: all.filter(({ parent }) => parent === null).length - accepted.length,
    executions: all.length,
    completed: all.filter(({ status }) => status === 'COMPLETED').length,
    events: all.reduce((sum, { events }) => sum + events.length, 0),
    begun_again: all.reduce((sum, { events }) => sum + begunAgain(events), 0),
    asked_again: 0,
    inserted: total(rows.noted),
    inserted_again: total(rows.noted) - rows.noted.size,
    upserted: total(rows.kept),
    faults: refusals,
    logs: [],
  }
  const known = new Map(all.map((each) => [each.execution_id, each]))
  for (const id of accepted) {
    if (!known.has(id)) figures.faults.push(`execution ${id}: was accepted and is not there`)
  }
  let expected = 0
  for (const execution of all) {
    const playbook = mixed[execution.path]
    if (!playbook) continue
    const faults = faultsOf(execution, playbook, rows)
    for (const [what, times] of Object.entries(playbook.asks)) {
      const asked = echo.asked.get(`${what}/${execution.execution_id}`) ?? 0
      if (asked < times) faults.push(`${what} was asked ${asked} times`)
      figures.asked_again += asked - times
    }
    expected += playbook.kept.length + playbook.noted.length
    figures.faults.push(...faults.map((fault) => `execution ${execution.execution_id}: ${fault}`))
    if (faults.length > 0 && figures.logs.length < MAX_LOGS) figures.logs.push(logOf(execution))
  }
  const found = rows.kept.size + rows.noted.size
  if (found !== expected) figures.faults.push(`${found} rows were saved, not ${expected}`)
  return figures
}

const MAX_LOGS = 3

/** How often a row is there, by execution, key and value. */
type Rows = Map<string, number>

function countRows(rows: Record<string, unknown>[]): Rows {
  const counts: Rows = new Map()
  for (const { run, k, v } of rows) {
    const key = `${run}/${k}/${v}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

const total = (rows: Rows) => [...rows.values()].reduce((sum, count) => sum + count, 0)

/** Starts runs, so that so many are always open; what gets no answer is not tried again. */
function keepStarting(server: Server, paths: string[], { open, seed }: KillLoad) {
  const random = randomFrom(seed + 1_000_000)
  const accepted: string[] = []
  const refusals: string[] = []
  let isOver = false
  const start = async () => {
    const path = paths[Math.floor(random() * paths.length)]
    const parameters = { n: Math.floor(random() * 100) }
    const reply = await server.call('POST', '/api/executions/run', { path, parameters })
    if (reply.status === 200) accepted.push(String(reply.body.execution_id))
    else refusals.push(`a run was refused: ${JSON.stringify(reply.body)}`)
  }
  const going = (async () => {
    while (!isOver) {
      try {
        const running = await openRuns(server, open)
        await Promise.all(Array.from({ length: open - running }, start))
      } catch {
        // it is being started anew
      }
      await sleep(100)
    }
  })()
  return {
    count: () => accepted.length + refusals.length,
    async stop() {
      isOver = true
      await going
      return { accepted, refusals }
    },
  }
}

function keepTicking(server: Server) {
  let isOver = false
  const going = (async () => {
    for (let waited = 0; !isOver; waited += 100) {
      if (waited % TICK_MS === 0) await server.tick().catch(() => undefined)
      await sleep(100)
    }
  })()
  return {
    async stop() {
      isOver = true
      await going
    },
  }
}

/** How many runs are open, at most `limit`. */
async function openRuns(server: Server, limit: number): Promise<number> {
  const { body } = await server.call('GET', `/api/executions?status=running&limit=${limit}`)
  if (!Array.isArray(body)) throw new Error(JSON.stringify(body))
  return body.length
}

async function untilEnded(server: Server, limitSeconds: number): Promise<void> {
  const until = performance.now() + limitSeconds * 1000
  while (performance.now() < until) {
    if ((await openRuns(server, 1)) === 0) return
    await sleep(100)
  }
}

function faultsOf(execution: Kept, playbook: Mixed, rows: Record<'kept' | 'noted', Rows>) {
  const faults = refold(execution)
  const check = (isSo: boolean, what: string) => {
    if (!isSo) faults.push(what)
  }
  const { execution_id, events, status, error, result, parameters } = execution
  check(status === 'COMPLETED', `is ${status} (${error ?? 'no error'})`)
  const n = Number(parameters.n)
  check(isDeepStrictEqual(result, playbook.result(n)), `its result is ${JSON.stringify(result)}`)
  check(execution.undecided.length === 0, `${execution.undecided} were never decided`)
  check(execution.unfinished === 0, `has ${execution.unfinished} jobs that are not done`)
  const count = (type: string, node: string) =>
    events.filter(({ event_type, node_name }) => event_type === type && node_name === node).length
  for (const { step } of playbook.steps as { step: string }[]) {
    if (step === 'start' || step === 'end') continue
    for (const type of ['step_started', 'step_completed', 'step_result']) {
      check(count(type, step) === 1, `${count(type, step)} times ${type} of ${step}`)
    }
  }
  for (const table of ['kept', 'noted'] as const) {
    for (const key of playbook[table]) {
      const right = [...rows[table].keys()].filter((row) =>
        row.startsWith(`${execution_id}/${key}/`),
      )
      check(right.length === 1, `left the rows ${right} of ${key}`)
    }
  }
  return faults
}

/** How many actions of a log were begun again without having failed or waited. */
function begunAgain(events: Kept['events']): number {
  const balance = new Map<string, number>()
  const add = (node: string, n: number) => balance.set(node, (balance.get(node) ?? 0) + n)
  for (const { event_type, node_name } of events) {
    if (event_type === 'action_started') add(node_name ?? '', 1)
    if (event_type === 'action_retry' || event_type === 'action_waiting') add(node_name ?? '', -1)
  }
  return [...balance.values()].reduce((sum, left) => sum + Math.max(0, left - 1), 0)
}

function logOf({ execution_id, path, events }: Kept): string {
  const lines = events.map(
    ({ seq, event_type, node_name, worker_id, created_at, error }) =>
      `  ${seq} ${created_at} ${event_type} ${node_name} ${worker_id ?? ''} ${error ?? ''}`,
  )
  return [`${execution_id} ${path}`, ...lines].join('\n')
}
