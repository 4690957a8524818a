// When a schedule is due: cron expressions in time zones, and what becomes of ticks that were missed. Pure.

import { Cron } from 'croner'

export const CATCH_UPS = ['none', 'last', 'all'] as const
export type CatchUp = (typeof CATCH_UPS)[number]

export interface Timing {
  cron: string
  timezone: string
}

/** The cron trigger comes once a minute, and may come late; a tick that is older was missed. */
const ON_TIME_MS = 120_000

const FORM = /^(@[a-z]+|[^\s?@]+( [^\s?@]+){4})$/i
const ZONE = /^[A-Za-z][A-Za-z0-9_+/-]*$/

/** What is wrong with a timing, and with which part of it; null when it has a next tick. */
export function timingFault(
  { cron, timezone }: Timing,
  now: Date,
): { part: keyof Timing; detail: string } | null {
  if (!isZone(timezone)) return { part: 'timezone', detail: `there is no time zone '${timezone}'` }
  // the library takes dates, too, and `?` for the time at which it reads
  if (!FORM.test(cron)) {
    return { part: 'cron', detail: 'five fields (minute hour day month weekday), or @hourly, ...' }
  }
  try {
    if (nextAfter({ cron, timezone }, now) !== null) return null
    return { part: 'cron', detail: 'this never comes' }
  } catch (error) {
    return { part: 'cron', detail: (error as Error).message.replace(/^CronPattern: /, '') }
  }
}

function isZone(name: string): boolean {
  try {
    return ZONE.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

/**
 * With times of day that are lists or ranges, too, a tick that the clock jumps over comes right after the jump, and one
 * that it shows twice comes once. With `*` or steps in them ticks follow the time that passes.
 */
function read({ cron, timezone }: Timing): Cron {
  return new Cron(cron, { timezone, mode: '5-part', fixedTimeRule: 'no-wildcard' })
}

/** The first tick after an instant; null when there is none. */
export function nextAfter(timing: Timing, after: Date): Date | null {
  return read(timing).nextRun(after)
}

/** The next ticks after an instant. */
export function nextTicks(timing: Timing, after: Date, count: number): Date[] {
  return read(timing).nextRuns(count, after)
}

/** What is done about a schedule that is due. */
export interface Turn {
  /** The tick whose run is started; null: what was missed is passed over. */
  tick: Date | null
  /** The tick that it then waits for. */
  following: Date | null
}

/**
 * What is to be done now about a schedule that waits for the tick at `nextAt`; null when that is still to come.
 * `all` takes one tick after the other, the others the newest that there is: `none` only if it is on time.
 */
export function turnOf(
  timing: Timing & { catch_up: CatchUp },
  nextAt: Date,
  now: Date,
): Turn | null {
  if (nextAt > now) return null
  const cron = read(timing)
  if (timing.catch_up === 'all') return { tick: nextAt, following: cron.nextRun(nextAt) }
  // a tick at this very instant is one of those before the next
  const [before = nextAt] = cron.previousRuns(1, new Date(now.getTime() + 1))
  const newest = before < nextAt ? nextAt : before
  const isOnTime = now.getTime() - newest.getTime() <= ON_TIME_MS
  const tick = timing.catch_up === 'last' || isOnTime ? newest : null
  return { tick, following: cron.nextRun(newest) }
}
