// What can be a secret, and which headers hold one.

import { keyOf } from './standard.ts'
import type { Provider } from './types.ts'

const MIN_LENGTH = 16
const MAX_LENGTH = 512

/** Why this cannot be a secret of the provider; null when it can. Does not repeat it. */
export function checkSecret(provider: Provider, secret: string): string | null {
  if (provider === 'none') return 'a hook that verifies nothing has no secret'
  if (provider === 'standard') {
    if (secret.startsWith('whsk_')) return 'whsk_ is the private key; the public one is whpk_'
    if (keyOf(secret, 'whsec_') !== null || keyOf(secret, 'whpk_') !== null) return null
    return 'must be whsec_ and the base64 of 24 to 64 bytes, or whpk_ and that of 32 bytes'
  }
  if (secret.length < MIN_LENGTH || secret.length > MAX_LENGTH) {
    return `must have ${MIN_LENGTH} to ${MAX_LENGTH} characters`
  }
  if (SHOWN.has(provider)) {
    return /^[!-~]+$/.test(secret) ? null : 'must be printable ASCII without spaces, as a header is'
  }
  return secret === secret.trim() ? null : 'begins or ends with white space'
}

const SHOWN: ReadonlySet<Provider> = new Set(['token', 'bearer', 'cloudevents'])

/**
 * Names in lower case of headers that hold signatures or credentials, which are neither kept nor
 * shown. A hook's own header of `token` is one more.
 */
export const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'webhook-signature',
  'svix-signature',
  'x-hub-signature',
  'x-hub-signature-256',
  'stripe-signature',
  'x-slack-signature',
  'x-shopify-hmac-sha256',
  'shopify-hmac-sha256',
  'x-twilio-signature',
  'x-webhook-token',
  'x-webhook-secret',
  'x-webhook-signature',
  'x-signature',
  'x-gitlab-token',
  'x-goog-channel-token',
  'x-telegram-bot-api-secret-token',
  'x-api-key',
  'api-key',
  'x-auth-token',
  'x-access-token',
  'x-amz-security-token',
  'cf-access-jwt-assertion',
  'cf-access-client-id',
  'cf-access-client-secret',
])
