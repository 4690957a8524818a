import { expect, test } from 'vitest'
import { secondsOf, spansOf, type ToldSpan, visibleOf, withAll } from '../../src/page/spans.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString()

function span(node: string, parent: string | null = null, more: Partial<ToldSpan> = {}): ToldSpan {
  return {
    node,
    tool: 'http',
    status: 'COMPLETED',
    start_time: at(0),
    end_time: at(3),
    attempts: [],
    parent,
    child_execution_id: null,
    iterations: null,
    ...more,
  }
}

test('parts stand behind what they are parts of, under what is left of their names', () => {
  const spans = spansOf([
    span('a'),
    span('b'),
    span('a[0]', 'a'),
    span('a[1]', 'a'),
    span('a[0][save]', 'a[0]'),
  ])
  expect(spans.map(({ label, depth }) => [label, depth])).toEqual([
    ['a', 0],
    ['[0]', 1],
    ['[save]', 2],
    ['[1]', 1],
    ['b', 0],
  ])
})

test('a part of what is on another page stands by itself', () => {
  expect(spansOf([span('a[7]', 'a')])).toMatchObject([{ name: 'a[7]', label: 'a[7]', depth: 0 }])
})

test('what is folded hides all that is within it', () => {
  const spans = spansOf([span('a'), span('a[0]', 'a'), span('a[0][1]', 'a[0]'), span('b')])
  const seen = (...open: string[]) => visibleOf(spans, new Set(open)).map(({ name }) => name)
  expect(seen()).toEqual(['a', 'b'])
  expect(seen('a')).toEqual(['a', 'a[0]', 'b'])
  expect(seen('a[0]')).toEqual(['a', 'b'])
  expect(seen('a', 'a[0]')).toEqual(['a', 'a[0]', 'a[0][1]', 'b'])
})

test('iterations that were asked for take the place of those that were shown', () => {
  const told = [span('a'), span('a[0]', 'a', { status: 'RUNNING' }), span('b')]
  const all = new Map([['a', [span('a[0]', 'a'), span('a[1]', 'a')]]])
  expect(spansOf(withAll(told, all)).map(({ name, state }) => [name, state])).toEqual([
    ['a', 'completed'],
    ['a[0]', 'completed'],
    ['a[1]', 'completed'],
    ['b', 'completed'],
  ])
})

test('attempts, the last error, and how long it has taken', () => {
  const attempt = { worker: 'edge', status: 'FAILED', error: 'no reply' }
  const [going] = spansOf([
    span('a', null, {
      status: 'waiting',
      end_time: null,
      attempts: [{ ...attempt, start_time: at(1), end_time: at(2) }],
    }),
  ])
  expect(going).toMatchObject({ state: 'waiting', error: 'no reply', end: null })
  expect(going?.attempts).toMatchObject([{ failed: true, worker: 'edge' }])
  if (going) expect(secondsOf(going, Date.parse(at(7)))).toBe(7)
})
