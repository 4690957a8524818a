import type { Context } from 'hono'
import * as z from 'zod'
import type { App } from '../env.ts'
import { Hono } from '../hono.ts'
import { operation } from '../operation.ts'
import { reply, replyText } from '../reply.ts'
import { EXPOSITION_TYPE } from './exposition.ts'
import { DashboardStats, WidgetList, WindowStats, WindowStatsQuery } from './schema.ts'
import { readMetrics, readStats, readWidgets } from './service.ts'
import { readWindow } from './stats.ts'

export const dashboard = new Hono()
  .get(
    '/stats',
    operation({
      summary: 'Figures of all executions and playbooks',
      scope: 'read',
      reach: 'all',
      reply: DashboardStats,
    }),
    async (c) => replyText(c, await readStats(c.var.sql)),
  )
  .get(
    '/widgets',
    operation({
      summary: 'The figures as widgets of a dashboard',
      scope: 'read',
      reach: 'all',
      reply: WidgetList,
    }),
    async (c) => reply(c, { widgets: await readWidgets(c.var.sql) }),
  )

export const stats = new Hono().get(
  '/stats',
  operation({
    summary: 'Figures of a window of time',
    scope: 'read',
    reach: 'own',
    description:
      'Executions, durations, playbooks, errors, queue and worker pools at one instant. All is exact but the ' +
      'percentiles, whose error is bounded.',
    query: WindowStatsQuery,
    reply: WindowStats,
  }),
  async (c) => reply(c, await readWindow(c.var.sql, c.req.valid('query'), c.var.caller.within)),
)

const showMetrics = operation({
  summary: 'Figures for Prometheus',
  scope: 'read',
  reach: 'all',
  description: 'Text format 0.0.4. A scraper sends the key as everybody does.',
  reply: z.string(),
  mediaType: 'text/plain',
})

/** The metrics, under both of their names. */
export const metrics = new Hono()
  .get('/metrics', showMetrics, (c) => sendMetrics(c))
  .get('/api/metrics/prometheus', showMetrics, (c) => sendMetrics(c))

async function sendMetrics(c: Context<App>) {
  return c.body(await readMetrics(c.var.sql), 200, { 'content-type': EXPOSITION_TYPE })
}
