// What a step does: its tool and action, the iterations of an iterator, and the save behind either. Pure.

import { textFromBase64 } from '../base64.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { namesInExpression, namesInValue } from '../template/index.ts'
import { DATA_KEYS, resolved } from './workbook.ts'

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

const ITERATOR = 'iterator'
/** The step type that is run as an execution of its own. */
export const PLAYBOOK = 'playbook'
const SAVE = 'save'

/** What a step, or an iteration of one, does. */
export interface Work {
  tool: string
  /** The keys that its tool reads, with their templates. Empty for an iterator. */
  action: JsonObject
  /** Names that evaluating its templates takes from its context. */
  names: string[]
  /** Seconds that an iterator or a playbook may take in all; others are held to theirs by whoever runs them. */
  timeout: Json
  /** What follows when it is done: its result is saved. */
  save: Work | null
  iterator: Iterator | null
}

export interface Iterator {
  collection: Json
  element: string
  /** Expressions on an item. */
  where: string | null
  orderBy: { by: string; descending: boolean }[]
  limit: Json
  chunk: Json
  /** How many iterations run at once; null: one, or as many as is usual when it is asynchronous. */
  concurrency: Json
  isAsync: boolean
  /** Whether templates see `index`. */
  enumerate: boolean
  /** Whether the step succeeds although items have failed. */
  toleratesFailures: boolean
  each: Work
}

/** Keys of a step that say where it stands and not what it does. */
const FLOW_KEYS = new Set(['step', 'name', 'next', 'desc', 'description', 'type', 'save', 'loop'])
/** Keys of SQL in base64, and what they are called when it is plain. */
const ENCODED: Readonly<Record<string, string>> = {
  command_b64: 'command',
  commands_b64: 'commands',
}
/** Keys whose text is a program, where braces are not templates. */
export const PROGRAM_KEYS: ReadonlySet<string> = new Set(['code', 'code_b64'])

/** @param step what is written, or the workbook's task that it means; null when it only routes */
export function compileWork(
  step: JsonObject,
  tasks: ReadonlyMap<string, JsonObject>,
  isEnd = false,
): Work | null {
  const { loop = null, ...all } = step
  // the result of `end` is rendered when all is done, not before its own action
  const { result: _result, ...work } = all
  const rest = isEnd ? work : all
  if (isObject(loop)) return iteratorWork({ ...loop, task: rest }, null, tasks)
  const tool = toolOf(step)
  const saved = step.save ?? null
  if (tool === null) return saved === null ? null : saveWork(saved)
  if (tool === ITERATOR) {
    const own = isObject(step.iterator ?? null) ? (step.iterator as JsonObject) : {}
    return iteratorWork({ ...step, ...own }, saved, tasks)
  }
  const isFlow = (key: string) =>
    (FLOW_KEYS.has(key) && !(key === SAVE && tool === SAVE)) ||
    key.startsWith('x-') ||
    (tool === PLAYBOOK && key === 'timeout')
  const keys = Object.entries(rest).filter(([key]) => !isFlow(key))
  const action = { type: tool, ...Object.fromEntries(keys.map(decoded)) }
  const timeout = tool === PLAYBOOK ? (step.timeout ?? null) : null
  return {
    tool,
    action,
    names: [...namesInValue(templatesOf(action)), ...namesInValue(timeout)],
    timeout,
    save: saved === null || tool === SAVE ? null : saveWork(saved, step.retry),
    iterator: null,
  }
}

/** @param retry `false` holds for the save, too: it is then begun once at most */
function saveWork(save: Json, retry: Json = null): Work {
  const action = { type: SAVE, save, ...(retry === false && { retry }) }
  const names = namesInValue(save)
  return { tool: SAVE, action, names, timeout: null, save: null, iterator: null }
}

/** Names that an iterator's keys have, and what they are called in a `loop`. */
function iteratorWork(
  keys: JsonObject,
  save: Json,
  tasks: ReadonlyMap<string, JsonObject>,
): Work | null {
  const task = isObject(keys.task ?? null) ? (keys.task as JsonObject) : {}
  const each = compileWork(resolved(task, tasks) ?? task, tasks)
  if (each === null) return null
  const collection = keys.collection ?? keys.in ?? keys.items ?? keys.data ?? null
  const where = keys.where == null ? null : bareExpression(keys.where)
  const orderBy = [keys.order_by ?? []].flat().map((by) => orderOf(bareExpression(by)))
  const mode = String(keys.mode ?? '').toLowerCase()
  const { limit = null, chunk = null, concurrency = null } = keys
  const templates = [collection, limit, chunk, concurrency, keys.timeout ?? null]
  const expressions = [...(where === null ? [] : [where]), ...orderBy.map(({ by }) => by)]
  return {
    tool: ITERATOR,
    action: {},
    names: [...namesInValue(templates), ...expressions.flatMap(namesInExpression)],
    timeout: keys.timeout ?? null,
    save: save === null ? null : saveWork(save),
    iterator: {
      collection,
      element: String(keys.element ?? keys.iterator ?? keys.as ?? 'item'),
      where,
      orderBy,
      limit,
      chunk,
      concurrency,
      isAsync: mode === 'async' || mode === 'parallel',
      enumerate: keys.enumerate === true,
      toleratesFailures: String(keys.on_error).toLowerCase() === 'continue',
      each,
    },
  }
}

function orderOf(text: string) {
  const descending = text.startsWith('-')
  return { by: descending ? text.slice(1).trim() : text, descending }
}

/** `{{ x > 1 }}` and `x > 1` are the same condition. */
export function bareExpression(when: Json): string {
  const text = String(when).trim()
  return text.startsWith('{{') && text.endsWith('}}') ? text.slice(2, -2).trim() : text
}

function templatesOf(action: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(action).filter(([key]) => !PROGRAM_KEYS.has(key)))
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

/** A step's input: what stands under the keys that carry it, the later over the earlier. */
export function inputOf(action: JsonObject): JsonObject {
  return Object.assign({}, ...DATA_KEYS.map((key) => action[key]).filter(isObject))
}

/** Everything that work consists of: itself, what its iterations do, and what saves them. */
export function partsOf(work: Work | null): Work[] {
  if (work === null) return []
  return [work, ...partsOf(work.save), ...partsOf(work.iterator?.each ?? null)]
}
