// What an execution has come to, by its events: `evolve` folds one event into it. The projection in
// table `execution` is this state, kept; folding the log anew gives the same.

import { partOf, saveOf } from '../catalog/nodes.ts'
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
  /** Bit n: the playbook's step n has started, was passed if it only routes, or was skipped. */
  started: bigint
  /** Nodes (steps, their iterations, saves) that have started and not ended. */
  active: Set<string>
  /** How far iterators have come, by their nodes. */
  iterators: Map<string, Iterated>
  /** Steps that a transition fired and that have not started, with what was passed to them. */
  waiting: Map<string, JsonObject>
  /** Data of active nodes whose action has ended and that are not decided yet. Not kept in the row. */
  reported: Map<string, Json>
  result: Json
  error: string | null
}

/** How far an iterator has come. */
interface Iterated {
  total: number
  /** How many of its iterations may run at once. */
  concurrency: number
  /** How many have started, ended (in whatever way), and failed. */
  started: number
  ended: number
  failed: number
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
  iterators: new Map(),
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
    iterators: new Map(state.iterators),
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
      if (playbook.steps.get(START)?.work === null) state.started |= bitOf(playbook, START)
      fire(state, event, playbook)
      break
    case 'step_started':
      // what is decided while it is paused begins later
      if (state.status !== 'PAUSED') state.status = 'RUNNING'
      state.started |= bitOf(playbook, name)
      state.active.add(name)
      state.waiting.delete(name)
      break
    case 'execution_paused':
      state.status = 'PAUSED'
      break
    case 'execution_resumed':
      state.status = 'RUNNING'
      break
    case 'action_completed':
      if (isAwaited(state, name)) reportData(state, name, dataOf(event.result))
      break
    case 'save_started':
      state.active.add(name)
      break
    case 'iterator_started':
      state.iterators.set(name, iteratedBy(event.context))
      break
    case 'iteration_started':
      state.active.add(name)
      iterate(state, name, { started: 1, ended: 0, failed: 0 })
      break
    case 'iteration_completed':
    case 'iteration_failed':
      close(state, name)
      iterate(state, name, { started: 0, ended: 1, failed: +event.event_type.endsWith('failed') })
      break
    case 'iterator_completed':
      state.iterators.delete(name)
      reportData(state, name, dataOf(event.result))
      break
    case 'step_skipped':
      state.started |= bitOf(playbook, name)
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

/** Whether the node's own action is what it waits for: not its iterations, and not its save. */
export function isAwaited({ active, iterators }: State, node: string): boolean {
  return active.has(node) && !iterators.has(node) && !active.has(saveOf(node))
}

/** Notes with what the node's action has ended; the first report counts. */
export function reportData(state: State, node: string, data: Json): void {
  if (!state.reported.has(node)) state.reported.set(node, data)
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
  // until the end names another, an execution's result is that of the step that completed last
  if (state.reported.has(name)) state.result = state.reported.get(name) ?? null
  close(state, name)
}

/** A node is over, and with it whatever of it still runs. */
function close(state: State, node: string): void {
  const isOver = (other: string) => other === node || other.startsWith(`${node}[`)
  for (const kept of [state.active, state.reported, state.iterators]) {
    for (const other of kept.keys()) if (isOver(other)) kept.delete(other)
  }
}

/** What an iterator_started event says of how it iterates. */
function iteratedBy(context: Json): Iterated {
  const { total = 0, concurrency = 1 } = isObject(context) ? context : {}
  return {
    total: Number(total),
    concurrency: Number(concurrency),
    started: 0,
    ended: 0,
    failed: 0,
  }
}

function iterate(
  state: State,
  iteration: string,
  more: Pick<Iterated, 'started' | 'ended' | 'failed'>,
): void {
  const node = partOf(iteration)?.whole ?? ''
  const before = state.iterators.get(node)
  if (!before) return
  state.iterators.set(node, {
    ...before,
    started: before.started + more.started,
    ended: before.ended + more.ended,
    failed: before.failed + more.failed,
  })
}

function terminate(state: State, status: Status): void {
  state.status = status
  state.progress = 100
  state.active.clear()
  state.iterators.clear()
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
    ...(state.iterators.size > 0 && {
      iterators: Object.fromEntries(state.iterators) as unknown as JsonObject,
    }),
    waiting: Object.fromEntries(state.waiting),
  }
}

/** Reads back what stateToJson wrote. */
export function stateFromJson(
  kept: JsonObject,
): Pick<State, 'started' | 'active' | 'iterators' | 'waiting'> {
  return {
    started: BigInt(`0x${String(kept.started ?? '0')}`),
    active: new Set(Array.isArray(kept.active) ? kept.active.map(String) : []),
    iterators: new Map(
      Object.entries((kept.iterators ?? {}) as unknown as Record<string, Iterated>),
    ),
    waiting: new Map(Object.entries((kept.waiting ?? {}) as Record<string, JsonObject>)),
  }
}
