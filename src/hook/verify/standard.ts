// Standard Webhooks 1.0.0, "Verifying webhook authenticity":
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
// Svix's own names of the headers: https://docs.svix.com/receiving/verifying-payloads/how-manual

import { bytesOfBase64, isEd25519, isMac, joined } from './crypto.ts'
import { idFrom, objectOrNull, refuse, required, timestamp, typeOf } from './read.ts'
import type { Verifier } from './types.ts'

// `v1,<base64>`; versions to come pass and are not tried
const ITEM = /^v\d+[a-z]*,[\w+/=-]+$/
export const MAX_SIGNATURES = 8

export const standard: Verifier = async (incoming, { secrets, toleranceSeconds }, now) => {
  const { headers, body } = incoming
  const prefix = headers.has('webhook-signature') ? 'webhook' : 'svix'
  const sent = required(headers.get(`${prefix}-signature`), 'the signature is missing')
  const id = required(idFrom(headers, `${prefix}-id`), 'the id is missing')
  // a dot would let parts of the id, the time and the body change places
  if (id.includes('.')) refuse('the id is malformed')
  const at = timestamp(headers.get(`${prefix}-timestamp`), toleranceSeconds, now)

  const items = sent.split(' ')
  if (!items.every((item) => ITEM.test(item))) refuse('the signature is malformed')
  const signatures = (version: string, length: number) =>
    items.slice(0, MAX_SIGNATURES).flatMap((item) => {
      const [name, value = ''] = item.split(',')
      const bytes = name === version ? bytesOfBase64(value) : null
      return bytes?.length === length ? [bytes] : []
    })
  const keys = (kind: keyof typeof KEY_BYTES) =>
    secrets.flatMap((secret) => keyOf(secret, kind) ?? [])

  const signed = joined(`${id}.${at}.`, body)
  const isGenuine =
    (await isMac('SHA-256', keys('whsec_'), signatures('v1', 32), signed)) ||
    (await isEd25519(keys('whpk_'), signatures('v1a', 64), signed))
  if (!isGenuine) refuse('the signature does not match')
  // the payload should be JSON with a type, and may be anything
  const type = objectOrNull(new TextDecoder().decode(body))?.type
  return { delivery_id: id, fingerprint: null, event_type: typeOf(type) }
}

const KEY_BYTES = { whsec_: [24, 64], whpk_: [32, 32] } as const

/** The key in such a secret; null when it is not one. */
export function keyOf(secret: string, kind: keyof typeof KEY_BYTES): Uint8Array | null {
  const [min, max] = KEY_BYTES[kind]
  const bytes = secret.startsWith(kind) ? bytesOfBase64(secret.slice(kind.length)) : null
  return bytes !== null && bytes.length >= min && bytes.length <= max ? bytes : null
}
