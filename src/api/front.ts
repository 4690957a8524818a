// The page that browsers are shown. It holds no data, so it is for whoever asks; what it fetches asks for a key.

import type { MiddlewareHandler } from 'hono'
import type { App } from '../env.ts'
import { prefersHtml } from '../reply.ts'

/** Where the page is found: `/`, and what stands in a browser's address when a view of it is open. */
const VIEWS =
  /^\/(?:(?:overview|hooks|schedules|notifications|credentials|keys|audit)\/?|(?:executions|playbooks)(?:\/.*)?)?$/

/** Answers with the page whoever asks for HTML where it has a view; all else goes on to the API. */
export const front: MiddlewareHandler<App> = async function front(c, next) {
  const { method, path } = c.req
  const isRead = method === 'GET' || method === 'HEAD'
  if (c.env.PAGE === undefined || !isRead || !VIEWS.test(path) || !prefersHtml(c)) return next()
  const headers = new Headers()
  const known = c.req.header('if-none-match')
  if (known !== undefined) headers.set('if-none-match', known)
  const page = await c.env.PAGE.fetch(new URL('/index.html', c.req.url), { headers })
  const reply = new Response(page.body, page)
  // JSON and the page have one address
  reply.headers.append('vary', 'accept')
  return reply
}
