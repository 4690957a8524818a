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
import {
  LEASE_SECONDS,
  type LeasedRow,
  leaseDue,
  type Outcome,
  reportSent,
  tidy,
} from './queries.ts'
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
/** Of these to one receiver, so that one that hangs leaves connections for the others. */
const SIDE_BY_SIDE_OF_ONE = 2
/** Messages under one lease. */
const BATCH = 30
/** A batch begins nothing later than this, so that it is reported on under its lease. */
const BATCH_MS = (LEASE_SECONDS - 45) * 1000
/** As long as the column has room for. */
const MAX_ERROR = 200

/**
 * Sends the messages of an execution that has ended. Two round trips. Never throws: what is not sent now the
 * sweeper sends.
 */
export async function sendOf(means: Means, executionId: string): Promise<void> {
  try {
    await sendBatch(means, executionId, BATCH, Number.POSITIVE_INFINITY, new Set())
  } catch (error) {
    logError(`execution ${executionId}: notifications are left to the sweeper`, error)
  }
}

/** Sends what is due, at most so many messages, until a time (epoch milliseconds). One round trip when there is none. */
export async function sendDue(means: Means, most: number, until: number): Promise<void> {
  const [found] = await rowsOf<{ due: boolean }>(tidy(means.sql))
  if (!found?.due) return
  const away = new Set<string>()
  for (let left = most; left > 0 && Date.now() < until; left -= BATCH) {
    const limit = Math.min(left, BATCH)
    if ((await sendBatch(means, null, limit, until, away)) < limit) return
  }
}

/**
 * Answers how many it has leased.
 * @param away receivers, by their origins, that do not answer; added to. They get nothing more.
 */
async function sendBatch(
  means: Means,
  execution_id: string | null,
  limit: number,
  until: number,
  away: Set<string>,
): Promise<number> {
  const lease_id = newId()
  const end = Math.min(until, Date.now() + BATCH_MS)
  const statement = leaseDue(means.sql, { lease_id, execution_id, without: [...away], limit })
  const rows = await rowsOf<LeasedRow>(statement)
  if (rows.length === 0) return 0
  const outcomes = await sendAll(means, rows, end, away)
  await rowsOf(reportSent(means.sql, lease_id, outcomes, [...away]))
  return rows.length
}

/** Sends messages side by side, few at once to one receiver; to one that is away no more, and after the end none. */
async function sendAll(
  means: Means,
  rows: readonly LeasedRow[],
  end: number,
  away: Set<string>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const todo = [...rows]
  const atWork = new Map<string, number>()
  const count = (origin: string, change: number) =>
    atWork.set(origin, (atWork.get(origin) ?? 0) + change)
  // what is left when this finds nothing is for those who are at work on its receivers
  const isNext = ({ origin }: LeasedRow) => (atWork.get(origin) ?? 0) < SIDE_BY_SIDE_OF_ONE
  const sender = async () => {
    for (let at = todo.findIndex(isNext); at >= 0; at = todo.findIndex(isNext)) {
      const [row] = todo.splice(at, 1)
      if (!row) return
      const { origin } = row
      if (away.has(origin) || Date.now() >= end) {
        outcomes.push(skipped(row))
        continue
      }
      count(origin, 1)
      const { isAway, ...outcome } = await send(means, row)
      count(origin, -1)
      if (isAway) away.add(origin)
      outcomes.push(outcome)
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, sender))
  return outcomes
}

function skipped({ notification_id }: LeasedRow): Outcome {
  return {
    notification_id,
    status: 'pending',
    last_status: null,
    last_error: null,
    delay: null,
    is_skipped: true,
  }
}

/** Sends one message. Never throws. */
async function send(means: Means, row: LeasedRow): Promise<Outcome & { isAway: boolean }> {
  const answer = await post(means, row)
  const { status, error, retryAfter = 0, isHopeless = false, isAway = false } = answer
  const { notification_id, attempts } = row
  const isTaken = error === null
  const delay = isTaken || isHopeless ? null : delayAfter(attempts, retryAfter, Math.random())
  return {
    notification_id,
    status: isTaken ? 'delivered' : delay === null ? 'dead' : 'pending',
    last_status: status,
    last_error: error === null ? null : error.slice(0, MAX_ERROR),
    delay,
    is_skipped: false,
    isAway,
  }
}

interface Answer {
  status: number | null
  /** In our own words; null when the message was taken. */
  error: string | null
  retryAfter?: number
  /** Whether there is no use in sending it again. */
  isHopeless?: boolean
  /** Whether the receiver takes nothing now, whatever it is sent. */
  isAway?: boolean
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
    const why = isLate ? `no reply within ${TIMEOUT_MS / 1000} s` : 'no reply'
    return { status: null, error: why, isAway: true }
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
    isAway: isBusy,
  }
}

async function secretsOf({ sql, config }: Means, credential: string | null, { origin }: URL) {
  return credential === null
    ? [await secretOfOrigin(config, origin)]
    : secretsOfCredential(sql, config, credential)
}
