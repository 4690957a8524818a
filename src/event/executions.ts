// GET endpoints over executions: they read what the event area owns.

import { Hono } from 'hono'
import * as z from 'zod'
import type { App } from '../env.ts'
import { fail } from '../errors.ts'
import { Id } from '../ids.ts'
import { paged } from '../paging.ts'
import { normalizeStatus } from '../status.ts'
import { query } from '../validate.ts'
import { readDetail, readEvents, readExecutions, readSummary } from './read-service.ts'

/** A date, or a time with or without an offset; without one it is UTC. */
const Instant = z.iso
  .datetime({ offset: true, local: true })
  .or(z.iso.date())
  .transform((text) => new Date(text))
  .refine((date) => date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999, {
    error: 'a year from 1 to 9999',
  })
  .transform((date) => date.toISOString())

const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: Id.optional(),
  status: z.string().min(1).max(64).optional(),
  path: z.string().min(1).max(512).optional(),
  catalog_id: Id.optional(),
  parent_execution_id: Id.optional(),
  since: Instant.optional(),
  until: Instant.optional(),
})

/** How the events of one execution are paged: after a seq, so many. By default all that fit. */
export const LogQuery = z.object({
  after: z.coerce.number().int().min(0).max(2_147_483_647).default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
})

export const executions = new Hono<App>()
  .get('/executions', query(ListQuery), async (c) => {
    const { limit, status, ...filter } = c.req.valid('query')
    const page = await readExecutions(c.var.sql, {
      limit,
      status: status === undefined ? null : statusOf(status),
      cursor: filter.cursor ?? null,
      path: filter.path ?? null,
      catalog_id: filter.catalog_id ?? null,
      parent_execution_id: filter.parent_execution_id ?? null,
      since: filter.since ?? null,
      until: filter.until ?? null,
    })
    return paged(c, page, 'cursor')
  })
  .get('/executions/:execution_id', query(LogQuery), async (c) =>
    paged(
      c,
      await readDetail(c.var.sql, c.req.param('execution_id'), c.req.valid('query')),
      'after',
    ),
  )
  .get('/events/summary/:execution_id', async (c) =>
    c.json(await readSummary(c.var.sql, c.req.param('execution_id'))),
  )
  .get('/execution/data/:execution_id', query(LogQuery), async (c) => {
    const id = c.req.param('execution_id')
    const page = await readEvents(
      c.var.sql,
      id,
      c.req.valid('query'),
      `Execution '${id}' not found.`,
    )
    return paged(c, page, 'after')
  })

function statusOf(text: string): string {
  return normalizeStatus(text) ?? fail('invalid_input', `unknown status '${text}'`)
}
