// Taking known secrets out of what is kept. Pure.

import { toBase64, toBase64Url } from '../base64.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../json.ts'

/** Shorter ones cannot be taken out of a text again without damaging it. */
export const MIN_LENGTH = 4
/** What was not said to be a secret, and stands in a credential, is one from this length on. */
const MIN_FIELD = 8

/** What knows some secrets. */
export interface Redactor {
  /** From now on the text is a secret. */
  hide(secret: string): void
  /** The value with `***` in place of every secret. */
  redact<Value extends Json>(value: Value): Value
}

export function newRedactor(secrets: readonly string[] = []): Redactor {
  const hidden = new Set<string>()
  let pattern: RegExp | null = null

  function hide(secret: string): void {
    const variants = variantsOf(secret).filter((text) => text.length >= MIN_LENGTH)
    for (const text of variants) hidden.add(text)
    pattern = null
  }

  function redact<Value extends Json>(value: Value): Value {
    if (hidden.size === 0) return value
    pattern ??= anyOf(hidden)
    const found = pattern
    const cleaned = mapTexts(value, (text) => text.replace(found, '***'), {
      number: (number) => (hidden.has(String(number)) ? '***' : number),
    })
    return cleaned as Value
  }

  for (const secret of secrets) hide(secret)
  return { hide, redact }
}

/** The forms in which a secret comes back when it was sent: as it is, within a URL, within JSON, in base64. */
function variantsOf(secret: string): string[] {
  const trimmed = secret.trim()
  const bytes = new TextEncoder().encode(secret.toWellFormed())
  return [
    secret,
    trimmed,
    encodeURIComponent(secret.toWellFormed()),
    encodeURI(secret.toWellFormed()),
    new URLSearchParams({ '': secret }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    toBase64(bytes),
    toBase64Url(bytes),
  ]
}

/** Matches any of the texts, the longest one that is there. */
function anyOf(texts: ReadonlySet<string>): RegExp {
  const sorted = [...texts].sort((one, other) => other.length - one.length)
  const escaped = sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(escaped.join('|'), 'g')
}

interface Others {
  number?: (value: number | bigint) => Json
}

/** The value with each text changed, those of keys too. */
export function mapTexts(value: Json, change: (text: string) => string, others: Others = {}): Json {
  if (typeof value === 'string') return change(value)
  if (typeof value === 'number' || typeof value === 'bigint') return others.number?.(value) ?? value
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change, others))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [change(key), mapTexts(item, change, others)]),
  )
}

/** Fields of a credential that say where and as whom, and not with what. */
const PUBLIC_FIELD = new RegExp(
  [
    '^(db_)?(host|hostname|port|user|username|name|database|dbname|schema|database_name)$',
    '^(type|service|source|scope|scopes|in|header|region|bucket|account|warehouse|role|tenant)$',
    '^(accept|accept[-_]language|content[-_]type|user[-_]agent|description|ssl_?mode|project|grant_type)$',
    '(^|_)(id|url|uri|endpoint|email|domain)$',
  ].join('|'),
  'i',
)

const USERINFO = /:\/\/[^\s/?#:@]*:(.+)@/

/**
 * The texts of a credential's data that must not be kept: whatever is not plainly something else and is long enough
 * not to damage data when it is taken out of it.
 */
export function secretsOf(data: JsonObject): string[] {
  return Object.entries(data).flatMap(([key, value]) => {
    // of an API key `key` is the header's name
    const isName = key === 'key' && data.value != null
    return fieldSecrets(value, isName || PUBLIC_FIELD.test(key))
  })
}

function fieldSecrets(value: Json, isPublic: boolean): string[] {
  if (isObject(value)) return secretsOf(value)
  if (Array.isArray(value)) return value.flatMap((item) => fieldSecrets(item, isPublic))
  if (value === null || typeof value === 'boolean') return []
  const text = String(value)
  const [, password] = USERINFO.exec(text) ?? []
  const parts = password === undefined ? [] : [text, password, decoded(password)]
  // a plain address is none
  const isAddress = password === undefined && /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text)
  const whole = isPublic || isAddress ? [] : [text, ...nested(text)]
  return [...parts, ...whole].filter((part) => part.trim().length >= MIN_FIELD)
}

/** A key file is JSON as a text. */
function nested(text: string): string[] {
  if (!text.trimStart().startsWith('{')) return []
  try {
    const value = parseJson(text)
    return isObject(value) ? secretsOf(value) : []
  } catch {
    return []
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
