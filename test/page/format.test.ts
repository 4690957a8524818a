import { expect, test } from 'vitest'
import { ago, bytes, clock, count, cut, duration, exact } from '../../src/page/format.ts'

test.each([
  [0, '0 ms'],
  [0.0124, '12 ms'],
  [0.9994, '999 ms'],
  [0.9996, '1.00 s'],
  [9.994, '9.99 s'],
  [9.996, '10.0 s'],
  [59.94, '59.9 s'],
  [59.96, '1 min 00 s'],
  [185, '3 min 05 s'],
  [3_599.6, '1 h 00 min'],
  [7_800, '2 h 10 min'],
  [86_399.7, '1 d 0 h'],
  [356_400, '4 d 3 h'],
  [-1, '0 ms'],
])('%d s is %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

test('a moment is told from now', () => {
  const now = Date.UTC(2026, 0, 1)
  expect(ago(now - 1_400, now)).toBe('now')
  expect(ago(now - 12_000, now)).toBe('12 s ago')
  expect(ago(now - 180_000, now)).toBe('3 min ago')
  expect(ago(now + 7_200_000, now)).toBe('in 2 h')
  expect(ago(now - 3 * 86_400_000, now)).toBe('3 d ago')
})

test('a time of today has no date, and one of another year its year', () => {
  const now = new Date(2026, 10, 26, 12)
  expect(clock(new Date(2026, 10, 26, 7, 5, 9), now)).toBe('07:05:09')
  expect(clock(new Date(2026, 10, 26, 7, 5, 9, 12), now, true)).toBe('07:05:09.012')
  expect(clock(new Date(2026, 1, 3, 7, 5, 9), now)).toBe('02-03 07:05:09')
  expect(clock(new Date(2025, 1, 3, 7, 5, 9), now)).toBe('2025-02-03 07:05:09')
})

test('the exact time is in UTC, to the microsecond that is known', () => {
  expect(exact('2026-11-26T05:07:28.747000Z')).toBe('2026-11-26 05:07:28.747 UTC')
  expect(exact('2026-11-26T05:07:28.000001Z')).toBe('2026-11-26 05:07:28.000001 UTC')
  expect(exact('2026-11-26T05:07:20.000000Z')).toBe('2026-11-26 05:07:20 UTC')
  expect(exact('2026-11-26T05:07:20Z')).toBe('2026-11-26 05:07:20 UTC')
})

test('counts and sizes', () => {
  expect([0, 9_999, 12_345, 99_960, 999_951].map(count)).toEqual([
    '0',
    '9,999',
    '12.3k',
    '100k',
    '1.0M',
  ])
  expect([12, 2_048, 3_145_728].map(bytes)).toEqual(['12 B', '2.0 KB', '3.0 MB'])
  expect(cut('abcdef', 4)).toBe('abc…')
  expect(cut('abcd', 4)).toBe('abcd')
})
