// What a delivery holds, as templates see it and as it is kept: without signatures and credentials. Pure.

import { fromBase64, toBase64 } from '../base64.ts'
import { isObject, type Json, type JsonObject, parseStorableJson, storableText } from '../json.ts'
import { hasToken, isSecretName, scrubText } from '../redact/forms.ts'
import { SECRET_HEADERS } from './verify/index.ts'

/** What templates of a hook see. */
export interface Content {
  /** By their names in lower case. */
  headers: JsonObject
  query: JsonObject
  /** Of JSON its value, of a form its fields, else text; null when it is no text. */
  body: Json
}

/** Query parameters that carry a credential, beside those whose names say so. */
const SECRET_QUERY: ReadonlySet<string> = new Set(['sig', 'key', 'auth'])

/** The longest header that is shown. */
const MAX_HEADER = 2_048

export function shownHeaders(headers: Headers, secretHeader: string | null): JsonObject {
  const hidden = secretHeader?.toLowerCase()
  return Object.fromEntries(
    [...headers]
      .filter(([name]) => !SECRET_HEADERS.has(name) && name !== hidden && !name.startsWith('cf-'))
      // whoever is in front of us may send who it lets in under a name of its own
      .filter(([name, value]) => !isSecretName(name) && !hasToken(value))
      .map(([name, value]) => [name, storableText(scrubText(value).slice(0, MAX_HEADER))]),
  )
}

export function shownQuery(url: URL): JsonObject {
  return fieldsOf(
    new URLSearchParams(
      [...url.searchParams]
        .filter(([name, value]) => {
          const isSecret = isSecretName(name) || SECRET_QUERY.has(name.toLowerCase())
          return !isSecret && !hasToken(value)
        })
        .map(([name, value]) => [name, scrubText(value)]),
    ),
  )
}

/**
 * The body by its type. A form whose only field is `payload`, as GitHub's and Slack's, is the JSON in it.
 * @throws SyntaxError when it says that it is JSON and is not
 */
export function bodyOf(bytes: Uint8Array, contentType: string): Json {
  const text = textOf(bytes)
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  const isJson = type === 'application/json' || type.endsWith('+json')
  if (text === null) {
    if (isJson) throw new SyntaxError('it is not UTF-8')
    return null
  }
  if (type === 'application/x-www-form-urlencoded') {
    const fields = fieldsOf(new URLSearchParams(text))
    const names = Object.keys(fields)
    return names.length === 1 && typeof fields.payload === 'string'
      ? parseStorableJson(fields.payload)
      : fields
  }
  if (isJson) return parseStorableJson(text)
  return jsonOr(text)
}

/** Senders that do not say what they send mostly send JSON. */
function jsonOr(text: string): Json {
  try {
    return parseStorableJson(text)
  } catch {
    return storableText(text)
  }
}

/** A CloudEvent in one form, whichever mode it came in: its attributes, and its data. */
export function cloudEventOf({ headers, query, body }: Content): Content {
  const isBinary = typeof headers['ce-id'] === 'string'
  if (!isBinary) return { headers, query, body }
  const attributes = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce-'))
    .map(([name, value]) => [name.slice(3), decoded(value)])
  const type = headers['content-type']
  return {
    headers,
    query,
    body: {
      ...Object.fromEntries(attributes),
      ...(type !== undefined && { datacontenttype: type }),
      data: body,
    },
  }
}

/** Attributes are percent-encoded in headers. */
function decoded(value: Json | undefined): Json {
  try {
    return decodeURIComponent(String(value))
  } catch {
    return value ?? null
  }
}

/** The run's parameters where the hook does not say: the JSON object, or what else there is as `body`. */
export function defaultParameters(body: Json): JsonObject {
  return isObject(body) ? body : { body }
}

/** A body that was kept, as it is shown. */
export function shownBody(base64: string | null): Json {
  if (base64 === null) return null
  const text = textOf(fromBase64(base64))
  return text === null ? base64 : jsonOr(text)
}

export function keptBody(bytes: Uint8Array, most: number): string | null {
  return bytes.byteLength <= most ? toBase64(bytes) : null
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    return null
  }
}

/** Fields by name; one that comes several times is a list. */
function fieldsOf(fields: URLSearchParams): JsonObject {
  const names = [...new Set(fields.keys())]
  return Object.fromEntries(
    names.map((name) => {
      const values = fields.getAll(name).map(storableText)
      return [storableText(name), values.length === 1 ? (values[0] ?? '') : values]
    }),
  )
}
