// What the dashboard's figures and lists of executions cost when there are many: SQL times of the statements, as
// the Worker sends them. Figures of one machine; never a verdict.
//   node bench/stats.ts                        200,000 executions within a day, on a throw-away real server
//   node bench/stats.ts --executions=1000000 --days=5 --rounds=50
//   node bench/stats.ts --portion=100000       swept as when much was brought in, not as it ended
//   node bench/stats.ts --explain              the plans as well, of the slowest round
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { neon, neonConfig } from '@neondatabase/serverless'
import { migrate } from '../dev/migrate.ts'
import { startEndpoint } from '../dev/neon/client.ts'
import { startPostgres } from '../dev/postgres.ts'
import { figures, figuresAndNewest, figuresOfAll, rollUp } from '../src/dashboard/queries.ts'
import { figuresOfWindow } from '../src/dashboard/stat-queries.ts'
import { namedWindow, WINDOWS, windowBetween } from '../src/dashboard/window.ts'
import type { Sql, Statement } from '../src/db.ts'
import { type ListFilter, listExecutions, NEWEST, seekExecutions } from '../src/event/list.ts'
import { findDetail } from '../src/event/reads.ts'
import { sortOf } from '../src/event/sorting.ts'

const { values } = parseArgs({
  options: {
    executions: { type: 'string', default: '200000' },
    days: { type: 'string', default: '1' },
    playbooks: { type: 'string', default: '300' },
    portion: { type: 'string' },
    rounds: { type: 'string', default: '30' },
    explain: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const executions = Number(values.executions)
const days = Number(values.days)
const rounds = Number(values.rounds)
/** No statement may take longer than the driver waits. */
const AT_ONCE = 25_000

const postgres = await startPostgres()
if (!('url' in postgres)) throw new Error(postgres.reason)
const migrations = join(import.meta.dirname, '../migrations')
await migrate({ connectionString: postgres.url }, migrations)
const endpoint = await startEndpoint({ url: postgres.url })
neonConfig.fetchEndpoint = () => endpoint.url
const sql: Sql = neon(postgres.url)

const began = performance.now()
await fill()
console.log(
  `${executions} executions within ${days} days, filled in ${seconds(performance.now() - began)}`,
)
// by default as a sweep every ten minutes would have
const portion = Number(values.portion ?? Math.ceil(executions / days / 144))
const sweeps: number[] = []
for (let n = 0; n <= executions / portion; n++) {
  const start = performance.now()
  await rollUp(sql, { most: portion })
  sweeps.push(performance.now() - start)
}
console.log(
  `${sweeps.length} sweeps of ${portion}: ${(sum(sweeps) / sweeps.length).toFixed(0)} ms each, ${Math.max(...sweeps).toFixed(0)} ms at most`,
)
await sql`vacuum analyze`
const [kept] = await sql`
  select (select count(*) from noetl.execution_stat) as stats, (select count(*) from noetl.error_stat) as errors,
    (select jsonb_object_agg(relid::regclass, pg_size_pretty(pg_total_relation_size(relid)))
      from unnest('{noetl.execution_stat, noetl.error_stat}'::regclass[]) stat, pg_partition_tree(stat)
      where isleaf) as stats_size,
    (select pg_size_pretty(sum(pg_total_relation_size(inhrelid))) from pg_inherits
      where inhparent = 'noetl.execution'::regclass) as executions_size`
console.log('kept:', JSON.stringify(kept))

const seek = (filter: Partial<ListFilter>, isCounted = false) =>
  seekExecutions(sql, { ...NEWEST, limit: 101, ...filter }, isCounted)
const ALL = { path: null, path_prefix: null, within: null }
const window = (name: (typeof WINDOWS)[number], scope = {}) =>
  figuresOfWindow(sql, namedWindow(name), { ...ALL, ...scope }, 10)
/** Figures between two hours, so many ago, nearly all of whose minutes are beside whole hours. */
const between = (from: number, to: number | null, scope = {}) => {
  const ago = (hours: number, seconds: number) =>
    new Date((Math.floor(Date.now() / 3_600_000) - hours) * 3_600_000 + seconds * 1_000)
  const until = to === null ? null : ago(to, 3_510.5).toISOString()
  const found = windowBetween(ago(from, 90.5).toISOString(), until, Date.now())
  if (!found) throw new Error('no window')
  return figuresOfWindow(sql, found, { ...ALL, ...scope }, 10)
}
const sorted = (text: string) => ({ sort: sortOf(text, undefined) ?? NEWEST.sort })
const [some] = await sql`
  select execution_id::text as id, noetl.rfc3339(ended_at) as at from noetl.execution
  where ended_at is not null order by execution_id offset ${Math.floor(executions / 2)} limit 1`
const deep = { key: String(some?.at), id: String(some?.id) }
const CASES: [string, Statement][] = [
  ['list', listExecutions(sql, { ...NEWEST, limit: 101 })],
  ['list, deep', listExecutions(sql, { ...NEWEST, limit: 101, after: { ...deep, key: null } })],
  ['list by status', listExecutions(sql, { ...NEWEST, limit: 101, status: 'FAILED' })],
  ['list by path', listExecutions(sql, { ...NEWEST, limit: 101, path: 'team-7/p7' })],
  ['sort started', listExecutions(sql, { ...NEWEST, limit: 101, ...sorted('started') })],
  ...['-ended', 'ended', '-duration', 'duration'].map((text): [string, Statement] => [
    `sort ${text}`,
    listExecutions(sql, { ...NEWEST, limit: 101, ...sorted(text) }),
  ]),
  [
    'sort -ended, deep',
    listExecutions(sql, { ...NEWEST, limit: 101, ...sorted('-ended'), after: deep }),
  ],
  ['sort -duration of a path', seek({ ...sorted('-duration'), path: 'team-7/p7' })],
  ['search, found at once', seek({ text: 'team-' })],
  ['search, found never', seek({ text: 'nowhere' })],
  ['search, an id', seek({ execution_id: String(some?.id) })],
  ['label', seek({ labels: { tenant: 't3' } })],
  [
    'detail',
    findDetail(sql, String(some?.id), { after: 0, limit: 100 }, { known: [], atLeast: 0 }),
  ],
  ['list and count', seek({}, true)],
  ['list and count, status', seek({ status: 'FAILED' }, true)],
  ['list and count, path', seek({ path: 'team-7/p7' }, true)],
  [
    'list and count, since',
    seek({ since: new Date(Date.now() - days * 43_200_000).toISOString() }, true),
  ],
  ['list and count, search', seek({ text: 'nowhere' }, true)],
  ...WINDOWS.map((name): [string, Statement] => [`stats ${name}`, window(name)]),
  ['stats 24h of a path', window('24h', { path: 'team-7/p7' })],
  ['stats 24h of a prefix', window('24h', { within: 'team-7/' })],
  ['stats 1h of a path', window('1h', { path: 'team-7/p7' })],
  ['stats 1h of a prefix', window('1h', { within: 'team-7/' })],
  ['stats, 57 odd minutes', between(5, 5)],
  ['stats, 11 odd hours', between(13, 2)],
  ['stats since 11 odd hours', between(11, null)],
  ['stats, 11 hours of a path', between(13, 2, { path: 'team-7/p7' })],
  ['stats, 11 hours, long ago', between(days * 24 - 5, days * 24 - 16)],
  ['dashboard widgets', figures(sql)],
  ['dashboard stats', figuresAndNewest(sql, 10)],
  ['metrics', figuresOfAll(sql)],
]

let base = 0
console.log(
  `${'statement'.padEnd(28)}${'least ms'.padStart(9)}${'p50 ms'.padStart(9)}${'p95 ms'.padStart(9)}  to list`,
)
for (const [name, statement] of CASES) {
  if (!name.includes(values.only)) continue
  const { least, p50, p95, plan } = await measure(statement)
  base ||= p50
  const ratio = (p50 / base).toFixed(1)
  console.log(
    `${name.padEnd(28)}${least.toFixed(2).padStart(9)}${p50.toFixed(2).padStart(9)}${p95.toFixed(2).padStart(9)}${ratio.padStart(9)}`,
  )
  if (values.explain) console.log(plan)
}
await endpoint.stop()
await postgres.stop()

/** Planning and execution, as Postgres tells them. */
async function measure(statement: Statement) {
  const { queryData } = statement
  const { query, params } =
    'toParameterizedQuery' in queryData ? queryData.toParameterizedQuery() : queryData
  const all: { ms: number; plan: string }[] = []
  for (let n = 0; n < rounds; n++) {
    const rows = await sql.query(`explain (analyze, buffers, timing off) ${query}`, params)
    const lines = rows.map((row) => String(row['QUERY PLAN']))
    const ms = lines
      .map((line) => /^(?:Planning|Execution) Time: ([\d.]+) ms/.exec(line)?.[1] ?? '0')
      .reduce((sum, text) => sum + Number(text), 0)
    all.push({ ms, plan: lines.join('\n') })
  }
  all.sort((a, b) => a.ms - b.ms)
  const at = (share: number) => all[Math.min(all.length - 1, Math.floor(share * all.length))]
  return {
    least: at(0)?.ms ?? 0,
    p50: at(0.5)?.ms ?? 0,
    p95: at(0.95)?.ms ?? 0,
    plan: all.at(-1)?.plan,
  }
}

/** Runs of playbooks of which some run much more often than others and some take much longer; one in 20 fails, one in 1,000 goes on. */
async function fill(): Promise<void> {
  for (let from = 0; from < executions; from += AT_ONCE) {
    await fillPart(from + 1, Math.min(executions, from + AT_ONCE))
  }
  await sql`vacuum analyze`
}

async function fillPart(first: number, last: number): Promise<void> {
  await sql`
    with filled as (
    insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
      last_event_type, workload, state, progress, started_at, ended_at, error, result, labels)
    select noetl.id_at(at) + n % 4194304, p, 'team-' || p % 40 || '/p' || p, 'p' || p, 1, 'playbook', status, 17,
      'execution_complete', '{"pg_auth": "pg_local", "test_name": "create_test_tables"}', '{"active": []}',
      case when status = 'RUNNING' then 40 else 100 end, at,
      case when status <> 'RUNNING' then least(now(), at + interval '1 second' * exp(p % 7 - 2) * spread) end,
      case when status = 'FAILED' then 'step load: connection ' || n || ' to host-' || n % 7 || ' refused' end,
      '{"rows": 17}', case when n % 50 = 0 then jsonb_build_object('tenant', 't' || n % 9) else '{}' end
    from (
      select n, floor(${Number(values.playbooks)}::float8 * random() ^ 3)::int as p,
        now() - interval '1 second' * ${days * 86_400}::float8 * (1 - n / ${executions}::float8) as at,
        case when n % 1000 = 0 then 'RUNNING' when n % 20 = 0 then 'FAILED' else 'COMPLETED' end as status,
        -- a playbook takes about as long each time
        exp(random() * 2 - 1) as spread
      from generate_series(${first}::int, ${last}::int) n
    ) s
    returning *
    )
    insert into noetl.queue (queue_id, execution_id, catalog_id, path, node_id, node_name, tool, action, runner, status)
    select x.execution_id, x.execution_id, 1, x.path, 'n', 'n', 'tool' || x.catalog_id % 5, '{}', 'worker',
      case when x.status = 'RUNNING' then 'queued' when x.status = 'FAILED' and x.catalog_id % 9 = 0 then 'dead'
        else 'done' end
    from filled x`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
