// Decide and append, until it is written: the loop that every decision goes through. A lost race reads
// again and decides again; nothing is lost either way, as reports are in the log or with their sender.

import { entryOf } from '../catalog/compiled.ts'
import { partOf, workOf } from '../catalog/nodes.ts'
import type { Playbook } from '../catalog/playbook.ts'
import { brokenConstraint, rowsOf, type Sql, sleep } from '../db.ts'
import { AppError } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import { scrub, shownTask } from '../redact/forms.ts'
import type { Config } from '../settings.ts'
import { isTerminal } from '../status.ts'
import { type Facts, type Items, type Needs, type Outcome, recordedItems } from './batch.ts'
import { type Decision, decide, decideFailure, type Report } from './dispatcher.ts'
import { globalsOf } from './globals.ts'
import {
  type AppendRow,
  append,
  type ExecutionRow,
  type Held,
  jobsOf,
  type NewJob,
  numberEvents,
  readExecution,
  readItems,
  readOutcomes,
  readResults,
  readScope,
  stateOf,
  type Taken,
} from './log.ts'
import { advanceState, copyOf, type State } from './state.ts'
import { type Draft, dataOf, nodeId } from './types.ts'

/** What deciding works with: the database, and the tools whose jobs the edge executor does itself. */
export interface Engine {
  sql: Sql
  edgeTools: ReadonlySet<string>
  /** What templates see as `env`. */
  variables: JsonObject
  config: Pick<Config, 'ENCRYPTION_KEY'>
}

/** What a decider knows of an execution. */
export interface Known {
  row: ExecutionRow
  playbook: Playbook
  state: State
  /** Appends of late that were not answered with success: one may have been written all the same. */
  unanswered: Unanswered[]
  /** Data of nodes, as far as loaded; undefined for one that was looked up and has none. */
  results: Map<string, Json | undefined>
  /** Parts of what iterators iterate over, and what was passed on to nodes, as far as loaded. */
  items: Map<string, Items>
  scopes: Map<string, JsonObject>
  /** How iterations have ended; true of the version that it was read at alone. */
  outcomes: Map<string, Outcome[]>
}

/** What is known of an execution when nothing has been loaded. */
export const NOTHING_LOADED = () => ({
  unanswered: [],
  results: new Map<string, Json | undefined>(),
  items: new Map<string, Items>(),
  scopes: new Map<string, JsonObject>(),
  outcomes: new Map<string, Outcome[]>(),
})

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
  /** Seconds since the job was queued. */
  waited: number
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
  drafts: readonly Draft[]
  started: Started[]
  backlog: NewJob[]
}

export interface Committed {
  known: Known
  started: Started[]
  /** Edge jobs left queued. */
  backlog: NewJob[]
  /** Seconds until edge jobs that have been queued for later begin. */
  later: number[]
}

const MAX_RACES = 12

export function factsOf(known: Known, { variables }: Pick<Engine, 'variables'>): Facts {
  const { row, results, items, scopes, outcomes } = known
  return {
    execution_id: row.execution_id,
    name: row.name,
    workload: row.workload,
    results,
    items,
    scopes,
    outcomes,
    globals: globalsOf(variables),
  }
}

/** What a row as read tells. */
export async function knownOf(sql: Sql, row: ExecutionRow): Promise<Known> {
  const loaded = NOTHING_LOADED()
  for (const [name, envelope] of Object.entries(row.results ?? {}))
    loaded.results.set(name, dataOf(envelope))
  const { playbook } = await entryOf(sql, row.catalog_id)
  return { row, playbook, state: stateOf(row), ...loaded }
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

/** Loads what a decision needs; a round trip for each kind of it. */
async function load(sql: Sql, known: Known, needs: Needs): Promise<void> {
  const id = known.row.execution_id
  await loadResults(sql, known, needs.results)
  if (needs.items) {
    const { node, from } = needs.items
    const [row] = await rowsOf<Pick<Items, 'items' | 'scope'>>(readItems(sql, id, node, from))
    if (!row?.items.length) throw new AppError('internal', `'${node}' has no item ${from}`)
    known.items.set(node, { from, items: row.items, scope: row.scope ?? {} })
  }
  if (needs.outcomes !== undefined) {
    const [row] = await rowsOf<{ outcomes: Outcome[] }>(readOutcomes(sql, id, needs.outcomes))
    known.outcomes.set(needs.outcomes, row?.outcomes ?? [])
  }
  if (needs.scope !== undefined) {
    const [row] = await rowsOf<{ scope: JsonObject | null }>(readScope(sql, id, needs.scope))
    known.scopes.set(needs.scope, row?.scope ?? {})
  }
}

/**
 * Decides on reports and appends the decision, with the start of the actions that the claim has room
 * for. Null when the execution has ended meanwhile, so that the reports change nothing.
 * @param reportsOf the reports, given what is known; asked again after each lost race
 * @param unwritable why what should follow cannot be written: the execution fails with it
 * @throws AppError `lease_lost` when `held` is no longer held, `conflict` after too many lost races.
 */
export async function commit(
  engine: Engine,
  first: Known,
  reportsOf: (known: Known) => readonly Report[],
  held: Held | null,
  claim: Claim | null,
  unwritable: string | null = null,
): Promise<Committed | null> {
  const { sql } = engine
  let known = first
  let backlogged = claim
  let why = unwritable
  for (let race = 0; race < MAX_RACES; race++) {
    if (known.unanswered.length > 0 || race > 0) known = await readAgain(sql, known)
    const written = known.unanswered.find(({ event_id }) => event_id === known.row.own_event_id)
    if (written) {
      remember(known, reportsOf(known), written.drafts)
      const { started, backlog } = written
      return { known: { ...known, unanswered: [] }, started, backlog, later: [] }
    }
    if (isTerminal(known.state.status)) return null
    const reports = reportsOf(known)
    const decision = await decideLoaded(engine, known, reports, why)
    const plan = planAppend(engine, known, decision, backlogged)
    const decided = reports.flatMap((report) => ('logged' in report ? [report.seq] : []))
    if (plan.events.length === 0 && decided.length === 0) {
      return { known, started: [], backlog: plan.backlog, later: [] }
    }
    const event_id = plan.events[0]?.event_id
    if (event_id) {
      const { started, backlog } = plan
      known.unanswered.push({ event_id, drafts: decision.drafts, started, backlog })
    }
    try {
      const statement = appendOf(sql, known, decision, plan, decided, held, claim)
      const [answer] = await rowsOf<AppendRow>(statement)
      if (answer?.written) {
        remember(known, reports, decision.drafts)
        const { state, started, backlog, later } = plan
        return { known: { ...known, state, unanswered: [] }, started, backlog, later }
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
  const nodes = decision.closed.map(({ node }) => nodeId(execution_id, node))
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
        .map(({ node }) => nodeId(execution_id, node)),
      ...(held?.dead ? held.nodes : []),
    ],
    dropped: decision.dropped.map((node) => nodeId(execution_id, node)),
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
  known.outcomes.clear()
  // the list itself is shared: whoever asks again after an error knows of it too
  return { ...known, row: { ...row, results: null }, state: stateOf(row) }
}

async function decideLoaded(
  engine: Engine,
  known: Known,
  reports: readonly Report[],
  why: string | null,
): Promise<Decision> {
  for (;;) {
    const { playbook, state } = known
    const outcome =
      why === null
        ? decide(playbook, state, factsOf(known, engine), reports)
        : decideFailure(playbook, state, factsOf(known, engine), reports, why)
    if (!('missing' in outcome)) return outcome
    await load(engine.sql, known, outcome.missing)
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
  // of one that is paused nothing begins
  const open = !isTerminal(decision.state.status) && decision.state.status !== 'PAUSED'
  // jobs are named by their step_started event, so these are numbered first
  const numbered = numberEvents(decision.drafts, known.state.version)
  const jobs = jobsOf(playbook, decision, numbered, row.execution_id, edgeTools)
  const waiting = open ? [...(claim?.backlog ?? []), ...jobs.filter(isForNow)] : []
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
      waited: 0,
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
    later: jobs.map(({ delay_seconds }) => delay_seconds).filter((seconds) => seconds > 0),
  }
}

function isForNow({ runner, delay_seconds }: NewJob): boolean {
  return runner === 'edge' && delay_seconds === 0
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
      work: scrub(job.context),
      task: shownTask(job.action),
      retry: { attempt, max_attempts: job.max_attempts, is_retry: attempt > 1 },
    },
  }
}

/** Keeps what later decisions and actions here would otherwise have to load. */
function remember(known: Known, reports: readonly Report[], drafts: readonly Draft[]): void {
  const { playbook, results, items, scopes } = known
  known.outcomes.clear()
  for (const report of reports) {
    const { event_type, node_name, result } = 'draft' in report ? report.draft : report.logged
    if (event_type !== 'action_completed') continue
    const isSaved = workOf(playbook, node_name)?.save != null
    if (isSaved || playbook.mentioned.has(node_name)) {
      if (results.get(node_name) === undefined) results.set(node_name, dataOf(result ?? null))
    }
    const part = partOf(node_name)
    if (part?.part === 'save') {
      scopes.delete(part.whole)
      if (!playbook.mentioned.has(part.whole)) results.delete(part.whole)
    }
  }
  for (const { event_type, node_name, result, context } of drafts) {
    const begun = event_type === 'iterator_started' ? recordedItems(context ?? null) : undefined
    if (begun) items.set(node_name, begun)
    if (event_type === 'iterator_completed') {
      items.delete(node_name)
      const isSaved = workOf(playbook, node_name)?.save != null
      if (isSaved || playbook.mentioned.has(node_name))
        results.set(node_name, dataOf(result ?? null))
    }
  }
}
