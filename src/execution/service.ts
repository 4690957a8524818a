// Starting an execution: find the entry, decide its beginning, write both in one statement.

import type { AuditEntry } from '../access/audit.ts'
import { mayReach } from '../access/caller.ts'
import { type Entry, keepEntry, knownEntry } from '../catalog/compiled.ts'
import type { Playbook } from '../catalog/playbook.ts'
import { type EntryRow, findEntry, type Lookup } from '../catalog/queries.ts'
import { rowsAfter, rowsOf, type Sql, type Statement, sleep } from '../db.ts'
import { sha256 } from '../digest.ts'
import { AppError, fail } from '../errors.ts'
import {
  type Claim,
  type Committed,
  type Engine,
  factsOf,
  type Known,
  NOTHING_LOADED,
  planAppend,
} from '../event/commit.ts'
import { decideStart } from '../event/dispatcher.ts'
import { globalsOf } from '../event/globals.ts'
import type { NewJob } from '../event/log.ts'
import { INITIAL } from '../event/state.ts'
import type { Draft } from '../event/types.ts'
import { newId, parseId } from '../ids.ts'
import { type JsonObject, toJson } from '../json.ts'
import { joinTargets, type Target } from '../notification/target.ts'
import { isTerminal } from '../status.ts'
import { TemplateError } from '../template/index.ts'
import {
  findRun,
  type KeyAnswer,
  type Occasion,
  type StandingRun,
  type StartedRow,
  start,
  takeKey,
} from './queries.ts'
import type { Requestor, RunReply, RunRequest } from './schema.ts'
import { workloadOf } from './workload.ts'

/** What a lookup meant last, per isolate: a guess that the statement verifies. */
const guesses = new Map<string, string>()
const MAX_GUESSES = 1_000

export interface Run {
  reply: RunReply
  committed: Committed
}

/** How a run is to be started. */
export interface Start {
  request: RunRequest
  requestor: Requestor
  /** What the caller may see of the playbooks; null: all. */
  within: string | null
  /** Who is told of its end, beside those that the request and the playbook name. */
  notify?: readonly Target[]
  /** Of a child execution: its id, drawn beforehand. */
  childId?: string
  /** What it is started by at most once, given the id that it would have. */
  occasion?: (executionId: string) => Occasion
  /** The line of the audit that is written with it. */
  audit?: AuditEntry
}

/** Starts an execution of a catalog entry. @throws as startEntry does. */
export async function runEntry(engine: Engine, how: Start, claim: Claim | null): Promise<Run> {
  const outcome = await startEntry(engine, how, claim)
  return 'run' in outcome ? outcome.run : fail('internal', 'the run was started before')
}

/**
 * Starts an execution of a catalog entry. One round trip when this isolate knows the entry, else two. It is not
 * started when its occasion was taken before (then that answer is returned) or its child id is in use.
 * @throws AppError `not_found` for an unknown entry, `invalid_input` for one that is no playbook.
 */
export async function startEntry(
  engine: Engine,
  { request, requestor, within, notify = [], childId, occasion, audit }: Start,
  claim: Claim | null,
): Promise<{ run: Run; answer: JsonObject | null } | { answer: JsonObject | null }> {
  const { sql } = engine
  const lookup = lookupOf(request)
  const key = JSON.stringify(lookup)
  let entry = knownEntry(guesses.get(key) ?? '')
  // a further round means that a newer version was registered in between
  for (let round = 0; round < 5; round++) {
    if (!entry) {
      const [row] = await rowsOf<EntryRow>(findEntry(sql, lookup))
      // what it is, is told to those alone who see it
      if (!row || !mayReach({ within }, row.path)) notFound(request)
      entry = learn(key, row)
    }
    if (!mayReach({ within }, entry.path)) notFound(request)
    const executionId = childId ?? newId()
    const targets = joinTargets(request.notify, notify, entry.playbook.notify)
    const known = begin(entry, request, executionId, engine.variables, within)
    known.row.notifies = targets.length > 0
    const decision = decideStart(
      entry.playbook,
      INITIAL,
      factsOf(known, engine),
      startDraft(known, entry, request, requestor, targets),
    )
    if ('missing' in decision) throw new AppError('internal', 'a beginning needs no results')
    const plan = planAppend(engine, known, decision, claim)
    const taking = occasion?.(executionId) ?? null
    const statement = start(sql, lookup, {
      execution_id: executionId,
      catalog_id: entry.catalog_id,
      name: known.row.name,
      request,
      occasion: taking,
      audit: audit ?? null,
      within,
      notify: targets,
      requestor,
      workload: known.row.workload,
      join_needs: entry.playbook.joinNeeds,
      state: plan.state,
      events: plan.events,
      jobs: plan.jobs.map((job) => toldWho(job, requestor)),
      lease: claim && {
        worker_id: claim.worker_id,
        seconds: claim.lease_seconds,
        queue_ids: plan.started.map(({ queue_id }) => queue_id),
      },
    })
    const row = (await send(sql, statement, taking?.lock)) ?? notFound(request)
    if (row.written) {
      const committed = {
        known: { ...known, state: plan.state },
        started: plan.started,
        backlog: plan.backlog,
        later: plan.later,
      }
      return {
        run: { reply: replyOf(row, request, committed.known), committed },
        answer: row.answer,
      }
    }
    if (!row.payload && (childId !== undefined || row.answer)) return { answer: row.answer }
    entry = row.payload ? learn(key, { ...row, payload: row.payload }) : entry
  }
  throw new AppError('conflict', 'the entry keeps changing; try again')
}

/** The first jobs of an execution tell workers who asked for it, as NoETL's do. */
function toldWho(job: NewJob, requestor: Requestor): NewJob {
  if (job.runner === 'edge') return job
  // by NoETL's names alone
  const { caller: _caller, ...told } = requestor
  return { ...job, context: { ...job.context, _meta: { requestor: told } } }
}

/**
 * Sends the start. Nothing written for the very entry that was decided on means that an earlier sending,
 * whose answer was lost, or another who takes the same occasion was still under way: the next one sees what
 * became of it.
 */
async function send(
  sql: Sql,
  statement: Statement,
  lock: Statement | undefined,
): Promise<StartedRow | undefined> {
  const once = () =>
    lock ? rowsAfter<StartedRow>(sql, lock, statement) : rowsOf<StartedRow>(statement)
  let [row] = await once()
  if (row && !row.written && !row.payload && !row.answer) [row] = await once()
  return row
}

function lookupOf({ catalog_id, path, version }: RunRequest): Lookup {
  // an id that cannot be one is found nowhere, like any unknown one
  if (catalog_id !== null) return { catalog_id: parseId(catalog_id) ?? '0' }
  return { path: path ?? '', version: version === 'latest' ? null : Number(version) }
}

function notFound({ catalog_id, path, version }: RunRequest): never {
  if (catalog_id !== null) fail('not_found', `Catalog entry with ID '${catalog_id}' not found`)
  if (version === 'latest') fail('not_found', `No catalog entries found for path '${path}'`)
  fail('not_found', `Catalog entry '${path}' with version '${version}' not found`)
}

function learn(key: string, row: EntryRow): Entry {
  if (row.kind.toLowerCase() !== 'playbook') {
    fail('invalid_input', `'${row.path}' is a ${row.kind}, not a playbook, and cannot be run`)
  }
  if (guesses.size >= MAX_GUESSES) guesses.clear()
  guesses.set(key, row.catalog_id)
  return keepEntry(row)
}

/** The execution before its first event. */
function begin(
  { catalog_id, path, version, playbook }: Entry,
  request: RunRequest,
  execution_id: string,
  variables: JsonObject,
  within: string | null,
): Known {
  return {
    playbook,
    state: INITIAL,
    ...NOTHING_LOADED(),
    row: {
      execution_id,
      catalog_id,
      path,
      name: path.slice(path.lastIndexOf('/') + 1),
      entry_version: version,
      version: 0,
      status: INITIAL.status,
      events_done: 0,
      progress: 0,
      last_event_type: '',
      state: {},
      workload: renderedWorkload(playbook, request, execution_id, variables),
      result: null,
      error: null,
      undecided: [],
      parent_execution_id: request.parent_execution_id,
      parent_event_id: request.parent_event_id,
      notifies: false,
      within,
      results: null,
    },
  }
}

/** It is written twice by one request, and that is at most 10 MB. */
const MAX_WORKLOAD_BYTES = 2 * 1_048_576

function storable(workload: JsonObject): JsonObject {
  if (new TextEncoder().encode(toJson(workload)).byteLength > MAX_WORKLOAD_BYTES) {
    fail('too_large', `the workload is larger than ${MAX_WORKLOAD_BYTES} bytes`)
  }
  return workload
}

function renderedWorkload(
  { workload }: Playbook,
  { parameters, merge }: RunRequest,
  executionId: string,
  variables: JsonObject,
): JsonObject {
  // the job of a workload is the execution itself: a worker's is another for each step
  const job = { id: executionId, uuid: executionId, execution_id: executionId }
  const context = { ...globalsOf(variables), execution_id: executionId, job }
  try {
    return storable(workloadOf(workload, parameters, merge, context))
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    const at = `/workload${error.pointer ?? ''}`
    const detail = `${error.message} in ${error.expression}`
    return fail('invalid_input', `the playbook's workload: ${at}: ${detail}`)
  }
}

function startDraft(
  { row }: Known,
  { path, version }: Entry,
  request: RunRequest,
  requestor: Requestor,
  notify: readonly Target[],
): Draft {
  const { parent_execution_id, parent_event_id, parent_step } = request
  return {
    event_type: 'execution_start',
    node_name: row.name,
    node_type: 'playbook',
    status: 'STARTED',
    parent: parent_event_id,
    parent_execution_id,
    context: { path, version: String(version), workload: row.workload },
    meta: {
      path,
      version: String(version),
      parent_execution_id,
      parent_step,
      requestor: requestor as unknown as JsonObject,
      ...(row.within !== null && { within: row.within }),
      ...(notify.length > 0 && { notify: notify.map((target) => ({ ...target })) }),
    },
  }
}

/** NoETL's reply to a run, every key always there; status is lower case here and only here. */
function replyOf(
  { catalog_id, path, version, started_at, ended_at }: StartedRow,
  request: RunRequest,
  { row: { execution_id, name }, state }: Known,
): RunReply {
  const { status, progress, result, error } = state
  const run = {
    execution_id,
    catalog_id,
    path,
    name,
    version,
    type: request.type,
    started_at,
    ended_at,
  }
  return shown({ ...run, status, progress, result, error }, request)
}

/** A run as its start is answered. */
function shown(run: StandingRun, request: RunRequest): RunReply {
  const { execution_id, path, version } = run
  const accepted = {
    status: 'success',
    message: `Execution accepted for playbooks '${path}' version '${version}'.`,
    result: { status: 'queued' },
    execution_id,
    export_path: null,
  }
  return {
    execution_id,
    id: execution_id,
    catalog_id: run.catalog_id,
    path,
    playbook_id: path,
    playbook_name: run.name,
    version: String(version),
    type: run.type,
    execution_type: run.type,
    status: !isTerminal(run.status) ? 'running' : run.status === 'FAILED' ? 'failed' : 'completed',
    timestamp: run.started_at,
    start_time: run.started_at,
    end_time: run.ended_at,
    progress: run.progress,
    result: request.sync_to_postgres ? run.result : accepted,
    error: run.error,
  }
}

/** What starts a run under a key that its sender drew: the same request again is answered with the same run. */
export interface IdempotencyKey {
  caller: string
  key: string
  /** What makes a request the same one, where the run's is made for each sending anew. */
  request?: string
}

/**
 * Starts an execution, or, where the key has started one, answers with how that one stands; nothing is committed then.
 * @throws AppError `conflict` when the key has started another request's.
 */
export async function runOnce(
  engine: Engine,
  how: Omit<Start, 'occasion'>,
  { request, ...given }: IdempotencyKey,
  claim: Claim | null,
): Promise<Pick<Run, 'reply'> & { committed: Committed | null }> {
  const fingerprint = await sha256(request ?? toJson(how.request))
  const once = (execution_id: string) =>
    takeKey(engine.sql, { ...given, fingerprint, execution_id })
  const outcome = await startEntry(engine, { ...how, occasion: once }, claim)
  if ('run' in outcome) return outcome.run
  const first = outcome.answer as unknown as KeyAnswer | null
  if (first?.fingerprint !== fingerprint) {
    fail('conflict', 'this Idempotency-Key was sent with another request')
  }
  if (!first.run) fail('gone', 'the run that this Idempotency-Key started is kept no longer')
  return { reply: shown(first.run, how.request), committed: null }
}

/** How a run has ended, as its start is answered; null when it has not within so many seconds. */
export async function awaitEnd(
  sql: Sql,
  request: RunRequest,
  executionId: string,
  seconds: number,
): Promise<RunReply | null> {
  const until = Date.now() + seconds * 1000
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 1.5, LAST_LOOK_MS)) {
    const left = until - Date.now()
    if (left <= 0) return null
    await sleep(Math.min(pause, left))
    // a database that is away is no reason to say that nothing was begun
    const [run] = await rowsOf<StandingRun>(findRun(sql, executionId)).catch(unlessAway)
    if (run && isTerminal(run.status)) return shown(run, request)
  }
}

function unlessAway(error: unknown): StandingRun[] {
  if (error instanceof AppError && error.code === 'unavailable') return []
  throw error
}

const FIRST_LOOK_MS = 50
const LAST_LOOK_MS = 1_000
