// The javascript tool: an author's main(input, context) in an isolate of its own, which has no bindings, no
// variables, and no network but the hosts that the step lists. docs/javascript.md is its contract.

import { exports } from 'cloudflare:workers'
import { textFromBase64, toBase64 } from '../../base64.ts'
import { inputOf } from '../../catalog/work.ts'
import { MAX_RESULT_BYTES } from '../../event/types.ts'
import { isObject, type Json, type JsonObject, parseStorableJson, toJson } from '../../json.ts'
import { bytesWithin } from './bytes.ts'
import type { Outbound } from './outbound.ts'
import {
  CODE_MODULE,
  codeModule,
  MAX_LOG_BYTES,
  MAX_TEXT,
  type Question,
  sandboxModule,
} from './sandbox.ts'
import { type Call, fitting, ToolError, type ToolResult } from './tool.ts'

/** What one call may use, where the platform counts it; workerd by itself does not. */
const LIMITS = { cpuMs: 10_000, subRequests: 50 }
const COMPATIBILITY_DATE = '2026-10-01'
/** The sandbox stops by itself, and then still has its lines; this much later it is cut off. */
const GRACE_MS = 1_000
/** What an answer may weigh: result, lines, an error with its stack. */
const MAX_ANSWER_BYTES = MAX_RESULT_BYTES + MAX_LOG_BYTES + 65_536
const TOO_LARGE = `the result is larger than ${MAX_RESULT_BYTES} bytes`

/** Runs the step's code. */
export async function javascriptTool(call: Call): Promise<ToolResult> {
  const { task, env, timeoutMs } = call
  if (!env.LOADER) {
    throw new ToolError(
      'javascript steps need a Worker Loader: [[worker_loaders]] binding = "LOADER"',
    )
  }
  const code = codeOf(task)
  const worker = await isolateOf(env.LOADER, code, outboundOf(call))
  const answer = await ask(worker, code, {
    input: inputOf(task),
    context: call.scope,
    timeout_ms: timeoutMs,
  })
  return resultOf(answer)
}

function codeOf(task: JsonObject): string {
  const code =
    typeof task.code_b64 === 'string' ? textFromBase64(task.code_b64) : (task.code ?? null)
  if (typeof code === 'string') return code
  throw new ToolError(
    task.code_b64 === undefined ? 'a javascript step needs code' : 'code_b64 is not base64 of text',
  )
}

/** Null: no way out at all. */
function outboundOf({ task, config }: Call): Outbound | null {
  const hosts = [task.egress ?? []].flat().map(hostPattern)
  if (hosts.length === 0) return null
  const { HTTP_ALLOW_HOSTS, HTTP_DENY_HOSTS, HTTP_ALLOW_PRIVATE } = config
  return { hosts, rules: { HTTP_ALLOW_HOSTS, HTTP_DENY_HOSTS, HTTP_ALLOW_PRIVATE } }
}

function hostPattern(pattern: Json): string {
  if (typeof pattern === 'string') {
    const host = pattern.toLowerCase()
    const bare = host.replace(/^\*\./, '')
    if (!bare.includes('*') && URL.parse(`http://${bare}`)?.hostname === bare) return host
  }
  throw new ToolError('egress is a list of hosts, like api.example.org or *.example.org')
}

/** The isolate of this code with this way out: an isolate serves all calls that have both in common. */
async function isolateOf(
  loader: WorkerLoader,
  code: string,
  outbound: Outbound | null,
): Promise<Fetcher> {
  const modules = { 'main.js': sandboxModule(outbound !== null), [CODE_MODULE]: codeModule(code) }
  const id = await digestOf(toJson([modules, outbound, LIMITS, COMPATIBILITY_DATE]))
  const stub = loader.get(id, () => ({
    compatibilityDate: COMPATIBILITY_DATE,
    mainModule: 'main.js',
    modules,
    env: {},
    globalOutbound: outbound && wayOut(outbound),
    limits: LIMITS,
  }))
  return stub.getEntrypoint()
}

function wayOut(props: Outbound): Fetcher {
  const { SandboxOutbound } = exports as unknown as {
    SandboxOutbound(options: { props: Outbound }): Fetcher
  }
  return SandboxOutbound({ props })
}

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return toBase64(new Uint8Array(digest))
}

async function ask(worker: Fetcher, code: string, question: Question): Promise<JsonObject> {
  const { timeout_ms } = question
  let text: string
  try {
    const signal = AbortSignal.timeout(timeout_ms + GRACE_MS)
    const init = { method: 'POST', body: toJson(question), signal }
    const { body } = await worker.fetch('http://sandbox/', init)
    const bytes = body ? await bytesWithin(body, MAX_ANSWER_BYTES, TOO_LARGE) : new Uint8Array()
    text = new TextDecoder().decode(bytes)
  } catch (error) {
    if (error instanceof ToolError) throw error
    if (error instanceof Error && error.name === 'TimeoutError') {
      throw new ToolError(`stopped after ${timeout_ms / 1000} s`)
    }
    throw new ToolError(endOf(error instanceof Error ? error.message : String(error), code))
  }
  try {
    const answer = parseStorableJson(text)
    if (isObject(answer)) return answer
    throw new SyntaxError('not an object')
  } catch (error) {
    const why = error instanceof Error ? error.message : ''
    throw new ToolError(`the result cannot be read: ${why}`)
  }
}

/** Why the isolate did not answer: its code cannot be compiled, or it was ended. */
function endOf(message: string, code: string): string {
  const [, said, line, column] =
    /^Failed to start Worker:\s*(?:Uncaught )?([\s\S]*?)\s*(?:at code\.js:(\d+)(?::(\d+))?\s*)?$/.exec(
      message,
    ) ?? []
  if (said === undefined) return `the code was ended: ${message}`
  if (line === undefined) return said
  const lines = code.split('\n')
  const at = Number(line)
  // what follows the code is ours
  if (at > lines.length) return `${said.split(':')[0]}: the code ends too early`
  const hint = isTyped(lines[at - 1] ?? '') ? '; the code is JavaScript, without types' : ''
  return `${said} (line ${at}, column ${column ?? 1})${hint}`
}

/** Whether a line that is not JavaScript looks like TypeScript. */
function isTyped(line: string): boolean {
  return /^\s*(export\s+)?(interface|type|enum|declare|namespace)\s+\w|[\w)\]}?]\s*:\s*[A-Za-z{[]|\s(as|satisfies)\s|<\w+>\(|\w!\.|^\s*import\s+type\b/.test(
    line,
  )
}

/** The code shares its isolate with what answers, so an answer may be anything. */
function resultOf({ logs, result, error }: JsonObject): ToolResult {
  const lines = Array.isArray(logs) ? logs.filter((line) => typeof line === 'string') : []
  const kept = lines.length > 0 ? { logs: lines } : {}
  if (!isObject(error ?? null)) {
    return { status: 'success', data: fitting(result ?? null, 'the result'), ...kept }
  }
  const { text, stack } = error as JsonObject
  return {
    status: 'error',
    error: `${String(text).slice(0, 2 * MAX_TEXT)}${placeIn(stack)}`,
    ...kept,
  }
}

/** The topmost place in the author's code. */
function placeIn(stack: Json | undefined): string {
  const [, line, column] = /\bcode\.js:(\d+):(\d+)/.exec(String(stack)) ?? []
  return line === undefined ? '' : ` (line ${line}, column ${column})`
}
