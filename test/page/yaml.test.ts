import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { highlight } from '../../src/page/yaml.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const told = (line: string) =>
  (highlight(line)[0] ?? [])
    .filter(({ kind, text }) => kind !== 'plain' || text.trim() !== '')
    .map(({ kind, text }) => `${kind}:${text}`)

test.each([
  ['# all of it', ['comment:# all of it']],
  ['step: start', ['key:step', 'mark::', 'plain:start']],
  ['  - step: a # why', ['mark:-', 'key:step', 'mark::', 'plain:a', 'comment:# why']],
  ['n: -1.5', ['key:n', 'mark::', 'number:-1.5']],
  ['b: true', ['key:b', 'mark::', 'word:true']],
  ['s: "a # b"', ['key:s', 'mark::', 'text:"a # b"']],
  ["s: 'it''s'", ['key:s', 'mark::', "text:'it''s'"]],
  ['t: "{{ a.b }} c"', ['key:t', 'mark::', 'text:"', 'template:{{ a.b }}', 'text: c"']],
  ['url: http://a#b', ['key:url', 'mark::', 'plain:http://a#b']],
  ['v: 1 of 2', ['key:v', 'mark::', 'plain:1', 'plain:of', 'number:2']],
])('%s', (line, tokens) => {
  expect(told(line)).toEqual(tokens)
})

test('a mapping in braces', () => {
  expect(told('x: {a: 1, b: [c, no]}').join(' ')).toBe(
    'key:x mark:: mark:{ key:a mark:: number:1 mark:, key:b mark:: mark:[ plain:c mark:, word:no mark:] mark:}',
  )
})

test('the lines of a block are text, and its end is where it is less deep', () => {
  const lines = highlight('code: |\n  # no comment\n\n  a: 1\nnext: end')
  expect(lines.map((tokens) => tokens[0]?.kind)).toEqual(['key', 'text', undefined, 'text', 'key'])
})

test('no character is lost', () => {
  for (const file of readdirSync(EXAMPLES)) {
    const source = readFileSync(join(EXAMPLES, file), 'utf8')
    const back = highlight(source)
      .map((tokens) => tokens.map(({ text }) => text).join(''))
      .join('\n')
    expect(back).toBe(source)
  }
})

test('a line that is made to be slow is not', () => {
  const began = performance.now()
  highlight(`a: ${'"\\'.repeat(5_000)}`)
  highlight(`a: ${'{{ '.repeat(5_000)}`)
  highlight(`${'a '.repeat(5_000)}`)
  highlight(`${'- '.repeat(5_000)}`)
  expect(performance.now() - began).toBeLessThan(2_000)
})
