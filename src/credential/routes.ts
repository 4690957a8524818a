import type { Context } from 'hono'
import { requireScope } from '../access/caller.ts'
import type { App } from '../env.ts'
import { Hono } from '../hono.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply, type Sent } from '../reply.ts'
import {
  CredentialFilter,
  CredentialItem,
  CredentialList,
  DeletedCredential,
  IncludeData,
  NewCredentialRequest,
} from './schema.ts'
import { deleteCredential, getCredential, listCredentials, putCredential } from './service.ts'

const create = operation({
  summary: 'Create a credential, or replace the one of that name',
  scope: 'credential',
  reach: 'any',
  body: NewCredentialRequest,
  reply: CredentialItem,
  errors: ['conflict'],
  example: { name: 'pg_main', type: 'postgres', data: { db_host: 'db', db_user: 'u' } },
})

export const credentials = new Hono()
  .post('/', create, (c) => put(c, c.req.valid('json')))
  .post('/legacy', create, (c) => put(c, c.req.valid('json')))
  .get(
    '/',
    operation({
      summary: 'Credentials by name, without their data',
      scope: ['read', 'credential'],
      reach: 'any',
      query: CredentialFilter,
      reply: CredentialList,
    }),
    async (c) => {
      const { type = null, q = null, cursor = null, limit } = c.req.valid('query')
      const { items, next } = await listCredentials(c.var.sql, { type, q, cursor, limit })
      return paged(c, { json: toJson({ items, filter: { type, q } }), next }, 'cursor')
    },
  )
  .get(
    '/:identifier',
    operation({
      summary: 'One credential, by name or id',
      description:
        'With its data only for the scope `credential`; who reads them is put into the audit.',
      scope: ['read', 'credential', 'worker'],
      reach: 'any',
      query: IncludeData,
      reply: CredentialItem,
      errors: ['not_found'],
    }),
    async (c) => {
      const { sql, config, caller } = c.var
      const { include_data } = c.req.valid('query')
      if (include_data) {
        requireScope(caller, 'credential')
        c.header('cache-control', 'no-store')
      }
      const name = c.req.param('identifier')
      return reply(c, await getCredential(sql, config, name, include_data, caller))
    },
  )
  .delete(
    '/:identifier',
    operation({
      summary: 'Delete a credential, by name or id',
      description: 'Steps that name it fail from then on.',
      scope: 'credential',
      reach: 'any',
      reply: DeletedCredential,
      errors: ['not_found'],
    }),
    async (c) => {
      const { sql, caller } = c.var
      const name = await deleteCredential(sql, caller, c.req.param('identifier'))
      return reply(c, { status: 'ok', name })
    },
  )

async function put(c: Context<App>, request: NewCredentialRequest): Promise<Sent> {
  const { sql, config, caller } = c.var
  return reply(c, await putCredential(sql, config, caller, request))
}
