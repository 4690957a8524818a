// Sends what is in the outbox: leases it, posts it, reports what became of it.

import { rowsOf, type Sql } from '../db.ts'
import { AppError } from '../errors.ts'
import { checkEgress } from '../executor/tools/egress.ts'
import { readBytes } from '../executor/tools/http-reply.ts'
import { ToolError } from '../executor/tools/tool.ts'
import { newId } from '../ids.ts'
import { logError } from '../log.ts'
import type { Config } from '../settings.ts'
import { delayAfter, retryAfterOf } from './backoff.ts'
import { bodyOf } from './message.ts'
import { type LeasedRow, leaseDue, type Outcome, reportSent, tidy } from './queries.ts'
import { secretOfOrigin, secretsOfCredential } from './secrets.ts'
import { signatureOf } from './sign.ts'

/** What sending works with. */
export interface Means {
  sql: Sql
  config: Config
}

/** A receiver has so long to answer. */
const TIMEOUT_MS = 15_000
/** What is read of a reply, so that the connection can be used again; none of it is kept. */
const MAX_REPLY_BYTES = 65_536
/** Posts side by side: an invocation has six connections. */
const SIDE_BY_SIDE = 5
/** Messages under one lease. */
const BATCH = 30
/** As long as the column has room for. */
const MAX_ERROR = 200

/**
 * Sends the messages of an execution that has ended. Two round trips. Never throws: what is not sent now the
 * sweeper sends.
 */
export async function sendOf(means: Means, executionId: string): Promise<void> {
  try {
    await sendBatch(means, executionId, BATCH)
  } catch (error) {
    logError(`execution ${executionId}: notifications are left to the sweeper`, error)
  }
}

/** Sends what is due, at most so many messages, until a time (epoch milliseconds). One round trip when there is none. */
export async function sendDue(means: Means, most: number, until: number): Promise<void> {
  const [found] = await rowsOf<{ due: boolean }>(tidy(means.sql))
  if (!found?.due) return
  for (let left = most; left > 0 && Date.now() < until; left -= BATCH) {
    const limit = Math.min(left, BATCH)
    if ((await sendBatch(means, null, limit)) < limit) return
  }
}

/** Answers how many it has sent. */
async function sendBatch(
  means: Means,
  execution_id: string | null,
  limit: number,
): Promise<number> {
  const lease_id = newId()
  const statement = leaseDue(means.sql, { lease_id, execution_id, limit })
  const rows = await rowsOf<LeasedRow>(statement)
  if (rows.length === 0) return 0
  const outcomes: Outcome[] = []
  // one list of all that is to be done, which each of them takes from
  const todo = rows.values()
  const sender = async () => {
    for (const row of todo) outcomes.push(await send(means, row))
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, sender))
  await rowsOf(reportSent(means.sql, lease_id, outcomes))
  return rows.length
}

/** Sends one message. Never throws. */
async function send(means: Means, row: LeasedRow): Promise<Outcome> {
  const { status, error, retryAfter = 0, isHopeless = false } = await post(means, row)
  const { notification_id, attempts } = row
  const isTaken = error === null
  const delay = isTaken || isHopeless ? null : delayAfter(attempts, retryAfter, Math.random())
  return {
    notification_id,
    status: isTaken ? 'delivered' : delay === null ? 'dead' : 'pending',
    last_status: status,
    last_error: error === null ? null : error.slice(0, MAX_ERROR),
    delay,
  }
}

interface Answer {
  status: number | null
  /** In our own words; null when the message was taken. */
  error: string | null
  retryAfter?: number
  /** Whether there is no use in sending it again. */
  isHopeless?: boolean
}

async function post(means: Means, row: LeasedRow): Promise<Answer> {
  const { told, notification_id: id, event_type } = row
  if (!told) return { status: null, error: 'its execution is kept no longer', isHopeless: true }
  const url = new URL(row.url)
  try {
    // the settings may have changed since it was named
    checkEgress(url, means.config)
    const body = bodyOf(event_type, told)
    const timestamp = String(Math.floor(Date.now() / 1000))
    const secrets = await secretsOf(means, row.credential, url)
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'noetl-edge',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': await signatureOf(secrets, { id, timestamp, body }),
    }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    // a redirect could lead anywhere, and turn it into a GET
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    // taken is taken, however the rest of the reply goes
    await readBytes(response, MAX_REPLY_BYTES).catch(() => undefined)
    return answerOf(response)
  } catch (error) {
    if (error instanceof ToolError) return { status: null, error: error.message, isHopeless: true }
    if (error instanceof AppError) return { status: null, error: error.message }
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    return { status: null, error: isLate ? `no reply within ${TIMEOUT_MS / 1000} s` : 'no reply' }
  }
}

function answerOf({ ok, status, headers }: Response): Answer {
  if (ok) return { status, error: null }
  if (status === 410) return { status, error: 'HTTP 410: it wants no more', isHopeless: true }
  const isRedirect = status >= 300 && status < 400
  const isBusy = status === 429 || status === 503
  return {
    status,
    error: `HTTP ${status}${isRedirect ? ': redirects are not followed' : ''}`,
    retryAfter: isBusy ? retryAfterOf(headers.get('retry-after'), Date.now()) : 0,
  }
}

async function secretsOf({ sql, config }: Means, credential: string | null, { origin }: URL) {
  return credential === null
    ? [await secretOfOrigin(config, origin)]
    : secretsOfCredential(sql, config, credential)
}
