// The playbook language: its shape once registered, and the form that the evaluator uses. Pure.

import { textFromBase64 } from '../base64.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { namesInExpression, namesInValue } from '../template/index.ts'
import { DATA_KEYS, resolved, tasksOf } from './workbook.ts'

/** Step types that do work, so that the step has an action and a job. */
export const TOOLS: ReadonlySet<string> = new Set([
  'http',
  'postgres',
  'python',
  'duckdb',
  'snowflake',
  'secrets',
  'javascript',
  'transform',
  'wait',
  'workbook',
  'playbook',
  'save',
  'iterator',
])

/** Step types that only route. */
export const ROUTERS: ReadonlySet<string> = new Set(['start', 'end', 'route'])

export const START = 'start'
export const END = 'end'

/** One `next` item: fires when `when` holds, or always when there is none. */
interface Transition {
  to: string
  /** A bare expression, without braces; a boolean literal is text here too. */
  when: string | null
  /** Templates of what the target gets, under these names. */
  data: JsonObject
}

export interface Step {
  name: string
  /** Position in the playbook: its bit in the evaluator's state. */
  index: number
  /** The tool that runs it, or null when the step only routes. */
  tool: string | null
  /** The step without what concerns only its place in the flow. */
  action: JsonObject
  next: Transition[]
  /** Steps with a transition to this one. */
  predecessors: Set<string>
  /** Steps whose results its action's templates mention. */
  actionNeeds: string[]
  /** `result` of the end step: templates of the execution's result. */
  result: JsonObject | null
}

/** A playbook as the evaluator uses it; compiled anew in each isolate, from the catalog's payload. */
export interface Playbook {
  steps: ReadonlyMap<string, Step>
  order: readonly Step[]
  workload: JsonObject
  /** Steps whose results are mentioned by what is evaluated when branches have joined. */
  joinNeeds: string[]
  /** Steps whose results anything mentions; those of others need not be remembered. */
  mentioned: ReadonlySet<string>
}

/** Keys of a step that say where it stands and not what it does. */
const FLOW_KEYS = new Set(['step', 'name', 'next', 'desc', 'description', 'type'])
/** Keys of SQL in base64, and what they are called when it is plain. */
export const ENCODED: Readonly<Record<string, string>> = {
  command_b64: 'command',
  commands_b64: 'commands',
}
/** Keys whose text is a program, where braces are not templates. */
export const PROGRAM_KEYS: ReadonlySet<string> = new Set(['code', 'code_b64'])

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
    .map((step, index) => compileStep(step, resolved(step, tasks) ?? step, index))
  const steps = new Map(order.map((step) => [step.name, step]))
  for (const step of order) {
    for (const { to } of step.next) {
      const target = steps.get(to)
      target?.predecessors.add(step.name)
    }
  }
  for (const step of order) {
    step.actionNeeds = namesInValue(templatesOf(step.action)).filter((name) => steps.has(name))
  }
  const joins = order.filter((step) => step.tool === null && isJoin(step))
  const joinNeeds = [...new Set(joins.flatMap((step) => evaluationNeeds(step, steps)))]
  const others = order.flatMap((step) => [...step.actionNeeds, ...evaluationNeeds(step, steps)])
  return {
    steps,
    order,
    workload: isObject(payload.workload) ? payload.workload : {},
    joinNeeds,
    mentioned: new Set([...joinNeeds, ...others]),
  }
}

function templatesOf(action: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(action).filter(([key]) => !PROGRAM_KEYS.has(key)))
}

/** Whether a step waits for other branches: `end` always, any other that several steps lead to. */
export function isJoin(step: Step): boolean {
  return step.name === END || step.predecessors.size > 1
}

/** @param task what the step does: itself, or the workbook's task that it means */
function compileStep(step: JsonObject, task: JsonObject, index: number): Step {
  const name = String(stepName(step))
  const tool = toolOf(task)
  // the result of `end` is rendered when all is done, not before its own action
  const isFlow = (key: string) => FLOW_KEYS.has(key) || (name === END && key === 'result')
  const rest = Object.entries(task).filter(([key]) => !isFlow(key))
  return {
    name,
    index,
    tool,
    action: tool === null ? {} : { name, type: tool, ...Object.fromEntries(rest.map(decoded)) },
    next: transitionsOf(step.next),
    predecessors: new Set(),
    actionNeeds: [],
    result: isObject(step.result) ? step.result : null,
  }
}

/** SQL in base64 has templates too; a program in base64 has none. */
function decoded([key, value]: [string, Json]): [string, Json] {
  const plain = ENCODED[key]
  const text = plain !== undefined && typeof value === 'string' ? textFromBase64(value) : null
  return plain !== undefined && text !== null ? [plain, text] : [key, value]
}

function toolOf(step: JsonObject): string | null {
  const type = typeof step.type === 'string' ? step.type.trim().toLowerCase() : ''
  // NoETL's rule: a python step without code is a place in the flow
  if (type === 'python' && step.code === undefined && step.code_b64 === undefined) return null
  return TOOLS.has(type) ? type : null
}

function transitionsOf(next: Json | undefined): Transition[] {
  const items = Array.isArray(next) ? next : next === undefined || next === null ? [] : [next]
  return items.map((item) => {
    if (!isObject(item)) return { to: String(item), when: null, data: {} }
    const data = DATA_KEYS.map((key) => item[key]).filter(isObject)
    return {
      to: String(stepName(item)),
      when: item.when === undefined || item.when === null ? null : bareExpression(item.when),
      data: Object.assign({}, ...data),
    }
  })
}

/** `{{ x > 1 }}` and `x > 1` are the same condition. */
export function bareExpression(when: Json): string {
  const text = String(when).trim()
  return text.startsWith('{{') && text.endsWith('}}') ? text.slice(2, -2).trim() : text
}

/** Steps that evaluating this step's own transitions (or result) mentions. */
function evaluationNeeds(step: Step, steps: ReadonlyMap<string, Step>): string[] {
  const names = step.next.flatMap(({ when, data }) => [
    ...(when === null ? [] : namesInExpression(when)),
    ...namesInValue(data),
  ])
  if (step.result) names.push(...namesInValue(step.result))
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
    for (const { to } of from.next) {
      const target = steps.get(to)
      if (target && target.tool === null && !isJoin(target)) behind.push(target)
    }
  }
  return [...needs]
}
