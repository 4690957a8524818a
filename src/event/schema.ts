// What executions and events look like on the wire, and how lists of them are asked for.

import * as z from 'zod'
import { Id } from '../ids.ts'
import { AnyJson, Instant, Labels, StatusName, Time } from '../schema.ts'
import { SORTS } from './sorting.ts'

export const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().min(1).max(128).optional().describe('`X-Next-Cursor` of the page before'),
  sort: z
    .enum([...SORTS, '-started', '-ended', '-duration'])
    .optional()
    .describe(
      '`-` is descending; by end or duration those that go on come last. `-started` unless told',
    ),
  order: z.enum(['asc', 'desc']).optional().describe('instead of `-`'),
  q: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('an id, or a text in the path, the error or a label; upper case is as lower case'),
  label: z
    .string()
    .max(321)
    .optional()
    .describe('`key:value`; may come several times: all of them'),
  count: z.enum(['true', 'false']).optional().describe('whether `X-Total-Count` is wanted'),
  status: z.string().min(1).max(64).optional().describe('any spelling of a status, as `running`'),
  path: z.string().min(1).max(512).optional(),
  catalog_id: Id.optional(),
  parent_execution_id: Id.optional(),
  since: Instant.optional().describe('started at or after; without an offset UTC'),
  until: Instant.optional().describe('started before'),
})

/** Of what is read of one execution. */
export const StandingQuery = z.object({
  min_version: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .default(0)
    .describe('`X-Execution-Version` of what the caller knows to be there; waited for a little'),
})

/** How the events of one execution are paged: after a seq, so many. By default all that fit. */
export const LogQuery = StandingQuery.extend({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .default(0)
    .describe('`seq` that the page begins after'),
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
})

export const EventIdQuery = z.object({ event_id: z.string().min(1).max(64) })

const EventItem = z
  .object({
    event_id: z.string(),
    event_type: z.string(),
    node_id: z.string(),
    node_name: z.string(),
    node_type: z.string(),
    status: StatusName,
    duration: z.number().describe('seconds'),
    created_at: Time,
    context: AnyJson,
    result: AnyJson,
    meta: AnyJson,
    error: z.string().nullable(),
    catalog_id: z.string(),
    execution_id: z.string(),
    timestamp: Time.describe('`created_at` again'),
    metadata: AnyJson.describe('`meta` again'),
    normalized_status: StatusName.describe('`status` again'),
    seq: z.int().describe('place in the log, from 1 without a gap'),
    parent_event_id: z.string().nullable(),
  })
  .meta({ id: 'Event' })

const ExecutionHead = z
  .object({
    id: z.string(),
    playbook_id: z.string().describe("the entry's path"),
    playbook_name: z.string(),
    status: StatusName,
    start_time: Time,
    end_time: Time.nullable(),
    duration: z.number().nullable().describe('seconds; null while it runs'),
    progress: z.int().min(0).max(100),
    result: AnyJson,
    error: z.string().nullable(),
    labels: Labels.optional().describe('only when there are any'),
    result_omitted: z.literal(true).optional().describe('too large for a list; see the detail'),
  })
  .meta({ id: 'Execution' })

export const ExecutionList = z.array(ExecutionHead)

/** Who asked for a run. */
const RequestorItem = z.object({
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  timestamp: Time,
  caller: z
    .string()
    .optional()
    .describe('as the audit names it; not where a hook, a schedule or a step started it'),
})

export const ExecutionDetail = ExecutionHead.omit({ result_omitted: true })
  .extend({
    events: z.array(EventItem),
    requestor: RequestorItem.optional(),
    waiting_for: z
      .array(
        z.object({
          type: z.string().describe('tool'),
          jobs: z.int(),
          since: Time,
          until: Time.optional().describe('of a wait'),
        }),
      )
      .optional()
      .describe('jobs that wait for a worker, a child execution or a time, by tool'),
  })
  .meta({ id: 'ExecutionDetail' })

export const EventList = z.object({ events: z.array(EventItem) })

export const OneEvent = z.object({
  events: z.array(
    EventItem.omit({
      created_at: true,
      meta: true,
      normalized_status: true,
    }).extend({
      stack_trace: z.string().nullable(),
      resource_path: z.null(),
      resource_version: z.null(),
      input_context: AnyJson.describe('`context` again'),
      output_result: AnyJson.describe('`result` again'),
    }),
  ),
})

export const EventSummary = z.object({
  status: z.literal('ok'),
  summary: z.object({
    execution_id: z.string(),
    counts: z.record(z.string(), z.int()).describe('events by type'),
    skipped: z.int(),
    errors: z
      .array(z.object({ node_name: z.string(), error: z.string().nullable(), created_at: Time }))
      .describe('the last three `action_error`'),
  }),
})

export const TimelineQuery = StandingQuery.extend({
  after: LogQuery.shape.after.describe('`X-Next-Cursor` of the page before'),
  limit: z.coerce.number().int().min(1).max(2_000).default(500),
  expand: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe(
      'a step, or an iteration as `step[3]`: its iterations, all of them, and nothing else',
    ),
})

const SpanStatus = z.union([StatusName, z.literal('waiting')])

export const Timeline = z.object({
  execution: z.object({
    id: z.string(),
    status: StatusName,
    start_time: Time,
    end_time: Time.nullable(),
    now: Time.nullable().describe("the database's time; null once it has ended"),
  }),
  spans: z.array(
    z.object({
      node: z.string().describe('`step`, `step[3]`, `step[save]`, `step[3][save]`, `[timeout]`'),
      step: z.string(),
      kind: z.enum(['step', 'iteration', 'save', 'timeout']),
      index: z.int().nullable().describe('of an iteration'),
      tool: z.string().nullable(),
      status: SpanStatus.describe('`waiting`: for whoever does it, or for its next attempt'),
      start_time: Time,
      end_time: Time.nullable().describe('null while it runs'),
      duration: z.number().nullable().describe('seconds'),
      waiting_seconds: z.number().nullable().describe('until its first attempt began'),
      attempts: z.array(
        z.object({
          n: z.int(),
          start_time: Time,
          end_time: Time.nullable(),
          status: StatusName,
          worker: z.string().nullable(),
          error: z.string().nullable().describe('its first 500 characters'),
        }),
      ),
      parent: z.string().nullable().describe('the node that it is a part of'),
      child_execution_id: z.string().nullable(),
      iterations: z
        .object({
          total: z.int(),
          done: z.int(),
          failed: z.int(),
          collapsed: z.int().describe('how many have begun that `expand` alone shows'),
        })
        .nullable()
        .describe('of an iterator'),
    }),
  ),
})
