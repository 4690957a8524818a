// Secrets of steps. A result holds a reference in place of a secret; the value is put in just before a tool
// runs, and taken out of whatever the tool gives back. So no event, error or log has it.

import { fromBase64, textFromBase64, toBase64Url } from '../base64.ts'
import type { Env } from '../env.ts'
import { fail } from '../errors.ts'
import { type JsonObject, parseJson, toJson } from '../json.ts'
import { MIN_LENGTH, mapTexts, newRedactor, type Redactor } from '../redact/values.ts'
import { type Config, VARIABLES } from '../settings.ts'
import { ToolError } from './tools/tool.ts'

/** Where a secret is: a variable of the Worker, or a field of a credential. */
export type Origin =
  | { source: 'env'; name: string }
  | { source: 'credential'; name: string; field: string }

/** What secrets are read with. */
export interface Reader {
  config: Config
  env: Env
  execution_id: string
  credential(name: string): Promise<{ type: string; data: JsonObject }>
}

const REFERENCE = /ne-secret\.([\w-]+)\.([\w-]{43})/g

/**
 * A text that stands for a secret within one execution. It is signed, so that nobody can name a secret by
 * sending data.
 */
export async function referenceTo(reader: Reader, origin: Origin): Promise<string> {
  const value = await read(reader, origin)
  if (value.length < MIN_LENGTH) {
    throw new ToolError(`the secret '${origin.name}' is too short to be kept out of the log`)
  }
  const named = toBase64Url(new TextEncoder().encode(toJson(origin)))
  const key = await keyOf(reader.config)
  const mac = await crypto.subtle.sign('HMAC', key, signedText(reader.execution_id, named))
  return `ne-secret.${named}.${toBase64Url(new Uint8Array(mac))}`
}

/** One of the Worker's own secrets. @throws ToolError when steps may not read it, or it is not there. */
export function workerSecret(
  { config, env }: Pick<Reader, 'config' | 'env'>,
  name: string,
): string {
  if (VARIABLES.includes(name)) {
    throw new ToolError(`'${name}' is a setting of the Worker itself, which no step may read`)
  }
  if (!config.SECRETS_ALLOW.includes(name)) {
    throw new ToolError(`'${name}' is not among the secrets that steps may read (SECRETS_ALLOW)`)
  }
  const value = env[name]
  if (typeof value !== 'string' || value === '') {
    throw new ToolError(`the Worker has no secret '${name}'`)
  }
  return value
}

/** What knows an action's secrets. */
export interface Keeper extends Redactor {
  /** The value with the secrets in place of their references. @throws ToolError for one that is not valid here. */
  reveal(value: JsonObject): Promise<JsonObject>
}

export function newKeeper(reader: Reader): Keeper {
  const { hide, redact } = newRedactor()

  async function reveal(value: JsonObject): Promise<JsonObject> {
    const references = new Map<string, string>()
    mapTexts(value, (text) => {
      for (const [reference] of text.matchAll(REFERENCE)) references.set(reference, '')
      return text
    })
    if (references.size === 0) return value
    for (const reference of references.keys()) {
      const secret = await read(reader, await originOf(reader, reference))
      hide(secret)
      references.set(reference, secret)
    }
    const put = (text: string) =>
      text.replace(REFERENCE, (reference) => references.get(reference) ?? reference)
    return mapTexts(value, put) as JsonObject
  }

  return { reveal, hide, redact }
}

async function originOf(reader: Reader, reference: string): Promise<Origin> {
  const [, named = '', mac = ''] = new RegExp(REFERENCE.source).exec(reference) ?? []
  const isOurs = await crypto.subtle.verify(
    'HMAC',
    await keyOf(reader.config),
    fromBase64(mac.replaceAll('-', '+').replaceAll('_', '/')),
    signedText(reader.execution_id, named),
  )
  if (!isOurs) {
    throw new ToolError(
      'a reference to a secret is not of this execution: a secret is read where it is used, by a step of type secrets',
    )
  }
  const text = textFromBase64(named.replaceAll('-', '+').replaceAll('_', '/'))
  return parseJson(text ?? '') as unknown as Origin
}

async function read(reader: Reader, origin: Origin): Promise<string> {
  if (origin.source === 'env') return workerSecret(reader, origin.name)
  const { data } = await reader.credential(origin.name)
  const value = Object.hasOwn(data, origin.field) ? data[origin.field] : undefined
  if (value === undefined || value === null || value === '') {
    throw new ToolError(`the credential '${origin.name}' has no field '${origin.field}'`)
  }
  return typeof value === 'object' ? toJson(value) : String(value)
}

function signedText(executionId: string, named: string) {
  return new TextEncoder().encode(`${executionId}.${named}`)
}

let derived: { from: string; key: Promise<CryptoKey> } | null = null

/** The key that references are signed with; nothing else is. */
function keyOf({ ENCRYPTION_KEY }: Config): Promise<CryptoKey> {
  const from = ENCRYPTION_KEY ?? fail('misconfigured', 'ENCRYPTION_KEY is not set; secrets need it')
  if (derived?.from !== from) derived = { from, key: derive(from) }
  return derived.key
}

async function derive(from: string): Promise<CryptoKey> {
  const root = await crypto.subtle.importKey('raw', fromBase64(from), 'HKDF', false, ['deriveKey'])
  const info = new TextEncoder().encode('noetl-edge secret references')
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info },
    root,
    { name: 'HMAC', hash: 'SHA-256', length: 256 },
    false,
    ['sign', 'verify'],
  )
}
