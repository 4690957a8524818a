// Credentials: what steps name in `auth`. Their data is encrypted at rest.

import { auditOf } from '../access/audit.ts'
import type { Caller } from '../access/caller.ts'
import { textFromBase64, toBase64 } from '../base64.ts'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { newId, parseId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { Config } from '../settings.ts'
import { decrypt, encrypt } from './cipher.ts'
import { type CredentialRow, find, list, put, remove } from './queries.ts'
import type { NewCredentialRequest } from './schema.ts'

/** A credential as the API shows it; `data` is null unless asked for. */
export interface Credential extends CredentialRow {
  data: JsonObject | null
}

/** Creates a credential, or replaces the one of that name. */
export async function putCredential(
  sql: Sql,
  config: Config,
  caller: Caller,
  request: NewCredentialRequest,
): Promise<Credential> {
  const { name, type, data, meta, tags, description } = request
  const secret = await encrypt(keyOf(config), name, data)
  const credential = {
    id: newId(),
    name,
    type,
    secret,
    meta,
    tags,
    description: description ?? null,
  }
  const audit = auditOf(caller, 'credential.written', `credential:${name}`, { type })
  const [row] = await rowsOf<CredentialRow>(put(sql, credential, audit))
  return row
    ? { ...row, data: null }
    : fail('conflict', 'the credential was written, and has been deleted since')
}

/**
 * By id (all digits) or name.
 * @param reader whose reading of the data is put into the audit; null for the executor's own
 * @throws AppError `not_found`.
 */
export async function getCredential(
  sql: Sql,
  config: Config,
  identifier: string,
  withData: boolean,
  reader: Caller | null,
): Promise<Credential> {
  const id = parseId(identifier)
  const audit =
    withData && reader ? auditOf(reader, 'credential.read', `credential:${identifier}`) : null
  const [row] = await rowsOf<CredentialRow & { secret: string }>(find(sql, id, identifier, audit))
  if (!row) fail('not_found', 'Credential not found')
  const { secret, ...head } = row
  return { ...head, data: withData ? await decrypt(keyOf(config), row.name, secret) : null }
}

/**
 * By id (all digits) or name. What runs and needs it from then on fails.
 * @throws AppError `not_found`.
 */
export async function deleteCredential(
  sql: Sql,
  caller: Caller,
  identifier: string,
): Promise<string> {
  const audit = auditOf(caller, 'credential.deleted', `credential:${identifier}`)
  const statement = remove(sql, parseId(identifier), identifier, audit)
  const [row] = await rowsOf<{ name: string }>(statement)
  return row?.name ?? fail('not_found', 'Credential not found')
}

/** A page of credentials by name, without their data. */
export async function listCredentials(
  sql: Sql,
  {
    cursor,
    ...page
  }: { type: string | null; q: string | null; limit: number; cursor: string | null },
): Promise<{ items: Credential[]; next: string | null }> {
  const after = cursor === null ? null : textFromBase64(cursor)
  if (cursor !== null && after === null) {
    fail('invalid_input', 'the cursor is none of ours', [
      { pointer: '/cursor', detail: 'not a cursor' },
    ])
  }
  const rows = await rowsOf<CredentialRow>(list(sql, { ...page, after, limit: page.limit + 1 }))
  const shown = rows.slice(0, page.limit)
  const last = rows.length > page.limit ? shown.at(-1) : undefined
  // a header takes no name as it is
  const next = last ? toBase64(new TextEncoder().encode(last.name)) : null
  return { items: shown.map((row) => ({ ...row, data: null })), next }
}

function keyOf({ ENCRYPTION_KEY }: Config): string {
  return ENCRYPTION_KEY ?? fail('misconfigured', 'ENCRYPTION_KEY is not set; credentials need it')
}
