// A worker as NoETL's own behaves, in a process of its own: the calls of a job in their order, one job after
// the other; reports are sent once, and whether they arrived is not looked at. Instead of doing anything it
// makes up a result. Now and then it is killed between two calls or during one, and things get lost on the
// way, all by its seed. Started by bench/load.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { randomFrom } from '../dev/neon/faults.ts'

/** How a worker fares; the numbers are probabilities. */
export interface Fortune {
  /** Of being killed at a call: before it, or while it is under way. */
  kill: number
  /** Of a lease's reply being lost: for the worker there was no job. */
  lose_lease: number
  /** Of action_completed, and of step_result, being lost: it never arrives. */
  lose_report: number
  /** Of the action failing. */
  fail: number
  /** Of the action taking longer than the lease: another does the job meanwhile. */
  stall: number
}

/** What a worker process is given, as JSON. */
export interface Assignment extends Fortune {
  url: string
  name: string
  seed: number
  lease_seconds: number
  /** How long it waits when there was no job. */
  poll_ms: number
}

/** What a worker tells of, as it happens. */
export type Mishap = 'lost_lease' | 'lost_report' | 'failed' | 'stalled'

interface Job {
  queue_id: string
  execution_id: string
  catalog_id: string
  node_id: string
  action: string
  context: unknown
  attempts: number
}

interface Task {
  name: string
  auth?: string
  retry?: { max_attempts?: number }
}

const assignment: Assignment = JSON.parse(process.argv[2] ?? '')
const random = randomFrom(assignment.seed)
const happens = (probability: number) => random() < probability
const LEASE_TIMEOUT_MS = 5_000
const REPORT_TIMEOUT_MS = 10_000

// its supervisor has no more work, or is gone; what has begun is finished
let isOver = false
process.on('disconnect', () => {
  isOver = true
})

async function tell(mishap: Mishap): Promise<void> {
  if (process.connected) await new Promise((resolve) => process.send?.(mishap, resolve))
}

function send(method: string, path: string, body: unknown, timeoutMs: number): Promise<Response> {
  return fetch(new URL(path, assignment.url), {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

/** One call; null when it failed in whatever way. */
async function call(
  method: string,
  path: string,
  body?: unknown,
  timeoutMs = LEASE_TIMEOUT_MS,
  // biome-ignore lint/suspicious/noExplicitAny: replies are read as the original reads them
): Promise<any> {
  if (happens(assignment.kill)) {
    if (happens(0.5)) {
      send(method, path, body, timeoutMs).catch(() => {})
      await sleep(random() * 10)
    }
    process.kill(process.pid, 'SIGKILL')
  }
  try {
    const response = await send(method, path, body, timeoutMs)
    const reply = await response.json()
    return response.ok ? reply : null
  } catch {
    return null
  }
}

async function lease(): Promise<Job | null> {
  const { name, lease_seconds } = assignment
  const reply = await call('POST', '/api/queue/lease', { worker_id: name, lease_seconds })
  const job: Job | null = reply?.job ?? null
  if (job === null || !happens(assignment.lose_lease)) return job
  await tell('lost_lease')
  return null
}

async function run(job: Job): Promise<void> {
  const { queue_id, execution_id, catalog_id, node_id, context, attempts } = job
  const extra = { id: queue_id, uuid: queue_id, execution_id, node_id, worker_id: assignment.name }
  const rendered = await call('POST', '/api/context/render', {
    execution_id,
    template: { work: context, task: job.action },
    extra_context: { env: { HOSTNAME: 'bench' }, job: extra },
    strict: true,
  })
  const task: Task = rendered?.rendered?.task ?? JSON.parse(job.action)
  const work = rendered?.rendered?.work ?? context
  const max_attempts = task.retry?.max_attempts ?? 3

  const worker = { pool: 'worker-cpu-01', runtime: 'cpu', pid: process.pid, hostname: 'bench' }
  const event = {
    execution_id,
    catalog_id,
    node_id,
    node_name: task.name,
    node_type: 'task',
    meta: { worker_pool: worker.pool, worker_runtime: worker.runtime },
    trace_component: { worker },
  }
  const report = (body: object) =>
    call('POST', '/api/events', { ...event, ...body }, REPORT_TIMEOUT_MS)

  const started = await report({
    event_type: 'action_started',
    status: 'STARTED',
    context: {
      work,
      task: { ...task, with: {} },
      retry: { attempt: attempts + 1, max_attempts, is_retry: true },
    },
    trace_component: { worker_raw_context: context, worker },
  })
  const credential = task.auth
    ? await call('GET', `/api/credentials/${task.auth}?include_data=true`)
    : {}
  if (credential === null || happens(assignment.fail)) {
    await tell('failed')
    const error = 'RuntimeError: made up'
    await report({ event_type: 'action_error', status: 'FAILED', error, result: { error } })
    return giveBack(job, max_attempts, report)
  }

  if (happens(assignment.stall)) {
    await tell('stalled')
    await sleep(assignment.lease_seconds * 1_500)
  }
  // which attempt's result counts can be seen in it
  const row = { token: `${assignment.name}:${queue_id}` }
  const data = { command_0: { status: 'success', rows: [row], row_count: 1, columns: ['token'] } }
  const ends = [
    { event_type: 'action_completed', result: { id: queue_id, status: 'success', data } },
    { event_type: 'step_result', result: data, parent_event_id: started?.event_id },
  ]
  for (const end of ends) {
    if (happens(assignment.lose_report)) await tell('lost_report')
    else await report({ status: 'COMPLETED', ...end })
  }
  await call('POST', `/api/queue/${queue_id}/complete`)
}

/** The worker decides whether a failed attempt is tried again, and says so twice. */
async function giveBack(
  { queue_id, execution_id, node_id, attempts }: Job,
  max_attempts: number,
  report: (body: object) => Promise<unknown>,
): Promise<void> {
  const retry = attempts < max_attempts
  const how = { retry, retry_delay_seconds: 0 }
  await call('POST', `/api/queue/${queue_id}/fail`, how)
  if (!retry) return
  const message = `Retrying after failure (attempt ${attempts}/${max_attempts})`
  await report({
    execution_id,
    event_type: 'action_retry',
    status: 'RETRYING',
    node_id,
    node_type: 'step',
    result: { attempt: attempts, max_attempts, retry_delay_seconds: 0, message },
  })
}

while (!isOver) {
  const job = await lease()
  if (job === null) await sleep(assignment.poll_ms)
  else await run(job)
}
