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
  active: readonly string[]
  /** Steps that a transition fired and that have not started, with what was passed to them. */
  waiting: Readonly<Record<string, JsonObject>>
  /** Data of active steps whose action has ended and that are not decided yet. Not kept in the row. */
  reported: Readonly<Record<string, Json>>
  result: Json
  error: string | null
}

/** What `evolve` reads of an event. */
export type Fact = Pick<
  Event,
  'event_type' | 'node_name' | 'status' | 'context' | 'result' | 'error'
>

export const INITIAL: State = {
  status: 'PENDING',
  version: 0,
  eventsDone: 0,
  progress: 0,
  lastEventType: '',
  started: 0n,
  active: [],
  waiting: {},
  reported: {},
  result: null,
  error: null,
}

/** A transition that fired, as the event that fired it keeps it in `context.next`. */
export interface Fired {
  step: string
  data: JsonObject
}

/** The state after one more event. After a terminal event only version, counts and type change. */
export function evolve(state: State, event: Fact, playbook: Playbook): State {
  const counted = count(state, event)
  if (isTerminal(state.status)) return counted
  const name = event.node_name
  switch (event.event_type) {
    case 'execution_start':
      return { ...fire(passStart(counted, playbook), event, playbook), status: 'STARTED' }
    case 'step_started':
      return {
        ...counted,
        status: 'RUNNING',
        started: counted.started | bitOf(playbook, name),
        active: [...counted.active, name],
        waiting: without(counted.waiting, name),
      }
    case 'action_completed':
      return counted.active.includes(name) ? reportData(counted, name, event.result) : counted
    case 'step_completed':
      return fire(ended(counted, name), event, playbook)
    case 'step_failed':
      return ended(counted, name)
    case 'execution_complete':
      return {
        ...terminal(counted, 'COMPLETED'),
        result: event.result ?? counted.result,
        started: counted.started | bitOf(playbook, name),
      }
    case 'execution_failed':
    case 'execution_cancelled':
      return { ...terminal(counted, 'FAILED'), error: event.error, result: null }
    default:
      return counted
  }
}

/** Whether the step has started or was passed. */
export function hasStarted(state: State, playbook: Playbook, name: string): boolean {
  return (state.started & bitOf(playbook, name)) !== 0n
}

function count(state: State, event: Fact): State {
  const version = state.version + 1
  const eventsDone = state.eventsDone + (isTerminal(event.status) ? 1 : 0)
  // The original's formula, but never backwards and never 100 before the end; src/event/log.ts has
  // the same in SQL for events that are appended without reading the state.
  const progress = isTerminal(state.status)
    ? state.progress
    : Math.max(state.progress, Math.min(99, Math.floor((100 * eventsDone) / version)))
  return { ...state, version, eventsDone, progress, lastEventType: event.event_type }
}

function fire(state: State, event: Fact, playbook: Playbook): State {
  const fired =
    isObject(event.context) && Array.isArray(event.context.next) ? event.context.next : []
  const waiting = { ...state.waiting }
  for (const item of fired.filter(isObject)) {
    const name = String(item.step)
    if (hasStarted(state, playbook, name)) continue
    waiting[name] = { ...waiting[name], ...(isObject(item.data) ? item.data : {}) }
  }
  return { ...state, waiting }
}

/** The state in which the step's action has ended with this result. */
export function reportData(state: State, name: string, envelope: Json): State {
  if (Object.hasOwn(state.reported, name)) return state
  return { ...state, reported: { ...state.reported, [name]: dataOf(envelope) } }
}

function ended(state: State, name: string): State {
  const { [name]: data, ...reported } = state.reported
  return {
    ...state,
    active: state.active.filter((step) => step !== name),
    reported,
    // until the end names another, an execution's result is that of the step that completed last
    result: data === undefined ? state.result : data,
  }
}

/** A start step that only routes leaves no event of its own. */
function passStart(state: State, playbook: Playbook): State {
  const passed = playbook.steps.get(START)?.tool === null
  return passed ? { ...state, started: state.started | bitOf(playbook, START) } : state
}

function terminal(state: State, status: Status): State {
  return { ...state, status, progress: 100, active: [], waiting: {}, reported: {} }
}

function without(waiting: State['waiting'], name: string): State['waiting'] {
  const { [name]: _gone, ...rest } = waiting
  return rest
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
    waiting: { ...state.waiting },
  }
}

/** Reads back what stateToJson wrote. */
export function stateFromJson(kept: JsonObject): Pick<State, 'started' | 'active' | 'waiting'> {
  return {
    started: BigInt(`0x${String(kept.started ?? '0')}`),
    active: Array.isArray(kept.active) ? kept.active.map(String) : [],
    waiting: (kept.waiting ?? {}) as State['waiting'],
  }
}
