import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { saveTool } from '../../src/executor/tools/save.ts'
import { type Call, ToolError } from '../../src/executor/tools/tool.ts'
import { type Json, type JsonObject, toJson } from '../../src/json.ts'
import { Variables } from '../../src/settings.ts'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const ECHO = inject('echo')
const AUTH = `pg-${Date.now()}-save`
const DATA = {
  db_host: 'db.localhost',
  db_port: 5432,
  db_user: 'test',
  db_password: 'test',
  db_name: 'noetl',
}
const { ran, resultOf } = oneStep(client, { type: 'save' })
const config = Variables.parse(client.env)
let tables = 0
const newName = () => `save_test_${Date.now()}_${++tables}`
const database = () => neon(client.env.DATABASE_URL as string)

/** Rows of a query, whose values are compared as JSON, where integers keep their digits. */
const rows = async (text: string) => database().query(text) as Promise<JsonObject[]>

/** Creates a table; answers its name. */
async function newTable(columns: string): Promise<string> {
  const name = newName()
  await database().query(`create table ${name} (${columns})`)
  return name
}

/** Does the saves of a step whose own action gave `result`. */
async function saved(save: Json, result: Json = null, more: Partial<Call> = {}): Promise<Json> {
  const ending = await saveTool({
    task: { name: 'a', type: 'save', save },
    config,
    env: client.env,
    timeoutMs: 10_000,
    result,
    waited: 0,
    execution_id: '1',
    scope: { step: 'only', execution_id: '1' },
    hide: () => {},
    redact: (text) => text,
    credential: async (name) => {
      if (name !== AUTH) throw new ToolError(`there is no credential '${name}'`)
      return { type: 'postgres', data: DATA }
    },
    ...more,
  })
  if (ending.status !== 'success') throw new Error('a save succeeds or throws')
  return ending.data
}

/** Saves into a table. */
const put = (table: string, data: Json, more: JsonObject = {}) =>
  saved({ storage: 'postgres', auth: AUTH, table, data, ...more })

/** The error of saves that must fail. */
async function failure(saving: Promise<Json>): Promise<ToolError> {
  const error = await saving.then(
    (data) => new Error(`it succeeded: ${toJson(data)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof ToolError)) throw error
  return error
}

const failed = async (saving: Promise<Json>) => (await failure(saving)).message

beforeAll(async () => {
  await client.post('/api/credentials', { name: AUTH, type: 'postgres', data: DATA })
})

describe('a save', () => {
  test('to event keeps the data in its own event', async () => {
    const data = { a: [1, null] }
    const told = { saved: 'event', data }
    for (const save of [
      'event',
      ' Event_Log ',
      '',
      {},
      { storage: null },
      { storage: {} },
      { storage: { type: 'event' } },
    ]) {
      expect(await saved(save, data)).toEqual(told)
    }
    expect(await saved({ data }, 5)).toEqual(told)
    expect(await saved({ storage: 'event', args: data }, 5)).toEqual(told)
    expect(await saved({ storage: { type: 'event_log', data } }, 5)).toEqual(told)
    expect(await saved({ data: null, args: 6 }, 5)).toEqual({ saved: 'event', data: null })
  })

  test('is what a step of its type describes by its own keys, or under save', async () => {
    const table = await newTable('n int')
    const keys = { storage: 'postgres', auth: AUTH, table }
    const told = { saved: 'postgres', table, row_count: 1, mode: 'insert' }
    expect(await resultOf({ ...keys, data: { n: '{{ 1 + 1 }}' } })).toEqual(told)
    expect(await resultOf({ save: { ...keys, args: { n: 3 } } })).toEqual(told)
    const nested = { type: 'postgres', table, auth: AUTH, data: { n: 4 } }
    expect(await resultOf({ save: { storage: nested } })).toEqual(told)
    expect(await resultOf({ save: ['event', { storage: nested }] })).toEqual([
      { saved: 'event', data: null },
      told,
    ])
    expect(await rows(`select n from ${table} order by n`)).toEqual(
      [2, 3, 4, 4].map((n) => ({ n })),
    )
  })

  test('has parameters where a step describes it, too', async () => {
    const table = await newTable('n int, t text')
    const statement = `insert into ${table} values (:n, :t)`
    const step = {
      storage: 'postgres',
      auth: AUTH,
      statement,
      params: { n: '{{ 1 + 1 }}', t: ':n' },
    }
    expect(await resultOf(step)).toMatchObject({ row_count: 1, mode: 'statement' })
    expect(await rows(`select * from ${table}`)).toEqual([{ n: 2, t: ':n' }])
    const url = `${ECHO}/a`
    expect(await resultOf({ storage: 'http', url, params: { q: 1 }, data: { n: 1 } })).toEqual({
      saved: 'http',
      endpoint: url,
      status_code: 200,
    })
  })

  test('of a step has the result of its action', async () => {
    const table = await newTable('id int primary key, name text, j jsonb')
    const save = {
      storage: { type: 'postgres', auth: AUTH, table, mode: 'upsert', key: 'id' },
      data: { id: '{{ result.id }}', name: '{{ data.name }}', j: '{{ this }}' },
    }
    const step = { type: 'transform', data: { id: 5, name: "it's" } }
    const { body } = await ran({ ...step, save: [save, 'event'] })
    expect([body.status, body.error]).toEqual(['COMPLETED', null])
    expect(await rows(`select id, name, j->'data' as data from ${table}`)).toEqual([
      { id: 5, name: "it's", data: step.data },
    ])
    const lost = await ran({ ...step, save: { storage: 'postgres', table: 'gone', auth: AUTH } })
    expect(lost.body.status).toBe('FAILED')
    expect(lost.body.error).toMatch(/relation "gone" does not exist/)
  })

  test('that fails fails the execution', async () => {
    const { body } = await ran({
      storage: 'postgres',
      auth: AUTH,
      table: 'nothing.at_all',
      data: { n: 1 },
    })
    expect(body.status).toBe('FAILED')
    expect(body.error).toMatch(/"nothing.at_all" does not exist|schema "nothing" does not exist/)
  })

  test('in a list is done in order, and the one that fails is named', async () => {
    const table = await newTable('n int primary key')
    const one = { storage: 'postgres', auth: AUTH, table, data: { n: 1 } }
    expect(await saved([one, 'event'], 5)).toEqual([
      { saved: 'postgres', table, row_count: 1, mode: 'insert' },
      { saved: 'event', data: 5 },
    ])
    const two = { ...one, data: { n: 2 } }
    expect(await failed(saved([two, one, { ...one, data: { n: 3 } }]))).toMatch(
      /^save 2 of 3: duplicate key value .*Key \(n\)=\(1\) already exists/,
    )
    expect(await rows(`select n from ${table} order by n`)).toEqual([{ n: 1 }, { n: 2 }])
    expect(await saved([])).toEqual([])
    expect(await failed(saved(Array(21).fill('event')))).toBe('a step has at most 20 saves')
    const broken = { ...one, auth: { inline: { dsn: 'nonsense' } } }
    expect(await failed(saved([broken]))).toBe('save 1 of 1: the database URL is not valid')
  })

  test.each<[save: Json, error: RegExp]>([
    [5, /^save is a storage, a mapping, or a list of these$/],
    [[['event']], /^save 1 of 1: save is a storage, a mapping, or a list of these$/],
    ['duckdb', /^there is no storage 'duckdb'.* use a step of that type$/],
    ['constructor', /^there is no storage 'constructor'/],
    [{ storage: { type: 'python', code: 'x' } }, /^there is no storage 'python'/],
    [{ storage: ['event'] }, /^there is no storage of this form/],
    [{ storage: { type: { type: 'event' } } }, /^there is no storage of this form/],
    [{ table: 't' }, /^a save with table needs storage/],
    [{ storage: '', statement: 'x' }, /^a save with statement needs storage/],
    [{ storage: { url: 'x' } }, /^a save with url needs storage/],
    ['postgres', /^a save to postgres needs table, or statement$/],
    [{ storage: 'postgres', table: null }, /needs table/],
    [{ storage: 'postgres', table: ' ' }, /needs table/],
    [{ storage: 'postgres', table: 't', data: { a: 1 } }, /^a save to postgres needs auth: NAME/],
    [
      { storage: 'postgres', table: 't', data: { a: 1 }, auth: 'nobody' },
      /^there is no credential 'nobody'$/,
    ],
    [{ storage: 'postgres', table: 't', mode: 'append' }, /^mode is insert or upsert$/],
    [{ storage: 'postgres', table: 't', mode: 5 }, /^mode is insert or upsert$/],
    [{ storage: 'postgres', table: 't', mode: 'upsert', data: { a: 1 } }, /needs key/],
    [{ storage: 'postgres', table: 't', mode: 'upsert', key: [] }, /needs key/],
    [{ storage: 'postgres', table: 't', mode: 'upsert', key: 5 }, /^key is a column/],
    [{ storage: 'postgres', table: 't', key: 'a', data: { a: 1 } }, /^key goes with mode: upsert$/],
    [
      { storage: 'postgres', table: 't', mode: 'upsert', key: ['a', 'b'], data: [{ a: 1 }] },
      /^data\[0\] lacks 'b', a column of the key$/,
    ],
    [{ storage: 'postgres', table: 't' }, /^data is no mapping of columns to values$/],
    [{ storage: 'postgres', table: 't', data: 'text' }, /^data is no mapping/],
    [{ storage: 'postgres', table: 't', data: [{ a: 1 }, 2] }, /^data\[1\] is no mapping/],
    [{ storage: 'postgres', table: 't', data: {} }, /^data has no columns$/],
    [{ storage: 'postgres', table: 't', data: [{ a: 1 }, {}] }, /^data\[1\] has no columns$/],
    [{ storage: 'http' }, /^url is not an http or https address$/],
    [{ storage: 'http', url: 'file:///etc/passwd' }, /^url is not an http or https address$/],
  ])('is refused (%#)', async (save, error) => {
    expect(await failed(saved(save))).toMatch(error)
  })
})

describe('to postgres', () => {
  test('one row, or many, or none', async () => {
    const table = await newTable('a int, b text')
    const told = (row_count: number) => ({ saved: 'postgres', table, row_count, mode: 'insert' })
    expect(await put(table, { a: 1, b: 'x' })).toEqual(told(1))
    expect(await put(table, [{ a: 2 }, { b: 'y', a: 3 }, { a: 4, b: null }])).toEqual(told(3))
    expect(await put(table, [])).toEqual(told(0))
    expect(await saved({ storage: 'postgres', auth: AUTH, table }, { a: 5 })).toEqual(told(1))
    expect(await rows(`select * from ${table} order by a`)).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 3, b: 'y' },
      { a: 4, b: null },
      { a: 5, b: null },
    ])
  })

  test('what a row lacks gets its default; null is null', async () => {
    const table = await newTable(
      "id int generated always as identity, a int, b text default 'none', c int generated always as (a * 2) stored, d text not null default 'd'",
    )
    await put(table, [{ a: 1 }, { a: 2, b: 'b' }, { a: 3 }, { a: 4, b: null }, { a: 5, d: 'D' }])
    expect(await rows(`select a, b, c, d from ${table} order by a`)).toEqual([
      { a: 1, b: 'none', c: 2, d: 'd' },
      { a: 2, b: 'b', c: 4, d: 'd' },
      { a: 3, b: 'none', c: 6, d: 'd' },
      { a: 4, b: null, c: 8, d: 'd' },
      { a: 5, b: 'none', c: 10, d: 'D' },
    ])
  })

  test('all rows or none', async () => {
    const table = await newTable('a int primary key, b text')
    expect(await failed(put(table, [{ a: 1 }, { a: 2, b: 'x' }, { a: 1, b: 'y' }]))).toMatch(
      /\(SQLSTATE 23505\)/,
    )
    expect(await rows(`select * from ${table}`)).toEqual([])
  })

  test.each<[type: string, value: Json, text: string | null]>([
    ['int', null, null],
    ['int', 0, '0'],
    ['int', '7', '7'],
    ['bigint', 9007199254740993n, '9007199254740993'],
    ['numeric', 123456789012345678901234567890n, '123456789012345678901234567890'],
    ['numeric', '12345678901234567890.123', '12345678901234567890.123'],
    ['numeric', 1e-7, '0.0000001'],
    ['float8', 0.1, '0.1'],
    ['float8', NaN, 'NaN'],
    ['float8', -Infinity, '-Infinity'],
    ['float8', 1e300, '1e+300'],
    ['boolean', true, 'true'],
    ['boolean', 'no', 'false'],
    ['text', true, 'true'],
    ['text', 5, '5'],
    ['text', '', ''],
    ['text', 'None', 'None'],
    ['text', 'null', 'null'],
    [
      'text',
      `it's "so" \\ \n\r\t \u0001 $1 {{ x }} ž🐎`,
      `it's "so" \\ \n\r\t \u0001 $1 {{ x }} ž🐎`,
    ],
    ['text', "'; drop table x; --", "'; drop table x; --"],
    ['text', { a: [1, "it's"] }, `{"a":[1,"it's"]}`],
    ['text', [1, 'a'], '[1,"a"]'],
    ['text', '{ "a" :  1.50, "a": 2 }', '{ "a" :  1.50, "a": 2 }'],
    ['text', ' {"a": 1}\n', ' {"a": 1}\n'],
    ['text', '[1 , 2]', '[1 , 2]'],
    ['text', '[1, 2', '[1, 2'],
    ['text', '{not json}', '{not json}'],
    ['text', '{"a": "\\u0000"}', '{"a": "\\u0000"}'],
    ['text', '["\\ud83d\\ude00", "\\ud83d"]', '["\\ud83d\\ude00", "\\ud83d"]'],
    ['text', '{"a": "\\ud83d\\ude00"}', '{"a": "\\ud83d\\ude00"}'],
    ['varchar(5)', 'ab', 'ab'],
    ['jsonb', { b: 1, a: [null, 9007199254740993n] }, '{"a": [null, 9007199254740993], "b": 1}'],
    ['jsonb', [], '[]'],
    ['jsonb', {}, '{}'],
    ['jsonb', null, null],
    ['jsonb', 5, '5'],
    ['jsonb', false, 'false'],
    ['jsonb', 'text', '"text"'],
    ['jsonb', '5', '"5"'],
    ['jsonb', '{"a": "\\ud83d\\ude00"}', '{"a": "😀"}'],
    ['jsonb', '[1, 2]', '[1, 2]'],
    ['json', { b: 1, a: 2 }, '{"b":1,"a":2}'],
    ['json', '{"b" : 1, "a": 2}', '{"b" : 1, "a": 2}'],
    ['json', 'text', '"text"'],
    ['int[]', [1, null, 3], '{1,NULL,3}'],
    [
      'int[]',
      [
        [1, 2],
        [3, 4],
      ],
      '{{1,2},{3,4}}',
    ],
    ['int[]', [], '{}'],
    ['int[]', '{1,2}', '{1,2}'],
    ['int[]', '[1, 2]', '{1,2}'],
    ['text[]', ['a"b', 'c,d', null, 'NULL', '', "it's"], `{"a\\"b","c,d",NULL,"NULL","",it's}`],
    ['jsonb[]', [{ a: 1 }, [2], 'x'], '{"{\\"a\\": 1}",[2],"\\"x\\""}'],
    ['date', '2026-02-28', '2026-02-28'],
    ['timestamp', '2026-01-02T03:04:05.678901', '2026-01-02 03:04:05.678901'],
    ['time', '23:59:01.5', '23:59:01.5'],
    ['interval', '1 day 2 hours', '1 day 02:00:00'],
    ['uuid', '00000000-0000-0000-0000-00000000000A', '00000000-0000-0000-0000-00000000000a'],
    ['bytea', '\\x00ff', '\\x00ff'],
    ['inet', '10.0.0.0/8', '10.0.0.0/8'],
    ['int4range', '[1,5)', '[1,5)'],
    ['int4range', '[1,5]', '[1,6)'],
    ['point', '(1,2)', '(1,2)'],
  ])('%s', async (type, value, text) => {
    const table = await newTable(`v ${type}`)
    await put(table, { v: value })
    expect(await rows(`select v::text as v from ${table}`)).toEqual([{ v: text }])
  })

  test('times keep their instant, enums and domains their rules', async () => {
    const [mood, even] = [newName(), newName()]
    await database().query(`create type ${mood} as enum ('sad', 'ok')`)
    await database().query(`create domain ${even} as int check (value % 2 = 0)`)
    const table = await newTable(`t timestamptz, m ${mood}, e ${even}`)
    await put(table, { t: '2026-01-02T03:04:05+02:00', m: 'ok', e: 2 })
    expect(await rows(`select extract(epoch from t)::int as t, m, e from ${table}`)).toEqual([
      { t: Date.UTC(2026, 0, 2, 1, 4, 5) / 1000, m: 'ok', e: 2 },
    ])
    expect(await failed(put(table, { m: 'glad' }))).toMatch(/invalid input value for enum/)
    expect(await failed(put(table, { e: 3 }))).toMatch(/violates check constraint/)
  })

  test.each<[what: string, type: string, value: Json, error: RegExp]>([
    ['NUL', 'text', 'a\0b', /^data\.v has a NUL character, which Postgres cannot store$/],
    ['NUL within', 'jsonb', [{ k: ['a\0'] }], /^data\.v\[0\]\.k\[0\] has a NUL character/],
    ['NUL in a key', 'jsonb', { 'a\0': 1 }, /^a key of data\.v has a NUL character/],
    ['half a character', 'text', '\ud800', /^data\.v has half a character/],
    ['NaN within', 'jsonb', { a: NaN }, /^data\.v\.a is NaN, which JSON cannot hold$/],
    ['a number that is too large', 'int', 5_000_000_000, /out of range for type integer/],
    ['a text for a number', 'int', 'None', /^invalid input syntax for type integer: "None"/],
    ['a fraction for an integer', 'int', 1.5, /invalid input syntax for type integer: "1.5"/],
    ['a mapping for an array', 'int[]', { a: 1 }, /expected JSON array/],
    ['a text that is too long', 'varchar(2)', 'abc', /value too long/],
  ])('%s is refused', async (_what, type, value, error) => {
    const table = await newTable(`v ${type}`)
    expect(await failed(put(table, { v: value }))).toMatch(error)
    expect(await rows(`select * from ${table}`)).toEqual([])
  })

  test('10,000 rows, of several shapes', async () => {
    const table = await newTable("n int primary key, t text default 'none', j jsonb")
    const all = Array.from({ length: 10_000 }, (_, n) => ({
      n,
      j: { n, of: 'a row that is "quoted"' },
      ...(n % 3 === 0 && { t: `text ${n}` }),
    }))
    expect(await put(table, all)).toMatchObject({ row_count: 10_000 })
    const sums = `select count(*)::int as count, sum((j->>'n')::int)::int as sum,
      count(*) filter (where t = 'none')::int as none from ${table}`
    expect(await rows(sums)).toEqual([{ count: 10_000, sum: 49_995_000, none: 6_666 }])
    expect(await put(table, all, { mode: 'upsert', key: 'n' })).toMatchObject({ row_count: 10_000 })
  }, 30_000)

  test('a long row and deep JSON', async () => {
    const table = await newTable('t text, j jsonb')
    let deep: Json = 1
    for (let depth = 0; depth < 190; depth++) deep = [deep]
    const t = `"'\\ž`.repeat(100_000)
    await put(table, { t, j: deep })
    const [row] = await rows(`select length(t) as t, j::text as j from ${table}`)
    expect(row).toEqual({ t: 400_000, j: `${'['.repeat(190)}1${']'.repeat(190)}` })
  })

  test('more than a transaction takes is refused before anything is sent', async () => {
    const table = await newTable('t text')
    const all = Array.from({ length: 11 }, () => ({ t: 'x'.repeat(1_000_000) }))
    expect(await failed(put(table, all))).toMatch(/^what is to be saved weighs 11000\d+ bytes; /)
    expect(await rows(`select count(*)::int as n from ${table}`)).toEqual([{ n: 0 }])
  })

  test('rows of too many shapes are refused', async () => {
    const table = await newTable('t text')
    const all = Array.from({ length: 1_001 }, (_, n) => ({ [`c${n}`]: n }))
    expect(await failed(put(table, all))).toMatch(/^the rows differ too much/)
  })
})

describe('an upsert', () => {
  test('replaces what has the key, and leaves the columns that it has not', async () => {
    const table = await newTable("a int, b text, c text default 'c', d text, primary key (a, b)")
    const upsert = (data: Json) => put(table, data, { mode: ' UPSERT ', key: ['b', 'a'] })
    expect(await upsert({ a: 1, b: 'x', d: 'one' })).toEqual({
      saved: 'postgres',
      table,
      row_count: 1,
      mode: 'upsert',
    })
    await upsert([
      { a: 1, b: 'x', c: 'new' },
      { a: 1, b: 'y', d: null },
    ])
    expect(await rows(`select * from ${table} order by b`)).toEqual([
      { a: 1, b: 'x', c: 'new', d: 'one' },
      { a: 1, b: 'y', c: 'c', d: null },
    ])
    expect(await upsert({ a: 1, b: 'x', d: null })).toMatchObject({ row_count: 1 })
    expect(
      await upsert([
        { a: 1, b: 'x' },
        { b: 'z', a: 1 },
      ]),
    ).toMatchObject({ row_count: 1 })
    expect(await rows(`select b, d from ${table} order by b`)).toEqual([
      { b: 'x', d: null },
      { b: 'y', d: null },
      { b: 'z', d: null },
    ])
  })

  test('of the same key twice is as one after another', async () => {
    const table = await newTable('k int primary key, a text, b text')
    const data = [
      { k: 1, a: 'first' },
      { k: 2, a: 'other' },
      { k: 1, b: 'second' },
      { k: 1, a: 'third' },
      { k: 3, b: 'x' },
      { k: 1, a: 'last' },
    ]
    const told = await put(table, data, { mode: 'upsert', key: 'k' })
    expect(told).toMatchObject({ row_count: 6 })
    expect(await rows(`select * from ${table} order by k`)).toEqual([
      { k: 1, a: 'last', b: 'second' },
      { k: 2, a: 'other', b: null },
      { k: 3, a: null, b: 'x' },
    ])
  })

  test('may be repeated', async () => {
    const table = await newTable('k text primary key, n int')
    for (let time = 0; time < 3; time++) {
      await put(
        table,
        [
          { k: 'a', n: 1 },
          { k: 'b', n: 2 },
        ],
        { mode: 'upsert', keys: ['k'] },
      )
    }
    expect(await rows(`select * from ${table} order by k`)).toEqual([
      { k: 'a', n: 1 },
      { k: 'b', n: 2 },
    ])
  })

  test('by what is not unique is refused', async () => {
    const table = await newTable('k int')
    expect(await failed(put(table, { k: 1 }, { mode: 'upsert', key: 'k' }))).toMatch(
      /no unique or exclusion constraint/,
    )
  })
})

describe('names are names', () => {
  const ODD = [
    'Weird Name',
    'select',
    'r',
    'excluded',
    'a"b',
    "it's",
    'ž🐎',
    'x; drop table y --',
    'a.b',
    '$1',
    '{{ x }}',
    '__proto__x',
    'constructor',
    'n'.repeat(63),
  ]

  test('of columns and keys', async () => {
    const table = newName()
    const columns = ODD.map((name) => `"${name.replaceAll('"', '""')}" int`)
    await database().query(`create table ${table} (${columns.join(', ')}, unique ("a""b", "r"))`)
    const row = Object.fromEntries(ODD.map((name, index) => [name, index]))
    expect(await put(table, row)).toMatchObject({ row_count: 1 })
    const key = ['a"b', 'r']
    const again = { ...row, select: 99 }
    expect(await put(table, again, { mode: 'upsert', key })).toMatchObject({ row_count: 1 })
    expect(await rows(`select * from ${table}`)).toEqual([again])
  })

  test('of tables and schemas, in quotes or without', async () => {
    const schema = `Odd "schema" ${Date.now()}`
    const inQuotes = (name: string) => `"${name.replaceAll('"', '""')}"`
    await database().query(`create schema ${inQuotes(schema)}`)
    for (const name of [...ODD, 'text', 'path', 'json']) {
      const table = `${inQuotes(schema)}.${inQuotes(name)}`
      await database().query(`create table ${table} (n int)`)
      await put(table, { n: 1 })
      await put(` ${inQuotes(schema)} . ${inQuotes(name)} `, { n: 2 })
      expect(await rows(`select n from ${table} order by n`)).toEqual([{ n: 1 }, { n: 2 }])
    }
    await database().query(`create schema plain_${schema.replaceAll(/\D/g, '')}`)
    const plain = `plain_${schema.replaceAll(/\D/g, '')}`
    await database().query(`create table ${plain}."Weird Name" (n int)`)
    await put(`${plain}.Weird Name`, { n: 3 })
    expect(await rows(`select n from ${plain}."Weird Name"`)).toEqual([{ n: 3 }])
    await database().query(`drop schema ${inQuotes(schema)} cascade`)
  })

  test('a table that is called as a type needs its schema', async () => {
    await database().query('create table if not exists public.path (n int)')
    expect(await failed(put('path', { n: 1 }))).toBe(
      'path is a type, too: name the table with its schema, SCHEMA.TABLE',
    )
    expect(await put('public.path', { n: 1 })).toMatchObject({ row_count: 1 })
    await database().query('drop table public.path')
  })

  test.each<[table: string, data: JsonObject, error: RegExp]>([
    ['t; drop table t', { a: 1 }, /relation "t; drop table t" does not exist/],
    ['t (a) values (1); --', { a: 1 }, /relation "t \(a\) values \(1\); --" does not exist/],
    ['a.b.c', { a: 1 }, /^a table is named TABLE or SCHEMA.TABLE: 'a.b.c'$/],
    ['a.', { a: 1 }, /is not the name of a table$/],
    ['.a', { a: 1 }, /is not the name of a table$/],
    ['"a', { a: 1 }, /is not the name of a table$/],
    ['"a"b"', { a: 1 }, /is not the name of a table$/],
    ['"a" b', { a: 1 }, /is not the name of a table$/],
    ['""', { a: 1 }, /is not the name of a table$/],
    ['a\0b', { a: 1 }, /is not the name of a table$/],
    ['t'.repeat(64), { a: 1 }, /^the name of a table has at most 63 bytes/],
    ['t', { '': 1 }, /is not the name of a column$/],
    ['t', { 'a\0': 1 }, /is not the name of a column$/],
    ['t', { ['ž'.repeat(32)]: 1 }, /^the name of a column has at most 63 bytes/],
  ])('refused (%#)', async (table, data, error) => {
    expect(await failed(put(table, data))).toMatch(error)
  })

  test('a domain that forbids null needs its value', async () => {
    const domain = newName()
    await database().query(`create domain ${domain} as text not null`)
    const table = await newTable(`n int, v ${domain} default 'x'`)
    expect(await failed(put(table, { n: 1 }))).toMatch(/does not allow null values/)
    expect(await put(table, { n: 1, v: 'y' })).toMatchObject({ row_count: 1 })
  })

  test('a column that is not there is named', async () => {
    const table = await newTable('a int')
    expect(await failed(put(table, { b: 1 }))).toMatch(/column "b" of relation .* does not exist/)
    expect(await failed(put(table, { A: 1 }))).toMatch(/column "A" of relation/)
  })
})

describe('a statement', () => {
  const run = (statement: Json, more: JsonObject, result: Json = null) =>
    saved({ storage: 'postgres', auth: AUTH, statement, ...more }, result)

  test('has parameters by name or by number, whose values are never text of it', async () => {
    const table = await newTable('id int, name text, at date, j jsonb, tags text[], n numeric')
    const evil = `'); drop table ${table}; -- :id $1`
    const text = `insert into ${table} values (:id, :name, :at, :j, :tags::text[], :id) on conflict do nothing;`
    const params = { id: 7, name: evil, at: '2026-01-01', j: [1, { a: null }], tags: ['a,"', null] }
    expect(await run(text, { params })).toEqual({
      saved: 'postgres',
      table: null,
      row_count: 1,
      mode: 'statement',
    })
    const numbered = `insert into ${table} values ($1, $2, $3, $4, $5::text[], $6)`
    await run(numbered, { params: [...Object.values(params), 7], table })
    const expected = {
      id: 7,
      name: evil,
      at: '2026-01-01',
      j: '[1, {"a": null}]',
      tags: '{"a,\\"",NULL}',
      n: '7',
    }
    const all = `select id, name, at::text, j::text, tags::text, n::text from ${table}`
    expect(await rows(all)).toEqual([expected, expected])
  })

  test('has the data as parameters when there are no params', async () => {
    const table = await newTable('n int')
    const text = `insert into ${table} values (:n)`
    await run(text, { data: { n: 1, other: 'a\0' } })
    await run(text, { args: { n: 2 } })
    await run(text, {}, { n: 3 })
    await run(`insert into ${table} values (4)`, {}, 'text')
    await run(text, { params: { n: 5 }, data: { n: 0 } })
    expect(await rows(`select n from ${table} order by n`)).toEqual(
      [1, 2, 3, 4, 5].map((n) => ({ n })),
    )
  })

  test('counts the rows that it changed', async () => {
    const table = await newTable('n int')
    await put(table, [{ n: 1 }, { n: 2 }, { n: 3 }])
    const told = await run(`update ${table} set n = 0 where n = any(:ns::int[])`, {
      params: { ns: [1, 3, 9] },
    })
    expect(told).toMatchObject({ row_count: 2 })
    expect(await run(`create table ${newName()} (n int)`, {})).toMatchObject({ row_count: 0 })
  })

  test.each<[statement: Json, more: JsonObject, error: RegExp]>([
    [5, {}, /^statement is SQL text$/],
    ['-- nothing', {}, /^statement is SQL text$/],
    ['select 1; select 2', {}, /^statement is one statement/],
    ['select :a', { params: { b: 1 } }, /^the statement mentions :a, which params lacks$/],
    ['select :a', { data: 5 }, /^the statement mentions :a, and params is no mapping$/],
    ['select $1', { params: 'x' }, /^params is a list for \$1, .* or a mapping for :name$/],
    ['select $1::int', { params: ['x'] }, /^invalid input syntax for type integer: "x"/],
    ['select 1 / :n::int', { params: { n: 0 } }, /^division by zero \(SQLSTATE 22012\)$/],
  ])('is refused (%#)', async (statement, more, error) => {
    expect(await failed(run(statement, more))).toMatch(error)
  })
})

describe('to http', () => {
  test('posts the data as JSON, and tells where, without the query', async () => {
    const told = await saved({ storage: 'http', url: `${ECHO}/a?token=hunter2` }, { n: 1 })
    expect(told).toEqual({ saved: 'http', endpoint: `${ECHO}/a`, status_code: 200 })
  })

  /** What the server was asked: a status that fails keeps the reply. */
  const asked = async (spec: JsonObject, result: Json = null) => {
    const error = await failure(
      saved({ storage: 'http', endpoint: `${ECHO}/status/500`, ...spec }, result),
    )
    return (
      error.data as {
        data: { method: string; headers: Record<string, string>; body: string; query: object }
      }
    ).data
  }

  test('sends what it is given', async () => {
    const data = { a: [1, null, 9007199254740993n], s: 'ž"\n' }
    const plain = await asked({ data })
    expect([plain.method, plain.body]).toEqual(['POST', toJson(data)])
    expect(plain.headers['content-type']).toBe('application/json')
    expect((await asked({}, [1])).body).toBe('[1]')
    expect((await asked({}, { query: { q: 1 } })).body).toBe('{"query":{"q":1}}')
    expect((await asked({ args: { x: 1 } })).body).toBe('{"x":1}')
    const other = await asked({
      method: 'put',
      data: { f: 'a b' },
      params: { q: 1 },
      headers: { 'X-Own': 'own', 'content-type': 'application/x-www-form-urlencoded' },
      auth: { source: 'inline', type: 'bearer', fields: { token: 't' } },
    })
    expect([other.method, other.body, other.query]).toEqual(['PUT', 'f=a+b', { q: '1' }])
    expect(other.headers).toMatchObject({ 'x-own': 'own', authorization: 'Bearer t' })
  })

  test('fails by a status that is no success, with the reply', async () => {
    const error = await failure(
      saved({ storage: { type: 'http', url: `${ECHO}/status/503?k=hunter2` } }, 1),
    )
    expect(error.message).toMatch(/^HTTP 503/)
    expect(error.data).toMatchObject({ endpoint: `${ECHO}/status/503`, status_code: 503 })
    const list = await failure(saved(['event', { storage: 'http', url: `${ECHO}/status/404` }], 1))
    expect(list.message).toMatch(/^save 2 of 2: HTTP 404/)
    expect(list.data).toMatchObject({ status_code: 404 })
  })

  test('goes only where http steps may go', async () => {
    const saving = saved({ storage: 'http', url: `${ECHO}/a` }, 1, {
      config: { ...config, HTTP_ALLOW_PRIVATE: false },
    })
    expect(await failed(saving)).toMatch(/is not allowed/)
  })

  test('does not outlast the time that the step has', async () => {
    const slow = { storage: 'http', url: `${ECHO}/slow/5000` }
    expect(await failed(saved(slow, 1, { timeoutMs: 200 }))).toMatch(/within 0.2 s$/)
    const late = [{ storage: 'http', url: `${ECHO}/slow/100` }, slow]
    const error = await failed(saved(late, 1, { timeoutMs: 2_000 }))
    expect(error).toMatch(/^save 2 of 2: no reply .* within [01]\.\d+ s$/)
  })
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  const auth = { inline: { dsn: inject('postgres') } }
  const run = (statement: string) => saved({ storage: 'postgres', auth, statement })

  test('a save that takes longer than it may is stopped', async () => {
    const spec = { storage: 'postgres', auth, statement: 'select pg_sleep(10)' }
    expect(await failed(saved(spec, null, { timeoutMs: 500 }))).toMatch(/^stopped after 0.5 s: /)
  })

  test('upserts of the same rows at the same time are one of them', async () => {
    const table = newName()
    await run(`create table ${table} (k int primary key, n int)`)
    const upsert = (n: number) => {
      const data = Array.from({ length: 500 }, (_, k) => ({ k, n }))
      return put(table, data, { auth, mode: 'upsert', key: 'k' })
    }
    await Promise.all([1, 2, 3, 4].map(upsert))
    const check = `do $$ begin
      assert (select count(*) = 500 and min(n) = max(n) from ${table});
    end $$`
    expect(await run(check)).toMatchObject({ row_count: 0 })
    await run(`drop table ${table}`)
  })
})

test('a database that does not answer leaves the outcome open', async () => {
  const name = `${AUTH}-away`
  const dsn = `postgres://test:hunter2@db.localhost/noetl?application_name=${name}`
  await client.faults({ application_name: name, rate: 1, kinds: ['refuse'], seed: 1 })
  const error = await failed(
    saved({ storage: 'postgres', table: 't', data: { a: 1 }, auth: { inline: { dsn } } }),
  )
  expect(error).toBe('the database gave no answer; its statements may or may not have run')
})
