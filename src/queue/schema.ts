// The queue on the wire.

import * as z from 'zod'
import { Id } from '../ids.ts'
import { isObject, parseJson } from '../json.ts'
import { AnyObject, shownAs, Time } from '../schema.ts'
import { JOB_STATUSES } from './jobs.ts'

const WorkerId = z.string().min(1).max(256)
const Seconds = (max: number) => z.number().min(0).max(max)
/** A day: no job is out of sight for longer. */
const MAX_LEASE_SECONDS = 86_400
const MAX_DELAY_SECONDS = 30 * 86_400

const JobStatus = z.enum(JOB_STATUSES)

export const LeaseRequest = z.object({
  worker_id: WorkerId,
  lease_seconds: Seconds(MAX_LEASE_SECONDS)
    .min(1)
    .default(60)
    .describe('how long the job is the holder’s without a sign of it'),
  limit: z.int().min(1).max(100).optional().describe('up to so many jobs, in `jobs`'),
  wait_seconds: Seconds(30).default(0).describe('how long to wait for a job when there is none'),
  capabilities: z
    .array(z.string().min(1).max(64))
    .max(64)
    .nullish()
    .describe('tool types that the worker has; absent: any'),
})

export const CompleteRequest = z.object({ worker_id: WorkerId.nullish() })

export const FailRequest = z.object({
  retry: z.boolean().default(true),
  retry_delay_seconds: Seconds(MAX_DELAY_SECONDS).default(60),
  worker_id: WorkerId.nullish(),
  error: z.string().max(65_536).nullish().describe('why, where no action_error was reported'),
})

export const HeartbeatRequest = z.object({
  worker_id: WorkerId.nullish(),
  extend_seconds: Seconds(MAX_LEASE_SECONDS).min(1).nullish(),
})

export const AckRequest = z.object({ queue_id: Id, worker_id: WorkerId })

export const NackRequest = AckRequest.extend({
  retry_delay_seconds: Seconds(MAX_DELAY_SECONDS).default(60),
})

/** An action as an object, or as the JSON text of one. */
const Action = z
  .union([AnyObject, z.string().max(1_048_576)])
  .transform((action, context) => {
    if (typeof action !== 'string') return action
    try {
      const parsed = parseJson(action)
      if (isObject(parsed)) return parsed
    } catch {
      // said below
    }
    context.addIssue({ code: 'custom', message: 'an object, or the JSON of one, is expected' })
    return z.NEVER
  })
  .meta(shownAs({ type: ['object', 'string'], description: 'the step; an object or its JSON' }))

export const EnqueueRequest = z.object({
  execution_id: Id,
  node_id: z.string().min(1).max(600),
  action: Action,
  context: AnyObject.nullish(),
  input_context: AnyObject.nullish().describe('`context` by another name'),
  priority: z.int32().default(0),
  max_attempts: z.int().min(1).max(100).default(5),
  available_at: z.iso.datetime({ offset: true, local: true }).nullish(),
})

export const JobQuery = z.object({
  status: JobStatus.optional(),
  execution_id: Id.optional(),
  worker_id: WorkerId.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: Id.optional().describe('`X-Next-Cursor` of the page before'),
})

export const SizeQuery = z.object({ status: JobStatus.default('queued') })

const JobItem = z
  .object({
    queue_id: z.string().describe('the lease: new each time the job is leased'),
    execution_id: z.string(),
    catalog_id: z.string(),
    node_id: z.string(),
    action: z
      .string()
      .describe('JSON of the step; code and SQL are in base64, as `code_b64` and so on'),
    context: AnyObject,
    status: JobStatus,
    priority: z.int(),
    attempts: z.int(),
    max_attempts: z.int(),
    available_at: Time,
    lease_until: Time.nullable(),
    worker_id: z.string().nullable(),
    last_heartbeat: Time.nullable(),
    created_at: Time,
    updated_at: Time,
    parent_execution_id: z.null(),
    parent_event_id: z.null(),
    event_id: z.null(),
    node_name: z.null(),
    node_type: z.null(),
  })
  .meta({ id: 'Job' })

export const LeaseReply = z.object({
  status: z.enum(['ok', 'empty']),
  job: JobItem.nullable(),
  jobs: z.array(JobItem).optional().describe('where `limit` was asked for'),
})

export const Acknowledged = z.object({ status: z.literal('ok'), id: z.string() })
export const Enqueued = z.object({
  status: z.literal('ok'),
  id: z.string().nullable().describe('null when the node has a job already'),
})
export const JobList = z.object({ status: z.literal('ok'), items: z.array(JobItem) })
export const QueueSize = z.object({
  status: z.literal('ok'),
  count: z.int().describe('at most 100000, which means that many or more'),
})
export const Reserved = z.object({ job: JobItem.nullable() })
export const Ok = z.object({ ok: z.literal(true) })
export const Reclaimed = z.object({ reclaimed: z.int() })
