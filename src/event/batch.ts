// One decision in the making: the drafts of what is to be appended, and the state that they lead to.
// Local to a call of `decide`; nothing here does I/O, reads a clock or draws an id.

import type { Playbook } from '../catalog/playbook.ts'
import type { Work } from '../catalog/work.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import type { Context } from '../template/index.ts'
import { advanceState, hasStarted, type State } from './state.ts'
import type { Draft } from './types.ts'

/** What a decision may know beside the state. */
export interface Facts {
  execution_id: string
  /** The execution's name: the last part of the entry's path. */
  name: string
  workload: JsonObject
  /** Data of nodes that are done, by name. One that is absent has not been loaded. */
  results: ReadonlyMap<string, Json | undefined>
  /** Parts of what iterators iterate over, by their nodes. */
  items: ReadonlyMap<string, Items>
  /** How the iterations of an iterator have ended, by its node, as far as they are in the log. */
  outcomes: ReadonlyMap<string, readonly Outcome[]>
  /** What was passed on to nodes, by name. */
  scopes: ReadonlyMap<string, JsonObject>
  /** What templates see beside data: `now`, `uuid`, `env`. */
  globals: Context
}

/** Some of the items of an iterator, and what its own templates saw. */
export interface Items {
  from: number
  items: readonly Json[]
  scope: JsonObject
}

/** How an iteration has ended. */
export interface Outcome {
  index: number
  /** Its data; null when it failed. */
  data: Json
  error: string | null
}

/** A job to be queued for a node that has just started. */
export interface JobDraft {
  node: string
  work: Pick<Work, 'tool' | 'action' | 'names'>
  /** What was passed on to it. */
  data: JsonObject
  /** The event that started it: its id, or its place in the drafts. */
  startedBy: string | number | null
  /** Seconds until it may begin. */
  delay?: number
}

/** A node that ended, well or for good badly. */
export interface Closed {
  node: string
  failed: boolean
}

export interface Batch {
  readonly playbook: Playbook
  /** With the data that this very decision has come to. */
  readonly facts: Facts & { readonly results: Map<string, Json | undefined> }
  readonly state: State
  readonly drafts: Draft[]
  readonly jobs: JobDraft[]
  /** Nodes that ended, so that their jobs are over. */
  readonly closed: Closed[]
  /** Nodes whose jobs are no longer wanted. */
  readonly dropped: string[]
  /** The event that what follows comes from. */
  cause: string | number | null
  /** The event that fired a step, where this decision knows it. */
  readonly causes: Map<string, string | number | null>
  /** Iterators that a caller is about to go on with. */
  readonly iterating: Set<string>
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

/** What a decision needs and has not been loaded. */
export interface Needs {
  /** Data of these nodes. */
  results: readonly string[]
  /** Items of an iterator, from an index on. */
  items?: { node: string; from: number }
  /** How the iterations of this iterator have ended. */
  outcomes?: string
  /** What was passed on to this node. */
  scope?: string
}

/** A decision needs what has not been loaded; caught by `decide`. */
export class Missing extends Error {
  readonly needs: Needs
  constructor(needs: Partial<Needs>) {
    super('a decision needs more than has been loaded')
    this.needs = { results: [], ...needs }
  }
}

/**
 * What templates see: the workload's keys, the results of the steps they mention under their names,
 * what is given by `extra`, and the reserved names, the later over the earlier.
 */
export function templateContext(facts: TemplateFacts, extra: JsonObject = {}): Context {
  return {
    ...facts.workload,
    // other names of the workload, but not in the place of a step
    work: facts.workload,
    context: facts.workload,
    ...Object.fromEntries(facts.results),
    ...extra,
    ...facts.globals,
    workload: facts.workload,
    execution_id: facts.execution_id,
  }
}

type TemplateFacts = Pick<Facts, 'execution_id' | 'workload' | 'results' | 'globals'>

/**
 * The same within a decision.
 * @param mentioned names that the templates use; those of steps that are done are loaded
 * @throws Missing
 */
export function decisionContext(
  batch: Batch,
  mentioned: readonly string[],
  extra: JsonObject,
): Context {
  const results = mentioned.filter((name) => {
    if (batch.facts.results.has(name)) return false
    const { state, playbook } = batch
    const step = playbook.steps.get(name)
    return step?.work != null && hasStarted(state, playbook, name) && !state.active.has(name)
  })
  if (results.length > 0) throw new Missing({ results })
  return templateContext(batch.facts, extra)
}

/** The data of a node whose action is done. @throws Missing */
export function dataOfNode({ facts }: Batch, node: string): Json {
  if (!facts.results.has(node)) throw new Missing({ results: [node] })
  return facts.results.get(node) ?? null
}

/** What was passed on to a node when it began. @throws Missing */
export function scopeOfNode({ facts, jobs, drafts }: Batch, node: string): JsonObject {
  const here = jobs.find((job) => job.node === node)?.data ?? itemsOf(drafts, node)?.scope
  const scope = here ?? facts.scopes.get(node)
  if (scope === undefined) throw new Missing({ scope: node })
  return scope
}

/** The items of an iterator that is among these drafts. */
export function itemsOf(drafts: readonly Draft[], node: string): Items | undefined {
  const started = drafts.find(
    ({ event_type, node_name }) => event_type === 'iterator_started' && node_name === node,
  )
  return started && recordedItems(started.context ?? null)
}

/** What an iterator_started event has recorded. */
export function recordedItems(context: Json): Items | undefined {
  if (!isObject(context) || !Array.isArray(context.items)) return undefined
  return { from: 0, items: context.items, scope: isObject(context.scope) ? context.scope : {} }
}
