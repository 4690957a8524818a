// The table of contents of the API.

import { Hono } from 'hono'
import { access } from './access.ts'
import { catalog } from './catalog/routes.ts'
import { credentials } from './credential/routes.ts'
import { connect } from './db.ts'
import { type App, configOf } from './env.ts'
import { AppError, problemOf } from './errors.ts'
import { events } from './event/events.ts'
import { executions } from './event/executions.ts'
import { runs } from './execution/routes.ts'
import { driverFor } from './executor/drive.ts'

export const app = new Hono<App>()

app.get('/', (c) =>
  c.json({ name: 'noetl-edge', health: '/health', executions: '/api/executions' }),
)
app.get('/health', (c) => c.json({ status: 'ok' }))

app.use('/api/*', async function perRequest(c, next) {
  const config = configOf(c.env)
  const sql = connect(config)
  c.set('config', config)
  c.set('sql', sql)
  c.set('driver', driverFor(c.env, config, sql, 'request'))
  await next()
})
app.use('/api/*', access)
app.route('/api', runs)
app.route('/api', executions)
app.route('/api', events)
app.route('/api/catalog', catalog)
app.route('/api/credentials', credentials)

app.notFound((c) =>
  problem(new AppError('not_found', `there is no ${c.req.method} ${c.req.path}`), c.req.path),
)

app.onError((error, c) => {
  if (error instanceof AppError) {
    if (error.code === 'internal') console.error(error.message, error.cause)
    return problem(error, c.req.path, c.res.headers)
  }
  // the database's or the runtime's words are for the log, not for the caller
  console.error('unexpected error', error)
  return problem(
    new AppError('internal', 'something went wrong here; it has been logged'),
    c.req.path,
  )
})

function problem(error: AppError, path: string, headers = new Headers()): Response {
  const document = problemOf(error, path)
  const reply = new Headers(headers)
  reply.set('content-type', 'application/problem+json')
  if (document.status === 503) reply.set('retry-after', '5')
  return new Response(JSON.stringify(document), { status: document.status, headers: reply })
}
