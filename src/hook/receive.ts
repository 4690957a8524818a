// A delivery on its way: verified, read, weighed by the hook's own rules, and made a run, in one round trip.

import type { AuditEntry } from '../access/audit.ts'
import type { Caller } from '../access/caller.ts'
import { readBytes } from '../bytes.ts'
import { rowsOf } from '../db.ts'
import { AppError, fail } from '../errors.ts'
import type { Claim, Committed } from '../event/commit.ts'
import { globalsOf } from '../event/globals.ts'
import { type RunReply, RunRequest } from '../execution/schema.ts'
import { startEntry } from '../execution/service.ts'
import type { Driver } from '../executor/drive.ts'
import { newId } from '../ids.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import {
  type Context,
  evaluateExpression,
  isTruthyWhen,
  renderString,
  renderValue,
  TemplateError,
} from '../template/index.ts'
import {
  bodyOf,
  type Content,
  cloudEventOf,
  defaultParameters,
  keptBody,
  shownHeaders,
  shownQuery,
} from './content.ts'
import {
  type NewDelivery,
  type RecordedRow,
  recordDelivery,
  type Taken,
  takeDelivery,
} from './deliveries.ts'
import type { KnownHook } from './known.ts'
import type { Received } from './schema.ts'
import { type Verdict, verify } from './verify/index.ts'

/** What became of a delivery. */
export interface Reception {
  /** What its sender is answered. */
  received: Received
  /** The run, where this very delivery began it, and the one whose place that has taken. */
  run: {
    reply: RunReply
    committed: Committed
    request: RunRequest
    displaced: string | null
  } | null
}

export interface Challenge {
  status: number
  content_type: string
  body: string
}

/** A delivery as it came in. */
export interface Arrival {
  request: Request
  ip: string | null
}

/**
 * Takes a delivery: starts the hook's playbook, or says why not. The same delivery again gets the first answer again.
 * @param later takes what may go on after the reply
 * @throws AppError `unauthorized` for one that is not genuine, `invalid_input` for one that the hook's rules cannot
 * read, `misconfigured` where there is nothing to start.
 */
export async function receive(
  driver: Driver,
  hook: KnownHook,
  arrival: Arrival,
  claim: Claim | null,
  later: (work: Promise<unknown>) => void,
): Promise<Reception | { challenge: Challenge }> {
  const { request, ip } = arrival
  const { row } = hook
  const bytes = await bytesOf(request, row.max_body_bytes)
  const url = new URL(request.url)
  const verdict = await verify(
    {
      method: request.method,
      url: row.public_url === null ? request.url : toldAddress(row.public_url, url),
      headers: request.headers,
      body: bytes,
    },
    {
      provider: row.provider,
      secrets: hook.secrets,
      toleranceSeconds: row.tolerance_seconds,
      ...(row.header !== null && { header: row.header }),
    },
    Date.now(),
  )
  const contentType = request.headers.get('content-type') ?? ''
  const delivery = {
    row_id: newId(),
    hook_id: row.id,
    path: row.path,
    delivery_id: null,
    fingerprint: null,
    event_type: null,
    ip,
    headers: shownHeaders(request.headers, row.header),
    query: shownQuery(url),
    body: keptBody(bytes, row.keep_body_bytes),
    body_bytes: bytes.byteLength,
    content_type: contentType.slice(0, 256) || null,
    redelivery_of: null,
  }
  if (!verdict.ok) {
    // what a stranger sent is not kept
    const refusal = { ...delivery, headers: null, query: null, body: null, content_type: null }
    later(recordRefusal(driver, refusal, verdict.reason))
    fail('unauthorized', `the delivery is refused: ${verdict.reason}`)
  }
  const { event_type, fingerprint } = verdict
  // without an id the content is all that tells deliveries apart
  const isContentOnce = row.identical_content === 'refuse' || verdict.delivery_id === null
  const known = {
    ...delivery,
    event_type: event_type?.slice(0, 256) ?? null,
    fingerprint: isContentOnce ? fingerprint : null,
  }
  if (verdict.challenge) {
    later(record(driver, known, 'challenged', null))
    const { status, contentType: content_type, body } = verdict.challenge
    return { challenge: { status, content_type, body } }
  }
  return weigh(driver, hook, known, bytes, verdict, claim, later)
}

/** The address as the sender was told it, with the query that it has sent. */
function toldAddress(publicUrl: string, { search }: URL): string {
  return publicUrl.replace(/[?#].*$/s, '') + search
}

type Genuine = Extract<Verdict, { ok: true }>

async function weigh(
  driver: Driver,
  hook: KnownHook,
  delivery: NewDelivery,
  bytes: Uint8Array,
  verdict: Pick<Genuine, 'delivery_id' | 'ping'>,
  claim: Claim | null,
  later: (work: Promise<unknown>) => void,
): Promise<Reception> {
  const { row } = hook
  let named = delivery
  try {
    const context = contextOf(driver, hook, contentOf(row.provider, delivery, bytes), delivery)
    named = { ...delivery, delivery_id: idOf(row.delivery_id, verdict.delivery_id, context) }
    if (verdict.ping) return await ignored(driver, named, 'it only tests the connection')
    const why = row.filter === null ? null : passedOver(row.filter, context)
    if (why !== null) return await ignored(driver, named, why)
    const parameters = parametersOf(row.parameters, context)
    return await begin(driver, hook, named, parameters, claim)
  } catch (error) {
    if (!(error instanceof AppError) || !FAILURES.has(error.code)) throw error
    later(record(driver, named, 'failed', error.message))
    throw error
  }
}

/** What a delivery can fail by that was genuine. */
const FAILURES = new Set(['invalid_input', 'misconfigured', 'too_large'])

/**
 * Starts the run of a delivery.
 * @param by who has one that was kept delivered once more, whatever became of it at first
 * @throws AppError as receive does
 */
export async function begin(
  driver: Driver,
  { row }: KnownHook,
  delivery: NewDelivery,
  parameters: JsonObject,
  claim: Claim | null,
  by: { caller: Caller; audit: AuditEntry } | null = null,
): Promise<Reception> {
  const request = RunRequest.parse({
    path: row.path,
    version: row.version ?? 'latest',
    parameters,
    merge: row.merge,
    metadata: { hook: { id: row.id, name: row.name, delivery: delivery.row_id } },
    labels: {},
  })
  const requestor = {
    ip: delivery.ip,
    user_agent: `noetl-edge hook ${row.name}`,
    timestamp: new Date().toISOString(),
    ...(by && { caller: by.caller.id }),
  }
  const occasion = (executionId: string) =>
    takeDelivery(driver.sql, delivery, row.overlap, executionId)
  const how = {
    ...{ request, requestor, within: row.within, notify: row.notify, occasion },
    ...(by && { audit: by.audit }),
  }
  const outcome = await startEntry(driver, how, claim).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'not_found') throw error
    throw new AppError('misconfigured', `the hook's playbook is not there: ${error.message}`)
  })
  if ('run' in outcome) {
    const { reply, committed } = outcome.run
    const displaced = (outcome.answer as Taken | null)?.displaced ?? null
    const received = {
      status: 'started' as const,
      id: delivery.row_id,
      delivery_id: delivery.delivery_id,
      execution_id: reply.execution_id,
      reason: null,
    }
    return { received, run: { reply, committed, request, displaced } }
  }
  return { received: answerOf(outcome.answer as Taken | null), run: null }
}

/** An answer that was given before, to the letter: jsonb has an order of its own. */
export function answerOf(answer: Received | null | undefined): Received {
  if (!answer) return fail('conflict', 'the delivery is being taken; try again')
  const { status, id, delivery_id, execution_id, reason } = answer
  return { status, id, delivery_id, execution_id, reason }
}

async function ignored(driver: Driver, delivery: NewDelivery, reason: string): Promise<Reception> {
  return { received: await record(driver, delivery, 'ignored', reason), run: null }
}

async function record(
  { sql }: Driver,
  delivery: NewDelivery,
  result: Parameters<typeof recordDelivery>[2],
  reason: string | null,
): Promise<Received> {
  const statement = recordDelivery(sql, delivery, result, reason?.slice(0, 1_000) ?? null)
  let [row] = await rowsOf<RecordedRow>(statement)
  // another took the same id while this waited; the next look sees it
  if (!row?.answer) [row] = await rowsOf<RecordedRow>(statement)
  return answerOf(row?.answer)
}

/** Refusals are recorded so many times a minute and hook by an isolate: a flood of them must not fill the database. */
const MAX_REFUSALS_PER_MINUTE = 60
const refusals = new Map<string, number>()
let refusalsMinute = 0

async function recordRefusal(driver: Driver, delivery: NewDelivery, reason: string): Promise<void> {
  const minute = Math.floor(Date.now() / 60_000)
  if (minute !== refusalsMinute) refusals.clear()
  refusalsMinute = minute
  const count = (refusals.get(delivery.hook_id) ?? 0) + 1
  refusals.set(delivery.hook_id, count)
  if (count > MAX_REFUSALS_PER_MINUTE) return
  await record(driver, delivery, 'refused', reason)
}

async function bytesOf(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => fail('too_large', `the body is larger than ${limit} bytes`)
  if (Number(request.headers.get('content-length') ?? 0) > limit) tooLarge()
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') {
    fail('malformed', 'the body is compressed; deliveries are taken as they were signed')
  }
  return request.body ? readBytes(request.body, limit, tooLarge) : new Uint8Array()
}

/** What the delivery holds. @throws AppError `invalid_input` when it is not what it says. */
export function contentOf(
  provider: string,
  { headers, query, content_type }: Pick<NewDelivery, 'headers' | 'query' | 'content_type'>,
  bytes: Uint8Array,
): Content {
  try {
    const content = {
      headers: headers ?? {},
      query: query ?? {},
      body: bodyOf(bytes, content_type ?? ''),
    }
    return provider === 'cloudevents' ? cloudEventOf(content) : content
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return fail('invalid_input', `the body is not JSON: ${error.message}`)
  }
}

/** What the hook's templates see. */
export function contextOf(
  { variables }: Driver,
  { row }: KnownHook,
  content: Content,
  { event_type }: Pick<NewDelivery, 'event_type'>,
): Context {
  const hook = { id: row.id, name: row.name }
  return { ...globalsOf(variables), ...content, event_type, hook }
}

/** What the delivery is known by. */
function idOf(template: string | null, given: string | null, context: Context): string | null {
  if (template === null) return given
  const id = told('delivery_id', () => renderString(template, context))
  const text = id === null || id === undefined ? '' : String(id)
  if (text === '' || text.length > 600 || typeof id === 'object') {
    fail('invalid_input', 'delivery_id: not a text of 1 to 600 characters')
  }
  return text
}

/** Why a filter does not let a delivery through; null when it does. One that cannot be evaluated does not hold. */
function passedOver(filter: string, context: Context): string | null {
  try {
    const holds = isTruthyWhen(evaluateExpression(filter, context))
    return holds ? null : 'the filter does not hold'
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return `the filter does not hold: ${error.message}`
  }
}

/** What the run gets. @throws AppError `invalid_input` naming what cannot be rendered. */
export function parametersOf(mapping: JsonObject | null, context: Context): JsonObject {
  if (mapping === null) return defaultParameters(context.body as Json)
  const parameters = told('parameters', () => renderValue(mapping, context))
  return isObject(parameters) ? parameters : fail('invalid_input', 'parameters: not an object')
}

function told<T>(what: string, render: () => T): T {
  try {
    return render()
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return fail('invalid_input', `${what}${error.pointer ?? ''}: ${error.message}`)
  }
}
