import * as z from 'zod'
import { OVERLAPS } from '../execution/overlap.ts'
import { toJson } from '../json.ts'
import { TargetItem, Targets } from '../notification/schema.ts'
import { AnyObject, EntryVersion, Name, Time } from '../schema.ts'
import { CATCH_UPS } from './ticks.ts'

const MAX_PARAMETERS_BYTES = 65_536

/** What a schedule's request may weigh: JSON may escape its parameters. */
export const MAX_BODY_BYTES = 4 * MAX_PARAMETERS_BYTES

const Path = z.string().trim().min(1).max(512)
const OverlapRule = z.enum(OVERLAPS)
const CatchUpRule = z.enum(CATCH_UPS)

const Fields = z.object({
  cron: z
    .string()
    .max(256)
    .transform((text) => text.trim().replace(/\s+/g, ' '))
    .describe('minute hour day month weekday, or `@hourly`, `@daily`, `@weekly`, `@monthly`, ...'),
  timezone: z.string().max(64).describe('an IANA name, as `Europe/Berlin`'),
  path: Path.describe("the playbook's path"),
  version: EntryVersion,
  parameters: AnyObject.refine(
    (value) => new TextEncoder().encode(toJson(value)).byteLength <= MAX_PARAMETERS_BYTES,
    { error: `larger than ${MAX_PARAMETERS_BYTES} bytes` },
  ).describe(
    'as of a run; texts may be templates that see `schedule.name`, `schedule.time`, `schedule.id`',
  ),
  merge: z.boolean().describe("whether parameters go deep into the playbook's workload"),
  overlap: OverlapRule.describe(
    'while the last run goes on: start another beside it, skip the tick, or cancel that run',
  ),
  catch_up: CatchUpRule.describe('of ticks that nobody saw: none, the last one, or all'),
  notify: Targets.describe('who is told of the ends of its runs'),
  enabled: z.boolean(),
})

export const NewScheduleRequest = Fields.extend({
  name: Name.describe('no other schedule may have it'),
  timezone: Fields.shape.timezone.default('UTC'),
  version: Fields.shape.version.default(null),
  parameters: Fields.shape.parameters.default({}),
  merge: Fields.shape.merge.default(false),
  overlap: Fields.shape.overlap.default('allow'),
  catch_up: Fields.shape.catch_up.default('none'),
  notify: Fields.shape.notify.default([]),
  enabled: Fields.shape.enabled.default(true),
})
export type NewScheduleRequest = z.output<typeof NewScheduleRequest>

export const ScheduleChange = Fields.partial().refine(
  (change) => Object.values(change).some((value) => value !== undefined),
  'nothing is to be changed',
)
export type ScheduleChange = z.output<typeof ScheduleChange>

export const ScheduleQuery = z.object({
  path: Path.optional(),
  enabled: z.stringbool().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
  cursor: Name.optional().describe('`X-Next-Cursor` of the page before'),
})

const ScheduleItem = z
  .object({
    id: z.string(),
    name: z.string(),
    cron: z.string(),
    timezone: z.string(),
    path: z.string(),
    version: z.int().nullable(),
    parameters: AnyObject,
    merge: z.boolean(),
    overlap: OverlapRule,
    catch_up: CatchUpRule,
    notify: z.array(TargetItem),
    enabled: z.boolean(),
    next_at: Time.nullable().describe('null while it is not enabled'),
    last_at: Time.nullable().describe('the last tick that was seen to'),
    last_execution_id: z.string().nullable().describe('the last run that a tick has started'),
    last_error: z.string().nullable().describe('why the run of the last tick could not be started'),
    skipped: z.int().describe('ticks that came while the last run still went on'),
    created_by: z.string(),
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: 'ScheduleItem' })

export const Schedule = ScheduleItem.extend({
  next_runs: z.array(Time).describe('the next five ticks'),
}).meta({ id: 'Schedule' })

export const ScheduleList = z.object({ items: z.array(ScheduleItem) })

export const ScheduleDeletion = z.object({ status: z.literal('ok'), name: z.string() })
