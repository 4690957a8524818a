// How it goes, all in all.

import { withQuery } from '../api.ts'
import { type Bucket, Spread, Throughput } from '../chart.tsx'
import { Choice, Labelled, PathInput } from '../controls.tsx'
import { count, duration } from '../format.ts'
import { useLive, useResource } from '../hooks.ts'
import { type Column, Table, TableListing } from '../list.tsx'
import { Duration, Empty, Live, Loaded, Mark, Path, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, setQuery, useLocation } from '../router.tsx'

type Counts = Record<string, number>

interface Stats {
  window: { since: string; until: string; bucket: 'minute' | 'hour' | 'day' }
  executions: {
    started: number
    ended: number
    completed: number
    failed: number
    success_rate: number | null
    active: Counts
  }
  totals: { executions: number; completed: number; failed: number; active: number }
  duration: { p50: number | null; p95: number | null; p99: number | null; mean: number | null }
  timeline: Bucket[]
  playbooks: {
    path: string
    runs: number
    completed: number
    failed: number
    active: number
    p50: number | null
    p95: number | null
    last_execution_id: string | null
    last_started_at: string | null
  }[]
  errors: { message: string; count: number; last_execution_id: string; last_at: string }[]
  queue: {
    queued: number
    retry: number
    leased: number
    dead: number
    oldest_seconds: number
    by_tool: { tool: string; queued: number; retry: number; leased: number; dead: number }[]
  }
  pools: { online: number; offline: number } | null
}

const WINDOWS = [
  ['15m', '15 minutes'],
  ['1h', 'hour'],
  ['24h', 'day'],
  ['7d', 'week'],
  ['30d', 'month'],
] as const

export function Overview() {
  const { query } = useLocation()
  const window = query.get('window') ?? '24h'
  const path = query.get('path')
  const stats = useResource<Stats>(withQuery('/api/stats', { window, path }), { keep: true })
  const liveness = useLive('/api/stream', stats.reload)
  return (
    <>
      <div class="head">
        <h1>Overview</h1>
        <Live state={liveness} />
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="What is shown">
        <Choice label="Of the last" name="window" options={WINDOWS} value={window} />
        <Labelled label="Playbook">
          <PathInput
            value={path ?? ''}
            onValue={(value) => setQuery({ path: value }, { replace: true })}
          />
        </Labelled>
      </form>
      <Loaded of={stats} what="the figures">
        {(data) => <Figures stats={data} />}
      </Loaded>
      <Workers />
    </>
  )
}

const RUN_COLUMNS: readonly Column<Stats['playbooks'][number]>[] = [
  [
    'Path',
    ({ path }) => (
      <Link to={addressOf('playbooks', path)}>
        <Path of={path} />
      </Link>
    ),
    'main-cell',
  ],
  ['Runs', ({ runs }) => count(runs), 'num'],
  [
    'Failed',
    ({ path, failed }) =>
      failed > 0 ? (
        <Link to={withQuery('/executions', { path, status: 'failed' })}>{count(failed)}</Link>
      ) : (
        <span class="muted">0</span>
      ),
    'num',
  ],
  ['Median', ({ p50 }) => <Duration seconds={p50} />, 'num'],
  ['95 %', ({ p95 }) => <Duration seconds={p95} />, 'num'],
]

const ERROR_COLUMNS: readonly Column<Stats['errors'][number]>[] = [
  ['Times', (error) => count(error.count), 'num'],
  ['Error', ({ message }) => message, 'wrap'],
  [
    'Last',
    ({ last_execution_id, last_at }) => (
      <Link to={addressOf('executions', last_execution_id)}>
        <Time at={last_at} relative />
      </Link>
    ),
  ],
]

const TOOL_COLUMNS: readonly Column<Stats['queue']['by_tool'][number]>[] = [
  ['Tool', ({ tool }) => tool],
  ['Wait', ({ queued, retry }) => queued + retry, 'num'],
  ['At work', ({ leased }) => leased, 'num'],
  ['Dead', ({ dead }) => dead, 'num'],
]

function Figures({ stats }: { stats: Stats }) {
  const { executions, duration: took, queue, totals } = stats
  const active = Object.values(executions.active).reduce((sum, n) => sum + n, 0)
  const most = Math.max(0.001, ...stats.playbooks.map(({ p95 }) => p95 ?? 0))
  return (
    <>
      <dl class="figures">
        <Figure label="Started" value={count(executions.started)} />
        <Figure
          label="Success"
          value={
            executions.success_rate === null
              ? '–'
              : `${executions.success_rate.toFixed(executions.success_rate === 100 ? 0 : 1)} %`
          }
          note={`${count(executions.completed)} completed, ${count(executions.failed)} failed`}
        />
        <Figure
          label="Under way"
          value={count(active)}
          note={Object.entries(executions.active)
            .filter(([, n]) => n > 0)
            .map(([status, n]) => `${n} ${status.toLowerCase()}`)
            .join(', ')}
        />
        <Figure
          label="Duration, median"
          value={took.p50 === null ? '–' : duration(took.p50)}
          note={
            took.p95 === null || took.p99 === null
              ? ''
              : `95 % within ${duration(took.p95)}, 99 % within ${duration(took.p99)}`
          }
        />
        <Figure
          label="Queue"
          value={count(queue.queued + queue.retry)}
          note={[
            `${queue.leased} at work`,
            ...(queue.dead > 0 ? [`${queue.dead} dead`] : []),
            ...(queue.oldest_seconds > 0 ? [`oldest ${duration(queue.oldest_seconds)}`] : []),
          ].join(', ')}
        />
        <Figure
          label="Of all times"
          value={count(totals.executions)}
          note={`${count(totals.failed)} failed`}
        />
      </dl>
      <h2>Throughput</h2>
      <Throughput buckets={stats.timeline} size={stats.window.bucket} />
      <div class="columns broad">
        <section>
          <h2>Playbooks</h2>
          {stats.playbooks.length === 0 ? (
            <Empty>Nothing ran in this time.</Empty>
          ) : (
            <Table
              caption="Playbooks with most runs"
              columns={[
                ...RUN_COLUMNS,
                [
                  'Spread',
                  (item) => <Spread p50={item.p50} p95={item.p95} most={most} />,
                  'quiet wide-only',
                ],
              ]}
              keyOf={({ path }) => path}
              items={stats.playbooks}
            />
          )}
        </section>
        <section>
          <h2>Why runs failed</h2>
          {stats.errors.length === 0 ? (
            <Empty>None has failed in this time.</Empty>
          ) : (
            <Table
              caption="Errors, most frequent first"
              columns={ERROR_COLUMNS}
              keyOf={({ message }) => message}
              items={stats.errors}
            />
          )}
          {queue.by_tool.length > 0 && (
            <>
              <h2>Queue by tool</h2>
              <Table
                caption="Jobs that wait or are at work, by tool"
                columns={TOOL_COLUMNS}
                keyOf={({ tool }) => tool}
                items={queue.by_tool}
              />
            </>
          )}
        </section>
      </div>
    </>
  )
}

function Figure({ label, value, note = '' }: { label: string; value: string; note?: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <span class="large">{value}</span>
        {note && <span class="muted small-text">{note}</span>}
      </dd>
    </div>
  )
}

interface Pool {
  name: string
  status: string
  runtime: { type: string } | null
  capacity: number | null
  heartbeat: string | null
}

const POOL_COLUMNS: readonly Column<Pool>[] = [
  ['Pool', ({ name }) => name, 'main-cell'],
  [
    'State',
    ({ status }) => <Mark state={status === 'offline' ? 'cancelled' : 'completed'}>{status}</Mark>,
  ],
  ['Runtime', ({ runtime }) => runtime?.type],
  ['Last heard of', ({ heartbeat }) => <Time at={heartbeat} relative />],
]

function Workers() {
  const pools = useResource<{ items: Pool[] }>('/api/worker/pools?limit=50')
  // keys that see a part of the playbooks only see no workers
  if (pools.problem?.status === 403) return null
  return (
    <>
      <h2>Workers</h2>
      <TableListing
        of={pools}
        what="worker pools"
        empty="No worker has registered. What the edge can do itself needs none."
        caption="Worker pools"
        columns={POOL_COLUMNS}
        keyOf={({ name }) => name}
      />
    </>
  )
}
