// Conditions on a read, and what a reply says of how long it may be kept (RFC 9110, 13; RFC 9111).

import type { Context } from 'hono'
import type { App } from './env.ts'
import { paged, replyText, type Sent } from './reply.ts'

/** What was read: JSON text, or null of what its reader has. */
export interface Fresh {
  json: string | null
  next: string | null
  /** Equal tags are equal bytes; null where nothing is there to be tagged. */
  tag: string | null
  /** Whether it tells the time, so that equal tags mean the same without being the same bytes. */
  weak?: boolean
  /** How far the execution has come that it is about. */
  version?: number
  /** Whether it will hardly change any more. */
  settled?: boolean
}

const MAX_TAGS = 50
const TAG = /(?:W\/)?"([\x21\x23-\x7e]{1,100})"/g

/** What a request says of what its sender has. Tags are compared weakly. */
export function askedOf(c: Context<App>, atLeast = 0) {
  const header = c.req.header('if-none-match')?.trim() ?? ''
  const tags = [...header.matchAll(TAG)].slice(0, MAX_TAGS).map(([, tag = '']) => tag)
  return { known: header === '*' ? ['*'] : tags, atLeast }
}

/** How a read of one execution is asked for. */
export function readingOf<Query extends { min_version: number }>(
  c: Context<App>,
  { min_version, ...page }: Query,
) {
  return { page, asked: askedOf(c, min_version), within: c.var.caller.within }
}

/** The reply to a read; 304 where its sender has it. It is its sender's alone to keep, under its own key. */
export function sendFresh(c: Context<App>, fresh: Fresh, parameter: string): Sent {
  const { json, next, tag, weak = false, version, settled = false } = fresh
  if (tag !== null) {
    c.header('etag', `${weak ? 'W/' : ''}"${tag}"`)
    c.header('cache-control', settled ? 'private, max-age=86400' : 'private, no-cache')
    c.header('vary', ['Authorization', c.var.config.JWT_HEADER ?? []].flat().join(', '), {
      append: true,
    })
  }
  tellVersion(c, version)
  if (json === null) return c.body(null, 304) as unknown as Sent
  return next === null ? replyText(c, json) : paged(c, { json, next }, parameter)
}

/** Tells how far an execution has come: what `min_version` takes. */
export function tellVersion(c: Context<App>, version: number | null | undefined): void {
  if (version != null) c.header('x-execution-version', String(version))
}
