// The vocabulary of the event log.

import * as z from 'zod'
import { Id } from '../ids.ts'
import type { Json, JsonObject } from '../json.ts'
import { AnyJson } from '../schema.ts'
import { normalizeStatus, type Status } from '../status.ts'

/** Written by the evaluator alone; a client that posts one is refused. */
const EVALUATOR_EVENTS: ReadonlySet<string> = new Set([
  'execution_start',
  'execution_complete',
  'execution_failed',
  'execution_cancelled',
  'execution_paused',
  'execution_resumed',
  'step_started',
  'step_completed',
  'step_failed',
  'step_skipped',
  'save_started',
  'iterator_started',
  'iterator_completed',
  'iteration_started',
  'iteration_completed',
  'iteration_failed',
])

/** What a node's result may weigh as JSON: it is in up to three events of one request, and that is at most 10 MB. */
export const MAX_RESULT_BYTES = 2 * 1_048_576

/** Reports of an action's end: the evaluator answers them with a decision. */
export const DECIDING_EVENTS: ReadonlySet<string> = new Set(['action_completed', 'action_error'])

/** An event as the log holds it; ids are decimal strings. */
export interface Event {
  seq: number
  event_id: string
  parent_event_id: string | null
  parent_execution_id?: string | null
  event_type: string
  node_id: string
  node_name: string
  node_type: string
  status: Status
  /** Seconds. */
  duration: number
  context: Json
  result: Json
  meta: Json
  error: string | null
  stack_trace?: string | null
  trace_component?: Json
  worker_id?: string | null
  attempt?: number | null
  current_index?: number | null
  current_item?: Json
}

/**
 * An event not yet numbered. `parent` is an event's id, or the place of an earlier event of the same
 * list. Without `node_id` the event's own id is it, as NoETL's server does.
 */
export interface Draft {
  event_type: string
  node_name: string
  node_type: string
  status: Status
  parent: string | number | null
  node_id?: string
  parent_execution_id?: string | null
  duration?: number
  context?: Json
  result?: Json
  meta?: Json
  error?: string | null
  stack_trace?: string | null
  worker_id?: string | null
  attempt?: number | null
  current_index?: number | null
  current_item?: Json
}

/** How a child execution holds the job of the step that it runs for: as this and its id. */
export const CHILD = 'playbook:'

/** The node that a step's action and its job report under. */
export function nodeId(executionId: string, step: string): string {
  return `${executionId}:${step}`
}

const Text = (max: number) => z.string().max(max)

/** Any spelling that normalizeStatus knows; the reply echoes it as sent. */
const StatusWord = z
  .string()
  .max(64)
  .refine((text) => normalizeStatus(text) !== null, {
    error: ({ input }) => `unknown status '${input}'`,
  })

/** The body of POST /api/events; fields that it does not name are echoed and not kept. */
export const EventReport = z
  .looseObject({
    execution_id: Id,
    event_id: Id.nullish(),
    event_type: z
      .string()
      .regex(/^[\w.:-]{1,128}$/, 'letters, digits and _ . : - only, at most 128')
      .refine((type) => !EVALUATOR_EVENTS.has(type), {
        error: 'is written by the evaluator and cannot be posted',
      }),
    status: StatusWord.nullish(),
    parent_id: Id.nullish(),
    parent_event_id: Id.nullish(),
    parent_execution_id: Id.nullish(),
    node_id: Text(600).nullish(),
    node_name: Text(256).nullish(),
    node_type: Text(64).nullish(),
    duration: z.number().min(0).nullish(),
    context: AnyJson.optional(),
    result: AnyJson.optional(),
    output_result: AnyJson.optional(),
    meta: AnyJson.optional(),
    trace_component: AnyJson.optional(),
    error: AnyJson.optional(),
    traceback: Text(262_144).nullish(),
    worker_id: Text(256).nullish(),
    queue_id: Id.nullish().describe('the lease that it was done under; refused when it is lost'),
    attempt: z.int32().min(0).nullish(),
    current_index: z.int32().nullish(),
    current_item: AnyJson.optional(),
  })
  .describe('One event of an execution; fields that are not named here are echoed and not kept')
export type EventReport = z.output<typeof EventReport>

/** The report as it was sent, and the event that it became. */
export const RecordedReport = z.looseObject({
  execution_id: z.string(),
  event_type: z.string(),
  event_id: z.string(),
  trigger_event_id: z.string().describe('`event_id` again'),
})

/** A step's result as others see it: its data, unwrapped once, from an action's envelope. */
export function dataOf(envelope: Json): Json {
  if (!isEnvelope(envelope)) return envelope
  return envelope.data ?? null
}

function isEnvelope(value: Json): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    'data' in value &&
    ('status' in value || 'id' in value)
  )
}
