// What is put into the audit, as a part of the statement that makes the change.

import type { Sql, Statement } from '../db.ts'
import { newId } from '../ids.ts'
import { type JsonObject, toJson } from '../json.ts'
import type { Caller } from './caller.ts'

/** One line of the audit, its id drawn beforehand so that the statement may be sent twice. */
export interface AuditEntry {
  audit_id: string
  caller: Caller
  action: string
  subject: string
  detail: JsonObject
}

/**
 * @param action `thing.done`, as `credential.read`
 * @param subject `thing:NAME`, as `credential:pg_main`
 * @param detail never a secret
 */
export function auditOf(
  caller: Caller,
  action: string,
  subject: string,
  detail: JsonObject = {},
): AuditEntry {
  return { audit_id: newId(), caller, action, subject, detail }
}

/**
 * Writes the line if `source`, a name of the statement's `with`, has a row.
 * @param told what only that row tells, as SQL over `s`
 */
export const insertAudit = (
  sql: Sql,
  source: string,
  entry: AuditEntry,
  told: { subject?: Statement; detail?: Statement } = {},
): Statement => sql`
  insert into noetl.audit (audit_id, actor, actor_name, ip, action, subject, detail)
  select ${entry.audit_id}::bigint, ${entry.caller.id}, ${entry.caller.name}, ${entry.caller.ip},
    ${entry.action}, ${told.subject ?? entry.subject},
    ${told.detail ?? sql`${toJson(entry.detail)}::jsonb`}
  from ${sql.unsafe(source)} s limit 1
  on conflict (audit_id) do nothing`
