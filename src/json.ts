// JSON that keeps 64-bit integers. NoETL's workers send ids as bare integers beyond 2^53, and users'
// results hold such numbers too; here they are bigint inside and digits again outside.

/** What JSON can hold, with integers beyond 2^53 as bigint. */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject
export type JsonObject = { [key: string]: Json }

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown
type NativeJson = {
  parse(text: string, reviver?: Reviver): Json
  rawJSON(text: string): unknown
}
// The reviver's source text and rawJSON are in V8 and not yet in TypeScript's library.
const native = JSON as unknown as NativeJson

const LONG_INTEGER = /\d{16}/
const INTEGER = /^-?\d+$/

/**
 * Parses JSON; integers that a double cannot hold exactly become bigint.
 * @throws SyntaxError when the text is not JSON.
 */
export function parseJson(text: string): Json {
  if (!LONG_INTEGER.test(text)) return native.parse(text)
  return native.parse(text, (_key, value, context) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    context?.source !== undefined &&
    INTEGER.test(context.source)
      ? BigInt(context.source)
      : value,
  )
}

// What jsonb cannot store: NUL and halves of surrogate pairs.
const UNSTORABLE = /\\u0000|\\ud[89a-f]/i

/** How deep a request may nest; what reads it recursively stays far from the end of its stack. */
const MAX_DEPTH = 200

/**
 * Parses like parseJson, with U+FFFD in place of what Postgres cannot store: for requests.
 * @throws SyntaxError when the text is not JSON or nests too deep.
 */
export function parseStorableJson(text: string): Json {
  if (isTooDeep(text)) throw new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`)
  const value = parseJson(text)
  return UNSTORABLE.test(text) ? (storable(value) as Json) : value
}

function isTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (inString) {
      if (char === BACKSLASH) at += 1
      else if (char === QUOTE) inString = false
    } else if (char === QUOTE) {
      inString = true
    } else if (char === OPEN_BRACKET || char === OPEN_BRACE) {
      depth += 1
      if (depth > MAX_DEPTH) return true
    } else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) {
      depth -= 1
    }
  }
  return false
}

const [QUOTE, BACKSLASH, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = Array.from(
  '"\\[]{}',
  (char) => char.charCodeAt(0),
)

/** Text with U+FFFD in place of what Postgres cannot store. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd')
}

/** Serialises for the wire or for a jsonb parameter; bigint becomes digits. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, bigintAsDigits) ?? 'null'
  return UNSTORABLE.test(text) ? (JSON.stringify(storable(value), bigintAsDigits) ?? 'null') : text
}

/** The same for a nullable jsonb parameter: SQL's null for none. */
export function toJsonOrNull(value: Json | undefined): string | null {
  return value == null ? null : toJson(value)
}

function bigintAsDigits(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? native.rawJSON(String(value)) : value
}

/** The value with U+FFFD in place of what jsonb cannot store, in keys too. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value)
  if (Array.isArray(value)) return value.map(storable)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [storable(k), storable(v)]))
}

/** Whether the value is a plain JSON object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
