// Tokens (JWT) of an issuer that the deployer trusts. Whoever sends one learns only whether it is valid.

import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { MAX_PATH, UNPRINTABLE } from '../catalog/validate.ts'
import { AppError } from '../errors.ts'
import { logError } from '../log.ts'
import { type Config, jwksUrlOf } from '../settings.ts'
import { type Caller, SCOPES, type Scope } from './caller.ts'

/** The settings that say whose tokens are taken, and what they may do. */
export type TokenRules = Pick<
  Config,
  | 'JWT_ISSUER'
  | 'JWT_AUDIENCE'
  | 'JWT_JWKS_URL'
  | 'JWT_SCOPES_CLAIM'
  | 'JWT_SCOPES'
  | 'JWT_PREFIX_CLAIM'
  | 'JWT_NAME_CLAIM'
>

export type TokenCaller = Omit<Caller, 'ip'>

const MAX_TOKEN = 8192
const CLOCK_SECONDS = 30

/** Those with a public key. With the others whoever can read the key set could sign. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** Whether a text has the form of a token; API keys have not. */
export function looksLikeToken(text: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(text)
}

/**
 * Whom a token speaks for; null when it is not valid, for whatever reason.
 * @throws AppError `unavailable` when the issuer's keys cannot be had.
 */
export async function callerOfToken(rules: TokenRules, token: string): Promise<TokenCaller | null> {
  const url = jwksUrlOf(rules)
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = rules
  if (issuer === undefined || audience === undefined || url === null) return null
  if (token.length > MAX_TOKEN || !looksLikeToken(token)) return null
  try {
    const { payload } = await jwtVerify(token, keysOf(url), {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp'],
      clockTolerance: CLOCK_SECONDS,
    })
    return isFromFuture(payload) ? null : callerOf(rules, payload)
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}

/** jose looks at `iat` only where a token's age is limited. */
function isFromFuture({ iat }: JWTPayload): boolean {
  if (iat === undefined) return false
  return typeof iat !== 'number' || iat > Date.now() / 1000 + CLOCK_SECONDS
}

function callerOf(rules: TokenRules, claims: JWTPayload): TokenCaller | null {
  const subject = subjectOf(claims)
  const within = prefixOf(rules, claims)
  if (subject === null || within === undefined) return null
  const scopes = scopesOf(rules, claims)
  // whoever has some of the playbooks may not make keys for all
  if (within !== null) scopes.delete('admin')
  const named = rules.JWT_NAME_CLAIM === undefined ? null : claimAt(claims, rules.JWT_NAME_CLAIM)
  const name = plainText(named) ?? plainText(claims.email) ?? subject
  return { id: `jwt:${subject}`, name, scopes, within }
}

/** Cloudflare Access leaves `sub` empty in what it makes of a service token. */
function subjectOf({ sub, common_name }: JWTPayload): string | null {
  return plainText(sub === undefined || sub === '' ? common_name : sub)
}

/** A text that can be stored, logged and counted by; one that is too long is none, as cut ones may be alike. */
function plainText(value: unknown): string | null {
  if (typeof value !== 'string' || value === '' || value.length > 256) return null
  return UNPRINTABLE.test(value) ? null : value
}

function scopesOf(rules: TokenRules, claims: JWTPayload): Set<Scope> {
  const claim = claimAt(claims, rules.JWT_SCOPES_CLAIM)
  const words: unknown[] = typeof claim === 'string' ? claim.split(/[\s,]+/) : [claim].flat()
  return new Set(
    SCOPES.filter((scope) => words.includes(scope) || rules.JWT_SCOPES.includes(scope)),
  )
}

/** null: no prefix; undefined: one that is not usable, which must not mean all playbooks. */
function prefixOf(rules: TokenRules, claims: JWTPayload): string | null | undefined {
  if (rules.JWT_PREFIX_CLAIM === undefined) return null
  const claim = claimAt(claims, rules.JWT_PREFIX_CLAIM)
  if (claim === undefined) return null
  if (typeof claim !== 'string' || claim.length > MAX_PATH) return undefined
  if (UNPRINTABLE.test(claim) || claim !== claim.trim()) return undefined
  return /^[^/]/.test(claim) ? `${claim.replace(/\/+$/, '')}/` : undefined
}

/**
 * The claim of that name, or at that dotted path; undefined when there is none. Where something else stands on
 * the way to it, it is null, as that is not the same as a token without it.
 */
function claimAt(claims: JWTPayload, path: string): unknown {
  // some issuers want their claims to be called like URLs
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
    if (!Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

const MAX_AGE_MS = 600_000
const COOLDOWN_MS = 30_000
/** How long nothing is asked after a failure; as long as a 503 tells the caller to wait (app.ts). */
const PAUSE_MS = 5_000

const keySets = new Map<string, JWTVerifyGetKey>()

/** An issuer's keys, fetched when they are needed. It throws AppError when they cannot be had. */
function keysOf(url: string): JWTVerifyGetKey {
  const known = keySets.get(url)
  if (known) return known
  let askedAt = -Infinity
  let failedAt = -Infinity
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: 5_000,
    [customFetch]: async (address, init) => {
      const now = Date.now()
      if (now < failedAt + PAUSE_MS) throw away()
      // one may look whether a key that it does not know is new; a flood of such tokens may not
      if (remote.fresh && now < askedAt + COOLDOWN_MS) throw new errors.JWKSNoMatchingKey()
      askedAt = now
      return await fetch(address, init)
    },
  })
  const keys: JWTVerifyGetKey = async (header, token) => {
    try {
      return await remote(header, token)
    } catch (error) {
      if (error instanceof AppError || isOfToken(error)) throw error
      // a key in the set that cannot be used is no reason not to fetch the next one
      if (!remote.fresh) failedAt = Date.now()
      logError(`the keys at ${url} cannot be had`, error)
      throw away(error)
    }
  }
  keySets.set(url, keys)
  return keys
}

/** Whether there is no key because of what the token says. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys
  )
}

function away(cause?: unknown): AppError {
  return new AppError('unavailable', "the issuer's keys cannot be had", [], cause)
}
