// Taking known secrets out of what is kept. Pure.

import { toBase64, toBase64Url } from '../base64.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../json.ts'

/** Shorter ones cannot be taken out of a text again without damaging it. */
export const MIN_LENGTH = 4
/** Of keys of objects only longer ones are: columns of rows have short names that are words. */
const MIN_LENGTH_IN_KEYS = 8

/** What knows some secrets. */
export interface Redactor {
  /** From now on the text is a secret. */
  hide(secret: string): void
  /** The value with `***` in place of every secret. */
  redact<Value extends Json>(value: Value): Value
}

export function newRedactor(secrets: readonly string[] = []): Redactor {
  const hidden = new Set<string>()
  let patterns: { text: RegExp; key: RegExp | null } | null = null

  function hide(secret: string): void {
    const variants = variantsOf(secret).filter((text) => text.length >= MIN_LENGTH)
    for (const text of variants) hidden.add(text)
    patterns = null
  }

  function redact<Value extends Json>(value: Value): Value {
    if (hidden.size === 0) return value
    patterns ??= patternsOf(hidden)
    const { text: inText, key: inKey } = patterns
    const cleaned = mapTexts(value, (text) => text.replace(inText, '***'), {
      key: (key) => (inKey ? key.replace(inKey, '***') : key),
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

function patternsOf(hidden: ReadonlySet<string>) {
  const long = new Set([...hidden].filter((text) => text.length >= MIN_LENGTH_IN_KEYS))
  return { text: anyOf(hidden), key: long.size > 0 ? anyOf(long) : null }
}

/** Matches any of the texts, the longest one that is there. */
function anyOf(texts: ReadonlySet<string>): RegExp {
  const sorted = [...texts].sort((one, other) => other.length - one.length)
  const escaped = sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(escaped.join('|'), 'g')
}

interface Others {
  key?: (key: string) => string
  number?: (value: number | bigint) => Json
}

/** The value with each text changed, those of keys too; keys that would become one stay apart. */
export function mapTexts(value: Json, change: (text: string) => string, others: Others = {}): Json {
  if (typeof value === 'string') return change(value)
  if (typeof value === 'number' || typeof value === 'bigint') return others.number?.(value) ?? value
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change, others))
  if (!isObject(value)) return value
  const changeKey = others.key ?? change
  return objectOf(
    Object.entries(value).map(([key, item]) => [
      key,
      changeKey(key),
      mapTexts(item, change, others),
    ]),
  )
}

/** An object of keys as they were, keys as they shall be, and values: of keys that fall together all but one are numbered. */
export function objectOf(entries: [old: string, key: string, value: Json][]): JsonObject {
  const taken = new Set(entries.filter(([old, key]) => old === key).map(([key]) => key))
  return Object.fromEntries(
    entries.map(([old, key, value]) => {
      let free = key
      for (let n = 2; old !== key && taken.has(free); n++) free = `${key} (${n})`
      taken.add(free)
      return [free, value]
    }),
  )
}

/** What is said of a field by the end of its name. */
const SECRET_FIELD = new RegExp(
  [
    '(password|passwd|passphrase|passcode|secret|token|credentials?|authorization|signature|assertion|cookie|dsn)s?$',
    '(^|[_-])(pass|pwd|pw|pin|otp|jwt|sas|bearer|auth|key|keys)$',
    '(api|private|secret|access|account|signing|encryption|shared|master)[_-]?keys?([_-](b64|base64|pem|json|data))?$',
    '(connection|conn)[_-]?(string|str|url|uri)$',
    '^(password|secret|token|key|passphrase)([_-]?(value|text|data|b64|base64|hex|\\d+))$',
    '(service[_-]?account|key)[_-]?(json|file|info)$',
  ].join('|'),
  'i',
)
/** Fields of a credential that say where and as whom, and not with what. */
const PUBLIC_FIELD = new RegExp(
  [
    '^(db_)?(host|hostname|port|user|username|name|database|dbname|schema|database_name|server|login)$',
    '^(type|service|source|scope|scopes|in|header|region|bucket|account|warehouse|role|tenant)$',
    '^(accept|accept[-_]language|content[-_]type|user[-_]agent|description|ssl_?mode|project|grant_type)$',
    '(^|[_-])(id|ids|url|uri|endpoint|email|domain|host|port|user|username|name|type|mode|method|version)$',
  ].join('|'),
  'i',
)
/** From this length on a value is looked at whose field says neither. */
const MIN_RANDOM = 12

/** Whether a text is drawn rather than written: digits among letters, and no words that are put together. */
function looksRandom(text: string): boolean {
  if (text.length < MIN_RANDOM || /\s/.test(text)) return false
  // a host, a date, a version, a path, an e-mail address
  if (/^[\w.-]*\.[a-z]{2,}(:\d+)?$|^[\d.:TZ+-]+$|^[./~]|@/i.test(text)) return false
  const words = text.split(/[^A-Za-z0-9]+/).filter((part) => part !== '')
  // production-2, eu-central-1, us_east1_b
  return words.some((word) => /\d[A-Za-z]|[A-Za-z]\d+[A-Za-z]/.test(word) && word.length >= 4)
}

/** `test`, `noetl`: it stands in too much that is no secret. */
const SHORT_WORD = /^[a-z]{0,7}$/i

const USERINFO = /:\/\/[^\s/?#:@]*:(.+)@/

/**
 * The texts of a credential's data that must not be kept: what its fields' names call secret, and of others what was
 * drawn at random. Words that anybody may write stay, as they would be taken out of data that has nothing to do with it.
 */
export function secretsOf(data: JsonObject): string[] {
  return Object.entries(data).flatMap(([key, value]) => {
    // of an API key `key` is the header's name
    const isName = key === 'key' && data.value != null
    return fieldSecrets(value, isName ? 'public' : kindOf(key, data))
  })
}

type Kind = 'secret' | 'public' | 'unknown'

function kindOf(key: string, data: JsonObject): Kind {
  // as in {key: X-API-Key, value: ..} and {name: .., value: ..}
  if (key === 'value' && (data.key != null || data.name != null)) return 'secret'
  if (PUBLIC_FIELD.test(key)) return 'public'
  return SECRET_FIELD.test(key) ? 'secret' : 'unknown'
}

function fieldSecrets(value: Json, kind: Kind): string[] {
  if (isObject(value)) return kind === 'secret' ? allOf(value) : secretsOf(value)
  if (Array.isArray(value)) return value.flatMap((item) => fieldSecrets(item, kind))
  if (value === null || typeof value === 'boolean') return []
  const text = String(value)
  const [, password] = USERINFO.exec(text) ?? []
  const parts = password === undefined ? [] : [text, password, decoded(password)]
  // a plain address is none
  const isAddress = password === undefined && /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text)
  const isSecret = kind === 'secret' || (kind === 'unknown' && looksRandom(text))
  const whole = isSecret && !isAddress ? [text] : []
  return [...parts, ...whole, ...nested(text)].filter(
    (part) => part.trim().length >= MIN_LENGTH && !SHORT_WORD.test(part),
  )
}

/** Below a field that is a secret whatever has no public name is one. */
function allOf(value: JsonObject): string[] {
  return Object.entries(value).flatMap(([key, item]) =>
    fieldSecrets(item, PUBLIC_FIELD.test(key) ? 'public' : 'secret'),
  )
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
