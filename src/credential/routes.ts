import { Hono } from 'hono'
import * as z from 'zod'
import type { App } from '../env.ts'
import { reply } from '../paging.ts'
import { body, query } from '../validate.ts'
import { getCredential, listCredentials, NewCredentialRequest, putCredential } from './service.ts'

const Filter = z.object({ type: z.string().max(64).optional(), q: z.string().max(256).optional() })
const Include = z.object({ include_data: z.stringbool().default(false) })

export const credentials = new Hono<App>()
  .post('/', body(NewCredentialRequest), async (c) =>
    reply(c, await putCredential(c.var.sql, c.var.config, c.req.valid('json'))),
  )
  .get('/', query(Filter), async (c) => {
    const { type = null, q = null } = c.req.valid('query')
    return reply(c, { items: await listCredentials(c.var.sql, type, q), filter: { type, q } })
  })
  .get('/:identifier', query(Include), async (c) =>
    reply(
      c,
      await getCredential(
        c.var.sql,
        c.var.config,
        c.req.param('identifier'),
        c.req.valid('query').include_data,
      ),
    ),
  )
