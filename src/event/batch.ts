// One decision in the making: the drafts of what is to be appended, and the state that they lead to.
// Local to a call of `decide`; nothing here does I/O, reads a clock or draws an id.

import type { Playbook, Step } from '../catalog/playbook.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Context } from '../template/index.ts'
import { advanceState, hasStarted, type State } from './state.ts'
import type { Draft } from './types.ts'

/** What a decision may know beside the state. */
export interface Facts {
  execution_id: string
  /** The execution's name: the last part of the entry's path. */
  name: string
  workload: JsonObject
  /** Data of completed steps, by name. One that is absent has not been loaded. */
  results: ReadonlyMap<string, Json | undefined>
}

/** A job to be queued for a step that has just started. */
export interface JobDraft {
  step: Step
  /** What the transition passed on. */
  data: JsonObject
  /** Place of the step_started event in the drafts. */
  startedBy: number
}

/** A step that ended, well or for good badly. */
export interface Closed {
  step: string
  failed: boolean
}

export interface Batch {
  readonly playbook: Playbook
  readonly facts: Facts
  readonly state: State
  readonly drafts: Draft[]
  readonly jobs: JobDraft[]
  /** Steps that ended, so that their jobs are over. */
  readonly closed: Closed[]
  /** The event that what follows comes from. */
  cause: string | number | null
  /** The event that fired a step, where this decision knows it. */
  readonly causes: Map<string, string | number | null>
}

/** Appends a draft, moves the state on, and returns the draft's place. */
export function emit(batch: Batch, draft: Draft): number {
  batch.drafts.push(draft)
  advanceState(
    batch.state,
    {
      event_type: draft.event_type,
      node_name: draft.node_name,
      status: draft.status,
      context: draft.context ?? {},
      result: draft.result === undefined ? {} : draft.result,
      error: draft.error ?? null,
    },
    batch.playbook,
  )
  return batch.drafts.length - 1
}

/** A decision needs results that have not been loaded; caught by `decide`. */
export class MissingResults extends Error {
  readonly names: readonly string[]
  constructor(names: readonly string[]) {
    super(`results not loaded: ${names.join(', ')}`)
    this.names = names
  }
}

/**
 * What templates see: the workload's keys, the results of the steps they mention under their names,
 * what is given by `extra`, and the reserved names, the later over the earlier.
 */
export function templateContext(facts: Facts, extra: JsonObject = {}): Context {
  return {
    ...facts.workload,
    ...Object.fromEntries(facts.results),
    ...extra,
    workload: facts.workload,
    work: facts.workload,
    context: facts.workload,
    execution_id: facts.execution_id,
  }
}

/** The same within a decision. @throws MissingResults when a mentioned step's data is not loaded. */
export function decisionContext(batch: Batch, mentioned: string[], extra: JsonObject): Context {
  const missing = mentioned.filter((name) => {
    if (batch.facts.results.has(name)) return false
    const { state, playbook } = batch
    const step = playbook.steps.get(name)
    return step?.tool != null && hasStarted(state, playbook, name) && !state.active.has(name)
  })
  if (missing.length > 0) throw new MissingResults(missing)
  return templateContext(batch.facts, extra)
}
