// Hooks: made, changed, read, taken away; and their deliveries.

import { auditOf } from '../access/audit.ts'
import { type Caller, mayReach, narrower, requireReach } from '../access/caller.ts'
import { fromBase64, toBase64, toBase64Url } from '../base64.ts'
import { brokenConstraint, rowsOf, type Sql, type Statement } from '../db.ts'
import { AppError, fail } from '../errors.ts'
import type { Claim } from '../event/commit.ts'
import type { Driver } from '../executor/drive.ts'
import { newId, parseId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import { checkTargets } from '../notification/service.ts'
import { pageOf } from '../paging.ts'
import type { Config } from '../settings.ts'
import { shownBody } from './content.ts'
import {
  type DeliveryRow,
  findAnswer,
  findDelivery,
  listDeliveries,
  type NewDelivery,
  type RecordedRow,
  type WholeDeliveryRow,
} from './deliveries.ts'
import { forgetHook, type KnownHook, openHook, sealSecrets } from './known.ts'
import {
  addHook,
  changeHook,
  findHook,
  type HookRow,
  type HookValues,
  listHooks,
  removeHook,
  type WholeHookRow,
  type WrittenRow,
} from './queries.ts'
import { answerOf, begin, contentOf, contextOf, parametersOf, type Reception } from './receive.ts'
import type { HookChange, NewHookRequest, Result } from './schema.ts'
import { checkSecret, type Provider } from './verify/index.ts'

/** What the calls here work with. */
interface Means {
  sql: Sql
  config: Config
  caller: Caller
}

/** Providers whose secret is whatever both sides agree on, so that one can be drawn here. */
const DRAWN: ReadonlySet<Provider> = new Set([
  'standard',
  'github',
  'token',
  'cloudevents',
  'bearer',
])

/**
 * Makes a hook. Where its provider leaves the secret to us and none is sent, one is drawn and shown in this answer alone.
 * @throws AppError `invalid_input`, `conflict` for a name in use, `forbidden` outside the caller's prefix.
 */
export async function createHook(means: Means, request: NewHookRequest) {
  const { sql, config, caller } = means
  requireReach(caller, request.path)
  checkTargets(config, request.notify)
  const drawn = request.secrets.length === 0 ? drawSecret(request.provider) : null
  const secrets = drawn === null ? request.secrets : [drawn]
  checkSecrets(request.provider, secrets)
  const hook_id = newId()
  const may_wait = request.may_wait ?? request.provider !== 'none'
  const values = { ...request, may_wait, ...(await sealed(config, hook_id, secrets)) }
  const audit = auditOf(caller, 'hook.created', `hook:${request.name}`, auditedOf(values))
  const owner = { hook_id, within: caller.within, created_by: caller.id }
  const row = await write(addHook(sql, { ...values, ...owner }, audit), values)
  return { ...shownHook(row ?? changing()), ...(drawn !== null && { drawn_secret: drawn }) }
}

/** Changes a hook: what is named, and nothing else. @throws AppError as createHook, `not_found`. */
export async function updateHook(means: Means, name: string, change: HookChange) {
  const row = await changed(means, name, 'hook.changed', async (present) => {
    const { secrets, path_prefix, ...rest } = change
    const values = { ...present.row, ...defined(rest) }
    return {
      values,
      within: withinOf(means.caller, present.row.within, path_prefix),
      secrets: secrets ?? present.secrets,
      detail: { changed: Object.keys(defined(change)) },
    }
  })
  return shownHook(row)
}

/** Puts a new secret before the present ones, of which some go on to count. @throws AppError as updateHook. */
export async function rotateSecret(
  means: Means,
  name: string,
  { secret, keep }: { secret?: string | null | undefined; keep: number },
) {
  // each attempt draws anew
  let drawn = null as string | null
  const row = await changed(means, name, 'hook.rotated', async ({ row: values, secrets }) => {
    if (values.provider === 'none') fail('invalid_input', 'a hook of provider none has no secret')
    drawn = secret == null ? drawSecret(values.provider) : null
    const first = secret ?? drawn
    if (first === null) fail('invalid_input', `${values.provider} gives the secret: send it`)
    const all = [first, ...secrets.slice(0, keep)]
    return { values, within: values.within, secrets: all, detail: { kept: all.length - 1 } }
  })
  return { ...shownHook(row), ...(drawn !== null && { drawn_secret: drawn }) }
}

/** Takes a hook away. @throws AppError `not_found`. */
export async function deleteHook({ sql, config, caller }: Means, name: string): Promise<void> {
  const audit = auditOf(caller, 'hook.deleted', `hook:${name}`)
  const rows = await rowsOf<{ id: string }>(removeHook(sql, name, caller.within, audit))
  forgetHook(config, name)
  if (rows.length === 0) missing(name)
}

/** @throws AppError `not_found`. */
export async function readHook(means: Means, name: string) {
  return shownHook(await rowOf(means, name))
}

/** A page of hooks, newest first. */
export async function readHooks(
  { sql, caller }: Means,
  query: { limit: number; cursor?: string | undefined },
) {
  const { limit, cursor: after = null } = query
  const page = { prefix: caller.within, after, limit: limit + 1 }
  const rows = await rowsOf<HookRow>(listHooks(sql, page))
  return { ...pageOf(rows, limit), items: rows.slice(0, limit).map(shownHook) }
}

/** A page of what was delivered to a hook, newest first. @throws AppError `not_found`. */
export async function readDeliveries(
  means: Means,
  name: string,
  query: { result?: Result | undefined; limit: number; cursor?: string | undefined },
) {
  const { result = null, limit, cursor: after = null } = query
  const page = { name, prefix: means.caller.within, result, after, limit: limit + 1 }
  const rows = await rowsOf<Maybe<DeliveryRow>>(listDeliveries(means.sql, page))
  if (rows.length === 0) missing(name)
  return pageOf(rows.filter(isThere), limit)
}

/** A row of a left join. */
type Maybe<Row extends { id: string }> = Row | { id: null }

function isThere<Row extends { id: string }>(row: Maybe<Row>): row is Row {
  return row.id !== null
}

/** One delivery with what is kept of it. @throws AppError `not_found`. */
export async function readDelivery(means: Means, name: string, rowId: string) {
  const row = await deliveryOf(means, name, rowId)
  return { ...row, body: shownBody(row.body) }
}

/**
 * Delivers once more what was kept: by the hook's rules of now but its filter, and as a new delivery, which starts a run
 * of its own. Under the same `key` it does so once.
 * @throws AppError `not_found`, `conflict` when it is kept no longer or was never genuine, and as receive does.
 */
export async function redeliver(
  means: Means & { driver: Driver },
  name: string,
  rowId: string,
  key: string | null,
  claim: Claim | null,
): Promise<Reception & { hook_id: string }> {
  const { sql, config, caller, driver } = means
  const found = await rowOf(means, name)
  const hook_id = found.id
  const delivery_id = `${rowId} again ${key ?? newId()}`
  if (key !== null) {
    const [taken] = await rowsOf<RecordedRow>(findAnswer(sql, hook_id, delivery_id))
    if (taken) return { hook_id, received: answerOf(taken.answer), run: null }
  }
  const within = narrower(found.within, caller.within)
  const hook = await openHook(config, { ...found, within })
  const row = await deliveryOf(means, name, rowId)
  const { result, body, headers, query, event_type, content_type, body_bytes } = row
  if (result === 'refused' || result === 'challenged') {
    fail('conflict', `the delivery was ${result}; only one that was genuine is delivered again`)
  }
  if (body === null || headers === null || query === null) {
    fail('conflict', 'the delivery is kept no longer, or was too large to be kept')
  }
  const delivery: NewDelivery = {
    row_id: newId(),
    hook_id,
    path: hook.row.path,
    delivery_id,
    fingerprint: null,
    event_type,
    ip: caller.ip,
    headers,
    query,
    body,
    body_bytes,
    content_type,
    redelivery_of: row.id,
  }
  const content = contentOf(hook.row.provider, delivery, fromBase64(body))
  const context = contextOf(driver, hook, content, delivery)
  const parameters = parametersOf(hook.row.parameters, context)
  const audit = auditOf(caller, 'hook.redelivered', `hook:${name}`, { delivery: rowId })
  const by = { caller, audit }
  return { hook_id, ...(await begin(driver, hook, delivery, parameters, claim, by)) }
}

async function deliveryOf(
  { sql, caller }: Means,
  name: string,
  rowId: string,
): Promise<WholeDeliveryRow> {
  const seen = { name, prefix: caller.within }
  const statement = findDelivery(sql, seen, parseId(rowId) ?? '0')
  const [row] = await rowsOf<Maybe<WholeDeliveryRow>>(statement)
  if (!row) missing(name)
  return isThere(row) ? row : fail('not_found', `Delivery '${rowId}' of hook '${name}' not found.`)
}

async function rowOf({ sql, caller }: Means, name: string): Promise<WholeHookRow> {
  const [row] = await rowsOf<WholeHookRow>(findHook(sql, name, caller.within))
  return row ?? missing(name)
}

/** How often a change is tried against others who change the same hook. */
const ATTEMPTS = 5

/** What a changed hook lends its runs: what its maker could see, or what a caller who sees all says. */
function withinOf(
  caller: Caller,
  present: string | null,
  asked: string | null | undefined,
): string | null {
  if (caller.within === null && asked !== undefined) return asked
  return narrower(present, caller.within)
}

interface Changed {
  values: Omit<HookValues, 'secrets' | 'secret_count'>
  within: string | null
  secrets: readonly string[]
  detail: JsonObject
}

async function changed(
  means: Means,
  name: string,
  action: string,
  change: (present: KnownHook) => Promise<Changed>,
): Promise<WholeHookRow> {
  const { sql, config, caller } = means
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const present = await openHook(config, await rowOf(means, name))
    const { id, revision, provider } = present.row
    const { values, within, secrets, detail } = await change(present)
    requireReach(caller, values.path)
    if (!mayReach({ within }, values.path)) {
      const told = `runs of this hook see playbooks below '${within}' alone (path_prefix)`
      fail('invalid_input', told, [{ pointer: '/path', detail: told }])
    }
    checkTargets(config, values.notify)
    checkSecrets(provider, secrets)
    const written = { ...values, ...(await sealed(config, id, secrets)) }
    const audit = auditOf(caller, action, `hook:${name}`, detail)
    const row = await write(changeHook(sql, { id, revision, within }, written, audit), written)
    forgetHook(config, name)
    if (row) return row
  }
  return changing()
}

/** Null when somebody else has changed it meanwhile. */
async function write(statement: Statement, { name, path, version }: HookValues) {
  const rows = await rowsOf<WrittenRow>(statement).catch((error: unknown) => {
    const broken = brokenConstraint(error)
    // this very one was sent before, and its answer lost
    if (broken === 'hook_pkey') return rowsOf<WrittenRow>(statement)
    if (broken !== 'hook_name_once') throw error
    return fail('conflict', `there is a hook named '${name}'`)
  })
  const [row] = rows
  if (row && !row.has_entry) {
    const detail = `there is no playbook '${path}'${version === null ? '' : ` of version ${version}`}`
    fail('invalid_input', detail, [{ pointer: '/path', detail }])
  }
  return row?.hook ?? null
}

async function sealed(config: Config, hookId: string, secrets: readonly string[]) {
  return {
    secrets: await sealSecrets(config, hookId, secrets),
    secret_count: secrets.length,
  }
}

function checkSecrets(provider: Provider, secrets: readonly string[]): void {
  const refuse = (detail: string) =>
    fail('invalid_input', `secrets: ${detail}`, [{ pointer: '/secrets', detail }])
  if (provider === 'none' && secrets.length > 0) refuse('provider none checks nothing')
  if (provider !== 'none' && secrets.length === 0) refuse(`${provider} needs at least one`)
  for (const secret of secrets) {
    const why = checkSecret(provider, secret)
    if (why !== null) refuse(why)
  }
}

/** 256 random bits in the provider's form; null where the provider is who gives it. */
function drawSecret(provider: Provider): string | null {
  if (!DRAWN.has(provider)) return null
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return provider === 'standard' ? `whsec_${toBase64(bytes)}` : toBase64Url(bytes)
}

function shownHook(row: HookRow) {
  const { secrets: _s, within, revision: _r, ...shown } = row as WholeHookRow
  return { ...shown, path_prefix: within, url: `/hooks/${row.name}` }
}

/** What the audit says of a hook. */
function auditedOf({ provider, path, version, overlap }: HookValues): JsonObject {
  return { provider, path, version, overlap }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function defined<T extends object>(change: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(change).filter(([, value]) => value !== undefined),
  ) as Defined<T>
}

function missing(name: string): never {
  fail('not_found', `Hook '${name}' not found.`)
}

function changing(): never {
  throw new AppError('conflict', 'the hook keeps changing; try again')
}
