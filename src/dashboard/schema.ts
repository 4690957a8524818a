import * as z from 'zod'
import { ExecutionList } from '../event/schema.ts'
import { Instant, Time } from '../schema.ts'
import { MAX_DAYS, WINDOWS } from './window.ts'

const Count = z.int().min(0)

const Stats = z.object({
  total_executions: Count,
  successful_executions: Count,
  failed_executions: Count,
  total_playbooks: Count,
  active_workflows: Count.describe('executions that have not ended'),
})
export type Stats = z.output<typeof Stats>

export const DashboardStats = Stats.extend({
  status: z.literal('ok'),
  stats: Stats.describe('the same once more'),
  active_executions: Count.describe('`active_workflows` by another name'),
  success_rate: z.number().min(0).max(100).describe('percent of those that ended; 0 when none has'),
  recent_executions: ExecutionList.describe('the newest ten, as `GET /api/executions` has them'),
})

const Widget = z
  .object({
    id: z.string(),
    type: z.literal('metric'),
    title: z.string(),
    data: z.object({ value: z.number() }),
    config: z.object({ format: z.enum(['number', 'percentage']), color: z.string() }),
  })
  .meta({ id: 'Widget' })
export type Widget = z.output<typeof Widget>

export const WidgetList = z.object({ widgets: z.array(Widget) })

const Path = z.string().min(1).max(512)

export const WindowStatsQuery = z.object({
  window: z.enum(WINDOWS).optional().describe('whole buckets, the present one included; 24h'),
  since: Instant.optional().describe(`instead of a window: from then on, at most ${MAX_DAYS} days`),
  until: Instant.optional().describe('with `since`: before then'),
  path: Path.optional().describe('of this playbook alone'),
  path_prefix: Path.optional().describe('of those whose paths begin so'),
  top: z.coerce.number().int().min(1).max(100).default(10).describe('how many playbooks'),
})

const Seconds = z.number().min(0).nullable()
const Active = z.object({ STARTED: Count, RUNNING: Count, PAUSED: Count, PENDING: Count })
const ByStatus = Active.extend({ FAILED: Count, COMPLETED: Count })

export const WindowStats = z
  .object({
    window: z.object({
      name: z.enum(WINDOWS).nullable(),
      since: Time,
      until: Time,
      bucket: z.enum(['minute', 'hour', 'day']).describe('of UTC'),
    }),
    executions: z.object({
      started: Count.describe('within the window'),
      ended: Count.describe('within the window, whenever they started'),
      completed: Count.describe('of those that ended'),
      failed: Count.describe('of those that ended; what was cancelled, too'),
      success_rate: z.number().min(0).max(100).nullable().describe('percent of those that ended'),
      by_status: ByStatus.describe(
        'of those that started, as the list has them with since and until',
      ),
      active: Active.describe('those that have not ended, by status, whenever they started'),
    }),
    totals: z
      .object({ executions: Count, completed: Count, failed: Count, active: Count })
      .describe('of all times'),
    duration: z
      .object({
        p50: Seconds,
        p95: Seconds,
        p99: Seconds,
        mean: Seconds,
        error_bound: z.number().describe('of the percentiles, as a share; the mean is exact'),
      })
      .describe('seconds from start to end, of those that ended'),
    timeline: z
      .array(z.object({ at: Time, started: Count, completed: Count, failed: Count }))
      .describe('each bucket of the window'),
    playbooks: z
      .array(
        z.object({
          path: z.string(),
          runs: Count.describe('started'),
          completed: Count,
          failed: Count,
          active: Count,
          p50: Seconds,
          p95: Seconds,
          last_execution_id: z.string().nullable(),
          last_started_at: Time.nullable(),
        }),
      )
      .describe('those with most runs'),
    errors: z
      .array(
        z.object({
          message: z.string().describe('with `<id>`, `<uuid>`, `<n>` for what differs'),
          count: Count,
          last_execution_id: z.string(),
          last_at: Time,
        }),
      )
      .describe('why executions failed, most frequent first'),
    queue: z.object({
      queued: Count,
      retry: Count,
      leased: Count,
      dead: Count,
      oldest_seconds: z.number().describe('how long the job that is free the longest has waited'),
      by_tool: z.array(
        z.object({ tool: z.string(), queued: Count, retry: Count, leased: Count, dead: Count }),
      ),
    }),
    pools: z
      .object({ online: Count, offline: Count })
      .nullable()
      .describe('worker pools; null for keys with a path prefix'),
  })
  .meta({ id: 'Stats' })
