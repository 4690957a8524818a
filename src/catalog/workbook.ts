// Steps of type workbook: each names a task of the playbook's workbook, and is what that task is. Pure.

import { isObject, type Json, type JsonObject } from '../json.ts'

/** Keys that carry a step's input, the later over the earlier. */
export const DATA_KEYS = ['input', 'payload', 'params', 'args', 'with', 'data']
/** How many tasks may stand behind one another. */
const MAX_DEPTH = 8
/** Keys that only say which task is meant. */
const NAMING_KEYS = ['type', 'task', 'name', 'step', 'desc', 'description']

/** An iterator's own task may be one of the workbook, too. */
function withInner(step: JsonObject, tasks: ReadonlyMap<string, JsonObject>): JsonObject | null {
  if (!isObject(step.task ?? null) || !isReference(step.task as JsonObject)) return step
  const task = resolved(step.task as JsonObject, tasks)
  return task && { ...step, task }
}

/** The tasks of a payload's workbook, by name; [] when it has none. */
export function tasksOf(payload: JsonObject): Map<string, JsonObject> {
  const tasks = Array.isArray(payload.workbook) ? payload.workbook.filter(isObject) : []
  return new Map(tasks.map((task) => [String(task.name ?? task.task ?? task.step), task]))
}

/** Whether a step stands for a task of the workbook. */
export function isReference(step: JsonObject): boolean {
  return typeof step.type === 'string' && step.type.trim().toLowerCase() === 'workbook'
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
    if (!isReference(whole)) return withInner(whole, tasks)
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
