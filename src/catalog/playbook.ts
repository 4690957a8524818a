// The playbook language: its shape once registered, and the form that the evaluator uses. Pure.

import { isObject, type Json, type JsonObject } from '../json.ts'
import { type Target, targetsOf } from '../notification/target.ts'
import { namesInExpression, namesInValue } from '../template/index.ts'
import { bareExpression, compileWork, partsOf, type Work } from './work.ts'
import { DATA_KEYS, resolved, tasksOf } from './workbook.ts'

/** Step types that only route. */
export const ROUTERS: ReadonlySet<string> = new Set(['start', 'end', 'route'])

export const START = 'start'
export const END = 'end'

/** One way on: fires when `when` holds, or there is none, and nothing of `otherwise` does. */
interface Transition {
  to: string
  /** A bare expression, without braces; a boolean literal is text here too. */
  when: string | null
  /** Conditions of which none may hold. */
  otherwise: string[]
  /** Templates of what the target gets, under these names. */
  data: JsonObject
}

export interface Step {
  name: string
  /** Position in the playbook: its bit in the evaluator's state. */
  index: number
  /** What it does; null when it only routes. */
  work: Work | null
  next: Transition[]
  /** Steps with a transition to this one. */
  predecessors: Set<string>
  /** `result` of the end step: templates of the execution's result. */
  result: JsonObject | null
}

/** A playbook as the evaluator uses it; compiled anew in each isolate, from the catalog's payload. */
export interface Playbook {
  steps: ReadonlyMap<string, Step>
  order: readonly Step[]
  workload: JsonObject
  /** Seconds that an execution may take in all. */
  timeout: Json
  /** Who is told of an execution's end. */
  notify: readonly Target[]
  /** Steps whose results are mentioned by what is evaluated when branches have joined. */
  joinNeeds: string[]
  /** Steps whose results anything mentions; those of others need not be remembered. */
  mentioned: ReadonlySet<string>
}

/** The steps of a playbook's payload, as written; [] when it has none. */
function stepsOf(payload: JsonObject): Json[] {
  const steps = payload.workflow ?? payload.steps
  return Array.isArray(steps) ? steps : []
}

/** The name that a step is known by. */
export function stepName(step: JsonObject): Json | undefined {
  return step.step ?? step.name
}

/** Compiles the payload of a playbook that passed validation (validate.ts). */
export function compilePlaybook(payload: JsonObject): Playbook {
  const tasks = tasksOf(payload)
  const order = stepsOf(payload)
    .filter(isObject)
    .map((step, index) => compileStep(step, tasks, index))
  const steps = new Map(order.map((step) => [step.name, step]))
  for (const step of order) {
    for (const { to } of step.next) {
      const target = steps.get(to)
      target?.predecessors.add(step.name)
    }
  }
  const joins = order.filter((step) => isDecided(step) && isJoin(step))
  const joinNeeds = [...new Set(joins.flatMap((step) => evaluationNeeds(step, steps)))]
  const others = order.flatMap((step) => [
    ...partsOf(step.work).flatMap(({ names }) => names),
    ...evaluationNeeds(step, steps),
  ])
  return {
    steps,
    order,
    workload: isObject(payload.workload) ? payload.workload : {},
    timeout: payload.timeout ?? null,
    notify: targetsOf(payload.notify),
    joinNeeds,
    mentioned: new Set([...joinNeeds, ...others.filter((name) => steps.has(name))]),
  }
}

/** Whether beginning the step is itself a decision: it only routes, iterates, or has its time limited. */
function isDecided({ work }: Step): boolean {
  return work === null || work.iterator !== null || work.timeout !== null
}

/** Whether a step waits for other branches: `end` always, any other that several steps lead to. */
export function isJoin(step: Step): boolean {
  return step.name === END || step.predecessors.size > 1
}

function compileStep(
  step: JsonObject,
  tasks: ReadonlyMap<string, JsonObject>,
  index: number,
): Step {
  const name = String(stepName(step))
  return {
    name,
    index,
    work: compileWork(resolved(step, tasks) ?? step, tasks, name === END),
    next: transitionsOf(step.next),
    predecessors: new Set(),
    result: isObject(step.result) ? step.result : null,
  }
}

const listOf = (value: Json | undefined): Json[] => [value ?? []].flat()

/** All ways on. The `else` of an item without a condition depends on all conditions before it. */
function transitionsOf(next: Json | undefined): Transition[] {
  const conditions: string[] = []
  return listOf(next).flatMap((item) => {
    if (!isObject(item)) return [wayTo(item, null)]
    const condition = item.when ?? item.condition ?? null
    const when = condition === null ? null : bareExpression(condition)
    if (when !== null) conditions.push(when)
    const isBranch = (item.then ?? item.else ?? null) !== null
    const otherwise = when === null ? [...conditions] : [when]
    return [
      ...(isBranch ? listOf(item.then) : [item]).map((target) => wayTo(target, when)),
      ...listOf(item.else).map((target) => wayTo(target, null, otherwise)),
    ]
  })
}

/** @param target the name of a step, or a mapping with it */
function wayTo(target: Json, when: string | null, otherwise: string[] = []): Transition {
  const item: JsonObject = isObject(target) ? target : { step: target }
  const data = DATA_KEYS.map((key) => item[key]).filter(isObject)
  return { to: String(stepName(item)), when, otherwise, data: Object.assign({}, ...data) }
}

/** Steps that deciding on this step mentions: its transitions, its result, and what it iterates over. */
function evaluationNeeds(step: Step, steps: ReadonlyMap<string, Step>): string[] {
  const names = step.next.flatMap(({ when, otherwise, data }) => [
    ...(when === null ? [] : namesInExpression(when)),
    ...otherwise.flatMap(namesInExpression),
    ...namesInValue(data),
  ])
  if (step.result) names.push(...namesInValue(step.result))
  if (step.work?.iterator) names.push(...step.work.names)
  else names.push(...namesInValue(step.work?.timeout ?? null))
  return names.filter((name) => steps.has(name))
}

/**
 * Steps whose results deciding after this one may mention: its transitions, and those of routers that
 * are passed at once behind it. What is evaluated when branches have joined is counted apart (joinNeeds).
 */
export function decisionNeeds({ steps }: Playbook, step: Step): string[] {
  const seen = new Set<string>()
  const needs = new Set<string>()
  const behind = [step]
  for (let from = behind.pop(); from; from = behind.pop()) {
    if (seen.has(from.name)) continue
    seen.add(from.name)
    for (const name of evaluationNeeds(from, steps)) needs.add(name)
    if (from !== step && from.work !== null) continue
    for (const { to } of from.next) {
      const target = steps.get(to)
      if (target && isDecided(target) && !isJoin(target)) behind.push(target)
    }
  }
  return [...needs]
}
