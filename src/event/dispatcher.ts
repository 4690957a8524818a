// The evaluator's entrance: reports of actions in, events and jobs out. Pure.

import { stepOf } from '../catalog/nodes.ts'
import type { Playbook } from '../catalog/playbook.ts'
import { isTerminal } from '../status.ts'
import {
  type Batch,
  type Closed,
  emit,
  type Facts,
  type JobDraft,
  Missing,
  type Needs,
} from './batch.ts'
import { failExecution } from './finalize.ts'
import { startExecution } from './initial.ts'
import { answer, isDeciding } from './nodes.ts'
import { copyOf, type State } from './state.ts'
import { advance } from './transitions.ts'
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
  /** Nodes whose jobs are no longer wanted. */
  dropped: readonly string[]
  state: State
}

/** A decision, or what it needs before it can be made. */
export type Outcome = Decision | { missing: Needs }

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
    return inBatch(playbook, state, facts, (batch) =>
      takeIn(batch, reports, (report, event) => {
        answer(batch, report, event)
        advance(batch)
      }),
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
    takeIn(batch, reports, (report, event) => {
      batch.cause = event
      batch.closed.push({ node: report.node_name, failed: true })
      failExecution(batch, stepOf(report.node_name), why)
    }),
  )
}

type Answer = (report: Draft, event: string | number) => void

/** Appends the reports that are not in the log, then answers those that end an action. */
function takeIn(batch: Batch, reports: readonly Report[], answerWith: Answer): void {
  const deciding: { draft: Draft; event: string | number }[] = []
  for (const report of reports) {
    const draft = 'draft' in report ? report.draft : report.logged
    const event = 'draft' in report ? emit(batch, draft) : report.event_id
    const { results } = batch.facts
    if (draft.event_type === 'action_completed' && results.get(draft.node_name) === undefined) {
      results.set(draft.node_name, dataOf(draft.result ?? null))
    }
    const decides = DECIDING_EVENTS.has(draft.event_type) && !('again' in report && report.again)
    if (decides) deciding.push({ draft, event })
  }
  for (const { draft, event } of deciding) {
    if (isDeciding(batch, draft.node_name)) answerWith(draft, event)
  }
}

function inBatch(
  playbook: Playbook,
  state: State,
  facts: Facts,
  work: (batch: Batch) => void,
): Outcome {
  const batch: Batch = {
    playbook,
    facts: { ...facts, results: new Map(facts.results) },
    state: copyOf(state),
    drafts: [],
    jobs: [],
    closed: [],
    dropped: [],
    cause: null,
    causes: new Map(),
    iterating: new Set(),
  }
  try {
    work(batch)
  } catch (error) {
    if (error instanceof Missing) return { missing: error.needs }
    throw error
  }
  const { drafts, closed, dropped } = batch
  const isOver = isTerminal(batch.state.status)
  // what was dropped, or ended with the execution, while this was decided is not queued at all
  const jobs = isOver ? [] : batch.jobs.filter(({ node }) => !dropped.includes(node))
  return { drafts, jobs, closed, dropped, state: batch.state }
}
