// The dashboard's figures, as JSON for people's pages and as text for Prometheus.

import { name, version } from '../../package.json'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { listItem } from '../event/list-service.ts'
import { toJson } from '../json.ts'
import { exposition } from './exposition.ts'
import { isolateFigures } from './isolate.ts'
import {
  type FiguresRow,
  figures,
  figuresAndNewest,
  figuresOfAll,
  type MetricsRow,
  type StatsRow,
} from './queries.ts'
import type { Stats, Widget } from './schema.ts'

const RECENT = 10

/** The figures under the server's names and under the UI's, as JSON text. */
export async function readStats(sql: Sql): Promise<string> {
  const [row] = await rowsOf<StatsRow>(figuresAndNewest(sql, RECENT))
  if (!row) fail('internal', 'there are no figures')
  const stats = statsOf(row)
  const head = toJson({
    status: 'ok',
    stats,
    ...stats,
    active_executions: stats.active_workflows,
    success_rate: successRate(row),
  })
  return `${head.slice(0, -1)},"recent_executions":[${row.recent.map(listItem).join(',')}]}`
}

/** The figures as widgets of NoETL's UI. */
export async function readWidgets(sql: Sql): Promise<Widget[]> {
  const [row] = await rowsOf<FiguresRow>(figures(sql))
  if (!row) fail('internal', 'there are no figures')
  const stats = statsOf(row)
  return [
    widget('total-playbooks', 'Total Playbooks', stats.total_playbooks, BLUE),
    widget('total-executions', 'Total Executions', stats.total_executions, BLUE),
    widget('active-executions', 'Active Executions', stats.active_workflows, AMBER),
    widget('successful-executions', 'Successful Executions', stats.successful_executions, GREEN),
    widget('failed-executions', 'Failed Executions', stats.failed_executions, RED),
    widget('success-rate', 'Success Rate', successRate(row), GREEN, 'percentage'),
    widget('ended-24h', 'Ended in 24 Hours', row.ended_lately, BLUE),
    widget('failed-24h', 'Failed in 24 Hours', row.failed_lately, RED),
    widget(
      'seconds-24h',
      'Mean Seconds in 24 Hours',
      ratio(row.seconds_lately, row.ended_lately),
      BLUE,
    ),
  ]
}

/** The figures of executions, queue, worker pools and this isolate in Prometheus's text format. */
export async function readMetrics(sql: Sql): Promise<string> {
  const [row] = await rowsOf<MetricsRow>(figuresOfAll(sql))
  if (!row) fail('internal', 'there are no figures')
  const { started_seconds, requests } = isolateFigures()
  return exposition([
    { name: 'noetl_up', type: 'gauge', help: 'Whether it answers.', samples: [[{}, 1]] },
    {
      name: 'noetl_info',
      type: 'gauge',
      help: 'What answers.',
      samples: [[{ version, name }, 1]],
    },
    {
      name: 'noetl_process_start_time_seconds',
      type: 'gauge',
      help: 'When the isolate that answers began, in seconds of the epoch.',
      samples: [[{}, started_seconds]],
    },
    {
      name: 'noetl_request_total',
      type: 'counter',
      help: 'Requests that the isolate that answers has served, /health aside.',
      samples: [[{}, requests]],
    },
    {
      name: 'noetl_executions_total',
      type: 'counter',
      help: 'Executions that have ended.',
      samples: byStatus({ COMPLETED: row.completed, FAILED: row.failed }),
    },
    {
      name: 'noetl_executions_seconds_total',
      type: 'counter',
      help: 'Seconds from start to end, of executions that have ended.',
      samples: byStatus({ COMPLETED: row.completed_seconds, FAILED: row.failed_seconds }),
    },
    {
      name: 'noetl_executions_active',
      type: 'gauge',
      help: 'Executions that have not ended.',
      samples: [[{}, row.active]],
    },
    {
      name: 'noetl_queue_jobs',
      type: 'gauge',
      help: 'Jobs that are not done.',
      samples: byStatus({
        queued: row.queued,
        leased: row.leased,
        retry: row.retry,
        dead: row.dead,
      }),
    },
    {
      name: 'noetl_queue_oldest_seconds',
      type: 'gauge',
      help: 'How long the job that has been free the longest has waited.',
      samples: [[{}, row.oldest_seconds]],
    },
    {
      name: 'noetl_worker_pools',
      type: 'gauge',
      help: 'Worker pools; one is offline when it says so or has been silent for 60 seconds.',
      samples: byStatus({ online: row.pools_online, offline: row.pools_offline }),
    },
  ])
}

const BLUE = '#1890ff'
const GREEN = '#52c41a'
const AMBER = '#faad14'
const RED = '#f5222d'

function widget(
  id: string,
  title: string,
  value: number,
  color: string,
  format: 'number' | 'percentage' = 'number',
): Widget {
  return { id, type: 'metric', title, data: { value }, config: { format, color } }
}

function byStatus(values: Record<string, number>) {
  return Object.entries(values).map(([status, value]) => [{ status }, value] as const)
}

function statsOf({ completed, failed, active, playbooks }: FiguresRow): Stats {
  return {
    total_executions: completed + failed + active,
    successful_executions: completed,
    failed_executions: failed,
    total_playbooks: playbooks,
    active_workflows: active,
  }
}

/** Percent of those that ended. */
function successRate({ completed, failed }: FiguresRow): number {
  return ratio(100 * completed, completed + failed)
}

/** To two decimals; 0 of nothing is 0. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((100 * part) / whole) / 100
}
