import * as z from 'zod'
import { Id } from '../ids.ts'
import { AnyJson, AnyObject, shownAs, Time } from '../schema.ts'
import { TARGETS_SCHEMA, targetFaults, targetsOf } from './target.ts'

/** Who is told of an execution's end. */
export const Targets = z
  .union([z.string(), AnyObject, z.array(AnyJson)])
  .superRefine((given, context) => {
    for (const { at, detail } of targetFaults(given)) {
      context.addIssue({ code: 'custom', path: at, message: detail })
    }
  })
  .transform(targetsOf)
  .meta(shownAs(TARGETS_SCHEMA))

/** A receiver, as it is shown. */
export const TargetItem = z
  .object({ url: z.string(), credential: z.string().nullable() })
  .meta({ id: 'NotifyTarget' })

const StatusName = z.enum(['pending', 'delivered', 'dead'])

export const NotificationQuery = z.object({
  status: StatusName.optional(),
  execution_id: Id.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
  cursor: Id.optional().describe('`X-Next-Cursor` of the page before'),
})
export type NotificationQuery = z.output<typeof NotificationQuery>

export const Notification = z
  .object({
    id: z.string().describe('what receivers get as `webhook-id`'),
    execution_id: z.string(),
    path: z.string(),
    type: z.enum(['execution.completed', 'execution.failed', 'execution.cancelled']),
    url: z.string(),
    credential: z.string().nullable(),
    status: StatusName,
    attempts: z.int().describe('how often it was sent, since it was redriven'),
    next_attempt_at: Time.nullable(),
    last_status: z.int().nullable().describe("the status of the receiver's last reply"),
    last_error: z.string().nullable(),
    created_at: Time,
    delivered_at: Time.nullable(),
  })
  .meta({ id: 'Notification' })

export const NotificationList = z.object({ items: z.array(Notification) })

export const SecretQuery = z.object({
  url: z.string().max(2_048).describe('the address of a receiver, or its origin'),
})

export const SecretReply = z.object({
  origin: z.string(),
  secret: z.string().describe('`whsec_` and base64: what libraries of Standard Webhooks take'),
})
