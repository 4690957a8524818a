// API keys, and the audit of what is changed.
import { expect } from 'vitest'
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const MAKE = 'POST /api/keys'
const KEYS = 'GET /api/keys'
const REVOKE = 'DELETE /api/keys/{key_id}'
const AUDIT = 'GET /api/audit'

const KEY = {
  id: 'id',
  name: 'text',
  scopes: ['text'],
  path_prefix: 'text|null',
  created_at: 'time',
  expires_at: 'time|null',
  last_used_at: 'time|null',
  revoked_at: 'time|null',
}

const LINE = {
  id: 'id',
  created_at: 'time',
  actor: 'text',
  actor_name: 'text',
  ip: 'text|null',
  action: 'text',
  subject: 'text',
  detail: 'object',
}

export const access = [
  good(MAKE, {
    given: async () => world.fresh('key'),
    send: (name) => ({ body: { name, scopes: ['read', 'run'], path_prefix: 'team-a' } }),
    reply: { ...KEY, key: 'text' },
    is: (name) => ({ name, scopes: ['read', 'run'], path_prefix: 'team-a/', expires_at: null }),
  }),
  good(MAKE, {
    as: 'that expires',
    given: async () => world.fresh('key'),
    send: (name) => ({ body: { name, scopes: ['admin'], expires_at: '2100-01-01' } }),
    reply: { ...KEY, key: 'text' },
    is: { path_prefix: null, expires_at: '2100-01-01T00:00:00.000000Z' },
  }),
  bad(MAKE, 'of a name that is in use', {
    given: world.key,
    send: ({ name }) => ({ body: { name, scopes: ['read'] } }),
    code: 'conflict',
    detail: /^a key named 'key-.*' is in use; revoke it, or take another name$/,
  }),
  bad(MAKE, 'of no name, and for what is no scope', {
    send: { body: { name: ' ', scopes: ['all'], path_prefix: '/', expires_at: 'soon' } },
    code: 'invalid_input',
    detail: /^invalid body: \/name /,
    pointers: ['/name', '/scopes/0', '/path_prefix', '/expires_at'],
  }),
  bad(MAKE, 'for everything, with a prefix', {
    send: { body: { name: 'k', scopes: ['admin'], path_prefix: 'team-a/' } },
    code: 'invalid_input',
    detail:
      'invalid body: /path_prefix a key of scope admin can make others, so it takes no prefix',
    pointers: ['/path_prefix'],
  }),
  good(KEYS, {
    given: world.key,
    reply: { items: [KEY] },
    is: ({ id }) => ({ items: expect.arrayContaining([expect.objectContaining({ id })]) }),
  }),
  bad(KEYS, 'with a page that is none', {
    send: { query: { limit: 201, cursor: 'x' } },
    code: 'invalid_input',
    detail: /^invalid query: \/limit /,
    pointers: ['/limit', '/cursor'],
  }),
  good(REVOKE, {
    given: world.key,
    send: ({ id }) => ({ params: { key_id: id } }),
    reply: { ...KEY, revoked_at: 'time' },
    is: ({ id, name }) => ({ id, name }),
  }),
  bad(REVOKE, 'of an unknown id', {
    send: { params: { key_id: world.NOBODY } },
    code: 'not_found',
    detail: `Key '${world.NOBODY}' not found.`,
  }),
  good(AUDIT, {
    given: world.key,
    send: ({ id }) => ({ query: { subject: `key:${id}` } }),
    reply: { items: [LINE] },
    is: ({ name }) => ({
      items: [{ actor: 'open', action: 'key.created', detail: { name, scopes: ['read'] } }],
    }),
  }),
  good(AUDIT, {
    as: 'of an hour and an actor',
    given: world.key,
    send: () => ({
      query: {
        actor: 'open',
        action: 'key.created',
        since: new Date(Date.now() - 3_600_000).toISOString(),
        until: new Date(Date.now() + 3_600_000).toISOString(),
        limit: 2,
      },
    }),
    reply: { items: [LINE] },
  }),
  bad(AUDIT, 'with filters that are none', {
    send: { query: { since: 'yesterday', limit: 0 } },
    code: 'invalid_input',
    detail: /^invalid query: \/since /,
    pointers: ['/since', '/limit'],
  }),
]
