// The spans of an execution's steps, iterations and saves, folded from what is slim of its log. Pure.

import { partOf, stepOf, workOf } from '../catalog/nodes.ts'
import type { Playbook } from '../catalog/playbook.ts'
import type { Status } from '../status.ts'

/** What a span is made from: one event, its time in microseconds, `total` of an iterator that begins. */
export type SlimEvent = [
  node: string,
  type: string,
  at: number,
  attempt: number | null,
  worker: string | null,
  error: string | null,
  total: number | null,
]

/** The events that spans are made from. */
export const SPAN_EVENTS = [
  'step_started',
  'step_completed',
  'step_failed',
  'iterator_started',
  'iteration_started',
  'iteration_completed',
  'iteration_failed',
  'save_started',
  'action_started',
  'action_waiting',
  'action_completed',
  'action_error',
]

/** So many iterations of a step are shown unless they are asked for. */
export const SHOWN_ITERATIONS = 200

/** How many of a node's iterations have started, ended well, and failed. */
export type Counts = [started: number, done: number, failed: number]

type SpanStatus = Status | 'waiting'

interface Attempt {
  n: number
  start_time: string
  end_time: string | null
  status: SpanStatus
  worker: string | null
  error: string | null
}

export interface Span {
  node: string
  step: string
  kind: 'step' | 'iteration' | 'save' | 'timeout'
  index: number | null
  tool: string | null
  status: SpanStatus
  start_time: string
  end_time: string | null
  duration: number | null
  waiting_seconds: number | null
  attempts: Attempt[]
  parent: string | null
  child_execution_id: string | null
  iterations: { total: number; done: number; failed: number; collapsed: number } | null
}

export interface Folding {
  /** The nodes of the page, in the order in which they began. */
  nodes: readonly string[]
  /** What the log has of them, and of what their saves and timers belong to; in its order. */
  events: readonly SlimEvent[]
  counts: Readonly<Record<string, Counts>>
  /** Child executions, by the nodes that they run for. */
  children: Readonly<Record<string, string>>
  /** When the execution ended, in microseconds. */
  endedAt: number | null
  playbook: Playbook
  /** The step or iteration whose iterations are asked for. */
  expanded: string | null
}

/** A node as its events tell it; times in microseconds. */
interface Told {
  start: number
  end: number | null
  status: Status
  total: number | null
  attempts: {
    n: number
    start: number
    end: number | null
    failed: boolean
    /** It is put off, and goes on by another start. */
    waits?: boolean
    worker: string | null
    error: string | null
  }[]
}

export function spansOf(folding: Folding): Span[] {
  const told = new Map<string, Told>()
  for (const event of folding.events) tell(told, event)
  return folding.nodes.flatMap((node) => {
    const own = told.get(node)
    return own ? [spanOf(node, own, told, folding)] : []
  })
}

function tell(told: Map<string, Told>, [node, type, at, attempt, worker, error, total]: SlimEvent) {
  const own = told.get(node) ?? {
    start: at,
    end: null,
    status: 'RUNNING',
    total: null,
    attempts: [],
  }
  told.set(node, own)
  switch (type) {
    case 'step_started':
    case 'iteration_started':
    case 'save_started':
      // what was reported of it before was of nothing
      Object.assign(own, { start: at, end: null, attempts: [] })
      break
    case 'iterator_started':
      own.total = total ?? 0
      break
    case 'action_started': {
      const before = own.attempts.at(-1)
      if (before?.waits) {
        before.waits = false
        break
      }
      // whoever had it has lost it
      if (before && before.end === null) Object.assign(before, { end: at, failed: true })
      own.attempts.push({
        n: attempt ?? own.attempts.length + 1,
        start: at,
        end: null,
        failed: false,
        worker,
        error: null,
      })
      break
    }
    case 'action_waiting': {
      const open = own.attempts.at(-1)
      if (open && open.end === null) open.waits = true
      break
    }
    case 'action_completed':
    case 'action_error': {
      const n = own.attempts.length + 1
      // a start that was not reported
      const unseen = { n: attempt ?? n, start: own.start, end: null, failed: false, worker, error }
      let open = own.attempts.find(({ end }) => end === null)
      if (!open) {
        // what is reported twice was no further attempt
        if (own.attempts.length > 0) break
        own.attempts.push(unseen)
        open = unseen
      }
      open.end = at
      open.failed = type === 'action_error'
      open.worker ??= worker
      open.error = error
      if (isTail(node) && !open.failed) end(own, at, 'COMPLETED')
      break
    }
    case 'step_completed':
    case 'iteration_completed':
      end(own, at, 'COMPLETED')
      break
    case 'step_failed':
    case 'iteration_failed':
      end(own, at, 'FAILED')
      break
  }
}

/** What has no end of its own in the log. */
function isTail(node: string): boolean {
  const part = partOf(node)?.part
  return part === 'save' || part === 'timeout'
}

function end(own: Told, at: number, status: Status): void {
  if (own.end !== null) return
  own.end = at
  own.status = status
}

function spanOf(
  node: string,
  own: Told,
  told: ReadonlyMap<string, Told>,
  { counts, children, endedAt, playbook, expanded }: Folding,
): Span {
  const part = partOf(node)
  const kind = part === null ? 'step' : typeof part.part === 'number' ? 'iteration' : part.part
  const whole = isTail(node) ? told.get(part?.whole ?? '') : undefined
  const { start } = own
  // what runs when its step, or the execution, ends is given up
  const given = own.end === null ? (whole?.end ?? endedAt) : null
  const ended = own.end ?? (given === null ? null : Math.max(given, start))
  const first = own.attempts[0]?.start
  return {
    node,
    step: stepOf(node),
    kind,
    index: typeof part?.part === 'number' ? part.part : null,
    tool: kind === 'timeout' ? kind : (workOf(playbook, node)?.tool ?? null),
    status: given !== null ? 'FAILED' : own.end === null ? openStatus(own) : own.status,
    start_time: timeOf(start),
    end_time: ended === null ? null : timeOf(ended),
    duration: ended === null ? null : secondsOf(ended - start),
    waiting_seconds: first === undefined ? null : secondsOf(first - start),
    attempts: own.attempts.map(({ n, start, end, failed, worker, error }) => ({
      n,
      start_time: timeOf(start),
      // what is given up ends with its step
      end_time:
        end === null ? (ended === null ? null : timeOf(Math.max(ended, start))) : timeOf(end),
      status:
        end === null ? (ended === null ? 'RUNNING' : 'FAILED') : failed ? 'FAILED' : 'COMPLETED',
      worker,
      error,
    })),
    parent: part?.whole || null,
    child_execution_id: children[node] ?? null,
    iterations: own.total === null ? null : iterationsOf(node, own.total, counts[node], expanded),
  }
}

/** It waits for whoever does it, or for its next attempt. */
function openStatus({ attempts, total }: Told): SpanStatus {
  const last = attempts.at(-1)
  return total === null && (last === undefined || last.failed) ? 'waiting' : 'RUNNING'
}

function iterationsOf(
  node: string,
  total: number,
  [started, done, failed]: Counts = [0, 0, 0],
  expanded: string | null,
) {
  const isShown = expanded === null && partOf(node) === null
  const shown = isShown ? Math.min(started, SHOWN_ITERATIONS) : 0
  return { total, done, failed, collapsed: started - shown }
}

function secondsOf(micros: number): number {
  return micros / 1_000_000
}

/** RFC 3339, UTC, microseconds: as the database writes it. */
export function timeOf(micros: number): string {
  const millis = Math.floor(micros / 1_000)
  const rest = String(micros - millis * 1_000).padStart(3, '0')
  return `${new Date(millis).toISOString().slice(0, -1)}${rest}Z`
}
