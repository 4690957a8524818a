// Rendering what a worker is about to run, with what the execution knows.

import { textFromBase64 } from '../base64.ts'
import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../json.ts'
import { type Context, namesIfAny, renderValue, TemplateError } from '../template/index.ts'
import { templateContext } from './batch.ts'
import { globalsOf } from './globals.ts'
import { findRenderContext, type RenderRow } from './reads.ts'
import { dataOf } from './types.ts'

export interface Rendered {
  status: 'ok'
  rendered: Json
  /** Names that templates could use. */
  context_keys: string[]
  /** Texts that stayed as they were for another reason than an undefined name. */
  warnings?: string[]
}

const MAX_WARNINGS = 20

/**
 * Renders a template with what the execution knows and with `extra`. Of an object, `work` and `task` are
 * rendered and the rest passes; anything else is rendered as a whole. A text that needs what is undefined
 * stays as it was, that text alone. One round trip.
 *
 * Of `work` only the texts of the playbook's own workload are rendered: any other came as data and could be a
 * template of a stranger, who would read the workload, results, and what `extra` has of the worker's environment.
 * @throws AppError `not_found` for an unknown execution.
 */
export async function renderFor(
  sql: Sql,
  executionId: string,
  template: Json,
  extra: JsonObject,
  within: string | null,
): Promise<Rendered> {
  const isJob = isObject(template) && ('work' in template || 'task' in template)
  const parts: JsonObject = isJob ? template : { whole: template }
  const task = taskOf(parts.task ?? null)
  const given = parts.work ?? null
  const inCode = namesIfAny(isObject(task) ? decodedTexts(task) : null)
  const fields = isObject(given) ? given : {}
  const texts = [fields.workload ?? null, task, parts.whole ?? null]
  const names = [...new Set([...namesIfAny(texts), ...inCode])]
  const row = await find(sql, executionId, names, within)
  const results = new Map<string, Json>()
  for (const [name, envelope] of Object.entries(row.results ?? {})) {
    results.set(name, dataOf(envelope))
  }
  // a worker brings its own env
  const { env: _none, ...globals } = globalsOf({})
  const warnings: string[] = []
  const onError = (error: TemplateError) => {
    if (warnings.length < MAX_WARNINGS) warnings.push(`${error.message} in ${error.expression}`)
  }
  const contextOf = (workload: JsonObject, over: JsonObject): Context => ({
    ...templateContext({ execution_id: executionId, workload, results, globals }, over),
    results: Object.fromEntries(results),
  })
  const render = (value: Json, context: Parameters<typeof renderValue>[1]): Json => {
    try {
      return renderValue(value, context, { onUndefined: 'keep', onError }) as Json
    } catch (error) {
      // nested too deep to be looked through
      if (!(error instanceof TemplateError)) throw error
      onError(error)
      return value
    }
  }

  const inner = isObject(fields.workload) ? fields.workload : row.workload
  const inside = contextOf(inner, { ...fields, ...extra })
  const work = render(given, (text, pointer) => (isOwn(row.own, text, pointer) ? inside : null))
  const done = isObject(work) ? work : {}
  const workload = isObject(done.workload) ? done.workload : row.workload
  const outer = contextOf(workload, { ...done, ...extra })
  const context_keys = [
    ...new Set([
      ...['work', 'workload', 'results', ...row.steps, 'context', 'execution_id'],
      ...Object.keys(workload),
      ...Object.keys(extra),
      ...Object.keys(fields),
    ]),
  ]
  const rendered = isJob
    ? jobOf(template, work, render(task, outer), results, inCode)
    : render(template, outer)
  return { status: 'ok', rendered, context_keys, ...(warnings.length > 0 && { warnings }) }
}

/** The parts of a job's template, rendered. */
function jobOf(
  template: JsonObject,
  work: Json,
  task: Json,
  results: ReadonlyMap<string, Json>,
  inCode: readonly string[],
): JsonObject {
  const seen = inCode.filter((name) => results.has(name) && isObject(work) && !(name in work))
  return {
    ...template,
    ...('work' in template && {
      // what a worker renders itself, code and SQL, sees there which steps came before
      work: isObject(work)
        ? { ...work, ...Object.fromEntries(seen.map((name) => [name, results.get(name) ?? null])) }
        : work,
    }),
    ...('task' in template && { task }),
  }
}

async function find(
  sql: Sql,
  executionId: string,
  names: string[],
  within: string | null,
): Promise<RenderRow> {
  const wanted = names.includes('results') ? null : names
  const [row] = await rowsOf<RenderRow>(findRenderContext(sql, executionId, wanted, within))
  return row ?? fail('not_found', `Execution '${executionId}' not found.`)
}

/** A job's action as workers send it: JSON text of an object, or the object. */
function taskOf(task: Json): Json {
  if (typeof task !== 'string') return task
  try {
    return parseJson(task)
  } catch {
    return task
  }
}

/** What stands in base64 in a job's action: its worker renders it. */
function decodedTexts(task: JsonObject): Json[] {
  return Object.entries(task).flatMap(([key, value]) =>
    key.endsWith('_b64') && typeof value === 'string' ? [textFromBase64(value)] : [],
  )
}

/** Whether a text of the job's `work` is the playbook's own: it stands at the same place of its workload. */
function isOwn(own: Json, text: string, pointer: string): boolean {
  const [, root, ...path] = pointer.split('/')
  if (root !== 'workload') return false
  let value: Json | undefined = own
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return false
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    value = Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined
  }
  return value === text
}
