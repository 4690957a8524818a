// The edge executor: holds an execution's leased jobs, runs their actions side by side, and appends what
// follows from each with the lease of the next, so that a step costs one round trip. It goes on within a
// budget and leaves the rest queued, with a message to the queue that somebody else should go on.

import { partOf, workOf } from '../catalog/nodes.ts'
import { PLAYBOOK } from '../catalog/work.ts'
import { rowsOf, type Sql, sleep } from '../db.ts'
import type { Env } from '../env.ts'
import { AppError } from '../errors.ts'
import {
  type Claim,
  type Committed,
  commit,
  type Engine,
  type Known,
  knownOf,
  type Started,
} from '../event/commit.ts'
import type { NewJob } from '../event/log.ts'
import { recordOwnEvent, settle } from '../event/service.ts'
import type { Draft } from '../event/types.ts'
import { newId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import { logError } from '../log.ts'
import { extend, type ResumedRow, resume } from '../queue/leases.ts'
import type { Config } from '../settings.ts'
import { isTerminal } from '../status.ts'
import {
  AWAY_MS,
  type Credentials,
  type Ended,
  runAction,
  timeoutSeconds,
  unkeepable,
} from './action.ts'
import { afterEnd, runChild } from './child.ts'
import { TOOLS } from './tools/index.ts'

/** What an invocation may spend on driving. */
interface Budget {
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

export interface Driver extends Engine {
  config: Config
  env: Env
  worker_id: string
  budget: Budget
  /** Child executions whose parents' jobs this invocation holds itself. */
  children: Set<string>
  /** Keeps the invocation alive for work that nothing here waits for. */
  later(work: Promise<void>): void
}

/** Tools that no worker has: whatever EDGE_TOOLS says, their jobs are done here. */
const OWN_TOOLS = [PLAYBOOK, 'transform', 'wait', 'save', 'timeout']

/** Tools whose jobs the edge executor does itself: all that it has, unless EDGE_TOOLS names fewer. */
function edgeToolsOf({ EDGE_TOOLS }: Config): ReadonlySet<string> {
  return new Set([...(EDGE_TOOLS ?? Object.keys(TOOLS)), ...OWN_TOOLS])
}

/** A driver for a request (what goes on after its reply) or for a message of the queue. */
export function driverFor(
  env: Env,
  config: Config,
  sql: Sql,
  kind: 'request' | 'message',
  later: Driver['later'],
): Driver {
  const now = Date.now()
  const seconds = kind === 'request' ? REQUEST_SECONDS : CONSUMER_SECONDS
  return {
    sql,
    edgeTools: edgeToolsOf(config),
    variables: Object.fromEntries(
      config.TEMPLATE_ENV.map((name) => [name, String(env[name] ?? '')]),
    ),
    config,
    env,
    worker_id: `edge-${crypto.randomUUID()}`,
    children: new Set(),
    later,
    budget: {
      startUntil: now + Math.min(config.EDGE_WALL_SECONDS, seconds) * 1000,
      endBy: now + seconds * 1000,
      steps: config.EDGE_MAX_STEPS,
    },
  }
}

/** A claim to as many jobs as the driver may start now, beside `running` others. */
export function claimOf(driver: Driver, running = 0, backlog: readonly NewJob[] = []): Claim {
  const { config, budget, worker_id } = driver
  const now = Date.now()
  const room =
    now < budget.startUntil ? Math.min(config.EDGE_CONCURRENCY - running, budget.steps) : 0
  return {
    worker_id,
    lease_seconds: config.EDGE_LEASE_SECONDS,
    room: Math.max(0, room),
    // what could not end in time is left to a message, which has more of it
    fits: (job) => timeoutSeconds(job.action) * 1000 <= budget.endBy - now,
    backlog,
  }
}

/** A lease is put off three times before it would run out. */
const HEARTBEAT_MS_PER_LEASE_SECOND = 300
/** What one append may carry: a request to Neon is at most 10 MB, and a result is in it up to three times. */
const MAX_BATCH_BYTES = 2_097_152

/**
 * Goes on from a commit that started actions until none is left to run here. Never throws: what it
 * cannot finish stays leased or queued, and the sweeper sees to it.
 */
async function drive(driver: Driver, from: Committed): Promise<void> {
  const { sql, config, budget, worker_id } = driver
  const executionId = from.known.row.execution_id
  const credentials: Credentials = new Map()
  const running = new Map<string, Promise<void>>()
  /** What is taken up again when it is time; it takes no room meanwhile. */
  const sleeping = new Map<string, Promise<void>>()
  const held = new Set<string>()
  const ended: Ended[] = []
  let { known, backlog } = from
  /** How many of the next reports go alone, since together they were refused. */
  let alone = 0

  const begin = (jobs: readonly Started[]) => {
    budget.steps -= jobs.length
    for (const job of jobs) {
      held.add(job.queue_id)
      // its save and its transitions may ask for what was passed on to it
      const isAsked = !partOf(job.node_name) || workOf(known.playbook, job.node_name)?.save
      if (isAsked) known.scopes.set(job.node_name, job.context)
      const runPlaybook = (task: JsonObject) => runChild(driver, known, job, task)
      const means = {
        sql,
        config,
        env: driver.env,
        variables: driver.variables,
        credentials,
        deadline: budget.endBy,
        runPlaybook,
      }
      const action = runAction(means, known, job).then((end) => {
        running.delete(job.queue_id)
        if (end) ended.push(end)
        else held.delete(job.queue_id)
      })
      running.set(job.queue_id, action)
    }
  }
  /** Takes up what is to be tried again when it is time: this invocation, or whoever gets the message. */
  const comeBack = (queueId: string, delay: number) => {
    const ms = delay * 1000
    const isSoon = budget.steps > 0 && Date.now() + ms < budget.startUntil
    const waiting = isSoon
      ? sleep(ms).then(() => takeUp(driver, executionId))
      : notify(driver, executionId, Math.ceil(delay))
    const done = waiting
      .catch((error: unknown) => logError(`execution ${executionId}: retry`, error))
      .finally(() => sleeping.delete(queueId))
    sleeping.set(queueId, done)
  }
  const seconds = config.EDGE_LEASE_SECONDS
  const heartbeat = setInterval(() => {
    if (held.size === 0) return
    rowsOf(extend(sql, { worker_id, queue_ids: [...held] }, seconds)).catch(() => undefined)
  }, seconds * HEARTBEAT_MS_PER_LEASE_SECOND)
  try {
    begin(from.started)
    while (running.size > 0 || sleeping.size > 0 || ended.length > 0) {
      if (ended.length === 0) await Promise.race([...running.values(), ...sleeping.values()])
      // what was handed over has nothing to report
      if (ended.length === 0) continue
      const batch = alone > 0 ? ended.splice(0, 1) : takeBatch(ended)
      const outcome = await report(driver, known, batch, claimOf(driver, running.size, backlog))
      if (outcome === 'away' || outcome === 'split') {
        // what has ended is worth waiting for: if its report is lost, the action runs again
        ended.unshift(...batch)
        alone = outcome === 'split' ? batch.length : Math.max(alone, batch.length === 1 ? 1 : 0)
        if (outcome === 'split') continue
        await sleep(AWAY_MS)
        if (Date.now() > budget.endBy) return
        continue
      }
      alone = Math.max(0, alone - 1)
      for (const { job, again } of batch) {
        held.delete(job.queue_id)
        if (again === null || outcome === 'refused') continue
        if (!isTerminal(outcome.known.state.status)) comeBack(job.queue_id, again)
      }
      if (outcome === 'refused') continue
      known = outcome.known
      backlog = outcome.backlog
      await notifyLater(driver, executionId, outcome.later)
      begin(outcome.started)
    }
  } catch (error) {
    logError(`execution ${executionId}: driving stopped`, error)
  } finally {
    clearInterval(heartbeat)
  }
  if (isTerminal(known.state.status)) await afterEnd(driver, known)
  else if (backlog.length > 0) await notify(driver, executionId)
}

/** As many ended actions as one append may carry, and at least one. */
function takeBatch(ended: Ended[]): Ended[] {
  let count = 1
  let bytes = ended[0]?.bytes ?? 0
  while (count < ended.length) {
    bytes += ended[count]?.bytes ?? 0
    if (bytes > MAX_BATCH_BYTES) break
    count += 1
  }
  return ended.splice(0, count)
}

/**
 * `refused`: the lease is another's. `away`: the database is; ask again
 * with the same. `split`: one of several was refused, and with it all; each goes alone.
 */
type Outcome = Committed | 'refused' | 'away' | 'split'

async function report(
  driver: Driver,
  known: Known,
  batch: readonly Ended[],
  claim: Claim,
  unwritable: string | null = null,
): Promise<Outcome> {
  const drafts = batch.flatMap((end) => end.drafts)
  const held = {
    worker_id: driver.worker_id,
    queue_ids: batch.map(({ job }) => job.queue_id),
    nodes: batch.map(({ job }) => job.node_id),
    again: batch.flatMap(({ job: { node_id }, again }) =>
      again === null ? [] : [{ node_id, delay_seconds: again }],
    ),
  }
  try {
    const reports = () =>
      batch.flatMap((end) => end.drafts.map((draft) => ({ draft, again: end.again !== null })))
    const committed = await commit(driver, known, reports, held, claim, unwritable)
    // what was done is a fact of the log, also when the execution has ended meanwhile
    return committed ?? recordAlone(driver, known, drafts, [])
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    logError(`execution ${known.row.execution_id}`, error)
    if (error.code === 'unavailable') return 'away'
    if (error.code === 'conflict') return recordAlone(driver, known, drafts, claim.backlog)
    if (batch.length > 1) return 'split'
    if (error.code === 'lease_lost') return 'refused'
    const [only] = batch
    const isResult = error.code === 'too_large' || error.code === 'invalid_input'
    if (!only || !isResult || unwritable !== null) throw error
    // if it is not the result that is too large, it is what follows from it
    if (only.bytes === 0) return report(driver, known, batch, claim, error.message)
    return report(driver, known, [unkeepable(only, error.message)], claim)
  }
}

/** The facts alone go into the log: where nothing is left to decide, or the sweeper shall. */
async function recordAlone(
  driver: Driver,
  known: Known,
  drafts: readonly Draft[],
  backlog: readonly NewJob[],
): Promise<Outcome> {
  const { execution_id } = known.row
  const { worker_id } = driver
  for (const { parent, ...draft } of drafts) {
    const report = { execution_id, worker_id, parent_event_id: String(parent), ...draft }
    await recordOwnEvent(driver, report, null)
  }
  return { known, started: [], backlog: [...backlog], later: [] }
}

/**
 * Goes on after a reply with what a commit started, backed by a message that comes when the lease has
 * run out: if this invocation dies, another takes over then. Null: nothing followed.
 */
export async function goOn(driver: Driver, committed: Committed | null): Promise<void> {
  if (!committed) return
  const { known, started, backlog, later } = committed
  const executionId = known.row.execution_id
  await notifyLater(driver, executionId, later)
  if (started.length > 0) {
    const backstop = notify(driver, executionId, driver.config.EDGE_LEASE_SECONDS + 5)
    await drive(driver, committed)
    await backstop
  } else if (isTerminal(known.state.status)) {
    await afterEnd(driver, known)
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
  const claim = claimOf(driver)
  const ids = () => Array.from({ length: claim.room }, newId)
  const statement = resume(sql, {
    execution_id: executionId,
    worker_id: claim.worker_id,
    seconds: claim.lease_seconds,
    queue_ids: ids(),
    event_ids: ids(),
    seconds_left: (driver.budget.endBy - Date.now()) / 1000,
  })
  let [row] = await rowsOf<ResumedRow>(statement)
  // an earlier sending, whose answer was lost, may have taken them after this answer was begun
  if (row && !row.jobs) [row] = await rowsOf<ResumedRow>(statement)
  if (!row) return
  const work: Promise<void>[] = []
  if (row.jobs) {
    const known = await knownOf(sql, row)
    work.push(drive(driver, { known, started: row.jobs, backlog: [], later: [] }))
  }
  // more may be free than there was room, or time, for; another can begin with it at once
  if (row.jobs?.length === claim.room || row.too_long) await notify(driver, executionId)
  if (row.undecided.length > 0) {
    const claim = claimOf(driver, row.jobs?.length)
    work.push(settleAndDrive(driver, executionId, claim))
  }
  await Promise.all(work)
}

/** The same after a reply. Never throws: what it cannot do the sweeper does. */
export async function goOnLater(driver: Driver, executionId: string): Promise<void> {
  try {
    await takeUp(driver, executionId)
  } catch (error) {
    logError(`execution ${executionId}: it is left to the sweeper`, error)
  }
}

/** Answers undecided reports and goes on with what follows. Whoever else is busy with them does the same. */
async function settleAndDrive(driver: Driver, executionId: string, claim: Claim): Promise<void> {
  try {
    const settled = await settle(driver, executionId, claim)
    if (settled) await drive(driver, settled)
  } catch (error) {
    logError(`execution ${executionId}: reports are left undecided`, error)
  }
}

/** Has an execution taken up when jobs that wait for a time may begin. */
async function notifyLater(driver: Driver, executionId: string, later: number[]): Promise<void> {
  for (const seconds of new Set(later.map(Math.ceil))) await notify(driver, executionId, seconds)
}

/** The longest that the platform delays a message. What is later is found by the sweeper. */
const MAX_DELAY_SECONDS = 43_200

/** Asks the queue to take up an execution. Without a queue the sweeper does, a minute later at most. */
export async function notify(
  { env }: Pick<Driver, 'env'>,
  executionId: string,
  delaySeconds = 0,
): Promise<void> {
  try {
    const delay = Math.min(delaySeconds, MAX_DELAY_SECONDS)
    await env.JOBS?.send({ execution_id: executionId }, { delaySeconds: delay })
  } catch (error) {
    logError(`execution ${executionId}: no message sent`, error)
  }
}
