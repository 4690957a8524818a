import * as z from 'zod'
import { Problem } from '../errors.ts'
import { Id } from '../ids.ts'
import { AnyJson, AnyObject, StatusName, Time } from '../schema.ts'
import { MAX_PATH, UNPRINTABLE } from './validate.ts'

/** Playbooks are called so in any case of the letters; other kinds as they are registered. */
const kindOf = (type: string) => (type.toLowerCase() === 'playbook' ? 'Playbook' : type)

/** Where an entry stands in the catalog. */
const Path = z
  .string()
  .trim()
  .min(1)
  .max(MAX_PATH)
  .refine((path) => !UNPRINTABLE.test(path), 'it has control characters')

const Description = z.string().max(10_000)

/** Where the content is: as text or as base64 of UTF-8. In the body or in the query. */
export const RegisterRequest = z.object({
  content: z.string().min(1).nullish().describe('YAML'),
  content_base64: z.string().min(1).nullish().describe('the same in base64'),
  resource_type: z
    .string()
    .regex(/^[A-Za-z][\w-]{0,63}$/, 'a word of at most 64 letters, digits, _ and -')
    .nullish()
    .transform((type) => kindOf(type ?? 'Playbook')),
  name: z
    .string()
    .nullish()
    .describe('without content: the name and path of a new playbook, which has no steps yet'),
  description: Description.nullish().describe('what the new playbook says of itself'),
})
export type RegisterRequest = z.output<typeof RegisterRequest>

/** A playbook that is to be made from its name. */
export const NewPlaybook = z.object({ name: Path, description: Description.nullish() })

export const ContentRequest = z.object({
  content: z.string().nullish().describe('YAML'),
  content_base64: z.string().nullish().describe('the same in base64'),
})
export type ContentRequest = z.output<typeof ContentRequest>

/** What a playbook says of itself, or all of it. */
export const PlaybookRequest = ContentRequest.extend({
  name: z.string().trim().min(1).max(MAX_PATH).nullish().describe('its `metadata.name`'),
  description: Description.nullish().describe('its `metadata.description`'),
})
export type PlaybookRequest = z.output<typeof PlaybookRequest>

export const PathQuery = z.object({ playbook_id: Path })

export const ListQuery = z.object({
  resource_type: z.string().max(64).default('Playbook').transform(kindOf),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: Id.optional(),
})

export const PlaybooksQuery = z.object({
  id: z.string().min(1).max(MAX_PATH).optional().describe('a path: its latest version alone'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: Id.optional(),
})

export const SearchQuery = z.object({
  q: z
    .string()
    .max(256)
    .default('')
    .describe('text in the path, the name or the beginning of the description, in any case'),
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

/** What every change of an entry answers. */
const Stored = z.object({
  status: z.literal('success'),
  message: z.string(),
  path: z.string(),
  version: z.int(),
  catalog_id: z.string(),
})

export const ContentUpdate = Stored.meta({ id: 'ContentUpdate' })

export const Registration = Stored.extend({
  id: z.string().describe('`path`'),
  resource_path: z.string().describe('`path` again'),
  resource_version: z.int().describe('`version` again'),
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
    description: z.string().nullable().describe('its beginning, if it is very long'),
    created_at: Time,
    updated_at: Time,
    status: z.literal('active'),
    tasks_count: z.int(),
  })
  .meta({ id: 'Playbook' })

export const PlaybookList = z.array(PlaybookItem)

/** A list, or the one that an id names. */
export const PlaybookListOrOne = z.union([PlaybookList, PlaybookItem])

export const PlaybookChange = z.union([PlaybookItem, ContentUpdate])

export const Deletion = z.object({
  status: z.literal('success'),
  message: z.string(),
  path: z.string(),
  versions: z.int().describe('how many there were'),
})

export const Validation = z.object({
  valid: z.boolean(),
  errors: z.array(z.string()).optional().describe('faults with line and column, as text'),
  faults: Problem.shape.errors.describe('the same, as registering shows them'),
})

const Widget = z.object({
  id: z.string(),
  type: z.literal('metric'),
  title: z.string(),
  data: z.object({ value: z.int() }),
  config: z.object({ format: z.literal('number'), color: z.string() }),
})

export const Widgets = z.array(Widget)

/** A JSON Schema. */
export const LanguageSchema = AnyObject

export const PlaybookContent = z.object({
  path: z.string(),
  version: z.int(),
  content: z.string(),
})

/** A playbook's steps and transitions, and what has become of them in an execution. */
export const PlaybookGraph = z
  .object({
    path: z.string(),
    version: z.int(),
    execution: z.object({ id: z.string(), status: StatusName }).nullable(),
    nodes: z.array(
      z.object({
        step: z.string(),
        type: z.string().describe('its tool; `start`, `end` or `route` where it has none'),
        status: z
          .enum(['pending', 'waiting', 'running', 'completed', 'failed', 'skipped', 'unreached'])
          .describe('`waiting`: for a worker, an attempt or other branches'),
        attempts: z.int(),
        iterations: z.object({ total: z.int(), done: z.int(), failed: z.int() }).nullable(),
      }),
    ),
    edges: z.array(
      z.object({
        from: z.string(),
        to: z.string(),
        when: z.string().nullable(),
        else: z.boolean().describe('fires where the conditions before it do not hold'),
        fired: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'PlaybookGraph' })
