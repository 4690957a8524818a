import { expect, test } from 'vitest'
import { bodyOf, type FieldSpec, textsOf } from '../../src/page/entry.ts'
import { fieldsOf, parametersOf } from '../../src/page/fields.ts'
import { parseJson, toJson } from '../../src/page/json.ts'

const workload = { name: 'world', count: 3, dry: false, list: [1, 2], none: null, big: 2n ** 60n }

test('a field may have the name of something that all objects have', () => {
  const fields = fieldsOf({ constructor: 'hello', toString: 1, name: 'x' } as never)
  expect(parametersOf(fields, {})).toEqual({ parameters: {}, faults: {} })
  expect(parametersOf(fields, { toString: '2' } as never).parameters).toEqual({ toString: 2 })
})

test('each value of a workload has a field of its type', () => {
  expect(fieldsOf(workload).map(({ name, kind, text }) => [name, kind, text])).toEqual([
    ['name', 'text', 'world'],
    ['count', 'number', '3'],
    ['dry', 'boolean', 'false'],
    ['list', 'json', '[\n  1,\n  2\n]'],
    ['none', 'json', 'null'],
    ['big', 'number', '1152921504606846976'],
  ])
})

test('fields stand as the text of the playbook has them', () => {
  const source = 'metadata: {path: a, size: 1}\nworkload: {"b.c": 1, size: 2}\n# none: x\n'
  const names = fieldsOf({ more: 1, size: 2, 'b.c': 3, last: 4 }, source).map(({ name }) => name)
  expect(names).toEqual(['b.c', 'size', 'more', 'last'])
})

test('what was changed is sent, in its type', () => {
  const texts = { name: '7', count: ' 4.5 ', dry: 'true', list: '{"a": [null]}', big: '3' }
  expect(parametersOf(fieldsOf(workload), texts)).toEqual({
    parameters: { name: '7', count: 4.5, dry: true, list: { a: [null] }, big: 3 },
    faults: {},
  })
  expect(parametersOf(fieldsOf(workload), { name: 'world' }).parameters).toEqual({})
})

test('what is not of its type is said at its field', () => {
  const { parameters, faults } = parametersOf(fieldsOf(workload), { count: '4x', list: '[1' })
  expect(parameters).toEqual({})
  expect(faults.count).toBe('a number is expected')
  expect(faults.list).toMatch(/^not JSON/)
})

test('integers beyond what a double holds come through as they were', () => {
  const text = '{"id":9007199254740993,"n":1.5,"s":-9223372036854775808}'
  expect(parseJson(text)).toEqual({ id: 9007199254740993n, n: 1.5, s: -9223372036854775808n })
  expect(toJson(parseJson(text))).toBe(text)
})

const SPECS: readonly FieldSpec[] = [
  { name: 'name', label: 'Name', kind: 'text', required: true },
  { name: 'filter', label: 'Filter', kind: 'text' },
  { name: 'keep', label: 'Keep', kind: 'number' },
  { name: 'parameters', label: 'Parameters', kind: 'json' },
  { name: 'secrets', label: 'Secrets', kind: 'lines' },
  { name: 'enabled', label: 'Enabled', kind: 'boolean' },
  { name: 'version', label: 'Version', kind: 'version' },
]

test('a change has what differs; what was emptied is null', () => {
  const before = textsOf(SPECS, {
    name: 'a',
    filter: 'x > 1',
    keep: 7,
    parameters: { a: 1 },
    enabled: true,
    version: 3,
  })
  expect(bodyOf(SPECS, before, before)).toEqual({ body: {}, faults: {} })
  const texts = {
    ...before,
    filter: ' ',
    keep: '3',
    parameters: '{"a": 2}',
    secrets: 'p \n\n q',
    version: '',
  }
  expect(bodyOf(SPECS, texts, before)).toEqual({
    body: { filter: null, keep: 3, parameters: { a: 2 }, secrets: ['p', 'q'], version: 'latest' },
    faults: {},
  })
})

test('what is needed or wrong is said', () => {
  const { faults } = bodyOf(SPECS, { name: '', keep: 'many', parameters: '{' }, {})
  expect(Object.keys(faults)).toEqual(['name', 'keep', 'parameters'])
})
