import { Hono } from '../hono.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply } from '../reply.ts'
import {
  ApiKey,
  AuditList,
  AuditQuery,
  CreatedKey,
  KeyList,
  KeyQuery,
  NewKeyRequest,
} from './schema.ts'
import { createKey, endKey, readAudit, readKeys } from './service.ts'

/** Keys, and who has changed what. */
export const keys = new Hono()
  .post(
    '/keys',
    operation({
      summary: 'Make an API key',
      description: 'Its text is in this reply and nowhere else.',
      scope: 'admin',
      reach: 'any',
      body: NewKeyRequest,
      reply: CreatedKey,
      errors: ['conflict'],
      example: { name: 'worker-pool-1', scopes: ['worker', 'credential'] },
    }),
    async (c) => {
      c.header('cache-control', 'no-store')
      return reply(c, await createKey(c.var.sql, c.var.caller, c.req.valid('json')))
    },
  )
  .get(
    '/keys',
    operation({
      summary: 'API keys, newest first, revoked ones among them',
      scope: 'admin',
      reach: 'any',
      query: KeyQuery,
      reply: KeyList,
    }),
    async (c) => {
      const { items, next } = await readKeys(c.var.sql, c.req.valid('query'))
      return paged(c, { json: toJson({ items }), next }, 'cursor')
    },
  )
  .delete(
    '/keys/:key_id',
    operation({
      summary: 'Revoke an API key',
      description: 'It is refused everywhere within a minute. Revoking twice is 200 twice.',
      scope: 'admin',
      reach: 'any',
      reply: ApiKey,
      errors: ['not_found'],
    }),
    async (c) => reply(c, await endKey(c.var.sql, c.var.caller, c.req.param('key_id'))),
  )
  .get(
    '/audit',
    operation({
      summary: 'Who changed keys, hooks, schedules, credentials and the catalog, newest first',
      description: 'And who read the data of a credential.',
      scope: 'admin',
      reach: 'any',
      query: AuditQuery,
      reply: AuditList,
    }),
    async (c) => {
      const { items, next } = await readAudit(c.var.sql, c.req.valid('query'))
      return paged(c, { json: toJson({ items }), next }, 'cursor')
    },
  )
