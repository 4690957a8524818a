import type { Context } from 'hono'
import type * as z from 'zod'
import type { App } from '../env.ts'
import { Hono } from '../hono.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply, type Sent } from '../reply.ts'
import { parse } from '../validate.ts'
import { languageSchema } from './language.ts'
import { changePlaybook, registerEntry, storeContent, validateContent } from './registration.ts'
import {
  ContentRequest,
  ContentUpdate,
  Deletion,
  EntryList,
  EntryVersions,
  LanguageSchema,
  ListQuery,
  PathQuery,
  PlaybookChange,
  PlaybookContent,
  PlaybookGraph,
  PlaybookList,
  PlaybookListOrOne,
  PlaybookQuery,
  PlaybookRequest,
  PlaybooksQuery,
  RegisterRequest,
  Registration,
  ResourceQuery,
  SearchQuery,
  Validation,
  WholeEntry,
  Widgets,
} from './schema.ts'
import {
  deletePlaybook,
  readEntries,
  readEntry,
  readHead,
  readHeads,
  readPlaybookGraph,
  readWidgets,
  searchPlaybooks,
} from './service.ts'
import { MAX_CONTENT_BYTES } from './validate.ts'

/** Base64 takes four bytes for three, and JSON may escape: what a registration may weigh. */
const MAX_BODY_BYTES = 2 * MAX_CONTENT_BYTES

const playbooksListed = operation({
  summary: 'Every version of every playbook, without content, newest first',
  scope: 'read',
  reach: 'own',
  description: 'With `id`, a path: the latest version of that one alone.',
  query: PlaybooksQuery,
  reply: PlaybookListOrOne,
  errors: ['not_found'],
})

const entryRead = operation({
  summary: 'One version of a playbook, parsed',
  scope: 'read',
  reach: 'own',
  query: PlaybookQuery,
  reply: WholeEntry,
  errors: ['not_found'],
})

export const catalog = new Hono()
  .post(
    '/register',
    operation({
      summary: 'Register a version of a playbook',
      scope: 'catalog',
      reach: 'own',
      description:
        'In the body or in the query; the body counts where both say it. Every fault of the content comes ' +
        'back with its line and column. The same content again is the same version again. A name without ' +
        'content makes a new playbook of it.',
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
      return reply(
        c,
        await registerEntry(
          c.var.sql,
          c.var.caller,
          parse(RegisterRequest, merged, 'body'),
          refusedBy(c),
        ),
      )
    },
  )
  .get(
    '/list',
    operation({
      summary: 'Every version of every entry of a kind, newest first',
      scope: 'read',
      reach: 'own',
      query: ListQuery,
      reply: EntryList,
    }),
    async (c) => {
      const { resource_type, cursor = null, limit } = c.req.valid('query')
      const page = { kind: resource_type, path: null, after: cursor, limit }
      const { rows, next } = await readEntries(c.var.sql, page, c.var.caller.within)
      const entries = rows.map(({ catalog_id: _id, ...row }) => row)
      return paged(c, { json: toJson({ entries }), next }, 'cursor')
    },
  )
  .get('/playbooks', playbooksListed, (c) => listPlaybooks(c, c.req.valid('query')))
  .get(
    '/playbooks/search',
    operation({
      summary: 'Playbooks with a text in path, name or description, newest first',
      scope: 'read',
      reach: 'own',
      query: SearchQuery,
      reply: PlaybookList,
    }),
    async (c) => {
      const { q, cursor = null, limit } = c.req.valid('query')
      const page = { text: q, after: cursor, limit }
      return paged(c, await searchPlaybooks(c.var.sql, page, c.var.caller.within), 'cursor')
    },
  )
  .post(
    '/playbooks/validate',
    operation({
      summary: 'What is wrong with a playbook, without registering it',
      scope: ['catalog', 'read'],
      reach: 'any',
      body: ContentRequest,
      maxBytes: MAX_BODY_BYTES,
      reply: Validation,
      example: { content: 'metadata: {path: demo/hello}\nworkflow:\n  - {step: begin}\n' },
    }),
    (c) => reply(c, validateContent(c.req.valid('json'), refusedBy(c))),
  )
  .delete(
    '/playbooks/:playbook_id{.+}',
    operation({
      summary: 'Delete a playbook: all of its versions',
      scope: 'catalog',
      reach: 'own',
      description:
        'The path may have slashes, as they are or percent-encoded. Executions that have begun go on; ' +
        'registering the path again gives its next version.',
      reply: Deletion,
      errors: ['not_found'],
    }),
    async (c) =>
      reply(c, await deletePlaybook(c.var.sql, c.req.param('playbook_id'), c.var.caller)),
  )
  .get(
    '/resource',
    operation({
      summary: 'Every version of one entry, newest first',
      scope: 'read',
      reach: 'own',
      query: ResourceQuery,
      reply: EntryVersions,
    }),
    async (c) => {
      const { resource_path, cursor = null, limit } = c.req.valid('query')
      const page = { kind: null, path: resource_path, after: cursor, limit }
      const { rows, next } = await readEntries(c.var.sql, page, c.var.caller.within)
      return paged(c, { json: toJson(rows), next }, 'cursor')
    },
  )
  .get('/playbook', entryRead, (c) => sendEntry(c, c.req.valid('query')))
  .get('/playbook/fallback', entryRead, (c) => sendEntry(c, c.req.valid('query')))
  .get(
    '/playbook/graph',
    operation({
      summary: 'The steps and transitions of a playbook',
      scope: 'read',
      reach: 'own',
      description: 'As of an execution, but nothing has begun.',
      query: PlaybookQuery,
      reply: PlaybookGraph,
      errors: ['not_found'],
    }),
    async (c) => {
      const { playbook_id, version } = c.req.valid('query')
      return reply(c, await readPlaybookGraph(c.var.sql, playbook_id, version, c.var.caller))
    },
  )
  .put(
    '/playbook',
    operation({
      summary: 'Change the name or description of a playbook',
      scope: 'catalog',
      reach: 'own',
      description: 'Registers a version with them; with content it is PUT /playbook/content.',
      query: PathQuery,
      body: PlaybookRequest,
      maxBytes: MAX_BODY_BYTES,
      reply: PlaybookChange,
      errors: ['not_found', 'conflict'],
      example: { description: 'Says hello' },
    }),
    async (c) => {
      const { playbook_id } = c.req.valid('query')
      return reply(
        c,
        await changePlaybook(
          c.var.sql,
          c.var.caller,
          playbook_id,
          c.req.valid('json'),
          refusedBy(c),
        ),
      )
    },
  )
  .get(
    '/playbook/content',
    operation({
      summary: 'One version of a playbook, as it was sent',
      scope: 'read',
      reach: 'own',
      query: PlaybookQuery,
      reply: PlaybookContent,
      errors: ['not_found'],
    }),
    async (c) => {
      const { playbook_id, version } = c.req.valid('query')
      const entry = await readEntry(c.var.sql, playbook_id, version, c.var.caller)
      return reply(c, { path: entry.path, version: entry.version, content: entry.content })
    },
  )
  .put(
    '/playbook/content',
    operation({
      summary: 'Register the next version of a playbook',
      scope: 'catalog',
      reach: 'own',
      description:
        'As POST /register, but under the path that the query names: where the content names another, ' +
        'that is changed, and nothing else is.',
      query: PathQuery,
      body: ContentRequest,
      bodyOptional: true,
      maxBytes: MAX_BODY_BYTES,
      reply: ContentUpdate,
      errors: ['conflict'],
      example: {
        content: 'workflow:\n  - {step: start, next: end}\n  - {step: end}\n',
      },
    }),
    async (c) => {
      const { playbook_id } = c.req.valid('query')
      return reply(
        c,
        await storeContent(c.var.sql, c.var.caller, playbook_id, c.req.valid('json'), refusedBy(c)),
      )
    },
  )
  .get(
    '/schema',
    operation({
      summary: 'The language of playbooks, as JSON Schema for editors',
      scope: null,
      reach: 'any',
      reply: LanguageSchema,
      mediaType: 'application/schema+json',
    }),
    (c) => {
      languageText ??= toJson(languageSchema())
      return c.body(languageText, 200, {
        'content-type': 'application/schema+json',
      }) as unknown as Sent
    },
  )
  .get(
    '/widgets',
    operation({
      summary: "Figures of the catalog's page",
      scope: 'read',
      reach: 'own',
      reply: Widgets,
    }),
    async (c) => reply(c, await readWidgets(c.var.sql, c.var.caller.within)),
  )

let languageText: string | undefined

/** Step types that a playbook cannot have here, and why. */
function refusedBy(c: Context<App>): ReadonlyMap<string, string> {
  const { EDGE_TOOLS } = c.var.config
  const runsHere = EDGE_TOOLS === undefined || EDGE_TOOLS.includes('javascript')
  if (!runsHere || c.env.LOADER) return new Map()
  return new Map([['javascript', 'javascript steps need the binding LOADER, which is not there']])
}

/** The list of playbooks under its older name. */
export const playbooks = new Hono().get('/', playbooksListed, (c) =>
  listPlaybooks(c, c.req.valid('query')),
)

async function listPlaybooks(c: Context<App>, query: z.output<typeof PlaybooksQuery>) {
  const { id, cursor = null, limit } = query
  if (id !== undefined) return reply(c, await readHead(c.var.sql, id, c.var.caller))
  return paged(
    c,
    await readHeads(c.var.sql, { after: cursor, limit }, c.var.caller.within),
    'cursor',
  )
}

async function sendEntry(c: Context<App>, query: z.output<typeof PlaybookQuery>) {
  return reply(c, await readEntry(c.var.sql, query.playbook_id, query.version, c.var.caller))
}
