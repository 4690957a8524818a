// The http tool: one request, its reply in the shape that NoETL's workers report.

import { toBase64 } from '../../base64.ts'
import { MAX_RESULT_BYTES } from '../../event/types.ts'
import { type Json, type JsonObject, toJson } from '../../json.ts'
import { authOf } from './auth.ts'
import { checkEgress } from './egress.ts'
import { authorize, unburden } from './http-auth.ts'
import { asText, encoded, objectOf, partsOf, setHeader } from './http-body.ts'
import { dataOf, readBytes, textOf } from './http-reply.ts'
import { fetchFollowing } from './redirects.ts'
import { type Call, type Ending, ToolError } from './tool.ts'

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
/** How much of a refusal's text its error repeats, in characters. */
const EXCERPT = 500
/** How much is kept of a refusal that is too large, in characters. */
const KEPT_OF_REFUSAL = 65_536

/** Sends the step's request. A status outside of 200..299 is an error that keeps the reply. */
export async function httpTool(call: Call): Promise<Ending> {
  const { url, shown, init } = await requestOf(call)
  const startedAt = Date.now()
  const { response, bytes, isCut } = await exchange(call, url, init)
  const text = textOf(response, bytes)
  const data: JsonObject = {
    status_code: response.status,
    headers: Object.fromEntries(response.headers),
    url: shown,
    elapsed: (Date.now() - startedAt) / 1000,
    ...(text === null ? binary(call, bytes) : { data: dataOf(response, text) }),
  }
  const size = new TextEncoder().encode(toJson(data)).byteLength
  if (!response.ok) return refusal(call, response, text, isCut || size > MAX_RESULT_BYTES, data)
  if (isCut) {
    throw new ToolError(
      `the reply is larger than ${call.config.HTTP_MAX_BYTES} bytes (HTTP_MAX_BYTES); ask for less`,
    )
  }
  if (size > MAX_RESULT_BYTES) {
    throw new ToolError(
      `the reply weighs ${size} bytes as a result; at most ${MAX_RESULT_BYTES} can be kept: ` +
        'ask for less, as a page, a filter or fewer fields',
    )
  }
  return { status: 'success', data }
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
  unburden({ url, headers }, call.hide)
  // an api key may go into the query; the log keeps the address without it
  const shown = url.href
  authorize({ url, headers }, await authOf(call), call.hide)
  if (body === undefined || body === null) return { url, shown, init: { method, headers } }
  if (method === 'GET' || method === 'HEAD') throw new ToolError(`a ${method} has no body`)
  return { url, shown, init: { method, headers, body: encoded(body, headers) } }
}

function urlOf(text: Json | undefined): URL {
  const url = typeof text === 'string' ? URL.parse(text.trim()) : null
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ToolError('url is not an http or https address')
  }
  return url
}

async function exchange({ config, timeoutMs }: Call, url: URL, init: Outgoing['init']) {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetchFollowing(url, init, signal, (hop) => checkEgress(hop, config))
    return { response, ...(await readBytes(response, config.HTTP_MAX_BYTES)) }
  } catch (error) {
    if (error instanceof ToolError) throw error
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    throw new ToolError(`no reply from ${url.host}${isLate ? ` within ${timeoutMs / 1000} s` : ''}`)
  }
}

/** Bytes as base64, without the secrets that they repeat. */
function binary(call: Call, bytes: Uint8Array): JsonObject {
  const plain = toBase64(bytes)
  const chars = atob(plain)
  const redacted = call.redact(chars)
  return { data: redacted === chars ? plain : btoa(redacted), encoding: 'base64' }
}

function refusal(
  call: Call,
  response: Response,
  text: string | null,
  isTooLarge: boolean,
  data: JsonObject,
): Ending {
  const status = `HTTP ${response.status} ${response.statusText}`.trim()
  // before it is cut, or half of a secret would be no secret
  const words = call.redact(text ?? '')
  const said = words.trim()
  const excerpt = said.length > EXCERPT ? `${said.slice(0, EXCERPT).toWellFormed()}…` : said
  const kept = { ...data, data: words.slice(0, KEPT_OF_REFUSAL), truncated: true }
  const error = excerpt === '' ? status : `${status}: ${excerpt}`
  return { status: 'error', error, data: isTooLarge ? kept : data }
}
