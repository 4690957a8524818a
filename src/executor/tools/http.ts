// The http tool: one request, its reply in the shape that NoETL's workers report.

import { toBase64 } from '../../base64.ts'
import { isObject, type Json, type JsonObject, parseJson, toJson } from '../../json.ts'
import { checkEgress } from './egress.ts'
import { fetchFollowing } from './redirects.ts'
import { authOf, type Call, type Ending, fitting, MAX_RESULT_BYTES, ToolError } from './tool.ts'

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])

/** Sends the step's request. A status outside of 200..299 is an error that keeps the reply. */
export async function httpTool(call: Call): Promise<Ending> {
  const { url, shown, init } = await requestOf(call)
  const startedAt = Date.now()
  let response: Response
  let text: string
  try {
    const signal = AbortSignal.timeout(call.timeoutMs)
    response = await fetchFollowing(url, init, signal, (hop) => checkEgress(hop, call.config))
    text = await readReply(response)
  } catch (error) {
    if (error instanceof ToolError) throw error
    throw new ToolError(transportFailure(error, call.timeoutMs, url))
  }
  const data: JsonObject = fitting(
    {
      status_code: response.status,
      headers: Object.fromEntries(response.headers),
      url: shown,
      elapsed: (Date.now() - startedAt) / 1000,
      data: replyData(response, text),
    },
    'the reply',
  )
  if (response.ok) return { status: 'success', data }
  return { status: 'error', error: `HTTP ${response.status} ${response.statusText}`.trim(), data }
}

/** `shown` is the address as the log may keep it. */
interface Outgoing {
  url: URL
  shown: string
  init: RequestInit & { method: string; headers: Headers }
}

async function requestOf(call: Call): Promise<Outgoing> {
  const { task } = call
  const method = String(task.method ?? 'GET').toUpperCase()
  if (!METHODS.has(method)) throw new ToolError(`unknown method '${method}'`)
  const url = urlOf(task.url ?? task.endpoint)
  const headers = new Headers()
  for (const [name, value] of Object.entries(objectOf(task.headers, 'headers'))) {
    setHeader(headers, name, value)
  }
  const { query, body } = partsOf(task, method)
  for (const [name, value] of Object.entries(query)) {
    for (const item of [value].flat()) url.searchParams.append(name, asText(item))
  }
  // an api key may go into the query; the log keeps the address without it
  const shown = url.href
  authorize(headers, url, await authOf(call))
  if (body === undefined || body === null) return { url, shown, init: { method, headers } }
  if (method === 'GET' || method === 'HEAD') throw new ToolError(`a ${method} has no body`)
  return { url, shown, init: { method, headers, body: encoded(body, headers) } }
}

/** The body as its content type says: text as it is, a form, or JSON. */
function encoded(body: Json, headers: Headers): string | FormData {
  if (typeof body === 'string') return body
  const type = headers.get('content-type')?.toLowerCase() ?? ''
  if (isObject(body) && type.startsWith('application/x-www-form-urlencoded')) {
    return new URLSearchParams(Object.entries(body).map(asField)).toString()
  }
  if (isObject(body) && type.startsWith('multipart/form-data')) {
    // the runtime writes this header itself, with the boundary
    headers.delete('content-type')
    const form = new FormData()
    for (const [name, value] of Object.entries(body)) form.append(name, asText(value))
    return form
  }
  if (type === '') headers.set('content-type', 'application/json')
  return toJson(body)
}

function asField([name, value]: [string, Json]): [string, string] {
  return [name, asText(value)]
}

/** NoETL's rule: `data` is the query of a GET or DELETE and the body of others, unless it says which. */
function partsOf(task: JsonObject, method: string): { query: JsonObject; body: Json | undefined } {
  const bodyless = method === 'GET' || method === 'DELETE' || method === 'HEAD'
  const data = task.data
  const named = isObject(data ?? null) ? (data as JsonObject) : {}
  const isNamed = 'query' in named || 'body' in named
  const query = {
    ...objectOf(task.params ?? task.query, 'params'),
    ...(isNamed ? objectOf(named.query, 'data.query') : bodyless ? objectOf(data, 'data') : {}),
  }
  const body =
    task.json ?? task.payload ?? task.body ?? (isNamed ? named.body : bodyless ? undefined : data)
  return { query, body }
}

function authorize(
  headers: Headers,
  url: URL,
  auth: { type: string; data: JsonObject } | null,
): void {
  if (!auth) return
  const { data } = auth
  const type = auth.type.toLowerCase()
  const field = (...names: string[]) => {
    const value = names.map((name) => data[name]).find((item) => item != null)
    if (value === undefined) throw new ToolError(`the ${type} credential lacks ${names[0]}`)
    return String(value)
  }
  if (type === 'bearer' || type === 'httpbearerauth') {
    headers.set('authorization', `Bearer ${field('token', 'access_token')}`)
  } else if (type === 'basic' || type === 'httpbasicauth') {
    const pair = new TextEncoder().encode(`${field('username', 'user')}:${field('password')}`)
    headers.set('authorization', `Basic ${toBase64(pair)}`)
  } else if (type === 'api_key') {
    if (data.in === 'query') url.searchParams.set(field('key', 'name'), field('value'))
    else setHeader(headers, field('key', 'name', 'header'), field('value'))
  } else if (type === 'header') {
    for (const [name, value] of Object.entries(data)) setHeader(headers, name, value)
  } else {
    throw new ToolError(`a credential of type '${auth.type}' does not say how http sends it`)
  }
}

function urlOf(text: Json | undefined): URL {
  const url = typeof text === 'string' ? URL.parse(text.trim()) : null
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ToolError('url is not an http or https address')
  }
  return url
}

function setHeader(headers: Headers, name: string, value: Json | undefined): void {
  try {
    headers.set(name, asText(value))
  } catch {
    throw new ToolError(`'${name}' is not a valid header`)
  }
}

function asText(value: Json | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? toJson(value) : String(value)
}

function objectOf(value: Json | undefined, what: string): JsonObject {
  if (value === undefined || value === null) return {}
  if (isObject(value)) return value
  throw new ToolError(`${what} is a mapping`)
}

async function readReply(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_RESULT_BYTES)
      throw new ToolError(`the reply is larger than ${MAX_RESULT_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function replyData(response: Response, text: string): Json {
  if (!/\bjson\b/i.test(response.headers.get('content-type') ?? '')) return text
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

function transportFailure(error: unknown, timeoutMs: number, url: URL): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `no reply from ${url.host} within ${timeoutMs / 1000} s`
  }
  return `no reply from ${url.host}`
}
