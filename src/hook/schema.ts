// Hooks on the wire: webhooks that start runs, and what was delivered to them.

import * as z from 'zod'
import { PathPrefix } from '../access/schema.ts'
import { OVERLAPS } from '../execution/overlap.ts'
import { Id } from '../ids.ts'
import { toJson } from '../json.ts'
import { TargetItem, Targets } from '../notification/schema.ts'
import { AnyJson, AnyObject, EntryVersion, Name, Time } from '../schema.ts'
import { checkExpression, checkSyntax, namesInValue, TemplateError } from '../template/index.ts'
import { PROVIDERS } from './verify/index.ts'

const RESULTS = ['started', 'ignored', 'skipped', 'challenged', 'refused', 'failed'] as const
export type Result = (typeof RESULTS)[number]

/** Refuses what a check throws a TemplateError for. */
const checked =
  <T>(check: (value: T) => unknown) =>
  (value: T, context: z.RefinementCtx) => {
    try {
      check(value)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  }

const Expression = z.string().min(1).max(4_096).superRefine(checked(checkExpression))
const Template = z.string().min(1).max(4_096).superRefine(checked(checkSyntax))

const MAX_PARAMETERS = 65_536

const Secret = z.string().min(1).max(512)

/** What a hook is told, all of which can be changed. */
const settings = {
  path: z.string().min(1).max(512).describe('the playbook that it starts'),
  version: EntryVersion,
  secrets: z
    .array(Secret)
    .max(8)
    .describe('any of them may sign: several while one takes the place of another; never shown'),
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/)
    .nullable()
    .describe('of provider `token`: which header has it'),
  public_url: z
    .url()
    .max(2_048)
    .nullable()
    .describe('of provider `twilio`: the address as it is told there, if a proxy changes it'),
  tolerance_seconds: z.int().min(1).max(86_400).describe('how old, or early, a delivery may be'),
  filter: Expression.nullable().describe(
    'an expression over `headers` (lower case), `query`, `body` and `event_type`; what it does not hold for is ignored',
  ),
  parameters: AnyObject.superRefine(checked(namesInValue))
    .refine((value) => toJson(value).length <= MAX_PARAMETERS, `larger than ${MAX_PARAMETERS}`)
    .nullable()
    .describe('what the run gets, as templates over the same; by default the JSON body'),
  delivery_id: Template.nullable().describe(
    'a template over the same: what a delivery is known by, where it is not what the provider says',
  ),
  merge: z.boolean().describe('whether the parameters are merged deep into the workload'),
  identical_content: z
    .enum(['refuse', 'allow'])
    .describe(
      'where a signature does not cover the delivery id: whether signed content may come again under another id',
    ),
  overlap: z
    .enum(OVERLAPS)
    .describe('when the last run still goes on: both run, the new one is skipped, or replaces it'),
  notify: Targets.describe('who is told of the ends of its runs'),
  enabled: z.boolean(),
  may_wait: z
    .boolean()
    .describe(
      'whether `Prefer: wait` tells the sender how the run has ended; not for `none`, unless it is said',
    ),
  max_body_bytes: z.int().min(1).max(2_097_152),
  keep_body_bytes: z.int().min(0).max(1_048_576).describe('larger bodies are not kept'),
  keep_days: z.int().min(0).max(90).describe('how long bodies, headers and refusals are kept'),
}

export const NewHookRequest = z.strictObject({
  name: Name.describe('its address is /hooks/NAME'),
  provider: z.enum(PROVIDERS).describe('whose signatures it takes; `none` takes anybody’s word'),
  ...settings,
  version: settings.version.default(null),
  secrets: settings.secrets.default([]),
  header: settings.header.default(null),
  public_url: settings.public_url.default(null),
  tolerance_seconds: settings.tolerance_seconds.default(300),
  filter: settings.filter.default(null),
  parameters: settings.parameters.default(null),
  delivery_id: settings.delivery_id.default(null),
  merge: settings.merge.default(false),
  identical_content: settings.identical_content.default('refuse'),
  overlap: settings.overlap.default('allow'),
  notify: settings.notify.default([]),
  enabled: settings.enabled.default(true),
  may_wait: settings.may_wait.optional(),
  max_body_bytes: settings.max_body_bytes.default(1_048_576),
  keep_body_bytes: settings.keep_body_bytes.default(65_536),
  keep_days: settings.keep_days.default(7),
})
export type NewHookRequest = z.output<typeof NewHookRequest>

export const HookChange = z
  .strictObject({
    ...settings,
    path_prefix: PathPrefix.nullable().describe(
      'what its runs see of the playbooks; for callers to say that see all',
    ),
  })
  .partial()
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    error: 'nothing is changed',
  })
export type HookChange = z.output<typeof HookChange>

export const RotateRequest = z.object({
  secret: Secret.nullish().describe('the new one; absent: one is drawn, where the provider allows'),
  keep: z.int().min(0).max(7).default(1).describe('how many of the present ones go on to count'),
})

export const HookItem = z
  .object({
    id: z.string(),
    name: z.string(),
    url: z.string().describe('where it is delivered to'),
    provider: z.enum(PROVIDERS),
    path: z.string(),
    version: z.int().nullable().describe('null: the latest'),
    secret_count: z.int(),
    header: z.string().nullable(),
    public_url: z.string().nullable(),
    tolerance_seconds: z.int(),
    filter: z.string().nullable(),
    parameters: AnyObject.nullable(),
    delivery_id: z.string().nullable(),
    merge: z.boolean(),
    identical_content: z.enum(['refuse', 'allow']),
    overlap: z.enum(OVERLAPS),
    notify: z.array(TargetItem),
    enabled: z.boolean(),
    may_wait: z.boolean(),
    path_prefix: z
      .string()
      .nullable()
      .describe('what its runs see of the playbooks: what whoever made or changed it could see'),
    max_body_bytes: z.int(),
    keep_body_bytes: z.int(),
    keep_days: z.int(),
    created_by: z.string(),
    created_at: Time,
    updated_at: Time,
    drawn_secret: z
      .string()
      .optional()
      .describe('a secret that was drawn here; shown now and never again'),
  })
  .meta({ id: 'Hook' })

export const HookList = z.object({ items: z.array(HookItem) })

export const HookQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(100),
  cursor: Id.optional().describe('`X-Next-Cursor` of the page before'),
})

export const Removed = z.object({ status: z.literal('ok'), name: z.string() })

/** What a sender is answered. */
export const Received = z
  .object({
    status: z.enum(['started', 'ignored', 'skipped']),
    id: z.string().describe('the delivery, as it is listed'),
    delivery_id: z.string().nullable().describe('as its sender calls it'),
    execution_id: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Received' })
export type Received = z.output<typeof Received>

export const DeliveryQuery = z.object({
  result: z.enum(RESULTS).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: Id.optional().describe('`X-Next-Cursor` of the page before'),
})

const DeliveryItem = z
  .object({
    id: z.string(),
    delivery_id: z.string().nullable(),
    result: z.enum(RESULTS),
    reason: z.string().nullable(),
    execution_id: z.string().nullable(),
    event_type: z.string().nullable(),
    ip: z.string().nullable(),
    body_bytes: z.int(),
    content_type: z.string().nullable(),
    redelivery_of: z.string().nullable(),
    received_at: Time,
    is_kept: z.boolean().describe('whether its body is still there, so that it can be redelivered'),
  })
  .meta({ id: 'Delivery' })

export const DeliveryList = z.object({ items: z.array(DeliveryItem) })

export const WholeDelivery = DeliveryItem.extend({
  headers: AnyObject.nullable().describe('without signatures and credentials'),
  query: AnyObject.nullable(),
  body: AnyJson.describe('JSON as it was sent, else text, else base64; null when it is not kept'),
})
