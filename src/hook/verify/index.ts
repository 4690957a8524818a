// Whether a delivery comes from whom the hook trusts: pure, with the time as an argument. No body is
// parsed before its signature, or the token beside it, was found genuine.

import { cloudevents } from './cloudevents.ts'
import { github, shopify, slack, stripe } from './hmac.ts'
import { Refusal } from './read.ts'
import { standard } from './standard.ts'
import { bearer, none, token } from './token.ts'
import { twilio } from './twilio.ts'
import type { Incoming, Provider, Rules, Verdict, Verifier } from './types.ts'

export { handshake } from './cloudevents.ts'
export { checkSecret, SECRET_HEADERS } from './secret.ts'
export { type Incoming, PROVIDERS, type Provider, type Rules, type Verdict } from './types.ts'

const VERIFIERS: Record<Provider, Verifier> = {
  standard,
  github,
  stripe,
  slack,
  shopify,
  twilio,
  token,
  cloudevents,
  bearer,
  none,
}

/** @param now in milliseconds */
export async function verify(incoming: Incoming, rules: Rules, now: number): Promise<Verdict> {
  // an empty secret is one that anybody knows
  const secrets = rules.secrets.filter((secret) => secret !== '')
  if (secrets.length === 0 && rules.provider !== 'none') {
    return { ok: false, reason: 'no secret is set' }
  }
  try {
    const accepted = await VERIFIERS[rules.provider](incoming, { ...rules, secrets }, now)
    return { ok: true, ...accepted }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.reason }
    throw error
  }
}
