import { describe, expect, test } from 'vitest'
import {
  checkSecret,
  handshake,
  PROVIDERS,
  type Provider,
  type Rules,
  SECRET_HEADERS,
  verify,
} from '../../src/hook/verify/index.ts'
import { forged, NOW, type Plain, replays, SECRETS, TOLERANCE, validOf } from './corpus.ts'
import { form, json, type Options } from './sign.ts'

const SIGNING = ['standard', 'github', 'stripe', 'slack', 'shopify', 'twilio'] as const

function judge(incoming: Plain, provider: Provider, secrets: string[], now: number, more = {}) {
  const rules: Rules = { provider, secrets, toleranceSeconds: TOLERANCE, ...more }
  return verify({ ...incoming, headers: new Headers(incoming.headers) }, rules, now)
}

/** What is said of a genuine delivery after `change`. */
async function told(
  provider: Provider,
  options: Options = {},
  headers: Record<string, string> = {},
  more = {},
) {
  const valid = await validOf(provider, NOW, options)
  const incoming = { ...valid, headers: { ...valid.headers, ...headers } }
  return judge(incoming, provider, [options.secret ?? SECRETS[provider]], NOW, more)
}

const posted = (url: string, body: string, headers: Record<string, string>): Plain => ({
  method: 'POST',
  url,
  headers,
  body: new TextEncoder().encode(body),
})

describe('published vectors', () => {
  const SENT = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
  }
  const AT = 1614265330_000
  const TEXT = '{"test": 2432232314}'
  const accepted = {
    ok: true,
    delivery_id: SENT['webhook-id'],
    fingerprint: null,
    event_type: null,
  }

  test('Standard Webhooks, symmetric', async () => {
    // standard-webhooks/standard-webhooks, libraries/javascript/src/webhook.test.ts, "sign function works"
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    const sent = posted('https://x.example/', TEXT, { ...SENT, 'webhook-signature': signature })
    expect(await judge(sent, 'standard', [secret], AT)).toEqual(accepted)
    // the same file, "multi sig payload is valid"
    const wrong = 'Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc='
    const list = `v1,${wrong} v2,${wrong} ${signature} v1,${wrong}`
    const several = posted('https://x.example/', TEXT, { ...SENT, 'webhook-signature': list })
    expect(await judge(several, 'standard', [secret], AT)).toEqual(accepted)
  })

  test('Standard Webhooks, asymmetric', async () => {
    // libraries/go/webhook_asymmetric_test.go, TestAsymmetricWebhookSign; the public key of its seed
    const secret = 'whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g='
    const signature =
      'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=='
    const headers = { ...SENT, 'webhook-signature': signature }
    const sent = posted('https://x.example/', TEXT, headers)
    expect(await judge(sent, 'standard', [SECRETS.standard, secret], AT)).toEqual(accepted)
    const altered = posted('https://x.example/', TEXT.replace('2', '3'), headers)
    expect(await judge(altered, 'standard', [secret], AT)).toMatchObject({ ok: false })
    // a public key is known to all: it must not serve as a secret of v1
    const key = Uint8Array.from(atob(secret.slice(5)), (char) => char.charCodeAt(0))
    const confused = await validOf('standard', NOW, { key })
    expect(await judge(confused, 'standard', [secret], NOW)).toMatchObject({ ok: false })
  })

  test('GitHub', async () => {
    // docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation"
    const hex = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    const headers = { 'x-hub-signature-256': `sha256=${hex}`, 'x-github-event': 'push' }
    const sent = posted('https://x.example/', 'Hello, World!', headers)
    expect(await judge(sent, 'github', ["It's a Secret to Everybody"], NOW)).toEqual({
      ok: true,
      delivery_id: null,
      // sha256 of "Hello, World!"
      fingerprint: 'dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f',
      event_type: 'push',
    })
  })

  test('Stripe', async () => {
    // docs.stripe.com/webhooks#verify-manually gives the scheme and no secret: computed by OpenSSL
    const hex = '88472833acb7594992b7d385fcaac3a7823bdd24befb2180e7e03f62a7e3b2f7'
    const v0 = '6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39'
    const headers = { 'stripe-signature': `t=1492774577,v1=${hex},v0=${v0}` }
    const body = '{"id":"evt_1","type":"charge.succeeded"}'
    const sent = posted('https://x.example/', body, headers)
    expect(await judge(sent, 'stripe', ['whsec_test_secret_of_stripe'], 1492774577_000)).toEqual({
      ok: true,
      delivery_id: 'evt_1',
      fingerprint: null,
      event_type: 'charge.succeeded',
    })
  })

  test('Slack', async () => {
    // docs.slack.dev/authentication/verifying-requests-from-slack
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
    const hex = 'a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'
    const sent = posted('https://x.example/', body, {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': `v0=${hex}`,
    })
    const secrets = ['8f742231b10e8888abcd99yyyzzz85a5']
    expect(await judge(sent, 'slack', secrets, 1531420618_000)).toEqual({
      ok: true,
      delivery_id: '398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
      fingerprint: null,
      event_type: '/webhook-collect',
    })
  })

  test('Shopify', async () => {
    // Shopify publishes none; lovasoa/SQLpage tests its HMAC by this one of Shopify's form
    const body = '{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}'
    const signature = 'QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw='
    for (const prefix of ['x-shopify', 'shopify']) {
      const headers = { [`${prefix}-hmac-sha256`]: signature, [`${prefix}-webhook-id`]: 'b1' }
      const sent = posted('https://x.example/', body, headers)
      expect(await judge(sent, 'shopify', ['test-webhook-secret'], NOW)).toMatchObject({
        ok: true,
        delivery_id: 'b1',
      })
    }
  })

  // twilio/twilio-node, spec/validation.spec.js; the first is that of Twilio's documentation
  const TWILIO = 'https://mycompany.com/myapp.php?foo=1&bar=2'
  const CALL =
    'CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212'
  const HASH = '0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620'
  const JSON_BODY = '{"property": "value", "boolean": true}'
  test.each([
    ['the documented form', 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', TWILIO, CALL],
    [
      'signed without the port',
      'RSOYDt4T1cUTdK1PDd93/VVr8B8=',
      TWILIO.replace('.com', '.com:1234'),
      CALL,
    ],
    ['signed with the standard port', 'kvajT1Ptam85bY51eRf/AJRuM3w=', TWILIO, CALL],
    [
      'http, with the standard port',
      '0ZXoZLH/DfblKGATFgpif+LLRf4=',
      TWILIO.replace('s:', ':'),
      CALL,
    ],
    [
      'http, with its port',
      'Zmvh+3yNM1Phv2jhDCwEM3q5ebU=',
      TWILIO.replace('s://mycompany.com', '://mycompany.com:1234'),
      CALL,
    ],
    [
      'several values',
      'IK+Dwps556ElfBT0I3Rgjkr1wJU=',
      TWILIO,
      'Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234',
    ],
    [
      'an apostrophe in the URL',
      'dsq4Ehbj6cs+KdTkpF5sSSplOWw=',
      `${TWILIO}&Body=It%27s+amazing`,
      CALL,
    ],
    ['JSON', 'a9nBmqA0ju/hNViExpshrM61xv4=', `${TWILIO}&bodySHA256=${HASH}`, JSON_BODY],
    [
      'JSON and nothing else in the query',
      'y77kIzt2vzLz71DgmJGsen2scGs=',
      `https://mycompany.com/myapp.php?bodySHA256=${HASH}`,
      JSON_BODY,
    ],
  ])('Twilio, %s', async (_, signature, url, body) => {
    const type = body.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded'
    const headers = { 'content-type': type, 'x-twilio-signature': signature }
    const sent = posted(url, body, headers)
    expect(await judge(sent, 'twilio', ['12345'], NOW)).toMatchObject({
      ok: true,
      delivery_id: null,
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(await judge(posted(url, `${body}1`, headers), 'twilio', ['12345'], NOW)).toMatchObject({
      ok: false,
    })
  })
})

test('Twilio may sign with the standard port only where no other was called', async () => {
  const { headers, ...own } = await validOf('twilio', NOW, { url: 'https://x.example:443/h' })
  const called = (url: string) => judge({ ...own, url, headers }, 'twilio', [SECRETS.twilio], NOW)
  expect(await called('https://x.example/h')).toMatchObject({ ok: true })
  expect(await called('https://x.example:1234/h')).toMatchObject({ ok: false })
})

describe('a genuine delivery is taken', () => {
  test.each([...PROVIDERS])('of %s, with its id', async (provider) => {
    expect(await told(provider, { id: 'evt-7' })).toMatchObject({
      ok: true,
      delivery_id: provider === 'cloudevents' ? '/shop/7 evt-7' : 'evt-7',
    })
  })

  test.each([...SIGNING, 'token', 'bearer', 'cloudevents'] as const)(
    'of %s, by any of the secrets while they rotate',
    async (provider) => {
      const valid = await validOf(provider, NOW)
      const other = provider === 'standard' ? `whsec_${btoa('x'.repeat(24))}` : 'another one, of 30'
      const own = SECRETS[provider]
      for (const secrets of [
        [own, other],
        [other, own],
        ['', other, own],
      ]) {
        expect(await judge(valid, provider, secrets, NOW)).toMatchObject({ ok: true })
      }
    },
  )

  test.each(['standard', 'stripe', 'slack'] as const)(
    'of %s, at both ends of the tolerance',
    async (provider) => {
      for (const away of [-TOLERANCE, TOLERANCE]) {
        const at = String(NOW / 1000 + away)
        expect(await told(provider, { at })).toMatchObject({ ok: true })
        expect(await told(provider, { at }, {}, { toleranceSeconds: TOLERANCE - 1 })).toEqual({
          ok: false,
          reason: 'the timestamp is too far from now',
        })
      }
      const lost = await told(provider, {}, {}, { toleranceSeconds: Number.NaN })
      expect(lost).toMatchObject({ ok: false })
    },
  )

  test('with hex in capitals', async () => {
    const valid = await validOf('github', NOW)
    const signature = valid.headers['x-hub-signature-256']?.slice(7).toUpperCase()
    const incoming = { ...valid.headers, 'x-hub-signature-256': `sha256=${signature}` }
    expect(await told('github', {}, incoming)).toMatchObject({ ok: true })
  })

  test("under Svix's names of the headers", async () => {
    const { headers, ...valid } = await validOf('standard', NOW)
    const named = Object.entries(headers).map(([name, v]) => [name.replace('webhook-', 'svix-'), v])
    const incoming = { ...valid, headers: Object.fromEntries(named) }
    expect(await judge(incoming, 'standard', [SECRETS.standard], NOW)).toEqual({
      ok: true,
      delivery_id: 'evt_1A2b3C',
      fingerprint: null,
      event_type: 'order.paid',
    })
  })

  test('of Standard Webhooks with a body that is not text', async () => {
    const body = Uint8Array.of(0, 255, 254)
    expect(await told('standard', { body })).toMatchObject({ ok: true, event_type: null })
  })

  test('of Stripe, with one of several signatures', async () => {
    const { 'stripe-signature': own = '' } = (await validOf('stripe', NOW)).headers
    const list = own.replace(',', `,v0=${'0'.repeat(64)},v1=${'0'.repeat(64)},v1=short,`)
    expect(await told('stripe', {}, { 'stripe-signature': list })).toMatchObject({ ok: true })
  })

  test("of Twilio by SHA-256, under a rule's key", async () => {
    expect(await told('twilio', { hash: 'SHA-256' })).toMatchObject({ ok: true })
  })

  test('of Twilio by GET, whose parameters are in the URL', async () => {
    const url = 'https://hooks.example/h?CallSid=CA1&Body=x%20y'
    expect(await told('twilio', { url, body: '' })).toMatchObject({ ok: true })
  })

  test('with the token in a header of the hook', async () => {
    const more = { header: 'X-Gitlab-Token' }
    const headers = {
      'x-webhook-token': '',
      'x-gitlab-token': SECRETS.token,
      'x-gitlab-event': 'Push Hook',
      'x-gitlab-event-uuid': 'u-1',
    }
    expect(await told('token', {}, headers, more)).toEqual({
      ok: true,
      delivery_id: 'evt_1A2b3C',
      fingerprint: null,
      event_type: 'Push Hook',
    })
    expect(await told('token', {}, {}, more)).toMatchObject({ ok: false })
  })

  test.each([
    [{ 'idempotency-key': 'a', 'webhook-id': 'b' }, 'a'],
    [{ 'webhook-id': 'b', 'x-gitlab-event-uuid': 'c' }, 'b'],
    [{ 'x-gitlab-event-uuid': 'c', 'x-request-id': 'd' }, 'c'],
    [{ 'x-request-id': 'd' }, null],
  ])('with the id of the headers %j', async (headers, id) => {
    for (const provider of ['token', 'bearer', 'none'] as const) {
      const { 'idempotency-key': _, ...own } = (await validOf(provider, NOW)).headers
      const sent = posted('https://x.example/', '{}', { ...own, ...headers } as Record<
        string,
        string
      >)
      const verdict = await judge(sent, provider, [SECRETS[provider]], NOW)
      expect(verdict).toMatchObject({ ok: true, delivery_id: id, fingerprint: null })
    }
  })
})

describe('Slack', () => {
  const answered = (verdict: unknown) => verdict as { challenge?: unknown; ping?: boolean }

  test('asks whether the address is ours, and is answered only when it signed', async () => {
    const body =
      '{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}'
    expect(await told('slack', { body })).toMatchObject({
      ok: true,
      delivery_id: null,
      challenge: {
        status: 200,
        contentType: 'text/plain; charset=utf-8',
        body: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P',
      },
    })
    const unsigned = await told('slack', { body, key: new Uint8Array(32) })
    expect(unsigned).toEqual({ ok: false, reason: 'the signature does not match' })
    expect(answered(await told('slack')).challenge).toBeUndefined()
  })

  test('sends events, whose id survives another content type', async () => {
    const body = '{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}'
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      expect(await told('slack', { body }, { 'content-type': type })).toEqual({
        ok: true,
        delivery_id: 'Ev1',
        fingerprint: null,
        event_type: 'app_mention',
      })
    }
  })

  test('sends forms, with trigger_id or known by what was signed', async () => {
    const payload = JSON.stringify({ type: 'block_actions', trigger_id: '1.2.3' })
    const body = `payload=${encodeURIComponent(payload)}`
    expect(await told('slack', { body })).toMatchObject({
      delivery_id: '1.2.3',
      fingerprint: null,
      event_type: 'block_actions',
    })
    const closed = `payload=${encodeURIComponent('{"type":"view_closed"}')}`
    const first = await told('slack', { body: closed })
    const again = await told('slack', { body: closed }, { 'x-slack-retry-num': '1' })
    const later = await told('slack', { body: closed, at: String(NOW / 1000 + 1) })
    expect(first).toMatchObject({ delivery_id: null, event_type: 'view_closed' })
    expect(again).toEqual(first)
    expect(later).not.toEqual(first)
    expect(answered(await told('slack', { body: 'ssl_check=1&token=x' })).ping).toBe(true)
    expect(answered(await told('slack', { body })).ping).toBeUndefined()
  })
})

test("GitHub's ping is a ping, and its fingerprint is that of the same body as another event", async () => {
  const ping = await told('github', {}, { 'x-github-event': 'ping' })
  const push = await told('github')
  expect(ping).toEqual({ ...push, event_type: 'ping', ping: true })
})

describe('CloudEvents', () => {
  const binary = {
    'content-type': 'application/json; charset=utf-8',
    'ce-specversion': '1.0',
    'ce-type': 'com.example.someevent',
    'ce-time': '2018-04-05T03:56:24Z',
    'ce-id': '1234-1234-1234',
    'ce-source': '/mycontext/subcontext',
  }

  test('in binary mode', async () => {
    // the example of the HTTP binding, 3.1.4
    expect(await told('cloudevents', { body: '{}' }, binary)).toEqual({
      ok: true,
      delivery_id: '/mycontext/subcontext 1234-1234-1234',
      fingerprint: null,
      event_type: 'com.example.someevent',
    })
  })

  test('in binary mode with quotes and percent codes', async () => {
    const headers = { ...binary, 'ce-type': '"a \\"b\\""', 'ce-id': 'a%2Cb%20c%C3%A9' }
    expect(await told('cloudevents', { body: '{}' }, headers)).toMatchObject({
      ok: true,
      event_type: 'a "b"',
      delivery_id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    })
  })

  test('with source and id of any length, told apart', async () => {
    const ids = ['x'.repeat(300), `${'x'.repeat(300)}y`, 'é']
    const verdicts = await Promise.all(ids.map((id) => told('cloudevents', { id })))
    const keys = verdicts.map((verdict) => verdict.ok && verdict.delivery_id)
    expect(new Set(keys).size).toBe(3)
    for (const key of keys) expect(key).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  test('with the token in the query', async () => {
    const { headers, ...valid } = await validOf('cloudevents', NOW)
    const { authorization: _, ...bare } = headers
    const url = `${valid.url}&access_token=${encodeURIComponent(SECRETS.cloudevents)}`
    const incoming = { ...valid, url, headers: bare }
    expect(await judge(incoming, 'cloudevents', [SECRETS.cloudevents], NOW)).toMatchObject({
      ok: true,
    })
  })

  test('ask by OPTIONS whether they may come', () => {
    const asks = (headers: Record<string, string>, rate?: number) =>
      handshake(new Headers(headers), rate)
    const origin = { 'WebHook-Request-Origin': 'eventemitter.example.com' }
    expect(asks(origin)).toEqual({
      allow: 'POST',
      'webhook-allowed-origin': 'eventemitter.example.com',
      'webhook-allowed-rate': '*',
    })
    expect(asks({ ...origin, 'WebHook-Request-Rate': '1000' }, 120)).toMatchObject({
      'webhook-allowed-rate': '120',
    })
    for (const other of [
      '',
      '*',
      'a b',
      'a, b',
      'https://x.example',
      '-x',
      'x.',
      'x'.repeat(254),
    ]) {
      expect([other, asks({ 'webhook-request-origin': other })]).toEqual([other, null])
    }
    expect(asks({})).toBeNull()
  })
})

const REASONS = [
  'CloudEvents are taken as JSON or in binary mode',
  'batches of CloudEvents are not taken',
  'no secret is set',
  'the CloudEvent is not of specversion 1.0',
  'the CloudEvent lacks source, id or type',
  'the body is not JSON',
  'the body is not UTF-8',
  'the body is not a form',
  'the challenge is malformed',
  'the hash of the body does not match',
  'the id is malformed',
  'the id is missing',
  'the signature does not match',
  'the signature is malformed',
  'the signature is missing',
  'the timestamp is malformed',
  'the timestamp is missing',
  'the timestamp is too far from now',
  'the token does not match',
  'the token is malformed',
  'the token is missing',
  'the token is sent twice',
]

describe('the corpus', () => {
  test('has many cases of each provider, each named once', async () => {
    const cases = await forged()
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
    expect(cases.length).toBeGreaterThan(1000)
    for (const provider of SIGNING) {
      expect(cases.filter((each) => each.provider === provider).length).toBeGreaterThan(110)
    }
  })

  test('is refused to the last case, in words that repeat nothing', async () => {
    const taken: string[] = []
    const reasons = new Set<string>()
    for (const { name, provider, incoming, secrets, now } of await forged()) {
      const verdict = await judge(incoming, provider, secrets, now)
      if (verdict.ok) taken.push(name)
      else reasons.add(verdict.reason)
    }
    expect(taken).toEqual([])
    // the fixed words of the delivery log; each was needed
    expect([...reasons].sort()).toEqual(REASONS)
  })

  test('is as plain at another time and address', async () => {
    const where = { now: Date.now(), url: 'http://localhost:8787/api/hooks/7/x?y=1' }
    for (const provider of PROVIDERS) {
      const valid = await validOf(provider, where.now, where)
      const verdict = await judge(valid, provider, [SECRETS[provider]], where.now)
      expect([provider, verdict]).toMatchObject([provider, { ok: true }])
    }
    const taken: string[] = []
    for (const { name, provider, incoming, secrets, now } of await forged(where)) {
      if ((await judge(incoming, provider, secrets, now)).ok) taken.push(name)
    }
    expect(taken).toEqual([])
  })

  test("every bit of a signature counts, and every byte of what it's of", async () => {
    const taken: string[] = []
    for (const provider of SIGNING) {
      const valid = await validOf(provider, NOW)
      for (let at = 0; at < valid.body.length; at++) {
        const body = valid.body.with(at, (valid.body[at] ?? 0) ^ (1 << (at % 8)))
        const verdict = await judge({ ...valid, body }, provider, [SECRETS[provider]], NOW)
        if (verdict.ok) taken.push(`${provider}: byte ${at}`)
      }
    }
    const github = await validOf('github', NOW)
    const hex = github.headers['x-hub-signature-256']?.slice(7) ?? ''
    for (let at = 0; at < 64; at++) {
      for (const bit of [1, 2, 4, 8]) {
        const digit = (Number.parseInt(hex[at] ?? '', 16) ^ bit).toString(16)
        const signature = `sha256=${hex.slice(0, at)}${digit}${hex.slice(at + 1)}`
        const headers = { ...github.headers, 'x-hub-signature-256': signature }
        const verdict = await judge({ ...github, headers }, 'github', [SECRETS.github], NOW)
        if (verdict.ok) taken.push(`github: digit ${at}`)
      }
    }
    expect(taken).toEqual([])
  })

  test('replays under another id have the fingerprint of the first', async () => {
    const all = await replays()
    expect(all.length).toBeGreaterThan(14)
    for (const { name, provider, first, again, secrets, now } of all) {
      const [one, two] = [
        await judge(first, provider, secrets, now),
        await judge(again, provider, secrets, now),
      ]
      expect([name, one]).toMatchObject([name, { ok: true, delivery_id: 'evt_1A2b3C' }])
      expect([name, two]).toMatchObject([name, { ok: true }])
      if (!one.ok || !two.ok) continue
      expect([name, two.fingerprint]).toEqual([name, one.fingerprint])
      expect(one.fingerprint).toMatch(/^[0-9a-f]{64}$/)
      expect([name, two.delivery_id]).not.toEqual([name, one.delivery_id])
    }
    const bodies = { github: json('x'), shopify: json('x'), twilio: form('x') }
    for (const provider of ['github', 'shopify', 'twilio'] as const) {
      const [one, two] = [await told(provider), await told(provider, { body: bodies[provider] })]
      expect(one.ok && one.fingerprint).not.toBe(two.ok && two.fingerprint)
    }
  })
})

test('what can be a secret, and why another cannot', () => {
  const short = 'must have 16 to 512 characters'
  const standard = 'must be whsec_ and the base64 of 24 to 64 bytes, or whpk_ and that of 32 bytes'
  const shown = 'must be printable ASCII without spaces, as a header is'
  const b64 = (length: number) => btoa('x'.repeat(length))
  for (const [provider, secret, why] of [
    ['standard', `whsec_${b64(24)}`, null],
    ['standard', `whsec_${b64(64)}`, null],
    ['standard', `whpk_${b64(32)}`, null],
    ['standard', `whsec_${b64(23)}`, standard],
    ['standard', `whsec_${b64(65)}`, standard],
    ['standard', `whpk_${b64(31)}`, standard],
    ['standard', `whsec_${b64(25).replaceAll('=', '')}`, standard],
    ['standard', 'whsec_not base64 at all, not at all', standard],
    ['standard', b64(32), standard],
    ['standard', `secret${b64(24)}`, standard],
    ['standard', '', standard],
    ['standard', `whsk_${b64(32)}`, 'whsk_ is the private key; the public one is whpk_'],
    ['github', 'sixteen letters.', null],
    ['github', 'fifteen letters', short],
    ['github', '', short],
    ['github', 'x'.repeat(513), short],
    ['stripe', 'whsec_0123456789', null],
    ['slack', ' 0123456789abcdef', 'begins or ends with white space'],
    ['shopify', '0123456789abcdef\n', 'begins or ends with white space'],
    ['twilio', '12345', short],
    ['token', 'a token with spaces', shown],
    ['bearer', 'ein-geheimer-schlüssel', shown],
    ['cloudevents', '0123456789abcdef\n', shown],
    ['none', '0123456789abcdef', 'a hook that verifies nothing has no secret'],
  ] as const) {
    expect([provider, secret, checkSecret(provider, secret)]).toEqual([provider, secret, why])
  }
  for (const provider of PROVIDERS.filter((each) => each !== 'none')) {
    expect([provider, checkSecret(provider, SECRETS[provider])]).toEqual([provider, null])
  }
})

test('every header that a sender shows its secret or signature in is known', async () => {
  for (const provider of PROVIDERS) {
    const { headers } = await validOf(provider, NOW)
    for (const [name, value] of Object.entries(headers)) {
      const isShown = /signature|token$|hmac|authorization/.test(name) && !name.startsWith('i-')
      expect([name, SECRET_HEADERS.has(name)]).toEqual([name, isShown])
      if (!isShown && provider !== 'none') expect(value).not.toContain(SECRETS[provider])
    }
  }
  for (const name of SECRET_HEADERS) expect(name).toBe(name.toLowerCase())
})

test('a body is not parsed before its signature was found genuine', async () => {
  for (const provider of ['stripe', 'slack', 'cloudevents', 'standard'] as const) {
    const body = Uint8Array.of(0x7b, 0xff)
    const valid = await validOf(provider, NOW, { body })
    const verdict = await judge(valid, provider, [`${SECRETS[provider]}x`], NOW)
    expect([provider, verdict.ok || verdict.reason]).toEqual([
      provider,
      `the ${provider === 'cloudevents' ? 'token' : 'signature'} does not match`,
    ])
  }
})
