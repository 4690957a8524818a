// Schedules: made, shown, changed, deleted, and run by hand.

import { auditOf } from '../access/audit.ts'
import { type Caller, mayReach, narrower, requireReach } from '../access/caller.ts'
import { brokenConstraint, rowsOf, type Sql } from '../db.ts'
import { AppError, fail } from '../errors.ts'
import { cancelReplaced } from '../execution/replaced.ts'
import { runEntry, runOnce } from '../execution/service.ts'
import { claimOf, type Driver } from '../executor/drive.ts'
import { newId } from '../ids.ts'
import { TemplateError } from '../template/index.ts'
import {
  addSchedule,
  changeSchedule,
  type Definition,
  type DeletedRow,
  deleteSchedule,
  findSchedule,
  listSchedules,
  type ScheduleFilter,
  type ScheduleRow,
} from './queries.ts'
import { parametersAt, startAt } from './run.ts'
import type { NewScheduleRequest, ScheduleChange } from './schema.ts'
import { nextAfter, nextTicks, type Timing, timingFault } from './ticks.ts'

const NEXT_RUNS = 5
const ROUNDS = 5

/** Makes a schedule. @throws AppError `conflict` when the name is in use. */
export async function createSchedule(sql: Sql, caller: Caller, request: NewScheduleRequest) {
  const schedule_id = newId()
  // what the clocks of the Worker and the database differ by only moves the line between past and future
  const now = new Date()
  requireReach(caller, request.path)
  check({ ...request, id: schedule_id }, now)
  const audit = auditOf(caller, 'schedule.created', `schedule:${request.name}`, told(request))
  const next_at = request.enabled ? firstAfter(request, now) : null
  const { within } = caller
  const statement = addSchedule(
    sql,
    { ...request, schedule_id, next_at, within, created_by: caller.id },
    audit,
  )
  const rows = await rowsOf<ScheduleRow>(statement).catch((error: unknown) => {
    const broken = brokenConstraint(error)
    // this very one was sent before, and its answer lost
    if (broken === 'schedule_pkey') return rowsOf<ScheduleRow>(statement)
    if (broken !== 'schedule_name_once') throw error
    return fail('conflict', `there is a schedule named '${request.name}'`)
  })
  const [row] = rows
  return row ? whole(row) : fail('internal', 'the schedule was not written')
}

/** @throws AppError `not_found`, also for one that the caller does not see. */
export async function readSchedule(sql: Sql, caller: Caller, name: string) {
  return whole(await getSchedule(sql, caller, name))
}

/** A page of schedules, by name. */
export async function readSchedules(
  sql: Sql,
  { within }: Caller,
  page: Omit<ScheduleFilter, 'within'>,
) {
  const filter = { ...page, within, limit: page.limit + 1 }
  const rows = await rowsOf<ScheduleRow>(listSchedules(sql, filter))
  const items = rows.slice(0, page.limit).map(item)
  return { items, next: rows.length > page.limit ? (items.at(-1)?.name ?? null) : null }
}

/**
 * Changes a schedule. Another timing counts from now on, and so does one that is enabled again: what was missed while
 * it was not does not run.
 */
export async function reschedule(sql: Sql, caller: Caller, name: string, change: ScheduleChange) {
  const audit = auditOf(caller, 'schedule.changed', `schedule:${name}`, {
    changed: Object.keys(change),
  })
  for (let round = 0; round < ROUNDS; round++) {
    const read = await getSchedule(sql, caller, name)
    const next = { ...read, ...given(change), within: narrower(read.within, caller.within) }
    const now = new Date(read.now)
    requireReach(caller, next.path)
    // its runs would not find the playbook
    if (!mayReach(next, next.path)) {
      fail('forbidden', `runs of this schedule see playbooks below '${next.within}' alone`)
    }
    check(next, now)
    const isRetimed = next.cron !== read.cron || next.timezone !== read.timezone
    const waitsFor = isRetimed ? null : read.next_at
    const next_at = next.enabled ? (waitsFor ?? firstAfter(next, now)) : null
    const [row] = await rowsOf<ScheduleRow>(changeSchedule(sql, read, { ...next, next_at }, audit))
    if (row) return whole(row)
  }
  throw new AppError('conflict', 'the schedule keeps changing; try again')
}

/** Deletes a schedule; runs that it has started go on. @throws AppError `not_found`. */
export async function endSchedule(driver: Driver, caller: Caller, name: string) {
  const audit = auditOf(caller, 'schedule.deleted', `schedule:${name}`)
  for (let round = 0; round < ROUNDS; round++) {
    const statement = deleteSchedule(driver.sql, name, caller.within, audit)
    const [row] = await rowsOf<DeletedRow>(statement)
    if (row?.deleted) return { status: 'ok' as const, name }
    if (!row?.busy) notFound(name)
    await cancelReplaced(driver, 'noetl.schedule', row.busy)
  }
  throw new AppError('conflict', 'runs of the schedule are still to be cancelled; try again')
}

/**
 * Starts a run of a schedule now, beside its ticks: it waits for none and none is kept back by it. With a key it is
 * started once.
 */
export async function runSchedule(
  driver: Driver,
  caller: Caller,
  name: string,
  key: string | null,
) {
  const read = await getSchedule(driver.sql, caller, name)
  const within = narrower(read.within, caller.within)
  const how = rendered(() => startAt({ ...read, within }, read.now))
  const requestor = { ...how.requestor, ip: caller.ip, caller: caller.id }
  const audit = auditOf(caller, 'schedule.run', `schedule:${name}`)
  const asked = { ...how, requestor, audit }
  if (key === null) return runEntry(driver, asked, claimOf(driver))
  // the time of asking makes no other request of it
  const once = { caller: caller.id, key, request: `run schedule ${read.id}` }
  return runOnce(driver, asked, once, claimOf(driver))
}

async function getSchedule(sql: Sql, { within }: Caller, name: string): Promise<ScheduleRow> {
  const [row] = await rowsOf<ScheduleRow>(findSchedule(sql, name, within))
  return row ?? notFound(name)
}

function notFound(name: string): never {
  fail('not_found', `Schedule '${name}' not found.`)
}

/** What a change says; what it leaves out stays. */
function given(change: ScheduleChange): Partial<Definition> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}

function check(
  schedule: Pick<Definition, 'cron' | 'timezone' | 'parameters'> & { id: string; name: string },
  now: Date,
): void {
  const fault = timingFault(schedule, now)
  if (fault) refuse(`/${fault.part}`, fault.detail)
  rendered(() => parametersAt(schedule, now.toISOString()))
}

/** @throws AppError `invalid_input` where a template of the parameters cannot be rendered. */
function rendered<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return refuse(`/parameters${error.pointer ?? ''}`, `${error.message} in ${error.expression}`)
  }
}

function refuse(pointer: string, detail: string): never {
  fail('invalid_input', `invalid schedule: ${pointer} ${detail}`, [{ pointer, detail }])
}

function firstAfter(timing: Timing, after: Date): string | null {
  return nextAfter(timing, after)?.toISOString() ?? null
}

/** What the audit tells of a schedule: parameters and addresses may hold what is not for it. */
function told({ cron, timezone, path, enabled }: Definition) {
  return { cron, timezone, path, enabled }
}

function item({ within: _within, now: _now, ...shown }: ScheduleRow) {
  return shown
}

function whole(row: ScheduleRow) {
  const ticks = row.enabled ? nextTicks(row, new Date(row.now), NEXT_RUNS) : []
  // as the database writes times
  return { ...item(row), next_runs: ticks.map((tick) => tick.toISOString().replace('Z', '000Z')) }
}
