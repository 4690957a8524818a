// Decide and append, until it is written: the loop that every decision goes through. A lost race reads
// again and decides again; nothing is lost either way, as reports are in the log or with their sender.

import { entryOf } from '../catalog/compiled.ts'
import type { Playbook } from '../catalog/playbook.ts'
import { brokenConstraint, rowsOf, type Sql, sleep } from '../db.ts'
import { AppError } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import { isTerminal } from '../status.ts'
import type { Facts } from './batch.ts'
import { type Decision, decide, decideFailure, type Report } from './dispatcher.ts'
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
import { advanceState, copyOf, type State } from './state.ts'
import { type Draft, dataOf, nodeId } from './types.ts'

/** What deciding works with: the database, and the tools whose jobs the edge executor does itself. */
export interface Engine {
  sql: Sql
  edgeTools: ReadonlySet<string>
}

/** What a decider knows of an execution. */
export interface Known {
  row: ExecutionRow
  playbook: Playbook
  state: State
  /** Appends of late that were not answered with success: one may have been written all the same. */
  unanswered: Unanswered[]
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
  /** The step_started event. */
  step_event_id: string
}

/** Whoever decides and can also run edge jobs: it leases what it has room for. */
export interface Claim {
  worker_id: string
  lease_seconds: number
  room: number
  /** Whether a job can end in the time that there is. */
  fits(job: NewJob): boolean
  /** Edge jobs of this execution that it knows to be queued. */
  backlog: readonly NewJob[]
}

/** What an append would have led to. */
interface Unanswered {
  event_id: string
  started: Started[]
  backlog: NewJob[]
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
    unanswered: [],
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
  engine: Engine,
  first: Known,
  reportsOf: (known: Known) => readonly Report[],
  held: Held | null,
  claim: Claim | null,
): Promise<Committed | null> {
  const { sql } = engine
  let known = first
  let backlogged = claim
  let why: string | null = null
  for (let race = 0; race < MAX_RACES; race++) {
    if (known.unanswered.length > 0 || race > 0) known = await readAgain(sql, known)
    const written = known.unanswered.find(({ event_id }) => event_id === known.row.own_event_id)
    if (written) {
      remember(known, reportsOf(known))
      const { started, backlog } = written
      return { known: { ...known, unanswered: [] }, started, backlog }
    }
    if (isTerminal(known.state.status)) return null
    const reports = reportsOf(known)
    const decision = await decideLoaded(sql, known, reports, why)
    const plan = planAppend(engine, known, decision, backlogged)
    const decided = reports.flatMap((report) => ('logged' in report ? [report.seq] : []))
    if (plan.events.length === 0 && decided.length === 0) {
      return { known, started: [], backlog: plan.backlog }
    }
    const event_id = plan.events[0]?.event_id
    if (event_id) {
      const { started, backlog } = plan
      known.unanswered.push({ event_id, started, backlog })
    }
    try {
      const statement = appendOf(sql, known, decision, plan, decided, held, claim)
      const [answer] = await rowsOf<AppendRow>(statement)
      if (answer?.written) {
        remember(known, reports)
        const { state, started, backlog } = plan
        return { known: { ...known, state, unanswered: [] }, started, backlog }
      }
      // another has moved on; or this is the answer to a second sending, whose first was written
      await sleep(race * 10 * Math.random())
    } catch (error) {
      // an id that was drawn twice is drawn anew
      if (brokenConstraint(error) !== null) continue
      if (!(error instanceof AppError) || error.code === 'unavailable') throw error
      if (error.code === 'job_taken' && backlogged) {
        // somebody else runs what was queued; whoever it is sees to the rest of it
        backlogged = { ...backlogged, backlog: [] }
      } else {
        const isLogged = reports.some((report) => 'logged' in report)
        const isUnwritable = error.code === 'too_large' || error.code === 'invalid_input'
        // a report in the log would be decided on for ever; the execution fails and says why
        if (why !== null || !isLogged || !isUnwritable) throw error
        why = error.message
      }
    }
  }
  throw new AppError('conflict', 'the execution is busy; the report is decided later')
}

function appendOf(
  sql: Sql,
  { row: { execution_id }, state }: Known,
  decision: Decision,
  plan: ReturnType<typeof planAppend>,
  decided: number[],
  held: Held | null,
  claim: Claim | null,
) {
  const nodes = decision.closed.map(({ step }) => nodeId(execution_id, step))
  // nothing is tried again after the end
  const again = isTerminal(plan.state.status) ? [] : (held?.again ?? [])
  const isAgain = new Set(again.map(({ node_id }) => node_id))
  const ended = (held?.nodes ?? []).filter((node) => !isAgain.has(node))
  return append(sql, {
    execution_id,
    expected: state.version,
    state: plan.state,
    events: plan.events,
    jobs: plan.jobs,
    // what is reported on is over, also where another step's failure has decided the execution
    closed: [...new Set([...nodes, ...ended])],
    failed: [
      ...decision.closed
        .filter(({ failed }) => failed)
        .map(({ step }) => nodeId(execution_id, step)),
      ...(held?.dead ? held.nodes : []),
    ],
    decided,
    lease: claim && {
      worker_id: claim.worker_id,
      seconds: claim.lease_seconds,
      queue_ids: plan.started.map(({ queue_id }) => queue_id),
    },
    taken: plan.taken,
    held,
  })
}

/** How the execution stands by now, and whether the unanswered append is in its log. */
async function readAgain(sql: Sql, known: Known): Promise<Known> {
  const own = known.unanswered.map(({ event_id }) => event_id)
  const statement = readExecution(sql, known.row.execution_id, [], own)
  const [row] = await rowsOf<ExecutionRow>(statement)
  if (!row) throw new AppError('internal', 'the execution is gone')
  // a step that had no result may have one by now
  for (const [name, data] of known.results) if (data === undefined) known.results.delete(name)
  // the list itself is shared: whoever asks again after an error knows of it too
  return { ...known, row: { ...row, results: null }, state: stateOf(row) }
}

async function decideLoaded(
  sql: Sql,
  known: Known,
  reports: readonly Report[],
  why: string | null,
): Promise<Decision> {
  for (;;) {
    const { playbook, state } = known
    const outcome =
      why === null
        ? decide(playbook, state, factsOf(known), reports)
        : decideFailure(playbook, state, factsOf(known), reports, why)
    if (!('missing' in outcome)) return outcome
    await loadResults(sql, known, outcome.missing)
  }
}

/** The decision as it will be written, with action_started for the jobs that the claim takes. */
export function planAppend(
  { edgeTools }: Engine,
  known: Known,
  decision: Decision,
  claim: Claim | null,
) {
  const { row, playbook } = known
  const open = !isTerminal(decision.state.status)
  // jobs are named by their step_started event, so these are numbered first
  const numbered = numberEvents(decision.drafts, known.state.version)
  const jobs = jobsOf(playbook, decision, numbered, row.execution_id, edgeTools)
  const waiting = open
    ? [...(claim?.backlog ?? []), ...jobs.filter((job) => job.runner === 'edge')]
    : []
  const leased = claim ? waiting.filter((job) => claim.fits(job)).slice(0, claim.room) : []
  const isLeased = new Set(leased)
  const starts = leased.map((job) => actionStarted(job, 1))
  const state = copyOf(decision.state)
  for (const draft of starts) {
    advanceState(state, { ...draft, context: {}, result: {}, error: null }, playbook)
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
      step_event_id: job.event_id,
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
    backlog: waiting.filter((job) => !isLeased.has(job)),
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
