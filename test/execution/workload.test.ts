import { describe, expect, test } from 'vitest'
import { deepMerge, workloadOf } from '../../src/execution/workload.ts'
import { type JsonObject, parseJson } from '../../src/json.ts'

const overlaid = (base: JsonObject, parameters: JsonObject) =>
  workloadOf(base, parameters, false, { execution_id: '7' })
const merged = (base: JsonObject, parameters: JsonObject) =>
  workloadOf(base, parameters, true, { execution_id: '7' })

describe('without merge', () => {
  test('parameters replace whole keys', () => {
    const base = { a: { x: 1 }, l: [1, 2], kept: true }
    expect(overlaid(base, { a: { y: 2 }, l: [9], added: null })).toEqual({
      a: { y: 2 },
      l: [9],
      kept: true,
      added: null,
    })
  })
})

describe('with merge', () => {
  test('objects are merged key by key, however deep', () => {
    expect(merged({ a: { b: { c: 1, d: 1 } } }, { a: { b: { d: 2 }, e: 3 } })).toEqual({
      a: { b: { c: 1, d: 2 }, e: 3 },
    })
  })

  test('lists are joined', () => {
    expect(merged({ l: [1, 2] }, { l: [9] })).toEqual({ l: [1, 2, 9] })
    expect(merged({ l: [] }, { l: [] })).toEqual({ l: [] })
  })

  test('lists of named objects are merged by name', () => {
    const base = { n: [{ name: 'p', v: 1 }] }
    expect(merged(base, { n: [{ name: 'p', w: 2 }, { name: 'q' }] })).toEqual({
      n: [{ name: 'p', v: 1, w: 2 }, { name: 'q' }],
    })
  })

  test('an object without a name among named ones is added', () => {
    expect(merged({ n: [{ name: 'p' }] }, { n: [{ v: 1 }] })).toEqual({
      n: [{ name: 'p' }, { v: 1 }],
    })
  })

  test('a list with anything but objects is joined', () => {
    expect(merged({ n: [{ name: 'p' }, 1] }, { n: [{ name: 'p' }] })).toEqual({
      n: [{ name: 'p' }, 1, { name: 'p' }],
    })
  })

  test('scalars, null and values of another kind are replaced', () => {
    expect(
      merged({ a: 1, b: { x: 1 }, c: [1], d: 1 }, { a: 2, b: 3, c: { y: 1 }, d: null }),
    ).toEqual({
      a: 2,
      b: 3,
      c: { y: 1 },
      d: null,
    })
  })

  test('what is merged is left as it was', () => {
    const base = { a: { b: [1] } }
    deepMerge(base, { a: { b: [2] } })
    expect(base).toEqual({ a: { b: [1] } })
  })
})

test('keys called __proto__ are keys like others', () => {
  const hostile = parseJson(
    '{"__proto__": {"admin": true}, "a": {"__proto__": {"b": 1}}}',
  ) as JsonObject
  for (const workload of [overlaid({ a: {} }, hostile), merged({ a: {} }, hostile)]) {
    expect(Object.getPrototypeOf(workload)).toBe(Object.prototype)
    expect((workload as { admin?: boolean }).admin).toBeUndefined()
    expect(Object.getPrototypeOf(workload.a)).toBe(Object.prototype)
    expect(JSON.parse(JSON.stringify(workload))).toEqual(
      JSON.parse('{"__proto__": {"admin": true}, "a": {"__proto__": {"b": 1}}}'),
    )
  }
})

describe('templates', () => {
  test('of the playbook see the overlaid workload and the execution, with native types', () => {
    const base = {
      n: 1,
      list: '{{ workload.items }}',
      text: 'run {{ execution_id }}: {{ workload.n }}',
    }
    expect(overlaid(base, { n: 5, items: [1, 2] })).toEqual({
      n: 5,
      items: [1, 2],
      list: [1, 2],
      text: 'run 7: 5',
    })
  })

  test('in parameters are text, also where the playbook refers to them', () => {
    const base = { shown: '{{ workload.given }}', deep: { list: [1] } }
    const given = '{{ 7 * 7 }}{% for x in y %}'
    expect(merged(base, { given, deep: { list: [given] } })).toEqual({
      given,
      shown: given,
      deep: { list: [1, given] },
    })
  })

  test('stay as they are when they need what is not there yet', () => {
    expect(overlaid({ later: '{{ job.uuid }}', other: '{{ workload.absent }}' }, {})).toEqual({
      later: '{{ job.uuid }}',
      other: '{{ workload.absent }}',
    })
  })
})

test('integers beyond 2^53 pass through', () => {
  const parameters = parseJson('{"n": 9007199254740993}') as JsonObject
  expect(merged({ same: '{{ workload.n }}' }, parameters)).toEqual({
    n: 9007199254740993n,
    same: 9007199254740993n,
  })
})
