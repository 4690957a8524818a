// Whether killing workerd loses anything: mixed playbooks run while it is killed and started again, at moments
// that the seed chooses. Every run that was accepted must complete with its result; figures of one run.
//   node bench/kills.ts [--postgres] [--kills=50] [--seed=1] [--open=60]
import { parseArgs } from 'node:util'
import { startPostgres } from '../dev/postgres.ts'
import { type KillFigures, runKills } from './kill-load.ts'
import { startServer } from './server.ts'

const { values } = parseArgs({
  options: {
    postgres: { type: 'boolean' },
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    open: { type: 'string', default: '60' },
  },
})

const postgres = values.postgres ? await startPostgres() : null
if (postgres && 'reason' in postgres) throw new Error(postgres.reason)
const settings = { EDGE_LEASE_SECONDS: '5', HTTP_ALLOW_PRIVATE: 'true' }
const server = await startServer(settings, postgres?.url)
const figures = await runKills(server, {
  kills: Number(values.kills),
  seed: Number(values.seed),
  open: Number(values.open),
  life_ms: 8_000,
  limit_seconds: 180,
})
await server.stop()
await postgres?.stop()

const SHOWN: [string, keyof KillFigures][] = [
  ['runs accepted', 'accepted'],
  ['runs whose answer was lost', 'unanswered'],
  ['executions', 'executions'],
  ['completed', 'completed'],
  ['events', 'events'],
  ['actions begun again', 'begun_again'],
  ['http calls made again', 'asked_again'],
  ['rows upserted', 'upserted'],
  ['rows inserted', 'inserted'],
  ['of these, twice', 'inserted_again'],
  ['seconds', 'seconds'],
  ['seconds after the last kill', 'seconds_after'],
]
console.log(
  `${values.kills} kills of workerd, ${values.open} runs open at once, seed ${values.seed}, ` +
    `${postgres ? 'a real' : 'the embedded'} Postgres`,
)
for (const [label, key] of SHOWN) {
  const cell = key.startsWith('seconds') ? Number(figures[key]).toFixed(1) : String(figures[key])
  console.log(label.padEnd(30) + cell.padStart(8))
}
for (const line of [...figures.faults, ...figures.logs]) console.error(line)
process.exitCode = figures.faults.length > 0 ? 1 : 0
