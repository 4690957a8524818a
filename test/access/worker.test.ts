// A worker that has its key in the server's address, as NoETL's takes it: it completes jobs, and can do nothing else.
import { beforeAll, expect, test } from 'vitest'
import { declarations } from '../routes/description.ts'
import { chain, completed, newClient } from '../support.ts'

const owner = newClient({ ACCESS: 'key', API_KEY: 'the root key of this test' })
const rooted = { headers: { authorization: 'Bearer the root key of this test' } }
let worker: (method: string, path: string, body?: unknown) => ReturnType<typeof owner.send>

async function asOwner(method: string, path: string, body?: unknown) {
  const reply = await owner.send(method, path, body, rooted)
  if (reply.status !== 200) throw new Error(`${method} ${path}: ${reply.text}`)
  return reply.body
}

beforeAll(async () => {
  const name = `worker-${Date.now()}`
  const { key } = await asOwner('POST', '/api/keys', { name, scopes: ['worker'] })
  // http clients make this of https://worker:KEY@host
  const address = new URL(`https://worker:${key}@edge.localhost`)
  const basic = `Basic ${btoa(`${address.username}:${address.password}`)}`
  const headers = { authorization: basic }
  worker = (method, path, body) => owner.send(method, path, body, { headers })
})

test('it registers, leases, renders, reports and completes', async () => {
  const { catalog_id } = await asOwner('POST', '/api/catalog/register', { content: chain('work') })
  const { execution_id } = await asOwner('POST', '/api/executions/run', { catalog_id })
  const pool = { name: `pool-${Date.now()}`, runtime: 'cpu', uri: 'local://vm' }
  expect((await worker('POST', '/api/worker/pool/register', pool)).status).toBe(200)
  expect((await worker('GET', '/api/queue/size?status=queued')).status).toBe(200)
  let job: { execution_id: string; queue_id: string; action: string; context: object } | null = null
  do {
    const leased = await worker('POST', '/api/queue/lease', { worker_id: 'w', lease_seconds: 60 })
    expect(leased.status).toBe(200)
    job = leased.body.job
  } while (job && job.execution_id !== execution_id)
  if (!job) throw new Error('the job was not to be had')
  const template = { work: job.context, task: job.action }
  const rendered = await worker('POST', '/api/context/render', { execution_id, template })
  expect(rendered.status).toBe(200)
  const report = completed(execution_id, 'work', { done: true })
  const started = { ...report, event_type: 'action_started', status: 'STARTED', result: {} }
  for (const event of [started, report, { ...report, event_type: 'step_result' }]) {
    expect((await worker('POST', '/api/events', event)).status).toBe(200)
  }
  expect((await worker('POST', `/api/queue/${job.queue_id}/complete`)).status).toBe(200)
  expect((await worker('POST', '/api/worker/pool/heartbeat', { name: pool.name })).status).toBe(200)
  expect((await worker('DELETE', '/api/worker/pool/deregister', { name: pool.name })).status).toBe(
    200,
  )
  const { status } = await asOwner('GET', `/api/executions/${execution_id}`)
  expect(status).toBe('COMPLETED')
})

test('it does nothing else', async () => {
  const refused: string[] = []
  for (const [on, { scope, open }] of declarations) {
    if (open) continue
    const [method = '', path = ''] = on.replace(/\{\w+\}/g, '1').split(' ')
    const { status } = await worker(method, path, method === 'GET' ? undefined : {})
    const mayAsk = scope === null || [scope].flat().includes('worker')
    expect([on, status === 403]).toEqual([on, !mayAsk])
    if (status === 403) refused.push(on)
  }
  for (const on of [
    'GET /api/executions',
    'GET /api/executions/{execution_id}',
    'POST /api/executions/run',
    'POST /api/executions/{execution_id}/stop',
    'POST /api/catalog/register',
    'POST /api/credentials',
    'POST /api/hooks',
    'POST /api/keys',
    'POST /api/queue/enqueue',
    'GET /api/audit',
    'GET /metrics',
  ]) {
    expect(refused).toContain(on)
  }
})

test('a credential it reads without its data, unless its key says more', async () => {
  const name = `pg-${Date.now()}`
  await asOwner('POST', '/api/credentials', {
    name,
    type: 'postgres',
    data: { password: 'sesame' },
  })
  const plain = await worker('GET', `/api/credentials/${name}`)
  expect([plain.status, plain.body.data]).toEqual([200, null])
  const whole = await worker('GET', `/api/credentials/${name}?include_data=true`)
  expect(whole.status).toBe(403)
  expect(whole.text).not.toContain('sesame')
})
