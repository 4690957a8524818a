// The clock of the schedules, run with the sweeper each minute. However many Workers do so at once, a tick is one's.

import { rowsOf } from '../db.ts'
import { AppError } from '../errors.ts'
import { cancelReplaced } from '../execution/replaced.ts'
import { startEntry } from '../execution/service.ts'
import { type Driver, goOn, takeUp } from '../executor/drive.ts'
import { logError } from '../log.ts'
import { TemplateError } from '../template/index.ts'
import { type DueRow, findDue, type Move, noteFailure, passOver, takeTick } from './queries.ts'
import { startAt } from './run.ts'
import { type Turn, turnOf } from './ticks.ts'

const PAGE = 100
/** The platform gives an invocation six connections. */
const AT_ONCE = 5
/** Missed ticks of one schedule that are caught up with in a minute. */
const MAX_TURNS = 100
/** After so long the next minute's sweep goes on. */
const ENOUGH_MS = 50_000

/** Starts the runs that are due. A schedule that cannot be seen to stops no other. */
export async function startDue(driver: Driver): Promise<void> {
  const until = Date.now() + ENOUGH_MS
  for (let after: DueRow | null = null; Date.now() < until; ) {
    const due: DueRow[] = await rowsOf<DueRow>(findDue(driver.sql, after, PAGE))
    const left = due.values()
    const seeTo = async () => {
      // they take from one iterator, each the next
      for (const schedule of left) await alone(schedule.name, () => takeTurns(driver, schedule))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, seeTo))
    const last = due[PAGE - 1]
    if (!last) break
    after = last
  }
  await cancelReplaced(driver, 'noetl.schedule')
}

async function takeTurns(driver: Driver, from: DueRow): Promise<void> {
  const now = new Date(from.now)
  let schedule = from
  for (let count = 0; count < MAX_TURNS; count++) {
    const turn = turnOf(schedule, new Date(schedule.next_at), now)
    if (turn === null || !(await takeTurn(driver, schedule, turn))) return
    if (turn.following === null) return
    schedule = { ...schedule, next_at: turn.following.toISOString() }
  }
}

/** Whether it was this one's to take. */
async function takeTurn(driver: Driver, schedule: DueRow, turn: Turn): Promise<boolean> {
  const following = turn.following?.toISOString() ?? null
  if (turn.tick !== null) {
    return startTick(driver, { schedule, tick: turn.tick.toISOString(), following })
  }
  return (await rowsOf(passOver(driver.sql, { schedule, following }))).length > 0
}

async function startTick(driver: Driver, move: Move): Promise<boolean> {
  const { sql } = driver
  const { schedule, tick } = move
  const outcome = await tryToStart(driver, move).catch((error: unknown) => whyNot(schedule, error))
  if (typeof outcome === 'string') {
    return (await rowsOf(noteFailure(sql, move, outcome))).length > 0
  }
  if (!('run' in outcome)) return outcome.answer?.skipped === true
  const { committed, reply } = outcome.run
  await alone(`${schedule.name}, tick ${tick}`, async () => {
    await goOn(driver, committed)
    // without a queue nobody else would before the next minute
    if (!driver.env.JOBS && committed.backlog.length > 0) await takeUp(driver, reply.execution_id)
    if (schedule.overlap === 'replace') await cancelReplaced(driver, 'noetl.schedule', schedule.id)
  })
  return true
}

async function tryToStart(driver: Driver, move: Move) {
  const { sql } = driver
  const occasion = (executionId: string) => takeTick(sql, move, executionId)
  return startEntry(driver, { ...startAt(move.schedule, move.tick), occasion }, null)
}

const MAX_ERROR = 1_000

/** What a schedule's users are told. @throws what may pass by itself: then the tick waits for the next sweep */
function whyNot({ name }: DueRow, error: unknown): string {
  if (error instanceof TemplateError) {
    return `parameters${error.pointer ?? ''}: ${error.message}`.slice(0, MAX_ERROR)
  }
  if (error instanceof AppError && error.code === 'unavailable') throw error
  if (error instanceof AppError && error.code !== 'internal') {
    return error.message.slice(0, MAX_ERROR)
  }
  logError(`schedule ${name}: not started`, error)
  return 'something went wrong here; it has been logged'
}

async function alone(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    logError(`schedule ${what}: left to the next sweep`, error)
  }
}
