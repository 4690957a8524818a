// What the requests of the table need to be there: each call makes things of its own.
import { neon } from '@neondatabase/serverless'
import { inject } from 'vitest'
import type { Json, JsonObject } from '../../src/json.ts'
import { chain, completed, newClient, playbook } from '../support.ts'

export const client = newClient()

const sql = neon(client.env.DATABASE_URL as string)

/** Who asks, as a run keeps it. */
const ASKER = { 'user-agent': 'routes/1', 'cf-connecting-ip': '192.0.2.1' }

/** An id of nothing. */
export const NOBODY = '999999999999999999'

let names = 0
/** A name that nothing else has. */
export const fresh = (what: string) => `${what}-${Date.now()}-${++names}`

/** Sends a request that must succeed. */
export async function must(method: string, path: string, body?: unknown, headers = {}) {
  const reply = await client.send(method, path, body, { headers })
  if (reply.status !== 200) throw new Error(`${method} ${path}: ${reply.text}`)
  return reply.body
}

/** The text of a playbook under a path of its own, whose steps wait for a worker. */
export function text(...steps: string[]): { path: string; content: string } {
  const content = chain(...(steps.length > 0 ? steps : ['work']))
  return { path: /path: ([^,]+)/.exec(content)?.[1] ?? '', content }
}

/** A playbook in the catalog. */
export interface Playbook {
  path: string
  content: string
  catalog_id: string
}

export async function registered(given = text()): Promise<Playbook> {
  const { catalog_id } = await must('POST', '/api/catalog/register', { content: given.content })
  return { ...given, catalog_id: String(catalog_id) }
}

/** An execution whose only step, `work`, is queued for a worker; nobody else is ahead of it in the queue. */
export async function running(given?: Playbook) {
  const playbook = given ?? (await registered())
  const { execution_id } = await must(
    'POST',
    '/api/executions/run',
    { catalog_id: playbook.catalog_id, parameters: { n: 1 } },
    ASKER,
  )
  await first(execution_id)
  return { ...playbook, id: String(execution_id), node: `${execution_id}:work` }
}

/** The next lease takes the job of this execution, whatever else waits. */
export async function first(id: string): Promise<void> {
  await sql`update noetl.queue set priority = (select max(priority) + 1 from noetl.queue)
    where execution_id = ${id}`
}

/** The same, its job leased by the worker `w1`. */
export async function leased(given?: Playbook) {
  const execution = await running(given)
  const { job } = await must('POST', '/api/queue/lease', { worker_id: 'w1', lease_seconds: 60 })
  if (job.execution_id !== execution.id) throw new Error('another job was first')
  return { ...execution, job }
}

/** The same, the lease having run out. */
export async function expired() {
  const lease = await leased()
  await sql`update noetl.queue set lease_until = now() - interval '1 second'
    where execution_id = ${lease.id}`
  return lease
}

/** The same, the job dead and its execution still open: another branch waits. */
export async function dead() {
  const lease = await leased()
  await sql`update noetl.queue set status = 'dead', lease_until = null
    where execution_id = ${lease.id}`
  return lease
}

const report = (id: string, event_type: string, data: Json): JsonObject => ({
  ...completed(id, 'work', data),
  event_type,
  ...(event_type === 'action_started' && { status: 'STARTED' }),
})

/** An execution that a worker has done: seven events. */
export async function ended(data: Json = { said: 'hello' }, given?: Playbook) {
  const execution = await leased(given)
  for (const type of ['action_started', 'action_completed', 'step_result']) {
    await must('POST', '/api/events', report(execution.id, type, data))
  }
  await must('POST', `/api/queue/${execution.job.queue_id}/complete`)
  const { events } = await must('GET', `/api/execution/data/${execution.id}`)
  return { ...execution, events, event_id: String(events[2].event_id) }
}

/** An execution that failed, and says why. */
export async function failed() {
  const execution = await leased()
  const error = {
    ...report(execution.id, 'action_error', null),
    status: 'FAILED',
    error: 'no luck',
  }
  await must('POST', '/api/events', error)
  await must('POST', `/api/queue/${execution.job.queue_id}/fail`, { retry: false })
  return execution
}

/** A worker pool. */
export async function pool() {
  const name = fresh('pool')
  const body = { name, runtime: 'cpu', uri: 'local://vm', pid: 1, hostname: 'vm' }
  const { runtime_id } = await must('POST', '/api/worker/pool/register', body)
  return { name, runtime_id: String(runtime_id) }
}

/** A broker. */
export async function broker() {
  const name = fresh('broker')
  await must('POST', '/api/broker/register', { name, uri: `http://${name}` })
  return { name }
}

/** A credential. */
export async function credential() {
  const name = fresh('credential')
  const data = { db_host: 'db.test', db_password: 'secret' }
  const { id } = await must('POST', '/api/credentials', {
    name,
    type: 'postgres',
    data,
    tags: ['a', 'b'],
    description: 'd',
  })
  return { name, id: String(id), data }
}

/** An API key. */
export async function key() {
  const name = fresh('key')
  const { id } = await must('POST', '/api/keys', { name, scopes: ['read'] })
  return { name, id: String(id) }
}

/** A schedule that is not due for long; its playbook waits for a worker. */
export async function schedule(more: JsonObject = {}) {
  const { path } = await registered()
  const name = fresh('schedule')
  const body = { name, cron: '0 0 1 1 *', path, ...more }
  const { id } = await must('POST', '/api/schedules', body)
  return { name, path, id: String(id) }
}
/** A notification that its receiver has answered so. */
async function notified(status: number) {
  const content = playbook('  - {step: start, next: end}\n  - {step: end}')
  const { catalog_id } = await registered({ path: '', content })
  const url = `${inject('echo')}/status/${status}`
  const { execution_id } = await must('POST', '/api/executions/run', { catalog_id, notify: [url] })
  const { items } = await must('GET', `/api/notifications?execution_id=${execution_id}`)
  return { id: String(items[0].id), execution_id: String(execution_id) }
}

/** One that its receiver has taken, and one that it wants no more. */
export const taken = () => notified(200)
export const untaken = () => notified(410)
