// API keys as texts: `ne_ID_SECRET`. Only the digest of the secret is kept, and 256 random bits need no slow one.

import { toBase64Url } from '../base64.ts'
import { sha256 } from '../digest.ts'
import { parseId } from '../ids.ts'

const SECRET_BYTES = 32
const FORM = /^ne_(\d{1,19})_([A-Za-z0-9_-]{43})$/

/** A new key's text, which is shown once, with what is kept of it. */
export async function drawKey(keyId: string): Promise<{ text: string; digest: string }> {
  const secret = toBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))
  return { text: `ne_${keyId}_${secret}`, digest: await sha256(secret) }
}

/** The id in a key and the digest of its secret; null when the text has not a key's form. */
export async function parseKey(text: string): Promise<{ key_id: string; digest: string } | null> {
  const [, id = '', secret = ''] = FORM.exec(text) ?? []
  const key_id = parseId(id)
  if (key_id === null) return null
  return { key_id, digest: await sha256(secret) }
}

/** Whether a text has the form of a key. */
export const isKey = (text: string): boolean => FORM.test(text)
