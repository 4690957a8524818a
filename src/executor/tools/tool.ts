// A tool is one file with one function of this shape, registered in index.ts.

import type { Env } from '../../env.ts'
import { MAX_RESULT_BYTES } from '../../event/types.ts'
import { type Json, type JsonObject, toJson } from '../../json.ts'
import type { Config } from '../../settings.ts'

/** What a tool gets: the step's action, rendered, and the means to run it. */
export interface Call {
  /** The step's keys with their templates rendered, and secrets in place of their references. */
  task: JsonObject
  execution_id: string
  /** Where in which execution it stands: execution_id, step, attempt, workload, and what was passed on. */
  scope: JsonObject
  config: Config
  /** The platform's bindings. */
  env: Env
  /** The data of a credential by name; fails when there is none. */
  credential(name: string): Promise<{ type: string; data: JsonObject }>
  /** Says that a text is a secret: it is taken out of what the tool gives, its errors included. */
  hide(secret: string): void
  /** A text without the secrets; needed where it is cut or encoded. */
  redact(text: string): string
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

/** The data, if it is small enough for the log. */
export function fitting<Data extends Json>(data: Data, what: string): Data {
  if (new TextEncoder().encode(toJson(data)).byteLength > MAX_RESULT_BYTES) {
    throw new ToolError(`${what} is larger than ${MAX_RESULT_BYTES} bytes`)
  }
  return data
}
