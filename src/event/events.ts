// Events: reporting one, and reading the log.

import { Hono } from 'hono'
import * as z from 'zod'
import type { App } from '../env.ts'
import { claimOf, goOn, notify } from '../executor/drive.ts'
import { toJson } from '../json.ts'
import { paged } from '../paging.ts'
import { body, query } from '../validate.ts'
import { LogQuery } from './executions.ts'
import { readEvent, readEvents } from './read-service.ts'
import { recordEvent } from './service.ts'
import { EventReport } from './types.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

const ById = z.object({ event_id: z.string().min(1).max(64) })

export const events = new Hono<App>()
  .post('/events', body(EventReport), async (c) => {
    const report = c.req.valid('json')
    const { sql, driver } = c.var
    const claim = claimOf(driver, 0, [])
    const { event_id, committed, unsettled } = await recordEvent(sql, report, claim)
    if (committed) c.executionCtx.waitUntil(goOn(driver, committed))
    if (unsettled) c.executionCtx.waitUntil(notify(driver, report.execution_id))
    return c.body(toJson({ ...report, event_id, trigger_event_id: event_id }), 200, JSON_TYPE)
  })
  .get('/events/by-execution/:execution_id', query(LogQuery), async (c) => {
    const id = c.req.param('execution_id')
    const missing = `No events found for execution '${id}'.`
    return paged(c, await readEvents(c.var.sql, id, c.req.valid('query'), missing), 'after')
  })
  .get('/events/by-id/:event_id', async (c) =>
    c.body(await readEvent(c.var.sql, c.req.param('event_id')), 200, JSON_TYPE),
  )
  // before /events/:event_id, which would take `query` for an id
  .get('/events/query', query(ById), async (c) =>
    c.body(await readEvent(c.var.sql, c.req.valid('query').event_id), 200, JSON_TYPE),
  )
  .get('/events/:event_id', query(LogQuery), async (c) => {
    const id = c.req.param('event_id')
    const page = await readEvents(c.var.sql, id, c.req.valid('query'), `Event '${id}' not found.`)
    return paged(c, page, 'after')
  })
