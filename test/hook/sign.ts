// The senders' side: a genuine delivery of each provider, signed without the code under test.

import type { Provider } from '../../src/hook/verify/index.ts'

export interface Plain {
  method: string
  url: string
  headers: Record<string, string>
  body: Uint8Array
}

export interface Options {
  body?: string | Uint8Array
  id?: string
  url?: string
  secret?: string
  /** In place of the secret's own bytes. */
  key?: Uint8Array
  hash?: string
  /** In place of the time of `now`, in the sender's own digits. */
  at?: string
}

export const URL_OF_HOOK = 'https://hooks.example/hooks/h1?tenant=7'
const KEY_BYTES = Uint8Array.from({ length: 32 }, (_, at) => at * 7 + 3)

export const SECRETS: Record<Provider, string> = {
  standard: `whsec_${base64(KEY_BYTES)}`,
  github: "It's a Secret to Everybody",
  stripe: `whsec_${base64(KEY_BYTES)}`,
  slack: '8f742231b10e8888abcd99yyyzzz85a5',
  shopify: 'shpss_0123456789abcdef0123456789abcdef',
  twilio: '0123456789abcdef0123456789abcdef',
  token: 'glpat-A_token.of-twenty-and-more',
  cloudevents: 'mF_9.B5f-4.1JqM/and+more=',
  bearer: 'bearer-token-of-some-length',
  none: '',
}

/** JSON that every kind of re-encoding changes: a line's end, a slash, letters beyond ASCII, numbers. */
export const json = (id: string) =>
  `{"id":"${id}","event_id":"${id}","type":"order.paid",\n"amount":1200,"note":"café / über","nested":{"b":[1,2.5],"a":null}}`

export const cloudEvent = (id: string) =>
  `{"specversion":"1.0","id":"${id}","source":"/shop/7","type":"order.paid","data":{"amount":1200}}`

export const form = (id: string) =>
  `ToCountry=US&MessageSid=${id}&Body=caf%C3%A9+%2F+1%2B1&From=%2B14158675309&MessageStatus=delivered&Media=b&Media=a`

/** A delivery that is genuine at `now`. Twilio's is a form, or JSON when the body is. */
export async function validOf(
  provider: Provider,
  now: number,
  options: Options = {},
): Promise<Plain> {
  const id = options.id ?? 'evt_1A2b3C'
  const usual = { twilio: form, cloudevents: cloudEvent }[String(provider)] ?? json
  const body = bytes(options.body ?? usual(id))
  const at = options.at ?? String(Math.floor(now / 1000))
  const secret = options.secret ?? SECRETS[provider]
  const key = options.key ?? (provider === 'standard' ? ofBase64(secret.slice(6)) : bytes(secret))
  const sign = (data: Uint8Array, hash = 'SHA-256') => mac(options.hash ?? hash, key, data)
  const type = { 'content-type': 'application/json' }
  let url = options.url ?? URL_OF_HOOK
  let headers: Record<string, string> = {}

  if (provider === 'standard') {
    headers = {
      ...type,
      'webhook-id': id,
      'webhook-timestamp': at,
      'webhook-signature': `v1,${base64(await sign(concat(`${id}.${at}.`, body)))}`,
    }
  } else if (provider === 'github') {
    headers = {
      ...type,
      'x-github-event': 'push',
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${hex(await sign(body))}`,
    }
  } else if (provider === 'stripe') {
    const signature = hex(await sign(concat(`${at}.`, body)))
    headers = { ...type, 'stripe-signature': `t=${at},v1=${signature}` }
  } else if (provider === 'slack') {
    headers = {
      ...type,
      'x-slack-request-timestamp': at,
      'x-slack-signature': `v0=${hex(await sign(concat(`v0:${at}:`, body)))}`,
    }
  } else if (provider === 'shopify') {
    headers = {
      ...type,
      'x-shopify-topic': 'orders/create',
      'x-shopify-webhook-id': id,
      'x-shopify-hmac-sha256': base64(await sign(body)),
    }
  } else if (provider === 'twilio') {
    const isJson = body[0] === 0x7b
    if (isJson) url += `&bodySHA256=${hex(await digest('SHA-256', body))}`
    const signed = bytes(url + (isJson ? '' : parameters(new TextDecoder().decode(body))))
    headers = {
      'content-type': isJson ? 'application/json' : 'application/x-www-form-urlencoded',
      'i-twilio-idempotency-token': id,
      'x-twilio-signature': base64(await sign(signed, 'SHA-1')),
    }
  } else if (provider === 'token') {
    headers = { ...type, 'idempotency-key': id, 'x-webhook-token': secret }
  } else if (provider === 'cloudevents') {
    headers = {
      'content-type': 'application/cloudevents+json; charset=UTF-8',
      authorization: `Bearer ${secret}`,
    }
  } else if (provider === 'bearer') {
    headers = { ...type, 'idempotency-key': id, authorization: `Bearer ${secret}` }
  } else {
    headers = { ...type, 'idempotency-key': id }
  }
  return { method: 'POST', url, headers, body }
}

/** Twilio's way with a form: names in order, each with its different values in order. */
function parameters(body: string): string {
  const values = new Map<string, Set<string>>()
  for (const [name, value] of new URLSearchParams(body)) {
    values.set(name, (values.get(name) ?? new Set()).add(value))
  }
  let text = ''
  for (const name of [...values.keys()].sort()) {
    for (const value of [...(values.get(name) ?? [])].sort()) text += name + value
  }
  return text
}

export async function mac(hash: string, key: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash }, false, [
    'sign',
  ])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, data))
}

export async function digest(hash: string, data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(hash, data))
}

export function bytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data
}

export function concat(...parts: (string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...bytes(part)]))
}

export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function base64(data: Uint8Array): string {
  return btoa(String.fromCharCode(...data))
}

export function ofBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}

export function ofHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
