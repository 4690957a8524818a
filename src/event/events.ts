// Events: reporting one, and reading the log.

import { readingOf, sendFresh, tellVersion } from '../conditional.ts'
import { claimOf, goOn, notify } from '../executor/drive.ts'
import { Hono } from '../hono.ts'
import { operation } from '../operation.ts'
import { reply, replyText } from '../reply.ts'
import { EXAMPLE_ID } from '../schema.ts'
import { readEvent, readEvents } from './read-service.ts'
import { EventIdQuery, EventList, LogQuery, OneEvent } from './schema.ts'
import { recordEvent } from './service.ts'
import { EventReport, RecordedReport } from './types.ts'

export const events = new Hono()
  .post(
    '/events',
    operation({
      summary: 'Report an event of an execution',
      scope: ['event', 'worker'],
      reach: 'own',
      description:
        'What workers send. The end of an action is answered by what follows from it. The same report ' +
        'again is the first answer again; another body under the same `event_id` is refused.',
      body: EventReport,
      reply: RecordedReport,
      errors: ['not_found', 'conflict', 'lease_lost'],
      example: {
        execution_id: EXAMPLE_ID,
        event_type: 'action_completed',
        status: 'COMPLETED',
        node_id: `${EXAMPLE_ID}:count`,
        node_name: 'count',
        result: { id: 'r1', status: 'success', data: { rows: 3 } },
      },
    }),
    async (c) => {
      const report = c.req.valid('json')
      const { driver, caller } = c.var
      const claim = claimOf(driver)
      const { event_id, version, committed, unsettled } = await recordEvent(
        driver,
        report,
        claim,
        caller.within,
      )
      tellVersion(c, version)
      c.executionCtx.waitUntil(goOn(driver, committed))
      if (unsettled) c.executionCtx.waitUntil(notify(driver, report.execution_id))
      return reply(c, { ...report, event_id, trigger_event_id: event_id })
    },
  )
  .get(
    '/events/by-execution/:execution_id',
    operation({
      summary: 'The log of an execution',
      scope: 'read',
      reach: 'own',
      conditional: true,
      query: LogQuery,
      reply: EventList,
      errors: ['not_found'],
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      const missing = `No events found for execution '${id}'.`
      const reading = readingOf(c, c.req.valid('query'))
      return sendFresh(c, await readEvents(c.var.sql, id, missing, reading), 'after')
    },
  )
  .get(
    '/events/by-id/:event_id',
    operation({
      summary: 'One event',
      scope: 'read',
      reach: 'own',
      reply: OneEvent,
      errors: ['not_found'],
    }),
    async (c) =>
      replyText(c, await readEvent(c.var.sql, c.req.param('event_id'), c.var.caller.within)),
  )
  // before /events/:event_id, which would take `query` for an id
  .get(
    '/events/query',
    operation({
      summary: 'One event',
      scope: 'read',
      reach: 'own',
      query: EventIdQuery,
      reply: OneEvent,
      errors: ['not_found'],
    }),
    async (c) =>
      replyText(c, await readEvent(c.var.sql, c.req.valid('query').event_id, c.var.caller.within)),
  )
  .get(
    '/events/:event_id',
    operation({
      summary: 'The log of the execution that an event belongs to',
      scope: 'read',
      reach: 'own',
      conditional: true,
      query: LogQuery,
      reply: EventList,
      errors: ['not_found'],
    }),
    async (c) => {
      const id = c.req.param('event_id')
      const missing = `Event '${id}' not found.`
      const reading = readingOf(c, c.req.valid('query'))
      return sendFresh(c, await readEvents(c.var.sql, id, missing, reading), 'after')
    },
  )
