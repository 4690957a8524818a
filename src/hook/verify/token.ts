// Senders that show a secret in place of signing. Whoever holds it may send anything, so the ids they
// name are as good as their bodies, and there is nothing to take a fingerprint of.

import { isOneOf } from './crypto.ts'
import { idFrom, refuse, required, typeOf } from './read.ts'
import type { Accepted, Incoming, Verifier } from './types.ts'

// Kept when a delivery is sent again: Idempotency-Key by its definition, and GitLab since 17.4;
// webhook-id by Standard Webhooks; X-Gitlab-Event-UUID of older GitLabs, which is shared by other
// events only when a caller hands it back to GitLab (https://docs.gitlab.com/user/project/
// integrations/webhooks/#delivery-headers). Not X-Request-Id: proxies make a new one each time.
const ID_HEADERS = ['idempotency-key', 'webhook-id', 'x-gitlab-event-uuid']

function named({ headers }: Incoming): Accepted {
  return {
    delivery_id: idFrom(headers, ...ID_HEADERS),
    fingerprint: null,
    event_type: typeOf(headers.get('x-gitlab-event')),
  }
}

export const token: Verifier = async (incoming, { secrets, header = 'x-webhook-token' }) => {
  const sent = required(incoming.headers.get(header), 'the token is missing')
  if (!(await isOneOf(secrets, sent))) refuse('the token does not match')
  return named(incoming)
}

export const bearer: Verifier = async (incoming, { secrets }) => {
  const sent = required(bearerOf(incoming.headers), 'the token is missing')
  if (!(await isOneOf(secrets, sent))) refuse('the token does not match')
  return named(incoming)
}

export const none: Verifier = async (incoming) => named(incoming)

/** The token of an Authorization header; null when there is no such header. */
export function bearerOf(headers: Headers): string | null {
  const header = headers.get('authorization')
  if (header === null) return null
  return /^bearer +([!-~]+)$/i.exec(header)?.[1] ?? refuse('the token is malformed')
}
