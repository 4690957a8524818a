// Reports of workers without the secrets that their steps were given. A worker reads a credential and then reports
// what it likes: so what the step's `auth` names is looked up here, and taken out before the report is written.

import { decrypt } from '../credential/cipher.ts'
import { rowsOf } from '../db.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { newMemory } from '../memory.ts'
import { scrub, scrubText, shownTask, withoutEnvironment } from '../redact/forms.ts'
import { newRedactor, secretsOf } from '../redact/values.ts'
import { namesIfAny, renderValue } from '../template/index.ts'
import { type Asked, findSealed, type Sealed } from './asked.ts'
import { templateContext } from './batch.ts'
import type { Engine } from './commit.ts'
import { globalsOf } from './globals.ts'
import { readResults } from './log.ts'
import type { NewReport } from './report.ts'
import { dataOf, nodeId } from './types.ts'

/** Secrets of nodes of late: an action is reported on several times. */
const memory = newMemory<string[]>(200)
const nothing = () => undefined

/** The secrets of the node that a report is on, as far as this isolate has looked them up; else null. */
export function rememberedSecrets(event: NewReport): Promise<string[] | null> {
  return memory.get(keyOf(event), () => Promise.resolve(null), nothing)
}

/** Looks up the secrets of the node that a report is on, by what its job asks for. */
export async function lookUpSecrets(
  engine: Engine,
  event: NewReport,
  asked: Asked,
): Promise<string[]> {
  const secrets = await secretsNamed(engine, event.execution_id, asked)
  await memory.get(keyOf(event), () => Promise.resolve(secrets), nothing)
  return secrets
}

/** Why a worker failed a job, without the job's secrets. */
export async function redactedReason(
  engine: Engine,
  { execution_id, asked }: { execution_id: string; asked: Asked | null },
  text: string,
): Promise<string> {
  const secrets = asked ? await secretsNamed(engine, execution_id, asked) : []
  return scrubText(newRedactor(secrets).redact(text))
}

/** The report without these secrets, and without what has the form of one. */
export function redacted(event: NewReport, secrets: readonly string[]): NewReport {
  const { redact } = newRedactor(secrets)
  const clean = <Value extends Json>(value: Value): Value =>
    scrub(redact(withoutEnvironment(value)))
  const text = (value: string | null) => (value === null ? null : scrubText(redact(value)))
  return {
    ...event,
    context: shownContext(clean(event.context)),
    result: clean(event.result),
    meta: clean(event.meta),
    error: text(event.error),
    stack_trace: text(event.stack_trace),
    trace_component: clean(event.trace_component),
    current_item: clean(event.current_item),
  }
}

/** What a worker tells of its action is the step itself. */
function shownContext(context: Json): Json {
  if (!isObject(context) || context.task === undefined) return context
  return { ...context, task: shownTask(context.task) }
}

function keyOf({ execution_id, node_id, node_name }: NewReport): string {
  return node_id.startsWith(nodeId(execution_id, '')) ? node_id : nodeId(execution_id, node_name)
}

async function secretsNamed(engine: Engine, executionId: string, asked: Asked): Promise<string[]> {
  const named = (await renderedAuth(engine, executionId, asked)).map(namedIn)
  const names = [...new Set(named.flatMap((one) => one.names))]
  const known = (asked.credentials ?? []).filter(({ name }) => names.includes(name))
  const others = names.filter((name) => !known.some((sealed) => sealed.name === name))
  const found = others.length > 0 ? await rowsOf<Sealed>(findSealed(engine.sql, others)) : []
  const opened = await Promise.all([...known, ...found].map((sealed) => open(engine, sealed)))
  return [...opened, ...named.flatMap((one) => one.inline)].flatMap(secretsOf)
}

async function renderedAuth(
  { sql, variables }: Engine,
  execution_id: string,
  { auth, context, workload }: Asked,
): Promise<Json[]> {
  const names = namesIfAny(auth)
  if (names.length === 0) return auth
  const steps = names.filter((name) => !(name in workload) && !(name in context))
  const isOfResults = steps.some((name) => !['workload', 'env', 'execution_id'].includes(name))
  const [row] = isOfResults
    ? await rowsOf<{ results: JsonObject | null }>(readResults(sql, execution_id, steps))
    : []
  const results = new Map<string, Json>(
    Object.entries(row?.results ?? {}).map(([name, envelope]) => [name, dataOf(envelope)]),
  )
  const facts = { execution_id, workload, results, globals: globalsOf(variables) }
  const onError = nothing
  return renderValue(auth, templateContext(facts, context), {
    onUndefined: 'keep',
    onError,
  }) as Json[]
}

/** The names of credentials in a rendered `auth`, in NoETL's forms, and what it says itself. */
function namedIn(auth: Json): { names: string[]; inline: JsonObject[] } {
  if (typeof auth === 'string') return { names: auth === '' ? [] : [auth], inline: [] }
  if (typeof auth !== 'object' || auth === null) return { names: [], inline: [] }
  const given = isObject(auth) ? [auth.inline, auth.fields].filter(isObject) : []
  const nested = Object.entries(auth)
    .filter(([key, value]) => NAMES.has(key) || isObject(value) || !isReserved(auth))
    .map(([, value]) => namedIn(value))
  return {
    names: nested.flatMap(({ names }) => names),
    inline: [...given, ...nested.flatMap(({ inline }) => inline)],
  }
}

const NAMES: ReadonlySet<string> = new Set(['credential', 'key', 'name', 'secret_name'])
const RESERVED = [...NAMES, 'source', 'service', 'scope', 'fields', 'inject', 'type', 'inline']

function isReserved(auth: object): boolean {
  return RESERVED.some((key) => key in auth)
}

/** Nobody can have read what cannot be decrypted. */
async function open({ config }: Engine, { name, secret }: Sealed): Promise<JsonObject> {
  const { ENCRYPTION_KEY } = config
  if (ENCRYPTION_KEY === undefined) return {}
  return decrypt(ENCRYPTION_KEY, name, secret).catch(() => ({}))
}
