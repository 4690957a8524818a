import { Hono } from 'hono'
import type { App } from '../env.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply } from '../reply.ts'
import { parse } from '../validate.ts'
import {
  EntryList,
  EntryVersions,
  ListQuery,
  PlaybookContent,
  PlaybookList,
  PlaybookQuery,
  RegisterRequest,
  Registration,
  ResourceQuery,
  WholeEntry,
} from './schema.ts'
import { readEntries, readEntry, readHeads, registerEntry } from './service.ts'
import { MAX_CONTENT_BYTES } from './validate.ts'

/** Base64 takes four bytes for three, and JSON may escape: what a registration may weigh. */
const MAX_BODY_BYTES = 2 * MAX_CONTENT_BYTES

export const catalog = new Hono<App>()
  .post(
    '/register',
    operation({
      summary: 'Register a version of a playbook',
      description:
        'In the body or in the query; the body counts where both say it. Every fault of the content comes ' +
        'back with its line and column. The same content again is the same version again.',
      query: RegisterRequest.partial(),
      body: RegisterRequest.partial(),
      bodyOptional: true,
      maxBytes: MAX_BODY_BYTES,
      reply: Registration,
      errors: ['conflict'],
      example: {
        content:
          'metadata: {path: demo/hello}\nworkflow:\n  - {step: start, next: end}\n  - {step: end}\n',
      },
    }),
    async (c) => {
      const merged = { ...c.req.valid('query'), ...c.req.valid('json') }
      return reply(c, await registerEntry(c.var.sql, parse(RegisterRequest, merged, 'body')))
    },
  )
  .get(
    '/list',
    operation({
      summary: 'Every version of every entry of a kind, newest first',
      query: ListQuery,
      reply: EntryList,
    }),
    async (c) => {
      const { resource_type, cursor = null, limit } = c.req.valid('query')
      const page = { kind: resource_type, path: null, after: cursor, limit }
      const { rows, next } = await readEntries(c.var.sql, page)
      const entries = rows.map(({ catalog_id: _id, ...row }) => row)
      return paged(c, { json: toJson({ entries }), next }, 'cursor')
    },
  )
  .get(
    '/playbooks',
    operation({
      summary: 'Playbooks without their content, newest first',
      query: ListQuery,
      reply: PlaybookList,
    }),
    async (c) => {
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
    },
  )
  .get(
    '/resource',
    operation({
      summary: 'Every version of one entry, newest first',
      query: ResourceQuery,
      reply: EntryVersions,
    }),
    async (c) => {
      const { resource_path, cursor = null, limit } = c.req.valid('query')
      const page = { kind: null, path: resource_path, after: cursor, limit }
      const { rows, next } = await readEntries(c.var.sql, page)
      return paged(c, { json: toJson(rows), next }, 'cursor')
    },
  )
  .get(
    '/playbook',
    operation({
      summary: 'One version of a playbook, parsed',
      query: PlaybookQuery,
      reply: WholeEntry,
      errors: ['not_found'],
    }),
    async (c) => {
      const { playbook_id, version } = c.req.valid('query')
      return reply(c, await readEntry(c.var.sql, playbook_id, version))
    },
  )
  .get(
    '/playbook/content',
    operation({
      summary: 'One version of a playbook, as it was sent',
      query: PlaybookQuery,
      reply: PlaybookContent,
      errors: ['not_found'],
    }),
    async (c) => {
      const { playbook_id, version } = c.req.valid('query')
      const entry = await readEntry(c.var.sql, playbook_id, version)
      return reply(c, { path: entry.path, version: entry.version, content: entry.content })
    },
  )
