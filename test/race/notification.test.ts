import { describe, expect, inject, test } from 'vitest'
import { isSigned, newInbox } from '../notification/inbox.ts'
import {
  atOnce,
  bringForward,
  databaseOf,
  notificationsOf,
  runOf,
} from '../notification/support.ts'
import { chain, completed, newClient } from '../support.ts'

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  const client = () => newClient({}, inject('postgres'))

  test('many that send at once send each message once', async () => {
    const senders = Array.from({ length: 6 }, client)
    const [first = client()] = senders
    const inbox = newInbox('?slow=200&status=500,200')
    const inboxes = [
      inbox,
      ...Array.from({ length: 4 }, () => newInbox('?slow=200&status=500,200')),
    ]
    const id = await runOf(first, atOnce(), { notify: inboxes.map(({ url }) => url) })
    await bringForward(first, id)
    await Promise.all(senders.map((sender) => sender.tick()))
    const { secret } = (
      await first.get(`/api/notifications/secret?url=${encodeURIComponent(inbox.url)}`)
    ).body
    for (const each of inboxes) {
      const messages = await each.messages()
      expect(messages).toHaveLength(2)
      for (const message of messages) expect(await isSigned(message, secret)).toBe(true)
    }
    const rows = await notificationsOf(first, id)
    for (const row of rows) expect(row).toMatchObject({ status: 'delivered', attempts: 2 })
  })

  test('whichever end comes first is the one that is told of', async () => {
    const one = client()
    const catalog_id = await one.register(chain('a'))
    for (let round = 0; round < 10; round++) {
      const inbox = newInbox()
      const { body } = await one.post('/api/executions/run', { catalog_id, notify: inbox.url })
      const id = body.execution_id
      await Promise.all([
        client().post(`/api/executions/${id}/cancel`, {}),
        client().post('/api/events', completed(id, 'a')),
        client().post(`/api/executions/${id}/cancel`, {}),
      ])
      await one.tick()
      const terminal = (await one.log(id)).filter((event) => /^execution_(comp|canc)/.test(event))
      const types = (await inbox.messages()).map(({ event }) => event.type)
      expect(types).toEqual([
        terminal[0]?.startsWith('execution_cancelled')
          ? 'execution.cancelled'
          : 'execution.completed',
      ])
      const [row] = await databaseOf(one)`select count(*)::int as n from noetl.notification
        where execution_id = ${id}`
      expect(row?.n).toBe(1)
    }
  })
})
