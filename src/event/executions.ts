// GET endpoints over executions: they read what the event area owns.

import { PlaybookGraph } from '../catalog/schema.ts'
import { askedOf, readingOf, sendFresh } from '../conditional.ts'
import { fail } from '../errors.ts'
import { Hono } from '../hono.ts'
import { operation } from '../operation.ts'
import { normalizeStatus } from '../status.ts'
import { readGraph, readTimeline } from './chart-service.ts'
import { readDetail, readEvents, readExecutions, readSummary } from './read-service.ts'
import {
  EventList,
  EventSummary,
  ExecutionDetail,
  ExecutionList,
  ListQuery,
  LogQuery,
  StandingQuery,
  Timeline,
  TimelineQuery,
} from './schema.ts'

export const executions = new Hono()
  .get(
    '/executions',
    operation({
      summary: 'Executions, newest first',
      scope: 'read',
      reach: 'own',
      description: 'A page; the next is in the headers `Link` and `X-Next-Cursor`.',
      query: ListQuery,
      reply: ExecutionList,
    }),
    async (c) => {
      const { limit, status, ...filter } = c.req.valid('query')
      const page = await readExecutions(
        c.var.sql,
        {
          limit,
          status: status === undefined ? null : statusOf(status),
          cursor: filter.cursor ?? null,
          path: filter.path ?? null,
          catalog_id: filter.catalog_id ?? null,
          parent_execution_id: filter.parent_execution_id ?? null,
          since: filter.since ?? null,
          until: filter.until ?? null,
          within: c.var.caller.within,
        },
        askedOf(c),
      )
      return sendFresh(c, page, 'cursor')
    },
  )
  .get(
    '/executions/:execution_id',
    operation({
      summary: 'One execution with its events',
      scope: 'read',
      reach: 'own',
      query: LogQuery,
      reply: ExecutionDetail,
      errors: ['not_found'],
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      return sendFresh(
        c,
        await readDetail(c.var.sql, id, readingOf(c, c.req.valid('query'))),
        'after',
      )
    },
  )
  .get(
    '/executions/:execution_id/timeline',
    operation({
      summary: 'Steps, iterations and saves of an execution in time',
      scope: 'read',
      reach: 'own',
      description:
        'In the order in which they began; the next page is in the headers `Link` and `X-Next-Cursor`. Of a ' +
        "step's iterations the first 200, and none of those within them: `expand` shows the rest.",
      query: TimelineQuery,
      reply: Timeline,
      errors: ['not_found'],
    }),
    async (c) => {
      const { expand = null, ...query } = c.req.valid('query')
      const reading = readingOf(c, { ...query, expand })
      return sendFresh(
        c,
        await readTimeline(c.var.sql, c.req.param('execution_id'), reading),
        'after',
      )
    },
  )
  .get(
    '/executions/:execution_id/graph',
    operation({
      summary: "The playbook's graph, with how far the execution has come in it",
      scope: 'read',
      reach: 'own',
      query: StandingQuery,
      reply: PlaybookGraph,
      errors: ['not_found'],
    }),
    async (c) => {
      const reading = readingOf(c, c.req.valid('query'))
      return sendFresh(c, await readGraph(c.var.sql, c.req.param('execution_id'), reading), 'after')
    },
  )
  .get(
    '/events/summary/:execution_id',
    operation({
      summary: 'Events of an execution by type, and its last errors',
      scope: 'read',
      reach: 'own',
      description: 'Of an execution that is not there: no counts.',
      query: StandingQuery,
      reply: EventSummary,
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      return sendFresh(
        c,
        await readSummary(c.var.sql, id, readingOf(c, c.req.valid('query'))),
        'after',
      )
    },
  )
  .get(
    '/execution/data/:execution_id',
    operation({
      summary: 'The log of an execution',
      scope: 'read',
      reach: 'own',
      description: 'The id of one of its events will do, too.',
      query: LogQuery,
      reply: EventList,
      errors: ['not_found'],
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      const missing = `Execution '${id}' not found.`
      const reading = readingOf(c, c.req.valid('query'))
      return sendFresh(c, await readEvents(c.var.sql, id, missing, reading), 'after')
    },
  )

/** The status of any spelling. @throws AppError `invalid_input`. */
export function statusOf(text: string): string {
  const detail = `unknown status '${text}'`
  return normalizeStatus(text) ?? fail('invalid_input', detail, [{ pointer: '/status', detail }])
}
