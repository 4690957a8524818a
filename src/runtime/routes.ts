import type { Context } from 'hono'
import type { App } from '../env.ts'
import { AppError, problemOf } from '../errors.ts'
import { Hono } from '../hono.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply } from '../reply.ts'
import { parse } from '../validate.ts'
import {
  Beat,
  BrokerBeat,
  BrokerDeregistered,
  BrokerList,
  BrokerQuery,
  BrokerRegistered,
  Deregistered,
  Heartbeat,
  Named,
  NamedComponent,
  NewBroker,
  NewComponent,
  NewRuntime,
  PoolList,
  PoolQuery,
  Registered,
} from './schema.ts'
import {
  deregisterRuntime,
  kindOf,
  listRuntimes,
  noteHeartbeat,
  registerRuntime,
} from './service.ts'

/** What a request of this area may weigh: all that it may hold, escaped. */
const maxBytes = 128 * 1_024
const IN_BODY_OR_QUERY =
  'In the body, or in the query for those whose DELETE loses its body; the body counts where both say it.'

export const runtimes = new Hono()
  .post(
    '/worker/pool/register',
    operation({
      summary: 'Register a worker pool, or register it anew',
      scope: 'worker',
      reach: 'any',
      body: NewRuntime,
      maxBytes,
      reply: Registered,
      example: { name: 'worker-cpu-01', runtime: 'cpu', uri: 'local://vm', hostname: 'vm' },
    }),
    async (c) => reply(c, await registerRuntime(c.var.sql, 'worker_pool', c.req.valid('json'))),
  )
  .on(
    ['DELETE', 'POST'],
    '/worker/pool/deregister',
    operation({
      summary: 'Mark a worker pool as offline',
      scope: 'worker',
      reach: 'any',
      description: IN_BODY_OR_QUERY,
      query: Named.partial(),
      body: Named.partial(),
      bodyOptional: true,
      maxBytes,
      reply: Deregistered,
      example: { name: 'worker-cpu-01' },
    }),
    async (c) => {
      const { name } = parse(Named, { ...c.req.valid('query'), ...c.req.valid('json') }, 'body')
      return reply(c, await deregisterRuntime(c.var.sql, 'worker_pool', name))
    },
  )
  .post(
    '/worker/pool/heartbeat',
    operation({
      summary: 'Say that a worker pool lives',
      scope: 'worker',
      reach: 'any',
      description: 'One that was deregistered is ready again.',
      body: Heartbeat,
      bodyOptional: true,
      maxBytes,
      reply: Beat,
      errors: ['not_found'],
      example: { name: 'worker-cpu-01' },
    }),
    async (c) => {
      const heartbeat = c.req.valid('json')
      const beat = await noteHeartbeat(c.var.sql, 'worker_pool', heartbeat)
      return beat ? reply(c, beat) : unknown(c, heartbeat.name)
    },
  )
  .get(
    '/worker/pools',
    operation({
      summary: 'Worker pools, newest first',
      scope: ['read', 'worker'],
      reach: 'any',
      description: 'A page; the next is in the headers `Link` and `X-Next-Cursor`.',
      query: PoolQuery,
      reply: PoolList,
    }),
    async (c) => {
      const { runtime = null, status = null, cursor = null, limit } = c.req.valid('query')
      const filter = { kind: 'worker_pool', type: runtime, status, cursor, limit } as const
      const { items, next } = await listRuntimes(c.var.sql, filter)
      const json = toJson({ items, count: items.length, runtime, status, error: null })
      return paged(c, { json, next }, 'cursor')
    },
  )
  .post(
    '/runtime/register',
    operation({
      summary: 'Register a component of any kind, or register it anew',
      scope: 'worker',
      reach: 'any',
      body: NewComponent,
      maxBytes,
      reply: Registered,
      example: { name: 'server-01', kind: 'server_api', uri: 'http://server-01:8082' },
    }),
    async (c) => {
      const request = c.req.valid('json')
      return reply(c, await registerRuntime(c.var.sql, kindOf(request), request))
    },
  )
  .on(
    ['DELETE', 'POST'],
    '/runtime/deregister',
    operation({
      summary: 'Mark a component as offline',
      scope: 'worker',
      reach: 'any',
      description: IN_BODY_OR_QUERY,
      query: NamedComponent.partial(),
      body: NamedComponent.partial(),
      bodyOptional: true,
      maxBytes,
      reply: Deregistered,
      example: { name: 'server-01', kind: 'server_api' },
    }),
    async (c) => {
      const merged = { ...c.req.valid('query'), ...c.req.valid('json') }
      const { name, ...kind } = parse(NamedComponent, merged, 'body')
      return reply(c, await deregisterRuntime(c.var.sql, kindOf(kind), name))
    },
  )
  .post(
    '/broker/register',
    operation({
      summary: 'Register a broker, or register it anew',
      scope: 'worker',
      reach: 'any',
      body: NewBroker,
      maxBytes,
      reply: BrokerRegistered,
      example: { name: 'broker-01', uri: 'http://broker-01:9000' },
    }),
    async (c) => {
      const payload = c.req.valid('json')
      await registerRuntime(c.var.sql, 'broker', payload)
      return reply(c, { status: 'registered', payload })
    },
  )
  .post(
    '/broker/heartbeat',
    operation({
      summary: 'Say that a broker lives',
      scope: 'worker',
      reach: 'any',
      body: Heartbeat,
      bodyOptional: true,
      maxBytes,
      reply: BrokerBeat,
      errors: ['not_found'],
      example: { name: 'broker-01' },
    }),
    async (c) => {
      const heartbeat = c.req.valid('json')
      const beat = await noteHeartbeat(c.var.sql, 'broker', heartbeat)
      return beat ? reply(c, { status: beat.status }) : unknown(c, heartbeat.name)
    },
  )
  .get(
    '/brokers',
    operation({
      summary: 'Brokers, newest first',
      scope: ['read', 'worker'],
      reach: 'any',
      query: BrokerQuery,
      reply: BrokerList,
    }),
    async (c) => {
      const { status = null, cursor = null, limit } = c.req.valid('query')
      const filter = { kind: 'broker', type: null, status, cursor, limit } as const
      const { items, next } = await listRuntimes(c.var.sql, filter)
      return paged(c, { json: toJson({ items, status }), next }, 'cursor')
    },
  )
  .delete(
    '/broker/deregister',
    operation({
      summary: 'Mark a broker as offline',
      scope: 'worker',
      reach: 'any',
      description: IN_BODY_OR_QUERY,
      query: Named.partial(),
      body: Named.partial(),
      bodyOptional: true,
      maxBytes,
      reply: BrokerDeregistered,
      example: { name: 'broker-01' },
    }),
    async (c) => {
      const { name } = parse(Named, { ...c.req.valid('query'), ...c.req.valid('json') }, 'body')
      await deregisterRuntime(c.var.sql, 'broker', name)
      return reply(c, { status: 'deregistered' })
    },
  )

/** Who beats without having registered is told which name that was, and when to try again. */
function unknown(c: Context<App>, name: string | null | undefined) {
  const error = new AppError('not_found', `'${name}' is not registered`)
  return c.json({ ...problemOf(error, c.req.path), name }, 404, {
    'content-type': 'application/problem+json',
    'retry-after': '3',
  })
}
