import * as z from 'zod'
import { parseId } from '../ids.ts'
import { toJson } from '../json.ts'
import { AnyJson, AnyObject, Time } from '../schema.ts'

/** A list shows it; what is large belongs into `data`. */
const MAX_META = 4_096

export const NewCredentialRequest = z
  .object({
    name: z
      .string()
      .trim()
      .min(1)
      .max(256)
      .refine((name) => parseId(name) === null, 'a name of digits only reads as an id')
      .refine((name) => !/^\.\.?$/.test(name), 'no address leads to a name of one or two dots'),
    type: z.string().max(64).nullish(),
    credential_type: z.string().max(64).nullish(),
    data: AnyObject,
    meta: AnyObject.refine((meta) => toJson(meta).length <= MAX_META, {
      error: `larger than ${MAX_META} characters`,
    }).nullish(),
    tags: z.union([z.string().max(1024), z.array(z.string().max(128)).max(64)]).nullish(),
    description: z.string().max(4096).nullish(),
  })
  .transform(({ type, credential_type, tags, ...rest }) => ({
    ...rest,
    type: type ?? credential_type ?? 'generic',
    tags:
      typeof tags === 'string'
        ? tags
            .split(',')
            .map((tag) => tag.trim())
            .filter(Boolean)
        : (tags ?? null),
  }))
export type NewCredentialRequest = z.output<typeof NewCredentialRequest>

export const CredentialFilter = z.object({
  type: z.string().max(64).optional(),
  q: z.string().max(256).optional().describe('text in the name or the description'),
  limit: z.coerce.number().int().min(1).max(200).default(200),
  cursor: z.string().max(2_048).optional().describe('`X-Next-Cursor` of the page before'),
})

export const IncludeData = z.object({ include_data: z.stringbool().default(false) })

export const CredentialItem = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    meta: AnyJson,
    tags: z.array(z.string()).nullable(),
    description: z.string().nullable(),
    created_at: Time,
    updated_at: Time,
    data: AnyObject.nullable().describe('null unless `include_data` asks for it'),
  })
  .meta({ id: 'Credential' })

export const DeletedCredential = z.object({ status: z.literal('ok'), name: z.string() })

export const CredentialList = z.object({
  items: z.array(CredentialItem),
  filter: z.object({ type: z.string().nullable(), q: z.string().nullable() }),
})
