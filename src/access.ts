// Who may call: whoever has the key. Without a key the Worker refuses, unless it is told to be open. And
// from where: a page of another origin may not make a browser that is let in act for it.

import type { MiddlewareHandler } from 'hono'
import { textFromBase64 } from './base64.ts'
import type { App } from './env.ts'
import { fail } from './errors.ts'

const LOOPBACK = /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/
const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

export const access: MiddlewareHandler<App> = async function access(c, next) {
  const { ACCESS, API_KEY } = c.var.config
  if (ACCESS === 'open') {
    // a page whose name was made to mean this machine must not get in by it
    const { hostname } = new URL(c.req.url)
    if (!LOOPBACK.test(hostname)) {
      fail('forbidden', `ACCESS=open is for this machine alone, not for '${hostname}'; set API_KEY`)
    }
  } else {
    if (API_KEY === undefined) {
      fail('misconfigured', 'set API_KEY (or ACCESS=open on a machine of your own)')
    }
    if (!(await isSame(sentKey(c.req.header('authorization') ?? ''), API_KEY))) {
      // only a page that somebody looks at shall open the browser's dialogue
      const isPage = c.req.header('accept')?.includes('text/html') ?? false
      c.header('www-authenticate', isPage ? 'Basic realm="noetl-edge"' : 'Bearer')
      fail('unauthorized', 'send the API key as a bearer token, or by Basic as the password')
    }
  }
  const origin = c.req.header('origin')
  if (origin !== undefined && !READING.has(c.req.method)) {
    const isOwn = origin === new URL(c.req.url).origin
    if (!isOwn && !c.var.config.CORS_ORIGINS.includes(origin)) {
      fail('forbidden', `pages of ${origin.slice(0, 256)} may not call; see CORS_ORIGINS`)
    }
  }
  await next()
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
