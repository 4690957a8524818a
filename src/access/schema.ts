import * as z from 'zod'
import { Id } from '../ids.ts'
import { AnyObject, Instant, Time } from '../schema.ts'
import { SCOPES } from './caller.ts'

const ScopeName = z.enum(SCOPES).meta({ id: 'Scope' })

/** What the paths of some playbooks begin with, as `team-a/`. */
export const PathPrefix = z
  .string()
  .trim()
  .min(1)
  .max(256)
  .regex(/^[^/]/, 'paths do not begin with a slash')
  .transform((prefix) => (prefix.endsWith('/') ? prefix : `${prefix}/`))

export const NewKeyRequest = z
  .object({
    name: z.string().trim().min(1).max(128).describe('no other key in use may have it'),
    scopes: z
      .array(ScopeName)
      .min(1)
      .max(SCOPES.length)
      .transform((scopes) => [...new Set(scopes)]),
    path_prefix: PathPrefix.nullish().describe('only playbooks below it: `team-a/`'),
    expires_at: Instant.refine((at) => new Date(at).getTime() > Date.now(), {
      error: 'has passed',
    })
      .nullish()
      .describe('from then on it is refused'),
  })
  .refine(({ scopes, path_prefix }) => !path_prefix || !scopes.includes('admin'), {
    error: 'a key of scope admin can make others, so it takes no prefix',
    path: ['path_prefix'],
  })
export type NewKeyRequest = z.output<typeof NewKeyRequest>

export const ApiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(ScopeName),
    path_prefix: z.string().nullable(),
    created_at: Time,
    expires_at: Time.nullable(),
    last_used_at: Time.nullable().describe('to the minute'),
    revoked_at: Time.nullable(),
  })
  .meta({ id: 'ApiKey' })

export const CreatedKey = ApiKey.extend({
  key: z.string().describe('what callers send; shown here and never again'),
})

export const KeyList = z.object({ items: z.array(ApiKey) })

export const KeyQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(100),
  cursor: Id.optional().describe('`X-Next-Cursor` of the page before'),
})

export const AuditQuery = z.object({
  actor: z.string().max(300).optional().describe('`key:ID`, `jwt:SUBJECT`, `root`, `open`, `cli`'),
  action: z.string().max(64).optional().describe('as `key.created`'),
  subject: z.string().max(600).optional().describe('as `credential:pg_main`'),
  since: Instant.optional(),
  until: Instant.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: Id.optional().describe('`X-Next-Cursor` of the page before'),
})
export type AuditQuery = z.output<typeof AuditQuery>

const AuditItem = z
  .object({
    id: z.string(),
    created_at: Time,
    actor: z.string(),
    actor_name: z.string(),
    ip: z.string().nullable(),
    action: z.string(),
    subject: z.string(),
    detail: AnyObject,
  })
  .meta({ id: 'AuditLine' })

export const AuditList = z.object({ items: z.array(AuditItem) })
