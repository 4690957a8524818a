// What is verified, by which rules, and what may come of it.

export const PROVIDERS = [
  'standard',
  'github',
  'stripe',
  'slack',
  'shopify',
  'twilio',
  'token',
  'cloudevents',
  'bearer',
  'none',
] as const
export type Provider = (typeof PROVIDERS)[number]

export interface Incoming {
  method: string
  /** As the sender called it: Twilio signs it. */
  url: string
  headers: Headers
  /** As it came: what is signed is these bytes. */
  body: Uint8Array
}

export interface Rules {
  provider: Provider
  /** Several while one replaces another: any may match. */
  secrets: readonly string[]
  toleranceSeconds: number
  /** For `token`: the header that holds it. */
  header?: string
}

export interface Accepted {
  /** The sender's name for the delivery, the same when it sends it again. */
  delivery_id: string | null
  /**
   * SHA-256 of what was signed, where the signature does not cover the id: the same under another id
   * is a replay, and without an id this is what tells deliveries apart. It has to be kept of pings
   * too, or GitHub's ping could be sent again under the name of another event.
   */
  fingerprint: string | null
  event_type: string | null
  /** To be answered at once; nothing starts. */
  challenge?: { status: number; contentType: string; body: string }
  /** An event that only tests the connection. */
  ping?: boolean
}

/** The words of the delivery log; none repeats what was sent. */
export type Reason =
  | 'no secret is set'
  | 'the signature is missing'
  | 'the signature is malformed'
  | 'the signature does not match'
  | 'the timestamp is missing'
  | 'the timestamp is malformed'
  | 'the timestamp is too far from now'
  | 'the token is missing'
  | 'the token is malformed'
  | 'the token is sent twice'
  | 'the token does not match'
  | 'the id is missing'
  | 'the id is malformed'
  | 'the body is not UTF-8'
  | 'the body is not JSON'
  | 'the body is not a form'
  | 'the hash of the body does not match'
  | 'the challenge is malformed'
  | 'batches of CloudEvents are not taken'
  | 'CloudEvents are taken as JSON or in binary mode'
  | 'the CloudEvent is not of specversion 1.0'
  | 'the CloudEvent lacks source, id or type'

export type Verdict = ({ ok: true } & Accepted) | { ok: false; reason: Reason }

export type Verifier = (incoming: Incoming, rules: Rules, now: number) => Promise<Accepted>
