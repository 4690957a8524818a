// Twilio signs the URL with the form's parameters behind it, by the account's auth token:
// https://www.twilio.com/docs/usage/webhooks/webhooks-security and, in its details,
// https://github.com/twilio/twilio-node/blob/main/src/webhooks/webhooks.ts
// Under a "webhook rule" it is SHA-256 in place of SHA-1, which the signature's length tells:
// https://github.com/twilio/twilio-node/blob/main/examples/WebhookSignatureValidation.md

import { bytesOfBase64, isMac, sha256Hex, utf8 } from './crypto.ts'
import { idFrom, refuse, required, textOf, typeOf } from './read.ts'
import type { Incoming, Verifier } from './types.ts'

export const twilio: Verifier = async (incoming, { secrets }) => {
  const { headers, url, body } = incoming
  const sent = required(headers.get('x-twilio-signature'), 'the signature is missing')
  const signature = bytesOfBase64(sent)
  const hash = signature?.length === 20 ? 'SHA-1' : signature?.length === 32 ? 'SHA-256' : null
  if (signature === null || hash === null) refuse('the signature is malformed')

  const bodyHash = new URL(url).searchParams.get('bodySHA256')
  const form = bodyHash === null ? formOf(incoming) : new URLSearchParams()
  const tail = signedForm(form)
  for (const each of spellings(url)) {
    const signed = utf8(each + tail)
    if (!(await isMac(hash, secrets.map(utf8), [signature], signed))) continue
    if (bodyHash !== null && bodyHash !== (await sha256Hex(body))) {
      refuse('the hash of the body does not match')
    }
    return {
      // MessageSid and CallSid would be the same for each state of a message or a call
      delivery_id: idFrom(headers, 'i-twilio-idempotency-token'),
      fingerprint: await sha256Hex(signed),
      event_type: typeOf(
        ['EventType', 'MessageStatus', 'SmsStatus', 'CallStatus']
          .map((name) => form.get(name))
          .find((value) => value !== null),
      ),
    }
  }
  return refuse('the signature does not match')
}

function formOf({ headers, body }: Incoming): URLSearchParams {
  const type = headers.get('content-type') ?? ''
  // what reads the body later goes by its type: it must find what is signed here
  if (body.length > 0 && !/^application\/x-www-form-urlencoded *(;|$)/i.test(type)) {
    refuse('the body is not a form')
  }
  return new URLSearchParams(textOf(body))
}

/** Names in order, and the different values of one name in order, with nothing between them. */
function signedForm(form: URLSearchParams): string {
  return [...new Set(form.keys())]
    .sort()
    .flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value))
    .join('')
}

/**
 * Twilio signs with the port and without it, also where it is the scheme's own; and an apostrophe as it
 * is, which a URL that was parsed has as %27.
 */
function spellings(url: string): Set<string> {
  const [, scheme = '', host = '', port = '', path = ''] =
    /^(https?:\/\/)([^/?#]*?)(:\d+)?([/?#].*)?$/i.exec(url) ?? []
  const standard = port || (scheme.toLowerCase() === 'https://' ? ':443' : ':80')
  const urls = [url, scheme + host + path, scheme + host + standard + path]
  return new Set(urls.flatMap((each) => [each, each.replaceAll('%27', "'")]))
}
