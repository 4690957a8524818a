// What a run costs: round trips and time by number of steps, and a page of the list by its depth. Figures
// and ratios of one run on one machine; never a verdict.
//   npm run bench                    on the embedded Postgres
//   npm run bench -- --postgres      on a throw-away real server
//   npm run bench -- --rtt-ms=20     with that distance to the database
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEndpoint } from '../dev/neon/client.ts'
import { startPostgres } from '../dev/postgres.ts'
import { startWorker } from '../dev/worker.ts'

const { values } = parseArgs({
  options: { postgres: { type: 'boolean' }, 'rtt-ms': { type: 'string', default: '0' } },
})
const server = values.postgres ? await startPostgres() : null
if (server && 'reason' in server) throw new Error(server.reason)
const base = server ? server.url : 'postgres://bench:bench@db.localhost/noetl'
const endpoint = await startEndpoint({
  migrate: join(import.meta.dirname, '../migrations'),
  rttMs: Number(values['rtt-ms']),
  ...(server && { url: server.url }),
})
const worker = await startWorker(
  {
    DATABASE_URL: `${base}?application_name=bench`,
    NEON_ENDPOINT: endpoint.url,
    ACCESS: 'open',
    ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
    EDGE_MAX_STEPS: '10000',
    EDGE_WALL_SECONDS: '300',
  },
  0,
)

// biome-ignore lint/suspicious/noExplicitAny: a script that reads into replies
async function call(method: string, path: string, body?: unknown): Promise<any> {
  const reply = await fetch(new URL(path, worker.url), {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!reply.ok) throw new Error(`${path}: ${await reply.text()}`)
  return reply.json()
}

const counter = endpoint.url.replace(/sql$/, 'count?application_name=bench')
const trips = async () =>
  ((await (await fetch(counter)).json()) as { round_trips: number }).round_trips

/** A chain of so many postgres steps. */
function chain(steps: number): string {
  const next = (n: number) => (n === steps ? 'end' : `s${n}`)
  const lines = Array.from(
    { length: steps },
    (_, n) =>
      `  - {step: s${n}, type: postgres, auth: bench, command: select ${n}, next: ${next(n + 1)}}`,
  )
  return `metadata: {path: bench/chain${steps}}\nworkflow:\n  - {step: start, next: s0}\n${lines.join('\n')}\n  - {step: end}\n`
}

interface Cost {
  steps: number
  accepted_ms: number
  done_ms: number
  round_trips: number
  events: number
}

async function runOnce(path: string, steps: number): Promise<Cost> {
  const before = await trips()
  const startedAt = performance.now()
  const { execution_id } = await call('POST', '/api/executions/run', { path })
  const accepted_ms = performance.now() - startedAt
  // each look costs one round trip of its own
  let looks = 0
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20 + steps / 5))
    looks += 1
    const detail = await call('GET', `/api/executions/${execution_id}?limit=1`)
    if (detail.status === 'RUNNING') continue
    if (detail.status !== 'COMPLETED')
      throw new Error(`${path} is ${detail.status}: ${detail.error}`)
    const round_trips = (await trips()) - before - looks
    const { summary } = await call('GET', `/api/events/summary/${execution_id}`)
    const events = Object.values<number>(summary.counts).reduce((sum, count) => sum + count, 0)
    return { steps, accepted_ms, done_ms: detail.duration * 1000, round_trips, events }
  }
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0

await call('POST', '/api/credentials', { name: 'bench', type: 'postgres', data: { dsn: base } })
console.log('steps  events  round trips  accepted ms  done ms  ms per step  ratio to the first')
let first = 0
for (const steps of [3, 30, 300, 1_000]) {
  const { path } = await call('POST', '/api/catalog/register', { content: chain(steps) })
  await runOnce(path, steps)
  const costs: Cost[] = []
  for (let n = 0; n < 5; n++) costs.push(await runOnce(path, steps))
  const of = (key: keyof Cost) => median(costs.map((cost) => cost[key]))
  const perStep = of('done_ms') / steps
  first ||= perStep
  const row = [steps, of('events'), of('round_trips'), of('accepted_ms').toFixed(1)]
  row.push(of('done_ms').toFixed(1), perStep.toFixed(2), (perStep / first).toFixed(2))
  console.log(
    row.map((cell, index) => String(cell).padStart([5, 7, 12, 12, 8, 12, 19][index] ?? 8)).join(''),
  )
}

await worker.stop()
await endpoint.stop()
await server?.stop()
