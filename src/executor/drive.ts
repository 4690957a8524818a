// The edge executor: holds an execution's leased jobs, runs their actions side by side, and appends what
// follows from each with the lease of the next, so that a step costs one round trip. It goes on within a
// budget and leaves the rest queued, with a message to the queue that somebody else should go on.

import { rowsOf, type Sql } from '../db.ts'
import type { Env } from '../env.ts'
import { AppError } from '../errors.ts'
import {
  type Claim,
  type Committed,
  commit,
  type Known,
  knownOf,
  type Started,
} from '../event/commit.ts'
import type { NewJob } from '../event/log.ts'
import { recordEvent, settle } from '../event/service.ts'
import { newId } from '../ids.ts'
import { extend, type ResumedRow, resume } from '../queue/leases.ts'
import type { Config } from '../settings.ts'
import { type Credentials, type Ended, runAction } from './action.ts'

/** What an invocation may spend on driving. */
export interface Budget {
  /** Time after which no further action is started (epoch milliseconds). */
  startUntil: number
  /** Time by which every action must have ended. */
  endBy: number
  steps: number
}

/** What the platform lets a request go on for after its reply, less some seconds to report in. */
const REQUEST_SECONDS = 27
/** What a queue consumer may take in all, less some seconds to report in. */
const CONSUMER_SECONDS = 14 * 60

export interface Driver {
  sql: Sql
  config: Config
  env: Env
  worker_id: string
  budget: Budget
}

/** A driver for a request (what goes on after its reply) or for a message of the queue. */
export function driverFor(env: Env, config: Config, sql: Sql, kind: 'request' | 'message'): Driver {
  const now = Date.now()
  const seconds = kind === 'request' ? REQUEST_SECONDS : CONSUMER_SECONDS
  return {
    sql,
    config,
    env,
    worker_id: `edge-${crypto.randomUUID()}`,
    budget: {
      startUntil: now + Math.min(config.EDGE_WALL_SECONDS, seconds) * 1000,
      endBy: now + seconds * 1000,
      steps: config.EDGE_MAX_STEPS,
    },
  }
}

/** A claim to as many jobs as the driver may start now, beside `running` others. */
export function claimOf(driver: Driver, running: number, backlog: readonly NewJob[]): Claim {
  const { config, budget, worker_id } = driver
  const open = Date.now() < budget.startUntil
  const room = open ? Math.min(config.EDGE_CONCURRENCY - running, budget.steps) : 0
  return { worker_id, lease_seconds: config.EDGE_LEASE_SECONDS, room: Math.max(0, room), backlog }
}

/**
 * Goes on from a commit that started actions until none is left to run here. Never throws: what it
 * cannot finish stays leased or queued, and the sweeper sees to it.
 */
export async function drive(driver: Driver, from: Committed): Promise<void> {
  const { sql, config, budget } = driver
  let { known, backlog } = from
  const credentials: Credentials = new Map()
  const running = new Map<string, Promise<void>>()
  const ended: Ended[] = []
  const begin = (jobs: readonly Started[]) => {
    budget.steps -= jobs.length
    for (const job of jobs) {
      const action = runAction(sql, config, known, job, credentials, budget.endBy).then((end) => {
        running.delete(job.queue_id)
        ended.push(end)
      })
      running.set(job.queue_id, action)
    }
  }
  begin(from.started)
  const seconds = config.EDGE_LEASE_SECONDS
  const heartbeat = setInterval(() => {
    const held = { worker_id: driver.worker_id, queue_ids: [...running.keys()] }
    rowsOf(extend(sql, held, seconds)).catch(() => undefined)
  }, seconds * 300)
  try {
    await runToEnd()
  } finally {
    clearInterval(heartbeat)
  }
  if (backlog.length > 0) await notify(driver, known.row.execution_id)

  async function runToEnd() {
    while (running.size > 0 || ended.length > 0) {
      if (ended.length === 0) await Promise.race(running.values())
      const batch = ended.splice(0)
      try {
        const committed = await report(driver, known, batch, claimOf(driver, running.size, backlog))
        if (!committed) return
        known = committed.known
        backlog = committed.backlog
        begin(committed.started)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        // the lease is another's by now, or the database stays away: both are the sweeper's to mend
        console.error(`execution ${known.row.execution_id}: ${error.message}`)
      }
    }
  }
}

async function report(
  driver: Driver,
  known: Known,
  batch: readonly Ended[],
  claim: Claim,
): Promise<Committed | null> {
  const { sql, worker_id } = driver
  const drafts = batch.flatMap((end) => end.drafts)
  const held = { worker_id, queue_ids: batch.map(({ job }) => job.queue_id) }
  try {
    return await commit(sql, known, () => drafts.map((draft) => ({ draft })), held, claim)
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'conflict')) throw error
    // too many lost races: the facts alone go into the log, and deciding is left to the sweeper
    for (const { parent, ...draft } of drafts) {
      await recordEvent(
        sql,
        { execution_id: known.row.execution_id, parent_event_id: String(parent), ...draft },
        null,
      ).catch(() => undefined)
    }
    return null
  }
}

/**
 * Goes on after a reply with what a commit started, backed by a message that comes when the lease has
 * run out: if this invocation dies, another takes over then.
 */
export async function goOn(driver: Driver, committed: Committed): Promise<void> {
  const { known, started, backlog } = committed
  const executionId = known.row.execution_id
  if (started.length > 0) {
    await notify(driver, executionId, driver.config.EDGE_LEASE_SECONDS + 5)
    await drive(driver, committed)
  } else if (backlog.length > 0) {
    await notify(driver, executionId)
  }
}

/**
 * Takes up an execution: answers its undecided reports, leases edge jobs that are free, and drives
 * them. Called for each message of the queue and by the sweeper; a message that comes twice finds
 * nothing to lease.
 */
export async function takeUp(driver: Driver, executionId: string): Promise<void> {
  const { sql } = driver
  const claim = claimOf(driver, 0, [])
  const ids = () => Array.from({ length: claim.room }, newId)
  const [row] = await rowsOf<ResumedRow>(
    resume(sql, {
      execution_id: executionId,
      worker_id: claim.worker_id,
      seconds: claim.lease_seconds,
      queue_ids: ids(),
      event_ids: ids(),
    }),
  )
  if (!row) return
  if (row.jobs)
    await drive(driver, { known: await knownOf(sql, row), started: row.jobs, backlog: [] })
  if (row.undecided.length > 0) {
    const settled = await settle(sql, executionId, claimOf(driver, 0, []))
    if (settled) await drive(driver, settled)
  }
  // more may be free than there was room for
  if (row.jobs?.length === claim.room) await notify(driver, executionId)
}

/** Asks the queue to take up an execution. Without a queue the sweeper does, a minute later at most. */
export async function notify(
  { env }: Pick<Driver, 'env'>,
  executionId: string,
  delaySeconds = 0,
): Promise<void> {
  try {
    await env.JOBS?.send({ execution_id: executionId }, { delaySeconds })
  } catch (error) {
    console.error(`execution ${executionId}: no message sent`, error)
  }
}
