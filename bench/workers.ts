// What it costs that workers die and messages get lost: worker processes do the same runs undisturbed and
// harassed. Every run must complete, each step with one result; figures and ratios of one run.
//   node bench/workers.ts [--postgres] [--executions=100] [--workers=4] [--seed=1]
import { parseArgs } from 'node:util'
import { startPostgres } from '../dev/postgres.ts'
import { type Figures, HARSH, MILD, runLoad } from './load.ts'
import { startServer } from './server.ts'

const { values } = parseArgs({
  options: {
    postgres: { type: 'boolean' },
    executions: { type: 'string', default: '100' },
    workers: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
  },
})

const FORTUNES = { mild: MILD, harsh: HARSH }

const postgres = values.postgres ? await startPostgres() : null
if (postgres && 'reason' in postgres) throw new Error(postgres.reason)
const server = await startServer({ EDGE_TOOLS: '' }, postgres?.url)

const figures: Figures[] = []
for (const [name, fortune] of Object.entries(FORTUNES)) {
  const load = {
    name,
    fortune,
    executions: Number(values.executions),
    workers: Number(values.workers),
    seed: Number(values.seed),
    lease_seconds: 2,
    limit_seconds: 300,
  }
  figures.push(await runLoad(server, load))
}
await server.stop()
await postgres?.stop()

const SHOWN: [string, keyof Figures, number][] = [
  ['executions completed', 'completed', 0],
  ['seconds', 'seconds', 1],
  ['workers killed', 'kills', 0],
  ['lease replies lost', 'lost_leases', 0],
  ['reports lost', 'lost_reports', 0],
  ['actions failed', 'failures', 0],
  ['actions slower than the lease', 'stalls', 0],
  ['leases', 'leases', 0],
  ['leases of jobs fallen silent', 'releases', 0],
  ['completions inferred', 'inferred', 0],
  ['results too late to count', 'late', 0],
  ['events', 'events', 0],
]
console.log(
  `${values.executions} executions of 3 steps, ${values.workers} workers, seed ${values.seed}, ` +
    `${postgres ? 'a real' : 'the embedded'} Postgres`,
)
console.log(''.padEnd(30) + [...Object.keys(FORTUNES), 'ratio'].map((n) => n.padStart(8)).join(''))
for (const [label, key, digits] of SHOWN) {
  const [mild = 0, harsh = 0] = figures.map((of) => Number(of[key]))
  const cells = [mild.toFixed(digits), harsh.toFixed(digits)]
  cells.push(mild > 0 ? (harsh / mild).toFixed(2) : '')
  console.log(label.padEnd(30) + cells.map((cell) => cell.padStart(8)).join(''))
}
const faults = figures.flatMap((of) => of.faults)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
