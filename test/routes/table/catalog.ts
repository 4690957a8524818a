// The catalog, as the page, the command line and scripts use it.
import { expect } from 'vitest'
import { bad, good } from '../line.ts'
import type { Shape } from '../shape.ts'
import * as world from '../world.ts'

const REGISTER = 'POST /api/catalog/register'
const LIST = 'GET /api/catalog/list'
const PLAYBOOKS = 'GET /api/catalog/playbooks'
const OLD_PLAYBOOKS = 'GET /api/playbooks'
const SEARCH = 'GET /api/catalog/playbooks/search'
const VALIDATE = 'POST /api/catalog/playbooks/validate'
const DELETE = 'DELETE /api/catalog/playbooks/{playbook_id}'
const RESOURCE = 'GET /api/catalog/resource'
const PLAYBOOK = 'GET /api/catalog/playbook'
const FALLBACK = 'GET /api/catalog/playbook/fallback'
const CHANGE = 'PUT /api/catalog/playbook'
const CONTENT = 'GET /api/catalog/playbook/content'
const STORE = 'PUT /api/catalog/playbook/content'
const SCHEMA = 'GET /api/catalog/schema'
const WIDGETS = 'GET /api/catalog/widgets'

const REGISTERED = {
  status: '=success',
  message: 'text',
  path: 'text',
  version: 'int',
  catalog_id: 'int64',
  kind: '=Playbook',
}

const ENTRY = {
  path: 'text',
  kind: '=Playbook',
  version: 'int',
  content: 'text',
  layout: 'any',
  payload: 'object',
  meta: 'any',
  created_at: 'local',
}

const WHOLE = { ...ENTRY, catalog_id: 'int64' }

const ITEM = {
  id: 'text',
  name: 'text',
  kind: '=Playbook',
  version: 'int',
  meta: { registered_at: 'local' },
  description: 'text|null',
  created_at: 'local',
  updated_at: 'local',
  status: '=active',
  tasks_count: 'int',
} satisfies Shape

const metric = (id: string, title: string) => ({
  id,
  type: 'metric',
  title,
  data: { value: expect.any(Number) },
  config: { format: 'number', color: expect.stringMatching(/^#[0-9a-f]{6}$/) },
})

const BROKEN = 'metadata: {path: test/broken}\nworkflow:\n  - {step: begin}\n'

/** Two versions of a playbook. */
async function twice() {
  const playbook = await world.registered()
  const content = `${playbook.content}# again\n`
  const { catalog_id } = await world.must('POST', '/api/catalog/register', { content })
  return { ...playbook, latest: { content, catalog_id: String(catalog_id) } }
}

const registrations = [
  good(REGISTER, {
    given: async () => world.text(),
    send: ({ content }) => ({ body: { content } }),
    reply: REGISTERED,
    is: ({ path }) => ({
      path,
      version: 1,
      message: `Resource '${path}' version '1' registered.`,
    }),
  }),
  good(REGISTER, {
    as: 'as the command line sends it',
    given: async () => world.text(),
    send: ({ content }) => ({
      body: { content_base64: btoa(content), resource_type: 'Playbook' },
    }),
    reply: REGISTERED,
    is: ({ path }) => ({ path, version: 1, resource_path: path, resource_version: 1 }),
  }),
  good(REGISTER, {
    as: 'in the query',
    given: async () => world.text(),
    send: ({ content }) => ({ query: { content } }),
    reply: REGISTERED,
    is: ({ path }) => ({ path, version: 1 }),
  }),
  good(REGISTER, {
    as: 'the next version',
    given: world.registered,
    send: ({ content }) => ({ body: { content: `${content}# again\n` } }),
    reply: REGISTERED,
    is: ({ path }) => ({ path, version: 2, created: true }),
  }),
  good(REGISTER, {
    as: 'by name, as the page sends it',
    was: 500,
    given: async () => world.fresh('routes/named'),
    send: (name) => ({ body: { name, description: 'd', status: 'draft' } }),
    reply: REGISTERED,
    is: (name) => ({ id: name, path: name, version: 1 }),
  }),
  bad(REGISTER, 'without content', {
    was: 500,
    send: { body: { resource_type: 'Playbook' } },
    code: 'invalid_input',
    detail: 'The content or content_base64 must be provided.',
    pointers: ['/content'],
  }),
  bad(REGISTER, 'what is no YAML', {
    was: 500,
    send: { body: { content: 'a: [' } },
    code: 'invalid_input',
    detail: /^line \d+, column \d+: /,
    pointers: [''],
  }),
  bad(REGISTER, 'what is no playbook', {
    was: 200,
    send: { body: { content: BROKEN } },
    code: 'invalid_input',
    detail: "line 3, column 3: no step is called 'start'",
    pointers: ['/workflow'],
  }),
  bad(REGISTER, 'of wrong types', {
    send: { body: { content: 7, resource_type: '../x' } },
    code: 'invalid_input',
    detail: /^invalid body: \/content /,
    pointers: ['/content', '/resource_type'],
  }),
  bad(REGISTER, 'a name that is taken', {
    was: 500,
    given: world.registered,
    send: ({ path }) => ({ body: { name: path } }),
    code: 'conflict',
    detail: /^'.*' is registered already$/,
  }),
]

const lists = [
  good(LIST, {
    given: world.registered,
    send: { query: { resource_type: 'Playbook' } },
    reply: { entries: [ENTRY] },
  }),
  bad(LIST, 'with a page that is none', {
    send: { query: { limit: 0, cursor: 'x' } },
    code: 'invalid_input',
    detail: /^invalid query: \/limit /,
    pointers: ['/limit', '/cursor'],
  }),
  ...[PLAYBOOKS, OLD_PLAYBOOKS].flatMap((on) => [
    good(on, {
      ...(on === OLD_PLAYBOOKS && { was: 500 }),
      given: world.registered,
      reply: [ITEM],
    }),
    good(on, {
      ...(on === OLD_PLAYBOOKS && { was: 500 }),
      as: 'the one that the page asks for',
      given: twice,
      send: ({ path }) => ({ query: { id: path } }),
      reply: ITEM,
      is: ({ path }) => ({ id: path, name: 'p', version: 2, tasks_count: 3 }),
    }),
    bad(on, 'of an unknown path', {
      ...(on === OLD_PLAYBOOKS ? { was: 500 } : { was: 200 }),
      send: { query: { id: 'no/such' } },
      code: 'not_found',
      detail: "Playbook 'no/such' not found.",
    }),
    bad(on, 'with a page that is none', {
      send: { query: { limit: 1_001 } },
      code: 'invalid_input',
      detail: /^invalid query: \/limit /,
      pointers: ['/limit'],
    }),
  ]),
  good(SEARCH, {
    was: 404,
    given: twice,
    send: ({ path }) => ({ query: { q: path.toUpperCase() } }),
    reply: [ITEM],
    is: ({ path }) => [{ id: path, version: 2 }],
  }),
  bad(SEARCH, 'for too long a text', {
    send: { query: { q: 'x'.repeat(257) } },
    code: 'invalid_input',
    detail: /^invalid query: \/q /,
    pointers: ['/q'],
  }),
  good(RESOURCE, {
    given: twice,
    send: ({ path }) => ({ query: { resource_path: path } }),
    reply: [WHOLE],
    is: ({ path, catalog_id, latest }) => [
      { path, version: 2, ...latest },
      { path, version: 1, catalog_id },
    ],
  }),
  bad(RESOURCE, 'without a path', {
    send: {},
    code: 'invalid_input',
    detail: /^invalid query: \/resource_path /,
    pointers: ['/resource_path'],
  }),
]

const entries = [
  { on: PLAYBOOK, reply: WHOLE },
  { on: FALLBACK, reply: WHOLE },
  { on: CONTENT, reply: { path: 'text', version: 'int', content: 'text' } },
].flatMap(({ on, reply }) => [
  good(on, {
    as: 'the latest',
    given: twice,
    send: ({ path }) => ({ query: { playbook_id: path, version: 'latest' } }),
    reply,
    is: ({ path, latest }) => ({ path, version: 2, content: latest.content }),
  }),
  good(on, {
    as: 'a version',
    given: twice,
    send: ({ path }) => ({ query: { playbook_id: path, version: 1 } }),
    reply,
    is: ({ path, content }) => ({ path, version: 1, content }),
  }),
  bad(on, 'of an unknown path', {
    send: { query: { playbook_id: 'nope' } },
    code: 'not_found',
    detail: "Playbook 'nope' with version 'latest' not found.",
  }),
  bad(on, 'of an unknown version', {
    given: world.registered,
    send: ({ path }) => ({ query: { playbook_id: path, version: 9 } }),
    code: 'not_found',
    detail: /^Playbook '.*' with version '9' not found\.$/,
  }),
  bad(on, 'of a version that is none', {
    was: 404,
    send: { query: { playbook_id: 'nope', version: 0 } },
    code: 'invalid_input',
    detail: "invalid query: /version a positive integer or 'latest'",
    pointers: ['/version'],
  }),
  bad(on, 'without a path', {
    send: {},
    code: 'invalid_input',
    detail: /^invalid query: \/playbook_id /,
    pointers: ['/playbook_id'],
  }),
])

const changes = [
  good(STORE, {
    given: world.registered,
    send: ({ path, content }) => ({
      query: { playbook_id: path },
      body: { content: content.replace(path, 'routes/another') },
    }),
    reply: { status: '=success', message: 'text', path: 'text', version: 2 },
    is: ({ path }) => ({ path, message: `Playbook '${path}' content updated.` }),
  }),
  bad(STORE, 'without content', {
    was: 400,
    given: world.registered,
    send: ({ path }) => ({ query: { playbook_id: path }, body: {} }),
    code: 'invalid_input',
    detail: 'Content is required.',
    pointers: ['/content'],
  }),
  bad(STORE, 'without a path', {
    given: async () => world.text(),
    send: ({ content }) => ({ body: { content } }),
    code: 'invalid_input',
    detail: /^invalid query: \/playbook_id /,
    pointers: ['/playbook_id'],
  }),
  bad(STORE, 'what is no playbook', {
    was: 200,
    send: { query: { playbook_id: 'routes/broken' }, body: { content: BROKEN } },
    code: 'invalid_input',
    detail: "line 3, column 3: no step is called 'start'",
    pointers: ['/workflow'],
  }),
  good(CHANGE, {
    was: 405,
    given: world.registered,
    send: ({ path }) => ({ query: { playbook_id: path }, body: { name: 'q', description: 'd' } }),
    reply: ITEM,
    is: ({ path }) => ({ id: path, name: 'q', description: 'd', version: 2 }),
  }),
  good(CHANGE, {
    as: 'of the content too',
    was: 405,
    given: world.registered,
    send: ({ path, content }) => ({
      query: { playbook_id: path },
      body: { content: `${content}# again\n` },
    }),
    reply: { status: '=success', message: 'text', path: 'text', version: 2 },
    is: ({ path }) => ({ path }),
  }),
  bad(CHANGE, 'of an unknown path', {
    was: 405,
    send: { query: { playbook_id: 'no/such' }, body: { name: 'q' } },
    code: 'not_found',
    detail: "Playbook 'no/such' not found.",
  }),
  bad(CHANGE, 'to an empty name', {
    was: 405,
    given: world.registered,
    send: ({ path }) => ({ query: { playbook_id: path }, body: { name: ' ' } }),
    code: 'invalid_input',
    detail: /^invalid body: \/name /,
    pointers: ['/name'],
  }),
  good(DELETE, {
    was: 404,
    given: twice,
    send: ({ path }) => ({ params: { playbook_id: path } }),
    reply: { status: '=success', message: 'text', path: 'text', versions: 2 },
    is: ({ path }) => ({ path, message: `Playbook '${path}' deleted.` }),
  }),
  bad(DELETE, 'of an unknown path', {
    send: { params: { playbook_id: 'no/such' } },
    code: 'not_found',
    detail: "Playbook 'no/such' not found.",
  }),
]

export const catalog = [
  ...registrations,
  ...lists,
  good(VALIDATE, {
    was: 404,
    given: async () => world.text(),
    send: ({ content }) => ({ body: { content } }),
    reply: { valid: true },
  }),
  good(VALIDATE, {
    as: 'what is no playbook',
    was: 404,
    send: { body: { content: BROKEN } },
    reply: { valid: false, errors: ["=line 3, column 3: no step is called 'start'"] },
    is: { faults: [{ pointer: '/workflow', line: 3, column: 3 }] },
  }),
  bad(VALIDATE, 'nothing', {
    was: 404,
    send: { body: {} },
    code: 'invalid_input',
    detail: 'The content or content_base64 must be provided.',
    pointers: ['/content'],
  }),
  ...entries,
  ...changes,
  good(SCHEMA, { reply: 'object', is: { title: 'Playbook', $defs: { step: {}, next: {} } } }),
  good(WIDGETS, {
    given: world.registered,
    reply: [
      {
        id: 'text',
        type: '=metric',
        title: 'text',
        data: { value: 'int' },
        config: { format: '=number', color: 'text' },
      },
    ],
    is: [
      metric('catalog-summary', 'Total Playbooks'),
      metric('active-playbooks', 'Active Playbooks'),
      metric('draft-playbooks', 'Draft Playbooks'),
    ],
  }),
]
