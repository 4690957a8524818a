// One action: render the step, run its tool, report how it ended.

import { partOf, stepOf, workOf } from '../catalog/nodes.ts'
import { inputOf, PLAYBOOK, PROGRAM_KEYS } from '../catalog/work.ts'
import { DATA_KEYS } from '../catalog/workbook.ts'
import { getCredential } from '../credential/service.ts'
import { type Sql, sleep } from '../db.ts'
import type { Env } from '../env.ts'
import { AppError } from '../errors.ts'
import { templateContext } from '../event/batch.ts'
import { type Known, loadResults, type Started } from '../event/commit.ts'
import { globalsOf } from '../event/globals.ts'
import { type Draft, MAX_RESULT_BYTES } from '../event/types.ts'
import { isObject, type Json, type JsonObject, toJson } from '../json.ts'
import { logError } from '../log.ts'
import { scrub, scrubText, shownTask } from '../redact/forms.ts'
import type { Config } from '../settings.ts'
import { type Context, renderValue, TemplateError } from '../template/index.ts'
import { retryDelay } from './retry.ts'
import { type Keeper, newKeeper } from './secrets.ts'
import { checkAuth } from './tools/auth.ts'
import { REVEALING, TOOLS } from './tools/index.ts'
import { type Call, type Ending, ToolError, type ToolResult } from './tools/tool.ts'

/** Seconds that an action may take when its step does not say: what a request always has left. */
const DEFAULT_TIMEOUT_SECONDS = 15
/** The most that a step may ask for, in seconds. */
const MAX_TIMEOUT_SECONDS = 600

/** Credentials read by one invocation, so that each is read once. */
export type Credentials = Map<string, Promise<{ type: string; data: JsonObject }>>

/** An action that has ended: the drafts that report it. */
export interface Ended {
  job: Started
  drafts: Draft[]
  /** What the result weighs as JSON. */
  bytes: number
  /** Seconds until it is tried again; null when this was the last attempt. */
  again: number | null
}

/** How long to wait for a database that is away before it is asked again. */
export const AWAY_MS = 1_000

/** The time limit of a step in seconds. One that is a template may turn out to be anything. */
export function timeoutSeconds({ timeout }: JsonObject): number {
  if (timeout === undefined || timeout === null) return DEFAULT_TIMEOUT_SECONDS
  const asked = Number(timeout)
  return Number.isFinite(asked) && asked > 0
    ? Math.min(asked, MAX_TIMEOUT_SECONDS)
    : MAX_TIMEOUT_SECONDS
}

/** What an action runs with. */
export interface Means {
  sql: Sql
  config: Config
  env: Env
  credentials: Credentials
  /** What templates see as `env`. */
  variables: JsonObject
  /** Time by which it must have ended (epoch milliseconds). */
  deadline: number
  /** Runs a playbook as a child execution; null when that goes on elsewhere and will report itself. */
  runPlaybook(task: JsonObject): Promise<ToolResult | null>
}

/**
 * Runs a leased job's action. Never throws: whatever goes wrong is the action's error. Null when there is
 * nothing to report here.
 */
export async function runAction(means: Means, known: Known, job: Started): Promise<Ended | null> {
  const { sql, config, env, credentials, variables, deadline, runPlaybook } = means
  const startedAt = Date.now()
  let task: JsonObject = job.action
  let result: ToolResult
  let context: Context = {}
  const { execution_id } = known.row
  const credential = (name: string) =>
    whileAway(deadline, () => readCredential(sql, config, credentials, name))
  const keeper = newKeeper({ config, env, execution_id, credential })
  try {
    const tool = TOOLS[job.tool]
    if (!tool && job.tool !== PLAYBOOK)
      throw new ToolError(`the edge executor has no tool '${job.tool}'`)
    await whileAway(deadline, () => loadResults(sql, known, needsOf(known, job)))
    context = contextOf(known, job, variables)
    task = renderTask(job, context)
    checkAuth(job.action, task)
    const left = Math.max(1_000, deadline - startedAt)
    const timeoutMs = Math.min(timeoutSeconds(task) * 1000, left)
    if (tool) {
      result = await tool({
        task: REVEALING.has(job.tool) ? await keeper.reveal(task) : task,
        execution_id,
        scope: {
          ...job.context,
          execution_id,
          step: stepOf(job.node_name),
          attempt: job.attempt,
          workload: known.row.workload,
        },
        config,
        env,
        timeoutMs,
        result: subjectOf(known, job),
        waited: job.waited + (Date.now() - startedAt) / 1000,
        credential,
        hide: keeper.hide,
        redact: keeper.redact,
      } satisfies Call)
    } else {
      // the child's id is fixed, so that this may be done again
      const outcome = await whileAway(deadline, () => runPlaybook(task))
      if (outcome === null) return null
      result = outcome
    }
  } catch (error) {
    // a child execution goes on without us; the lease runs out, and the next attempt finds it
    if (job.tool === PLAYBOOK && isAway(error)) return null
    result = failed(error, keeper)
  }
  result = withoutSecrets(result, keeper)
  if (result.status === 'waiting') {
    return { job, drafts: [waitingFor(job, result.seconds)], bytes: 0, again: result.seconds }
  }
  let bytes = weigh(result)
  if (bytes > MAX_RESULT_BYTES) {
    const error = `the result weighs ${bytes} bytes; at most ${MAX_RESULT_BYTES} can be kept`
    result = { status: 'error', error }
    bytes = error.length
  }
  const again = delayOf(context, job, result)
  const seconds = (Date.now() - startedAt) / 1000
  const kept = shownTask(keeper.redact(task))
  return { job, drafts: reportOf(job, kept, result, seconds, again), bytes, again }
}

/** Seconds until a failed action is tried again, if it is. A child execution is not started anew. */
function delayOf(context: Context, job: Started, result: ToolResult): number | null {
  const { retry } = job.action
  if (result.status !== 'error' || !retry || job.tool === PLAYBOOK) return null
  const { attempt, max_attempts } = job
  const random = Math.random()
  return retryDelay(retry, { attempt, max_attempts, result, context, random })
}

function weigh(result: Ending): number {
  const { data } = result
  return data === undefined ? 0 : new TextEncoder().encode(toJson(data)).byteLength
}

/** Nodes whose data an action's templates mention, and that which it saves. */
function needsOf({ playbook }: Known, { node_name }: Started): string[] {
  const names = workOf(playbook, node_name)?.names ?? []
  const part = partOf(node_name)
  const saved = part?.part === 'save' ? [part.whole] : []
  return [...names.filter((name) => playbook.steps.has(name)), ...saved]
}

/** The data that a save saves unless it says otherwise. */
function subjectOf({ results }: Known, { node_name }: Started): Json {
  const part = partOf(node_name)
  return part?.part === 'save' ? (results.get(part.whole) ?? null) : null
}

/**
 * The step with its templates rendered; not its `retry`, whose conditions are about the outcome, and not a
 * program, whose braces are its own.
 */
function renderTask({ action }: Started, context: Context): JsonObject {
  const kept = new Set(['retry', ...PROGRAM_KEYS])
  const some = (isWanted: (key: string) => boolean) =>
    Object.fromEntries(Object.entries(action).filter(([key]) => isWanted(key)))
  // the data of a transform is what it makes
  const isInput = (key: string) =>
    DATA_KEYS.includes(key) && !(key === 'data' && action.type === 'transform')
  const input = renderValue(some(isInput), context) as JsonObject
  // the rest sees the step's input, as what NoETL's workers render does
  const data = inputOf(input)
  const seen = { ...context, ...(Object.keys(data).length > 0 && { input: data, data }) }
  const rest = renderValue(
    some((key) => !isInput(key) && !kept.has(key)),
    seen,
  ) as JsonObject
  return { ...some((key) => kept.has(key)), ...rest, ...input }
}

function contextOf(known: Known, job: Started, variables: JsonObject): Context {
  const data = subjectOf(known, job)
  const isSave = partOf(job.node_name)?.part === 'save'
  return templateContext(
    { ...known.row, results: known.results, globals: globalsOf(variables) },
    {
      ...job.context,
      ...(isSave && { result: data, data, this: { status: 'success', data } }),
      job: {
        id: job.queue_id,
        uuid: job.queue_id,
        execution_id: known.row.execution_id,
        node_id: job.node_id,
        attempt: job.attempt,
      },
    },
  )
}

/** What the action needs of our own database it waits for: nothing has been done yet. */
async function whileAway<T>(deadline: number, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (!isAway(error) || Date.now() > deadline) throw error
      await sleep(AWAY_MS)
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof AppError && error.code === 'unavailable'
}

function readCredential(sql: Sql, config: Config, credentials: Credentials, name: string) {
  const reading =
    credentials.get(name) ??
    getCredential(sql, config, name, true, null).then(({ type, data }) => ({
      type,
      data: data ?? {},
    }))
  credentials.set(name, reading)
  return reading.catch((error: unknown) => {
    credentials.delete(name)
    if (error instanceof AppError && error.code === 'not_found') {
      throw new ToolError(`there is no credential '${name}'`)
    }
    throw error
  })
}

/** The result as it may be kept. */
function withoutSecrets(result: ToolResult, { redact }: Keeper): ToolResult {
  if (result.status === 'waiting') return result
  const { data, logs } = result
  return {
    ...result,
    ...(data !== undefined && { data: scrub(redact(data)) }),
    ...(logs !== undefined && { logs: scrub(redact(logs)) }),
    ...(result.status === 'error' && { error: scrubText(redact(result.error)) }),
  } as ToolResult
}

function failed(error: unknown, { redact }: Keeper): ToolResult {
  if (error instanceof ToolError) {
    const { message, data } = error
    return data === undefined
      ? { status: 'error', error: message }
      : { status: 'error', error: message, data }
  }
  if (error instanceof TemplateError) {
    const place = error.pointer === undefined ? '' : ` at ${error.pointer}`
    return { status: 'error', error: `template: ${error.message} in ${error.expression}${place}` }
  }
  if (error instanceof AppError) return { status: 'error', error: error.message }
  logError('action failed unexpectedly', error, redact)
  return { status: 'error', error: 'the action failed unexpectedly' }
}

/** The report of an action whose result cannot be kept: its error says why. */
export function unkeepable({ job, drafts }: Ended, why: string): Ended {
  const task = drafts[0]?.context
  const result = { status: 'error' as const, error: `the result cannot be kept: ${why}` }
  const kept = isObject(task ?? null)
    ? ((task as JsonObject).task as JsonObject)
    : shownTask(job.action)
  const report = reportOf(job, kept, result, drafts[0]?.duration ?? 0, null)
  return { job, drafts: report, bytes: 0, again: null }
}

/** The event of an action that goes on later. */
function waitingFor(job: Started, seconds: number): Draft {
  return {
    event_type: 'action_waiting',
    node_id: job.node_id,
    node_name: job.node_name,
    node_type: 'task',
    status: 'PENDING',
    parent: job.event_id,
    context: { until: new Date(Date.now() + seconds * 1000).toISOString() },
  }
}

/** The event between two attempts. */
function retryOf({ attempt, max_attempts }: Started, delay: number) {
  const message = `attempt ${attempt} of ${max_attempts} failed; the next one follows in ${delay} s`
  return {
    event_type: 'action_retry',
    node_type: 'step',
    status: 'PENDING',
    result: { attempt, max_attempts, retry_delay_seconds: delay, message },
  } as const
}

/** What NoETL's workers report of an ended action, in their order. */
function reportOf(
  job: Started,
  task: JsonObject,
  result: Ending,
  seconds: number,
  again: number | null,
): Draft[] {
  const id = crypto.randomUUID()
  const part = partOf(job.node_name)?.part
  const common = {
    node_id: job.node_id,
    node_name: job.node_name,
    node_type: 'task',
    parent: job.event_id,
    attempt: job.attempt,
    duration: seconds,
    meta: { worker_pool: 'edge', worker_runtime: 'workerd' },
    ...(typeof part === 'number' && { current_index: part }),
  }
  if (result.status === 'error') {
    const envelope: JsonObject = { id, ...result }
    return [
      {
        ...common,
        event_type: 'action_error',
        status: 'FAILED',
        context: { task },
        result: envelope,
        error: result.error,
      },
      ...(again === null ? [] : [{ ...common, ...retryOf(job, again) }]),
    ]
  }
  const envelope: Json = { id, ...result }
  const completed: Draft = {
    ...common,
    event_type: 'action_completed',
    status: 'COMPLETED',
    context: { task },
    result: envelope,
  }
  // the result of an iteration is its own event's, and a save has none that others use
  if (part !== undefined) return [completed]
  return [
    completed,
    { ...common, event_type: 'step_result', status: 'COMPLETED', result: result.data },
  ]
}
