// CloudEvents by HTTP, with the web hook specification's authorisation and handshake:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md

import { isOneOf, sha256Hex, utf8 } from './crypto.ts'
import { objectOf, refuse, required, textOf, typeOf } from './read.ts'
import { bearerOf } from './token.ts'
import type { Incoming, Verifier } from './types.ts'

export const cloudevents: Verifier = async (incoming, { secrets }) => {
  const sent = required(tokenOf(incoming), 'the token is missing')
  if (!(await isOneOf(secrets, sent))) refuse('the token does not match')

  const { specversion, source, id, type } = attributesOf(incoming)
  if (specversion !== '1.0') refuse('the CloudEvent is not of specversion 1.0')
  // a source is a URI reference: without spaces it ends where the id begins
  if (!isText(source) || /\s/.test(source) || !isText(id) || !isText(type)) {
    return refuse('the CloudEvent lacks source, id or type')
  }
  const key = `${source} ${id}`
  return {
    // neither of the two has a limit, and both may be in any script
    delivery_id: /^[ -~]{1,256}$/.test(key) ? key : `sha256:${await sha256Hex(utf8(key))}`,
    fingerprint: null,
    event_type: typeOf(type),
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** The web hook specification, section 3: in the header or the URL; RFC 6750 wants one of them. */
function tokenOf({ headers, url }: Incoming): string | null {
  const [inQuery = null, ...more] = new URL(url).searchParams.getAll('access_token')
  const inHeader = bearerOf(headers)
  if (more.length > 0 || (inQuery !== null && inHeader !== null)) refuse('the token is sent twice')
  return inHeader ?? inQuery
}

function attributesOf({ headers, body }: Incoming): Record<string, unknown> {
  const media = (headers.get('content-type') ?? '').toLowerCase()
  if (/^application\/cloudevents\+json *(;|$)/.test(media)) return objectOf(textOf(body))
  if (media.startsWith('application/cloudevents-batch')) {
    refuse('batches of CloudEvents are not taken')
  }
  if (media.startsWith('application/cloudevents')) {
    refuse('CloudEvents are taken as JSON or in binary mode')
  }
  const names = ['specversion', 'source', 'id', 'type']
  return Object.fromEntries(names.map((name) => [name, decoded(headers.get(`ce-${name}`))]))
}

/** The binding, 3.1.3.2: out of quotes, then out of percent-encoding; null for what is neither. */
function decoded(value: string | null): string | null {
  // a header that was sent twice: in an attribute the space would be %20
  if (value === null || value.includes(', ')) return null
  const text = /^"(.*)"$/.exec(value)?.[1]?.replace(/\\(.)/g, '$1') ?? value
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/**
 * The headers that let an origin send, for its OPTIONS request; null when it asks for nothing.
 * WebHook-Request-Callback is not followed: it may name any address.
 * @param rate in requests per minute; without one there is no limit
 */
export function handshake(headers: Headers, rate?: number): Record<string, string> | null {
  const origin = headers.get('webhook-request-origin') ?? ''
  if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(origin)) return null
  return {
    allow: 'POST',
    'webhook-allowed-origin': origin,
    'webhook-allowed-rate': rate === undefined ? '*' : String(rate),
  }
}
