// Finds everything that is wrong with a playbook at once, each with its place.

import type { Fault } from '../errors.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { checkSyntax, TemplateError } from '../template/index.ts'
import { pointerPart } from '../validate.ts'
import { checkStep, checkTop, checkWork } from './language.ts'
import { compilePlaybook, START, stepName } from './playbook.ts'
import { type Checking, checkTemplate, TAKEN } from './shapes.ts'
import { PROGRAM_KEYS } from './work.ts'
import { isReference, nestingOf, resolved, taskNameOf, tasksOf } from './workbook.ts'
import { type Key, readYaml } from './yaml.ts'

export const MAX_CONTENT_BYTES = 1_048_576
export const MAX_PATH = 512
/** Of more faults than these the rest is counted. */
export const MAX_SHOWN_FAULTS = 100
const MAX_STEPS = 2_000
/** Nodes have at most 256 characters: what is behind the name is for iterations, saves and timers. */
const MAX_NAME = 200
/** Deciding looks at transitions; a short text can make very many of them by aliases. */
const MAX_TRANSITIONS = 10_000

/** How deep iterators may be nested; a task of the workbook may contain another one. */
const MAX_NESTING = 8

type Report = Checking['report']

/** Paths with parts that an address loses on its way. */
const AMBIGUOUS = /(?:^|\/)\.{1,2}(?:\/|$)|\/$/

/** What Postgres cannot keep in a text, or not in a list of texts. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u

/** What a text says: its payload when nothing is wrong with it, else the faults. */
export type Reading = { payload: JsonObject; faults: [] } | { payload: null; faults: Fault[] }

/** How a text is read. */
export interface ReadingOptions {
  /** Where it goes, if that is known: then what it says of its path does not matter. */
  path?: string | null
  /** Step types that nothing here would run, and why. */
  refused?: ReadonlyMap<string, string>
}

/** Reads a text; with `kind` "playbook" the whole playbook is validated too. */
export function readPlaybook(
  text: string,
  kind: string,
  { path = null, refused = new Map() }: ReadingOptions = {},
): Reading {
  const yaml = readYaml(text)
  if (yaml.value === undefined) return { payload: null, faults: yaml.faults }
  const faults: Fault[] = []
  const report: Report = (at, detail) => {
    // to find a place takes as long as the text is large
    const isShown = faults.length < MAX_SHOWN_FAULTS
    faults.push({
      pointer: isShown ? pointerTo(at) : '',
      detail: typeof detail === 'string' ? detail : isShown ? detail() : '',
      ...(isShown && yaml.placeOf(at)),
    })
  }
  const payload = yaml.value
  if (!isObject(payload)) {
    report([], 'a playbook is a mapping with metadata, workload and workflow')
    return { payload: null, faults }
  }
  if (path === null) checkPath(payload, report)
  checkWorkload(payload, report)
  if (kind.toLowerCase() === 'playbook') checkPlaybook(payload, refused, report)
  return faults.length > 0 ? { payload: null, faults } : { payload, faults: [] }
}

function pointerTo(path: readonly Key[]): string {
  return path.map((key) => `/${pointerPart(String(key))}`).join('')
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
  } else if (AMBIGUOUS.test(path)) {
    report(
      [],
      "the path ends with a slash or has a part '.' or '..', by which addresses mean another one",
    )
  }
}

function checkWorkload(payload: JsonObject, report: Report): void {
  const { workload = null } = payload
  if (workload !== null && !isObject(workload)) report(['workload'], 'workload is a mapping')
  else checkTemplates(workload, ['workload'], report)
}

function checkPlaybook(
  payload: JsonObject,
  refused: ReadonlyMap<string, string>,
  report: Report,
): void {
  const tasks = tasksOf(payload)
  const steps = new Map<string, number>()
  const expressions = new Set<string>()
  const isExpression = (at: readonly Key[]) => expressions.add(pointerTo(at))
  const checking: Checking = { report, steps, tasks, refused, isExpression }
  checkTop(payload, checking)
  checkWorkflow(payload, steps, checking, expressions)
}

function checkWorkflow(
  payload: JsonObject,
  firstOf: Map<string, number>,
  checking: Checking,
  expressions: ReadonlySet<string>,
): void {
  const { report } = checking
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

  for (const [index, step] of steps.entries()) checkName(step, [key, index], firstOf, report)
  if (!firstOf.has(START)) report([key], `no step is called '${START}'`)
  checkWorkbook(payload, checking, expressions)
  for (const [index, step] of steps.entries()) {
    if (!isObject(step)) continue
    checkStep(step, [key, index], checking)
    checkTemplates(step, [key, index], report, expressions)
    checkReferences(step, [key, index], checking)
  }
  if (firstOf.size !== steps.length) return
  checkHidden(payload, key, firstOf, report)
  checkWaysBack(steps.filter(isObject), key, firstOf, report)
}

/** Names of all steps that a next leads to. */
function targetsOf(next: Json | undefined): string[] {
  if (next === undefined || next === null) return []
  if (Array.isArray(next)) return next.flatMap(targetsOf)
  if (!isObject(next)) return [String(next)]
  return [stepName(next), next.then, next.else].flatMap(targetsOf)
}

const RUNS_ONCE =
  'a step runs once at most, so nothing goes round; to do something again, write loop or retry'
/** How many steps of a way round are named. */
const MAX_NAMED = 8

/** Checks that no way leads back: a step runs at most once, so nothing would come of it. */
function checkWaysBack(
  steps: readonly JsonObject[],
  key: string,
  indexOf: ReadonlyMap<string, number>,
  report: Report,
): void {
  const seen = new Set<string>()
  const way = new Set<string>()
  const follow = (name: string): void => {
    const index = indexOf.get(name) ?? 0
    seen.add(name)
    way.add(name)
    for (const to of new Set(targetsOf(steps[index]?.next))) {
      if (way.has(to)) report([key, index, 'next'], () => `${roundOf([...way], to)}: ${RUNS_ONCE}`)
      else if (!seen.has(to) && indexOf.has(to)) follow(to)
    }
    way.delete(name)
  }
  for (const name of indexOf.keys()) if (!seen.has(name)) follow(name)
}

function roundOf(way: readonly string[], to: string): string {
  const round = way.slice(way.indexOf(to))
  const shown = round.length > MAX_NAMED ? [...round.slice(0, MAX_NAMED), '…'] : round
  return [...shown, to].join(' > ')
}

/** Checks that templates do not mention steps that they cannot see. */
function checkHidden(
  payload: JsonObject,
  key: string,
  steps: ReadonlyMap<string, number>,
  report: Report,
): void {
  const hidden = TAKEN.filter((name) => steps.has(name))
  if (hidden.length === 0) return
  let mentioned: ReadonlySet<string>
  try {
    ;({ mentioned } = compilePlaybook(payload))
  } catch (error) {
    // what is wrong with a template has been said
    if (!(error instanceof TemplateError)) throw error
    return
  }
  for (const name of hidden.filter((name) => mentioned.has(name))) {
    const at = [key, steps.get(name) ?? 0]
    report(at, `templates use '${name}', which is not this step to them: give it another name`)
  }
}

/** Checks the tasks of a workbook; each is a step without a place in the flow. */
function checkWorkbook(
  payload: JsonObject,
  checking: Checking,
  expressions: ReadonlySet<string>,
): void {
  const { workbook = null } = payload
  const { report } = checking
  if (workbook === null) return
  if (!Array.isArray(workbook)) return report(['workbook'], 'the workbook is a list of tasks')
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
    checkWork(task, 'task', at, checking)
    checkTemplates(task, at, report, expressions)
    checkReferences(task, at, checking)
  }
}

/** Checks that a step of type workbook means a task that there is, and what iterators do likewise. */
function checkReferences(step: JsonObject, at: Key[], checking: Checking): void {
  const { report, tasks } = checking
  if (nestingOf(step, tasks, MAX_NESTING) > MAX_NESTING) {
    return report(at, `iterators are nested more than ${MAX_NESTING} deep`)
  }
  if (isReference(step)) {
    if (resolved(step, tasks) !== null) return
    const wanted = String(taskNameOf(step))
    return report(
      at,
      tasks.has(wanted)
        ? `the tasks behind '${wanted}' name one another, or one that is not there`
        : `no task of the workbook is called '${wanted}'`,
    )
  }
  const own = isObject(step.iterator ?? null) ? (step.iterator as JsonObject) : null
  const { task = null } = own ?? step
  const place = own ? [...at, 'iterator', 'task'] : [...at, 'task']
  if (isObject(task)) checkReferences(task, place, checking)
}

const lengthOf = (value: Json | undefined) => (value == null ? 0 : [value].flat().length)

/** How many transitions a step has; an `else` counts with each condition that it depends on. */
function countNext(step: Json): number {
  if (!isObject(step)) return 1
  let [sum, conditions] = [0, 0]
  for (const item of [step.next ?? []].flat()) {
    const isConditional = isObject(item) && (item.when ?? item.condition ?? null) !== null
    const ways = isObject(item) ? [lengthOf(item.then), lengthOf(item.else)] : [1, 0]
    const [then = 0, otherwise = 0] = ways
    sum += Math.max(1, then) + otherwise * (isConditional ? 1 : 1 + conditions)
    if (isConditional) conditions += 1
  }
  return sum
}

/** Checks a step's name and notes where each was first. */
function checkName(step: Json, at: [string, number], firstOf: Map<string, number>, report: Report) {
  if (!isObject(step)) return report(at, 'a step is a mapping')
  const name = stepName(step)
  if (typeof name !== 'string' || name.trim() === '') {
    return report(at, 'a step needs a name: step: NAME')
  }
  if (name.length > MAX_NAME) {
    return report(at, `the step name is longer than ${MAX_NAME} characters`)
  }
  if (UNPRINTABLE.test(name)) return report(at, 'the step name has control characters')
  // results and states are kept in objects under the steps' names
  if (name in Object.prototype) return report(at, `a step cannot be called '${name}'`)
  // iterations and saves are called so
  if (name.includes('[')) return report(at, "a step's name cannot have [ in it")
  const first = firstOf.get(name)
  if (first === undefined) {
    firstOf.set(name, at[1])
  } else {
    const key = step.step === undefined ? 'name' : 'step'
    report([...at, key], `another step is called '${name}' (/${at[0]}/${first})`)
  }
}

/** Checks every text for what is no template, though it looks like one. */
function checkTemplates(
  value: Json,
  at: Key[],
  report: Report,
  expressions: ReadonlySet<string> = new Set(),
): void {
  // a text without templates may be of any length
  if (typeof value === 'string' && !/\{[{%#]/.test(value)) return
  if (typeof value === 'string') {
    if (!expressions.has(pointerTo(at))) checkTemplate(() => checkSyntax(value), at, report)
    return
  }
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined || (!Array.isArray(value) && PROGRAM_KEYS.has(key))) continue
    const place = [...at, Array.isArray(value) ? Number(key) : key]
    checkTemplates(child, place, report, expressions)
  }
}
