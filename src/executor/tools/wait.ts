// The wait tool, and the timers that limit how long a node may take: both cost nothing while time passes.

import type { Json } from '../../json.ts'
import { type Call, ToolError, type ToolResult } from './tool.ts'

/** The longest wait, in seconds: a year. */
const MAX_WAIT = 366 * 86_400

/** Waits for `seconds` (or `for`) from the step's begin on, or `until` a time. */
export async function waitTool({ task, waited }: Call): Promise<ToolResult> {
  const seconds =
    task.until === undefined ? lasting(task.seconds ?? task.for) - waited : till(task.until)
  if (seconds > 0) return { status: 'waiting', seconds }
  return { status: 'success', data: { waited } }
}

/** A timer is not begun before the time of its node is over. */
export async function timeoutTool({ task }: Call): Promise<ToolResult> {
  return { status: 'success', data: { seconds: task.seconds ?? null } }
}

function lasting(given: Json | undefined): number {
  const seconds = typeof given === 'string' ? Number(given.trim() || Number.NaN) : given
  if (typeof seconds === 'number' && seconds >= 0 && seconds <= MAX_WAIT) return seconds
  throw new ToolError(`seconds is a number from 0 to ${MAX_WAIT}`)
}

function till(given: Json): number {
  const at = typeof given === 'string' ? Date.parse(given) : Number.NaN
  if (Number.isNaN(at)) throw new ToolError('until is a time like 2026-01-31T12:00:00Z')
  const seconds = (at - Date.now()) / 1000
  if (seconds > MAX_WAIT) throw new ToolError(`until is more than ${MAX_WAIT} seconds ahead`)
  return seconds
}
