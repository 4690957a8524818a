// Who calls, and whether from where it may: a page of another origin may not make a browser that is let in act
// for it. What a caller may do is said by each route (src/operation.ts).

import type { Context, MiddlewareHandler } from 'hono'
import { textFromBase64 } from '../base64.ts'
import type { App } from '../env.ts'
import { fail } from '../errors.ts'
import { prefersHtml } from '../reply.ts'
import { LOOPBACK } from '../settings.ts'
import { type Caller, SCOPES } from './caller.ts'
import { callerOfToken, looksLikeToken } from './jwt.ts'
import { isKey } from './key.ts'
import { callerOfKey } from './known-keys.ts'
import { checkRate, heedRate, isRefused, noteRefused, type RateKind } from './limits.ts'

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])
const ALL = { scopes: new Set(SCOPES), within: null }

export const access: MiddlewareHandler<App> = async function access(c, next) {
  const caller = (await callerOf(c, () => heedRefusals(c))) ?? (await refuse(c))
  if (caller.id !== 'open') await heed(c, 'key', caller.id)
  c.set('caller', { ...caller, ip: addressOf(c) })
  // of who was let in nothing is counted, and headers have been sent
  c.set('recheck', () => callerOf(c, async () => {}))
  const origin = c.req.header('origin')
  if (origin !== undefined && !READING.has(c.req.method)) {
    const isOwn = origin === new URL(c.req.url).origin
    if (!isOwn && !c.var.config.CORS_ORIGINS.includes(origin)) {
      fail('forbidden', `pages of ${origin.slice(0, 256)} may not call; see CORS_ORIGINS`)
    }
  }
  await next()
}

/** Counts a request and tells the caller. @throws AppError `rate_limited` when there were too many. */
export async function heed(c: Context<App>, kind: RateKind, key: string): Promise<void> {
  heedRate(await checkRate(c.env, kind, key), (name, value) => c.res.headers.set(name, value))
}

export function addressOf(c: Context<App>): string | null {
  return c.req.header('cf-connecting-ip') ?? null
}

async function callerOf(
  c: Context<App>,
  admit: () => Promise<void>,
): Promise<Omit<Caller, 'ip'> | null> {
  const { config, sql } = c.var
  const { ACCESS, API_KEY, DATABASE_URL, JWT_HEADER } = config
  if (ACCESS === 'open') {
    // a page whose name was made to mean this machine must not get in by it
    const { hostname } = new URL(c.req.url)
    if (LOOPBACK.test(hostname)) return { id: 'open', name: 'open', ...ALL }
    fail('forbidden', `ACCESS=open is for this machine alone, not for '${hostname}'`)
  }
  const sent = sentKey(c.req.header('authorization') ?? '')
  if (API_KEY !== undefined && (await isSame(sent, API_KEY))) {
    return { id: 'root', name: 'API_KEY', ...ALL }
  }
  // who sends a key means it, also where something on the way adds a token to all requests
  const inHeader = isKey(sent) ? undefined : JWT_HEADER && c.req.header(JWT_HEADER)
  const token = [inHeader, sent].find((text) => text && looksLikeToken(text))
  const later = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  return token ? callerOfToken(config, token) : callerOfKey(sql, DATABASE_URL, sent, later, admit)
}

/** Keys that this isolate has not seen are not looked up for an address that has guessed too much. */
async function heedRefusals(c: Context<App>): Promise<void> {
  const address = addressOf(c) ?? ''
  if (isRefused(address)) await heed(c, 'ip', address)
}

async function refuse(c: Context<App>): Promise<never> {
  const address = addressOf(c) ?? ''
  try {
    await heed(c, 'ip', address)
  } catch (error) {
    noteRefused(address)
    throw error
  }
  // only a page that somebody looks at shall open the browser's dialogue
  c.header('www-authenticate', prefersHtml(c) ? 'Basic realm="noetl-edge"' : 'Bearer')
  return fail('unauthorized', 'send an API key as a bearer token, or by Basic as the password')
}

/** The key in an Authorization header: a bearer token, or the password of Basic. */
function sentKey(header: string): string {
  const [, scheme = '', value = ''] = /^(\w+) +(.+)$/.exec(header) ?? []
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return ''
  const text = textFromBase64(value) ?? ''
  return text.slice(text.indexOf(':') + 1)
}

/** Compares digests, whose time tells nothing of where the texts differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b))
}
