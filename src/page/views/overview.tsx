// How it goes, all in all.

import { withQuery } from '../api.ts'
import { type Bucket, Spread, Throughput } from '../chart.tsx'
import { count, duration } from '../format.ts'
import { useLive, useResource } from '../hooks.ts'
import { Duration, Empty, Labelled, Live, Loaded, Problem, Shape, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, setQuery, useLocation } from '../router.tsx'
import type { Execution } from '../types.ts'
import { ExecutionTable, PathInput } from './executions.tsx'

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
  const isMissing = stats.problem?.isMissing ?? false
  const liveness = useLive(isMissing ? null : '/api/stream', stats.reload)
  if (isMissing) return <Totals />
  return (
    <>
      <div class="head">
        <h1>Overview</h1>
        <Live state={liveness} />
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="What is shown">
        <Labelled label="Of the last">
          <select
            value={window}
            onChange={(event) => setQuery({ window: event.currentTarget.value }, { replace: true })}
          >
            {WINDOWS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </Labelled>
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
            <div class="scroll">
              <table class="list">
                <caption class="hidden">Playbooks with most runs</caption>
                <thead>
                  <tr>
                    <th scope="col">Path</th>
                    <th scope="col" class="num">
                      Runs
                    </th>
                    <th scope="col" class="num">
                      Failed
                    </th>
                    <th scope="col" class="num">
                      Median
                    </th>
                    <th scope="col" class="num">
                      95 %
                    </th>
                    <th scope="col" class="wide-only">
                      <span class="hidden">Spread</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {stats.playbooks.map((item) => (
                    <tr key={item.path}>
                      <td class="main-cell">
                        <Link to={addressOf('playbooks', item.path)}>{item.path}</Link>
                      </td>
                      <td class="num">{count(item.runs)}</td>
                      <td class="num">
                        {item.failed > 0 ? (
                          <Link
                            to={`/executions?path=${encodeURIComponent(item.path)}&status=failed`}
                          >
                            {count(item.failed)}
                          </Link>
                        ) : (
                          <span class="muted">0</span>
                        )}
                      </td>
                      <td class="num">
                        <Duration seconds={item.p50} />
                      </td>
                      <td class="num">
                        <Duration seconds={item.p95} />
                      </td>
                      <td class="wide-only">
                        <Spread p50={item.p50} p95={item.p95} most={most} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </section>
        <section>
          <h2>Why runs failed</h2>
          {stats.errors.length === 0 ? (
            <Empty>None has failed in this time.</Empty>
          ) : (
            <div class="scroll">
              <table class="list">
                <caption class="hidden">Errors, most frequent first</caption>
                <thead>
                  <tr>
                    <th scope="col" class="num">
                      Times
                    </th>
                    <th scope="col">Error</th>
                    <th scope="col">Last</th>
                  </tr>
                </thead>
                <tbody>
                  {stats.errors.map((error) => (
                    <tr key={error.message}>
                      <td class="num">{count(error.count)}</td>
                      <td class="wrap">{error.message}</td>
                      <td>
                        <Link to={addressOf('executions', error.last_execution_id)}>
                          <Time at={error.last_at} relative />
                        </Link>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          {queue.by_tool.length > 0 && (
            <>
              <h2>Queue by tool</h2>
              <table class="list">
                <caption class="hidden">Jobs that wait or are at work, by tool</caption>
                <thead>
                  <tr>
                    <th scope="col">Tool</th>
                    <th scope="col" class="num">
                      Wait
                    </th>
                    <th scope="col" class="num">
                      At work
                    </th>
                    <th scope="col" class="num">
                      Dead
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {queue.by_tool.map((item) => (
                    <tr key={item.tool}>
                      <td>{item.tool}</td>
                      <td class="num">{item.queued + item.retry}</td>
                      <td class="num">{item.leased}</td>
                      <td class="num">{item.dead}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
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

function Workers() {
  const pools = useResource<{ items: Pool[] }>('/api/worker/pools?limit=50')
  // keys that see a part of the playbooks only see no workers
  if (pools.problem?.status === 403) return null
  return (
    <>
      <h2>Workers</h2>
      <Problem problem={pools.problem} retry={pools.reload} />
      {pools.data?.items.length === 0 && (
        <Empty>No worker has registered. What the edge can do itself needs none.</Empty>
      )}
      {pools.data && pools.data.items.length > 0 && (
        <div class="scroll">
          <table class="list">
            <caption class="hidden">Worker pools</caption>
            <thead>
              <tr>
                <th scope="col">Pool</th>
                <th scope="col">State</th>
                <th scope="col">Runtime</th>
                <th scope="col">Last heard of</th>
              </tr>
            </thead>
            <tbody>
              {pools.data.items.map((pool) => {
                const isOnline = pool.status !== 'offline'
                return (
                  <tr key={pool.name}>
                    <td class="main-cell">{pool.name}</td>
                    <td>
                      <span class={`status s-${isOnline ? 'completed' : 'cancelled'}`}>
                        <Shape state={isOnline ? 'completed' : 'cancelled'} />
                        <span>{pool.status}</span>
                      </span>
                    </td>
                    <td>{pool.runtime?.type}</td>
                    <td>
                      <Time at={pool.heartbeat} relative />
                    </td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}

interface OldStats {
  total_executions: number
  successful_executions: number
  failed_executions: number
  total_playbooks: number
  active_workflows: number
  success_rate: number
  recent_executions: Execution[]
}

/** What an API has to say that has no figures by time. */
function Totals() {
  const stats = useResource<OldStats>('/api/dashboard/stats')
  const liveness = useLive('/api/stream', stats.reload)
  return (
    <>
      <div class="head">
        <h1>Overview</h1>
        <Live state={liveness} />
      </div>
      <Loaded of={stats} what="the figures">
        {(data) => (
          <>
            <dl class="figures">
              <Figure label="Runs" value={count(data.total_executions)} />
              <Figure
                label="Success"
                value={`${data.success_rate} %`}
                note={`${count(data.successful_executions)} completed, ${count(data.failed_executions)} failed`}
              />
              <Figure label="Under way" value={count(data.active_workflows)} />
              <Figure label="Playbooks" value={count(data.total_playbooks)} />
            </dl>
            <h2>The newest runs</h2>
            <ExecutionTable items={data.recent_executions} plain />
          </>
        )}
      </Loaded>
      <Workers />
    </>
  )
}
