// The table of contents of the API.

import type { Context } from 'hono'
import { except } from 'hono/combine'
import { cors } from 'hono/cors'
import { access } from './access/middleware.ts'
import { keys } from './access/routes.ts'
import { front } from './api/front.ts'
import { GONE } from './api/gone.ts'
import { about } from './api/routes.ts'
import { catalog, playbooks } from './catalog/routes.ts'
import { credentials } from './credential/routes.ts'
import { countRequest } from './dashboard/isolate.ts'
import { dashboard, metrics, stats } from './dashboard/routes.ts'
import { connect } from './db.ts'
import { type App, configOf } from './env.ts'
import { AppError, fail, problemOf } from './errors.ts'
import { context } from './event/context.ts'
import { control } from './event/control.ts'
import { events } from './event/events.ts'
import { executions } from './event/executions.ts'
import { runs } from './execution/routes.ts'
import { driverFor } from './executor/drive.ts'
import { Hono } from './hono.ts'
import { deliveries, hooks } from './hook/routes.ts'
import { logError } from './log.ts'
import { notifications } from './notification/routes.ts'
import { declarationOf } from './operation.ts'
import { queue } from './queue/routes.ts'
import { runtimes } from './runtime/routes.ts'
import { schedules } from './schedule/routes.ts'
import { streams } from './stream/routes.ts'

async function perRequest(c: Context<App>, next: () => Promise<void>): Promise<void> {
  countRequest()
  const config = configOf(c.env)
  const sql = connect(config)
  c.set('config', config)
  c.set('sql', sql)
  const later = (work: Promise<void>) => c.executionCtx.waitUntil(work)
  c.set('driver', driverFor(c.env, config, sql, 'request', later))
  await next()
}

/** What browsers are told of every reply, unless a handler has said otherwise. */
const GUARDED: readonly (readonly [string, string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['cross-origin-resource-policy', 'same-origin'],
  ['strict-transport-security', 'max-age=31536000'],
  ['cache-control', 'no-store'],
]

async function guarded(c: Context<App>, next: () => Promise<void>): Promise<void> {
  await next()
  for (const [name, value] of GUARDED) if (!c.res.headers.has(name)) c.header(name, value)
}

/** Pages of named origins alone may read replies. */
const sharing = cors({
  origin: (origin, c: Context<App>) => (c.var.config.CORS_ORIGINS.includes(origin) ? origin : null),
  exposeHeaders: [
    'Link',
    'X-Next-Cursor',
    'ETag',
    'X-Execution-Version',
    'X-Search-Complete',
    'X-Total-Count',
    'X-Total-Count-Exact',
    'Retry-After',
    'Location',
    'Preference-Applied',
    'RateLimit',
    'RateLimit-Policy',
  ],
  maxAge: 600,
})

export const app = new Hono()
  .use(guarded)
  .use(front)
  .use(except('/health', perRequest))
  // whoever delivers to a hook signs what it sends
  .use(except(['/health', '/hooks/*'], sharing, access))
  .route('/api', runs)
  .route('/api', executions)
  .route('/api', streams)
  .route('/api', events)
  .route('/api', control)
  .route('/api', context)
  .route('/api', queue)
  .route('/api/catalog', catalog)
  .route('/api/playbooks', playbooks)
  .route('/api/credentials', credentials)
  .route('/api/dashboard', dashboard)
  .route('/api', stats)
  .route('/', metrics)
  .route('/api', runtimes)
  .route('/api', keys)
  .route('/api/hooks', hooks)
  .route('/hooks', deliveries)
  .route('/api/schedules', schedules)
  .route('/api', notifications)
  .route('/', about)

/** The types of all routes, for `hc`. */
export type Api = typeof app

for (const [path, reason] of Object.entries(GONE)) app.all(path, () => fail('gone', reason))

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

app.notFound((c) => {
  const { method, path } = c.req
  const allowed = METHODS.filter((other) =>
    app.router.match(other, path)[0].some(([[handler]]) => declarationOf(handler) !== null),
  )
  if (allowed.length === 0)
    return problem(c, new AppError('not_found', `there is no ${method} ${path}`))
  c.header('allow', allowed.join(', '))
  return problem(c, new AppError('method_not_allowed', `${path} takes ${allowed.join(', ')} only`))
})

app.onError((error, c) => {
  if (error instanceof AppError) {
    if (error.code === 'internal') logError('internal error', error)
    return problem(c, error)
  }
  // the database's or the runtime's words are for the log, not for the caller
  logError('unexpected error', error)
  return problem(c, new AppError('internal', 'something went wrong here; it has been logged'))
})

function problem(c: Context, error: AppError): Response {
  const document = problemOf(error, c.req.path)
  const headers = new Headers(c.res.headers)
  headers.set('content-type', 'application/problem+json')
  if (document.status === 503) headers.set('retry-after', '5')
  return new Response(JSON.stringify(document), { status: document.status, headers })
}
