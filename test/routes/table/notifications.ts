// Notifications: what receivers are told of executions that have ended.
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const LIST = 'GET /api/notifications'
const SECRET = 'GET /api/notifications/secret'
const REDRIVE = 'POST /api/notifications/{notification_id}/redrive'

const ITEM = {
  id: 'id',
  execution_id: 'id',
  path: 'text',
  type: '=execution.completed',
  url: 'text',
  credential: null,
  status: '=dead',
  attempts: 1,
  next_attempt_at: null,
  last_status: 410,
  last_error: 'text',
  created_at: 'time',
  delivered_at: null,
}

export const notifications = [
  good(LIST, {
    as: 'of an execution',
    given: world.untaken,
    send: ({ execution_id }) => ({ query: { execution_id, status: 'dead', limit: 5 } }),
    reply: { items: [ITEM] },
    is: ({ id, execution_id }) => ({ items: [{ id, execution_id }] }),
  }),
  good(LIST, {
    as: 'of nothing',
    send: { query: { execution_id: world.NOBODY } },
    reply: { items: [] },
  }),
  bad(LIST, 'of a status that there is not', {
    send: { query: { status: 'lost', cursor: 'x' } },
    code: 'invalid_input',
    detail: /^invalid query: \/status /,
    pointers: ['/status', '/cursor'],
  }),
  good(SECRET, {
    send: { query: { url: 'https://receiver.example/noetl?x=1' } },
    reply: { origin: '=https://receiver.example', secret: 'text' },
  }),
  bad(SECRET, 'for what is no address', {
    send: { query: { url: 'receiver.example' } },
    code: 'invalid_input',
    detail: 'url is not an http or https address',
    pointers: ['/url'],
  }),
  good(REDRIVE, {
    given: world.untaken,
    send: ({ id }) => ({ params: { notification_id: id } }),
    reply: { ...ITEM, status: '=pending', attempts: 0, next_attempt_at: 'time' },
    is: ({ id }) => ({ id }),
  }),
  bad(REDRIVE, 'of one that is not dead', {
    given: world.taken,
    send: ({ id }) => ({ params: { notification_id: id } }),
    code: 'conflict',
    detail: 'the notification is delivered, not dead',
  }),
  bad(REDRIVE, 'of an unknown one', {
    send: { params: { notification_id: world.NOBODY } },
    code: 'not_found',
    detail: `Notification '${world.NOBODY}' not found.`,
  }),
]
