// The save tool: puts a step's result where the playbook wants to have it.

import { AppError } from '../../errors.ts'
import { isObject, type Json, type JsonObject } from '../../json.ts'
import { httpTool } from './http.ts'
import { savePostgres } from './save-postgres.ts'
import { type Call, ToolError, type ToolResult } from './tool.ts'

/** One save: its keys, what is saved, and the means to do it. */
export interface Saving {
  spec: JsonObject
  data: Json
  call: Call
}

/** Saves, and gives what is told of it. @throws ToolError */
type Save = (saving: Saving) => Promise<Json>

const STORAGES: ReadonlyMap<string, Save> = new Map([
  ['event', saveEvent],
  ['event_log', saveEvent],
  ['postgres', savePostgres],
  ['http', saveHttp],
])

/** Keys that only say something to a storage that is elsewhere. */
const ELSEWHERE = ['table', 'statement', 'url', 'endpoint']
const MAX_SAVES = 20

/**
 * Does the saves of `save`, or the one that the step's own keys describe. `data` tells what was done; of
 * a list, what was done by each. The first one that fails is the step's error, and those after it are
 * not done.
 */
export async function saveTool(call: Call): Promise<ToolResult> {
  const save = call.task.save ?? call.task
  if (!Array.isArray(save)) return { status: 'success', data: await saveOne(call, save) }
  if (save.length > MAX_SAVES) throw new ToolError(`a step has at most ${MAX_SAVES} saves`)
  const deadline = Date.now() + call.timeoutMs
  const done: Json[] = []
  for (const one of save) {
    const timeoutMs = deadline - Date.now()
    try {
      if (timeoutMs <= 0) throw new ToolError(`not done, as ${call.timeoutMs / 1000} s are over`)
      done.push(await saveOne({ ...call, timeoutMs }, one))
    } catch (error) {
      throw inPlace(error, `save ${done.length + 1} of ${save.length}`)
    }
  }
  return { status: 'success', data: done }
}

function inPlace(error: unknown, place: string): unknown {
  if (error instanceof ToolError) return new ToolError(`${place}: ${error.message}`, error.data)
  return error instanceof AppError ? new ToolError(`${place}: ${error.message}`) : error
}

async function saveOne(call: Call, save: Json): Promise<Json> {
  const { storage = null, ...spec } = flattened(save)
  const doSave = saveOf(storage, spec)
  const given = ['data', 'args'].find((key) => key in spec)
  const data = given === undefined ? call.result : (spec[given] ?? null)
  return doSave({ spec, data, call })
}

function saveOf(storage: Json, spec: JsonObject): Save {
  if (storage === null || storage === '') {
    const key = ELSEWHERE.find((name) => name in spec)
    if (key === undefined) return saveEvent
    throw new ToolError(`a save with ${key} needs storage: what it goes to`)
  }
  const kind = typeof storage === 'string' ? storage.trim().toLowerCase() : null
  const save = kind === null ? undefined : STORAGES.get(kind)
  if (save) return save
  const name = kind === null ? 'of this form' : `'${kind}'`
  throw new ToolError(
    `there is no storage ${name}: save to postgres, http or event; for another, use a step of that type`,
  )
}

/** A save's keys in one mapping: NoETL has them within `storage`, too. */
function flattened(save: Json): JsonObject {
  if (typeof save === 'string') return { storage: save }
  if (!isObject(save)) throw new ToolError('save is a storage, a mapping, or a list of these')
  const { storage = null } = save
  if (!isObject(storage)) return save
  const { type = null, ...own } = storage
  return { ...save, ...own, storage: type }
}

/** The event of the save is what keeps the data. */
async function saveEvent({ data }: Saving): Promise<Json> {
  return { saved: 'event', data }
}

const HTTP_KEYS = [
  ...['method', 'url', 'endpoint', 'headers', 'params'],
  ...['auth', 'credential', 'credentials'],
]

async function saveHttp({ spec, data, call }: Saving): Promise<Json> {
  const keys = Object.entries(spec).filter(([key]) => HTTP_KEYS.includes(key))
  const task: JsonObject = { ...Object.fromEntries(keys), json: data }
  task.method ??= 'POST'
  const result = await httpTool({ ...call, task })
  const reply = isObject(result.data) ? result.data : {}
  const { status_code = null } = reply
  const told = { endpoint: withoutQuery(String(reply.url)), status_code }
  if (result.status === 'success') return { saved: 'http', ...told }
  throw new ToolError(result.error, { ...told, data: reply.data ?? null })
}

/** A query may hold a secret. */
function withoutQuery(address: string): string {
  const url = URL.parse(address)
  return url ? `${url.origin}${url.pathname}` : ''
}
