// From one step to the next: which transitions fire, and which of the steps they fire may start.

import { END, isJoin, type Playbook, type Step } from '../catalog/playbook.ts'
import type { Json, JsonObject } from '../json.ts'
import {
  type Context,
  evaluateExpression,
  isTruthyWhen,
  namesInExpression,
  namesInValue,
  renderValue,
  TemplateError,
} from '../template/index.ts'
import { type Batch, decisionContext, emit, scopeOfNode } from './batch.ts'
import { completeExecution, failExecution } from './finalize.ts'
import { startNode } from './nodes.ts'
import { type Fired, hasStarted, type State } from './state.ts'

/**
 * Ends a step: step_completed with the transitions that fired.
 * @param passed what was passed on to the step; asked for only where its transitions may mention it
 */
export function leaveStep(
  batch: Batch,
  step: Step,
  result: Json,
  passed = () => scopeOfNode(batch, step.name),
): void {
  const { fired, warnings, error } = firedBy(batch, step, result, passed)
  batch.cause = emit(batch, {
    event_type: 'step_completed',
    node_name: step.name,
    node_type: 'step',
    status: 'COMPLETED',
    parent: batch.cause,
    context: {
      step_name: step.name,
      next: fired as unknown as Json,
      ...(warnings.length > 0 && { warnings }),
    },
  })
  settleFired(batch, step, fired, error)
}

/**
 * Notes what fired each target; a target whose data cannot be rendered fails. What did not fire, and can no
 * longer be reached, is skipped.
 */
export function settleFired(batch: Batch, step: Step, fired: Fired[], error: Fault | null): void {
  for (const target of fired) batch.causes.set(target.step, batch.cause)
  if (error) return failExecution(batch, error.step, error.text)
  const isFired = new Set(fired.map((target) => target.step))
  const left = step.next.map(({ to }) => to).filter((to) => !isFired.has(to))
  if (left.length > 0) skipUnreachable(batch, left)
}

/** Emits step_skipped for those of the steps, and of those behind them, to which nothing leads any more. */
function skipUnreachable(batch: Batch, steps: readonly string[]): void {
  const { state, playbook } = batch
  const isOpen = (name: string) => !hasStarted(state, playbook, name)
  const reachable = new Set<string>(state.waiting.keys())
  const ahead = [...state.active, ...state.waiting.keys()]
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    for (const { to } of playbook.steps.get(name)?.next ?? []) {
      if (reachable.has(to) || !isOpen(to)) continue
      reachable.add(to)
      ahead.push(to)
    }
  }
  const behind = [...steps]
  const { cause } = batch
  for (let name = behind.shift(); name !== undefined; name = behind.shift()) {
    const step = playbook.steps.get(name)
    if (!step || reachable.has(name) || !isOpen(name)) continue
    // an end without work of its own is no step that would have left an event
    if (name === END && step.work === null) continue
    emit(batch, {
      event_type: 'step_skipped',
      node_name: name,
      node_type: 'step',
      status: 'COMPLETED',
      parent: cause,
      context: { step_name: name, reason: 'nothing leads to it any more' },
    })
    behind.push(...step.next.map(({ to }) => to))
  }
}

/** Names that are no data which was passed on. */
const OWN_NAMES = { result: 0, this: 0, workload: 0, work: 0, context: 0, execution_id: 0 }

/** A transition whose data could not be rendered: its target, and why. */
interface Fault {
  step: string
  text: string
}

/**
 * The step's transitions that fire: all whose `when` holds and whose target has not started. A
 * condition that cannot be evaluated does not hold, with a warning; data that cannot is an error.
 */
export function firedBy(
  batch: Batch,
  step: Step,
  result: Json,
  passed: () => JsonObject,
): { fired: Fired[]; warnings: string[]; error: Fault | null } {
  const fired: Fired[] = []
  const warnings: string[] = []
  let error: Fault | null = null
  const verdicts = new Map<string, boolean>()
  for (const { to, when, otherwise, data } of step.next) {
    if (hasStarted(batch.state, batch.playbook, to)) continue
    const conditions = when === null ? otherwise : [...otherwise, when]
    const mentioned = [...conditions.flatMap(namesInExpression), ...namesInValue(data)]
    const isStep = (name: string) => batch.playbook.steps.has(name)
    const known = { ...batch.facts.workload, ...batch.facts.globals, ...OWN_NAMES }
    const mayBePassed = mentioned.some((name) => !isStep(name) && !(name in known))
    const context = decisionContext(batch, mentioned.filter(isStep), {
      ...(mayBePassed && passed()),
      result,
      this: result,
    })
    const holds = (condition: string) => {
      const known = verdicts.get(condition)
      if (known !== undefined) return known
      const verdict = verdictOn(condition, context)
      if (typeof verdict === 'string') {
        warnings.push(`next '${to}': when is taken as false: ${verdict}`)
      }
      verdicts.set(condition, verdict === true)
      return verdict === true
    }
    if (otherwise.some(holds) || (when !== null && !holds(when))) continue
    try {
      fired.push({ step: to, data: renderValue(data, context) as JsonObject })
    } catch (caught) {
      if (!(caught instanceof TemplateError)) throw caught
      error ??= {
        step: to,
        text: `data from '${step.name}': ${caught.message} in ${caught.expression}`,
      }
    }
  }
  return { fired, warnings, error }
}

/** Whether a condition holds, or why that cannot be said. */
function verdictOn(condition: string, context: Context): boolean | string {
  try {
    const value = evaluateExpression(condition, context)
    return value === undefined ? `${condition} is undefined` : isTruthyWhen(value)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return `${error.message} in ${error.expression}`
  }
}

/** Starts every step that waits for nothing more; ends the execution when nothing is left. */
export function advance(batch: Batch): void {
  for (;;) {
    const { status, active } = batch.state
    if (status === 'FAILED' || status === 'COMPLETED') return
    const waiting = waitingInOrder(batch.state, batch.playbook)
    const ready = waiting.filter((step) => isReady(step, batch.state, batch.playbook))
    // joins that wait for one another in a circle: the first of the playbook goes first
    const starting = ready.length > 0 ? ready : active.size === 0 ? waiting.slice(0, 1) : []
    if (starting.length === 0) {
      if (active.size === 0) completeExecution(batch)
      return
    }
    for (const step of starting) startStep(batch, step)
  }
}

function startStep(batch: Batch, step: Step): void {
  if (batch.state.status === 'FAILED') return
  const data = batch.state.waiting.get(step.name) ?? {}
  const { work } = step
  if (step.name === END && work === null) return completeExecution(batch)
  const startedBy = emit(batch, {
    event_type: 'step_started',
    node_name: step.name,
    node_type: 'step',
    status: 'RUNNING',
    parent: batch.causes.get(step.name) ?? batch.cause,
    context: { step_name: step.name, ...data },
  })
  if (work) return startNode(batch, step.name, work, data, startedBy)
  batch.cause = startedBy
  leaveStep(batch, step, null, () => data)
}

/**
 * A join starts when nothing that runs or waits can still lead to it through steps that have not
 * started; a step that only one other leads to starts at once.
 */
function isReady(step: Step, state: State, playbook: Playbook): boolean {
  const { active, waiting } = state
  if (step.name === END) {
    return active.size === 0 && [...waiting.keys()].every((name) => name === END)
  }
  if (!isJoin(step)) return true
  const seen = new Set([step.name])
  const behind = [...step.predecessors]
  for (let name = behind.pop(); name !== undefined; name = behind.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    if (active.has(name) || waiting.has(name)) return false
    if (hasStarted(state, playbook, name)) continue
    behind.push(...(playbook.steps.get(name)?.predecessors ?? []))
  }
  return true
}

function waitingInOrder(state: State, playbook: Playbook): Step[] {
  return [...state.waiting.keys()]
    .map((name) => playbook.steps.get(name))
    .filter((step) => step !== undefined)
    .sort((a, b) => Number(a.name === END) - Number(b.name === END) || a.index - b.index)
}
