// Hooks, and what is delivered to them.
import { expect } from 'vitest'
import { githubSignature, hookOf, SECRET } from '../../hook/support.ts'
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const HOOK = {
  id: 'id',
  name: 'text',
  url: 'text',
  provider: 'text',
  path: 'text',
  version: 'null|int',
  secret_count: 'int',
  header: 'null|text',
  public_url: null,
  tolerance_seconds: 'int',
  filter: 'null|text',
  parameters: 'null|object',
  delivery_id: 'null|text',
  merge: 'bool',
  identical_content: 'text',
  overlap: 'text',
  notify: 'list',
  enabled: 'bool',
  may_wait: 'bool',
  path_prefix: 'null|text',
  max_body_bytes: 'int',
  keep_body_bytes: 'int',
  keep_days: 'int',
  created_by: 'text',
  created_at: 'time',
  updated_at: 'time',
}

const DELIVERY = {
  id: 'id',
  delivery_id: 'null|text',
  result: 'text',
  reason: 'null|text',
  execution_id: 'null|id',
  event_type: 'null|text',
  ip: 'null|text',
  body_bytes: 'int',
  content_type: 'null|text',
  redelivery_of: 'null|id',
  received_at: 'time',
  is_kept: 'bool',
}

const RECEIVED = {
  status: 'text',
  id: 'id',
  delivery_id: 'null|text',
  execution_id: 'null|id',
  reason: 'null|text',
}

const hook = (settings = {}) => hookOf(world.client, settings)
const nobody = { params: { name: 'nobody' } }
const missing = { code: 'not_found', detail: "Hook 'nobody' not found." } as const

/** A delivery to a hook: signed, of this content. */
async function signed(
  name: string,
  body: unknown,
  settings: { id?: string; secret?: string } = {},
) {
  const { id = world.fresh('delivery'), secret = SECRET } = settings
  return {
    params: { name },
    body,
    headers: {
      'x-hub-signature-256': await githubSignature(JSON.stringify(body), secret),
      'x-github-delivery': id,
      'x-github-event': 'push',
    },
  }
}

/** A hook with a delivery of some result. */
async function delivered(settings = {}, body: unknown = { n: 1 }) {
  const { name, path } = await hook(settings)
  const { headers } = await signed(name, body)
  const reply = await world.client.send('POST', `/hooks/${name}`, body, { headers })
  const { items } = await world.must('GET', `/api/hooks/${name}/deliveries`)
  return { name, path, row_id: String(items[0].id), status: reply.status }
}

const made = [
  good('POST /api/hooks', {
    given: hook,
    send: ({ path }) => ({
      body: { name: world.fresh('hook'), path, provider: 'standard', version: 1, overlap: 'skip' },
    }),
    reply: { ...HOOK, drawn_secret: 'text' },
    is: ({ path }) => ({
      path,
      provider: 'standard',
      version: 1,
      secret_count: 1,
      overlap: 'skip',
    }),
  }),
  good('POST /api/hooks', {
    as: 'with all it may be told',
    given: hook,
    send: ({ path }) => ({
      body: {
        name: world.fresh('hook'),
        path,
        provider: 'token',
        version: 'latest',
        secrets: ['a-token-of-sixteen', 'another-of-sixteen'],
        header: 'X-Gitlab-Token',
        tolerance_seconds: 60,
        filter: "event_type == 'push'",
        parameters: { ref: '{{ body.ref }}' },
        delivery_id: '{{ body.id }}',
        merge: true,
        identical_content: 'allow',
        overlap: 'replace',
        notify: ['https://a.example/x', { url: 'https://b.example/', credential: 'c' }],
        enabled: false,
        max_body_bytes: 1000,
        keep_body_bytes: 10,
        keep_days: 1,
      },
    }),
    reply: HOOK,
    is: {
      secret_count: 2,
      merge: true,
      enabled: false,
      keep_days: 1,
      header: 'X-Gitlab-Token',
      notify: [
        { url: 'https://a.example/x', credential: null },
        { url: 'https://b.example/', credential: 'c' },
      ],
    },
  }),
  bad('POST /api/hooks', 'without a name', {
    send: { body: { path: 'p', provider: 'github' } },
    code: 'invalid_input',
    detail: /^invalid body: \/name /,
    pointers: ['/name'],
  }),
  bad('POST /api/hooks', 'for no playbook', {
    send: { body: { name: 'lost', path: 'nowhere', provider: 'github' } },
    code: 'invalid_input',
    detail: "there is no playbook 'nowhere'",
    pointers: ['/path'],
  }),
  bad('POST /api/hooks', 'of a name in use', {
    given: hook,
    send: ({ name, path }) => ({ body: { name, path, provider: 'github' } }),
    code: 'conflict',
    detail: /^there is a hook named 'hook-/,
  }),
  good('GET /api/hooks', {
    given: hook,
    reply: { items: [HOOK] },
    is: ({ name }) => ({ items: expect.arrayContaining([expect.objectContaining({ name })]) }),
  }),
  bad('GET /api/hooks', 'too many', {
    send: { query: { limit: 1_000 } },
    code: 'invalid_input',
    detail: /^invalid query: \/limit /,
    pointers: ['/limit'],
  }),
  good('GET /api/hooks/{name}', {
    given: hook,
    send: ({ name }) => ({ params: { name } }),
    reply: HOOK,
    is: ({ name, path }) => ({ name, path, url: `/hooks/${name}` }),
  }),
  bad('GET /api/hooks/{name}', 'unknown', { send: nobody, ...missing }),
  good('PATCH /api/hooks/{name}', {
    given: hook,
    send: ({ name }) => ({ params: { name }, body: { enabled: false, filter: 'body.n > 1' } }),
    reply: HOOK,
    is: { enabled: false, filter: 'body.n > 1' },
  }),
  bad('PATCH /api/hooks/{name}', 'unknown', {
    send: { ...nobody, body: { enabled: false } },
    ...missing,
  }),
  bad('PATCH /api/hooks/{name}', 'in nothing', {
    given: hook,
    send: ({ name }) => ({ params: { name }, body: {} }),
    code: 'invalid_input',
    detail: 'invalid body: / nothing is changed',
    pointers: [''],
  }),
  good('POST /api/hooks/{name}/rotate', {
    given: hook,
    send: ({ name }) => ({ params: { name } }),
    reply: { ...HOOK, drawn_secret: 'text' },
    is: { secret_count: 2 },
  }),
  bad('POST /api/hooks/{name}/rotate', 'where the provider gives the secret', {
    given: () => hook({ provider: 'stripe', secrets: ['whsec_of_stripe_and_long'] }),
    send: ({ name }) => ({ params: { name }, body: {} }),
    code: 'invalid_input',
    detail: 'stripe gives the secret: send it',
  }),
  bad('POST /api/hooks/{name}/rotate', 'unknown', { send: nobody, ...missing }),
  good('DELETE /api/hooks/{name}', {
    given: hook,
    send: ({ name }) => ({ params: { name } }),
    reply: { status: '=ok', name: 'text' },
    is: ({ name }) => ({ name }),
  }),
  bad('DELETE /api/hooks/{name}', 'unknown', { send: nobody, ...missing }),
]

const listed = [
  good('GET /api/hooks/{name}/deliveries', {
    given: delivered,
    send: ({ name }) => ({ params: { name }, query: { result: 'started', limit: 1 } }),
    reply: { items: [DELIVERY] },
    is: ({ row_id }) => ({ items: [{ id: row_id, result: 'started' }] }),
  }),
  bad('GET /api/hooks/{name}/deliveries', 'of no result', {
    given: hook,
    send: ({ name }) => ({ params: { name }, query: { result: 'lost' } }),
    code: 'invalid_input',
    detail: /^invalid query: \/result /,
    pointers: ['/result'],
  }),
  bad('GET /api/hooks/{name}/deliveries', 'unknown', { send: nobody, ...missing }),
  good('GET /api/hooks/{name}/deliveries/{row_id}', {
    given: delivered,
    send: ({ name, row_id }) => ({ params: { name, row_id } }),
    reply: { ...DELIVERY, headers: 'object', query: 'object', body: 'object' },
    is: ({ row_id }) => ({ id: row_id, body: { n: 1 } }),
  }),
  bad('GET /api/hooks/{name}/deliveries/{row_id}', 'unknown', {
    given: hook,
    send: ({ name }) => ({ params: { name, row_id: world.NOBODY } }),
    code: 'not_found',
    detail: /^Delivery '9+' of hook 'hook-[\d-]+' not found\.$/,
  }),
  good('POST /api/hooks/{name}/deliveries/{row_id}/redeliver', {
    given: delivered,
    send: ({ name, row_id }) => ({ params: { name, row_id } }),
    reply: RECEIVED,
    is: { status: 'started' },
  }),
  bad('POST /api/hooks/{name}/deliveries/{row_id}/redeliver', 'unknown', {
    given: hook,
    send: ({ name }) => ({ params: { name, row_id: world.NOBODY } }),
    code: 'not_found',
    detail: /^Delivery '9+' of hook 'hook-[\d-]+' not found\.$/,
  }),
  bad('POST /api/hooks/{name}/deliveries/{row_id}/redeliver', 'that is not kept', {
    given: () => delivered({ keep_body_bytes: 0 }),
    send: ({ name, row_id }) => ({ params: { name, row_id } }),
    code: 'conflict',
    detail: 'the delivery is kept no longer, or was too large to be kept',
  }),
]

const DELIVER = 'POST /hooks/{name}'

const received = [
  good(DELIVER, {
    given: hook,
    send: ({ name }) => signed(name, { n: 1 }),
    status: 202,
    reply: RECEIVED,
    is: { status: 'started' },
  }),
  good(DELIVER, {
    as: 'that is ignored',
    given: () => hook({ filter: 'body.n > 1' }),
    send: ({ name }) => signed(name, { n: 1 }),
    status: 202,
    reply: RECEIVED,
    is: { status: 'ignored', execution_id: null, reason: 'the filter does not hold' },
  }),
  good(DELIVER, {
    as: 'that waits for the end',
    given: hook,
    send: async ({ name }) => {
      const { headers, ...sent } = await signed(name, { n: 1 })
      return { ...sent, headers: { ...headers, prefer: 'wait=10' } }
    },
    reply: 'object',
    is: { status: 'completed', result: { got: { n: 1 } } },
  }),
  bad(DELIVER, 'to no hook', {
    send: { ...nobody, body: {} },
    code: 'not_found',
    detail: 'there is no such hook',
  }),
  bad(DELIVER, 'forged', {
    given: hook,
    send: ({ name }) => signed(name, { n: 1 }, { secret: 'not the secret of this' }),
    code: 'unauthorized',
    detail: 'the delivery is refused: the signature does not match',
  }),
  bad(DELIVER, 'compressed', {
    given: hook,
    send: ({ name }) => ({ params: { name }, body: {}, headers: { 'content-encoding': 'gzip' } }),
    code: 'malformed',
    detail: 'the body is compressed; deliveries are taken as they were signed',
  }),
  bad(DELIVER, 'too large', {
    given: () => hook({ max_body_bytes: 1 }),
    send: ({ name }) => ({ params: { name }, body: {} }),
    code: 'too_large',
    detail: 'the body is larger than 1 bytes',
  }),
  bad(DELIVER, 'that the rules cannot read', {
    given: () => hook({ parameters: { a: '{{ body.b.c }}' } }),
    send: ({ name }) => signed(name, { n: 1 }),
    code: 'invalid_input',
    detail: /^parameters\/a: /,
  }),
  bad(DELIVER, 'when the playbook is gone', {
    given: async () => {
      const made = await hook()
      await world.must('DELETE', `/api/catalog/playbooks/${made.path}`)
      return made
    },
    send: ({ name }) => signed(name, { n: 1 }),
    code: 'misconfigured',
    detail: /^the hook's playbook is not there: No catalog entries found for path/,
  }),
]

export const hooks = [...made, ...listed, ...received]
