// Forgeries of tokens, of CloudEvents and of ids that nobody signs.

import { type Changes, type Of, withBody, withHeaders } from './forge.ts'
import { base64, bytes, cloudEvent, type Plain, SECRETS } from './sign.ts'

export function tokens(provider: 'token' | 'bearer' | 'cloudevents', valid: Plain): Changes {
  const secret = SECRETS[provider]
  const header = provider === 'token' ? 'x-webhook-token' : 'authorization'
  const prefix = provider === 'token' ? '' : 'Bearer '
  const to = (value: string | null, more: Record<string, string> = {}) =>
    withHeaders(valid, { [header]: value, ...more })
  const changes: Changes = {
    'no token': to(null),
    'an empty token': to(''),
    'another token': to(`${prefix}another-token-of-some-length`),
    'the token with a character more': to(`${prefix}${secret}x`),
    'the token without its last character': to(prefix + secret.slice(0, -1)),
    'the token without its first character': to(prefix + secret.slice(1)),
    'the token with its last character altered': to(`${prefix}${secret.slice(0, -1)}!`),
    'the token in other case': to(prefix + secret.toUpperCase()),
    'the token twice': to(`${prefix}${secret}, ${prefix}${secret}`),
    'a wrong token and the right one': to(`${prefix}wrong, ${prefix}${secret}`),
    'the token in quotes': to(`${prefix}"${secret}"`),
    'the token in base64': to(prefix + base64(bytes(secret))),
    'the token percent-encoded': to(
      `${prefix}%${secret.charCodeAt(0).toString(16)}${secret.slice(1)}`,
    ),
    'the token reversed': to(prefix + [...secret].reverse().join('')),
    'null for a token': to(`${prefix}null`),
    'a star for a token': to(`${prefix}*`),
    'the token as a cookie': to(null, { cookie: `${header}=${secret}` }),
    'the token in another header': to(null, { 'x-api-key': secret }),
    'the token as token': to(null, { token: secret }),
    'the token in the body': withBody(
      to(null),
      JSON.stringify({ token: secret, access_token: secret }),
    ),
    'the token in the query by another name': {
      ...to(null),
      url: `${valid.url}&token=${encodeURIComponent(secret)}`,
    },
  }
  if (provider === 'token') {
    changes['the token as a bearer token'] = to(null, { authorization: `Bearer ${secret}` })
    changes['Bearer before the token'] = to(`Bearer ${secret}`)
    changes["the token in GitLab's header"] = to(null, { 'x-gitlab-token': secret })
  } else {
    changes['the token by Basic, as the password'] = to(`Basic ${btoa(`:${secret}`)}`)
    changes['the token by Basic'] = to(`Basic ${secret}`)
    changes['the token without a scheme'] = to(secret)
    changes['Bearer twice'] = to(`Bearer Bearer ${secret}`)
    changes['Bearer with a colon'] = to(`Bearer: ${secret}`)
    changes['Bearer without a space'] = to(`Bearer${secret}`)
    changes['the token and a word'] = to(`Bearer ${secret} x`)
    changes['the token by Token'] = to(`Token ${secret}`)
    changes['the token in Proxy-Authorization'] = to(null, {
      'proxy-authorization': `Bearer ${secret}`,
    })
  }
  if (provider !== 'cloudevents') {
    changes['the token in the query'] = {
      ...to(null),
      url: `${valid.url}&access_token=${encodeURIComponent(secret)}`,
    }
  }
  return changes
}

export function cloudEvents(of: Of, valid: Plain): Changes {
  const secret = encodeURIComponent(SECRETS.cloudevents)
  const bare = withHeaders(valid, { authorization: null })
  const inQuery = `${valid.url}&access_token=${secret}`
  const event = JSON.parse(cloudEvent('evt_1'))
  const withJson = (value: unknown) => of('cloudevents', { body: JSON.stringify(value) })
  const typed = (type: string) => withHeaders(valid, { 'content-type': type })
  const headers = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': 'evt_1',
    'ce-source': '/shop/7',
    'ce-type': 'order.paid',
  }
  const binary = (changed: Record<string, string | null>) =>
    withHeaders(withBody(valid, '{"amount":1200}'), { ...headers, ...changed })
  const changes: Changes = {
    'a wrong token in the query': { ...bare, url: `${valid.url}&access_token=wrong` },
    'an empty token in the query': { ...bare, url: `${valid.url}&access_token=` },
    'the token twice in the query': { ...bare, url: `${inQuery}&access_token=${secret}` },
    'a wrong token and the right one in the query': {
      ...bare,
      url: `${valid.url}&access_token=wrong&access_token=${secret}`,
    },
    'the token in the query under a name in capitals': {
      ...bare,
      url: `${valid.url}&ACCESS_TOKEN=${secret}`,
    },
    'the token in the header and the query': { ...valid, url: inQuery },
    'a wrong token in the header, the right one in the query': {
      ...withHeaders(valid, { authorization: 'Bearer wrong-token-of-some-length' }),
      url: inQuery,
    },
    'a batch': withBody(typed('application/cloudevents-batch+json'), `[${cloudEvent('evt_1')}]`),
    'an empty batch': withBody(typed('application/cloudevents-batch+json; charset=UTF-8'), '[]'),
    'a batch as one event': of('cloudevents', { body: `[${cloudEvent('evt_1')}]` }),
    'an event in Avro': typed('application/cloudevents+avro'),
    'an event in XML': typed('application/cloudevents+xml'),
    'an event in no format': typed('application/cloudevents'),
    'an event as JSON lines': typed('application/cloudevents+jsonl'),
    'an event as JSON that does not say so': typed('application/json'),
    'two content types': typed('application/cloudevents+json, text/plain'),
    'a body that is not JSON': of('cloudevents', { body: 'specversion=1.0' }),
    'a body that is not UTF-8': of('cloudevents', { body: Uint8Array.of(0x7b, 0xff, 0x7d) }),
    'an empty body': of('cloudevents', { body: '' }),
    'specversion 0.3': withJson({ ...event, specversion: '0.3' }),
    'specversion 1.0.2': withJson({ ...event, specversion: '1.0.2' }),
    'specversion 1 as a number': withJson({ ...event, specversion: 1.0 }),
    'a source with a space': withJson({ ...event, source: '/shop 7' }),
    'an id that is a number': withJson({ ...event, id: 1 }),
    'a type that is a list': withJson({ ...event, type: ['order.paid'] }),
    'attributes one level down': withJson({ event }),
    'binary with specversion 0.3': binary({ 'ce-specversion': '0.3' }),
    'binary with the id twice': binary({ 'ce-id': 'evt_1, evt_1' }),
    'binary with the specversion twice': binary({ 'ce-specversion': '1.0, 1.0' }),
    'binary with a broken percent code': binary({ 'ce-id': '%C0%A0' }),
    'binary with a bare percent sign': binary({ 'ce-source': '100%' }),
    'binary with a space in the source': binary({ 'ce-source': '/shop%207' }),
    'binary with a wrong token': binary({ authorization: 'Bearer wrong-token-of-some-length' }),
    'binary without a token': binary({ authorization: null }),
  }
  for (const name of ['specversion', 'id', 'source', 'type']) {
    changes[`without ${name}`] = withJson({ ...event, [name]: undefined })
    changes[`with an empty ${name}`] = withJson({ ...event, [name]: '' })
    changes[`with null for ${name}`] = withJson({ ...event, [name]: null })
    changes[`binary without ${name}`] = binary({ [`ce-${name}`]: null })
    changes[`binary with an empty ${name}`] = binary({ [`ce-${name}`]: '' })
    changes[`structured with ${name} in a header`] = withJson({ ...event, [name]: undefined }).then(
      (plain) => withHeaders(plain, { [`ce-${name}`]: event[name] }),
    )
  }
  return changes
}

export function ids(
  provider: 'github' | 'shopify' | 'token' | 'bearer' | 'none',
  valid: Plain,
): Changes {
  const header = { github: 'x-github-delivery', shopify: 'x-shopify-webhook-id' }[String(provider)]
  const to = (id: string) => withHeaders(valid, { [header ?? 'idempotency-key']: id })
  return {
    'an id of 257 characters': to('x'.repeat(257)),
    'an id with a space': to('evt 1'),
    'the id twice': to('evt_1, evt_1'),
    'an empty id': to(''),
  }
}
