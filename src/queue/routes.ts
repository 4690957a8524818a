// The queue, as workers call it.

import type { Context } from 'hono'
import type { App } from '../env.ts'
import { fail } from '../errors.ts'
import { claimOf, goOn } from '../executor/drive.ts'
import { followUp, freeLeases } from '../executor/sweep.ts'
import { Hono } from '../hono.ts'
import { parseId } from '../ids.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply, replyLater } from '../reply.ts'
import { EXAMPLE_ID } from '../schema.ts'
import {
  Acknowledged,
  AckRequest,
  CompleteRequest,
  Enqueued,
  EnqueueRequest,
  FailRequest,
  HeartbeatRequest,
  JobList,
  JobQuery,
  LeaseReply,
  LeaseRequest,
  NackRequest,
  Ok,
  QueueSize,
  Reclaimed,
  Reserved,
  SizeQuery,
} from './schema.ts'
import {
  awaitJobs,
  completeJob,
  type Ended,
  enqueueJob,
  extendLease,
  failJob,
  leaseJobs,
  queueSize,
  readJobs,
  redriveJob,
} from './service.ts'

const LOST = ['not_found', 'lease_lost'] as const

const size = operation({
  summary: 'How many jobs have a status',
  scope: ['read', 'worker'],
  reach: 'own',
  query: SizeQuery,
  reply: QueueSize,
})

export const queue = new Hono()
  .post(
    '/queue/lease',
    operation({
      summary: 'Lease a job',
      scope: 'worker',
      reach: 'own',
      description:
        'Free jobs and jobs whose lease has run out, by priority, then age. Each lease has a new `queue_id`, ' +
        'under which it is ended; a job that is not ended or put off in time goes to another.',
      body: LeaseRequest,
      reply: LeaseReply,
      example: { worker_id: 'worker-1', lease_seconds: 60, wait_seconds: 20 },
    }),
    async (c) => {
      const { sql } = c.var
      const { wait_seconds, ...asked } = c.req.valid('json')
      const wanted = { ...asked, within: c.var.caller.within }
      const leased = (jobs: Awaited<ReturnType<typeof leaseJobs>>) => ({
        status: jobs.length > 0 ? 'ok' : 'empty',
        job: jobs[0] ?? null,
        ...(wanted.limit !== undefined && { jobs }),
      })
      const jobs = await leaseJobs(sql, wanted)
      if (jobs.length > 0 || wait_seconds === 0) return reply(c, leased(jobs))
      return replyLater(c, async (alive) =>
        leased(await awaitJobs(sql, wanted, wait_seconds, alive)),
      )
    },
  )
  .post(
    '/queue/reserve',
    operation({
      summary: 'Lease a job',
      scope: 'worker',
      reach: 'own',
      body: LeaseRequest,
      reply: Reserved,
      example: { worker_id: 'worker-1' },
    }),
    async (c) => {
      const { worker_id, lease_seconds, capabilities } = c.req.valid('json')
      const { within } = c.var.caller
      const wanted = { worker_id, lease_seconds, capabilities, within }
      const [job = null] = await leaseJobs(c.var.sql, wanted)
      return reply(c, { job })
    },
  )
  .post(
    '/queue/enqueue',
    operation({
      summary: 'Queue a job by hand, for a worker',
      scope: 'admin',
      reach: 'all',
      body: EnqueueRequest,
      reply: Enqueued,
      errors: ['not_found', 'conflict'],
      example: {
        execution_id: EXAMPLE_ID,
        node_id: `${EXAMPLE_ID}:extra`,
        action: { name: 'extra', type: 'python', code: 'def main(): return 1' },
      },
    }),
    async (c) => {
      const { context, input_context, available_at, ...job } = c.req.valid('json')
      const id = await enqueueJob(c.var.sql, {
        ...job,
        context: context ?? input_context ?? {},
        available_at: available_at ?? null,
      })
      return reply(c, { status: 'ok', id })
    },
  )
  .post(
    '/queue/ack',
    operation({
      summary: 'The job is done',
      scope: 'worker',
      reach: 'own',
      body: AckRequest,
      reply: Ok,
      errors: LOST,
      example: { queue_id: EXAMPLE_ID, worker_id: 'worker-1' },
    }),
    async (c) => {
      const { queue_id, worker_id } = c.req.valid('json')
      const claim = claimOf(c.var.driver)
      follow(c, await completeJob(c.var.driver, queue_id, worker_id, claim, c.var.caller.within))
      return reply(c, { ok: true })
    },
  )
  .post(
    '/queue/nack',
    operation({
      summary: 'Give the job back, to be tried again',
      scope: 'worker',
      reach: 'own',
      description: 'Without an attempt left its step fails.',
      body: NackRequest,
      reply: Ok,
      errors: LOST,
      example: { queue_id: EXAMPLE_ID, worker_id: 'worker-1', retry_delay_seconds: 5 },
    }),
    async (c) => {
      const { queue_id, worker_id, retry_delay_seconds } = c.req.valid('json')
      const back = { status: 'queued', delay_seconds: retry_delay_seconds } as const
      const claim = claimOf(c.var.driver)
      const how = { back, error: null, within: c.var.caller.within }
      follow(c, await failJob(c.var.driver, queue_id, worker_id, how, claim))
      return reply(c, { ok: true })
    },
  )
  .post(
    '/queue/reap-expired',
    operation({
      summary: 'Free the jobs whose lease has run out',
      scope: 'worker',
      reach: 'all',
      description: 'The cron trigger does so each minute, and leasing takes such jobs anyway.',
      reply: Reclaimed,
    }),
    async (c) => {
      const found = await freeLeases(c.var.driver)
      if (found) c.executionCtx.waitUntil(followUp(c.var.driver, found))
      return reply(c, { reclaimed: (found?.freed ?? 0) + (found?.exhausted.length ?? 0) })
    },
  )
  .get(
    '/queue',
    operation({
      summary: 'Jobs, by queue_id',
      scope: 'read',
      reach: 'own',
      query: JobQuery,
      reply: JobList,
    }),
    async (c) => {
      const { status, execution_id, worker_id, cursor, limit } = c.req.valid('query')
      const { items, next } = await readJobs(c.var.sql, {
        status: status ?? null,
        execution_id: execution_id ?? null,
        worker_id: worker_id ?? null,
        cursor: cursor ?? null,
        limit,
        within: c.var.caller.within,
      })
      return paged(c, { json: toJson({ status: 'ok', items }), next }, 'cursor')
    },
  )
  .get('/queue/size', size, async (c) => sizeOf(c, c.req.valid('query').status))
  .get('/jobs/queue/size', size, async (c) => sizeOf(c, c.req.valid('query').status))
  .post(
    '/queue/:queue_id/complete',
    operation({
      summary: 'The job is done',
      scope: 'worker',
      reach: 'own',
      description:
        'Where no `action_completed` has arrived, it is recorded here, marked as inferred. The same from the ' +
        'same holder again is 200 again.',
      body: CompleteRequest,
      example: { worker_id: 'worker-1' },
      bodyOptional: true,
      reply: Acknowledged,
      errors: LOST,
    }),
    async (c) => {
      const { worker_id = null } = c.req.valid('json')
      const id = leaseId(c.req.param('queue_id'))
      const claim = claimOf(c.var.driver)
      follow(c, await completeJob(c.var.driver, id, worker_id, claim, c.var.caller.within))
      return reply(c, { status: 'ok', id })
    },
  )
  .post(
    '/queue/:queue_id/fail',
    operation({
      summary: 'The job failed',
      scope: 'worker',
      reach: 'own',
      description:
        'With `retry` and an attempt left it is tried again after the delay. Else it is dead and its step ' +
        'fails; where no `action_error` has arrived, one is recorded, marked as inferred.',
      body: FailRequest,
      example: { retry: true, retry_delay_seconds: 5 },
      bodyOptional: true,
      reply: Acknowledged,
      errors: LOST,
    }),
    async (c) => {
      const { retry, retry_delay_seconds, worker_id = null, error = null } = c.req.valid('json')
      const id = leaseId(c.req.param('queue_id'))
      const back = retry ? ({ status: 'retry', delay_seconds: retry_delay_seconds } as const) : null
      const claim = claimOf(c.var.driver)
      const how = { back, error, within: c.var.caller.within }
      follow(c, await failJob(c.var.driver, id, worker_id, how, claim))
      return reply(c, { status: 'ok', id })
    },
  )
  .post(
    '/queue/:queue_id/heartbeat',
    operation({
      summary: 'Put off the end of a lease',
      scope: 'worker',
      reach: 'own',
      body: HeartbeatRequest,
      example: { worker_id: 'worker-1', extend_seconds: 60 },
      bodyOptional: true,
      reply: Acknowledged,
      errors: LOST,
    }),
    async (c) => {
      const { worker_id = null, extend_seconds = null } = c.req.valid('json')
      const id = leaseId(c.req.param('queue_id'))
      await extendLease(c.var.sql, id, worker_id, extend_seconds, c.var.caller.within)
      return reply(c, { status: 'ok', id })
    },
  )
  .post(
    '/queue/:queue_id/redrive',
    operation({
      summary: 'Send a dead job again',
      scope: 'run',
      reach: 'own',
      description: 'While its execution is open: after the end of an execution nothing of it runs.',
      reply: Acknowledged,
      errors: ['not_found', 'conflict'],
    }),
    async (c) => {
      const id = leaseId(c.req.param('queue_id'))
      await redriveJob(c.var.sql, id, c.var.caller.within)
      return reply(c, { status: 'ok', id })
    },
  )

async function sizeOf(c: Context<App>, status: string) {
  return reply(c, { status: 'ok', count: await queueSize(c.var.sql, status, c.var.caller.within) })
}

function leaseId(text: string): string {
  return parseId(text) ?? fail('not_found', 'job not found')
}

/** Begins, after the reply, with what followed. */
function follow(c: Context<App>, { committed }: Ended): void {
  c.executionCtx.waitUntil(goOn(c.var.driver, committed))
}
