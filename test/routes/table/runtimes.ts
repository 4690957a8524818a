// Worker pools, brokers and other components.
import { expect } from 'vitest'
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const { fresh } = world

const KINDS = ['worker_pool', 'broker', 'server_api', 'scheduler', 'monitor']

const POOL_REGISTER = 'POST /api/worker/pool/register'
const POOL_BEAT = 'POST /api/worker/pool/heartbeat'
const POOLS = 'GET /api/worker/pools'
const REGISTER = 'POST /api/runtime/register'
const BROKER_REGISTER = 'POST /api/broker/register'
const BROKER_BEAT = 'POST /api/broker/heartbeat'
const BROKERS = 'GET /api/brokers'
const BROKER_LEAVE = 'DELETE /api/broker/deregister'

const wholePool = (name: string) => ({
  name,
  runtime: 'cpu',
  uri: 'local://vm',
  status: 'READY',
  capacity: null,
  labels: null,
  pid: 27_260,
  hostname: 'vm',
})

const REGISTERED = {
  status: '=ok',
  name: 'text',
  runtime_id: 'id',
  runtime: '=cpu',
  kind: '=worker_pool',
}

const LEFT = { status: '=ok', name: 'text', runtime_id: null, runtime: null, kind: 'text' }

const ITEM = {
  name: 'text',
  runtime: { type: 'text|null', pid: 'int|null', hostname: 'text|null' },
  status: 'text',
  capacity: 'int|null',
  labels: 'any',
  heartbeat: 'utc',
  created_at: 'utc',
  updated_at: 'utc',
}

const NAMELESS = {
  code: 'invalid_input',
  detail: /^invalid body: \/name /,
  pointers: ['/name'],
} as const

const leaving = [
  { on: 'DELETE /api/worker/pool/deregister', kind: undefined },
  { on: 'POST /api/worker/pool/deregister', kind: undefined },
  { on: 'DELETE /api/runtime/deregister', kind: 'worker_pool' },
  { on: 'POST /api/runtime/deregister', kind: 'worker_pool' },
].flatMap(({ on, kind }) => [
  good(on, {
    given: world.pool,
    send: ({ name }) => ({ body: { name, ...(kind && { component_type: kind }) } }),
    reply: LEFT,
    is: ({ name, runtime_id }) => ({ name, runtime_id, kind: 'worker_pool' }),
  }),
  good(on, {
    as: 'of an unknown name',
    send: { body: { name: 'nobody', ...(kind && { kind }) } },
    reply: LEFT,
    is: { name: 'nobody', runtime_id: null, kind: 'worker_pool' },
  }),
  good(on, {
    as: 'in the query',
    given: world.pool,
    send: ({ name }) => ({ query: { name, ...(kind && { kind }) } }),
    reply: LEFT,
    is: ({ runtime_id }) => ({ runtime_id }),
  }),
  bad(on, 'without a name', { send: {}, ...NAMELESS }),
])

export const runtimes = [
  good(POOL_REGISTER, {
    as: 'as a worker sends it',
    given: async () => fresh('pool'),
    send: (name) => ({ body: wholePool(name) }),
    reply: REGISTERED,
    is: (name) => ({ name }),
  }),
  good(POOL_REGISTER, {
    as: 'with labels as a list',
    was: 422,
    given: async () => fresh('pool'),
    send: (name) => ({
      body: { ...wholePool(name), labels: ['gpu'], capacity: 8, meta: { a: 1 } },
    }),
    reply: REGISTERED,
  }),
  bad(POOL_REGISTER, 'without a name', { send: { body: { runtime: 'cpu' } }, ...NAMELESS }),
  bad(POOL_REGISTER, 'of wrong types', {
    send: { body: { name: 'p', capacity: -1, labels: 7, pid: 'one' } },
    code: 'invalid_input',
    detail: /^invalid body: \/capacity /,
    pointers: ['/capacity', '/labels', '/pid'],
  }),
  ...leaving,
  good(POOL_BEAT, {
    given: world.pool,
    send: ({ name }) => ({ body: { name } }),
    reply: { status: '=ok', name: 'text', runtime_id: 'id', runtime: null },
    is: ({ name, runtime_id }) => ({ name, runtime_id }),
  }),
  good(POOL_BEAT, {
    as: 'without a name',
    send: { body: {} },
    reply: { status: '=ok', name: null, runtime_id: null, runtime: null },
  }),
  good(POOL_BEAT, {
    as: 'of an unknown name, with its registration',
    given: async () => wholePool(fresh('pool')),
    send: ({ name, ...registration }) => ({ body: { name, registration } }),
    reply: { status: '=recreated', name: 'text', runtime_id: 'id', runtime: null },
  }),
  bad(POOL_BEAT, 'of an unknown name', {
    send: { body: { name: 'nobody' } },
    code: 'not_found',
    detail: "'nobody' is not registered",
    headers: { 'retry-after': '3' },
    more: { name: 'nobody' },
  }),
  bad(POOL_BEAT, 'of a name that is no text', { send: { body: { name: 7 } }, ...NAMELESS }),
  good(POOLS, {
    as: 'all',
    given: world.pool,
    reply: {
      items: [{ ...ITEM, runtime: 'object' }],
      count: 'int',
      runtime: null,
      status: null,
      error: null,
    },
    is: ({ name }) => ({ items: expect.arrayContaining([expect.objectContaining({ name })]) }),
  }),
  good(POOLS, {
    as: 'by type and status',
    given: async () => {
      const type = fresh('type')
      await world.must('POST', '/api/worker/pool/register', {
        ...wholePool(fresh('pool')),
        runtime: type,
      })
      return type
    },
    send: (type) => ({ query: { runtime: type, status: 'ready' } }),
    reply: { items: [ITEM], count: 1, runtime: 'text', status: '=ready', error: null },
    is: (type) => ({
      items: [{ runtime: { type, pid: 27_260, hostname: 'vm' }, status: 'ready' }],
      runtime: type,
    }),
  }),
  bad(POOLS, 'with a page that is none', {
    send: { query: { limit: 0, cursor: 'x' } },
    code: 'invalid_input',
    detail: /^invalid query: \/limit /,
    pointers: ['/limit', '/cursor'],
  }),
  ...KINDS.map((kind) =>
    good(REGISTER, {
      as: kind,
      given: async () => fresh(kind),
      send: (name) => ({ body: { name, kind, uri: `http://${name}` } }),
      reply: { ...REGISTERED, runtime: null, kind: `=${kind}` },
    }),
  ),
  good(REGISTER, {
    as: 'by the other name of its kind',
    given: async () => wholePool(fresh('pool')),
    send: (pool) => ({ body: { ...pool, component_type: 'worker_pool' } }),
    reply: REGISTERED,
  }),
  bad(REGISTER, 'a server without a uri', {
    was: 400,
    send: { body: { name: 's', kind: 'server_api' } },
    code: 'invalid_input',
    detail: 'uri is required for server_api components',
    pointers: ['/uri'],
  }),
  bad(REGISTER, 'of no kind', {
    send: { body: { name: 's' } },
    code: 'invalid_input',
    detail: 'kind is required',
    pointers: ['/kind'],
  }),
  bad(REGISTER, 'of an unknown kind', {
    send: { body: { name: 's', kind: 'teapot' } },
    code: 'invalid_input',
    detail: /^invalid body: \/kind /,
    pointers: ['/kind'],
  }),
  good(BROKER_REGISTER, {
    given: async () => fresh('broker'),
    send: (name) => ({ body: { name, uri: `http://${name}`, own: { a: 1 } } }),
    reply: { status: '=registered', payload: { name: 'text', uri: 'text', own: { a: 1 } } },
    is: (name) => ({ payload: { name } }),
  }),
  bad(BROKER_REGISTER, 'without a name', { send: { body: {} }, ...NAMELESS }),
  good(BROKER_BEAT, {
    given: world.broker,
    send: (body) => ({ body }),
    reply: { status: '=ok' },
  }),
  bad(BROKER_BEAT, 'of an unknown name', {
    was: 200,
    send: { body: { name: 'nobody' } },
    code: 'not_found',
    detail: "'nobody' is not registered",
    headers: { 'retry-after': '3' },
    more: { name: 'nobody' },
  }),
  bad(BROKER_BEAT, 'of a name that is no text', { send: { body: { name: 7 } }, ...NAMELESS }),
  good(BROKERS, {
    given: world.broker,
    reply: { items: 'list', status: null },
    is: ({ name }) => ({ items: expect.arrayContaining([expect.objectContaining({ name })]) }),
  }),
  bad(BROKERS, 'with a limit that is none', {
    send: { query: { limit: 201 } },
    code: 'invalid_input',
    detail: /^invalid query: \/limit /,
    pointers: ['/limit'],
  }),
  good(BROKER_LEAVE, {
    given: world.broker,
    send: (body) => ({ body }),
    reply: { status: '=deregistered' },
  }),
  bad(BROKER_LEAVE, 'without a name', { send: {}, was: 200, ...NAMELESS }),
]
