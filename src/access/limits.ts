// How often one caller may ask: the platform counts (wrangler.toml, `ratelimits`), and callers are told.
// It counts at each of its locations for itself, and roughly.

import ipaddr from 'ipaddr.js'
import { configOf, type Env } from '../env.ts'
import { AppError } from '../errors.ts'
import { logError } from '../log.ts'

/** `key`: a caller who is known, or a hook and an address; `ip`: an address whose caller is not known. */
export type RateKind = 'key' | 'ip'

export interface RateState {
  allowed: boolean
  /** What the caller is told (draft-ietf-httpapi-ratelimit-headers, and Retry-After); empty without a limit. */
  headers: Readonly<Record<string, string>>
}

const WINDOW_SECONDS = 60
const MAX_COUNTED = 10_000
const FREE: RateState = { allowed: true, headers: {} }

/**
 * Counts a request; for `ip`, `key` is an address. Without the binding there is no limit, and one that fails
 * lets everybody through. What remains (`r`) is not told by the platform: it is the limit less what this
 * isolate has seen within the minute, and so an upper bound, and 0 when the platform refuses.
 */
export async function checkRate(env: Env, kind: RateKind, key: string): Promise<RateState> {
  const binding = kind === 'key' ? env.RATE_KEY : env.RATE_IP
  if (binding === undefined) return FREE
  const config = configOf(env)
  const limit = kind === 'key' ? config.RATE_KEY_PER_MINUTE : config.RATE_IP_PER_MINUTE
  const counted = kind === 'key' ? key : networkOf(key)
  const allowed = await isAllowed(binding, counted)
  if (allowed === null) return FREE
  const now = Date.now() / 1000
  const left = allowed ? Math.max(0, limit - countOf(`${kind} ${counted}`, now)) : 0
  const seconds = Math.ceil(WINDOW_SECONDS - (now % WINDOW_SECONDS))
  return {
    allowed,
    headers: {
      'RateLimit-Policy': `"${kind}";q=${limit};w=${WINDOW_SECONDS}`,
      RateLimit: `"${kind}";r=${left};t=${seconds}`,
      ...(!allowed && { 'Retry-After': String(seconds) }),
    },
  }
}

/** Tells the caller. @throws AppError `rate_limited` when it is refused. */
export function heedRate(rate: RateState, setHeader: (name: string, value: string) => void): void {
  for (const [name, value] of Object.entries(rate.headers)) setHeader(name, value)
  if (!rate.allowed) throw new AppError('rate_limited', 'too many requests; see Retry-After')
}

/** Whom an address stands for: an IPv6 one for its /64, which is what one subscriber has at least. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  // an IPv4 address within an IPv6 one is the former
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`
}

const failed = new WeakSet<RateLimit>()

/** null when the binding does not work. */
async function isAllowed(binding: RateLimit, key: string): Promise<boolean | null> {
  try {
    return (await binding.limit({ key })).success
  } catch (error) {
    if (!failed.has(binding)) logError('the rate limit does not work', error)
    failed.add(binding)
    return null
  }
}

const seen = { window: 0, counts: new Map<string, number>() }

/** How often this isolate has seen a key in this minute, roughly where there are very many keys. */
function countOf(key: string, now: number): number {
  const window = Math.floor(now / WINDOW_SECONDS)
  if (seen.window !== window || seen.counts.size >= MAX_COUNTED) {
    seen.window = window
    seen.counts.clear()
  }
  const count = (seen.counts.get(key) ?? 0) + 1
  seen.counts.set(key, count)
  return count
}

/** Addresses that were refused of late, and until when that is believed. */
const refused = new Map<string, number>()

export function noteRefused(address: string): void {
  if (refused.size >= MAX_COUNTED) refused.clear()
  refused.set(networkOf(address), Date.now() + WINDOW_SECONDS * 1000)
}

/** Whether this isolate has seen an address refused within the last minute. */
export function isRefused(address: string): boolean {
  return (refused.get(networkOf(address)) ?? 0) > Date.now()
}
