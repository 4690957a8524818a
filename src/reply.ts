// Replies. Most bodies are JSON text that the database has built; pages of a list have their paging in the
// headers, so that the body is a bare array or object as ever.

import type { Context, TypedResponse } from 'hono'
import { accepts } from 'hono/accepts'
import type { App } from './env.ts'
import { toJson } from './json.ts'
import { logError } from './log.ts'

/** JSON text of a reply, and where the next page begins, if there is one. */
export interface Page {
  json: string
  next: string | null
}

/** A reply whose type is told by the operation's declaration. */
export type Sent = Response & TypedResponse<never, 200, 'json'>

/** Whether HTML is asked for before JSON; whoever takes anything gets JSON. */
export const prefersHtml = (c: Context<App>): boolean =>
  accepts(c, {
    header: 'Accept',
    supports: ['text/html', 'application/json'],
    default: 'application/json',
  }) === 'text/html'

/** A reply of a value that may hold 64-bit integers, which `c.json` cannot write. */
export function reply(c: Context<App>, value: unknown, status: 200 | 202 = 200): Sent {
  return replyText(c, toJson(value), status)
}

/** A reply of JSON text. */
export function replyText(c: Context<App>, json: string, status: 200 | 202 = 200): Sent {
  return c.body(json, status, { 'content-type': 'application/json' }) as unknown as Sent
}

/** The reply of a page, with where the next begins in its headers. */
export function paged(c: Context<App>, { json, next }: Page, parameter: string): Sent {
  if (next !== null) {
    const url = new URL(c.req.url)
    url.searchParams.set(parameter, next)
    c.header('link', `<${url.pathname}${url.search}>; rel="next"`)
    c.header('x-next-cursor', next)
  }
  return replyText(c, json)
}

/** A reply that is a stream of bytes. */
export function replyStream(c: Context<App>, body: ReadableStream<Uint8Array>, type: string): Sent {
  return c.body(body, 200, { 'content-type': type, ...UNBUFFERED }) as unknown as Sent
}

/** Whoever compresses it on the way would keep back what has been sent. */
const UNBUFFERED = { 'content-encoding': 'identity', 'cache-control': 'no-store, no-transform' }

const BLANK = new TextEncoder().encode(' ')

/**
 * A reply that is not there yet. Blanks, which JSON may begin with, are sent ahead of it: `alive` sends one
 * and throws when the caller has hung up, which nothing else would tell. An error breaks the reply off.
 */
export function replyLater(
  c: Context<App>,
  work: (alive: () => Promise<void>) => Promise<unknown>,
): Sent {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const send = async () => {
    try {
      const value = await work(() => writer.write(BLANK))
      await writer.write(new TextEncoder().encode(toJson(value)))
      await writer.close()
    } catch (error) {
      // nobody is there to be told, or it is too late to
      logError('a reply was broken off', error)
      await writer.abort(error).catch(() => undefined)
    }
  }
  c.executionCtx.waitUntil(send())
  return replyStream(c, readable, 'application/json')
}
