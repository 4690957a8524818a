// Senders that sign the raw body, with or without a time, by HMAC-SHA256 under the secret's UTF-8.

import { bytesOfBase64, digestOfHex, isMac, joined, sha256Hex, utf8 } from './crypto.ts'
import {
  idFrom,
  idOf,
  objectOf,
  objectOrNull,
  refuse,
  required,
  textOf,
  timestamp,
  typeOf,
} from './read.ts'
import { MAX_SIGNATURES } from './standard.ts'
import type { Accepted, Verifier } from './types.ts'

async function check(
  secrets: readonly string[],
  signatures: readonly (Uint8Array | null)[],
  signed: Uint8Array,
): Promise<void> {
  const formed = signatures.filter((bytes) => bytes !== null)
  if (formed.length === 0) refuse('the signature is malformed')
  if (!(await isMac('SHA-256', secrets.map(utf8), formed, signed))) {
    refuse('the signature does not match')
  }
}

/** The digest in `prefix` and hex; null when the text has another form. */
function hexAfter(prefix: string, text: string): Uint8Array | null {
  return text.startsWith(prefix) ? digestOfHex(text.slice(prefix.length)) : null
}

/**
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
 * X-Hub-Signature, by SHA-1, is not looked at. Neither the id nor the event's name is signed.
 */
export const github: Verifier = async ({ headers, body }, { secrets }) => {
  const sent = required(headers.get('x-hub-signature-256'), 'the signature is missing')
  await check(secrets, [hexAfter('sha256=', sent)], body)
  const event = typeOf(headers.get('x-github-event'))
  return {
    delivery_id: idFrom(headers, 'x-github-delivery'),
    fingerprint: await sha256Hex(body),
    event_type: event,
    ...(event === 'ping' && { ping: true }),
  }
}

/**
 * https://docs.stripe.com/webhooks#verify-manually: `t=<time>,v1=<hex>`, one v1 for each secret in
 * use; v0 and what else there is do not count. The id is in the signed body.
 */
export const stripe: Verifier = async (incoming, { secrets, toleranceSeconds }, now) => {
  const { headers, body } = incoming
  const sent = required(headers.get('stripe-signature'), 'the signature is missing')
  const items = sent.split(',')
  if (!items.every((item) => /^\w+=\w+$/.test(item))) refuse('the signature is malformed')
  const [stamp = '', ...more] = items.filter((item) => item.startsWith('t='))
  if (more.length > 0) refuse('the timestamp is malformed')
  const at = timestamp(stamp.slice(2), toleranceSeconds, now)
  const signatures = items.filter((item) => item.startsWith('v1=')).slice(0, MAX_SIGNATURES)
  await check(
    secrets,
    signatures.map((item) => hexAfter('v1=', item)),
    joined(`${at}.`, body),
  )
  const event = objectOf(textOf(body))
  return { delivery_id: idOf(event.id), fingerprint: null, event_type: typeOf(event.type) }
}

/**
 * https://shopify.dev/docs/apps/build/webhooks/verify-deliveries: base64 over the body. The id and the
 * topic are not signed. Events, Shopify's newer form, leaves `X-` out of the names:
 * https://shopify.dev/docs/apps/build/events/verify-deliveries
 */
export const shopify: Verifier = async ({ headers, body }, { secrets }) => {
  const prefix = headers.has('x-shopify-hmac-sha256') ? 'x-shopify' : 'shopify'
  const sent = required(headers.get(`${prefix}-hmac-sha256`), 'the signature is missing')
  const signature = bytesOfBase64(sent)
  await check(secrets, [signature?.length === 32 ? signature : null], body)
  return {
    delivery_id: idFrom(headers, `${prefix}-webhook-id`),
    fingerprint: await sha256Hex(body),
    event_type: typeOf(headers.get(`${prefix}-topic`)),
  }
}

/** https://docs.slack.dev/authentication/verifying-requests-from-slack: hex over `v0:time:body`. */
export const slack: Verifier = async (incoming, { secrets, toleranceSeconds }, now) => {
  const { headers, body } = incoming
  const sent = required(headers.get('x-slack-signature'), 'the signature is missing')
  const at = timestamp(headers.get('x-slack-request-timestamp'), toleranceSeconds, now)
  const signed = joined(`v0:${at}:`, body)
  await check(secrets, [hexAfter('v0=', sent)], signed)
  const text = textOf(body)
  // the content type is not signed: sent as a form, an event must not get rid of its id
  const told = text.startsWith('{') ? fromEvent(text) : fromForm(new URLSearchParams(text))
  const fingerprint = told.delivery_id === null ? await sha256Hex(signed) : null
  return { ...told, fingerprint }
}

/** https://docs.slack.dev/apis/events-api: an event, or the question whether the address is ours. */
function fromEvent(text: string): Omit<Accepted, 'fingerprint'> {
  const { type, challenge, event_id, event } = objectOf(text)
  if (type === 'url_verification') {
    const body = typeOf(challenge) ?? refuse('the challenge is malformed')
    const answer = { status: 200, contentType: 'text/plain; charset=utf-8', body }
    return { delivery_id: null, event_type: type, challenge: answer }
  }
  const inner = typeof event === 'object' && event !== null && 'type' in event ? event.type : type
  return {
    delivery_id: event_id === undefined ? null : idOf(event_id),
    event_type: typeOf(inner),
  }
}

/** Slash commands, and interactions with their JSON in `payload`. */
function fromForm(form: URLSearchParams): Omit<Accepted, 'fingerprint'> {
  const payload = form.get('payload')
  const told =
    payload === null
      ? { trigger_id: form.get('trigger_id'), type: form.get('command') }
      : (objectOrNull(payload) ?? refuse('the body is not JSON'))
  return {
    delivery_id: told.trigger_id == null ? null : idOf(told.trigger_id),
    event_type: typeOf(told.type),
    ...(form.get('ssl_check') === '1' && { ping: true }),
  }
}
