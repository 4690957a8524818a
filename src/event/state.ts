// What an execution has come to, by its events: `evolve` folds one event into it. The projection in
// table `execution` is this state, kept; folding the log anew gives the same.

import { type Playbook, START } from '../catalog/playbook.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { isTerminal, type Status } from '../status.ts'
import { dataOf, type Event } from './types.ts'

export interface State {
  status: Status
  /** seq of the last event. */
  version: number
  /** How many events have status COMPLETED or FAILED. */
  eventsDone: number
  progress: number
  lastEventType: string
  /** Bit n: the playbook's step n has started, or was passed if it only routes. */
  started: bigint
  /** Steps that have started and not ended. */
  active: Set<string>
  /** Steps that a transition fired and that have not started, with what was passed to them. */
  waiting: Map<string, JsonObject>
  /** Data of active steps whose action has ended and that are not decided yet. Not kept in the row. */
  reported: Map<string, Json>
  result: Json
  error: string | null
}

/** What `evolve` reads of an event. */
export type Fact = Pick<
  Event,
  'event_type' | 'node_name' | 'status' | 'context' | 'result' | 'error'
>

export const INITIAL: Readonly<State> = {
  status: 'PENDING',
  version: 0,
  eventsDone: 0,
  progress: 0,
  lastEventType: '',
  started: 0n,
  active: new Set(),
  waiting: new Map(),
  reported: new Map(),
  result: null,
  error: null,
}

/** A transition that fired, as the event that fired it keeps it in `context.next`. */
export interface Fired {
  step: string
  data: JsonObject
}

/** A state of its own, to be moved on in place. */
export function copyOf(state: State): State {
  return {
    ...state,
    active: new Set(state.active),
    waiting: new Map(state.waiting),
    reported: new Map(state.reported),
  }
}

/** The state after one more event. After a terminal event only version, counts and type change. */
export function evolve(state: State, event: Fact, playbook: Playbook): State {
  return advanceState(copyOf(state), event, playbook)
}

/** `evolve` in place, for whoever has a copy of its own: a wide fan-out would copy itself at each step. */
export function advanceState(state: State, event: Fact, playbook: Playbook): State {
  count(state, event)
  if (isTerminal(state.status)) return state
  const name = event.node_name
  switch (event.event_type) {
    case 'execution_start':
      state.status = 'STARTED'
      // a start step that only routes leaves no event of its own
      if (playbook.steps.get(START)?.tool === null) state.started |= bitOf(playbook, START)
      fire(state, event, playbook)
      break
    case 'step_started':
      state.status = 'RUNNING'
      state.started |= bitOf(playbook, name)
      state.active.add(name)
      state.waiting.delete(name)
      break
    case 'action_completed':
      if (state.active.has(name)) reportData(state, name, event.result)
      break
    case 'step_completed':
      end(state, name)
      fire(state, event, playbook)
      break
    case 'step_failed':
      end(state, name)
      break
    case 'execution_complete':
      terminate(state, 'COMPLETED')
      state.result = event.result ?? state.result
      state.started |= bitOf(playbook, name)
      break
    case 'execution_failed':
    case 'execution_cancelled':
      terminate(state, 'FAILED')
      state.error = event.error
      state.result = null
      break
  }
  return state
}

/** Whether the step has started or was passed. */
export function hasStarted(state: State, playbook: Playbook, name: string): boolean {
  return (state.started & bitOf(playbook, name)) !== 0n
}

/** Notes with what the step's action has ended; the first report counts. */
export function reportData(state: State, name: string, envelope: Json): void {
  if (!state.reported.has(name)) state.reported.set(name, dataOf(envelope))
}

function count(state: State, event: Fact): void {
  state.version += 1
  if (isTerminal(event.status)) state.eventsDone += 1
  state.lastEventType = event.event_type
  if (isTerminal(state.status)) return
  // The original's formula, but never backwards and never 100 before the end; src/event/report.ts has
  // the same in SQL for events that are appended without reading the state.
  const share = Math.floor((100 * state.eventsDone) / state.version)
  state.progress = Math.max(state.progress, Math.min(99, share))
}

function fire(state: State, event: Fact, playbook: Playbook): void {
  const fired =
    isObject(event.context) && Array.isArray(event.context.next) ? event.context.next : []
  for (const item of fired.filter(isObject)) {
    const name = String(item.step)
    if (hasStarted(state, playbook, name)) continue
    const data = isObject(item.data) ? item.data : {}
    state.waiting.set(name, { ...state.waiting.get(name), ...data })
  }
}

function end(state: State, name: string): void {
  state.active.delete(name)
  // until the end names another, an execution's result is that of the step that completed last
  if (state.reported.has(name)) state.result = state.reported.get(name) ?? null
  state.reported.delete(name)
}

function terminate(state: State, status: Status): void {
  state.status = status
  state.progress = 100
  state.active.clear()
  state.waiting.clear()
  state.reported.clear()
}

function bitOf(playbook: Playbook, name: string): bigint {
  const step = playbook.steps.get(name)
  return step ? 1n << BigInt(step.index) : 0n
}

/** The part of the state that the `state` column keeps; the rest has columns of its own. */
export function stateToJson(state: State): JsonObject {
  return {
    started: state.started.toString(16),
    active: [...state.active],
    waiting: Object.fromEntries(state.waiting),
  }
}

/** Reads back what stateToJson wrote. */
export function stateFromJson(kept: JsonObject): Pick<State, 'started' | 'active' | 'waiting'> {
  return {
    started: BigInt(`0x${String(kept.started ?? '0')}`),
    active: new Set(Array.isArray(kept.active) ? kept.active.map(String) : []),
    waiting: new Map(Object.entries((kept.waiting ?? {}) as Record<string, JsonObject>)),
  }
}
