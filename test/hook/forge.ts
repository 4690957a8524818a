// What forgeries are made with.

import type { Provider } from '../../src/hook/verify/index.ts'
import { bytes, type Options, type Plain } from './sign.ts'

/** In seconds; what the hooks of the corpus are to be made with. */
export const TOLERANCE = 300

export type Changes = Record<string, Plain | Promise<Plain>>

export type Of = (provider: Provider, options?: Options) => Promise<Plain>

export type Signed = 'standard' | 'github' | 'stripe' | 'slack' | 'shopify' | 'twilio'

export const SIGNED: readonly Signed[] = [
  'standard',
  'github',
  'stripe',
  'slack',
  'shopify',
  'twilio',
]

export const SIGNATURE: Record<Signed, string> = {
  standard: 'webhook-signature',
  github: 'x-hub-signature-256',
  stripe: 'stripe-signature',
  slack: 'x-slack-signature',
  shopify: 'x-shopify-hmac-sha256',
  twilio: 'x-twilio-signature',
}

export function withHeaders(plain: Plain, changed: Record<string, string | null>): Plain {
  const headers = Object.entries({ ...plain.headers, ...changed })
  const kept = headers.filter((entry): entry is [string, string] => entry[1] !== null)
  return { ...plain, headers: Object.fromEntries(kept) }
}

export function withBody(plain: Plain, body: string | Uint8Array): Plain {
  return { ...plain, body: bytes(body) }
}
