import * as z from 'zod'
import { Id } from '../ids.ts'
import { AnyJson, AnyObject, Time } from '../schema.ts'

/** Playbooks are called so in any case of the letters; other kinds as they are registered. */
const kindOf = (type: string) => (type.toLowerCase() === 'playbook' ? 'Playbook' : type)

/** Where the content is: as text or as base64 of UTF-8. In the body or in the query. */
export const RegisterRequest = z.object({
  content: z.string().min(1).nullish().describe('YAML'),
  content_base64: z.string().min(1).nullish().describe('the same in base64'),
  resource_type: z
    .string()
    .regex(/^[A-Za-z][\w-]{0,63}$/, 'a word of at most 64 letters, digits, _ and -')
    .nullish()
    .transform((type) => kindOf(type ?? 'Playbook')),
})
export type RegisterRequest = z.output<typeof RegisterRequest>

export const ListQuery = z.object({
  resource_type: z.string().max(64).default('Playbook').transform(kindOf),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: Id.optional(),
})

export const ResourceQuery = z.object({
  resource_path: z.string().min(1).max(512),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: Id.optional(),
})

export const PlaybookQuery = z.object({
  playbook_id: z.string().min(1).max(512),
  version: z
    .string()
    .regex(/^(latest|[1-9]\d{0,8})$/, "a positive integer or 'latest'")
    .optional(),
})

export const Registration = z.object({
  status: z.literal('success'),
  message: z.string(),
  path: z.string(),
  version: z.int(),
  catalog_id: z.string(),
  kind: z.string(),
  created: z.boolean().describe('false when the latest version has the same content'),
})

const EntryItem = z.object({
  path: z.string(),
  kind: z.string(),
  version: z.int(),
  content: z.string(),
  layout: AnyJson,
  payload: AnyObject,
  meta: AnyJson,
  created_at: Time,
})

export const EntryList = z.object({ entries: z.array(EntryItem) })

export const WholeEntry = EntryItem.extend({ catalog_id: z.string() }).meta({ id: 'Entry' })

export const EntryVersions = z.array(WholeEntry)

const PlaybookItem = z
  .object({
    id: z.string().describe('`path`'),
    name: z.string(),
    kind: z.string(),
    version: z.int(),
    meta: AnyJson,
    description: z.string().nullable(),
    created_at: Time,
    updated_at: Time,
    status: z.literal('active'),
    tasks_count: z.int(),
  })
  .meta({ id: 'Playbook' })

export const PlaybookList = z.array(PlaybookItem)

export const PlaybookContent = z.object({
  path: z.string(),
  version: z.int(),
  content: z.string(),
})
