// The evaluator's entrance: reports of actions in, events and jobs out. Pure.

import type { Playbook } from '../catalog/playbook.ts'
import {
  type Batch,
  type Closed,
  emit,
  type Facts,
  type JobDraft,
  MissingResults,
} from './batch.ts'
import { failExecution } from './finalize.ts'
import { startExecution } from './initial.ts'
import { copyOf, reportData, type State } from './state.ts'
import { advance, leaveStep } from './transitions.ts'
import { DECIDING_EVENTS, type Draft, dataOf } from './types.ts'

/** A report to decide on: one to be appended with the decision, or one that the log holds already. */
export type Report =
  /** `again`: an attempt that failed and is not the last, so that it decides nothing. */
  { draft: Draft; again?: boolean } | { logged: Draft; event_id: string; seq: number }

/** What is to be appended, and the state after it. */
export interface Decision {
  drafts: readonly Draft[]
  jobs: readonly JobDraft[]
  closed: readonly Closed[]
  state: State
}

/** A decision, or the steps whose results it needs before it can be made. */
export type Outcome = Decision | { missing: readonly string[] }

/** Decides how an execution begins: its first events and jobs. */
export function decideStart(playbook: Playbook, state: State, facts: Facts, start: Draft): Outcome {
  return inBatch(playbook, state, facts, (batch) => startExecution(batch, start))
}

/**
 * Decides what follows from reports. Reports on steps that are not running (late, or twice) are
 * appended and decide nothing.
 */
export function decide(
  playbook: Playbook,
  state: State,
  facts: Facts,
  reports: readonly Report[],
): Outcome {
  try {
    return inBatch(playbook, state, withReported(facts, reports), (batch) =>
      takeIn(batch, reports, answer),
    )
  } catch (error) {
    // a report that cannot be decided on would be tried for ever
    const why = `the evaluator failed: ${error instanceof Error ? error.message : String(error)}`
    return decideFailure(playbook, state, facts, reports, why)
  }
}

/** Decides that the execution fails at these reports, and why: no other decision could be made or kept. */
export function decideFailure(
  playbook: Playbook,
  state: State,
  facts: Facts,
  reports: readonly Report[],
  why: string,
): Outcome {
  return inBatch(playbook, state, facts, (batch) =>
    takeIn(batch, reports, (_batch, report, event) => {
      batch.cause = event
      batch.closed.push({ step: report.node_name, failed: true })
      failExecution(batch, report.node_name, why)
    }),
  )
}

type Answer = (batch: Batch, report: Draft, event: string | number) => void

/** Appends the reports that are not in the log, then answers those that end an action. */
function takeIn(batch: Batch, reports: readonly Report[], answerWith: Answer): void {
  const deciding: { draft: Draft; event: string | number }[] = []
  for (const report of reports) {
    const draft = 'draft' in report ? report.draft : report.logged
    const event = 'draft' in report ? emit(batch, draft) : report.event_id
    const decides = DECIDING_EVENTS.has(draft.event_type) && !('again' in report && report.again)
    if (decides) deciding.push({ draft, event })
  }
  for (const { draft, event } of deciding) {
    if (batch.state.active.has(draft.node_name)) answerWith(batch, draft, event)
  }
}

function answer(batch: Batch, report: Draft, event: string | number): void {
  batch.cause = event
  const step = batch.playbook.steps.get(report.node_name)
  if (!step) return
  const failed = report.event_type === 'action_error'
  batch.closed.push({ step: step.name, failed })
  if (failed) {
    return failExecution(batch, step.name, report.error ?? 'the action failed without saying why')
  }
  reportData(batch.state, step.name, report.result ?? null)
  leaveStep(batch, step, dataOf(report.result ?? null))
  advance(batch)
}

function inBatch(
  playbook: Playbook,
  state: State,
  facts: Facts,
  work: (batch: Batch) => void,
): Outcome {
  const batch: Batch = {
    playbook,
    facts,
    state: copyOf(state),
    drafts: [],
    jobs: [],
    closed: [],
    cause: null,
    causes: new Map(),
  }
  try {
    work(batch)
  } catch (error) {
    if (error instanceof MissingResults) return { missing: error.names }
    throw error
  }
  return { drafts: batch.drafts, jobs: batch.jobs, closed: batch.closed, state: batch.state }
}

/** The facts with the data that the reports themselves bring. */
function withReported(facts: Facts, reports: readonly Report[]): Facts {
  const results = new Map(facts.results)
  for (const report of reports) {
    const draft = 'draft' in report ? report.draft : report.logged
    if (draft.event_type === 'action_completed' && results.get(draft.node_name) === undefined) {
      results.set(draft.node_name, dataOf(draft.result ?? null))
    }
  }
  return { ...facts, results }
}
