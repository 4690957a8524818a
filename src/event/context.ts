// What workers ask about an execution while they run its steps.

import * as z from 'zod'
import { Hono } from '../hono.ts'
import { Id } from '../ids.ts'
import { type JsonObject, toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply } from '../reply.ts'
import { AnyJson, AnyObject, EXAMPLE_ID } from '../schema.ts'
import { readIterations } from './read-service.ts'
import { renderFor } from './render.ts'

const RenderRequest = z.object({
  execution_id: Id,
  template: AnyJson.refine(
    (value) => value !== undefined && value !== null,
    'template is required',
  ),
  extra_context: AnyObject.nullish().describe('seen by the templates; neither kept nor logged'),
  strict: z.boolean().nullish().describe('read and without effect, as in NoETL'),
})

export const context = new Hono()
  .post(
    '/context/render',
    operation({
      summary: "Render a job's templates with what its execution knows",
      scope: 'worker',
      reach: 'own',
      description:
        'Of an object, `work` and `task` are rendered and the rest passes. A text that needs what is ' +
        'undefined stays as it was.',
      body: RenderRequest,
      reply: z.object({
        status: z.literal('ok'),
        rendered: AnyJson,
        context_keys: z.array(z.string()),
        warnings: z.array(z.string()).optional(),
      }),
      errors: ['not_found'],
      example: {
        execution_id: EXAMPLE_ID,
        template: { work: { step_name: 'count' }, task: '{"table": "{{ workload.table }}"}' },
        extra_context: { env: { REGION: 'eu' } },
      },
    }),
    async (c) => {
      const { execution_id, template, extra_context } = c.req.valid('json')
      const extra: JsonObject = extra_context ?? {}
      return reply(
        c,
        await renderFor(c.var.sql, execution_id, template, extra, c.var.caller.within),
      )
    },
  )
  .get(
    '/aggregate/loop/results',
    operation({
      summary: "Results of a step's iterations, in their order",
      scope: ['read', 'worker'],
      reach: 'own',
      query: z.object({
        execution_id: Id,
        step_name: z.string().min(1).max(256),
        after: z.coerce.number().int().min(-1).max(2_147_483_647).default(-1),
        limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
      }),
      reply: z.object({
        status: z.literal('ok'),
        results: z.array(AnyJson),
        count: z.int(),
        method: z.literal('loop_metadata'),
      }),
      errors: ['not_found'],
    }),
    async (c) => {
      const { execution_id, step_name, after, limit } = c.req.valid('query')
      const page = { execution_id, step: step_name, after, limit }
      const { results, next } = await readIterations(c.var.sql, page, c.var.caller.within)
      const body = { status: 'ok', results, count: results.length, method: 'loop_metadata' }
      return paged(c, { json: toJson(body), next }, 'after')
    },
  )
