// What a run costs by its size: events, round trips and time, for each shape of playbook. What grows in
// proportion has a ratio of about 1 in the last column. Figures of one run on one machine; never a verdict.
//   npm run bench                          on the embedded Postgres
//   npm run bench -- --postgres            on a throw-away real server
//   npm run bench -- --rtt-ms=20           with that distance to the database
//   npm run bench -- --shapes=chain,nest --rounds=3
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEndpoint } from '../dev/neon/client.ts'
import { startPostgres } from '../dev/postgres.ts'
import { startWorker } from '../dev/worker.ts'

const { values } = parseArgs({
  options: {
    postgres: { type: 'boolean' },
    'rtt-ms': { type: 'string', default: '0' },
    shapes: { type: 'string', default: 'chain,transform,fan,iterator,sequential,nest' },
    rounds: { type: 'string', default: '3' },
  },
})

/** A playbook of a size, and the sizes that are tried. */
interface Shape {
  sizes: number[]
  /** Steps, as YAML; those of smaller ones, where they call one another. */
  steps(size: number): string
}

const line = (step: object) => `  - ${JSON.stringify(step)}`

/** So many steps, one behind the other. */
function chainOf(size: number, work: object): string {
  const next = (n: number) => (n === size ? 'end' : `s${n}`)
  const steps = Array.from({ length: size }, (_, n) =>
    line({ step: `s${n}`, ...work, next: next(n + 1) }),
  )
  return [line({ step: 'start', next: 's0' }), ...steps, line({ step: 'end' })].join('\n')
}

function iteratorOf(size: number, mode: string): string {
  const each = {
    step: 'each',
    type: 'iterator',
    collection: `{{ range(${size}) | list }}`,
    element: 'n',
    mode,
    task: { type: 'transform', data: '{{ n * 2 }}' },
    next: 'end',
  }
  return [line({ step: 'start', next: 'each' }), line(each), line({ step: 'end' })].join('\n')
}

const SHAPES: Record<string, Shape> = {
  chain: {
    sizes: [10, 100, 1_000],
    steps: (size) => chainOf(size, { type: 'postgres', auth: 'bench', command: 'select 1' }),
  },
  transform: {
    sizes: [10, 100, 1_000],
    steps: (size) => chainOf(size, { type: 'transform', data: { n: 1 } }),
  },
  fan: {
    sizes: [10, 100, 500],
    steps(size) {
      const names = Array.from({ length: size }, (_, n) => `s${n}`)
      const branches = names.map((step) =>
        line({ step, type: 'transform', data: { n: 1 }, next: 'join' }),
      )
      const join = { step: 'join', type: 'transform', data: `{{ s${size - 1}.n }}`, next: 'end' }
      return [
        line({ step: 'start', next: names }),
        ...branches,
        line(join),
        line({ step: 'end' }),
      ].join('\n')
    },
  },
  iterator: { sizes: [10, 100, 1_000, 10_000], steps: (size) => iteratorOf(size, 'async') },
  sequential: { sizes: [10, 100, 1_000, 10_000], steps: (size) => iteratorOf(size, 'sequential') },
  nest: {
    sizes: [1, 2, 3, 4, 5],
    steps(size) {
      const inner =
        size === 1
          ? { step: 'work', type: 'transform', data: { depth: 1 }, next: 'end' }
          : { step: 'work', type: 'playbook', path: `bench/nest/${size - 1}`, next: 'end' }
      return [line({ step: 'start', next: 'work' }), line(inner), line({ step: 'end' })].join('\n')
    },
  },
}

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
    EDGE_WALL_SECONDS: '600',
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

interface Cost {
  accepted_ms: number
  done_ms: number
  round_trips: number
  events: number
}

async function runOnce(path: string, size: number): Promise<Cost> {
  const before = await trips()
  const startedAt = performance.now()
  const { execution_id } = await call('POST', '/api/executions/run', { path })
  const accepted_ms = performance.now() - startedAt
  // each look costs one round trip of its own
  let looks = 0
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20 + size / 5))
    looks += 1
    const detail = await call('GET', `/api/executions/${execution_id}?limit=1`)
    if (detail.status === 'RUNNING') continue
    if (detail.status !== 'COMPLETED')
      throw new Error(`${path} is ${detail.status}: ${detail.error}`)
    const round_trips = (await trips()) - before - looks
    const { summary } = await call('GET', `/api/events/summary/${execution_id}`)
    const events = Object.values<number>(summary.counts).reduce((sum, count) => sum + count, 0)
    return { accepted_ms, done_ms: detail.duration * 1000, round_trips, events }
  }
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0
const WIDTHS = [11, 7, 8, 12, 12, 10, 8, 7]
const row = (...cells: (string | number)[]) =>
  console.log(cells.map((cell, index) => String(cell).padStart(WIDTHS[index] ?? 8)).join(''))

await call('POST', '/api/credentials', { name: 'bench', type: 'postgres', data: { dsn: base } })
row('shape', 'size', 'events', 'round trips', 'accepted ms', 'done ms', 'ms each', 'ratio')
for (const name of values.shapes.split(',')) {
  const shape = SHAPES[name]
  if (!shape) throw new Error(`no shape '${name}'; there are ${Object.keys(SHAPES).join(', ')}`)
  let first = 0
  for (const size of shape.sizes) {
    const path = `bench/${name}/${size}`
    await call('POST', '/api/catalog/register', {
      content: `metadata: {path: ${path}}\nworkflow:\n${shape.steps(size)}\n`,
    })
    const costs: Cost[] = []
    // what takes long is not repeated, and what is short not believed the first time
    const rounds = size >= 10_000 ? 1 : Number(values.rounds)
    if (rounds > 1) await runOnce(path, size)
    for (let n = 0; n < rounds; n++) costs.push(await runOnce(path, size))
    const of = (key: keyof Cost) => median(costs.map((cost) => cost[key]))
    const each = of('done_ms') / size
    first ||= each
    row(
      name,
      size,
      of('events'),
      of('round_trips'),
      of('accepted_ms').toFixed(1),
      of('done_ms').toFixed(1),
      each.toFixed(2),
      (each / first).toFixed(2),
    )
  }
}

await worker.stop()
await endpoint.stop()
await server?.stop()
