// The javascript tool: an author's main(input, context) in an isolate of its own, which has no bindings, no
// variables, and no network but the hosts that the step lists. docs/javascript.md is its contract.

import { exports } from 'cloudflare:workers'
import { textFromBase64 } from '../../base64.ts'
import { inputOf } from '../../catalog/work.ts'
import { MAX_RESULT_BYTES } from '../../event/types.ts'
import { isObject, type Json, type JsonObject, parseStorableJson, toJson } from '../../json.ts'
import { bytesWithin } from './bytes.ts'
import { COMMON, digestOf, workerOf } from './isolate.ts'
import type { Outbound } from './outbound.ts'
import {
  CODE_MODULE,
  codeModule,
  MAX_LOG_BYTES,
  MAX_TEXT,
  type Question,
  refusalModule,
  sandboxModule,
} from './sandbox.ts'
import { type Call, fitting, ToolError, type ToolResult } from './tool.ts'
import { type Fault, stripperId, stripTypes } from './typescript.ts'

/** The sandbox stops by itself, and then still has its lines; this much later it is cut off. */
const GRACE_MS = 1_000
/** What an answer may weigh: result, lines, an error with its stack. */
const MAX_ANSWER_BYTES = MAX_RESULT_BYTES + MAX_LOG_BYTES + 65_536
const TOO_LARGE = `the result is larger than ${MAX_RESULT_BYTES} bytes`

/** Code that is no JavaScript, as V8 sees it. */
class NotJavaScript extends ToolError {
  readonly fault: Fault
  constructor(fault: Fault, code: string) {
    super(toldFault(fault, code))
    this.fault = fault
  }
}

interface Source {
  loader: WorkerLoader
  code: string
  outbound: Outbound | null
}

/** Runs the step's code as it is; if that is no JavaScript, without its types. */
export async function javascriptTool(call: Call): Promise<ToolResult> {
  const { task, env, timeoutMs } = call
  if (!env.LOADER) {
    throw new ToolError(
      'javascript steps need a Worker Loader: [[worker_loaders]] binding = "LOADER"',
    )
  }
  const code = codeOf(task)
  const source = { loader: env.LOADER, code, outbound: outboundOf(call) }
  const question = { input: inputOf(task), context: call.scope, timeout_ms: timeoutMs }
  let answer: JsonObject
  try {
    answer = await ask(await isolateOf(source), code, question)
  } catch (error) {
    if (!(error instanceof NotJavaScript)) throw error
    answer = await ask(await strippedIsolateOf(source, error.fault), code, question)
  }
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
async function isolateOf({ loader, code, outbound }: Source): Promise<Fetcher> {
  const modules = modulesOf(code, outbound)
  const id = await digestOf(toJson([modules, outbound, COMMON]))
  return loader.get(id, () => workerOf(modules, outbound && wayOut(outbound))).getEntrypoint()
}

/** The same without the types of the code, which are taken out once for each isolate. */
async function strippedIsolateOf(
  { loader, code, outbound }: Source,
  fault: Fault,
): Promise<Fetcher> {
  const modules = modulesOf(code, outbound)
  const id = await digestOf(toJson([modules, outbound, COMMON, await stripperId()]))
  const load = async () => {
    // what fails here may stay failed as long as the isolate's id is remembered
    const stripped = await stripTypes(loader, code).catch(() => stripTypes(loader, code))
    if ('code' in stripped) {
      return workerOf(modulesOf(stripped.code, outbound), outbound && wayOut(outbound))
    }
    const error = stripped.isTypeScript ? stripped.fault : laterOf(fault, stripped.fault)
    return workerOf({ 'main.js': refusalModule(toldFault(error, code)) }, null)
  }
  return loader.get(id, load).getEntrypoint()
}

function modulesOf(code: string, outbound: Outbound | null): Record<string, string> {
  return { 'main.js': sandboxModule(outbound !== null), [CODE_MODULE]: codeModule(code) }
}

/** What two parsers say of the same code: the one that got further has understood more of it. */
function laterOf(fault: Fault, other: Fault): Fault {
  const isLater = other.line - fault.line || other.column - fault.column
  return isLater > 0 ? other : fault
}

function wayOut(props: Outbound): Fetcher {
  const { SandboxOutbound } = exports as unknown as {
    SandboxOutbound(options: { props: Outbound }): Fetcher
  }
  return SandboxOutbound({ props })
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
    throw endOf(error instanceof Error ? error.message : String(error), code)
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
function endOf(message: string, code: string): ToolError {
  const [, said, line, column] =
    /^Failed to start Worker:\s*(?:Uncaught )?([\s\S]*?)\s*(?:at code\.js:(\d+)(?::(\d+))?\s*)?$/.exec(
      message,
    ) ?? []
  if (said === undefined) return new ToolError(`the code was ended: ${message}`)
  if (line === undefined) return new ToolError(said)
  // these columns count from 0
  const fault = { message: said, line: Number(line), column: Number(column ?? 0) + 1 }
  return new NotJavaScript(fault, code)
}

function toldFault({ message, line, column }: Fault, code: string): string {
  // what follows the code is ours
  if (line > code.split('\n').length) return `${message.split(':')[0]}: the code ends too early`
  return `${message} (line ${line}, column ${column})`
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
