// What a request sends: its query, its headers and its body.

import { fromBase64 } from '../../base64.ts'
import { isObject, type Json, type JsonObject, toJson } from '../../json.ts'
import { ToolError } from './tool.ts'

/** NoETL's rule: `data` is the query of a GET or DELETE and the body of others, unless it says which. */
export function partsOf(
  task: JsonObject,
  method: string,
): { query: JsonObject; body: Json | undefined } {
  const bodyless = method === 'GET' || method === 'DELETE' || method === 'HEAD'
  const data = dataOf(task)
  const named = isObject(data) ? data : {}
  const isNamed = 'query' in named || 'body' in named
  const query = {
    ...objectOf(task.params, 'params'),
    ...objectOf(task.query, 'query'),
    ...(isNamed ? objectOf(named.query, 'data.query') : bodyless ? objectOf(data, 'data') : {}),
  }
  const body =
    task.json ?? task.payload ?? task.body ?? (isNamed ? named.body : bodyless ? undefined : data)
  return { query, body }
}

/** What the step passes: NoETL merges these into `data`. */
function dataOf(task: JsonObject): Json | undefined {
  const passed = [task.input, task.args, task.with].filter(isObject)
  if (passed.length === 0 || (task.data !== undefined && !isObject(task.data))) return task.data
  return Object.assign({}, ...passed, task.data)
}

/** The body as its content type says: text as it is, a form, or JSON. May set or drop that header. */
export function encoded(body: Json, headers: Headers): string | FormData {
  if (typeof body === 'string') return body
  const type = headers.get('content-type')?.toLowerCase() ?? ''
  if (type.startsWith('application/x-www-form-urlencoded')) {
    const form = new URLSearchParams()
    for (const [name, item] of fieldsOf(body)) form.append(name, asText(item))
    return form.toString()
  }
  if (type.startsWith('multipart/form-data')) {
    // the runtime writes this header itself, with the boundary
    headers.delete('content-type')
    const form = new FormData()
    for (const [name, item] of fieldsOf(body)) appendPart(form, name, item)
    return form
  }
  if (type === '') headers.set('content-type', 'application/json')
  return toJson(body)
}

/** A form's fields; one that is a list comes once for each item. */
function fieldsOf(body: Json): [string, Json][] {
  return Object.entries(objectOf(body, 'the body of a form')).flatMap(([name, value]) =>
    [value].flat().map((item): [string, Json] => [name, item]),
  )
}

/** A field, or a file: `{filename, content or content_b64, content_type}`. */
function appendPart(form: FormData, name: string, item: Json): void {
  if (
    !isObject(item) ||
    item.filename === undefined ||
    !('content' in item || 'content_b64' in item)
  ) {
    form.append(name, asText(item))
    return
  }
  const type = item.content_type === undefined ? '' : String(item.content_type)
  const content =
    item.content_b64 === undefined ? asText(item.content) : bytesOf(item.content_b64, name)
  form.append(name, new Blob([content], { type }), String(item.filename))
}

function bytesOf(text: Json, name: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64(String(text))
  } catch {
    throw new ToolError(`content_b64 of '${name}' is not base64`)
  }
}

/** Sets a header. @throws ToolError naming it when the name or the value is none. */
export function setHeader(headers: Headers, name: string, value: Json | undefined): void {
  try {
    headers.set(name, asText(value))
  } catch {
    throw new ToolError(`'${name}' is not a valid header`)
  }
}

/** A value as text where only text can stand. */
export function asText(value: Json | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? toJson(value) : String(value)
}

/** A mapping, or none. */
export function objectOf(value: Json | undefined, what: string): JsonObject {
  if (value === undefined || value === null) return {}
  if (isObject(value)) return value
  throw new ToolError(`${what} is a mapping`)
}
