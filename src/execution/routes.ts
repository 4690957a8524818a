import type { Context } from 'hono'
import { tellVersion } from '../conditional.ts'
import type { App } from '../env.ts'
import { claimOf, goOn } from '../executor/drive.ts'
import { Hono } from '../hono.ts'
import { checkTargets } from '../notification/service.ts'
import { operation } from '../operation.ts'
import { scrubText } from '../redact/forms.ts'
import { reply, type Sent } from '../reply.ts'
import { keyOf, ONCE, secondsToWait, WAITING } from './prefer.ts'
import { type Requestor, RunReply, RunRequest } from './schema.ts'
import { awaitEnd, runEntry, runOnce } from './service.ts'

const startRun = operation({
  summary: 'Start a run of a playbook',
  description:
    'Named by `catalog_id`, or by `path` (or `playbook_id`) and `version`. With an `Idempotency-Key` the same ' +
    'request starts one run, however often it is sent within a week. With `Prefer: wait=N` (seconds, at most ' +
    '60) the answer waits for the end. `notify` names who is told of it.',
  scope: 'run',
  reach: 'own',
  headers: { ...ONCE, ...WAITING },
  body: RunRequest,
  reply: RunReply,
  accepted: 'It has not ended within the seconds that `Prefer` asked for',
  errors: ['not_found', 'conflict'],
  example: { path: 'examples/create_tables', parameters: {} },
})

/** The run endpoint, under both of its names. */
export const runs = new Hono()
  .post('/executions/run', startRun, (c) => run(c, c.req.valid('json')))
  .post('/execute', startRun, (c) => run(c, c.req.valid('json')))

async function run(c: Context<App>, request: RunRequest): Promise<Sent> {
  const { driver, caller, config } = c.var
  checkTargets(config, request.notify)
  const how = { request, requestor: requestorOf(c), within: caller.within }
  const key = keyOf(c.req.header('idempotency-key'))
  const started =
    key === null
      ? await runEntry(driver, how, claimOf(driver))
      : await runOnce(driver, how, { caller: caller.id, key }, claimOf(driver))
  tellVersion(c, started.committed?.known.state.version)
  c.executionCtx.waitUntil(goOn(driver, started.committed))
  return replyWhenAsked(c, started.reply, request)
}

/** The reply to a run, or, where the request prefers to wait, how it has ended. */
async function replyWhenAsked(c: Context<App>, first: RunReply, request: RunRequest) {
  const seconds = secondsToWait(c.req.header('prefer'))
  if (seconds === 0) return reply(c, first)
  c.header('preference-applied', `wait=${seconds}`)
  if (first.status !== 'running') return reply(c, first)
  const end = await awaitEnd(c.var.sql, request, first.execution_id, seconds)
  return reply(c, end ?? first, end ? 200 : 202)
}

function requestorOf(c: Context<App>): Requestor {
  return {
    ip: c.req.header('cf-connecting-ip') ?? null,
    user_agent: scrubText(c.req.header('user-agent') ?? '').slice(0, 512) || null,
    timestamp: new Date().toISOString(),
    caller: c.var.caller.id,
  }
}
