// An issuer of tokens for tests: keys made here, their public halves on the web server that tests ask.
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { inject } from 'vitest'
import { configOf } from '../../src/env.ts'
import type { Config } from '../../src/settings.ts'

export const AUDIENCE = 'edge-of-tests'
const BASE = { DATABASE_URL: 'postgres://u:p@h/d' }

/** The settings as the Worker reads them. */
export const settings = (variables: Record<string, string> = {}): Config =>
  configOf({ ...BASE, ...variables })

export interface Key {
  alg: string
  kid: string
  pair: CryptoKeyPair
}

let issuers = 0

export async function newKey(alg: string, kid = `${alg}-${crypto.randomUUID()}`): Promise<Key> {
  return { alg, kid, pair: await generateKeyPair(alg, { extractable: true }) }
}

export const seconds = () => Math.floor(Date.now() / 1000)

/** Claims that are valid now; `undefined` takes one away. */
export function claims(issuer: string, changed: JWTPayload = {}): JWTPayload {
  const now = seconds()
  return {
    iss: issuer,
    aud: AUDIENCE,
    sub: 'user-1',
    iat: now,
    nbf: now,
    exp: now + 300,
    ...changed,
  }
}

/** An issuer with these keys, at an address of its own. */
export async function newIssuer(...keys: Key[]) {
  const url = `${inject('echo')}/kept/issuer-${Date.now()}-${++issuers}`
  const issuer = `https://issuer-${issuers}.example`
  const publish = async (...shown: Key[]) => {
    const jwks = await Promise.all(
      shown.map(async ({ alg, kid, pair }) => ({ ...(await exportJWK(pair.publicKey)), kid, alg })),
    )
    await fetch(url, { method: 'PUT', body: JSON.stringify({ keys: jwks }) })
  }
  await publish(...keys)
  const [first] = keys
  return {
    issuer,
    url,
    publish,
    /** Makes its keys unreachable. */
    hide: () => fetch(url, { method: 'DELETE' }),
    /** How often its keys were fetched. */
    asked: async (): Promise<number> => (await fetch(`${url}?asked`)).json(),
    settings: (more: Record<string, string> = {}) =>
      settings({ JWT_ISSUER: issuer, JWT_AUDIENCE: AUDIENCE, JWT_JWKS_URL: url, ...more }),
    /** A token with valid claims but for those that are changed. */
    token(changed: JWTPayload = {}, key = first, header: object = {}): Promise<string> {
      if (key === undefined) throw new Error('the issuer has no key')
      return new SignJWT(claims(issuer, changed))
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.pair.privateKey)
    },
  }
}

/** A part of a token. */
export const part = (value: object) =>
  btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
