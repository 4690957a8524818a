import { type Context, Hono } from 'hono'
import type { App } from '../env.ts'
import { type Json, toJson } from '../json.ts'
import { paged, reply } from '../paging.ts'
import { parse, query, readJson } from '../validate.ts'
import { ListQuery, PlaybookQuery, RegisterRequest, ResourceQuery } from './schema.ts'
import { readEntries, readEntry, readHeads, registerEntry } from './service.ts'
import { MAX_CONTENT_BYTES } from './validate.ts'

/** Base64 takes four bytes for three, and JSON may escape: what a registration may weigh. */
const MAX_BODY_BYTES = 2 * MAX_CONTENT_BYTES

export const catalog = new Hono<App>()
  .post('/register', async (c) => c.json(await registerEntry(c.var.sql, await registrationOf(c))))
  .get('/list', query(ListQuery), async (c) => {
    const { resource_type, cursor = null, limit } = c.req.valid('query')
    const page = { kind: resource_type, path: null, after: cursor, limit }
    const { rows, next } = await readEntries(c.var.sql, page)
    const entries = rows.map(({ catalog_id: _id, ...row }) => row)
    return paged(c, { json: toJson({ entries }), next }, 'cursor')
  })
  .get('/playbooks', query(ListQuery), async (c) => {
    const { cursor = null, limit } = c.req.valid('query')
    const { rows, next } = await readHeads(c.var.sql, { after: cursor, limit })
    const playbooks = rows.map((row) => ({
      id: row.path,
      name: row.name ?? row.path.slice(row.path.lastIndexOf('/') + 1),
      kind: row.kind,
      version: row.version,
      meta: row.meta,
      description: row.description,
      created_at: row.created_at,
      updated_at: row.created_at,
      status: 'active',
      tasks_count: row.tasks_count,
    }))
    return paged(c, { json: toJson(playbooks), next }, 'cursor')
  })
  .get('/resource', query(ResourceQuery), async (c) => {
    const { resource_path, cursor = null, limit } = c.req.valid('query')
    const page = { kind: null, path: resource_path, after: cursor, limit }
    const { rows, next } = await readEntries(c.var.sql, page)
    return paged(c, { json: toJson(rows), next }, 'cursor')
  })
  .get('/playbook', query(PlaybookQuery), async (c) => {
    const { playbook_id, version } = c.req.valid('query')
    return reply(c, await readEntry(c.var.sql, playbook_id, version))
  })
  .get('/playbook/content', query(PlaybookQuery), async (c) => {
    const { playbook_id, version } = c.req.valid('query')
    const entry = await readEntry(c.var.sql, playbook_id, version)
    return c.json({ path: entry.path, version: entry.version, content: entry.content })
  })

/** NoETL takes a registration from the body or from the query; the body counts where both say it. */
async function registrationOf(c: Context<App>): Promise<RegisterRequest> {
  const inBody: Json = c.req.raw.body ? await readJson(c, MAX_BODY_BYTES) : {}
  const merged =
    typeof inBody === 'object' && !Array.isArray(inBody) ? { ...c.req.query(), ...inBody } : inBody
  return parse(RegisterRequest, merged, 'registration')
}
