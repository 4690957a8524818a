// What it costs that many watch: 500 of 10 executions, left alone and cut off at random. Each must be told every event
// once and in order. Figures of one run on one machine.
//   node bench/watchers.ts [--postgres] [--watchers=500] [--executions=10] [--seconds=20]
import { parseArgs } from 'node:util'
import { startPostgres } from '../dev/postgres.ts'
import { runWatchers, type Seen, startWatched } from './watch.ts'

const { values } = parseArgs({
  options: {
    postgres: { type: 'boolean' },
    watchers: { type: 'string', default: '500' },
    executions: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '20' },
    'every-ms': { type: 'string', default: '1000' },
  },
})

const postgres = values.postgres ? await startPostgres() : null
if (postgres && 'reason' in postgres) throw new Error(postgres.reason)
const server = await startWatched({}, postgres?.url)
const load = {
  watchers: Number(values.watchers),
  executions: Number(values.executions),
  seconds: Number(values.seconds),
  every_ms: Number(values['every-ms']),
}
const all: Record<string, Seen> = {
  'left alone': await runWatchers(server, { ...load, cut_ms: 0 }),
  'cut off': await runWatchers(server, { ...load, cut_ms: 3_000 }),
}
await server.stop()
await postgres?.stop()

const SHOWN: [string, (seen: Seen) => number, number][] = [
  ['events written', ({ events }) => events, 0],
  ['events told', ({ told }) => told, 0],
  ['connections', ({ connections }) => connections, 0],
  ['reads of the database', ({ reads }) => reads, 0],
  ['reads a second and execution', (s) => s.reads / s.seconds / load.executions, 2],
  ['median ms after the commit', ({ median_ms }) => median_ms, 0],
  ['95 % within ms', ({ p95_ms }) => p95_ms, 0],
  ['the last ms', ({ most_ms }) => most_ms, 0],
]
console.log(
  `${load.watchers} watchers of ${load.executions} executions, an event every ${load.every_ms} ms, ${
    postgres ? 'a real' : 'the embedded'
  } Postgres`,
)
console.log(
  ''.padEnd(30) +
    Object.keys(all)
      .map((name) => name.padStart(12))
      .join(''),
)
for (const [label, of, digits] of SHOWN) {
  const cells = Object.values(all).map((seen) => of(seen).toFixed(digits).padStart(12))
  console.log(label.padEnd(30) + cells.join(''))
}
const faults = Object.values(all).flatMap((seen) => seen.faults)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
