// Pieces that the areas' schemas are made of.

import * as z from 'zod'
import type { Json, JsonObject } from './json.ts'
import { isObject } from './json.ts'
import { STATUSES } from './status.ts'

/** Shows a schema in the API's description as another one, where it says more than zod can tell. */
export const shownAs = (shown: Record<string, unknown>) => ({
  override: ({ jsonSchema }: { jsonSchema: Record<string, unknown> }) => {
    const { description } = jsonSchema
    for (const key of Object.keys(jsonSchema)) delete jsonSchema[key]
    Object.assign(jsonSchema, description !== undefined && { description }, shown)
  },
})

/** An id for examples. */
export const EXAMPLE_ID = '250663080852814942'

/** Whatever JSON can hold. */
export const AnyJson = z.custom<Json>().meta({ description: 'any JSON' })

/** A JSON object with any keys. */
export const AnyObject = z
  .custom<JsonObject>(isObject, 'an object is expected')
  .meta(shownAs({ type: 'object' }))

/** One of NoETL's six words. */
export const StatusName = z.enum(STATUSES).meta({ id: 'Status' })

/** RFC 3339, UTC. */
export const Time = z
  .string()
  .meta(shownAs({ type: 'string', format: 'date-time', examples: ['2026-11-23T12:00:00.000000Z'] }))

/** A date, or a time with or without an offset; without one it is UTC. */
export const Instant = z.iso
  .datetime({ offset: true, local: true })
  .or(z.iso.date())
  .transform((text) => new Date(text))
  .refine((date) => date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999, {
    error: 'a year from 1 to 9999',
  })
  .transform((date) => date.toISOString())

/** A version of a playbook: a positive integer as number or text; null or `latest` for the latest. */
export const EntryVersion = z
  .union([z.string(), z.number(), z.bigint(), z.null()])
  .transform((value) => String(value ?? 'latest').trim())
  .refine((text) => text === 'latest' || (/^\d{1,9}$/.test(text) && Number(text) > 0), {
    error: "a positive integer or 'latest'",
  })
  .transform((text) => (text === 'latest' ? null : Number(text)))
  .meta(
    shownAs({
      description: "a positive integer; null or 'latest': the latest",
      type: ['string', 'integer', 'null'],
      default: 'latest',
    }),
  )

const MAX_LABELS = 16
/** Without a colon, which ends a key where a label is written in one word. */
export const LABEL_KEY = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}$/

/** What an execution is found by. */
export const Labels = z
  .record(z.string().regex(LABEL_KEY), z.string().max(256))
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, {
    error: `at most ${MAX_LABELS} labels`,
  })

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** Whether a text can be the name of a hook or a schedule. */
export const isName = (text: string) => NAME.test(text)

/** The name of a hook or a schedule, which stands in addresses. */
export const Name = z.string().regex(NAME, 'letters, digits and . _ - only, at most 128')
