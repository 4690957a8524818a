// The `auth` of a step, in the forms that NoETL has.

import { isObject, type Json, type JsonObject, parseJson } from '../../json.ts'
import { secretsOf } from '../../redact/values.ts'
import { workerSecret } from '../secrets.ts'
import { type Call, ToolError } from './tool.ts'

/** What a step authenticates with. */
export interface Auth {
  type: string
  data: JsonObject
}

const KEYS = ['auth', 'credential', 'credentials']
/** A mapping with one of these says itself what it means; any other gives credentials names of its own. */
const RESERVED = [
  ...['source', 'key', 'name', 'service', 'secret_name', 'scope', 'fields', 'inject', 'type'],
  ...['credential', 'inline'],
]

/**
 * The credential that a step names; null when it names none.
 * @throws ToolError when it names one that is not there: nothing is sent without it.
 */
export async function authOf(call: Call): Promise<Auth | null> {
  const auth = KEYS.map((key) => call.task[key] ?? null).find((value) => value !== null)
  if (auth === undefined) return null
  const found = await resolved(call, auth)
  for (const secret of secretsOf(found.data)) call.hide(secret)
  return found
}

/** @throws ToolError when a step names a credential by a template that gave nothing. */
export function checkAuth(written: JsonObject, rendered: JsonObject): void {
  const key = KEYS.find((name) => written[name] != null && rendered[name] == null)
  if (key !== undefined) throw new ToolError(EMPTY)
}

const EMPTY = 'auth is empty; name a credential, or leave it out'

async function resolved(call: Call, auth: Json): Promise<Auth> {
  if (auth === null || auth === '') throw new ToolError(EMPTY)
  if (typeof auth === 'string') return call.credential(auth)
  if (!isObject(auth)) throw new ToolError('auth is the name of a credential, or a mapping')
  if (!RESERVED.some((key) => auth[key] !== undefined)) return aliased(call, auth)
  const type = auth.type ?? auth.service
  const inline = auth.inline ?? (auth.source === 'inline' ? auth.fields : undefined)
  if (isObject(inline)) return { type: String(type ?? 'generic'), data: inline }
  const source = auth.source ?? 'credential'
  const name = auth.credential ?? auth.key ?? auth.name ?? auth.secret_name
  if (typeof name === 'string' && name !== '') {
    if (source === 'credential') {
      const found = await call.credential(name)
      return { type: String(type ?? found.type), data: found.data }
    }
    const variable = { env: name, secret: `NOETL_SECRET_${name.toUpperCase()}` }[String(source)]
    if (variable !== undefined) return fromText(String(type), workerSecret(call, variable), name)
  }
  throw new ToolError(
    'this form of auth is not known; name a credential (auth: NAME), or say source: credential, env or inline',
  )
}

/** NoETL gives credentials names for its SQL; a step here has one. */
function aliased(call: Call, auth: JsonObject): Promise<Auth> {
  const [only, ...others] = Object.values(auth)
  if (only === undefined || others.length > 0) {
    throw new ToolError('auth names several credentials; a step takes one')
  }
  return resolved(call, only)
}

/** What a secret of the Worker says: the fields as JSON, or the one field that matters. */
function fromText(type: string, text: string, name: string): Auth {
  const field = { bearer: 'token', postgres: 'dsn' }[type.toLowerCase()]
  const fields = objectIn(text)
  if (fields) return { type, data: fields }
  if (field === undefined) {
    throw new ToolError(`the secret '${name}' is to be a JSON object with the fields of ${type}`)
  }
  return { type, data: { [field]: text } }
}

function objectIn(text: string): JsonObject | null {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
