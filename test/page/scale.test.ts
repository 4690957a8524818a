import { expect, test } from 'vitest'
import { barOf, marksOf, ticksOf } from '../../src/page/scale.ts'

test.each([
  [0.138, 7, ['0', '20 ms', '40 ms', '60 ms', '80 ms', '100 ms', '120 ms']],
  [1.2, 3, ['0', '500 ms', '1 s']],
  [47, 5, ['0', '10 s', '20 s', '30 s', '40 s']],
  [600, 2, ['0', '5 min', '10 min']],
  [7_200, 4, ['0', '30 min', '1 h', '1 h 30 min', '2 h']],
  [200_000, 3, ['0', '1 d', '2 d']],
])('%d s in at most %d parts', (seconds, most, labels) => {
  const marks = marksOf(seconds, most)
  expect(marks.map(({ label }) => label)).toEqual(labels)
  expect(marks.every(({ at }) => at >= 0 && at <= 1.000001)).toBe(true)
})

test('a scale of nothing has its beginning', () => {
  expect(marksOf(0, 5)).toEqual([{ at: 0, label: '0' }])
})

test('bars stay within, and are never too narrow to be seen', () => {
  const range = { from: 1_000, until: 2_000 }
  expect(barOf({ start: 1_250, end: 1_500 }, range)).toEqual({ left: 0.25, width: 0.25 })
  expect(barOf({ start: 0, end: 9_000 }, range)).toEqual({ left: 0, width: 1 })
  const { left, width } = barOf({ start: 2_000, end: 2_000 }, range)
  expect(width).toBeGreaterThan(0)
  expect(left + width).toBeLessThanOrEqual(1)
})

test('ticks are round, and reach over what is shown', () => {
  expect(ticksOf(1, 4)).toEqual([0, 1])
  expect(ticksOf(7, 4)).toEqual([0, 2, 4, 6, 8])
  expect(ticksOf(95, 4)).toEqual([0, 50, 100])
  expect(ticksOf(12_345, 4)).toEqual([0, 5_000, 10_000, 15_000])
})
