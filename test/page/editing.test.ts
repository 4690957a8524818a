import { expect, test } from 'vitest'
import { type Edit, indent, lineRange, newLine } from '../../src/page/editing.ts'
import { addressOf, placeOf } from '../../src/page/path.ts'

/** A text with its selection between bars, after an edit. */
function after(marked: string, edit: (text: string, start: number, end: number) => Edit): string {
  const start = marked.indexOf('|')
  const end = marked.lastIndexOf('|') - (marked.lastIndexOf('|') > start ? 1 : 0)
  const text = marked.replaceAll('|', '')
  const made = edit(text, start, end)
  const changed = text.slice(0, made.from) + made.text + text.slice(made.to)
  return made.start === made.end
    ? `${changed.slice(0, made.start)}|${changed.slice(made.start)}`
    : `${changed.slice(0, made.start)}|${changed.slice(made.start, made.end)}|${changed.slice(made.end)}`
}
const tab = (text: string, start: number, end: number) => indent(text, start, end, false)
const back = (text: string, start: number, end: number) => indent(text, start, end, true)

test('Tab puts two spaces in, or all selected lines further', () => {
  expect(after('a|b', tab)).toBe('a  |b')
  expect(after('a\n|b\nc|\nd', tab)).toBe('a\n  |b\n  c|\nd')
  expect(after('a|a\n\nb|b', tab)).toBe('  a|a\n\n  b|b')
  expect(after('|a\n|b', tab)).toBe('  |a\n|b')
})

test('with Shift further out, as far as there is room', () => {
  expect(after('    a|', back)).toBe('  a|')
  expect(after(' |a\n    b|', back)).toBe('|a\n  b|')
  expect(after('|a', back)).toBe('|a')
})

test('Enter goes on as far in as the line, and further behind what opens', () => {
  expect(after('  a: 1|', newLine)).toBe('  a: 1\n  |')
  expect(after('  a:|', newLine)).toBe('  a:\n    |')
  expect(after('  - step: x|', newLine)).toBe('  - step: x\n    |')
})

test('a line is found by its number', () => {
  expect(lineRange('a\nbc\n\nd', 2)).toEqual({ start: 2, end: 4 })
  expect(lineRange('a\nbc\n\nd', 3)).toEqual({ start: 5, end: 5 })
  expect(lineRange('a\nbc', 9)).toEqual({ start: 2, end: 4 })
})

test('an address leads to its view, and back', () => {
  expect(placeOf('/')).toEqual({ view: 'executions', rest: '' })
  expect(placeOf('/nowhere')).toEqual({ view: null, rest: '' })
  for (const path of ['a/b', 'a b/ü', '100%/c?d#e', 'one']) {
    expect(placeOf(addressOf('playbooks', path))).toEqual({ view: 'playbooks', rest: path })
  }
  expect(placeOf('/playbooks/100%')).toEqual({ view: 'playbooks', rest: '100%' })
})
