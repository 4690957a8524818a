// Replies. Most bodies are JSON text that the database has built; pages of a list have their paging in the
// headers, so that the body is a bare array or object as ever.

import type { Context, TypedResponse } from 'hono'
import type { App } from './env.ts'
import { toJson } from './json.ts'

/** JSON text of a reply, and where the next page begins, if there is one. */
export interface Page {
  json: string
  next: string | null
}

/** A reply whose type is told by the operation's declaration. */
export type Sent = Response & TypedResponse<never, 200, 'json'>

/** A reply of a value that may hold 64-bit integers, which `c.json` cannot write. */
export function reply(c: Context<App>, value: unknown): Sent {
  return replyText(c, toJson(value))
}

/** A reply of JSON text. */
export function replyText(c: Context<App>, json: string): Sent {
  return c.body(json, 200, { 'content-type': 'application/json' }) as unknown as Sent
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
