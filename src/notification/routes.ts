import { Hono } from '../hono.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply } from '../reply.ts'
import {
  Notification,
  NotificationList,
  NotificationQuery,
  SecretQuery,
  SecretReply,
} from './schema.ts'
import { sendOf } from './send.ts'
import { readNotifications, redriveNotification, secretFor } from './service.ts'

/** What receivers are told of executions that have ended. */
export const notifications = new Hono()
  .get(
    '/notifications',
    operation({
      summary: 'Notifications, newest first',
      description: 'Delivered ones are kept for 7 days, dead ones for 30.',
      scope: 'hook',
      reach: 'own',
      query: NotificationQuery,
      reply: NotificationList,
    }),
    async (c) => {
      const { sql, caller } = c.var
      const { items, next } = await readNotifications(sql, caller, c.req.valid('query'))
      return paged(c, { json: toJson({ items }), next }, 'cursor')
    },
  )
  .get(
    '/notifications/secret',
    operation({
      summary: 'What notifications to an address are signed with',
      description:
        'Each origin has a secret of its own. Targets with a credential are signed with that.',
      scope: 'hook',
      reach: 'all',
      query: SecretQuery,
      reply: SecretReply,
    }),
    async (c) => {
      c.header('cache-control', 'no-store')
      return reply(c, await secretFor(c.var, c.req.valid('query').url))
    },
  )
  .post(
    '/notifications/:notification_id/redrive',
    operation({
      summary: 'Send a dead notification again',
      description: 'At once, under the same `webhook-id`, and with all its attempts.',
      scope: 'hook',
      reach: 'own',
      reply: Notification,
      errors: ['not_found', 'conflict'],
    }),
    async (c) => {
      const { sql, caller, driver } = c.var
      const row = await redriveNotification(sql, caller, c.req.param('notification_id'))
      driver.later(sendOf(driver, row.execution_id))
      return reply(c, row)
    },
  )
