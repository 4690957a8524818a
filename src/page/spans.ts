// What ran when, as the API tells it (docs/dashboards.md), in the order in which it is shown.

import type { Json } from './json.ts'

/** A span as the API has it. */
export interface ToldSpan {
  node: string
  tool: string | null
  status: string
  start_time: string
  end_time: string | null
  attempts: {
    start_time: string
    end_time: string | null
    status: string
    worker: string | null
    error: string | null
  }[]
  parent: string | null
  child_execution_id: string | null
  iterations: { total: number; done: number; failed: number; collapsed: number } | null
}

export interface ToldTimeline {
  execution: { start_time: string; end_time: string | null; now: string | null }
  spans: ToldSpan[]
}

export interface Span {
  name: string
  /** Its name within what it is a part of. */
  label: string
  /** How many spans it is within. */
  depth: number
  parent: string | null
  state: string
  tool: string | null
  start: number
  end: number | null
  attempts: { start: number; end: number | null; failed: boolean; worker: string | null }[]
  error: string | null
  child: string | null
  items: ToldSpan['iterations']
}

/** Spans, each behind the one that it is a part of, in the order in which they began. */
export function spansOf(told: readonly ToldSpan[]): Span[] {
  const names = new Set(told.map(({ node }) => node))
  const within = new Map<string | null, ToldSpan[]>()
  for (const span of told) {
    const parent = span.parent !== null && names.has(span.parent) ? span.parent : null
    const siblings = within.get(parent)
    if (siblings) siblings.push(span)
    else within.set(parent, [span])
  }
  const from = (parent: string | null, depth: number): Span[] =>
    (within.get(parent) ?? []).flatMap((span) => [
      spanOf(span, depth),
      ...from(span.node, depth + 1),
    ])
  return from(null, 0)
}

function spanOf(told: ToldSpan, depth: number): Span {
  const { node, parent } = told
  const isWithin = parent !== null && depth > 0 && node.startsWith(parent)
  return {
    name: node,
    label: isWithin ? node.slice(parent.length) : node,
    depth,
    parent: depth > 0 ? parent : null,
    state: told.status === 'STARTED' ? 'running' : told.status.toLowerCase(),
    tool: told.tool,
    start: Date.parse(told.start_time),
    end: timeOf(told.end_time),
    attempts: told.attempts.map((attempt) => ({
      start: Date.parse(attempt.start_time),
      end: timeOf(attempt.end_time),
      failed: attempt.status === 'FAILED',
      worker: attempt.worker,
    })),
    error: told.attempts.at(-1)?.error ?? null,
    child: told.child_execution_id,
    items: told.iterations,
  }
}

const timeOf = (time: string | null) => (time === null ? null : Date.parse(time))

/** Spans with those in place that were asked for by themselves: the iterations of a node, all of them. */
export function withAll(
  spans: readonly ToldSpan[],
  all: ReadonlyMap<string, readonly ToldSpan[]>,
): ToldSpan[] {
  const known = new Set<string>()
  const given = [...all.values()].flat()
  for (const { node } of given) known.add(node)
  return [...spans.filter(({ node }) => !known.has(node)), ...given]
}

/** What is within a span is seen when that is open, and all above it. */
export function visibleOf(spans: readonly Span[], open: ReadonlySet<string>): Span[] {
  const hidden = new Set<string>()
  return spans.filter(({ name, parent }) => {
    // a span stands behind the one that it is within
    if (parent === null || (open.has(parent) && !hidden.has(parent))) return true
    hidden.add(name)
    return false
  })
}

/** How long a span took, or has taken so far; in seconds. */
export function secondsOf(span: Span, now: number): number {
  return Math.max(0, (span.end ?? now) - span.start) / 1000
}

/** A graph as the API has it: of a playbook, or of an execution with what has become of it. */
export interface ToldGraph {
  nodes: {
    step: string
    type: string
    status: string
    attempts: number
    iterations: { total: number; done: number; failed: number } | null
  }[]
  edges: { from: string; to: string; when: Json; else: boolean; fired: boolean }[]
}
