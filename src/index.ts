// The Worker: requests, messages of the queue, and the cron trigger.

import { app } from './app.ts'
import { connect } from './db.ts'
import { configOf, type Env } from './env.ts'
import { driverFor, takeUp } from './executor/drive.ts'
import { makePartitions, sweepOnce } from './executor/sweep.ts'
import { logError } from './log.ts'

export { SandboxOutbound } from './executor/tools/outbound.ts'
export { StreamRelay } from './stream/object.ts'

export default {
  fetch: app.fetch,

  async queue(batch, env, context) {
    const config = configOf(env)
    const sql = connect(config)
    const later = (work: Promise<void>) => context.waitUntil(work)
    for (const message of batch.messages) {
      try {
        await takeUp(driverFor(env, config, sql, 'message', later), message.body.execution_id)
        message.ack()
      } catch (error) {
        logError(`execution ${message.body.execution_id}: message failed`, error)
        message.retry({ delaySeconds: 10 })
      }
    }
  },

  async scheduled(controller, env, context) {
    const config = configOf(env)
    const later = (work: Promise<void>) => context.waitUntil(work)
    const driver = driverFor(env, config, connect(config), 'message', later)
    try {
      await sweepOnce(driver)
      // once an hour is often enough for months
      if (new Date(controller.scheduledTime).getUTCMinutes() === 0) await makePartitions(driver)
    } catch (error) {
      logError('the sweep failed', error)
      // what is thrown from here the platform logs as it is
      throw new Error('the sweep failed')
    }
  },
} satisfies ExportedHandler<Env, { execution_id: string }>
