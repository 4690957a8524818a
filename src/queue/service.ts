// The queue as workers use it: leasing jobs, and ending leases. A lease is named by its queue_id, which is
// new each time, so whoever comes with an older one is told that it is no longer his.

import { toBase64 } from '../base64.ts'
import { brokenConstraint, rowsOf, type Sql, sleep } from '../db.ts'
import { AppError, fail } from '../errors.ts'
import { type Claim, type Committed, commit, type Engine, knownOf } from '../event/commit.ts'
import type { Report } from '../event/dispatcher.ts'
import { redactedReason } from '../event/redaction.ts'
import { settle } from '../event/service.ts'
import type { Draft } from '../event/types.ts'
import { newId } from '../ids.ts'
import { isObject, type Json, type JsonObject, toJson } from '../json.ts'
import { scrub, shownTask } from '../redact/forms.ts'
import {
  countJobs,
  type EnqueuedRow,
  enqueue,
  findLease,
  type GiveBack,
  heartbeat,
  type JobFilter,
  type JobRow,
  type LeaseLookup,
  type LeaseRow,
  lease,
  listJobs,
  redrive,
} from './jobs.ts'

/** How often a waiting lease looks again: often enough to be there within 200 ms of a job. */
const POLL_MS = 120

/** What a worker asks for. */
export interface Wanted {
  worker_id: string
  lease_seconds: number
  limit?: number | undefined
  capabilities?: string[] | null | undefined
  /** What it sees of the playbooks; null: all. Here and below, of the rest nothing is there. */
  within: string | null
}

/** Leases up to `limit` jobs, or one; [] when there is none. One round trip. */
export async function leaseJobs(sql: Sql, wanted: Wanted): Promise<Job[]> {
  const statement = lease(sql, {
    queue_ids: Array.from({ length: wanted.limit ?? 1 }, newId),
    worker_id: wanted.worker_id,
    seconds: wanted.lease_seconds,
    tools: wanted.capabilities ?? null,
    within: wanted.within,
  })
  const rows = await rowsOf<JobRow>(statement).catch((error: unknown) => {
    // an earlier sending, whose answer was lost, has leased under these ids meanwhile
    if (brokenConstraint(error) === null) throw error
    return rowsOf<JobRow>(statement)
  })
  return rows.map(jobOf)
}

/**
 * Leases jobs as soon as there are some; [] after `seconds`.
 * @param alive throws when the caller has hung up, so that nothing is leased to nobody
 */
export async function awaitJobs(
  sql: Sql,
  wanted: Wanted,
  seconds: number,
  alive: () => Promise<void>,
): Promise<Job[]> {
  const until = Date.now() + seconds * 1000
  for (;;) {
    const left = until - Date.now()
    if (left <= 0) return []
    await sleep(Math.min(POLL_MS, left))
    await alive()
    const jobs = await leaseJobs(sql, wanted)
    if (jobs.length > 0) return jobs
  }
}

/** Keys of a job's action that workers expect in base64, under these names. */
const ENCODED_KEYS = ['code', 'command', 'commands']
/** Keys that NoETL merges into `data` before a job is queued, the later over the earlier. */
const MERGED_KEYS = ['params', 'args', 'with', 'data']

type Job = ReturnType<typeof jobOf>

/** A job as workers get it: the whole row of NoETL's queue. */
function jobOf(row: JobRow) {
  const { path, version, workload, action, context, ...columns } = row
  return {
    ...columns,
    action: toJson(actionOf(action)),
    context: { workload, path, version: String(version), catalog_id: row.catalog_id, ...context },
    parent_execution_id: null,
    parent_event_id: null,
    event_id: null,
    node_name: null,
    node_type: null,
  }
}

/** The action in the form that NoETL's worker reads. */
function actionOf(action: JsonObject): JsonObject {
  const { name = null, type = null, ...rest } = action
  const job: JsonObject = { name, type }
  // an http step's params are its query string
  const merged = MERGED_KEYS.filter((key) => key !== 'params' || type !== 'http')
  for (const [key, value] of Object.entries(rest)) {
    if (ENCODED_KEYS.includes(key)) job[`${key}_b64`] = encoded(value)
    else if (!merged.includes(key) || !isObject(value)) job[key] = value
  }
  const data = Object.assign({}, ...merged.map((key) => rest[key]).filter(isObject))
  if (Object.keys(data).length > 0) job.data = data
  return job
}

function encoded(value: Json): Json {
  if (value === null) return null
  return toBase64(new TextEncoder().encode(typeof value === 'string' ? value : toJson(value)))
}

export interface Ended {
  /** What followed from it, where the caller could begin with it. */
  committed: Committed | null
}

/**
 * Ends a lease whose action was done. Where no report of that has arrived, it is recorded here with the
 * step_result that has, marked as inferred, and decided on: the step goes on either way.
 * @throws AppError `not_found`, or `lease_lost` with the job's present state.
 */
export async function completeJob(
  engine: Engine,
  queueId: string,
  workerId: string | null,
  claim: Claim | null,
  within: string | null,
): Promise<Ended> {
  const lease = {
    queue_id: queueId,
    worker_id: workerId,
    back: null,
    is_own: false,
    is_asking: false,
    within,
  }
  return endLease(engine, lease, claim, 'done', async (row) => {
    const data = row.outcome?.event_type === 'step_result' ? row.outcome.result : null
    const result = { id: queueId, status: 'success', data }
    return {
      draft: inferred(row, { event_type: 'action_completed', status: 'COMPLETED', result }),
    }
  })
}

/**
 * Ends a lease whose action failed: the job is tried again after the delay, or, when it shall not or has
 * no attempt left, its step fails; with the error that was reported, or an inferred one.
 * @param how.isOwn the sweeper ends the edge executor's leases, too
 * @throws AppError `not_found`, or `lease_lost` with the job's present state.
 */
export async function failJob(
  engine: Engine,
  queueId: string,
  workerId: string | null,
  how: { back: GiveBack | null; error: string | null; isOwn?: boolean; within: string | null },
  claim: Claim | null,
): Promise<Ended> {
  const lease = {
    queue_id: queueId,
    worker_id: workerId,
    back: how.back,
    is_own: how.isOwn ?? false,
    is_asking: how.error !== null && !how.isOwn,
    within: how.within,
  }
  return endLease(engine, lease, claim, 'dead', async (row) => {
    if (row.outcome?.event_type === 'action_error') {
      const { event_id, seq, event_type, result, error } = row.outcome
      const logged = { ...nodeOf(row), event_type, status: 'FAILED' as const, result, error }
      return { logged: { ...logged, parent: null }, event_id, seq }
    }
    const error =
      how.error === null
        ? 'the worker failed the job without saying why'
        : await redactedReason(engine, row, how.error)
    return { draft: inferred(row, { event_type: 'action_error', status: 'FAILED', error }) }
  })
}

async function endLease(
  engine: Engine,
  lease: LeaseLookup,
  claim: Claim | null,
  end: 'done' | 'dead',
  reportOf: (row: LeaseRow) => Promise<Report>,
): Promise<Ended> {
  for (let round = 0; round < 3; round++) {
    const [row] = await rowsOf<LeaseRow>(findLease(engine.sql, lease))
    if (!row) fail('not_found', 'job not found')
    if (row.runner === 'edge' && !lease.is_own) fail('lease_lost', "the job is the edge executor's")
    if (isOver(row, lease, end)) {
      // its report may have come without the decision on it
      const isOpen = row.undecided.length > 0
      return { committed: isOpen ? await settle(engine, row.execution_id, claim) : null }
    }
    const held = {
      worker_id: row.worker_id ?? '',
      queue_ids: [lease.queue_id],
      nodes: [row.node_id],
      dead: end === 'dead',
    }
    const known = await knownOf(engine.sql, row)
    const report = await reportOf(row)
    const commitWith = (unwritable: string | null) =>
      commit(engine, known, () => [report], held, claim, unwritable)
    const committed = await commitWith(null).catch(async (error: unknown) => {
      if (!(error instanceof AppError)) throw error
      // the report arrived, or the lease ran out, in between
      if (error.code === 'lease_lost') return 'again' as const
      // what follows cannot be written, and would be tried for ever
      if (error.code === 'too_large' || error.code === 'invalid_input') {
        return commitWith(error.message)
      }
      throw error
    })
    if (committed === 'again') continue
    if (committed) return { committed }
    // the execution has ended meanwhile, and its jobs with it: the next round sees how
    if (round > 0) fail('lease_lost', 'the lease is not held: its execution has ended')
  }
  throw new AppError('conflict', 'the job keeps changing; try again')
}

/** Whether the lease has ended in this way already. @throws AppError when it ended in another. */
function isOver(
  { present, job_status, worker_id, given_back }: LeaseRow,
  { worker_id: workerId, back }: LeaseLookup,
  end: 'done' | 'dead',
): boolean {
  const isForeign = workerId !== null && worker_id !== workerId
  if (!present || isForeign) lost(job_status, present)
  if (given_back || job_status === end) return true
  if (job_status === 'leased') return false
  // a lease that ran out has nobody's name on it
  if (back !== null && job_status === back.status && worker_id !== null) return true
  return lost(job_status, present)
}

function lost(status: string, present: boolean): never {
  if (present && status === 'leased')
    fail('lease_lost', 'the job is leased, and not by this worker')
  const how = present ? '' : ' under another lease'
  return fail('lease_lost', `the lease is not held: the job is ${status}${how}`)
}

function nodeOf({ node_id, node_name }: LeaseRow) {
  return { node_id, node_name, node_type: 'task' }
}

/** A report that should have come and did not. */
function inferred(
  row: LeaseRow,
  report: Pick<Draft, 'event_type' | 'status' | 'result' | 'error'>,
): Draft {
  return {
    ...nodeOf(row),
    parent: row.outcome?.event_id ?? null,
    worker_id: row.worker_id,
    attempt: row.attempts,
    meta: { inferred: true },
    ...report,
  }
}

const HEARTBEAT_SECONDS = 60

/** Puts off the end of a lease. @throws AppError `not_found`, or `lease_lost` with the job's state. */
export async function extendLease(
  sql: Sql,
  queueId: string,
  workerId: string | null,
  seconds: number | null,
  within: string | null,
): Promise<void> {
  const [row] = await rowsOf<{ extended: boolean; job_status: string; present: boolean }>(
    heartbeat(sql, {
      queue_id: queueId,
      worker_id: workerId,
      seconds: seconds ?? HEARTBEAT_SECONDS,
      within,
    }),
  )
  if (!row) fail('not_found', 'job not found')
  if (!row.extended) lost(row.job_status, row.present)
}

/** Jobs by queue_id, which rises with the time of their last lease. */
export async function readJobs(sql: Sql, filter: JobFilter) {
  const rows = await rowsOf<JobRow & { found: string }>(listJobs(sql, filter))
  const last = rows.at(-1)
  const next = last && Number(last.found) > rows.length ? last.queue_id : null
  return { items: rows.map(({ found: _found, ...row }) => jobOf(shownRow(row))), next }
}

/** A job for those who look and do not run it. */
function shownRow(row: JobRow): JobRow {
  const { action, context, workload } = row
  return {
    ...row,
    action: shownTask(action),
    context: scrub(context),
    workload: scrub(workload),
  }
}

/** How many jobs have a status. */
export async function queueSize(sql: Sql, status: string, within: string | null): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(countJobs(sql, status, within))
  return row?.count ?? 0
}

/**
 * Queues a job by hand, for a worker. Null when the node has one already.
 * @throws AppError `not_found` for an unknown execution, `conflict` for one that has ended.
 */
export async function enqueueJob(
  sql: Sql,
  job: {
    execution_id: string
    node_id: string
    action: JsonObject
    context: JsonObject
    priority: number
    max_attempts: number
    available_at: string | null
  },
): Promise<string | null> {
  const { node_id, action } = job
  const name = typeof action.name === 'string' ? action.name : node_id.split(':').at(-1)
  const [row] = await rowsOf<EnqueuedRow>(
    enqueue(sql, {
      ...job,
      queue_id: newId(),
      node_name: (name ?? node_id).slice(0, 256),
      tool: typeof action.type === 'string' ? action.type.slice(0, 64) : '',
    }),
  )
  if (!row) fail('not_found', `Execution '${job.execution_id}' not found.`)
  if (row.ended) fail('conflict', `execution ${job.execution_id} has ended; nothing runs in it`)
  return row.queue_id
}

/**
 * Sends a dead job again. A job whose execution has ended stays dead: nothing runs after the end.
 * @throws AppError `not_found`, `conflict` with the reason.
 */
export async function redriveJob(sql: Sql, queueId: string, within: string | null): Promise<void> {
  const [row] = await rowsOf<{
    sent: boolean
    job_status: string
    ended: boolean
    execution_id: string
    execution_status: string
  }>(redrive(sql, queueId, within))
  if (!row) fail('not_found', 'job not found')
  if (row.sent) return
  if (row.job_status !== 'dead') fail('conflict', `the job is ${row.job_status}, not dead`)
  fail(
    'conflict',
    `execution ${row.execution_id} has ended (${row.execution_status}), and nothing of it runs again; ` +
      'start a new run of its playbook',
  )
}
