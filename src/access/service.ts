// API keys: made, listed, revoked; and the audit.

import { brokenConstraint, rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { newId, parseId } from '../ids.ts'
import { pageOf } from '../paging.ts'
import { auditOf } from './audit.ts'
import type { Caller } from './caller.ts'
import { drawKey } from './key.ts'
import { type AuditRow, addKey, type KeyRow, listAudit, listKeys, revokeKey } from './queries.ts'
import type { AuditQuery, NewKeyRequest } from './schema.ts'

/** Makes a key; its text is in this answer alone. @throws AppError `conflict` when the name is in use. */
export async function createKey(sql: Sql, caller: Caller, request: NewKeyRequest) {
  const key_id = newId()
  const { text, digest } = await drawKey(key_id)
  const { name, scopes, path_prefix = null, expires_at = null } = request
  const audit = auditOf(caller, 'key.created', `key:${key_id}`, {
    name,
    scopes,
    path_prefix,
    expires_at,
  })
  const statement = addKey(sql, { key_id, name, digest, scopes, path_prefix, expires_at }, audit)
  const rows = await rowsOf<KeyRow>(statement).catch((error: unknown) => {
    const broken = brokenConstraint(error)
    // this very one was sent before, and its answer lost
    if (broken === 'api_key_pkey') return rowsOf<KeyRow>(statement)
    if (broken !== 'api_key_name_once') throw error
    return fail('conflict', `a key named '${name}' is in use; revoke it, or take another name`)
  })
  const [row] = rows
  return row ? { ...row, key: text } : fail('internal', 'the key was not written')
}

/** Revokes a key; twice is once. It is refused within a minute. @throws AppError `not_found`. */
export async function endKey(sql: Sql, caller: Caller, keyId: string): Promise<KeyRow> {
  const id = parseId(keyId)
  const audit = auditOf(caller, 'key.revoked', `key:${keyId}`)
  const [row] = id === null ? [] : await rowsOf<KeyRow>(revokeKey(sql, id, audit))
  return row ?? fail('not_found', `Key '${keyId}' not found.`)
}

/** A page of keys, revoked ones too, newest first. */
export async function readKeys(sql: Sql, page: { limit: number; cursor?: string | undefined }) {
  const { limit, cursor: after = null } = page
  return pageOf(await rowsOf<KeyRow>(listKeys(sql, { after, limit: limit + 1 })), limit)
}

/** A page of the audit, newest first. */
export async function readAudit(sql: Sql, query: AuditQuery) {
  const { limit } = query
  const filter = {
    actor: query.actor ?? null,
    action: query.action ?? null,
    subject: query.subject ?? null,
    since: query.since ?? null,
    until: query.until ?? null,
    after: query.cursor ?? null,
    limit: limit + 1,
  }
  return pageOf(await rowsOf<AuditRow>(listAudit(sql, filter)), limit)
}
