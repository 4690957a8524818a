// The sweeper, run by the cron trigger each minute: what makes "stuck RUNNING for ever" impossible.

import { rollUp } from '../dashboard/queries.ts'
import { rowsOf } from '../db.ts'
import { cancelReplaced } from '../execution/replaced.ts'
import { dropDeliveries } from '../hook/deliveries.ts'
import { logError } from '../log.ts'
import { sendDue } from '../notification/send.ts'
import { ensurePartitions, type SweptRow, sweep } from '../queue/leases.ts'
import { failJob } from '../queue/service.ts'
import { startDue } from '../schedule/due.ts'
import { cancelChild, reportUp } from './child.ts'
import { type Driver, goOn, notify, takeUp } from './drive.ts'

/** A step is about three subrequests, and a post is one, with some for the database. */
const POSTS_PER_STEP = 2

/**
 * Frees leases that ran out, fails steps whose last attempt fell silent, and has executions taken up
 * that have free edge jobs or unanswered reports; then adds what has ended to the dashboard's figures.
 * Beside it, starts the runs that schedules are due. Each one's trouble is its own.
 */
export async function sweepOnce(driver: Driver): Promise<void> {
  const due = alone('schedules', () => startDue(driver))
  try {
    const found = await freeLeases(driver)
    if (found) await followUp(driver, found)
  } finally {
    await due
  }
}

/** Frees leases that ran out; answers with what else is to be done. One round trip. */
export async function freeLeases({ sql }: Driver): Promise<SweptRow | undefined> {
  const [found] = await rowsOf<SweptRow>(sweep(sql))
  return found
}

/** Does what a sweep has found. */
export async function followUp(driver: Driver, found: SweptRow): Promise<void> {
  const { sql, env, config, budget } = driver
  for (const { queue_id, execution_id, attempts, allowed } of found.exhausted) {
    await alone(`execution ${execution_id}`, async () => {
      const error =
        allowed === null
          ? `no sign of life from whoever ran it, in ${attempts} attempts`
          : `timed out after ${allowed} s`
      const how = { back: null, error, isOwn: true, within: null }
      const { committed } = await failJob(driver, queue_id, null, how, null)
      await goOn(driver, committed)
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
  await alone('replaced runs', () => cancelReplaced(driver, 'noetl.hook'))
  await alone('deliveries', () => rowsOf(dropDeliveries(sql)))
  await alone('rollup', () => rowsOf(rollUp(sql)))
  // last, as it may take the longest
  await alone('notifications', () =>
    sendDue(driver, POSTS_PER_STEP * config.EDGE_MAX_STEPS, budget.startUntil),
  )
}

/** Makes the coming months' partitions. */
export async function makePartitions({ sql }: Driver): Promise<void> {
  await rowsOf(ensurePartitions(sql))
}

async function alone(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    logError(`${what}: sweep failed`, error)
  }
}
