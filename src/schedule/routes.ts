import { keyOf, ONCE } from '../execution/prefer.ts'
import { RunReply } from '../execution/schema.ts'
import { goOn } from '../executor/drive.ts'
import { Hono } from '../hono.ts'
import { toJson } from '../json.ts'
import { checkTargets } from '../notification/service.ts'
import { operation } from '../operation.ts'
import { paged, reply } from '../reply.ts'
import {
  MAX_BODY_BYTES,
  NewScheduleRequest,
  Schedule,
  ScheduleChange,
  ScheduleDeletion,
  ScheduleList,
  ScheduleQuery,
} from './schema.ts'
import {
  createSchedule,
  endSchedule,
  readSchedule,
  readSchedules,
  reschedule,
  runSchedule,
} from './service.ts'

export const schedules = new Hono()
  .post(
    '/',
    operation({
      summary: 'Run a playbook by the clock',
      description:
        'A cron expression in a time zone. A time of day that the clock jumps over comes right after the jump, one ' +
        'that it shows twice comes once.',
      scope: 'hook',
      reach: 'own',
      body: NewScheduleRequest,
      maxBytes: MAX_BODY_BYTES,
      reply: Schedule,
      errors: ['conflict'],
      example: {
        name: 'nightly',
        cron: '30 2 * * *',
        timezone: 'Europe/Berlin',
        path: 'examples/create_tables',
        parameters: { day: '{{ schedule.time }}' },
        overlap: 'skip',
        catch_up: 'last',
      },
    }),
    async (c) => {
      const request = c.req.valid('json')
      checkTargets(c.var.config, request.notify)
      return reply(c, await createSchedule(c.var.sql, c.var.caller, request))
    },
  )
  .get(
    '/',
    operation({
      summary: 'Schedules, by name',
      scope: 'hook',
      reach: 'own',
      query: ScheduleQuery,
      reply: ScheduleList,
    }),
    async (c) => {
      const { path = null, enabled = null, cursor: after = null, limit } = c.req.valid('query')
      const page = { path, enabled, after, limit }
      const { items, next } = await readSchedules(c.var.sql, c.var.caller, page)
      return paged(c, { json: toJson({ items }), next }, 'cursor')
    },
  )
  .get(
    '/:name',
    operation({
      summary: 'A schedule, with its next runs',
      scope: 'hook',
      reach: 'own',
      reply: Schedule,
      errors: ['not_found'],
    }),
    async (c) => reply(c, await readSchedule(c.var.sql, c.var.caller, c.req.param('name'))),
  )
  .patch(
    '/:name',
    operation({
      summary: 'Change a schedule',
      description: 'What is left out stays. What was missed while it was not enabled does not run.',
      scope: 'hook',
      reach: 'own',
      body: ScheduleChange,
      maxBytes: MAX_BODY_BYTES,
      reply: Schedule,
      errors: ['not_found', 'conflict'],
      example: { enabled: false },
    }),
    async (c) => {
      const { sql, config, caller } = c.var
      const change = c.req.valid('json')
      checkTargets(config, change.notify ?? [])
      return reply(c, await reschedule(sql, caller, c.req.param('name'), change))
    },
  )
  .delete(
    '/:name',
    operation({
      summary: 'Delete a schedule; its runs go on',
      scope: 'hook',
      reach: 'own',
      reply: ScheduleDeletion,
      errors: ['not_found', 'conflict'],
    }),
    async (c) => reply(c, await endSchedule(c.var.driver, c.var.caller, c.req.param('name'))),
  )
  .post(
    '/:name/run',
    operation({
      summary: 'Run what a schedule runs, now',
      description:
        'Beside its ticks: `overlap` is about those. With an `Idempotency-Key` one run, however often it is sent.',
      scope: 'hook',
      reach: 'own',
      headers: ONCE,
      reply: RunReply,
      errors: ['not_found', 'invalid_input', 'conflict'],
    }),
    async (c) => {
      const { driver, caller } = c.var
      const key = keyOf(c.req.header('idempotency-key'))
      const started = await runSchedule(driver, caller, c.req.param('name'), key)
      c.executionCtx.waitUntil(goOn(driver, started.committed))
      return reply(c, started.reply)
    },
  )
