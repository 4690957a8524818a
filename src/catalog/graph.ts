// A playbook's steps and transitions as a graph, with what has become of them in an execution. Pure.

import type { Json } from '../json.ts'
import { isTerminal, type Status } from '../status.ts'
import { END, type Playbook, START, type Step } from './playbook.ts'

type NodeStatus =
  | 'pending'
  | 'waiting'
  | 'running'
  | 'completed'
  | 'failed'
  | 'skipped'
  | 'unreached'

/** What a log has of the steps. */
export interface Run {
  status: Status
  /** Events of a step by type: how many, and of what begins and ends it the steps that it fired, or its total. */
  facts: readonly [step: string, type: string, count: number, more: Json][]
  /** Iterations of a step: how many started, ended well, and failed. */
  counts: Readonly<Record<string, readonly [number, number, number]>>
}

type Facts = ReadonlyMap<string, { count: number; more: Json }>

/** @param run null: the playbook as it is, with nothing begun */
export function graphOf(playbook: Playbook, run: Run | null) {
  const told = new Map<string, Map<string, { count: number; more: Json }>>()
  const fired = new Map<string, Set<string>>()
  for (const [node, type, count, more] of run?.facts ?? []) {
    // what fires first is no step that has an event, unless it does something
    const step = type === 'execution_start' ? START : node
    told.set(step, (told.get(step) ?? new Map()).set(type, { count, more }))
    const isWork = playbook.steps.get(START)?.work != null
    if (type === 'step_completed' || (type === 'execution_start' && !isWork)) {
      fired.set(step, new Set(Array.isArray(more) ? more.map(String) : []))
    }
  }
  const reached = new Set([...fired.values()].flatMap((targets) => [...targets]))
  const nodes = playbook.order.map((step) => {
    const own: Facts = told.get(step.name) ?? new Map()
    const countOf = (type: string) => own.get(type)?.count ?? 0
    const [, done = 0, failed = 0] = run?.counts[step.name] ?? []
    const iterator = own.get('iterator_started')
    // what was put off goes on by another start
    const starts = countOf('action_started') - countOf('action_waiting')
    return {
      step: step.name,
      type: typeOf(step),
      status: run ? statusOf(step, own, reached.has(step.name), run.status) : ('pending' as const),
      attempts: Math.max(starts, Math.min(1, countOf('action_started'))),
      iterations: iterator ? { total: Number(iterator.more ?? 0), done, failed } : null,
    }
  })
  const edges = playbook.order.flatMap(({ name, next }) =>
    next.map(({ to, when, otherwise }) => ({
      from: name,
      to,
      when,
      else: otherwise.length > 0,
      fired: fired.get(name)?.has(to) ?? false,
    })),
  )
  return { nodes, edges }
}

function typeOf({ name, work }: Step): string {
  return work?.tool ?? (name === START || name === END ? name : 'route')
}

function statusOf(
  { name, work }: Step,
  own: Facts,
  isReached: boolean,
  status: Status,
): NodeStatus {
  const countOf = (type: string) => own.get(type)?.count ?? 0
  const isOver = isTerminal(status)
  if (own.has('step_failed')) return 'failed'
  if (own.has('step_completed')) return 'completed'
  if (own.has('step_skipped')) return 'skipped'
  if (own.has('step_started')) {
    // what ran when the execution ended was given up
    if (isOver) return 'failed'
    const isBegun = countOf('action_started') > countOf('action_error')
    return isBegun || own.has('iterator_started') ? 'running' : 'waiting'
  }
  // without work of their own they leave no event
  if (work === null && name === START) return own.has('execution_start') ? 'completed' : 'pending'
  if (work === null && name === END && isReached && status === 'COMPLETED') return 'completed'
  if (isOver) return 'unreached'
  return isReached ? 'waiting' : 'pending'
}
