// Taking out of what is kept whatever has the form of a secret, known or not: headers that authenticate, passwords in
// connection strings, keys of this API. And of a step what its author wrote where a secret belongs. Pure.

import { isObject, type Json, type JsonObject } from '../json.ts'
import { objectOf } from './values.ts'

/** Its reference, which stands for a secret and is none. */
const REFERENCE = 'ne-secret.'

const SECRET_WORDS =
  'authorization|cookie2?|password|passwd|pwd|passphrase|secret|token|jwt|api[-_]?key|private[-_]key|secret[-_]key|' +
  'access[-_]key|auth[-_]key|signature|assertion|dsn|connection[-_]string'
/** Of headers, and of a step's keys. */
const SECRET_NAME = new RegExp(`(^|[-_])(${SECRET_WORDS})$`, 'i')
/** Names that headers alone have, so that they are looked for in any data. */
const AUTHORIZATION = /^(?:proxy-)?authorization$/i
const COOKIE = /^(?:set-)?cookie$/i
const KEY_HEADER = /^(?:x-api-key|x-auth-token|x-amz-security-token|cf-access-jwt-assertion)$/i
const HEADERS = /^headers$/i
const SCHEME = /^\s*(bearer|basic|digest|token|negotiate|apikey|aws4-hmac-sha256)\s+\S/i

const DATABASES =
  '(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\\+srv)?|rediss?|amqps?|clickhouse|mssql|sqlserver|oracle|snowflake|kafka|nats)'
/** What follows `name` in place of a secret: not what has been put there already. */
const OPEN = '(?!\\*\\*\\*|ne-secret\\.|\\{\\{)'

/** Each with what its secret is replaced by. All begin with something rare, so that long texts cost little. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  // a password may hold what a URL would have encoded
  [
    new RegExp(`(?<=${DATABASES}):\\/\\/([^\\s:@"'<>]{0,256}):([^\\s"'<>]{1,512})@`, 'gi'),
    '://$1:***@',
  ],
  [/:\/\/([^\s/?#:@"'<>]{0,256}):([^\s/?#"'<>]{1,512})@/g, '://$1:***@'],
  [
    new RegExp(
      `(authorization["']?\\s{0,8}[:=,]\\s{0,8}["'[]{0,2}(?:bearer|basic|token|digest|apikey)\\s{1,8})${OPEN}[^\\s"',;}\\]]+`,
      'gi',
    ),
    '$1***',
  ],
  [new RegExp(`\\b(bearer\\s{1,8})${OPEN}(?=[\\w.~+/-]{0,64}\\d)[\\w.~+/-]{16,}=*`, 'gi'), '$1***'],
  [/\b(ne_\d{1,19}_)[\w-]{43}/g, '$1***'],
]

/** Libpq's and ADO's connection strings. */
const KEYWORDS = /\b(password|pwd)\s?=\s?('[^']*'|"[^"]*"|[^\s;&'"]+)/gi
const HOSTS = /\b(host|hostaddr|server|dbname|database|data source)\s?=/i

/** Whether a header, a field of a form or a query parameter of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

const TOKEN = /\beyJ[\w-]{8,}\.[\w-]{2,}\.[\w-]+|\bne_\d{1,19}_[\w-]{43}/

/** Whether a token (JWT) or a key of this API is in the text. */
export function hasToken(text: string): boolean {
  return TOKEN.test(text)
}

/** What one of the forms has at least: most texts are looked through once. */
const HINT = /bearer|authorization|ne_\d|p(?:assword|wd)\s?=/i

/** A text without what has the form of a secret. */
export function scrubText(text: string): string {
  const hasUser = text.includes('@') && text.includes('://')
  if (!hasUser && (text.length < 7 || !HINT.test(text))) return text
  let scrubbed = text
  for (const [form, instead] of FORMS) scrubbed = scrubbed.replace(form, instead)
  return /p(?:assword|wd)\s?=/i.test(scrubbed) && HOSTS.test(scrubbed)
    ? scrubbed.replace(KEYWORDS, '$1=***')
    : scrubbed
}

/** A value without what has the form of a secret. Names that a result may well need, like `token`, stay. */
export function scrub<Value extends Json>(value: Value): Value {
  return scrubbed(value, false) as Value
}

function scrubbed(value: Json, inHeaders: boolean): Json {
  if (typeof value === 'string') return scrubText(value)
  if (Array.isArray(value)) return value.map((item) => scrubbed(item, inHeaders))
  if (!isObject(value)) return value
  return objectOf(
    Object.entries(value).map(([key, item]) => [
      key,
      scrubText(key),
      isSecretHeader(key, item, inHeaders) ? hidden(item) : scrubbed(item, HEADERS.test(key)),
    ]),
  )
}

function isSecretHeader(name: string, value: Json, inHeaders: boolean): boolean {
  const isNamed = inHeaders
    ? SECRET_NAME.test(name)
    : AUTHORIZATION.test(name) || COOKIE.test(name) || KEY_HEADER.test(name)
  if (!isNamed) return false
  const texts = [value].flat().filter((item) => typeof item === 'string')
  if (texts.length === 0 || texts.some((text) => text.includes(REFERENCE))) return false
  if (inHeaders || KEY_HEADER.test(name)) return true
  return texts.some((text) => (COOKIE.test(name) ? text.includes('=') : SCHEME.test(text)))
}

/** `***`, after the scheme where there is one. */
function hidden(value: Json): Json {
  if (Array.isArray(value)) return value.map(hidden)
  const [, scheme] = typeof value === 'string' ? (SCHEME.exec(value) ?? []) : []
  return scheme === undefined ? '***' : `${scheme} ***`
}

const CREDENTIALS: ReadonlySet<string> = new Set(['auth', 'credential', 'credentials'])
/** What a mapping that names a credential may say of it. */
const NAMING: ReadonlySet<string> = new Set([
  ...['source', 'key', 'name', 'service', 'secret_name', 'scope', 'type', 'credential', 'in'],
])
const ADDRESSES: ReadonlySet<string> = new Set(['url', 'endpoint'])

/**
 * A step as an event may show it: without what its author wrote where a secret belongs. Rendered or not; what runs is
 * another copy of it.
 */
export function shownTask<Value extends Json>(task: Value): Value {
  return scrub(withoutWritten(task, '')) as Value
}

function withoutWritten(value: Json, key: string): Json {
  if (CREDENTIALS.has(key)) return shownAuth(value)
  if (ADDRESSES.has(key) && typeof value === 'string') return withoutUser(value)
  const isText = typeof value === 'string' || typeof value === 'number'
  if (isText) return SECRET_NAME.test(key) ? shownField(value) : value
  if (Array.isArray(value)) return value.map((item) => withoutWritten(item, key))
  if (!isObject(value)) return value
  return mapFields(value, withoutWritten)
}

/** The names in an `auth`, and `***` for whatever else it says. */
function shownAuth(auth: Json): Json {
  if (Array.isArray(auth)) return auth.map(shownAuth)
  if (!isObject(auth)) return auth
  const { inline, fields } = auth
  const isAliases = !Object.keys(auth).some((key) => NAMING.has(key)) && !inline && !fields
  return mapFields(auth, (value, key) => {
    if (isObject(value)) return isAliases ? shownAuth(value) : mapFields(value, shownField)
    return isAliases || NAMING.has(key) ? value : shownField(value)
  })
}

function shownField(value: Json): Json {
  if (isObject(value)) return mapFields(value, shownField)
  if (typeof value === 'string' && value.includes(REFERENCE)) return value
  return value === null || typeof value === 'boolean' ? value : '***'
}

function mapFields(value: JsonObject, change: (item: Json, key: string) => Json): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item, key)]))
}

/** An address that a request goes to, without the name and password that it is sent with. */
function withoutUser(address: string): string {
  const url = URL.parse(address.trim())
  // a password with a `/` in it, perhaps
  if (!url) return address.includes('{{') ? address : address.replace(/^.*@/s, '***@')
  if (url.username === '' && url.password === '') return address
  url.username = ''
  url.password = ''
  return url.href
}

/**
 * Matches the text of a jsonb, without regard to case, if shownTask might change anything in it: for where an event is
 * written by a statement alone. Both JavaScript's and Postgres's.
 */
export const MAY_SHOW_SECRET = [
  `"(auth|credentials?)": [[{]`,
  `(["_-])(${SECRET_WORDS})": ["0-9[-]`,
  `:[/][/][^"]*@`,
  `bearer|authorization|ne_[0-9]+_|(password|pwd) ?=`,
].join('|')

/** A value without the environment of a process, which NoETL's worker takes along where its templates see it. */
export function withoutEnvironment<Value extends Json>(value: Value): Value {
  return stripped(value) as Value
}

function stripped(value: Json): Json {
  if (Array.isArray(value)) return value.map(stripped)
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(([key, item]) => key !== 'env' || !isEnvironment(item))
  return Object.fromEntries(kept.map(([key, item]) => [key, stripped(item)]))
}

function isEnvironment(value: Json): boolean {
  return isObject(value) && ['PATH', 'HOME', 'PWD', 'HOSTNAME'].some((name) => name in value)
}
