// Forgeries of what is signed, the same for every provider that signs.

import {
  type Changes,
  type Of,
  SIGNATURE,
  SIGNED,
  type Signed,
  withBody,
  withHeaders,
} from './forge.ts'
import {
  base64,
  bytes,
  concat,
  digest,
  hex,
  mac,
  ofBase64,
  ofHex,
  type Plain,
  SECRETS,
} from './sign.ts'

/** Another body under the signature of the first. */
export function bodies(valid: Plain): Changes {
  const text = new TextDecoder().decode(valid.body)
  const value = JSON.parse(text)
  const { id, ...rest } = value
  const middle = Math.floor(valid.body.length / 2)
  const at = (index: number) => valid.body.with(index, (valid.body[index] ?? 0) ^ 1)
  const changed: Record<string, string | Uint8Array> = {
    "the body's first byte altered": at(0),
    "the body's middle byte altered": at(middle),
    "the body's last byte altered": at(valid.body.length - 1),
    'the body without its first byte': valid.body.slice(1),
    'the body without its last byte': valid.body.slice(0, -1),
    'half of the body': valid.body.slice(0, middle),
    'no body': '',
    'an empty object': '{}',
    'null for a body': 'null',
    'the body twice': text + text,
    'a newline appended': `${text}\n`,
    'a space appended': `${text} `,
    'a NUL appended': `${text}\0`,
    'an object appended': `${text}{}`,
    'a space before': ` ${text}`,
    'a byte order mark before': `\ufeff${text}`,
    'the amount raised': text.replace('1200', '9200'),
    'the id altered': text.replace('evt_1', 'evt_2'),
    'the type altered': text.replace('order.paid', 'order.void'),
    'a key of another value added': text.replace(/\}$/, ',"amount":1}'),
    'JSON without white space': JSON.stringify(value),
    'JSON with white space': JSON.stringify(value, null, 2),
    'JSON in another order': JSON.stringify({ ...rest, id }),
    'JSON in ASCII': text.replace(/[^ -~\n]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`),
    'JSON with escaped slashes': text.replaceAll('/', '\\/'),
    'JSON with another form of a number': text.replace('1200', '12e2'),
    'CRLF for LF': text.replaceAll('\n', '\r\n'),
    'the body in Latin-1': Uint8Array.from(text, (char) => char.charCodeAt(0)),
    'the body in NFD': text.normalize('NFD'),
    'the body in UTF-16': Uint8Array.from(
      new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer),
    ),
    'the body in base64': base64(valid.body),
    'the body as a form': `payload=${encodeURIComponent(text)}`,
  }
  return Object.fromEntries(
    Object.entries(changed).map(([what, body]) => [what, withBody(valid, body)]),
  )
}

/** Other texts in the header of the signature. */
export function signatures(provider: Signed, valid: Plain): Changes {
  const header = SIGNATURE[provider]
  const whole = valid.headers[header] ?? ''
  const start = provider === 'stripe' ? whole.indexOf('v1=') + 3 : whole.search(/[^,=]+=?$/)
  const [prefix, text] = [whole.slice(0, start), whole.slice(start)]
  const isHex = !text.endsWith('=')
  const raw = isHex ? ofHex(text) : ofBase64(text)
  const other = (index: number) =>
    text.slice(0, index) + (text[index] === '1' ? '2' : '1') + text.slice(index + 1)
  const values: Record<string, string | null> = {
    'no signature': null,
    'an empty signature header': '',
    'a prefix without a signature': prefix || ',',
    'the signature header twice': `${whole}, ${whole}`,
    'a wrong signature header and the right one': `${prefix}${other(0)}, ${whole}`,
    "the signature's first character altered": prefix + other(0),
    "the signature's middle character altered": prefix + other(20),
    'the signature without its end': prefix + text.slice(0, -2),
    'the signature without its first character': prefix + text.slice(1),
    'half of the signature': prefix + text.slice(0, text.length / 2),
    'one character of the signature': prefix + text[0],
    'the signature with a character more': `${prefix}${text}0`,
    'the signature twice in one': prefix + text + text,
    'the signature reversed': prefix + [...text].reverse().join(''),
    'the signature in quotes': `${prefix}"${text}"`,
    'the header in quotes': `"${whole}"`,
    'the signature percent-encoded': `${prefix}%${text.charCodeAt(0).toString(16)}${text.slice(1)}`,
    'a space in the signature': `${prefix}${text.slice(0, 8)} ${text.slice(8)}`,
    'null for a signature': `${prefix}null`,
    'zeros for a signature': prefix + (isHex ? '0'.repeat(64) : base64(new Uint8Array(raw.length))),
    'ones for a signature': prefix + (isHex ? 'f'.repeat(64) : base64(raw.map(() => 255))),
    'the inverted signature': prefix + (isHex ? hex : base64)(raw.map((byte) => byte ^ 255)),
    'the signature in the other coding': prefix + (isHex ? base64 : hex)(raw),
    'the prefix twice': prefix + (prefix || '=') + text,
    'another prefix': `sha512=${text}`,
    'a version that is none': `v9=${text}`,
  }
  if (prefix !== '') values['the signature without a prefix'] = text
  if (prefix !== '')
    values['the prefix in capitals'] = whole.replaceAll(/[a-z]+(?=\d*[=,])/g, (p) =>
      p.toUpperCase(),
    )
  if (isHex) {
    values['hex after 0x'] = `${prefix}0x${text}`
    values['hex with colons'] = prefix + (text.match(/../g) ?? []).join(':')
  } else {
    const bits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const last = text.length - 2
    values['base64 without padding'] = prefix + text.slice(0, -1)
    values['base64 with more padding'] = `${prefix}${text}=`
    values['base64 for URLs'] = prefix + text.slice(0, -1).replaceAll('+', '-').replaceAll('/', '_')
    values['base64 with stray bits'] =
      `${prefix}${text.slice(0, last)}${bits[bits.indexOf(text[last] ?? '') + 1]}=`
  }
  return Object.fromEntries(
    Object.entries(values).map(([what, value]) => [what, withHeaders(valid, { [header]: value })]),
  )
}

/** Signed in the provider's way, by who does not know the secret or takes another hash. */
export async function otherKeys(provider: Signed, of: Of): Promise<Changes> {
  const secret = SECRETS[provider]
  const keys: Record<string, Uint8Array> = {
    'another key': bytes('another key of some length'),
    'an empty key': bytes('\0'),
    'the key with a newline': concat(secret, '\n'),
    'the key in other case': bytes(
      secret === secret.toUpperCase() ? secret.toLowerCase() : secret.toUpperCase(),
    ),
    "the key's first half": bytes(secret.slice(0, secret.length / 2)),
    'the key hashed': await digest('SHA-256', bytes(secret)),
    'the key in hex': bytes(hex(bytes(secret))),
    'the key in base64': bytes(base64(bytes(secret))),
    'the name of the provider for a key': bytes(provider),
    'the key of another provider': bytes(SECRETS[provider === 'github' ? 'slack' : 'github']),
  }
  if (provider === 'standard') {
    keys['whsec_ as part of the key'] = bytes(secret)
    keys['the base64 not decoded'] = bytes(secret.slice(6))
  }
  if (provider === 'stripe') {
    keys['what follows whsec_, decoded'] = ofBase64(secret.slice(6))
    keys['what follows whsec_'] = bytes(secret.slice(6))
  }
  const changes: Changes = {}
  for (const [what, key] of Object.entries(keys))
    changes[`signed with ${what}`] = of(provider, { key })
  const hashes = provider === 'twilio' ? ['SHA-384', 'SHA-512'] : ['SHA-1', 'SHA-384', 'SHA-512']
  for (const hash of hashes) changes[`signed by ${hash}`] = of(provider, { hash })
  return changes
}

/** Signed with the right key, but another content than what is to be signed. */
export async function otherContent(provider: Signed, valid: Plain, now: number): Promise<Changes> {
  const { body, headers, url } = valid
  const secret = SECRETS[provider]
  const key = provider === 'standard' ? ofBase64(secret.slice(6)) : bytes(secret)
  const at = String(Math.floor(now / 1000))
  const id = headers['webhook-id'] ?? ''
  const contents: Record<string, Uint8Array> = {
    'nothing but a dot': bytes('.'),
    'another body': bytes('{"id":"evt_9"}'),
    'the URL': bytes(url.replace('?', '/?')),
    'the id and the body': concat(`${headers['x-github-delivery'] ?? id}.`, body),
    'the body and the time': concat(body, `.${at}`),
    'the hash of the body': await digest('SHA-256', body),
    'the hex of the body': bytes(hex(body)),
  }
  if (provider !== 'github' && provider !== 'shopify') contents['the body alone'] = body
  if (provider === 'twilio') contents['the URL without the form'] = bytes(url)
  if (provider === 'slack') contents['v1 in place of v0'] = concat(`v1:${at}:`, body)
  if (provider !== 'slack') contents["Slack's content"] = concat(`v0:${at}:`, body)
  if (provider !== 'stripe') contents["Stripe's content"] = concat(`${at}.`, body)
  const hash = provider === 'twilio' ? 'SHA-1' : 'SHA-256'
  const changes: Changes = {}
  for (const [what, content] of Object.entries(contents)) {
    changes[`a signature of ${what}`] = withSignature(
      provider,
      valid,
      await mac(hash, key, content),
    )
  }
  const guesses: Record<string, Uint8Array> = {
    'the hash of the body': await digest(hash, body),
    'the hash of key and body': await digest(hash, concat(key, body)),
    'the hash of body and key': await digest(hash, concat(body, key)),
  }
  for (const [what, guess] of Object.entries(guesses)) {
    changes[`${what} for a signature`] = withSignature(provider, valid, guess)
  }
  return changes
}

function withSignature(provider: Signed, valid: Plain, signature: Uint8Array): Plain {
  const header = SIGNATURE[provider]
  const whole = valid.headers[header] ?? ''
  const value = {
    standard: `v1,${base64(signature)}`,
    github: `sha256=${hex(signature)}`,
    stripe: whole.replace(/v1=.*/, `v1=${hex(signature)}`),
    slack: `v0=${hex(signature)}`,
    shopify: base64(signature),
    twilio: base64(signature),
  }[provider]
  return withHeaders(valid, { [header]: value })
}

/** Other ways to say that one knows the secret. */
export function others(provider: Signed, valid: Plain, of: Of): Changes {
  const header = SIGNATURE[provider]
  const signature = valid.headers[header] ?? ''
  const bare = withHeaders(valid, { [header]: null })
  const secret = SECRETS[provider]
  const changes: Changes = {
    'the secret as a bearer token': withHeaders(bare, { authorization: `Bearer ${secret}` }),
    'the secret as a token': withHeaders(bare, { 'x-webhook-token': secret }),
    'the secret in the query': {
      ...bare,
      url: `${bare.url}&access_token=${encodeURIComponent(secret)}`,
    },
    'the secret for a signature': withHeaders(valid, { [header]: secret }),
    'the signature in the query': {
      ...bare,
      url: `${bare.url}&${header}=${encodeURIComponent(signature)}`,
    },
    'the signature as a cookie': withHeaders(bare, {
      cookie: `${header}=${encodeURIComponent(signature)}`,
    }),
    'the signature in X-Hub-Signature': withHeaders(bare, { 'x-hub-signature': signature }),
  }
  for (const other of SIGNED.filter((each) => each !== provider)) {
    changes[`signed as ${other} signs, by the same secret`] = of(other, { key: bytes(secret) })
    changes[`the signature in the header of ${other}`] = withHeaders(bare, {
      [SIGNATURE[other]]: signature,
    })
  }
  return changes
}
