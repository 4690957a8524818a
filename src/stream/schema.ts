// How streams are asked for.

import * as z from 'zod'

const Seq = z.coerce.number().int().min(0).max(2_147_483_647)

export const LogStreamQuery = z.object({
  after: Seq.default(0).describe('`seq` that it begins after; `Last-Event-ID` comes before it'),
})

/** The header, where the query has no word of it. */
export const LastSeq = z.object({ 'last-event-id': Seq.optional() })

export const ChangesQuery = z.object({
  after: z
    .string()
    .max(8_192)
    .default('')
    .describe('id of the last message; `Last-Event-ID` comes before it'),
  path: z.string().min(1).max(512).optional(),
  path_prefix: z.string().min(1).max(512).optional(),
  status: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('any spelling of a status; executions that change to another are `gone`'),
})
