import { expect, test } from 'vitest'
import { diffOf, hunksOf } from '../../src/page/diff.ts'

const SIGNS = { same: ' ', removed: '-', added: '+' }
const shown = (left: string, right: string) =>
  diffOf(left, right).map(({ kind, text }) => SIGNS[kind] + text)

test('what is the same stays, and the rest is as small as can be', () => {
  expect(shown('a\nb\nc\nd', 'a\nc\nx\nd')).toEqual([' a', '-b', ' c', '+x', ' d'])
  expect(shown('a', 'a')).toEqual([' a'])
  expect(shown('a\nb', 'b\na\nb')).toEqual(['+b', ' a', ' b'])
  expect(shown('a', 'b')).toEqual(['-a', '+b'])
})

test('lines have their numbers on either side', () => {
  expect(diffOf('a\nb\nc', 'a\nx\nc').map(({ left, right }) => [left, right])).toEqual([
    [1, 1],
    [2, null],
    [null, 2],
    [3, 3],
  ])
})

test('both texts come back out of the difference', () => {
  let seed = 11
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const text = () => Array.from({ length: random(40) }, () => 'abcd'[random(4)]).join('\n')
  for (let round = 0; round < 200; round++) {
    const left = text()
    const right = text()
    const lines = diffOf(left, right)
    const side = (kind: string) =>
      lines.filter((line) => line.kind !== kind).map((line) => line.text)
    expect(side('added').join('\n')).toBe(left)
    expect(side('removed').join('\n')).toBe(right)
  }
})

test('texts that have nothing in common are told apart quickly', () => {
  const many = (letter: string) => Array.from({ length: 6_000 }, (_, n) => letter + n).join('\n')
  expect(diffOf(many('a'), many('b'))).toHaveLength(12_000)
})

test('what is far from a change is a gap', () => {
  const left = Array.from({ length: 20 }, (_, n) => `line ${n}`)
  const right = left.with(10, 'changed')
  const hunks = hunksOf(diffOf(left.join('\n'), right.join('\n')), 2)
  expect(hunks[0]).toEqual({ gap: 8 })
  expect(hunks.at(-1)).toEqual({ gap: 7 })
  expect(hunks).toHaveLength(8)
})
