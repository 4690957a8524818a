import { expect, test } from 'vitest'
import { chain, completed, newClient } from '../support.ts'

test('a linear playbook of three worker steps leaves 17 events', async () => {
  const client = newClient()
  const id = await client.run(await client.register(chain('a', 'b', 'c')))
  for (const step of ['a', 'b', 'c']) {
    for (const event_type of ['action_started', 'action_completed', 'step_result']) {
      const { status } = await client.post('/api/events', {
        ...completed(id, step, { n: 1 }),
        event_type,
      })
      expect(status).toBe(200)
    }
  }
  const { body } = await client.get(`/api/executions/${id}`)
  expect(body).toMatchObject({ status: 'COMPLETED', progress: 100, error: null })
  expect(body.events).toHaveLength(17)
})
