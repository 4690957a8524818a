import { type Context, Hono } from 'hono'
import type { App } from '../env.ts'
import { claimOf, goOn } from '../executor/drive.ts'
import { operation } from '../operation.ts'
import { reply, type Sent } from '../reply.ts'
import { type Requestor, RunReply, RunRequest } from './schema.ts'
import { runEntry } from './service.ts'

const startRun = operation({
  summary: 'Start a run of a playbook',
  description: 'Named by `catalog_id`, or by `path` (or `playbook_id`) and `version`.',
  body: RunRequest,
  reply: RunReply,
  errors: ['not_found'],
  example: { path: 'examples/create_tables', parameters: {} },
})

/** The run endpoint, under both of its names. */
export const runs = new Hono<App>()
  .post('/executions/run', startRun, (c) => run(c, c.req.valid('json')))
  .post('/execute', startRun, (c) => run(c, c.req.valid('json')))

async function run(c: Context<App>, request: RunRequest): Promise<Sent> {
  const { driver } = c.var
  const started = await runEntry(driver, request, requestorOf(c), claimOf(driver))
  c.executionCtx.waitUntil(goOn(driver, started.committed))
  return reply(c, started.reply)
}

function requestorOf(c: Context<App>): Requestor {
  return {
    ip: c.req.header('cf-connecting-ip') ?? null,
    user_agent: c.req.header('user-agent')?.slice(0, 512) ?? null,
    timestamp: new Date().toISOString(),
  }
}
