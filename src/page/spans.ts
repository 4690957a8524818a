// What ran when, out of an execution's log: a span for each step, and within it those of its iterations.

import { isObject, type Json } from './json.ts'
import type { LogEvent } from './types.ts'

type State = 'pending' | 'running' | 'waiting' | 'completed' | 'failed' | 'skipped' | 'cancelled'

interface Attempt {
  start: number
  end: number | null
  failed: boolean
}

export interface Span {
  name: string
  /** How deep it is: an iteration of a step is within that step. */
  depth: number
  parent: string | null
  state: State
  start: number
  end: number | null
  attempts: Attempt[]
  error: string | null
  /** Until when it waits, where it does. */
  until: number | null
  /** Of an iterator. */
  items: { total: number; done: number; failed: number } | null
}

/** `a[0][1]` is within `a[0]`, and that within `a`. */
function parentOf(name: string): string | null {
  const at = name.lastIndexOf('[')
  return at > 0 && name.endsWith(']') ? name.slice(0, at) : null
}

const numberIn = (value: Json, key: string): number => {
  const found = isObject(value) ? value[key] : undefined
  return typeof found === 'number' ? found : 0
}

/** The spans of a log, each behind the one that it is within. */
export function spansOf(events: readonly LogEvent[]): Span[] {
  const spans = new Map<string, Span>()
  const spanOf = (name: string, at: number): Span => {
    const known = spans.get(name)
    if (known) return known
    const parent = parentOf(name)
    const span: Span = {
      name,
      depth: name.split('[').length - 1,
      parent,
      state: 'pending',
      start: at,
      end: null,
      attempts: [],
      error: null,
      until: null,
      items: null,
    }
    spans.set(name, span)
    return span
  }
  for (const event of events) {
    if (event.node_type === 'playbook') {
      if (event.event_type !== 'execution_start') endAll(spans, event)
      continue
    }
    apply(spanOf(event.node_name, Date.parse(event.created_at)), event, (name) => spans.get(name))
  }
  return inOrder([...spans.values()])
}

function apply(span: Span, event: LogEvent, find: (name: string) => Span | undefined): void {
  const at = Date.parse(event.created_at)
  const lastAttempt = span.attempts.at(-1)
  switch (event.event_type) {
    case 'step_started':
    case 'iteration_started':
    case 'save_started':
      span.state = 'running'
      span.start = at
      break
    case 'iterator_started':
      span.state = 'running'
      span.items = { total: numberIn(event.context, 'total'), done: 0, failed: 0 }
      break
    case 'action_started':
      span.state = 'running'
      span.attempts.push({ start: at, end: null, failed: false })
      break
    case 'action_waiting': {
      span.state = 'waiting'
      const until = isObject(event.context) ? event.context.until : null
      span.until = typeof until === 'string' ? Date.parse(until) : null
      break
    }
    case 'action_completed':
      span.until = null
      if (lastAttempt) lastAttempt.end = at
      // a save, and the task of an iteration, have no event of their own that ends them
      if (span.name.endsWith('[save]')) end(span, 'completed', at)
      else if (span.state === 'waiting') span.state = 'running'
      break
    case 'action_error':
      if (lastAttempt) Object.assign(lastAttempt, { end: at, failed: true })
      span.error = event.error
      if (span.name.endsWith('[save]')) end(span, 'failed', at)
      break
    case 'action_retry':
      span.state = 'waiting'
      break
    case 'step_completed':
    case 'iteration_completed':
      end(span, 'completed', at)
      break
    case 'step_failed':
    case 'iteration_failed':
      end(span, 'failed', at)
      span.error = event.error ?? span.error
      break
    case 'step_skipped':
      end(span, 'skipped', at)
      break
  }
  if (event.event_type === 'iteration_completed' || event.event_type === 'iteration_failed') {
    const items = find(span.parent ?? '')?.items
    if (items) {
      items.done += 1
      if (event.event_type === 'iteration_failed') items.failed += 1
    }
  }
}

function end(span: Span, state: State, at: number): void {
  span.state = state
  span.end = at
  span.until = null
  const last = span.attempts.at(-1)
  if (last && last.end === null) last.end = at
}

/** When an execution has ended nothing of it goes on. */
function endAll(spans: ReadonlyMap<string, Span>, event: LogEvent): void {
  if (!/^execution_(complete|completed|failed|cancelled|stopped)$/.test(event.event_type)) return
  const state = event.event_type.startsWith('execution_complete')
    ? 'completed'
    : event.event_type === 'execution_failed'
      ? 'failed'
      : 'cancelled'
  for (const span of spans.values()) {
    if (span.end === null) end(span, state, Date.parse(event.created_at))
  }
}

function inOrder(spans: readonly Span[]): Span[] {
  const names = new Set(spans.map(({ name }) => name))
  const within = new Map<string | null, Span[]>()
  for (const span of spans) {
    const parent = span.parent !== null && names.has(span.parent) ? span.parent : null
    const siblings = within.get(parent)
    if (siblings) siblings.push(span)
    else within.set(parent, [span])
  }
  const from = (parent: string | null): Span[] =>
    (within.get(parent) ?? [])
      .sort((a, b) => a.start - b.start)
      .flatMap((span) => [span, ...from(span.name)])
  return from(null)
}

/** How long a span took, or has taken so far; in seconds. */
export function secondsOf(span: Span, now: number): number {
  return Math.max(0, (span.end ?? now) - span.start) / 1000
}
