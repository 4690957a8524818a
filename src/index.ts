// The Worker: requests, messages of the queue, and the cron trigger.

import { app } from './app.ts'
import { connect } from './db.ts'
import { configOf, type Env } from './env.ts'
import { driverFor, takeUp } from './executor/drive.ts'
import { makePartitions, sweepOnce } from './executor/sweep.ts'

export { SandboxOutbound } from './executor/tools/outbound.ts'

export default {
  fetch: app.fetch,

  async queue(batch, env) {
    const config = configOf(env)
    const sql = connect(config)
    for (const message of batch.messages) {
      try {
        await takeUp(driverFor(env, config, sql, 'message'), message.body.execution_id)
        message.ack()
      } catch (error) {
        console.error(`execution ${message.body.execution_id}: message failed`, error)
        message.retry({ delaySeconds: 10 })
      }
    }
  },

  async scheduled(controller, env) {
    const config = configOf(env)
    const driver = driverFor(env, config, connect(config), 'message')
    await sweepOnce(driver)
    // once an hour is often enough for months
    if (new Date(controller.scheduledTime).getUTCMinutes() === 0) await makePartitions(driver)
  },
} satisfies ExportedHandler<Env, { execution_id: string }>
