import { expect, test } from 'vitest'
import { secondsOf, spansOf } from '../../src/page/spans.ts'
import type { LogEvent } from '../../src/page/types.ts'

const START = Date.UTC(2026, 0, 1)
let seq = 0

/** An event so many seconds after the start. */
function at(seconds: number, type: string, node: string, more: Partial<LogEvent> = {}): LogEvent {
  seq += 1
  return {
    event_id: String(seq),
    seq,
    event_type: type,
    node_id: node,
    node_name: node,
    node_type: type.startsWith('execution_') ? 'playbook' : 'step',
    status: 'RUNNING',
    duration: 0,
    created_at: new Date(START + seconds * 1000).toISOString(),
    context: {},
    result: {},
    meta: {},
    error: null,
    ...more,
  }
}

test('a step that was tried twice has two attempts in its span', () => {
  const [span] = spansOf([
    at(0, 'execution_start', 'p'),
    at(0, 'step_started', 'a'),
    at(1, 'action_started', 'a'),
    at(2, 'action_error', 'a', { error: 'no reply' }),
    at(2, 'action_retry', 'a'),
    at(4, 'action_started', 'a'),
    at(5, 'action_completed', 'a'),
    at(5, 'step_completed', 'a'),
  ])
  expect(span).toMatchObject({ state: 'completed', start: START, end: START + 5_000 })
  expect(span?.attempts).toEqual([
    { start: START + 1_000, end: START + 2_000, failed: true },
    { start: START + 4_000, end: START + 5_000, failed: false },
  ])
})

test('iterations are within their step, which counts them', () => {
  const spans = spansOf([
    at(0, 'step_started', 'a'),
    at(0, 'iterator_started', 'a', { context: { total: 3 } }),
    at(0, 'iteration_started', 'a[0]'),
    at(0, 'step_started', 'b'),
    at(1, 'iteration_completed', 'a[0]'),
    at(1, 'iteration_started', 'a[1]'),
    at(1, 'save_started', 'a[1][save]'),
    at(2, 'action_completed', 'a[1][save]'),
    at(2, 'iteration_failed', 'a[1]', { error: 'division by zero' }),
  ])
  expect(spans.map(({ name, depth, state }) => [name, depth, state])).toEqual([
    ['a', 0, 'running'],
    ['a[0]', 1, 'completed'],
    ['a[1]', 1, 'failed'],
    ['a[1][save]', 2, 'completed'],
    ['b', 0, 'running'],
  ])
  expect(spans[0]?.items).toEqual({ total: 3, done: 2, failed: 1 })
})

test('nothing goes on when the execution has ended', () => {
  const [a, b] = spansOf([
    at(0, 'step_started', 'a'),
    at(0, 'action_started', 'a'),
    at(0, 'step_started', 'b'),
    at(1, 'step_failed', 'b'),
    at(1, 'execution_failed', 'p'),
  ])
  expect([a?.state, a?.end, a?.attempts[0]?.end]).toEqual(['failed', START + 1_000, START + 1_000])
  expect(b?.state).toBe('failed')
  const [c] = spansOf([at(0, 'step_started', 'c'), at(9, 'execution_cancelled', 'p')])
  expect(c?.state).toBe('cancelled')
})

test('a wait says until when, and what goes on grows', () => {
  const until = new Date(START + 60_000).toISOString()
  const [span] = spansOf([
    at(0, 'step_started', 'a'),
    at(0, 'action_waiting', 'a', { context: { until } }),
  ])
  expect(span).toMatchObject({ state: 'waiting', until: START + 60_000, end: null })
  if (span) expect(secondsOf(span, START + 7_000)).toBe(7)
})
