import { type Context, Hono } from 'hono'
import type { App } from '../env.ts'
import { claimOf, goOn } from '../executor/drive.ts'
import { reply } from '../paging.ts'
import { body } from '../validate.ts'
import { type Requestor, RunRequest } from './schema.ts'
import { runEntry } from './service.ts'

/** The run endpoint, under both of its names. */
export const runs = new Hono<App>()
  .post('/executions/run', body(RunRequest), (c) => run(c, c.req.valid('json')))
  .post('/execute', body(RunRequest), (c) => run(c, c.req.valid('json')))

async function run(c: Context<App>, request: RunRequest): Promise<Response> {
  const { sql, driver } = c.var
  const started = await runEntry(sql, request, requestorOf(c), claimOf(driver, 0, []))
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
