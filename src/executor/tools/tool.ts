// A tool is one file with one function of this shape, registered in index.ts.

import type { Env } from '../../env.ts'
import { type Json, type JsonObject, toJson } from '../../json.ts'
import type { Config } from '../../settings.ts'

/** What a tool gets: the step's action, rendered, and the means to run it. */
export interface Call {
  /** The step's keys with their templates rendered. */
  task: JsonObject
  config: Config
  /** The platform's bindings. */
  env: Env
  /** The data of a credential by name; fails when there is none. */
  credential(name: string): Promise<{ type: string; data: JsonObject }>
  /** How long the action may take. */
  timeoutMs: number
  /** What the step's own action gave, for a tool that works on that; else null. */
  result: Json
  /** Seconds since the step began. */
  waited: number
}

/** How an action ended, in the envelope that NoETL's workers report. */
export type Ending =
  | { status: 'success'; data: Json; execution_id?: string; logs?: string[] }
  | { status: 'error'; error: string; data?: Json; logs?: string[] }

/** An action that has ended, or one that begins again in so many seconds and costs nothing meanwhile. */
export type ToolResult = Ending | { status: 'waiting'; seconds: number }

export type Tool = (call: Call) => Promise<ToolResult>

/** An action's failure; its message is the step's error. */
export class ToolError extends Error {
  readonly data: Json | undefined
  constructor(message: string, data?: Json) {
    super(message)
    this.data = data
  }
}

/** A result is written into two events by one request, and that is at most 10 MB. */
export const MAX_RESULT_BYTES = 2 * 1_048_576

/** The data, if it is small enough for the log. */
export function fitting<Data extends Json>(data: Data, what: string): Data {
  if (new TextEncoder().encode(toJson(data)).byteLength > MAX_RESULT_BYTES) {
    throw new ToolError(`${what} is larger than ${MAX_RESULT_BYTES} bytes`)
  }
  return data
}

/** The `auth` of a step, resolved to a credential's data. Forms: wire names of NoETL. */
export async function authOf(call: Call): Promise<{ type: string; data: JsonObject } | null> {
  const { auth = call.task.credential } = call.task
  if (auth === undefined || auth === null) return null
  if (typeof auth === 'string') return call.credential(auth)
  if (typeof auth !== 'object' || Array.isArray(auth)) {
    throw new ToolError('auth is the name of a credential, or a mapping')
  }
  const inline = auth.inline ?? (auth.source === 'inline' ? auth.fields : undefined)
  if (typeof inline === 'object' && inline !== null && !Array.isArray(inline)) {
    return { type: String(auth.type ?? auth.service ?? 'generic'), data: inline }
  }
  const name = auth.credential ?? auth.key
  const source = auth.source ?? 'credential'
  if (typeof name === 'string' && source === 'credential') {
    const found = await call.credential(name)
    return { type: String(auth.type ?? auth.service ?? found.type), data: found.data }
  }
  const [alias, ...others] = Object.values(auth)
  if (others.length === 0 && typeof alias === 'object' && alias !== null && !Array.isArray(alias)) {
    return authOf({ ...call, task: { ...call.task, auth: alias } })
  }
  throw new ToolError('this form of auth is not supported; name a credential: auth: NAME')
}
