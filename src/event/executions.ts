// GET endpoints over executions: they read what the event area owns.

import { PlaybookGraph } from '../catalog/schema.ts'
import { askedOf, readingOf, sendFresh } from '../conditional.ts'
import { Hono } from '../hono.ts'
import { operation } from '../operation.ts'
import { readGraph, readTimeline } from './chart-service.ts'
import { filterOf } from './filter.ts'
import { readExecutions } from './list-service.ts'
import { readDetail, readEvents, readSummary } from './read-service.ts'
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
      conditional: true,
      description:
        'A page; the next is in the headers `Link` and `X-Next-Cursor`. What no index answers is looked for among ' +
        '10,000 executions at a time: `X-Search-Complete: false` says that the next page goes on looking.',
      query: ListQuery,
      reply: ExecutionList,
    }),
    async (c) => {
      const query = c.req.valid('query')
      const filter = filterOf(query, c.req.queries('label') ?? [], c.var.caller.within)
      const page = await readExecutions(c.var.sql, filter, query.count === 'true', askedOf(c))
      if (page.isComplete !== null) c.header('x-search-complete', String(page.isComplete))
      if (page.total) {
        c.header('x-total-count', String(page.total.count))
        if (!page.total.isExact) c.header('x-total-count-exact', 'false')
      }
      return sendFresh(c, page, 'cursor')
    },
  )
  .get(
    '/executions/:execution_id',
    operation({
      summary: 'One execution with its events',
      scope: 'read',
      reach: 'own',
      conditional: true,
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
      conditional: true,
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
      conditional: true,
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
      conditional: true,
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
      conditional: true,
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
