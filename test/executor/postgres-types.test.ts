import { beforeAll, describe, expect, test } from 'vitest'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const AUTH = `pg-${Date.now()}-types`
const DATA = {
  db_host: 'db.localhost',
  db_port: 5432,
  db_user: 'test',
  db_password: 'test',
  db_name: 'noetl',
}
const { ran, resultOf } = oneStep(client, { type: 'postgres', auth: AUTH })
let tables = 0
const newTable = () => `type_test_${Date.now()}_${++tables}`

beforeAll(async () => {
  await client.post('/api/credentials', { name: AUTH, type: 'postgres', data: DATA })
})

describe('types survive as JSON', () => {
  test.each<[what: string, expression: string, json: string]>([
    ['int4', '-5', '-5'],
    ['int8', '9007199254740993::int8', '9007199254740993'],
    ['a small int8', '7::int8', '7'],
    ['numeric', '1234.5678::numeric', '1234.5678'],
    ['numeric beyond a double', '12345678901234567890.123::numeric', '"12345678901234567890.123"'],
    ['numeric NaN', "'NaN'::numeric", '"NaN"'],
    ['float8', '0.1::float8 + 0.2', '0.30000000000000004'],
    ['a tiny float8', '1.2345678901234566e-7::float8', '0.00000012345678901234566'],
    ['float8 NaN', "'NaN'::float8", '"NaN"'],
    ['float8 infinity', "'-Infinity'::float8", '"-Infinity"'],
    ['float4', '1.5::float4', '1.5'],
    ['bool', 'true', 'true'],
    ['null', 'null::int', 'null'],
    ['text', "'a\"b\\c ž🐎'", '"a\\"b\\\\c ž🐎"'],
    ['date', "date '2026-02-28'", '"2026-02-28"'],
    ['time', "time '23:59:01.5'", '"23:59:01.5"'],
    ['timestamp', "timestamp '2026-01-02 03:04:05.678901'", '"2026-01-02T03:04:05.678901"'],
    ['interval', "interval '1 day 2 hours'", '"1 day 02:00:00"'],
    [
      'uuid',
      "'00000000-0000-0000-0000-00000000000a'::uuid",
      '"00000000-0000-0000-0000-00000000000a"',
    ],
    ['bytea', "'\\x00ff'::bytea", '"\\\\x00ff"'],
    ['json', `'{"b": 1, "n": 9007199254740993}'::json`, '{"b":1,"n":9007199254740993}'],
    ['jsonb', `'[9007199254740993, {"a": null}]'::jsonb`, '[9007199254740993,{"a":null}]'],
    ['inet', "'10.0.0.0/8'::inet", '"10.0.0.0/8"'],
    ['range', 'int4range(1, 5)', '"[1,5)"'],
    ['oid', '26::oid', '26'],
    ['int arrays', 'array[1, null, 3]', '[1,null,3]'],
    ['int8 arrays', 'array[9007199254740993, 1]', '[9007199254740993,1]'],
    ['arrays of arrays', 'array[[1, 2], [3, 4]]', '[[1,2],[3,4]]'],
    ['numeric arrays', 'array[1.5, 2]::numeric[]', '[1.5,2]'],
    ['float arrays', "array['NaN', '0.5']::float8[]", '["NaN",0.5]'],
    ['bool arrays', 'array[true, null]', '[true,null]'],
    ['text arrays', `array['a"b', 'c,d', null, 'NULL', '']`, '["a\\"b","c,d",null,"NULL",""]'],
    ['date arrays', "array[date '2026-01-01']", '["2026-01-01"]'],
    ['timestamp arrays', "array[timestamp '2026-01-01 00:00']", '["2026-01-01T00:00:00"]'],
    [
      'uuid arrays',
      "array['00000000-0000-0000-0000-00000000000a'::uuid]",
      '["00000000-0000-0000-0000-00000000000a"]',
    ],
    ['jsonb arrays', `array['{"n": 9007199254740993}'::jsonb]`, '[{"n":9007199254740993}]'],
    ['interval arrays', "array[interval '1 hour']", '["01:00:00"]'],
    ['an empty array', 'array[]::int[]', '[]'],
    ['numeric infinity', "'Infinity'::numeric", '"Infinity"'],
    ['an endless date', "'infinity'::date", '"infinity"'],
    ['an endless timestamp', "'-infinity'::timestamp", '"-infinity"'],
    ['a date before our time', "'0044-03-15 BC'::date", '"0044-03-15 BC"'],
    ['timetz', "'04:05:06+02'::timetz", '"04:05:06+02"'],
    ['money', "'12.34'::money", '"$12.34"'],
    ['bit', "b'0101'", '"0101"'],
    ['point', 'point(1.5, 2)', '"(1.5,2)"'],
    ['multirange', 'int4multirange(int4range(1, 3))', '"{[1,3)}"'],
    ['range arrays', 'array[int4range(1, 3)]', '"{\\"[1,3)\\"}"'],
    ['tstzrange', "tstzrange(null, '2026-01-01Z')::text is not null", 'true'],
    ['a row', "row(1, 'a b', null)", '"(1,\\"a b\\",)"'],
    ['time arrays', "array[time '01:02:03']", '["01:02:03"]'],
    ['inet arrays', "array['10.0.0.1'::inet]", '["10.0.0.1"]'],
    ['bytea arrays', "array['\\x00ff'::bytea]", '["\\\\x00ff"]'],
    ['void', "set_config('a.b', 'c', true)", '"c"'],
    ['xid', "'7'::xid", '"7"'],
    ['regclass', "'pg_class'::regclass", '"pg_class"'],
    ['tsvector', "to_tsvector('simple', 'a')", '"\'a\':1"'],
  ])('%s', async (_what, expression, json) => {
    const { text } = await ran({ command: `select ${expression} as v` })
    expect(text.replaceAll(/([:,]) (?=\S)/g, '$1')).toContain(`"rows":[{"v":${json}}]`)
  })

  test('timestamptz has its offset', async () => {
    const command = "set local timezone to '-02:30'; select timestamptz '2026-01-02 03:04:05Z' as v"
    const [{ v }] = (await resultOf({ command })).command_1.rows
    expect(Date.parse(v)).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
    expect(v).toMatch(/^2026-01-02T\d\d:\d\d:05[+-]\d\d:\d\d$/)
  })

  test('enums are text', async () => {
    const name = newTable()
    const command = `create type ${name} as enum ('sad', 'ok'); select 'ok'::${name} as v`
    expect((await resultOf({ command })).command_1.rows).toEqual([{ v: 'ok' }])
  })
})
