// Asking the evaluator from outside: to end an execution, or to go on with it.

import type { Context } from 'hono'
import * as z from 'zod'
import { tellVersion } from '../conditional.ts'
import type { App } from '../env.ts'
import { claimOf, goOn, goOnLater } from '../executor/drive.ts'
import { Hono } from '../hono.ts'
import { Id } from '../ids.ts'
import { operation } from '../operation.ts'
import { reply } from '../reply.ts'
import { AnyJson, EXAMPLE_ID, StatusName } from '../schema.ts'
import type { Status } from '../status.ts'
import { readStanding } from './read-service.ts'
import { cancel, pause, settle } from './service.ts'

const StopRequest = z.object({
  reason: z.string().max(4_096).nullish(),
})

const Controlled = z.object({
  status: z.literal('ok'),
  message: z.string(),
  execution_id: z.string(),
  execution_status: StatusName,
})

const stop = operation({
  summary: 'Cancel an execution',
  scope: 'run',
  reach: 'own',
  description:
    'Its waiting jobs are given up; what is running is not torn off, but what it reports changes nothing. ' +
    'Cancelling twice is 200 twice; one that has ended otherwise is a 409.',
  body: StopRequest,
  bodyOptional: true,
  reply: Controlled,
  errors: ['not_found', 'conflict'],
  example: { reason: 'started by mistake' },
})

const Triggered = z.object({ status: z.literal('success'), message: z.string() })

export const control = new Hono()
  .post('/executions/:execution_id/stop', stop, async (c) =>
    stopped(c, c.req.param('execution_id'), c.req.valid('json').reason ?? null),
  )
  .post('/executions/:execution_id/cancel', stop, async (c) =>
    stopped(c, c.req.param('execution_id'), c.req.valid('json').reason ?? null),
  )
  .post(
    '/executions/:execution_id/pause',
    operation({
      summary: 'Pause an execution',
      scope: 'run',
      reach: 'own',
      description:
        'Nothing of it begins until it is resumed. What runs goes on and is decided on, time limits go on, and ' +
        'executions of its playbook steps do. Pausing twice is 200 twice; one that has ended is a 409.',
      reply: Controlled,
      errors: ['not_found', 'conflict'],
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      const row = await pause(c.var.driver, id, true, c.var.caller.within)
      return controlled(c, id, row, 'paused')
    },
  )
  .post(
    '/executions/:execution_id/resume',
    operation({
      summary: 'Go on with an execution that is paused',
      scope: 'run',
      reach: 'own',
      description: 'One that is not paused just goes on; one that has ended is a 409.',
      reply: Controlled,
      errors: ['not_found', 'conflict'],
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      const row = await pause(c.var.driver, id, false, c.var.caller.within)
      // also where it went on before: whoever did that may have died since
      c.executionCtx.waitUntil(goOnLater(c.var.driver, id))
      return controlled(c, id, row, 'going on')
    },
  )
  .post(
    '/broker/evaluate/:execution_id',
    operation({
      summary: 'Have the evaluator look at an execution again',
      scope: ['event', 'run'],
      reach: 'own',
      description:
        'It does so by itself after each report, and the cron trigger finds what was missed.',
      reply: Triggered,
      errors: ['not_found'],
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      await evaluate(c, id)
      const message = `Orchestration evaluation triggered for execution ${id}`
      return reply(c, { status: 'success', message })
    },
  )
  .post(
    '/iterator/complete/:execution_id',
    operation({
      summary: 'Have the evaluator look at an execution again',
      scope: ['event', 'run'],
      reach: 'own',
      reply: Triggered,
      errors: ['not_found'],
    }),
    async (c) => {
      const id = c.req.param('execution_id')
      await evaluate(c, id)
      const message = `Iterator completion check triggered for execution ${id}`
      return reply(c, { status: 'success', message })
    },
  )
  .post(
    '/workflow/config',
    operation({
      summary: 'Whether the steps of an execution are kept',
      scope: ['event', 'worker'],
      reach: 'own',
      description: 'They are, in its catalog entry; what is sent here is not needed.',
      body: z.object({
        steps: AnyJson.optional(),
        config: z
          .object({ execution_id: Id.nullish(), playbook_path: AnyJson.optional() })
          .nullish(),
      }),
      reply: z.union([
        z.object({ status: z.literal('ok'), persisted: z.literal(true) }),
        z.object({ status: z.literal('ignored'), reason: z.string() }),
      ]),
      errors: ['not_found'],
      example: { steps: [], config: { execution_id: EXAMPLE_ID, playbook_path: 'demo/hello' } },
    }),
    async (c) => {
      const id = c.req.valid('json').config?.execution_id ?? null
      if (id === null) return reply(c, { status: 'ignored', reason: 'missing execution_id' })
      await readStanding(c.var.sql, id, c.var.caller.within)
      return reply(c, { status: 'ok', persisted: true })
    },
  )

async function stopped(c: Context<App>, id: string, reason: string | null) {
  const { driver, caller } = c.var
  const ended = await cancel(driver, id, reason, caller.within)
  const { status: execution_status, version, committed } = ended
  c.executionCtx.waitUntil(goOn(driver, committed))
  return controlled(c, id, { status: execution_status, version }, 'cancelled')
}

function controlled(
  c: Context<App>,
  execution_id: string,
  { status, version }: { status: Status; version: number },
  how: string,
) {
  tellVersion(c, version)
  const message = `Execution ${execution_id} is ${how}.`
  return reply(c, { status: 'ok', message, execution_id, execution_status: status })
}

async function evaluate(c: Context<App>, id: string): Promise<void> {
  const { driver, sql, caller } = c.var
  await readStanding(sql, id, caller.within)
  const committed = await settle(driver, id, claimOf(driver))
  c.executionCtx.waitUntil(goOn(driver, committed))
}
