// A receiver of notifications, on the web server that tests ask, and what it makes of them.
import { inject } from 'vitest'

export interface Message {
  id: string
  timestamp: string
  signatures: string[]
  headers: Record<string, string>
  body: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it differs
  event: any
}

let inboxes = 0

/** An address of its own; the query says how it answers (test/node/echo.ts). */
export function newInbox(query = '') {
  const address = `${inject('echo')}/inbox/${Date.now()}-${++inboxes}`
  return {
    url: `${address}${query}`,
    async messages(): Promise<Message[]> {
      const kept = await (await fetch(address)).json<{ headers: never; body: string }[]>()
      return kept.map(({ headers, body }) => ({
        id: headers['webhook-id'],
        timestamp: headers['webhook-timestamp'],
        signatures: String(headers['webhook-signature']).split(' '),
        headers,
        body,
        event: JSON.parse(body),
      }))
    },
  }
}

/** Whether one of the signatures is of this secret, as the libraries of Standard Webhooks look. */
export async function isSigned(message: Message, secret: string): Promise<boolean> {
  const bytes = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (char) => char.charCodeAt(0))
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify'])
  const { id, timestamp, body } = message
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`)
  const age = Math.abs(Date.now() / 1000 - Number(timestamp))
  const found = await Promise.all(
    message.signatures.map((signature) => {
      const [version, text = ''] = signature.split(',')
      const mac = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
      return version === 'v1' && crypto.subtle.verify('HMAC', key, mac, signed)
    }),
  )
  return age < 300 && found.includes(true)
}
