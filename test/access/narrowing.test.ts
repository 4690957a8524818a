// What starts runs lends them what its maker could see, and no more than whoever changed it could.
import { expect, test } from 'vitest'
import { deliver, SECRET } from '../hook/support.ts'
import { newClient } from '../support.ts'
import { newKey, withKey } from './callers.ts'

const client = newClient()
let count = 0

/** A playbook below a folder whose step runs one outside of it. */
async function reaching() {
  const folder = `narrow-${Date.now()}-${++count}`
  const outside = `outside-${folder}/p`
  await client.register(
    `metadata: {path: ${outside}}\nworkflow:\n  - {step: start, next: end}\n  - {step: end}`,
  )
  const path = `${folder}/p`
  await client.register(
    `metadata: {path: ${path}}\nworkflow:\n  - {step: start, next: out}\n` +
      `  - {step: out, type: playbook, path: ${outside}, next: end}\n  - {step: end}`,
  )
  const key = await newKey(['hook', 'read'], { path_prefix: folder })
  return { folder, path, send: withKey(key.key).send }
}

const statusOf = async (path: string) => {
  const [newest] = (await client.get(`/api/executions?path=${path}`)).body
  return [newest?.status, newest?.error ?? null]
}
const NOT_THERE = expect.stringMatching(/No catalog entries found for path 'outside-/)

test('a hook', async () => {
  const { path, send } = await reaching()
  const name = `narrow-${Date.now()}`
  const hook = { name, path, provider: 'github', secrets: [SECRET] }
  expect((await client.post('/api/hooks', hook)).status).toBe(200)
  await deliver(client, hook, { n: 1 })
  expect(await statusOf(path)).toEqual(['COMPLETED', null])
  const changed = await send('PATCH', `/api/hooks/${name}`, { parameters: { mine: 1 } })
  expect(changed.status, changed.text).toBe(200)
  // as an isolate that has not seen it before
  await deliver(newClient(), hook, { n: 2 })
  expect(await statusOf(path)).toEqual(['FAILED', NOT_THERE])
})

test('a delivery that is delivered again', async () => {
  const { path, send } = await reaching()
  const name = `narrow-again-${Date.now()}`
  const hook = { name, path, provider: 'github', secrets: [SECRET] }
  await client.post('/api/hooks', hook)
  const { body } = await deliver(client, hook, { n: 1 })
  const url = `/api/hooks/${name}/deliveries/${body.id}/redeliver`
  expect((await send('POST', url)).status).toBe(200)
  expect(await statusOf(path)).toEqual(['FAILED', NOT_THERE])
})

test('a schedule', async () => {
  const { path, send } = await reaching()
  const name = `narrow-${Date.now()}`
  await client.post('/api/schedules', { name, cron: '@yearly', path })
  expect((await client.post(`/api/schedules/${name}/run`, undefined)).status).toBe(200)
  expect(await statusOf(path)).toEqual(['COMPLETED', null])
  expect((await send('PATCH', `/api/schedules/${name}`, { merge: true })).status).toBe(200)
  expect((await client.post(`/api/schedules/${name}/run`, undefined)).status).toBe(200)
  expect(await statusOf(path)).toEqual(['FAILED', NOT_THERE])
})
