// AES-256-GCM under the Worker's ENCRYPTION_KEY. The credential's name is authenticated with it, so a
// row's ciphertext is of no use under another name.

import { fromBase64, toBase64 } from '../base64.ts'
import { AppError } from '../errors.ts'
import { type JsonObject, parseJson, toJson } from '../json.ts'

const IV_BYTES = 12
let imported: { text: string; key: Promise<CryptoKey> } | null = null

/** Base64 of a fresh IV and the ciphertext. */
export async function encrypt(keyText: string, name: string, data: JsonObject): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const sealed = await crypto.subtle.encrypt(
    parameters(iv, name),
    await keyOf(keyText),
    new TextEncoder().encode(toJson(data)),
  )
  return toBase64(new Uint8Array([...iv, ...new Uint8Array(sealed)]))
}

/** @throws AppError `misconfigured` when the key is not the one that it was encrypted under. */
export async function decrypt(keyText: string, name: string, secret: string): Promise<JsonObject> {
  const bytes = fromBase64(secret)
  try {
    const plain = await crypto.subtle.decrypt(
      parameters(bytes.slice(0, IV_BYTES), name),
      await keyOf(keyText),
      bytes.slice(IV_BYTES),
    )
    return parseJson(new TextDecoder().decode(plain)) as JsonObject
  } catch {
    throw new AppError(
      'misconfigured',
      `credential '${name}' was encrypted under another ENCRYPTION_KEY`,
    )
  }
}

function parameters(iv: Uint8Array<ArrayBuffer>, name: string) {
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(name) }
}

function keyOf(text: string): Promise<CryptoKey> {
  if (imported?.text !== text) {
    const key = crypto.subtle.importKey('raw', fromBase64(text), 'AES-GCM', false, [
      'encrypt',
      'decrypt',
    ])
    imported = { text, key }
  }
  return imported.key
}
