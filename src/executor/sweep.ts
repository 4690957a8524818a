// The sweeper, run by the cron trigger each minute: what makes "stuck RUNNING for ever" impossible.

import { rollUp } from '../dashboard/queries.ts'
import { rowsOf } from '../db.ts'
import { recordEvent } from '../event/service.ts'
import { ensurePartitions, type SweptRow, sweep } from '../queue/leases.ts'
import { cancelChild, reportUp } from './child.ts'
import { type Driver, goOn, notify, takeUp } from './drive.ts'

/**
 * Frees leases that ran out, fails steps whose last attempt fell silent, and has executions taken up
 * that have free edge jobs or unanswered reports; then adds what has ended to the dashboard's figures.
 * Each one's trouble is its own.
 */
export async function sweepOnce(driver: Driver): Promise<SweptRow | null> {
  const { sql, env } = driver
  const [found] = await rowsOf<SweptRow>(sweep(sql))
  if (!found) return null
  for (const { execution_id, node_id, node_name, attempts } of found.exhausted) {
    await alone(`execution ${execution_id}`, async () => {
      const { committed } = await recordEvent(
        driver,
        {
          execution_id,
          event_type: 'action_error',
          node_id,
          node_name,
          node_type: 'task',
          status: 'FAILED',
          error: `no sign of life from whoever ran it, in ${attempts} attempts`,
        },
        null,
      )
      if (committed) await goOn(driver, committed)
    })
  }
  for (const child of found.unreported) {
    await alone(`execution ${child}`, () => reportUp(driver, child))
  }
  for (const child of found.abandoned) {
    await alone(`execution ${child}`, () => cancelChild(driver, child))
  }
  for (const execution_id of new Set([...found.undecided, ...found.stranded])) {
    await alone(`execution ${execution_id}`, () =>
      env.JOBS ? notify(driver, execution_id) : takeUp(driver, execution_id),
    )
  }
  await alone('rollup', () => rowsOf(rollUp(sql)))
  return found
}

/** Makes the coming months' partitions. */
export async function makePartitions({ sql }: Driver): Promise<void> {
  await rowsOf(ensurePartitions(sql))
}

async function alone(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    console.error(`${what}: sweep failed`, error)
  }
}
