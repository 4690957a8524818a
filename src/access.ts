// Who may call: whoever has the key. Without a key the Worker refuses, unless it is told to be open.

import type { MiddlewareHandler } from 'hono'
import type { App } from './env.ts'
import { fail } from './errors.ts'

export const access: MiddlewareHandler<App> = async function access(c, next) {
  const { ACCESS, API_KEY } = c.var.config
  if (ACCESS !== 'open') {
    if (API_KEY === undefined) {
      fail('misconfigured', 'set API_KEY (or ACCESS=open on a machine of your own)')
    }
    const sent = /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
    if (!(await isSame(sent, API_KEY))) {
      c.header('www-authenticate', 'Bearer')
      fail('unauthorized', 'send the API key as a bearer token')
    }
  }
  await next()
}

/** Compares digests, whose time tells nothing of where the texts differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b))
}
