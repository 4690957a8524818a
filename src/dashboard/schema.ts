import * as z from 'zod'
import { ExecutionList } from '../event/schema.ts'

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
