// The event service: recording reports, and answering those that are in the log.

import { partOf } from '../catalog/nodes.ts'
import { brokenConstraint, rowsOf, type Sql } from '../db.ts'
import { AppError, fail } from '../errors.ts'
import { newId, parseId } from '../ids.ts'
import { isObject, type Json, type JsonObject, toJson } from '../json.ts'
import { isTerminal, normalizeStatus, type Status } from '../status.ts'
import { type Claim, type Committed, commit, type Engine, knownOf } from './commit.ts'
import type { Report } from './dispatcher.ts'
import {
  type CancelledRow,
  cancelNow,
  type ExecutionRow,
  type LoggedReport,
  readExecution,
} from './log.ts'
import { type PausedRow, setPaused } from './pause.ts'
import { lookUpSecrets, redacted, rememberedSecrets } from './redaction.ts'
import { type NewReport, type RecordedRow, record } from './report.ts'
import { DECIDING_EVENTS, type EventReport, nodeId } from './types.ts'

/** Reports that workers send at an action's start and end; NoETL's send them without an event id. */
const ACTION_REPORTS = new Set([
  'action_started',
  'action_completed',
  'action_error',
  'step_result',
])

export interface Recorded {
  event_id: string
  /** The execution's version by then. */
  version: number
  /** What the evaluator did about it, when it did: jobs that were started for the caller's claim. */
  committed: Committed | null
  /** Whether the decision was left for later, since too many others were writing. */
  unsettled: boolean
}

/**
 * Appends a report and, if it ends an action, decides what follows. Sent again it gives the first
 * answer again.
 * @param within what the reporter sees of the playbooks: of the rest nothing is there
 * @throws AppError `not_found` for an unknown execution, `conflict` for another body under the same id,
 * `lease_lost` when it names a lease, or is of a worker, that no longer holds the job.
 */
export async function recordEvent(
  engine: Engine,
  report: EventReport,
  claim: Claim | null,
  within: string | null,
): Promise<Recorded> {
  return answered(engine, await recordRedacted(engine, toNewReport(report), within), claim)
}

/** The same for a report of the edge executor, which has taken its secrets out. */
export async function recordOwnEvent(
  engine: Engine,
  report: EventReport,
  claim: Claim | null,
): Promise<Recorded> {
  return answered(engine, await recordAsIs(engine, toNewReport(report), null), claim)
}

async function answered(
  engine: Engine,
  { event, row }: Attempted,
  claim: Claim | null,
): Promise<Recorded> {
  if (row.existing_id !== null && !row.same) {
    fail('conflict', `event ${event.event_id} is in the log with another body`)
  }
  if (row.refused) fail('lease_lost', `the job of '${event.node_name}' is leased to another`)
  const event_id = row.existing_id ?? event.event_id
  const { version } = row
  // a report sent again may find its first decision lost on the way
  if (row.existing_id !== null && row.undecided.length > 0) {
    return { event_id, version, ...(await unlessBusy(settle(engine, row.execution_id, claim))) }
  }
  if (!row.deciding || row.seq === null)
    return { event_id, version, committed: null, unsettled: false }
  // reports that came before, and that no decision has answered yet, are answered first
  if (row.undecided.length > 1) {
    return { event_id, version, ...(await unlessBusy(settle(engine, row.execution_id, claim))) }
  }
  const logged: LoggedReport = { ...event, seq: row.seq }
  const known = await knownOf(engine.sql, row)
  return {
    event_id,
    version,
    ...(await unlessBusy(commit(engine, known, latest(logged), null, claim))),
  }
}

/** The report is in the log either way; what cannot be decided now is decided later. */
async function unlessBusy(decision: Promise<Committed | null>) {
  try {
    const committed = await decision
    // what has followed is a part of the answer, and may go on while it is sent
    return {
      committed,
      unsettled: false,
      ...(committed && { version: committed.known.state.version }),
    }
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'conflict')) throw error
    return { committed: null, unsettled: true }
  }
}

/** Answers the reports of an execution that no decision has answered; null when there are none. */
export async function settle(
  engine: Engine,
  executionId: string,
  claim: Claim | null,
): Promise<Committed | null> {
  const [row] = await rowsOf<ExecutionRow>(readExecution(engine.sql, executionId, []))
  if (!row?.reports) return null
  // what is in `results` counts as looked up, and here nothing was
  const known = await knownOf(engine.sql, { ...row, results: null })
  return commit(engine, known, ({ row: { reports } }) => (reports ?? []).map(asReport), null, claim)
}

/**
 * Ends an execution as cancelled; done twice it is done once. Whatever it still runs changes nothing more.
 * @param within what the caller sees of the playbooks: of the rest nothing is there
 * @throws AppError `not_found`, or `conflict` for one that has ended otherwise.
 */
export async function cancel(
  engine: Engine,
  executionId: string,
  reason: string | null,
  within: string | null = null,
): Promise<{ status: Status; version: number; committed: Committed | null }> {
  const id = parseId(executionId)
  const error = reason === null ? 'cancelled' : `cancelled: ${reason}`
  const cancelling = { execution_id: id ?? '0', event_id: newId(), error, within }
  for (let round = 0; round < CANCEL_ROUNDS; round++) {
    const [row] = id === null ? [] : await rowsOf<CancelledRow>(cancelNow(engine.sql, cancelling))
    if (!row) fail('not_found', `Execution '${executionId}' not found.`)
    const { status, version, cancelled, written } = row
    if (written) {
      const known = await knownOf(engine.sql, { ...row, results: null })
      return { status, version, committed: { known, started: [], backlog: [], later: [] } }
    }
    if (cancelled) return { status, version, committed: null }
    if (isTerminal(status)) {
      fail('conflict', `execution ${executionId} has ended already: ${status}`)
    }
    // it was ending while this was sent; the next look sees how
  }
  throw new AppError('conflict', 'the execution keeps changing; try again')
}

const CANCEL_ROUNDS = 5

/**
 * Has an execution pause, or go on; done twice it is done once. What runs is reported and decided on, but nothing
 * begins while it is paused.
 * @param within what the caller sees of the playbooks: of the rest nothing is there
 * @throws AppError `not_found`, or `conflict` for one that has ended.
 */
export async function pause(
  { sql }: Engine,
  executionId: string,
  paused: boolean,
  within: string | null = null,
): Promise<PausedRow> {
  const id = parseId(executionId)
  const pausing = { execution_id: id ?? '0', event_id: newId(), paused, within }
  for (let round = 0; round < CANCEL_ROUNDS; round++) {
    const [row] = id === null ? [] : await rowsOf<PausedRow>(setPaused(sql, pausing))
    if (!row) fail('not_found', `Execution '${executionId}' not found.`)
    if ((row.status === 'PAUSED') === paused && !isTerminal(row.status)) return row
    if (isTerminal(row.status)) {
      fail('conflict', `execution ${executionId} has ended already: ${row.status}`)
    }
    // another did the same, or the opposite, while this was sent; the next look sees how it stands
  }
  throw new AppError('conflict', 'the execution keeps changing; try again')
}

/** The report, until a later reading shows which reports are still undecided. */
function latest(logged: LoggedReport) {
  return ({ row }: { row: ExecutionRow }): Report[] =>
    row.reports === undefined ? [asReport(logged)] : (row.reports ?? []).map(asReport)
}

function asReport({ seq, event_id, ...draft }: LoggedReport): Report {
  return { logged: { ...draft, parent: null }, event_id, seq }
}

interface Attempted {
  event: NewReport
  row: RecordedRow
}

async function recordAsIs(
  { sql }: Engine,
  report: NewReport,
  within: string | null,
): Promise<Attempted> {
  const event = { ...report, is_redacted: true }
  return { event, row: await recordOnce(sql, event, within) }
}

/** Without what is a secret by its form; where its job names credentials, also without these. */
async function recordRedacted(
  engine: Engine,
  report: NewReport,
  within: string | null,
): Promise<Attempted> {
  const remembered = await rememberedSecrets(report)
  if (remembered) return recordAsIs(engine, redacted(report, remembered), within)
  const event = redacted(report, [])
  const row = await recordOnce(engine.sql, event, within)
  if (row.asked === null) return { event, row }
  const secrets = await lookUpSecrets(engine, report, row.asked)
  return recordAsIs(engine, redacted(report, secrets), within)
}

async function recordOnce(sql: Sql, event: NewReport, within: string | null): Promise<RecordedRow> {
  const statement = record(sql, event, within)
  let rows: RecordedRow[]
  try {
    rows = await rowsOf<RecordedRow>(statement)
  } catch (error) {
    // the same event arrived at the same moment; now it is there to be seen
    if (brokenConstraint(error) === null) throw error
    rows = await rowsOf<RecordedRow>(statement)
  }
  return rows[0] ?? fail('not_found', `Execution '${event.execution_id}' not found.`)
}

function toNewReport(report: EventReport): NewReport {
  const context = report.context ?? {}
  const event_id = report.event_id ?? newId()
  const named = nameOf(report, context)
  // a worker may know an iteration by its step's name alone; its job is what counts
  const node_name = partOf(named) ? named : (report.node_name ?? named)
  return {
    execution_id: report.execution_id,
    event_id,
    is_redacted: false,
    id_given: report.event_id != null,
    is_action_report: ACTION_REPORTS.has(report.event_type),
    is_deciding: DECIDING_EVENTS.has(report.event_type),
    parent_event_id: report.parent_event_id ?? report.parent_id ?? null,
    parent_execution_id: report.parent_execution_id ?? null,
    event_type: report.event_type,
    node_id: report.node_id ?? event_id,
    node_name,
    node_type: report.node_type ?? typeOf(report.event_type, context),
    status: normalizeStatus(report.status ?? '') ?? 'PENDING',
    duration: report.duration ?? 0,
    context,
    result: report.result ?? report.output_result ?? {},
    meta: report.meta ?? {},
    error: textOf(report.error),
    stack_trace: report.traceback ?? null,
    trace_component: report.trace_component ?? null,
    worker_id: report.worker_id ?? null,
    queue_id: report.queue_id ?? null,
    attempt: report.attempt ?? null,
    current_index: report.current_index ?? null,
    current_item: report.current_item ?? null,
  }
}

/** NoETL's order of where a node's name stands, the node id of a step's job first. */
function nameOf(report: EventReport, context: Json): string {
  const prefix = nodeId(report.execution_id, '')
  if (report.node_id?.startsWith(prefix)) return report.node_id.slice(prefix.length)
  const places = isObject(context) ? [context.work, context.workload, context] : []
  for (const place of places.filter(isObject)) {
    const name = namedIn(place)
    if (name !== null) return name
  }
  return report.event_type
}

function namedIn(place: JsonObject): string | null {
  const name = [place.step_name, place.step, place.name].find((value) => typeof value === 'string')
  return typeof name === 'string' ? name.slice(0, 256) : null
}

/** NoETL's inference of a node's type. */
function typeOf(eventType: string, context: Json): string {
  if (isObject(context) && isObject(context.task ?? null)) return 'task'
  if (eventType.startsWith('execution_') || eventType === 'start') return 'playbook'
  if (eventType.startsWith('action_') || eventType === 'result') return 'task'
  return eventType.startsWith('loop_') ? 'loop' : 'event'
}

function textOf(error: Json | undefined): string | null {
  if (error === undefined || error === null) return null
  return typeof error === 'string' ? error : toJson(error)
}
