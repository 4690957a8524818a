// Live streams, as server-sent events, and the whole log as lines of JSON.

import type { Context } from 'hono'
import * as z from 'zod'
import { holds } from '../access/caller.ts'
import type { App } from '../env.ts'
import { fail } from '../errors.ts'
import { statusOf } from '../event/filter.ts'
import { Hono } from '../hono.ts'
import { parseId } from '../ids.ts'
import { operation } from '../operation.ts'
import { replyStream } from '../reply.ts'
import { parse } from '../validate.ts'
import { ChangesQuery, LastSeq, LogStreamQuery } from './schema.ts'
import { exportLog, openStream, whileAllowed } from './service.ts'

export const streams = new Hono()
  .get(
    '/executions/:execution_id/stream',
    operation({
      summary: 'An execution, live',
      scope: 'read',
      reach: 'own',
      description:
        'Server-sent events: `execution` is its head, at first and whenever it changes; then each event of the ' +
        'log as a message of its type, with its `seq` as id. `end` is the last. Resumes after `Last-Event-ID`.',
      query: LogStreamQuery,
      reply: z.string(),
      mediaType: 'text/event-stream',
      errors: ['not_found'],
    }),
    async (c) => {
      const header = { 'last-event-id': c.req.header('last-event-id') }
      const { 'last-event-id': last } = parse(LastSeq, header, 'header')
      const after = String(last ?? c.req.valid('query').after)
      const ask = {
        after,
        within: c.var.caller.within,
        path: null,
        path_prefix: null,
        status: null,
      }
      const body = await openStream(c.env, c.var.config, c.var.sql, {
        ...ask,
        execution_id: idOf(c.req.param('execution_id')),
      })
      return live(c, body, 'text/event-stream')
    },
  )
  .get(
    '/executions/:execution_id/events.ndjson',
    operation({
      summary: 'The whole log of an execution, an event a line',
      scope: 'read',
      reach: 'own',
      description:
        'Of any length. It is whole when the reply ends as HTTP has it; an error breaks it off.',
      query: LogStreamQuery,
      reply: z.string(),
      mediaType: 'application/x-ndjson',
      errors: ['not_found'],
    }),
    async (c) => {
      const id = idOf(c.req.param('execution_id'))
      const { after } = c.req.valid('query')
      const body = await exportLog(c.var.sql, id, after, c.var.caller.within)
      return live(c, body, 'application/x-ndjson')
    },
  )
  .get(
    '/stream',
    operation({
      summary: 'What changes, live',
      scope: 'read',
      reach: 'own',
      description:
        'Server-sent events for a list that is shown: `reset` says to load it (at first, and when what has changed ' +
        'since cannot be told); `execution` is one that has changed, as lists show it; `gone` is one that has ' +
        'another status than was asked for. One may be told twice. Resumes after `Last-Event-ID` within 5 minutes.',
      query: ChangesQuery,
      reply: z.string(),
      mediaType: 'text/event-stream',
    }),
    async (c) => {
      const { after, path, path_prefix, status } = c.req.valid('query')
      const body = await openStream(c.env, c.var.config, c.var.sql, {
        execution_id: null,
        after: c.req.header('last-event-id') ?? after,
        within: c.var.caller.within,
        path: path ?? null,
        path_prefix: path_prefix ?? null,
        status: status === undefined ? null : statusOf(status),
      })
      return live(c, body, 'text/event-stream')
    },
  )

function idOf(text: string): string {
  return parseId(text) ?? fail('not_found', `Execution '${text}' not found.`)
}

/** A reply that lasts: its caller is asked for again and again. */
function live(c: Context<App>, from: ReadableStream<Uint8Array>, type: string) {
  const { within } = c.var.caller
  const body = whileAllowed(from, async () => {
    const now = await c.var.recheck()
    return now !== null && holds(now, 'read') && now.within === within
  })
  return replyStream(c, body, type)
}
