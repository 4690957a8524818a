// What a run asks for (wire contract of POST /executions/run and /execute).

import * as z from 'zod'
import { Id } from '../ids.ts'
import { Targets } from '../notification/schema.ts'
import { AnyJson, AnyObject, EntryVersion, Labels, shownAs, Time } from '../schema.ts'

const ExecutionType = z.enum(['playbook', 'tool', 'model', 'workflow'])
const Step = z.string().max(256)

const Parent = z.object({
  parent_execution_id: Id.nullish(),
  parent_event_id: Id.nullish(),
  parent_step: Step.nullish(),
})

/** A catalog id as sent; one that is not an id at all is looked up in vain, as the original does. */
const CatalogId = z
  .union([z.string().max(64), z.number(), z.bigint()])
  .transform(String)
  .meta(shownAs({ type: ['string', 'integer'], format: 'int64' }))
const Path = z.string().max(512)

export const RunRequest = z
  .object({
    catalog_id: CatalogId.nullish(),
    path: Path.nullish(),
    playbook_id: Path.nullish(),
    version: EntryVersion.nullish(),
    type: ExecutionType.nullish(),
    execution_type: ExecutionType.nullish(),
    parameters: AnyObject.nullish(),
    input_payload: AnyObject.nullish(),
    merge: z.boolean().nullish(),
    sync_to_postgres: z.boolean().nullish(),
    context: Parent.nullish(),
    parent_execution_id: Id.nullish(),
    parent_event_id: Id.nullish(),
    parent_step: Step.nullish(),
    metadata: AnyObject.nullish(),
    notify: Targets.nullish().describe('who is told of its end: docs/notifications.md'),
    labels: Labels.nullish().describe('up to 16 texts to find the run by; its children have none'),
  })
  .refine((run) => run.catalog_id || run.path || run.playbook_id, {
    error: 'At least one identifier must be provided: catalog_id, path, or playbook_id',
  })
  .transform((run) => ({
    // an empty one counts as absent
    catalog_id: run.catalog_id || null,
    path: run.path || run.playbook_id || null,
    version: run.version == null ? 'latest' : String(run.version),
    type: run.type ?? run.execution_type ?? 'playbook',
    parameters: run.parameters ?? run.input_payload ?? {},
    merge: run.merge ?? false,
    sync_to_postgres: run.sync_to_postgres ?? true,
    parent_execution_id: run.parent_execution_id ?? run.context?.parent_execution_id ?? null,
    parent_event_id: run.parent_event_id ?? run.context?.parent_event_id ?? null,
    parent_step: run.parent_step ?? run.context?.parent_step ?? null,
    metadata: run.metadata ?? {},
    notify: run.notify ?? [],
    labels: run.labels ?? {},
  }))
export type RunRequest = z.output<typeof RunRequest>

/** The reply to a run. Every key is always there; `status` is lower case here and only here. */
export const RunReply = z
  .object({
    execution_id: z.string(),
    id: z.string().describe('`execution_id` again'),
    catalog_id: z.string(),
    path: z.string(),
    playbook_id: z.string().describe('`path` again'),
    playbook_name: z.string(),
    version: z.string(),
    type: ExecutionType,
    execution_type: ExecutionType.describe('`type` again'),
    status: z.enum(['running', 'completed', 'failed']),
    timestamp: Time,
    start_time: Time,
    end_time: Time.nullable(),
    progress: z.int(),
    result: AnyJson,
    error: z.string().nullable(),
  })
  .meta({ id: 'Run' })
export type RunReply = z.output<typeof RunReply>

/** Who asked: kept with the execution and in its first event. */
export interface Requestor {
  ip: string | null
  user_agent: string | null
  timestamp: string
  /** As the audit names it; not of what a hook, a schedule or a step starts by itself. */
  caller?: string
}
