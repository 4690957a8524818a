// Steps of type workbook: each names a task of the playbook's workbook, and is what that task is. Pure.

import { isObject, type Json, type JsonObject } from '../json.ts'

/** Keys that carry a step's input, the later over the earlier. */
export const DATA_KEYS = ['input', 'payload', 'params', 'args', 'with', 'data']
/** How many tasks may stand behind one another. */
const MAX_DEPTH = 8

/** Names for the same thing, by whatever type has them. */
export const CREDENTIALS = ['auth', 'credential', 'credentials']
export const URLS = ['url', 'endpoint']
export const BODIES = ['json', 'payload', 'body']
export const STATEMENTS = ['command', 'commands', 'sql', 'query', 'command_b64', 'commands_b64']
export const CODES = ['code', 'code_b64']
export const PATHS = ['path', 'resource_path']
export const WAITS = ['seconds', 'for', 'until']
const SECRETS = ['secret_name', 'key', ...CREDENTIALS]
const ALIASES = [
  ...[CREDENTIALS, URLS, BODIES, STATEMENTS, CODES, PATHS, WAITS],
  ...[
    ['key', 'keys'],
    ['table', 'statement'],
    ['collection', 'data'],
  ],
]
/** Input keys that have a meaning of their own, by type; the others are one input. */
const APART: Readonly<Record<string, readonly (readonly string[])[]>> = {
  http: [['params'], ['payload']],
  postgres: [['params']],
  duckdb: [['params']],
  snowflake: [['params']],
  transform: [['data']],
  save: [['params'], ['args', 'data']],
  iterator: [['data']],
}

/** Keys that only say which task is meant. */
const NAMING_KEYS = ['type', 'task', 'name', 'step', 'desc', 'description']

/** The tasks of a payload's workbook, by name; [] when it has none. */
export function tasksOf(payload: JsonObject): Map<string, JsonObject> {
  const tasks = Array.isArray(payload.workbook) ? payload.workbook.filter(isObject) : []
  return new Map(tasks.map((task) => [String(task.name ?? task.task ?? task.step), task]))
}

/** The type of a step, in lower case; null when it has none. */
export function typeOf(step: JsonObject): string | null {
  const type = typeof step.type === 'string' ? step.type.trim().toLowerCase() : ''
  return type === '' ? null : type
}

/** Whether a step stands for a task of the workbook. */
export function isReference(step: JsonObject): boolean {
  return typeOf(step) === 'workbook'
}

/** The task that a step means: `task`, else `name` (beside `step`), else the step's own name. */
export function taskNameOf(step: JsonObject): Json | undefined {
  return step.task ?? step.name ?? step.step
}

/**
 * The step as its task is, where what the step says itself counts: its input is laid over the task's, and of
 * a key that it sets the task's other names go. A task may name another one. Null when there is no such
 * task, or tasks name one another in a circle.
 */
export function resolved(
  step: JsonObject,
  tasks: ReadonlyMap<string, JsonObject>,
  depth = 0,
): JsonObject | null {
  if (!isReference(step)) return step
  const task = depth < MAX_DEPTH ? tasks.get(String(taskNameOf(step))) : undefined
  const whole = task ? resolved(task, tasks, depth + 1) : null
  return whole && laidOver(whole, step)
}

function laidOver(task: JsonObject, step: JsonObject): JsonObject {
  const kind = typeOf(task) ?? ''
  const isNaming = (key: string) => NAMING_KEYS.includes(key)
  const own = Object.fromEntries(
    Object.entries(unfolded(step, kind)).filter(([key]) => !isNaming(key)),
  )
  const below = unfolded(task, own.storage == null ? kind : '')
  for (const names of kind === 'secrets' ? [...ALIASES, SECRETS] : ALIASES) {
    if (names.every((name) => own[name] == null)) continue
    for (const name of names) if (own[name] == null) delete below[name]
  }
  return {
    ...without(below, DATA_KEYS),
    ...without(own, DATA_KEYS),
    ...inputOver(below, own, kind),
  }
}

/** A step with its keys side by side, where its type lets them stand in a mapping as well. */
function unfolded(step: JsonObject, kind: string): JsonObject {
  const { iterator = null, storage = null, ...rest } = step
  if (kind === 'iterator' && isObject(iterator)) return { ...rest, ...iterator }
  if (kind !== 'save' || !isObject(storage)) return { ...step }
  const { type: goal = null, ...keys } = storage
  return { ...rest, ...keys, storage: goal }
}

function without(keys: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(keys).filter(([key]) => !names.includes(key)))
}

/** The input keys of a task with those of its step over them. */
function inputOver(task: JsonObject, step: JsonObject, kind: string): JsonObject {
  const apart = APART[kind] ?? []
  const rest = DATA_KEYS.filter((key) => !apart.flat().includes(key))
  const said = (kind === 'http' ? [] : apart.flat()).flatMap((key) =>
    isObject(step[key] ?? null) ? Object.keys(step[key] as JsonObject) : [],
  )
  const below = { ...task }
  for (const key of rest) {
    if (isObject(task[key] ?? null)) below[key] = without(task[key] as JsonObject, said)
  }
  return Object.assign({}, ...[...apart, rest].map((keys) => laid(keys, below, step)))
}

/**
 * Keys of one meaning: mappings become one, the later over the earlier, and what is none keeps its turn. They
 * come last, so that no other key is later.
 */
function laid(keys: readonly string[], below: JsonObject, above: JsonObject): JsonObject {
  const [under, over] = [only(below, keys), only(above, keys)]
  if (Object.keys(over).length === 0) return under
  if (DATA_KEYS.every((key) => below[key] == null)) return over
  const merged: Json[] = []
  for (const value of [under, over].flatMap((side) => Object.values(side))) {
    const last = merged.at(-1) ?? null
    if (isObject(last) && isObject(value)) merged[merged.length - 1] = { ...last, ...value }
    else merged.push(value)
  }
  const kept = merged.slice(-keys.length)
  return Object.fromEntries(keys.slice(-kept.length).map((key, at) => [key, kept[at] ?? null]))
}

/** What a mapping has under these names, in their order. */
function only(keys: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => (keys[name] == null ? [] : [[name, keys[name]]])),
  )
}

/** How deep a step iterates, its tasks within tasks counted; beyond `most` it is not looked any deeper. */
export function nestingOf(
  step: JsonObject,
  tasks: ReadonlyMap<string, JsonObject>,
  most: number,
): number {
  let depth = 0
  let inner: Json = step
  while (isObject(inner) && depth <= most) {
    const whole: JsonObject = resolved(inner, tasks) ?? {}
    if (isObject(whole.loop ?? null)) depth += 1
    if (typeOf(whole) !== 'iterator') break
    depth += 1
    inner = (isObject(whole.iterator ?? null) ? (whole.iterator as JsonObject) : whole).task ?? null
  }
  return depth
}
