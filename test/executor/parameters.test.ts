import { describe, expect, test } from 'vitest'
import { bindParameters } from '../../src/executor/tools/parameters.ts'
import type { Json } from '../../src/json.ts'

describe('a name is a parameter', () => {
  const params = { id: 1, name: 'x', žluť: true, e: 'e' }

  test.each<[text: string, bound: string, values: unknown[]]>([
    ['values (:id, :name)', 'values ($1, $2)', ['1', 'x']],
    ['select :id::int, :id :: text', 'select $1::int, $2 :: text', ['1', '1']],
    [':id', '$1', ['1']],
    ['n=:id', 'n=$1', ['1']],
    ['select :žluť, :e', 'select $1, $2', ['true', 'e']],
    ["select :e'x'", "select $1'x'", ['e']],
  ])('%s', (text, bound, values) => {
    expect(bindParameters(text, params)).toEqual({ text: bound, values })
  })

  test.each([
    "select 'at :id', \":id\", $$ :id $$, $t$ :id $t$, E'\\' :id'",
    'select 1 -- :id\n + 1 /* :id /* :id */ :id */',
    'select 1::id, a::name, "a"::id, (1)::name',
    'select a[1:id], a[(b):id], a[b[1]:id]',
    'select f(a := 1)',
    'select 1 :',
  ])('but not in %s', (text) => {
    expect(bindParameters(text, params)).toEqual({ text, values: [] })
  })

  test.each<[text: string, params: Json[] | Record<string, Json>, error: string]>([
    ['select :id', {}, 'the statement mentions :id, which params lacks'],
    ['select :constructor', {}, 'the statement mentions :constructor, which params lacks'],
    ['select :__proto__', {}, 'the statement mentions :__proto__, which params lacks'],
    ['select :id', [], 'the statement mentions :id, and params is no mapping'],
    ['select $1, :id', { id: 1 }, 'the statement mentions $1, and params is no list'],
    ['select $1, $2', [1], 'the statement has 2 parameters, and params 1'],
    ['select $1', [1, 2], 'the statement has 1 parameters, and params 2'],
    ['select $1', ['a\0'], 'params[0] has a NUL character, which Postgres cannot store'],
    [
      'select :a',
      { a: [{ b: '\ud800' }] },
      'a[0].b has half a character, which Postgres cannot store',
    ],
    [
      'select :a',
      { a: { '\0': 1 } },
      'a key of a has a NUL character, which Postgres cannot store',
    ],
  ])('and %s is refused (%#)', (text, params, error) => {
    expect(() => bindParameters(text, params)).toThrow(error)
  })
})

describe('a value becomes', () => {
  test.each<[value: Json, cast: string, text: string | null]>([
    [null, '', null],
    [0, '', '0'],
    [-1.5e-7, '', '-1.5e-7'],
    [9007199254740993n, '', '9007199254740993'],
    [NaN, '', 'NaN'],
    [false, '', 'false'],
    ['', '', ''],
    [{ a: [9007199254740993n] }, '', '{"a":[9007199254740993]}'],
    [[1, 'a'], '', '[1,"a"]'],
    [[1, 'a'], '::jsonb', '[1,"a"]'],
    [[1, null], '::int[]', '{"1",NULL}'],
    [[1], ' :: numeric(10, 2) []', '{"1"}'],
    [[1], '::double precision[]', '{"1"}'],
    [[1], '::timestamp(3) with time zone[]', '{"1"}'],
    [[1], '::my."own type"[]', '{"1"}'],
    [['a"b\\c', 'd,e', 'NULL', '', '{'], '::text[]', '{"a\\"b\\\\c","d,e","NULL","","{"}'],
    [
      [
        [1, 2],
        [3, 4],
      ],
      '::int[]',
      '{{"1","2"},{"3","4"}}',
    ],
    [[{ a: '"' }], '::jsonb[]', '{"{\\"a\\":\\"\\\\\\"\\"}"}'],
    [[], '::int[]', '{}'],
    [{ a: 1 }, '::int[]', '{"a":1}'],
  ])('case %#', (value, cast, text) => {
    expect(bindParameters(`select :v${cast}`, { v: value }).values).toEqual([text])
    expect(bindParameters(`select $1${cast}`, [value]).values).toEqual([text])
  })

  test('an array within a cast by its long name', () => {
    expect(bindParameters('select cast(:v as int[])', { v: [1] }).values).toEqual(['{"1"}'])
  })
})
