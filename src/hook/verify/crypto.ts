// Signatures and tokens, compared in a time that tells nothing, and the strict forms of their texts.

import { fromBase64, toBase64 } from '../../base64.ts'

export const utf8 = (text: string) => new TextEncoder().encode(text)

/** Whether one of the signatures is the HMAC of the bytes under one of the keys. */
export async function isMac(
  hash: 'SHA-1' | 'SHA-256',
  keys: readonly Uint8Array[],
  signatures: readonly Uint8Array[],
  signed: Uint8Array,
): Promise<boolean> {
  for (const raw of keys) {
    const algorithm = { name: 'HMAC', hash }
    const key = await crypto.subtle.importKey('raw', raw, algorithm, false, ['verify'])
    for (const signature of signatures) {
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return true
    }
  }
  return false
}

/** The same for Ed25519, by public keys. */
export async function isEd25519(
  keys: readonly Uint8Array[],
  signatures: readonly Uint8Array[],
  signed: Uint8Array,
): Promise<boolean> {
  for (const raw of keys) {
    const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify'])
    for (const signature of signatures) {
      if (await crypto.subtle.verify('Ed25519', key, signature, signed)) return true
    }
  }
  return false
}

/** Compares digests, whose time tells nothing of where the texts differ. */
export async function isOneOf(secrets: readonly string[], sent: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', utf8(text))
  const wanted = await digest(sent)
  for (const secret of secrets) {
    if (crypto.subtle.timingSafeEqual(await digest(secret), wanted)) return true
  }
  return false
}

export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The 32 bytes of 64 hex digits; null for any other text. */
export function digestOfHex(text: string): Uint8Array | null {
  if (!/^[0-9a-f]{64}$/i.test(text)) return null
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** What the base64 is of; null unless it is the one text that these bytes have. */
export function bytesOfBase64(text: string): Uint8Array | null {
  try {
    const bytes = fromBase64(text)
    return toBase64(bytes) === text ? bytes : null
  } catch {
    return null
  }
}

export function joined(head: string, body: Uint8Array): Uint8Array {
  const start = utf8(head)
  const all = new Uint8Array(start.length + body.length)
  all.set(start)
  all.set(body, start.length)
  return all
}
