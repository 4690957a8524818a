// Forgeries of what one provider has and others have not: times, lists, forms, URLs.

import { type Changes, type Of, TOLERANCE, withBody, withHeaders } from './forge.ts'
import { base64, bytes, concat, form, json, type Plain } from './sign.ts'

export const TIMED = ['standard', 'stripe', 'slack'] as const

/** Times that are wrong, and times that are signed but have a wrong form. */
export function times(
  provider: (typeof TIMED)[number],
  now: number,
  of: Of,
  valid: Plain,
): Changes {
  const seconds = Math.floor(now / 1000)
  const at = String(seconds)
  const text = {
    'a second too late': String(seconds - TOLERANCE - 1),
    'a second too early': String(seconds + TOLERANCE + 1),
    'a day late': String(seconds - 86_400),
    'a year early': String(seconds + 31_536_000),
    'of 1970': '0',
    'in milliseconds': `${at}000`,
    'with a fraction': `${at}.0`,
    'in hex': `0x${seconds.toString(16)}`,
    'with a plus': `+${at}`,
    negative: `-${at}`,
    'with an exponent': `${at}e0`,
    'of too many digits': at.padStart(13, '0'),
    'as a date': new Date(now).toISOString(),
    'with a space': `${at} ${at}`,
    'that is no number': 'NaN',
    'without end': 'Infinity',
  }
  const changes: Changes = {}
  for (const [what, digits] of Object.entries(text)) {
    changes[`a signed time ${what}`] = of(provider, { at: digits })
  }
  const to = (value: string | null) =>
    provider === 'stripe'
      ? withHeaders(valid, {
          'stripe-signature':
            value === null
              ? (valid.headers['stripe-signature'] ?? '').replace(/^t=\d+,/, '')
              : (valid.headers['stripe-signature'] ?? '').replace(/t=\d+/, `t=${value}`),
        })
      : withHeaders(valid, {
          [provider === 'slack' ? 'x-slack-request-timestamp' : 'webhook-timestamp']: value,
        })
  changes['no time'] = to(null)
  changes['an empty time'] = to('')
  changes['the time a second on'] = to(String(seconds + 1))
  changes['the time a second back'] = to(String(seconds - 1))
  changes['the time with a zero before'] = to(`0${at}`)
  changes['the time twice'] = to(`${at}, ${at}`)
  changes['an old delivery with a new time'] = of(provider, { at: String(seconds - 3600) }).then(
    (old) =>
      provider === 'stripe'
        ? withHeaders(old, {
            'stripe-signature': (old.headers['stripe-signature'] ?? '').replace(/t=\d+/, `t=${at}`),
          })
        : withHeaders(old, {
            [provider === 'slack' ? 'x-slack-request-timestamp' : 'webhook-timestamp']: at,
          }),
  )
  return changes
}

export function standards(now: number, of: Of, valid: Plain): Changes {
  const { 'webhook-id': id = '', 'webhook-signature': signature = '' } = valid.headers
  const at = String(Math.floor(now / 1000))
  const digits = signature.slice(3)
  const wrong = `v1,${base64(new Uint8Array(32))}`
  const to = (headers: Record<string, string | null>) => withHeaders(valid, headers)
  return {
    'another id': to({ 'webhook-id': 'evt_2' }),
    'the id with a character more': to({ 'webhook-id': `${id}1` }),
    'the id in other case': to({ 'webhook-id': id.toLowerCase() }),
    'no id': to({ 'webhook-id': null }),
    'an empty id': to({ 'webhook-id': '' }),
    'the id twice': to({ 'webhook-id': `${id}, ${id}` }),
    'a signed id of 257 characters': of('standard', { id: 'x'.repeat(257) }),
    'a signed id with a space': of('standard', { id: 'evt 1' }),
    'a signed id with a dot': of('standard', { id: `evt.${at}` }),
    'the beginning of the body in the id': of('standard', { body: `${at}.{}`, at }).then((plain) =>
      withHeaders(withBody(plain, '{}'), { 'webhook-id': `${id}.${at}` }),
    ),
    'the signature as v2': to({ 'webhook-signature': `v2,${digits}` }),
    'the signature as v1a': to({ 'webhook-signature': `v1a,${digits}` }),
    'the signature as v0': to({ 'webhook-signature': `v0,${digits}` }),
    'the signature after v1=': to({ 'webhook-signature': `v1=${digits}` }),
    'the signature ninth in the list': to({
      'webhook-signature': `${`${wrong} `.repeat(8)}${signature}`,
    }),
    'two wrong signatures': to({ 'webhook-signature': `${wrong} ${wrong}` }),
    'the list with commas': to({ 'webhook-signature': `${wrong},${signature}` }),
    'two spaces in the list': to({ 'webhook-signature': `${wrong}  ${signature}` }),
    'the id under the other name': to({ 'webhook-id': null, 'svix-id': id }),
    'the time under the other name': to({ 'webhook-timestamp': null, 'svix-timestamp': at }),
    'a wrong signature and the right one under the other name': to({
      'webhook-signature': wrong,
      'svix-id': id,
      'svix-timestamp': at,
      'svix-signature': signature,
    }),
  }
}

export function stripes(now: number, of: Of, valid: Plain): Changes {
  const whole = valid.headers['stripe-signature'] ?? ''
  const [t = '', v1 = ''] = whole.split(',')
  const wrong = `v1=${'0'.repeat(64)}`
  const to = (value: string) => withHeaders(valid, { 'stripe-signature': value })
  const withText = (body: string) => of('stripe', { body })
  return {
    'the signature as v0': to(whole.replace('v1=', 'v0=')),
    'the signature as v2': to(whole.replace('v1=', 'v2=')),
    'a wrong v1 and the right one as v0': to(`${t},${wrong},${v1.replace('v1', 'v0')}`),
    'the signature ninth in the list': to(`${t},${`${wrong},`.repeat(8)}${v1}`),
    'two wrong signatures': to(`${t},${wrong},${wrong}`),
    'two times, the right one first': to(`${t},t=${Math.floor(now / 1000) + 1},${v1}`),
    'two times, the right one last': to(`t=1,${t},${v1}`),
    'the same time twice': to(`${t},${t},${v1}`),
    'spaces in the list': to(`${t}, ${v1}`),
    'semicolons in the list': to(`${t};${v1}`),
    'an empty item in the list': to(`${t},,${v1}`),
    'a comma at the end': to(`${whole},`),
    'the time under another name': to(`T=${t.slice(2)},${v1}`),
    'a signed body that is not JSON': withText('id=evt_1'),
    'a signed body that is an array': withText('[{"id":"evt_1"}]'),
    'a signed body that is a string': withText('"evt_1"'),
    'a signed body without an id': withText('{"type":"order.paid"}'),
    'a signed body with a number for an id': withText('{"id":1}'),
    'a signed body with an empty id': withText('{"id":""}'),
    'a signed body with an id of 257 characters': withText(`{"id":"${'x'.repeat(257)}"}`),
    'a signed body with an id beyond ASCII': withText('{"id":"évt"}'),
    'a signed body after a byte order mark': withText(`\ufeff${json('evt_1')}`),
    'a signed body that is not UTF-8': of('stripe', { body: Uint8Array.of(0x7b, 0xff, 0x7d) }),
    'a signed body that is empty': withText(''),
  }
}

export function slacks(now: number, of: Of, valid: Plain): Changes {
  const whole = valid.headers['x-slack-signature'] ?? ''
  const to = (value: string) => withHeaders(valid, { 'x-slack-signature': value })
  const withText = (body: string) => of('slack', { body })
  const question = '{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}'
  return {
    'the signature as v1': to(whole.replace('v0=', 'v1=')),
    'the signature after v0:': to(whole.replace('v0=', 'v0:')),
    'the signature in a list': to(`v0=${'0'.repeat(64)},${whole}`),
    'a challenge without a signature': withHeaders(withBody(valid, question), {
      'x-slack-signature': null,
    }),
    'a challenge under another signature': withBody(valid, question),
    'a challenge signed with another key': of('slack', {
      body: question,
      key: bytes('x'.repeat(32)),
    }),
    'a challenge signed an hour ago': of('slack', {
      body: question,
      at: String(Math.floor(now / 1000) - 3600),
    }),
    'a signed challenge that is no text': withText('{"type":"url_verification","challenge":1}'),
    'a signed challenge with a newline': withText(
      '{"type":"url_verification","challenge":"a\\nb"}',
    ),
    'a signed event that is not JSON': withText('{"event_id":"Ev1"'),
    'a signed event with a number for an id': withText('{"event_id":1}'),
    'a signed event with a space in its id': withText('{"event_id":"Ev 1"}'),
    'a signed event with an id of 257 characters': withText(`{"event_id":"${'E'.repeat(257)}"}`),
    'a signed payload that is not JSON': withText('payload=%7B'),
    'a signed command with an empty trigger_id': withText('command=%2Fx&trigger_id='),
    'a signed body that is not UTF-8': of('slack', { body: Uint8Array.of(0x7b, 0xff, 0x7d) }),
    'an event as a form': withBody(valid, `payload=${encodeURIComponent(json('evt_1'))}`),
  }
}

export function twilioForms(valid: Plain): Changes {
  const text = new TextDecoder().decode(valid.body)
  const changed: Record<string, string | Uint8Array> = {
    'a value altered': text.replace('delivered', 'failed'),
    'a value in other case': text.replace('=US', '=us'),
    'a name in other case': text.replace('MessageSid', 'messagesid'),
    'a parameter less': text.replace('ToCountry=US&', ''),
    'a parameter more': `${text}&To=%2B1`,
    'an empty parameter more': `${text}&To=`,
    'a parameter with a second value': `${text}&ToCountry=DE`,
    'one of two values': text.replace('&Media=a', ''),
    'a plus for its code': text.replaceAll('%2B', '+'),
    'a plus coded twice': text.replace('1%2B1', '1%252B1'),
    'a space appended to a value': text.replace('delivered', 'delivered+'),
    'a value in Latin-1': text.replace('%C3%A9', '%E9'),
    'semicolons for ampersands': text.replaceAll('&', ';'),
    'no form': '',
    'the form without its last byte': text.slice(0, -1),
    'the form and a newline': `${text}\n`,
    'the form after a byte order mark': `\ufeff${text}`,
    'the form as JSON': JSON.stringify(Object.fromEntries(new URLSearchParams(text))),
    'bytes that are no UTF-8': concat(text, Uint8Array.of(0xff)),
    'another form': form('SM2'),
  }
  const changes: Changes = {}
  for (const [what, body] of Object.entries(changed)) changes[what] = withBody(valid, body)
  const moved = new URLSearchParams(text)
  moved.delete('Body')
  changes['a parameter in the query'] = {
    ...withBody(valid, moved.toString()),
    url: `${valid.url}&Body=${encodeURIComponent('café / 1+1')}`,
  }
  for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', null]) {
    changes[`the form as ${type ?? 'what is not said'}`] = withHeaders(valid, {
      'content-type': type,
    })
  }
  changes['a query more'] = { ...valid, url: `${valid.url}&x=1` }
  changes['a query less'] = { ...valid, url: valid.url.replace(/\?.*/, '') }
  changes['an empty query'] = { ...valid, url: valid.url.replace(/\?.*/, '?') }
  changes['the hash of the body in the query'] = {
    ...valid,
    url: `${valid.url}&bodySHA256=${'0'.repeat(64)}`,
  }
  changes['another host'] = { ...valid, url: valid.url.replace('//', '//x') }
  changes['http for https'] = {
    ...valid,
    url: valid.url.replace(/^https?/, (s) => (s === 'http' ? 'https' : 'http')),
  }
  changes['an id of 257 characters'] = withHeaders(valid, {
    'i-twilio-idempotency-token': 'x'.repeat(257),
  })
  changes['an id twice'] = withHeaders(valid, { 'i-twilio-idempotency-token': 'a, a' })
  changes['an empty id'] = withHeaders(valid, { 'i-twilio-idempotency-token': '' })
  return changes
}

export function twilioUrls(valid: Plain): Changes {
  const { url } = valid
  const capitals = url.replace(/[0-9a-f]{64}$/, (hash) => hash.toUpperCase())
  return {
    'JSON, the hash altered': { ...valid, url: url.replace(/.$/, (c) => (c === '0' ? '1' : '0')) },
    'JSON, no hash': { ...valid, url: url.replace(/&bodySHA256.*/, '') },
    'JSON, an empty hash': { ...valid, url: url.replace(/(&bodySHA256=).*/, '$1') },
    'JSON, the hash twice': { ...valid, url: `${url}&${url.slice(-75)}` },
    'JSON, another hash before': { ...valid, url: url.replace('&body', '&bodySHA256=0&body') },
    'JSON, the hash in capitals': { ...valid, url: capitals },
    'JSON, a query more': { ...valid, url: `${url}&x=1` },
    'JSON, as a form without the hash': withHeaders(
      { ...valid, url: url.replace(/&bodySHA256.*/, '') },
      { 'content-type': 'application/x-www-form-urlencoded' },
    ),
  }
}
