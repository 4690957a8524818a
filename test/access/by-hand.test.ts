// Runs that somebody starts by hand, and secrets that somebody is shown: the audit says who, and so does the run.
import { describe, expect, test } from 'vitest'
import { deliver, hookOf } from '../hook/support.ts'
import { newInbox } from '../notification/inbox.ts'
import { atOnce, databaseOf } from '../notification/support.ts'
import { expectRebuilt } from '../rebuild.ts'
import { newKey, open, withKey } from './callers.ts'

async function callerOf(scopes: Parameters<typeof newKey>[0], more = {}) {
  const key = await newKey(scopes, more)
  return { id: `key:${key.id}`, ...withKey(key.key) }
}

async function linesOf(actor: string) {
  const { body } = await open.get(`/api/audit?actor=${actor}`)
  const line = (item: Record<string, unknown>) => [item.action, item.subject, item.detail]
  return body.items.map(line)
}

const runOf = async (id: string) => (await open.get(`/api/executions/${id}`)).body

describe('the audit and the run tell who', () => {
  test('had a schedule run, once under a key', async () => {
    const { id, send } = await callerOf(['hook'])
    const hook = await hookOf(open)
    const name = `s-${hook.name}`
    await send('POST', '/api/schedules', { name, cron: '@daily', path: hook.path, enabled: false })
    const run = (headers = {}) => send('POST', `/api/schedules/${name}/run`, undefined, headers)
    const first = await run()
    const once = { 'idempotency-key': name }
    const [second, again] = [await run(once), await run(once)]
    expect(again.body.execution_id).toBe(second.body.execution_id)
    const line = (reply: { body: { execution_id: string } }) => [
      'schedule.run',
      `schedule:${name}`,
      { execution_id: reply.body.execution_id },
    ]
    expect((await linesOf(id)).slice(0, -1)).toEqual([line(second), line(first)])
    expect((await runOf(first.body.execution_id)).requestor.caller).toBe(id)
  })

  test('delivered again, where that starts a run', async () => {
    const { id, send } = await callerOf(['hook'])
    const hook = await hookOf(open)
    const first = await deliver(open, hook, { n: 1 })
    const path = `/api/hooks/${hook.name}/deliveries/${first.body.id}/redeliver`
    const again = await send('POST', path, {})
    const detail = { delivery: first.body.id, execution_id: again.body.execution_id }
    expect(await linesOf(id)).toEqual([['hook.redelivered', `hook:${hook.name}`, detail]])
    expect((await runOf(again.body.execution_id)).requestor.caller).toBe(id)
    // nobody started the first
    expect((await runOf(first.body.execution_id)).requestor).not.toHaveProperty('caller')
  })

  test('though the answer was lost: one line', async () => {
    const { id, send, client } = await callerOf(['hook'])
    const hook = await hookOf(open)
    const first = await deliver(open, hook, { n: 1 })
    const path = `/api/hooks/${hook.name}/deliveries/${first.body.id}/redeliver`
    await send('GET', `/api/hooks/${hook.name}`)
    await client.faults({ rate: 1, kinds: ['reset_after'], seed: 1, skip: 2, times: 1 })
    expect((await send('POST', path, {})).status).toBe(200)
    await client.noFaults()
    expect(await linesOf(id)).toHaveLength(1)
  })

  test('started a run', async () => {
    const { id, send } = await callerOf(['run'])
    const catalog_id = await open.register(atOnce())
    const { body } = await send('POST', '/api/executions/run', { catalog_id })
    expect((await runOf(body.execution_id)).requestor.caller).toBe(id)
  })

  test('was shown what notifications are signed with; a key with a prefix is not', async () => {
    const { id, send } = await callerOf(['hook'])
    const path = '/api/notifications/secret?url=https://receiver.example/x'
    expect((await send('GET', path)).status).toBe(200)
    const subject = 'origin:https://receiver.example'
    expect(await linesOf(id)).toEqual([['notification.secret_read', subject, {}]])
    const narrow = await callerOf(['hook'], { path_prefix: 'team-b/' })
    expect((await narrow.send('GET', path)).status).toBe(403)
    expect(await linesOf(narrow.id)).toEqual([])
  })
})

test('what a run keeps to and who is told of it are in its log', async () => {
  const name = `team-${Date.now()}/`
  const { send } = await callerOf(['run'], { path_prefix: name })
  const content = atOnce().replace(/path: [^,}\s]+/, `path: ${name}p`)
  const catalog_id = await open.register(content)
  const inbox = newInbox()
  const reply = await send('POST', '/api/executions/run', { catalog_id, notify: inbox.url })
  const [start] = (await runOf(reply.body.execution_id)).events
  expect(start.meta).toMatchObject({ within: name, notify: [{ url: inbox.url, credential: null }] })
  const { body } = await open.post('/api/executions/run', { catalog_id })
  const [bare] = (await runOf(body.execution_id)).events
  expect(Object.keys(bare.meta)).not.toContain('notify')
  expect(Object.keys(bare.meta)).not.toContain('within')
  await expectRebuilt(open.env.DATABASE_URL as string, [catalog_id])
  expect(
    await databaseOf(open)`select within, notify from noetl.execution
    where execution_id = ${reply.body.execution_id}`,
  ).toEqual([{ within: name, notify: [{ url: inbox.url, credential: null }] }])
})
