// Decide and append, until it is written: the loop that every decision goes through. A lost race reads
// again and decides again; nothing is lost either way, as reports are in the log or with their sender.

import { entryOf } from '../catalog/compiled.ts'
import type { Playbook } from '../catalog/playbook.ts'
import { rowsOf, type Sql, sleep } from '../db.ts'
import { AppError } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import { isTerminal } from '../status.ts'
import type { Facts } from './batch.ts'
import { type Decision, decide, type Report } from './dispatcher.ts'
import {
  type AppendRow,
  append,
  type ExecutionRow,
  type Held,
  jobsOf,
  type NewJob,
  numberEvents,
  readExecution,
  readResults,
  stateOf,
  type Taken,
} from './log.ts'
import { evolve, type State } from './state.ts'
import { type Draft, dataOf, nodeId } from './types.ts'

/** What a decider knows of an execution. */
export interface Known {
  row: ExecutionRow
  playbook: Playbook
  state: State
  /** Data of steps, as far as loaded; undefined for a step that was looked up and has none. */
  results: Map<string, Json | undefined>
}

/** An action that is to be started by whoever leased its job. */
export interface Started {
  queue_id: string
  node_id: string
  node_name: string
  tool: string
  action: JsonObject
  /** What the transition passed on. */
  context: JsonObject
  attempt: number
  max_attempts: number
  /** The action_started event. */
  event_id: string
}

/** Whoever decides and can also run edge jobs: it leases what it has room for. */
export interface Claim {
  worker_id: string
  lease_seconds: number
  room: number
  /** Edge jobs of this execution that it knows to be queued. */
  backlog: readonly NewJob[]
}

export interface Committed {
  known: Known
  started: Started[]
  /** Edge jobs left queued. */
  backlog: NewJob[]
}

const MAX_RACES = 12

export function factsOf({ row, results }: Pick<Known, 'row' | 'results'>): Facts {
  return {
    execution_id: row.execution_id,
    name: row.name,
    workload: row.workload,
    results,
  }
}

/** What a row as read tells. */
export async function knownOf(sql: Sql, row: ExecutionRow): Promise<Known> {
  const results = new Map<string, Json | undefined>()
  for (const [name, envelope] of Object.entries(row.results ?? {}))
    results.set(name, dataOf(envelope))
  return {
    row,
    playbook: (await entryOf(sql, row.catalog_id)).playbook,
    state: stateOf(row),
    results,
  }
}

/** Loads results of steps that are not known yet; one round trip, or none. */
export async function loadResults(sql: Sql, known: Known, names: readonly string[]): Promise<void> {
  const missing = names.filter((name) => !known.results.has(name))
  if (missing.length === 0) return
  const [row] = await rowsOf<{ results: JsonObject | null }>(
    readResults(sql, known.row.execution_id, missing),
  )
  for (const name of missing) {
    const envelope = row?.results?.[name]
    known.results.set(name, envelope === undefined ? undefined : dataOf(envelope))
  }
}

/**
 * Decides on reports and appends the decision, with the start of the actions that the claim has room
 * for. Null when the execution has ended meanwhile, so that the reports change nothing.
 * @param reportsOf the reports, given what is known; asked again after each lost race
 * @throws AppError `lease_lost` when `held` is no longer held, `conflict` after too many lost races.
 */
export async function commit(
  sql: Sql,
  first: Known,
  reportsOf: (known: Known) => readonly Report[],
  held: Held | null,
  claim: Claim | null,
): Promise<Committed | null> {
  let known = first
  const own: string[] = []
  for (let race = 0; race < MAX_RACES; race++) {
    if (isTerminal(known.state.status)) return null
    const reports = reportsOf(known)
    const decision = await decideLoaded(sql, known, reports)
    const plan = planAppend(known, decision, claim)
    const decided = reports.flatMap((report) => ('logged' in report ? [report.seq] : []))
    if (plan.events.length === 0 && decided.length === 0) {
      return { known, started: [], backlog: [...(claim?.backlog ?? [])] }
    }
    const [answer] = await rowsOf<AppendRow>(
      append(sql, {
        execution_id: known.row.execution_id,
        expected: known.state.version,
        state: plan.state,
        events: plan.events,
        jobs: plan.jobs,
        closed: decision.closed.map(({ step }) => nodeId(known.row.execution_id, step)),
        failed: decision.closed
          .filter(({ failed }) => failed)
          .map(({ step }) => nodeId(known.row.execution_id, step)),
        decided,
        lease: claim && {
          worker_id: claim.worker_id,
          seconds: claim.lease_seconds,
          queue_ids: plan.started.map(({ queue_id }) => queue_id),
        },
        taken: plan.taken,
        held,
      }),
    )
    if (answer?.written) {
      remember(known, reports)
      return {
        known: { ...known, state: plan.state },
        started: plan.started,
        backlog: plan.backlog,
      }
    }
    // the answer may be that of a second sending, whose first was written
    own.push(...plan.events.slice(0, 1).map(({ event_id }) => event_id))
    await sleep(race * 10 * Math.random())
    const [row] = await rowsOf<ExecutionRow>(readExecution(sql, known.row.execution_id, [], own))
    if (!row) throw new AppError('internal', 'the execution is gone')
    known = { ...known, row: { ...row, results: null }, state: stateOf(row) }
    if (row.own_written) {
      remember(known, reports)
      return { known, started: plan.started, backlog: plan.backlog }
    }
  }
  throw new AppError('conflict', 'the execution is busy; the report is decided later')
}

async function decideLoaded(sql: Sql, known: Known, reports: readonly Report[]): Promise<Decision> {
  for (;;) {
    const outcome = decide(known.playbook, known.state, factsOf(known), reports)
    if (!('missing' in outcome)) return outcome
    await loadResults(sql, known, outcome.missing)
  }
}

/** The decision as it will be written, with action_started for the jobs that the claim takes. */
export function planAppend(known: Known, decision: Decision, claim: Claim | null) {
  const { row, playbook } = known
  const open = !isTerminal(decision.state.status)
  // jobs are named by their step_started event, so these are numbered first
  const numbered = numberEvents(decision.drafts, known.state.version)
  const jobs = jobsOf(decision, numbered, row.execution_id)
  const waiting = open
    ? [...(claim?.backlog ?? []), ...jobs.filter((job) => job.runner === 'edge')]
    : []
  const leased = claim ? waiting.slice(0, claim.room) : []
  const starts = leased.map((job) => actionStarted(job, 1))
  let state = decision.state
  for (const draft of starts) {
    state = evolve(state, { ...draft, context: {}, result: {}, error: null }, playbook)
  }
  const startEvents = numberEvents(starts, known.state.version + numbered.length)
  const isNew = new Set(jobs)
  const started = leased.map(
    (job, index): Started => ({
      queue_id: job.queue_id,
      node_id: job.node_id,
      node_name: job.node_name,
      tool: job.tool,
      action: job.action,
      context: job.context,
      attempt: 1,
      max_attempts: job.max_attempts,
      event_id: startEvents[index]?.event_id ?? '',
    }),
  )
  const taken: Taken[] = leased
    .filter((job) => !isNew.has(job))
    .map(({ node_id, queue_id }) => ({ node_id, queue_id }))
  return {
    state,
    events: [...numbered, ...startEvents],
    jobs,
    started,
    taken,
    backlog: waiting.slice(leased.length),
  }
}

/** The draft of action_started for a job, as NoETL's workers report it. */
function actionStarted(job: NewJob, attempt: number): Draft {
  return {
    event_type: 'action_started',
    node_id: job.node_id,
    node_name: job.node_name,
    node_type: 'task',
    status: 'STARTED',
    parent: job.event_id,
    attempt,
    context: {
      work: job.context,
      task: job.action,
      retry: { attempt, max_attempts: job.max_attempts, is_retry: attempt > 1 },
    },
  }
}

function remember(known: Known, reports: readonly Report[]): void {
  for (const report of reports) {
    const { event_type, node_name, result } = 'draft' in report ? report.draft : report.logged
    if (event_type !== 'action_completed' || !known.playbook.mentioned.has(node_name)) continue
    if (known.results.get(node_name) === undefined) {
      known.results.set(node_name, dataOf(result ?? null))
    }
  }
}
