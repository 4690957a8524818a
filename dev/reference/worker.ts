// `npm run worker`: a worker, to see a mixed playbook through and to read how one is written. Here is all of the
// protocol: leasing jobs, rendering, reporting, ending leases. The tools are those of src/, and
// python.ts.
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { neonConfig } from '@neondatabase/serverless'
import { textFromBase64 } from '../../src/base64.ts'
import { retryDelay } from '../../src/executor/retry.ts'
import { newKeeper } from '../../src/executor/secrets.ts'
import { httpTool } from '../../src/executor/tools/http.ts'
import { postgresTool } from '../../src/executor/tools/postgres.ts'
import { type Call, ToolError } from '../../src/executor/tools/tool.ts'
import { newId } from '../../src/ids.ts'
import { isObject, type Json, type JsonObject, parseJson, toJson } from '../../src/json.ts'
import { Variables } from '../../src/settings.ts'
import { createPools } from '../neon/postgres.ts'
import { serve } from '../neon/server.ts'
import { hasPython, type Outcome, pythonTool } from './python.ts'

/** A key may stand in the address, as its password. */
const SERVER =
  URL.parse(process.env.NOETL_SERVER_URL || 'http://127.0.0.1:8787') ??
  exit('NOETL_SERVER_URL is no address')
const POOL = process.env.WORKER_POOL_NAME || `reference-${hostname()}`
const CAPABILITIES = process.env.WORKER_CAPABILITIES || 'python,http,postgres'
const CONCURRENCY = numberOf('WORKER_CONCURRENCY', 4)
/** How soon another worker gets the jobs of one that has died. */
const LEASE_SECONDS = numberOf('WORKER_LEASE_SECONDS', 30)

/** How long a step may take that does not say `timeout`. */
const TIMEOUT_SECONDS = 900
const WAIT_SECONDS = 20
const BEAT_SECONDS = 15
const GRACE_SECONDS = 10
/** What Neon takes and gives at once. */
const MAX_SQL_BYTES = 10_485_760
/** A report is at most 4 MiB, and its result may weigh two. */
const MAX_TASK_CHARS = 1_048_576

/** What this file reads of a leased job. */
interface Job {
  /** Names the lease: whoever gets the job next gets another one. */
  queue_id: string
  execution_id: string
  node_id: string
  /** JSON of the step, code and SQL in base64. */
  action: string
  context: JsonObject
  attempts: number
  max_attempts: number
}

/** Runs a rendered step; `signal` fires when its lease is lost. */
type Tool = (call: Call, context: JsonObject, signal: AbortSignal) => Promise<Outcome>

const TOOLS: Readonly<Record<string, Tool>> = {
  python: pythonTool,
  http: httpTool,
  postgres: postgresTool,
}
// HTTP_ALLOW_HOSTS and the like
const config = Variables.parse({
  HTTP_ALLOW_PRIVATE: 'true',
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('HTTP_'))),
  DATABASE_URL: 'postgres://not.asked',
})

const WORKER = `${POOL}:${crypto.randomUUID()}`
const stopping = new AbortController()
const running = new Set<Promise<void>>()

async function main(): Promise<void> {
  const { signal } = stopping
  for (const name of ['SIGINT', 'SIGTERM']) {
    process.on(name, () => (signal.aborted ? process.exit(1) : stopping.abort()))
  }
  const capabilities = capabilitiesOf(CAPABILITIES)
  if (capabilities.includes('postgres')) await servePostgres()
  const about = { runtime: 'node', capacity: CONCURRENCY, pid: process.pid, hostname: hostname() }
  const registration = { ...about, labels: capabilities }
  await call('/api/worker/pool/register', { name: POOL, ...registration }, signal)
  console.log(`${POOL} runs ${capabilities.join(', ')} for ${SERVER.origin}; Ctrl-C stops it.`)
  const beating = every(BEAT_SECONDS, signal, () =>
    call('/api/worker/pool/heartbeat', { name: POOL, registration }, signal),
  )
  while (!signal.aborted) {
    await takeJobs(capabilities).catch((error: unknown) => {
      if (signal.aborted) return
      console.error(`no lease: ${messageOf(error)}`)
      return pause(5, signal)
    })
  }
  // what runs on after that is ended with this process, and its lease runs out
  await Promise.race([Promise.all(running), sleep(GRACE_SECONDS * 1000)])
  await beating
  await Promise.race([call('/api/worker/pool/deregister', { name: POOL }), sleep(2_000)])
}

/** The driver of the edge speaks to Neon over HTTP; this speaks to any Postgres for it. */
async function servePostgres(): Promise<void> {
  const pools = createPools(CONCURRENCY)
  const { port } = await serve({
    port: 0,
    backend: 'postgres',
    runFor: pools.run,
    rttMs: 0,
    maxRequestBytes: MAX_SQL_BYTES,
    maxResponseBytes: MAX_SQL_BYTES,
    log: console.error,
  })
  neonConfig.fetchEndpoint = `http://127.0.0.1:${port}/sql`
}

/** Begins as many jobs as there is room for; waits while there is no room, or no job. */
async function takeJobs(capabilities: string[]): Promise<void> {
  const { signal } = stopping
  const limit = CONCURRENCY - running.size
  if (limit === 0) return void (await Promise.race([...running, pause(1, signal)]))
  const wanted = { worker_id: WORKER, lease_seconds: LEASE_SECONDS, limit, capabilities }
  const asked = { ...wanted, wait_seconds: WAIT_SECONDS }
  const { jobs } = (await call('/api/queue/lease', asked, signal)) as unknown as { jobs: Job[] }
  for (const job of jobs) {
    const run: Promise<void> = perform(job).finally(() => running.delete(run))
    running.add(run)
  }
}

/** Sees a job through, its lease put off all the while; forgets it when the lease is lost. */
async function perform(job: Job): Promise<void> {
  const lost = new AbortController()
  const over = new AbortController()
  const longer = { worker_id: WORKER, extend_seconds: LEASE_SECONDS }
  void every(LEASE_SECONDS / 3, over.signal, () =>
    call(`/api/queue/${job.queue_id}/heartbeat`, longer, over.signal).catch(() => lost.abort()),
  )
  try {
    const outcome = await runAction(job, lost.signal)
    const error = outcome.status === 'error' ? `: ${outcome.error}` : ''
    console.log(`${job.node_id}, attempt ${job.attempts}: ${outcome.status}${error}`)
  } catch (error) {
    console.error(`${job.node_id}, attempt ${job.attempts} is given up: ${messageOf(error)}`)
  }
  over.abort()
}

async function runAction(job: Job, lost: AbortSignal): Promise<Outcome> {
  const { attempts: attempt, max_attempts, queue_id } = job
  const action = actionOf(job)
  const report = reporterOf(job)
  // the workload is in the log already, once
  const { workload: _known, ...work } = job.context
  const retry = { attempt, max_attempts, is_retry: attempt > 1 }
  const started = await report({
    event_type: 'action_started',
    status: 'STARTED',
    context: { work, task: action, retry },
    trace_component: { worker: { pool: POOL, pid: process.pid, hostname: hostname() } },
  })
  const begun = Date.now()
  const { task, context, outcome } = await act(job, action, lost)
  if (lost.aborted) throw new Error('the lease is lost')

  const shown = toJson(task).length > MAX_TASK_CHARS ? {} : { task }
  const duration = (Date.now() - begun) / 1000
  const end = { parent_event_id: started.event_id ?? null, duration, context: shown }
  const reported = await reportEnd(report, end, outcome)
  if (reported.status === 'success') {
    await call(`/api/queue/${queue_id}/complete`, { worker_id: WORKER })
    return reported
  }
  const failure = { ...retry, result: reported, context, random: Math.random() }
  const delay = reported === outcome ? retryDelay(action.retry, failure) : null
  if (delay !== null) {
    const result = { attempt, max_attempts, retry_delay_seconds: delay }
    await report({ event_type: 'action_retry', status: 'PENDING', node_type: 'step', result })
  }
  const again = { retry: delay !== null, retry_delay_seconds: delay ?? 0 }
  await call(`/api/queue/${queue_id}/fail`, { worker_id: WORKER, ...again })
  return reported
}

/** Does what the step says. Whatever goes wrong is its outcome. */
async function act(job: Job, action: JsonObject, lost: AbortSignal) {
  const from = { config, env: {}, execution_id: job.execution_id, credential }
  const keeper = newKeeper(from)
  let seen = { task: action, context: job.context }
  try {
    seen = await render(job, action)
    const { task, context } = seen
    const tool = TOOLS[String(task.type)]
    if (!tool) throw new ToolError(`this worker has no tool '${task.type}'`)
    const held = { scope: isObject(context) ? context : {}, result: null, waited: 0 }
    const means = { ...from, ...keeper, ...held, task, timeoutMs: timeoutOf(task) }
    return { ...seen, outcome: keeper.redact(await tool(means, context, lost)) }
  } catch (error) {
    const data = error instanceof ToolError ? error.data : undefined
    const failed = { status: 'error', error: messageOf(error) } as const
    return { ...seen, outcome: keeper.redact(data === undefined ? failed : { ...failed, data }) }
  }
}

type Report = (event: JsonObject) => Promise<JsonObject>

/** Reports events of a job. Each has an id of its own, so that it may be sent twice. */
function reporterOf({ execution_id, node_id, queue_id, attempts }: Job): Report {
  const common = {
    execution_id,
    node_id,
    node_name: node_id.slice(execution_id.length + 1),
    node_type: 'task',
    // with its lease a report is refused once that is lost
    queue_id,
    worker_id: WORKER,
    attempt: attempts,
    // a `worker_pool` would stand in for the lease of a worker that does not put it off
    meta: { worker_runtime: 'node' },
  }
  return (event) => call('/api/events', { event_id: newId(), ...common, ...event })
}

/** Reports how an action ended, and answers with that: a result that the server cannot keep is an error. */
async function reportEnd(report: Report, end: JsonObject, outcome: Outcome): Promise<Outcome> {
  const result = { id: crypto.randomUUID(), ...outcome }
  try {
    if (outcome.status === 'error') {
      const { error, traceback = null } = outcome
      const failed = { event_type: 'action_error', status: 'FAILED', error, traceback, result }
      await report({ ...end, ...failed })
      return outcome
    }
    const completed = { ...end, status: 'COMPLETED' }
    await report({ ...completed, event_type: 'action_completed', result })
    const data = outcome.data ?? result
    await report({ ...completed, event_type: 'step_result', result: data, context: {} })
    return outcome
  } catch (error) {
    const isKeepable = outcome.status === 'error' && outcome.data === undefined
    if (!(error instanceof Refused) || error.status === 409 || isKeepable) throw error
    const why = `the result cannot be kept: ${error.message}`
    return reportEnd(report, end, { status: 'error', error: why })
  }
}

/** The step of a job, as the playbook has it. */
function actionOf(job: Job): JsonObject {
  const decoded = Object.entries(parseJson(job.action) as JsonObject).map(([key, value]) => {
    const isEncoded = key.endsWith('_b64') && typeof value === 'string'
    const text = isEncoded ? textFromBase64(value) : null
    if (text === null) return [key, value]
    return [key.slice(0, -4), key === 'commands_b64' && text[0] === '[' ? parseJson(text) : text]
  })
  return Object.fromEntries(decoded)
}

/** Code has braces of its own, and the others are about the outcome. */
const NOT_RENDERED = new Set(['code', 'retry', 'save'])

/** The step with its templates rendered, and what it may see of its execution. */
async function render({ queue_id, execution_id, node_id, context }: Job, action: JsonObject) {
  const entries = Object.entries(action)
  const kept = Object.fromEntries(entries.filter(([key]) => NOT_RENDERED.has(key)))
  const templates = Object.fromEntries(entries.filter(([key]) => !NOT_RENDERED.has(key)))
  const job = { id: queue_id, uuid: queue_id, execution_id, node_id, worker_id: WORKER }
  const template = { work: context, task: templates }
  const asked = { execution_id, template, extra_context: { job } }
  const { rendered, warnings } = await call('/api/context/render', asked)
  const { task, work } = rendered as { task: JsonObject; work: JsonObject }
  const left = unrendered(templates, task)
  if (left !== null) {
    const [why = 'it needs what is not defined'] = (warnings ?? []) as string[]
    throw new ToolError(`template: ${why}, in ${left}`)
  }
  return { task: { ...task, ...kept }, context: { ...work, execution_id, job } }
}

/** A template that the server left as it was, since something in it is wrong or unknown. */
function unrendered(before: Json, after: Json | undefined): string | null {
  if (typeof before === 'string') return before === after && /\{[{%]/.test(before) ? before : null
  if (typeof before !== 'object' || before === null) return null
  const inside = Object.entries(before).map(([key, value]) =>
    unrendered(value, isObject(after) || Array.isArray(after) ? Object(after)[key] : undefined),
  )
  return inside.find((left) => left !== null) ?? null
}

async function credential(name: string): Promise<{ type: string; data: JsonObject }> {
  const path = `/api/credentials/${encodeURIComponent(name)}?include_data=true`
  try {
    return (await call(path)) as { type: string; data: JsonObject }
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error
    throw new ToolError(`there is no credential '${name}'`)
  }
}

/** The time limit of a step in milliseconds. */
function timeoutOf({ timeout }: JsonObject): number {
  const seconds = Number(timeout ?? TIMEOUT_SECONDS)
  return Math.min(seconds > 0 ? seconds : TIMEOUT_SECONDS, 86_400) * 1000
}

/** An answer that stays the same however often it is asked for; 409: the lease is lost. */
class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Sends a body, or reads where there is none. While the server is away it tries again, until `signal`. */
async function call(path: string, body?: unknown, signal?: AbortSignal): Promise<JsonObject> {
  const { password } = SERVER
  const headers = new Headers({ 'content-type': 'application/json' })
  if (password) headers.set('authorization', `Bearer ${decodeURIComponent(password)}`)
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: toJson(body) }
  for (let seconds = 0.2; ; seconds = Math.min(seconds * 2, 10)) {
    try {
      const timeout = AbortSignal.timeout((WAIT_SECONDS + 15) * 1000)
      const either = AbortSignal.any(signal ? [timeout, signal] : [timeout])
      const response = await fetch(new URL(path, SERVER.origin), { ...init, signal: either })
      const text = await response.text()
      const { status } = response
      if (status >= 400 && status < 500 && status !== 429) throw new Refused(status, detailOf(text))
      if (!response.ok) throw new Error(`status ${status}`)
      return parseJson(text) as JsonObject
    } catch (error) {
      if (error instanceof Refused || signal?.aborted) throw error
      console.error(`${path}: ${messageOf(error)}; trying again`)
    }
    await pause(seconds * (0.5 + Math.random()), signal)
  }
}

/** What a problem document says. */
function detailOf(text: string): string {
  try {
    return String((parseJson(text) as JsonObject).detail ?? text)
  } catch {
    return text.slice(0, 200)
  }
}

/** Does something again and again until `signal`. */
async function every(seconds: number, signal: AbortSignal, act: () => Promise<unknown>) {
  for (await pause(seconds, signal); !signal.aborted; await pause(seconds, signal)) {
    await act().catch((error: unknown) => {
      if (!signal.aborted) console.error(messageOf(error))
    })
  }
}

/** Waits, no longer than until `signal`. */
async function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, null, signal && { signal }).catch(() => {})
}

function capabilitiesOf(text: string): string[] {
  const names = text.split(/[\s,]+/).filter(Boolean)
  const unknown = names.filter((name) => !(name in TOOLS))
  if (unknown.length > 0) {
    exit(`WORKER_CAPABILITIES: ${unknown.join(', ')} is none of ${Object.keys(TOOLS).join(', ')}`)
  }
  const has = names.filter((name) => name !== 'python' || hasPython())
  if (has.length < names.length)
    console.error('There is no python3 here: python steps are left alone.')
  return has.length > 0 ? has : exit('There is nothing that this worker could run.')
}

function numberOf(name: string, preset: number): number {
  const number = Number(process.env[name] || preset)
  return Number.isInteger(number) && number > 0 && number <= 100
    ? number
    : exit(`${name} is no whole number from 1 to 100`)
}

function exit(why: string): never {
  console.error(why)
  process.exit(2)
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}

await main().catch((error: unknown) => {
  if (!stopping.signal.aborted) exit(messageOf(error))
})
process.exit(0)
