// What a delivery to a hook costs beside the same run by POST /api/executions/run: time until the answer, and round trips.
// The variants take turns within one run; figures of one machine, never a verdict.
//   node bench/hooks.ts [--postgres] [--rounds=300]
import { createHmac, randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startPostgres } from '../dev/postgres.ts'
import { EMBEDDED, startServer } from './server.ts'

const { values } = parseArgs({
  options: { postgres: { type: 'boolean' }, rounds: { type: 'string', default: '300' } },
})
const SECRET = 'a secret for the bench of hooks'
const ENDPOINTS = { run: '/api/executions/run', hook: '/hooks/bench' }

const postgres = values.postgres ? await startPostgres() : null
if (postgres && !('url' in postgres)) throw new Error(postgres.reason)
const database = new URL(postgres?.url ?? EMBEDDED)
// round trips are counted by this name
database.searchParams.set('application_name', 'bench')
const server = await startServer({ DATABASE_URL: database.href }, postgres?.url)

const content =
  'metadata: {path: bench/hook}\nworkflow:\n  - {step: start, next: end}\n  - {step: end}\n'
await server.must('POST', '/api/catalog/register', { content })
await server.must('POST', '/api/hooks', {
  name: 'bench',
  path: 'bench/hook',
  provider: 'github',
  secrets: [SECRET],
  filter: 'body.n > 0',
  parameters: { n: '{{ body.n }}', ref: '{{ body.ref }}' },
})

type Variant = 'run' | 'first' | 'again'
const times: Record<Variant, number[]> = { run: [], first: [], again: [] }
const trips: Record<Variant, number> = { run: 0, first: 0, again: 0 }

async function roundTrips(): Promise<number> {
  const reply = await fetch(server.endpoint.replace(/sql$/, 'count?application_name=bench'))
  return ((await reply.json()) as { round_trips: number }).round_trips
}

async function timed(variant: Variant, send: () => Promise<{ status: number }>): Promise<void> {
  const before = await roundTrips()
  const began = performance.now()
  const { status } = await send()
  times[variant].push(performance.now() - began)
  if (status !== (variant === 'run' ? 200 : 202)) throw new Error(`${variant}: ${status}`)
  trips[variant] += (await roundTrips()) - before
}

function deliver(n: number, id: string) {
  const body = { n, ref: 'refs/heads/main', padding: 'x'.repeat(2_000) }
  const mac = createHmac('sha256', SECRET).update(JSON.stringify(body)).digest('hex')
  return server.call('POST', ENDPOINTS.hook, body, {
    'x-hub-signature-256': `sha256=${mac}`,
    'x-github-delivery': id,
    'x-github-event': 'push',
  })
}

const rounds = Number(values.rounds)
for (let n = 1; n <= rounds + 20; n++) {
  // the first ones warm up
  if (n === 21) for (const list of Object.values(times)) list.length = 0
  if (n === 21) for (const name of Object.keys(trips)) trips[name as Variant] = 0
  const id = randomUUID()
  const parameters = { n, ref: 'refs/heads/main' }
  await timed('run', () => server.call('POST', ENDPOINTS.run, { path: 'bench/hook', parameters }))
  await timed('first', () => deliver(n, id))
  await timed('again', () => deliver(n, id))
}
await server.stop()
if (postgres && 'stop' in postgres) await postgres.stop()

const at = (list: number[], part: number) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length * part)] ?? 0
const base = at(times.run, 0.5)
console.log('variant\tp50 ms\tp95 ms\tp50 to run\tround trips each')
for (const variant of ['run', 'first', 'again'] as const) {
  const list = times[variant]
  const [p50, p95] = [at(list, 0.5), at(list, 0.95)]
  const ratio = (p50 / base).toFixed(2)
  console.log(
    `${variant}\t${p50.toFixed(1)}\t${p95.toFixed(1)}\t${ratio}\t${(trips[variant] / rounds).toFixed(2)}`,
  )
}
