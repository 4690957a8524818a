import type { Context } from 'hono'
import { networkOf } from '../access/limits.ts'
import { addressOf, heed } from '../access/middleware.ts'
import type { App } from '../env.ts'
import { fail } from '../errors.ts'
import { keyOf, ONCE, secondsToWait, WAITING } from '../execution/prefer.ts'
import { cancelDisplaced } from '../execution/replaced.ts'
import { RunReply } from '../execution/schema.ts'
import { awaitEnd } from '../execution/service.ts'
import { claimOf, goOn } from '../executor/drive.ts'
import { Hono } from '../hono.ts'
import { toJson } from '../json.ts'
import { operation } from '../operation.ts'
import { paged, reply, type Sent } from '../reply.ts'
import { isName } from '../schema.ts'
import { knownHook } from './known.ts'
import { type Reception, receive } from './receive.ts'
import {
  DeliveryList,
  DeliveryQuery,
  HookChange,
  HookItem,
  HookList,
  HookQuery,
  NewHookRequest,
  Received,
  Removed,
  RotateRequest,
  WholeDelivery,
} from './schema.ts'
import {
  createHook,
  deleteHook,
  readDeliveries,
  readDelivery,
  readHook,
  readHooks,
  redeliver,
  rotateSecret,
  updateHook,
} from './service.ts'
import { handshake } from './verify/index.ts'

/** Hooks as those see them who make them. */
export const hooks = new Hono()
  .post(
    '/',
    operation({
      summary: 'Make a hook: an address that starts a playbook when something is delivered to it',
      description:
        'Where the provider leaves the secret to us and none is sent, one is drawn and shown in this reply alone.',
      scope: 'hook',
      reach: 'own',
      body: NewHookRequest,
      reply: HookItem,
      errors: ['conflict'],
      example: {
        name: 'on-push',
        path: 'examples/create_tables',
        provider: 'github',
        secrets: ['a secret that GitHub is told, too'],
        filter: "event_type == 'push'",
        parameters: { branch: '{{ body.ref }}' },
      },
    }),
    async (c) => {
      c.header('cache-control', 'no-store')
      return reply(c, await createHook(c.var, c.req.valid('json')))
    },
  )
  .get(
    '/',
    operation({
      summary: 'Hooks, newest first',
      scope: 'hook',
      reach: 'own',
      query: HookQuery,
      reply: HookList,
    }),
    async (c) => {
      const { items, next } = await readHooks(c.var, c.req.valid('query'))
      return paged(c, { json: toJson({ items }), next }, 'cursor')
    },
  )
  .get(
    '/:name',
    operation({
      summary: 'One hook',
      scope: 'hook',
      reach: 'own',
      reply: HookItem,
      errors: ['not_found'],
    }),
    async (c) => reply(c, await readHook(c.var, c.req.param('name'))),
  )
  .patch(
    '/:name',
    operation({
      summary: 'Change a hook',
      description: 'What is sent is changed. It is known everywhere within a minute.',
      scope: 'hook',
      reach: 'own',
      body: HookChange,
      reply: HookItem,
      errors: ['not_found', 'conflict'],
      example: { enabled: false },
    }),
    async (c) => reply(c, await updateHook(c.var, c.req.param('name'), c.req.valid('json'))),
  )
  .delete(
    '/:name',
    operation({
      summary: 'Take a hook away, and by and by its deliveries',
      scope: 'hook',
      reach: 'own',
      reply: Removed,
      errors: ['not_found'],
    }),
    async (c) => {
      const name = c.req.param('name')
      await deleteHook(c.var, name)
      return reply(c, { status: 'ok', name })
    },
  )
  .post(
    '/:name/rotate',
    operation({
      summary: 'Give a hook a new secret, beside the present ones or in their place',
      scope: 'hook',
      reach: 'own',
      body: RotateRequest,
      bodyOptional: true,
      reply: HookItem,
      errors: ['not_found', 'conflict'],
      example: { keep: 1 },
    }),
    async (c) => {
      c.header('cache-control', 'no-store')
      return reply(c, await rotateSecret(c.var, c.req.param('name'), c.req.valid('json')))
    },
  )
  .get(
    '/:name/deliveries',
    operation({
      summary: 'What was delivered to a hook, newest first',
      scope: 'hook',
      reach: 'own',
      query: DeliveryQuery,
      reply: DeliveryList,
      errors: ['not_found'],
    }),
    async (c) => {
      const name = c.req.param('name')
      const { items, next } = await readDeliveries(c.var, name, c.req.valid('query'))
      return paged(c, { json: toJson({ items }), next }, 'cursor')
    },
  )
  .get(
    '/:name/deliveries/:row_id',
    operation({
      summary: 'One delivery with what is kept of it',
      scope: 'hook',
      reach: 'own',
      reply: WholeDelivery,
      errors: ['not_found'],
    }),
    async (c) => reply(c, await readDelivery(c.var, c.req.param('name'), c.req.param('row_id'))),
  )
  .post(
    '/:name/deliveries/:row_id/redeliver',
    operation({
      summary: 'Deliver once more what was kept, by hand',
      description:
        "By the hook's rules of now but its filter, as a delivery of its own. With an `Idempotency-Key` once, " +
        'however often it is sent.',
      scope: 'hook',
      reach: 'own',
      headers: ONCE,
      reply: Received,
      errors: ['not_found', 'conflict'],
    }),
    async (c) => {
      const { name, row_id } = c.req.param()
      const claim = claimOf(c.var.driver)
      const key = keyOf(c.req.header('idempotency-key'))
      const { hook_id, ...reception } = await redeliver(c.var, name, row_id, key, claim)
      follow(c, hook_id, reception)
      return reply(c, reception.received)
    },
  )

/** Hooks as those see them who deliver. */
export const deliveries = new Hono()
  .post(
    '/:name',
    operation({
      summary: 'Deliver to a hook',
      description:
        'Whatever its provider sends, signed as that signs. The same delivery again gets the first answer again. ' +
        'With `Prefer: wait=N` (seconds, at most 60) the answer waits for the end of the run and is that run. ' +
        'A 200 that is no JSON answers a challenge of the provider.',
      scope: null,
      reach: 'any',
      open: true,
      headers: WAITING,
      anyBody: "what the hook's provider sends",
      reply: RunReply,
      accepted: 'It is taken: `started` with the `execution_id`, `ignored` or `skipped`',
      acceptedReply: Received,
      errors: [
        'unauthorized',
        'not_found',
        'conflict',
        'malformed',
        'too_large',
        'invalid_input',
        'misconfigured',
        'rate_limited',
        'unavailable',
      ],
    }),
    async (c) => {
      const { sql, config, driver } = c.var
      const later = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
      const name = c.req.param('name')
      const ip = addressOf(c)
      // of all hooks together: names are for anybody to make up
      await heed(c, 'key', `hooks ${networkOf(ip ?? '')}`)
      const hook = isName(name) ? await knownHook(sql, config, name, later) : null
      if (!hook?.row.enabled) fail('not_found', 'there is no such hook')
      const arrival = { request: c.req.raw, ip }
      const taken = await receive(driver, hook, arrival, claimOf(driver), later)
      if ('challenge' in taken) {
        const { body, status, content_type } = taken.challenge
        return new Response(body, { status, headers: { 'content-type': content_type } }) as Sent
      }
      follow(c, hook.row.id, taken)
      return answer(c, taken, hook.row.may_wait)
    },
  )
  .options('/:name', async (c) => {
    const allowed = handshake(c.req.raw.headers)
    return new Response(null, { status: allowed ? 200 : 204, headers: allowed ?? {} })
  })

async function answer(
  c: Context<App>,
  { received, run }: Reception,
  mayWait: boolean,
): Promise<Sent> {
  const { execution_id } = received
  if (execution_id !== null) c.header('location', `/api/executions/${execution_id}`)
  const seconds = mayWait ? secondsToWait(c.req.header('prefer')) : 0
  if (seconds === 0 || run === null) return reply(c, received, 202)
  c.header('preference-applied', `wait=${seconds}`)
  const end = await awaitEnd(c.var.sql, run.request, run.reply.execution_id, seconds)
  return end ? reply(c, end) : reply(c, received, 202)
}

/** Goes on after the reply with the run that a delivery began, and ends the one that it displaced. */
function follow(c: Context<App>, hookId: string, { run }: Reception): void {
  if (!run) return
  const { driver } = c.var
  c.executionCtx.waitUntil(goOn(driver, run.committed))
  if (run.displaced === null) return
  c.executionCtx.waitUntil(cancelDisplaced(driver, 'noetl.hook', hookId, run.displaced))
}
