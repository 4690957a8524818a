// Steps of type workbook: each names a task of the playbook's workbook, and is what that task is. Pure.

import { isObject, type Json, type JsonObject } from '../json.ts'

/** Keys that carry a step's input, the later over the earlier. */
export const DATA_KEYS = ['input', 'payload', 'params', 'args', 'with', 'data']
/** How many tasks may stand behind one another. */
const MAX_DEPTH = 8
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
 * The step as its task is, where the step's own keys win and its input is laid over the task's. A task
 * may name another one. Null when there is no such task, or tasks name one another in a circle.
 */
export function resolved(
  step: JsonObject,
  tasks: ReadonlyMap<string, JsonObject>,
): JsonObject | null {
  let whole = step
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    if (!isReference(whole)) return whole
    const task = tasks.get(String(taskNameOf(whole)))
    if (!task) return null
    const own = Object.entries(whole).filter(([key]) => !NAMING_KEYS.includes(key))
    const merged: JsonObject = { ...task, ...Object.fromEntries(own) }
    for (const key of DATA_KEYS) {
      const [below, above] = [task[key], whole[key]]
      if (isObject(below) && isObject(above)) merged[key] = { ...below, ...above }
    }
    whole = merged
  }
  return null
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
