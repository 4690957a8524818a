// Signatures of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA-256 over id, time and body. Pure.

import { toBase64 } from '../base64.ts'

/** A secret as receivers are given it. */
export function shownSecret(secret: Uint8Array): string {
  return `whsec_${toBase64(secret)}`
}

/** `webhook-signature`: one signature for each secret, so that a receiver may know either. */
export async function signatureOf(
  secrets: readonly Uint8Array[],
  { id, timestamp, body }: { id: string; timestamp: string; body: string },
): Promise<string> {
  const text = new TextEncoder().encode(`${id}.${timestamp}.${body}`)
  const signatures = await Promise.all(
    secrets.map(async (secret) => {
      const algorithm = { name: 'HMAC', hash: 'SHA-256' }
      const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
      return `v1,${toBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, text)))}`
    }),
  )
  return signatures.join(' ')
}
