// The figures of a window: counts, durations, playbooks, errors, queue and worker pools.

import type * as z from 'zod'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { ERROR_BOUND, percentilesOf } from './percentiles.ts'
import type { WindowStats, WindowStatsQuery } from './schema.ts'
import { ratio } from './service.ts'
import { figuresOfWindow, type WindowRow } from './stat-queries.ts'
import { MAX_DAYS, namedWindow, type Window, windowBetween } from './window.ts'

type Query = z.output<typeof WindowStatsQuery>
type Stats = z.output<typeof WindowStats>

/** The figures of a window, of the playbooks that the caller sees. */
export async function readWindow(sql: Sql, query: Query, within: string | null): Promise<Stats> {
  const window = windowOf(query)
  const scope = { path: query.path ?? null, path_prefix: query.path_prefix ?? null, within }
  const [row] = await rowsOf<WindowRow>(figuresOfWindow(sql, window, scope, query.top))
  if (!row) fail('internal', 'there are no figures')
  const { completed, failed, jobs } = row
  const active = sum(Object.values(row.active_by_status))
  const [p50, p95, p99] = percentilesOf(row.durations, [0.5, 0.95, 0.99])
  return {
    window: {
      name: query.since === undefined ? (query.window ?? '24h') : null,
      since: row.since,
      until: row.until,
      bucket: window.bucket,
    },
    executions: {
      started: row.started,
      ended: completed + failed,
      completed,
      failed,
      success_rate: completed + failed === 0 ? null : ratio(100 * completed, completed + failed),
      by_status: {
        ...activeOf(row.by_status),
        FAILED: row.by_status.FAILED ?? 0,
        COMPLETED: row.by_status.COMPLETED ?? 0,
      },
      active: activeOf(row.active_by_status),
    },
    totals: {
      executions: row.all_completed + row.all_failed + active,
      completed: row.all_completed,
      failed: row.all_failed,
      active,
    },
    duration: {
      p50: p50 ?? null,
      p95: p95 ?? null,
      p99: p99 ?? null,
      mean: completed + failed === 0 ? null : row.seconds / (completed + failed),
      error_bound: ERROR_BOUND,
    },
    timeline: row.timeline,
    playbooks: row.playbooks.map(({ durations, ...playbook }) => {
      const [p50, p95] = percentilesOf(durations, [0.5, 0.95])
      return { ...playbook, p50: p50 ?? null, p95: p95 ?? null }
    }),
    errors: row.errors,
    queue: {
      queued: sum(jobs.map(({ queued }) => queued)),
      retry: sum(jobs.map(({ retry }) => retry)),
      leased: sum(jobs.map(({ leased }) => leased)),
      dead: sum(jobs.map(({ dead }) => dead)),
      oldest_seconds: row.oldest_seconds,
      by_tool: jobs,
    },
    // pools are of no playbook
    pools: within === null ? { online: row.pools_online, offline: row.pools_offline } : null,
  }
}

/** @throws AppError `invalid_input` for a window that has no sense. */
function windowOf({ window, since, until }: Query): Window {
  if (since === undefined) {
    if (until !== undefined) refuse('/until', 'until needs since')
    return namedWindow(window ?? '24h')
  }
  if (window !== undefined) refuse('/window', 'either window, or since and until')
  return (
    windowBetween(since, until ?? null, Date.now()) ??
    refuse('/since', `since must be before until, and at most ${MAX_DAYS} days`)
  )
}

function refuse(pointer: string, detail: string): never {
  fail('invalid_input', `invalid query: ${detail}`, [{ pointer, detail }])
}

/** Of those that have not ended; those that are none as 0. */
function activeOf({ STARTED = 0, RUNNING = 0, PAUSED = 0, PENDING = 0 }: Record<string, number>) {
  return { STARTED, RUNNING, PAUSED, PENDING }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
