// Credentials: what steps name in `auth`. Their data is encrypted at rest.

import * as z from 'zod'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { newId, parseId } from '../ids.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import type { Config } from '../settings.ts'
import { decrypt, encrypt } from './cipher.ts'
import { type CredentialRow, find, list, put } from './queries.ts'

const Data = z.custom<JsonObject>((value) => isObject(value as Json), 'an object is expected')

export const NewCredentialRequest = z
  .object({
    name: z
      .string()
      .trim()
      .min(1)
      .max(256)
      .refine((name) => parseId(name) === null, 'a name of digits only reads as an id'),
    type: z.string().max(64).nullish(),
    credential_type: z.string().max(64).nullish(),
    data: Data,
    meta: Data.nullish(),
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

/** A credential as the API shows it; `data` is null unless asked for. */
export interface Credential extends CredentialRow {
  data: JsonObject | null
}

/** Creates a credential, or replaces the one of that name. */
export async function putCredential(
  sql: Sql,
  config: Config,
  request: NewCredentialRequest,
): Promise<Credential> {
  const { name, type, data, meta, tags, description } = request
  const secret = await encrypt(keyOf(config), name, data)
  const [row] = await rowsOf<CredentialRow>(
    put(sql, { id: newId(), name, type, secret, meta, tags, description: description ?? null }),
  )
  return row ? { ...row, data: null } : fail('internal', 'the credential was not written')
}

/** By id (all digits) or name. @throws AppError `not_found`. */
export async function getCredential(
  sql: Sql,
  config: Config,
  identifier: string,
  withData: boolean,
): Promise<Credential> {
  const id = parseId(identifier)
  const [row] = await rowsOf<CredentialRow & { secret: string }>(find(sql, id, identifier))
  if (!row) fail('not_found', 'Credential not found')
  const { secret, ...head } = row
  return { ...head, data: withData ? await decrypt(keyOf(config), row.name, secret) : null }
}

/** Credentials by type and text in name or description, without their data; at most 1,000. */
export async function listCredentials(
  sql: Sql,
  type: string | null,
  q: string | null,
): Promise<Credential[]> {
  const rows = await rowsOf<CredentialRow>(list(sql, type, q, 1_000))
  return rows.map((row) => ({ ...row, data: null }))
}

function keyOf({ ENCRYPTION_KEY }: Config): string {
  return ENCRYPTION_KEY ?? fail('misconfigured', 'ENCRYPTION_KEY is not set; credentials need it')
}
