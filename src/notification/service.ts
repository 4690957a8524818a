// Who is told of an execution's end, and how it stands with what they are told.

import { auditOf } from '../access/audit.ts'
import type { Caller } from '../access/caller.ts'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { checkEgress } from '../executor/tools/egress.ts'
import { ToolError } from '../executor/tools/tool.ts'
import { parseId } from '../ids.ts'
import { pageOf } from '../paging.ts'
import type { Config } from '../settings.ts'
import { listNotifications, type NotificationRow, noteSecretRead, redrive } from './queries.ts'
import type { NotificationQuery } from './schema.ts'
import { secretOfOrigin } from './secrets.ts'
import { shownSecret } from './sign.ts'
import type { Target } from './target.ts'

/** Refuses receivers that the settings do not allow. @throws AppError `invalid_input`, `misconfigured`. */
export function checkTargets(config: Config, targets: readonly Target[]): void {
  if (targets.length === 0) return
  if (config.ENCRYPTION_KEY === undefined) {
    fail('misconfigured', 'ENCRYPTION_KEY is not set; notifications need it')
  }
  const faults = targets.flatMap(({ url }, index) => {
    try {
      checkEgress(new URL(url), config)
      return []
    } catch (error) {
      if (!(error instanceof ToolError)) throw error
      return [{ pointer: `/notify/${index}`, detail: error.message }]
    }
  })
  if (faults.length > 0) fail('invalid_input', `notify: ${faults[0]?.detail}`, faults)
}

/** A page of messages that the caller may see, newest first. */
export async function readNotifications(sql: Sql, { within }: Caller, query: NotificationQuery) {
  const { status = null, execution_id = null, cursor: after = null, limit } = query
  const filter = { status, execution_id, after, within, limit: limit + 1 }
  const rows = await rowsOf<NotificationRow>(listNotifications(sql, filter))
  return pageOf(rows, limit)
}

/** Has a dead message sent again, from its first attempt on. @throws AppError `not_found`, `conflict`. */
export async function redriveNotification(
  sql: Sql,
  caller: Caller,
  notificationId: string,
): Promise<NotificationRow> {
  const id = parseId(notificationId)
  const audit = auditOf(caller, 'notification.redriven', `notification:${notificationId}`)
  const which = { id: id ?? '0', within: caller.within }
  const [row] =
    id === null
      ? []
      : await rowsOf<NotificationRow & { redriven: boolean }>(redrive(sql, which, audit))
  if (!row) fail('not_found', `Notification '${notificationId}' not found.`)
  const { redriven, ...notification } = row
  if (!redriven) fail('conflict', `the notification is ${row.status}, not dead`)
  return notification
}

/** What messages to an origin are signed with, where no credential is named. */
export async function secretFor(
  { sql, config, caller }: { sql: Sql; config: Config; caller: Caller },
  url: string,
) {
  const { protocol, origin } = URL.parse(url) ?? { protocol: '', origin: '' }
  if (protocol !== 'http:' && protocol !== 'https:') {
    fail('invalid_input', 'url is not an http or https address', [
      { pointer: '/url', detail: 'not an http or https address' },
    ])
  }
  const secret = shownSecret(await secretOfOrigin(config, origin))
  await rowsOf(noteSecretRead(sql, auditOf(caller, 'notification.secret_read', `origin:${origin}`)))
  return { origin, secret }
}
