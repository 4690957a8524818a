// Replies of JSON text. Pages of a list: the body is a bare array or object as ever, paging is in the headers.

import type { Context } from 'hono'
import type { App } from './env.ts'
import { toJson } from './json.ts'

/** JSON text of a reply, and where the next page begins, if there is one. */
export interface Page {
  json: string
  next: string | null
}

/** A reply of a value that may hold 64-bit integers, which `c.json` cannot write. */
export function reply(c: Context<App>, value: unknown): Response {
  return c.body(toJson(value), 200, { 'content-type': 'application/json' })
}

/** The reply of a page, with where the next begins in its headers. */
export function paged(c: Context<App>, { json, next }: Page, parameter: string): Response {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (next !== null) {
    const url = new URL(c.req.url)
    url.searchParams.set(parameter, next)
    headers.link = `<${url.pathname}${url.search}>; rel="next"`
    headers['x-next-cursor'] = next
  }
  return c.body(json, 200, headers)
}
