import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { flowOf } from '../../src/page/flow.ts'
import type { Json } from '../../src/page/json.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const read = (text: string) => flowOf(parse(text) as { [key: string]: Json })
const ways = (text: string) =>
  read(text).edges.map(({ from, to, label }) => `${from}>${to}${label === null ? '' : ` ${label}`}`)

test('all forms of next are ways', () => {
  const text = `
workflow:
  - {step: start, next: a}
  - {step: a, type: transform, next: [b, {step: c}, {step: d, when: "{{ x > 1 }}"}, {else: e}]}
  - {step: b, next: {when: y, then: c, else: [d, {step: e}]}}
  - {step: c}
  - {step: d, next: nowhere}
  - {step: e, type: http}
`
  expect(ways(text)).toEqual([
    'start>a',
    'a>b',
    'a>c',
    'a>d x > 1',
    'a>e else',
    'b>c y',
    'b>d not (y)',
    'b>e not (y)',
  ])
})

test('two ways between the same steps are one line', () => {
  expect(ways('workflow: [{step: a, next: {when: x, then: b, else: b}}, {step: b}]')).toEqual([
    'a>b x or not (x)',
  ])
})

test('steps say what they do', () => {
  const { nodes } = read(
    'steps: [{name: start}, {name: a, type: http, loop: {in: x}}, {name: b, desc: why}, {name: end}]',
  )
  expect(nodes.map(({ id, type, desc }) => [id, type, desc])).toEqual([
    ['start', 'start', null],
    ['a', 'loop', null],
    ['b', 'route', 'why'],
    ['end', 'end', null],
  ])
})

test('in each example every step but start is led to', () => {
  for (const file of readdirSync(EXAMPLES)) {
    const { nodes, edges } = read(readFileSync(join(EXAMPLES, file), 'utf8'))
    const reached = new Set(['start', ...edges.map(({ to }) => to)])
    expect(
      nodes.filter(({ id }) => !reached.has(id)),
      file,
    ).toEqual([])
    expect(nodes.length, file).toBeGreaterThan(1)
  }
})
