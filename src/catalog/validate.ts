// Finds everything that is wrong with a playbook at once, each with its place.

import { textFromBase64 } from '../base64.ts'
import type { Fault } from '../errors.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { checkExpression, checkSyntax, TemplateError } from '../template/index.ts'
import { pointerPart } from '../validate.ts'
import {
  bareExpression,
  ENCODED,
  PROGRAM_KEYS,
  ROUTERS,
  START,
  stepName,
  TOOLS,
} from './playbook.ts'
import { isReference, resolved, taskNameOf, tasksOf } from './workbook.ts'
import { type Key, readYaml } from './yaml.ts'

export const MAX_CONTENT_BYTES = 1_048_576
export const MAX_PATH = 512
const MAX_STEPS = 2_000
/** Deciding looks at transitions; a short text can make very many of them by aliases. */
const MAX_TRANSITIONS = 10_000

type Report = (path: Key[], detail: string) => void

/** What Postgres cannot keep in a text, or not in a list of texts. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u
const TARGETLESS = ['then', 'else', 'condition', 'pass']

/** What a text says: its payload when nothing is wrong with it, else the faults. */
export type Reading = { payload: JsonObject; faults: [] } | { payload: null; faults: Fault[] }

/**
 * Reads a text; with `kind` "playbook" the workflow is validated too. Where it goes may be known
 * without it: then what it says of its path does not matter.
 */
export function readPlaybook(text: string, kind: string, knownPath: string | null = null): Reading {
  const yaml = readYaml(text)
  if (yaml.value === undefined) return { payload: null, faults: yaml.faults }
  const faults: Fault[] = []
  const report: Report = (path, detail) => {
    const pointer = path.map((key) => `/${pointerPart(String(key))}`).join('')
    faults.push({ pointer, detail, ...yaml.placeOf(path) })
  }
  const payload = yaml.value
  if (!isObject(payload)) {
    report([], 'a playbook is a mapping with metadata, workload and workflow')
    return { payload: null, faults }
  }
  if (knownPath === null) checkPath(payload, report)
  checkWorkload(payload, report)
  if (kind.toLowerCase() === 'playbook') checkWorkflow(payload, report)
  return faults.length > 0 ? { payload: null, faults } : { payload, faults: [] }
}

/** NoETL's order of where a resource's path stands; null when it has none. */
export function pathOf(payload: JsonObject): string | null {
  const metadata = isObject(payload.metadata) ? payload.metadata : {}
  const named = [metadata.path, payload.path, metadata.name, payload.name].find(
    (value) => typeof value === 'string' && value.trim() !== '',
  )
  return typeof named === 'string' ? named.trim() : null
}

function checkPath(payload: JsonObject, report: Report): void {
  const path = pathOf(payload)
  if (path === null) {
    report([], 'no metadata.path, path, metadata.name or name says where it belongs')
  } else if (path.length > MAX_PATH) {
    report([], `the path is longer than ${MAX_PATH} characters`)
  } else if (UNPRINTABLE.test(path)) {
    report([], 'the path has control characters')
  }
}

function checkWorkload(payload: JsonObject, report: Report): void {
  const { workload = null } = payload
  if (workload !== null && !isObject(workload)) report(['workload'], 'workload is a mapping')
  else checkTemplates(workload, ['workload'], report)
}

function checkWorkflow(payload: JsonObject, report: Report): void {
  const key = payload.workflow === undefined && payload.steps !== undefined ? 'steps' : 'workflow'
  const steps = payload[key]
  if (steps === undefined) return report([], 'workflow is missing')
  if (!Array.isArray(steps) || steps.length === 0)
    return report([key], 'workflow is a list of steps')
  if (steps.length > MAX_STEPS) return report([key], `more than ${MAX_STEPS} steps`)
  const transitions = steps.reduce<number>((sum, step) => sum + countNext(step), 0)
  if (transitions > MAX_TRANSITIONS) {
    return report([key], `more than ${MAX_TRANSITIONS} transitions`)
  }

  const firstOf = new Map<string, number>()
  for (const [index, step] of steps.entries()) checkName(step, [key, index], firstOf, report)
  if (!firstOf.has(START)) report([key], `no step is called '${START}'`)
  const tasks = checkWorkbook(payload, firstOf, report)
  for (const [index, step] of steps.entries()) {
    if (!isObject(step)) continue
    checkStep(step, [key, index], firstOf, report)
    checkReference(step, [key, index], tasks, report)
  }
}

/** Checks the tasks of a workbook; each is a step without a place in the flow. */
function checkWorkbook(
  payload: JsonObject,
  names: ReadonlyMap<string, number>,
  report: Report,
): ReadonlyMap<string, JsonObject> {
  const { workbook } = payload
  const tasks = tasksOf(payload)
  if (workbook === undefined || workbook === null) return tasks
  if (!Array.isArray(workbook)) {
    report(['workbook'], 'the workbook is a list of tasks')
    return tasks
  }
  const seen = new Set<string>()
  for (const [index, task] of workbook.entries()) {
    const at = ['workbook', index]
    if (!isObject(task)) {
      report(at, 'a task is a mapping')
      continue
    }
    const name = task.name ?? task.task ?? task.step
    if (typeof name !== 'string' || name.trim() === '')
      report(at, 'a task needs a name: name: NAME')
    else if (seen.has(name)) report(at, `another task is called '${name}'`)
    else seen.add(name)
    const { next: _none, ...rest } = task
    checkStep(rest, at, names, report)
    checkReference(task, at, tasks, report)
  }
  return tasks
}

/** Checks that a step of type workbook means a task that there is. */
function checkReference(
  step: JsonObject,
  at: Key[],
  tasks: ReadonlyMap<string, JsonObject>,
  report: Report,
): void {
  if (!isReference(step) || resolved(step, tasks) !== null) return
  const wanted = String(taskNameOf(step))
  report(
    at,
    tasks.has(wanted)
      ? `the tasks behind '${wanted}' name one another, or one that is not there`
      : `no task of the workbook is called '${wanted}'`,
  )
}

function countNext(step: Json): number {
  return isObject(step) && Array.isArray(step.next) ? step.next.length : 1
}

/** Checks a step's name and notes where each was first. */
function checkName(step: Json, at: [string, number], firstOf: Map<string, number>, report: Report) {
  if (!isObject(step)) return report(at, 'a step is a mapping')
  const name = stepName(step)
  if (typeof name !== 'string' || name.trim() === '') {
    return report(at, 'a step needs a name: step: NAME')
  }
  if (name.length > 256) return report(at, 'the step name is longer than 256 characters')
  if (UNPRINTABLE.test(name)) return report(at, 'the step name has control characters')
  // results and states are kept in objects under the steps' names
  if (name in Object.prototype) return report(at, `a step cannot be called '${name}'`)
  const first = firstOf.get(name)
  if (first === undefined) {
    firstOf.set(name, at[1])
  } else {
    const key = step.step === undefined ? 'name' : 'step'
    report([...at, key], `another step is called '${name}' (/${at[0]}/${first})`)
  }
}

function checkStep(
  step: JsonObject,
  at: Key[],
  names: ReadonlyMap<string, number>,
  report: Report,
): void {
  const { type, next, ...rest } = step
  if (type !== undefined && type !== null) {
    const known = typeof type === 'string' && type.trim().toLowerCase()
    if (known === false || !(TOOLS.has(known) || ROUTERS.has(known) || known === '')) {
      report(
        [...at, 'type'],
        `unknown step type '${String(type)}'; known are ${[...TOOLS, ...ROUTERS].join(', ')}`,
      )
    }
    if (known === 'http' && (step.url ?? step.endpoint) === undefined)
      report(at, 'an http step needs a url')
    if (known === 'iterator' && isObject(step.task ?? null) && typeOf(step.task) === 'playbook') {
      report([...at, 'task'], 'an iterator cannot run playbooks yet; run one with a step')
    }
    if (known === 'playbook' && (step.path ?? step.resource_path) === undefined) {
      report(at, 'a playbook step needs the path of a playbook')
    }
    if (known === 'postgres' && !POSTGRES_TEXTS.some((key) => step[key] !== undefined)) {
      report(at, `a postgres step needs one of ${POSTGRES_TEXTS.join(', ')}`)
    }
  }
  for (const key of Object.keys(ENCODED)) {
    if (rest[key] === undefined) continue
    const text = typeof rest[key] === 'string' ? textFromBase64(rest[key]) : null
    if (text === null) report([...at, key], `${key} is not base64 of UTF-8 text`)
    else checkTemplates(text, [...at, key], report)
  }
  checkTemplates(rest, at, report)
  if (next !== undefined && next !== null) checkNext(next, [...at, 'next'], names, report)
}

function typeOf(task: Json | undefined): string | null {
  return isObject(task) && typeof task.type === 'string' ? task.type.trim().toLowerCase() : null
}

const POSTGRES_TEXTS = ['command', 'commands', 'sql', 'query', 'command_b64', 'commands_b64']

function checkNext(
  next: Json,
  at: Key[],
  names: ReadonlyMap<string, number>,
  report: Report,
): void {
  if (Array.isArray(next)) {
    for (const [index, item] of next.entries()) {
      checkTransition(item, [...at, index], names, report)
    }
  } else {
    checkTransition(next, at, names, report)
  }
}

function checkTransition(
  item: Json,
  at: Key[],
  names: ReadonlyMap<string, number>,
  report: Report,
): void {
  if (typeof item === 'string') {
    if (!names.has(item)) report(at, `no step is called '${item}'`)
    return
  }
  if (!isObject(item)) return report(at, 'a next item is a step name or a mapping with step')
  const unsupported = TARGETLESS.find((key) => item[key] !== undefined)
  if (unsupported !== undefined) {
    report(
      [...at, unsupported],
      `'${unsupported}' is not supported in next; write one item with step and when for each way`,
    )
  }
  const to = stepName(item)
  const key = item.step === undefined && item.name !== undefined ? 'name' : 'step'
  if (to === undefined) {
    if (unsupported === undefined) report(at, 'a next item needs step')
  } else if (typeof to !== 'string' || !names.has(to)) {
    report([...at, key], `no step is called '${String(to)}'`)
  }
  const { when } = item
  if (typeof when === 'string') {
    check(() => checkExpression(bareExpression(when)), [...at, 'when'], report)
  } else if (when !== undefined && when !== null && typeof when !== 'boolean') {
    report([...at, 'when'], 'when is a condition (text) or true or false')
  }
  const { when: _checked, ...rest } = item
  checkTemplates(rest, at, report)
}

function checkTemplates(value: Json, at: Key[], report: Report): void {
  // a text without templates may be of any length
  if (typeof value === 'string' && !/\{[{%#]/.test(value)) return
  if (typeof value === 'string') return check(() => checkSyntax(value), at, report)
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined || (!Array.isArray(value) && PROGRAM_KEYS.has(key))) continue
    checkTemplates(child, [...at, Array.isArray(value) ? Number(key) : key], report)
  }
}

function check(parse: () => void, at: Key[], report: Report): void {
  try {
    parse()
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    report(at, `template: ${error.message} in ${error.expression}`)
  }
}
