// Changing a path or a name in a text leaves everything else as its author wrote it.
import { describe, expect, test } from 'vitest'
import { minimalPlaybook, withPath, withValue } from '../../src/catalog/edit.ts'
import { pathOf, readPlaybook } from '../../src/catalog/validate.ts'

const FLOW = 'workflow: # the flow\n  - step: start # first\n\n  # no more\n'
const PATH = `new/"quoted" & 'so', {x}: #1 é`

/** The payload of a text, whatever is wrong with it as a playbook. */
function payloadOf(text: string) {
  const { payload, faults } = readPlaybook(text, 'Text', { path: 'known' })
  if (payload === null) throw new Error(JSON.stringify(faults))
  return payload
}
const changed = (text: string) => withPath(text, payloadOf(text), PATH)
const written = JSON.stringify(PATH)

describe('the path is changed where it stands', () => {
  const CASES: [name: string, before: string, after: string][] = [
    ['plain', 'metadata:\n  path: a/b # why\n', `metadata:\n  path: ${written} # why\n`],
    ['in quotes', "metadata:\n  path: 'it''s'\n", `metadata:\n  path: ${written}\n`],
    ['in braces', 'metadata: {path: a, name: n}\n', `metadata: {path: ${written}, name: n}\n`],
    ['as JSON', '{"metadata": {"path":"a"}}', `{"metadata": {"path": ${written}}}`],
    ['on its own', '# c\npath: a\nname: n\n', `# c\npath: ${written}\nname: n\n`],
    [
      'before metadata',
      'metadata: {path: a}\npath: b\n',
      `metadata: {path: ${written}}\npath: b\n`,
    ],
    ['over two lines', 'path: a\n  b # c\nname: n\n', `path: ${written} # c\nname: n\n`],
    ['as a block', 'path: >-\n  a/\n  b\n# c\nname: n\n', `path: ${written}\n# c\nname: n\n`],
    ['as a list', 'path:\n  - a\n  - b\n', `path:\n  ${written}\n`],
    ['empty', 'path:\nname: n\n', `path: ${written}\nname: n\n`],
    ['empty, with a comment', 'path: # c\nname: n\n', `path: ${written} # c\nname: n\n`],
    [
      'empty, in braces',
      'metadata: {path: , name: n}\n',
      `metadata: {path: ${written}, name: n}\n`,
    ],
    ['tagged', 'path: !!str a\n', `path: !!str ${written}\n`],
    ['an alias', 'a: &a x\npath: *a\n', `a: &a x\npath: ${written}\n`],
    ['with a line end of Windows', 'path: a\r\nname: n\r\n', `path: ${written}\r\nname: n\r\n`],
  ]
  test.each(CASES)('%s', (_name, before, after) => expect(changed(before)).toBe(after))
})

describe('a path that is nowhere is added', () => {
  const CASES: [name: string, before: string, after: string][] = [
    [
      'to the metadata',
      'metadata:\n    # c\n    name: n\n',
      `metadata:\n    # c\n    path: ${written}\n    name: n\n`,
    ],
    ['to braces', 'metadata: {name: n}\n', `metadata: {"path": ${written}, name: n}\n`],
    ['to empty braces', 'metadata: {}\n', `metadata: {"path": ${written}}\n`],
    ['to the top', `# c\n${FLOW}`, `# c\npath: ${written}\n${FLOW}`],
    ['behind directives', `%YAML 1.1\n---\n${FLOW}`, `%YAML 1.1\n---\npath: ${written}\n${FLOW}`],
    ['behind a byte order mark', '\ufeffname: n\n', `\ufeffpath: ${written}\nname: n\n`],
    ['with a line end of Windows', 'name: n\r\n', `path: ${written}\r\nname: n\r\n`],
    [
      'over one that is merged in',
      'b: &b {path: z}\nmetadata:\n  <<: *b\n',
      `b: &b {path: z}\nmetadata:\n  path: ${written}\n  <<: *b\n`,
    ],
  ]
  test.each(CASES)('%s', (_name, before, after) => {
    expect(changed(before)).toBe(after)
    expect(pathOf(payloadOf(after))).toBe(PATH)
  })
})

test('what is written elsewhere, or as nothing known here, is left alone', () => {
  for (const text of [
    'b: &b {path: z}\nmetadata: *b\n',
    '? name\n: n\n',
    'metadata: {path, name: n}\n',
  ]) {
    expect(changed(text)).toBeNull()
  }
  for (const text of ['metadata: text\n', 'metadata: [a]\n', '- a\n', 'a: [', '']) {
    expect(withValue(text, ['metadata', 'name'], 'n')).toBeNull()
  }
})

test('a name is set in metadata, which is made where there is none', () => {
  const set = (text: string) => withValue(text, ['metadata', 'name'], 'a\n"b"')
  expect(set('metadata: # c\nx: 1\n')).toBe('metadata: {"name": "a\\n\\"b\\""} # c\nx: 1\n')
  expect(set(`# c\n${FLOW}`)).toBe(`# c\nmetadata: {"name": "a\\n\\"b\\""}\n${FLOW}`)
  expect(set('metadata:\n  name: |\n    x\n    y\n  path: p\n')).toBe(
    'metadata:\n  name: "a\\n\\"b\\""\n  path: p\n',
  )
})

test('a value is what it is, not what YAML would make of it', () => {
  for (const value of ['yes', 'null', '5', '*a', '{{ x }}', ' ', '', '# c', '\t\u2028\u0085é🐎']) {
    const text = withValue('metadata: {name: n}\nworkflow: []\n', ['metadata', 'name'], value) ?? ''
    expect(payloadOf(text).metadata).toEqual({ name: value })
  }
})

test('the least playbook is one, whatever its name', () => {
  for (const name of ['a/b', 'it\'s "this": #1', 'yes', '{{ x }}', 'žluťoučký 🐎']) {
    const { payload, faults } = readPlaybook(minimalPlaybook(name, 'line\n# 2'), 'Playbook')
    expect(faults).toEqual([])
    expect(payload?.metadata).toEqual({ name, path: name, description: 'line\n# 2' })
  }
})
