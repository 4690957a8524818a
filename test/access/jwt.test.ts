import { exportSPKI, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { callerOfToken, looksLikeToken, type TokenCaller } from '../../src/access/jwt.ts'
import { AUDIENCE, claims, newIssuer, newKey, part, seconds, settings } from './issuer.ts'

const rsa = await newKey('RS256')
const shared = await newIssuer(rsa)
const rules = shared.settings()

const seen = (caller: TokenCaller | null) =>
  caller && { ...caller, scopes: [...caller.scopes].sort().join(' ') }

beforeEach(() => {
  // what cannot be fetched is told there
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Moves the clock; tokens and key sets age. */
const pass = (ms: number) => {
  const now = Date.now() + ms
  vi.useFakeTimers({ toFake: ['Date'], now })
}

describe('a valid token', () => {
  for (const alg of ['RS256', 'PS384', 'ES256', 'EdDSA']) {
    test(`of ${alg} speaks for its subject`, async () => {
      const issuer = await newIssuer(await newKey(alg))
      const token = await issuer.token({ scope: 'read run' })
      expect(looksLikeToken(token)).toBe(true)
      expect(seen(await callerOfToken(issuer.settings(), token))).toEqual({
        id: 'jwt:user-1',
        name: 'user-1',
        scopes: 'read run',
        within: null,
      })
    })
  }

  test('may be for several audiences, and several may be taken', async () => {
    const both = shared.settings({ JWT_AUDIENCE: `other, ${AUDIENCE}` })
    for (const aud of [AUDIENCE, [AUDIENCE], ['x', 'other']]) {
      expect(await callerOfToken(both, await shared.token({ aud }))).not.toBeNull()
    }
  })

  test('has 30 seconds of grace at both ends', async () => {
    const now = seconds()
    for (const changed of [{ exp: now - 20 }, { nbf: now + 20 }, { iat: now + 20 }]) {
      expect(await callerOfToken(rules, await shared.token(changed))).not.toBeNull()
    }
  })
})

describe('a token is refused', () => {
  const now = seconds()
  const wrong: Record<string, Record<string, unknown>> = {
    'that has expired': { exp: now - 60 },
    'that never expires': { exp: undefined },
    'whose end is a text': { exp: String(now + 60) },
    'that is not valid yet': { nbf: now + 60 },
    'of the future': { iat: now + 60 },
    'whose beginning is a text': { iat: String(now) },
    'of another issuer': { iss: 'https://other.example' },
    'of the issuer with a slash': { iss: `${shared.issuer}/` },
    'of no issuer': { iss: undefined },
    'for another audience': { aud: 'other' },
    'for an audience in other letters': { aud: AUDIENCE.toUpperCase() },
    'for no audience': { aud: undefined },
    'for nobody of many': { aud: ['a', 'b'] },
    'without a subject': { sub: undefined },
    'whose subject is a number': { sub: 7 },
    'whose subject is very long': { sub: 'x'.repeat(257) },
    'whose subject cannot be stored': { sub: 'a\u0000' },
    'of more than 8 KB': { padding: 'x'.repeat(8192) },
  }
  for (const [name, changed] of Object.entries(wrong)) {
    test(name, async () => {
      expect(await callerOfToken(rules, await shared.token(changed))).toBeNull()
    })
  }

  test('when nothing is set up', async () => {
    expect(await callerOfToken(settings(), await shared.token())).toBeNull()
    const { JWT_AUDIENCE: _, ...half } = rules
    expect(await callerOfToken(half, await shared.token())).toBeNull()
  })

  test('without a signature, whatever its alg is called', async () => {
    const [, payload] = (await shared.token()).split('.')
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const signature of ['', 'AAAA']) {
        const token = `${part({ alg, kid: rsa.kid })}.${payload}.${signature}`
        expect(await callerOfToken(rules, token)).toBeNull()
      }
    }
    const [header] = (await shared.token()).split('.')
    expect(await callerOfToken(rules, `${header}.${payload}.`)).toBeNull()
  })

  test('that was signed with the public key as if it were a secret', async () => {
    const pem = await exportSPKI(rsa.pair.publicKey)
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      for (const secret of [pem, pem.trimEnd()]) {
        const forged = await new SignJWT(claims(shared.issuer))
          .setProtectedHeader({ alg, kid: rsa.kid })
          .sign(new TextEncoder().encode(secret))
        expect(await callerOfToken(rules, forged)).toBeNull()
      }
    }
  })

  test('whose secret stands in the key set', async () => {
    const secret = new Uint8Array(32).fill(9)
    const issuer = await newIssuer(rsa)
    const k = btoa(String.fromCharCode(...secret)).replaceAll('=', '')
    await fetch(issuer.url, {
      method: 'PUT',
      body: JSON.stringify({ keys: [{ kty: 'oct', kid: 's', alg: 'HS256', k }] }),
    })
    const token = await new SignJWT(claims(issuer.issuer))
      .setProtectedHeader({ alg: 'HS256', kid: 's' })
      .sign(secret)
    expect(await callerOfToken(issuer.settings(), token)).toBeNull()
  })

  test('that brings its own key, or says where to fetch it', async () => {
    const own = await newKey('RS256')
    const theirs = await newIssuer(own)
    const jwk = await crypto.subtle.exportKey('jwk', own.pair.publicKey)
    for (const header of [{ jwk }, { jku: theirs.url }, { x5u: theirs.url }, { x5c: ['AAAA'] }]) {
      for (const kid of [own.kid, rsa.kid, undefined]) {
        const token = await shared.token({}, own, { ...header, kid })
        expect([header, kid, await callerOfToken(rules, token)]).toEqual([header, kid, null])
      }
    }
    expect(await theirs.asked()).toBe(0)
  })

  test('whose payload or header was changed', async () => {
    const [header = '', , signature] = (await shared.token()).split('.')
    const payload = part(claims(shared.issuer, { sub: 'user-2' }))
    expect(await callerOfToken(rules, `${header}.${payload}.${signature}`)).toBeNull()
    const [, same] = (await shared.token()).split('.')
    const other = part({ alg: 'RS512', kid: rsa.kid })
    expect(await callerOfToken(rules, `${other}.${same}.${signature}`)).toBeNull()
  })

  test('that asks for what nobody understands', async () => {
    const token = await shared.token()
    const [, payload, signature] = token.split('.')
    const header = part({ alg: 'RS256', kid: rsa.kid, crit: ['x'], x: 1 })
    expect(await callerOfToken(rules, `${header}.${payload}.${signature}`)).toBeNull()
  })

  test('that is none', async () => {
    const texts = [
      '',
      'ne_0123456789',
      'a.b.c',
      'eyJ',
      'eyJ..',
      'eyJ.a.b.c',
      'eyJ.é.b',
      'eyJ.a.b\n',
    ]
    for (const text of texts) {
      expect([text, looksLikeToken(text)]).toEqual([text, false])
      expect(await callerOfToken(rules, text)).toBeNull()
    }
    expect(await callerOfToken(rules, 'eyJ.a.b')).toBeNull()
  })
})

describe('what a token may do', () => {
  const scopesOf = async (variables: Record<string, string>, changed: Record<string, unknown>) => {
    const caller = await callerOfToken(shared.settings(variables), await shared.token(changed))
    return caller && [...caller.scopes].sort().join(' ')
  }

  test('is in its scope claim: words, or a list of them; others are nothing', async () => {
    for (const [scope, expected] of [
      ['read run', 'read run'],
      ['openid  read,profile', 'read'],
      [['read', 'event', 'openid', 7, null], 'event read'],
      [['read run'], ''],
      ['READ', ''],
      ['', ''],
      [undefined, ''],
      [null, ''],
      [{ read: true }, ''],
      [7, ''],
      ['admin', 'admin'],
    ]) {
      expect([scope, await scopesOf({}, { scope })]).toEqual([scope, expected])
    }
  })

  test('may stand elsewhere, deep or under a name like a URL', async () => {
    const deep = { JWT_SCOPES_CLAIM: 'custom.edge.scopes' }
    expect(await scopesOf(deep, { custom: { edge: { scopes: ['read'] } } })).toBe('read')
    expect(await scopesOf(deep, { custom: 'read' })).toBe('')
    expect(await scopesOf(deep, { custom: { edge: null } })).toBe('')
    expect(await scopesOf(deep, { scope: 'read' })).toBe('')
    const url = 'https://edge.example/scopes'
    expect(await scopesOf({ JWT_SCOPES_CLAIM: url }, { [url]: 'run' })).toBe('run')
    expect(await scopesOf({ JWT_SCOPES_CLAIM: 'toString.name' }, {})).toBe('')
  })

  test('has what all tokens have beside it', async () => {
    expect(await scopesOf({ JWT_SCOPES: 'read, run' }, { scope: 'event' })).toBe('event read run')
    expect(await scopesOf({ JWT_SCOPES: 'read' }, {})).toBe('read')
  })

  test('is limited to the paths of its prefix, and then it administers nothing', async () => {
    const prefixed = shared.settings({ JWT_PREFIX_CLAIM: 'custom.team', JWT_SCOPES: 'admin' })
    const caller = async (changed: Record<string, unknown>) =>
      seen(await callerOfToken(prefixed, await shared.token(changed)))
    for (const team of ['a/b', 'a/b/', 'a/b//']) {
      expect(await caller({ scope: 'admin read', custom: { team } })).toMatchObject({
        within: 'a/b/',
        scopes: 'read',
      })
    }
    expect(await caller({})).toMatchObject({ within: null, scopes: 'admin' })
    expect(await caller({ custom: {} })).toMatchObject({ within: null })
    const unusable = ['', '/', '//', '/a', ' a', 'a ', 'a\n', 'a\u0000', '\ud800', 'x'.repeat(513)]
    for (const team of [...unusable, null, 7, true, ['a'], { a: 1 }]) {
      expect([team, await caller({ custom: { team } })]).toEqual([team, null])
    }
    // in the place of what should have the claim
    for (const custom of [null, 'a', ['a']]) expect(await caller({ custom })).toBeNull()
  })

  test('is done under a name: the claim that is asked for, else an e-mail address', async () => {
    const nameOf = async (variables: Record<string, string>, changed: Record<string, unknown>) =>
      (await callerOfToken(shared.settings(variables), await shared.token(changed)))?.name
    const all = { email: 'a@b.example', name: 'Ann' }
    expect(await nameOf({}, all)).toBe('a@b.example')
    expect(await nameOf({ JWT_NAME_CLAIM: 'name' }, all)).toBe('Ann')
    expect(await nameOf({ JWT_NAME_CLAIM: 'name' }, { ...all, name: 7 })).toBe('a@b.example')
    expect(await nameOf({}, { email: 'a\nb' })).toBe('user-1')
  })
})

test("Cloudflare Access's tokens are taken as they are", async () => {
  const kid = '9338abe1baf2fe492f646a736f25afbf7b025e35c627be4f60c414d4c73069b8'
  const key = await newKey('RS256', kid)
  const access = await newIssuer(key)
  const aud = ['32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228']
  const config = settings({
    JWT_ISSUER: 'https://team.cloudflareaccess.com',
    JWT_AUDIENCE: aud.join(),
    // of a team: https://team.cloudflareaccess.com/cdn-cgi/access/certs
    JWT_JWKS_URL: access.url,
    JWT_HEADER: 'Cf-Access-Jwt-Assertion',
    JWT_SCOPES: 'read run',
    JWT_SCOPES_CLAIM: 'custom.scopes',
  })
  const iss = 'https://team.cloudflareaccess.com'
  const user = await access.token({
    iss,
    aud,
    type: 'app',
    email: 'ann@example.com',
    sub: '7335d417-61da-459d-899c-0a01c76a2f94',
    identity_nonce: '6ei69kawdKzMIAPF',
    country: 'US',
    custom: { scopes: ['catalog'] },
  })
  expect(seen(await callerOfToken(config, user))).toEqual({
    id: 'jwt:7335d417-61da-459d-899c-0a01c76a2f94',
    name: 'ann@example.com',
    scopes: 'catalog read run',
    within: null,
  })
  // a service token has no subject but a name
  const service = await access.token({
    iss,
    aud,
    type: 'app',
    sub: '',
    common_name: 'e367826f93b8d71185e03fe518aff3b4.access',
  })
  expect(seen(await callerOfToken(config, service))).toMatchObject({
    id: 'jwt:e367826f93b8d71185e03fe518aff3b4.access',
    name: 'e367826f93b8d71185e03fe518aff3b4.access',
    scopes: 'read run',
  })
  expect(await callerOfToken(config, await access.token({ iss, aud: [AUDIENCE] }))).toBeNull()
})

describe("the issuer's keys", () => {
  test('are fetched once for many tokens, and again when they are ten minutes old', async () => {
    const issuer = await newIssuer(rsa)
    const config = issuer.settings()
    for (let index = 0; index < 5; index++) {
      expect(await callerOfToken(config, await issuer.token())).not.toBeNull()
    }
    expect(await issuer.asked()).toBe(1)
    pass(601_000)
    expect(await callerOfToken(config, await issuer.token())).not.toBeNull()
    expect(await issuer.asked()).toBe(2)
  })

  test('may be changed: the new one is taken after the cooldown, the old one no more', async () => {
    const [old, next] = [await newKey('ES256'), await newKey('ES256')]
    const issuer = await newIssuer(old)
    const config = issuer.settings()
    expect(await callerOfToken(config, await issuer.token())).not.toBeNull()
    await issuer.publish(next)
    expect(await callerOfToken(config, await issuer.token({}, next))).toBeNull()
    pass(31_000)
    expect(await callerOfToken(config, await issuer.token({}, next))).not.toBeNull()
    expect(await callerOfToken(config, await issuer.token({}, old))).toBeNull()
    expect(await issuer.asked()).toBe(2)
  })

  test('are not fetched for each of a flood of keys that nobody has', async () => {
    const issuer = await newIssuer(rsa)
    const config = issuer.settings()
    const flood = async () => {
      const tokens = Array.from({ length: 50 }, (_, n) => issuer.token({}, rsa, { kid: `no-${n}` }))
      const callers = tokens.map(async (token) => callerOfToken(config, await token))
      expect(new Set(await Promise.all(callers))).toEqual(new Set([null]))
    }
    expect(await callerOfToken(config, await issuer.token())).not.toBeNull()
    await flood()
    expect(await issuer.asked()).toBe(1)
    pass(31_000)
    await flood()
    expect(await issuer.asked()).toBe(2)
    expect(await callerOfToken(config, await issuer.token())).not.toBeNull()
  })

  test('that cannot be had are a 503, and nobody asks again for 5 seconds', async () => {
    const issuer = await newIssuer(rsa)
    await issuer.hide()
    const config = issuer.settings()
    const token = await issuer.token()
    const refused = { code: 'unavailable', message: "the issuer's keys cannot be had" }
    for (let index = 0; index < 3; index++) {
      await expect(callerOfToken(config, token)).rejects.toMatchObject(refused)
    }
    expect(await issuer.asked()).toBe(1)
    await issuer.publish(rsa)
    await expect(callerOfToken(config, token)).rejects.toMatchObject(refused)
    pass(5_100)
    expect(await callerOfToken(config, token)).not.toBeNull()
  })

  test('that are elsewhere, or are none, are a 503 as well', async () => {
    const token = await shared.token()
    const echo = new URL(shared.url).origin
    const page = (text: string) => `${echo}/page/200?type=application/json&base64=${btoa(text)}`
    for (const url of [
      'http://127.0.0.1:1/keys',
      `${echo}/status/500`,
      // it may say where else they are, and nobody goes there
      `${echo}/redirect/302?to=${encodeURIComponent(shared.url)}`,
      `${echo}/text`,
      page('{}'),
      page('{"keys": [7]}'),
    ]) {
      const config = shared.settings({ JWT_JWKS_URL: url })
      await expect(callerOfToken(config, token)).rejects.toMatchObject({ code: 'unavailable' })
    }
  })

  test('keep serving while others cannot be had', async () => {
    const issuer = await newIssuer(rsa)
    const config = issuer.settings()
    expect(await callerOfToken(config, await issuer.token())).not.toBeNull()
    await issuer.hide()
    pass(31_000)
    const unknown = await issuer.token({}, rsa, { kid: 'no' })
    await expect(callerOfToken(config, unknown)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await callerOfToken(config, unknown)).toBeNull()
    expect(await callerOfToken(config, await issuer.token())).not.toBeNull()
  })
})

describe('the settings', () => {
  const issuer = { JWT_ISSUER: 'https://i.example', JWT_AUDIENCE: 'a' }

  test('are refused by name where one lacks another, or says what cannot be', () => {
    const cases: [string, Record<string, string>][] = [
      ['JWT_AUDIENCE', { JWT_ISSUER: 'https://i.example' }],
      ['JWT_AUDIENCE', { ...issuer, JWT_AUDIENCE: ' , ' }],
      ['JWT_ISSUER', { ...issuer, JWT_ISSUER: '' }],
      ['JWT_ISSUER', { JWT_AUDIENCE: 'a' }],
      ['JWT_ISSUER', { JWT_JWKS_URL: 'https://i.example/keys' }],
      ['JWT_ISSUER', { JWT_HEADER: 'X-Token' }],
      ['JWT_ISSUER', { JWT_SCOPES: 'read' }],
      ['JWT_ISSUER', { JWT_PREFIX_CLAIM: 'team' }],
      ['JWT_ISSUER', { JWT_NAME_CLAIM: 'name' }],
      ['JWT_JWKS_URL', { ...issuer, JWT_ISSUER: 'http://i.example' }],
      ['JWT_JWKS_URL', { ...issuer, JWT_ISSUER: 'accounts.i.example' }],
      ['JWT_JWKS_URL', { ...issuer, JWT_JWKS_URL: 'http://i.example/keys' }],
      ['JWT_JWKS_URL', { ...issuer, JWT_JWKS_URL: 'http://localhost.i.example/keys' }],
      ['JWT_JWKS_URL', { ...issuer, JWT_JWKS_URL: 'data:application/json,{}' }],
      ['JWT_JWKS_URL', { ...issuer, JWT_JWKS_URL: 'keys' }],
      ['JWT_SCOPES', { ...issuer, JWT_SCOPES: 'read write' }],
      ['JWT_SCOPES', { JWT_SCOPES: 'write' }],
      ['JWT_HEADER', { ...issuer, JWT_HEADER: 'Authorization' }],
      ['JWT_HEADER', { ...issuer, JWT_HEADER: 'a b' }],
      ['JWT_SCOPES_CLAIM', { ...issuer, JWT_SCOPES_CLAIM: '' }],
      ['JWT_PREFIX_CLAIM', { ...issuer, JWT_PREFIX_CLAIM: '' }],
    ]
    for (const [name, variables] of cases) {
      const names = new RegExp(`^missing or invalid settings: ${name}(,|$)`)
      expect(() => settings(variables), JSON.stringify(variables)).toThrow(names)
    }
  })

  test('are none, or an issuer and an audience at least', () => {
    expect(settings().JWT_ISSUER).toBeUndefined()
    expect(settings(issuer).JWT_AUDIENCE).toEqual(['a'])
    const google = { ...issuer, JWT_ISSUER: 'accounts.google.com' }
    const keys = 'https://www.googleapis.com/oauth2/v3/certs'
    expect(settings({ ...google, JWT_JWKS_URL: keys }).JWT_JWKS_URL).toBe(keys)
  })
})
