import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { newClient, playbook } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const AUTH = `pg-${Date.now()}-tool`
const DATA = {
  db_host: 'db.localhost',
  db_port: 5432,
  db_user: 'test',
  db_password: 'test',
  db_name: 'noetl',
}
const { ran, resultOf, errorOf } = oneStep(client, { type: 'postgres', auth: AUTH })
let tables = 0
const newTable = () => `tool_test_${Date.now()}_${++tables}`
const database = () => neon(client.env.DATABASE_URL as string)

beforeAll(async () => {
  await client.post('/api/credentials', { name: AUTH, type: 'postgres', data: DATA })
})

describe('the result', () => {
  test('has rows, their count and their columns, in order', async () => {
    const command = 'select 1 as b, null as a union all select 2, null order by 1'
    expect(await resultOf({ command })).toEqual({
      command_0: {
        status: 'success',
        rows: [
          { b: 1, a: null },
          { b: 2, a: null },
        ],
        row_count: 2,
        columns: ['b', 'a'],
      },
    })
  })

  test('has columns where there is no row', async () => {
    const { command_0 } = await resultOf({ command: 'select 1 as a, 2 as b where false' })
    expect(command_0).toEqual({ status: 'success', rows: [], row_count: 0, columns: ['a', 'b'] })
  })

  test('has every column, also where two have one name', async () => {
    const { command_0 } = await resultOf({ command: 'select 1 as a, 2 as a, 3 as a_2, 4 as a' })
    expect(command_0.columns).toEqual(['a', 'a_3', 'a_2', 'a_4'])
    expect(command_0.rows).toEqual([{ a: 1, a_3: 2, a_2: 3, a_4: 4 }])
  })

  test('counts what was changed, and has -1 where nothing is counted', async () => {
    const table = newTable()
    const told = (row_count: number) => ({
      status: 'success',
      row_count,
      message: `Command executed. ${row_count} rows affected.`,
    })
    const command = `create table ${table} (n int);
      insert into ${table} select generate_series(1, 3);
      update ${table} set n = 0 where n > 1;
      delete from ${table} where false;
      insert into ${table} values (9) returning n`
    expect(await resultOf({ command })).toEqual({
      command_0: told(-1),
      command_1: told(3),
      command_2: told(2),
      command_3: told(0),
      command_4: { status: 'success', rows: [{ n: 9 }], row_count: 1, columns: ['n'] },
    })
  })

  test('of a procedure is a message', async () => {
    const name = newTable()
    const command = `create procedure ${name}() language sql as $$ select 1; $$; call ${name}()`
    const { command_1 } = await resultOf({ command })
    expect(command_1).toEqual({ status: 'success', message: 'Procedure executed successfully.' })
  })
})

describe('the text of a command', () => {
  test('reaches the database to the letter', async () => {
    const table = newTable()
    const command = [
      `create table ${table} (t text); -- a comment; with a semicolon`,
      `insert into ${table} values ('line one`,
      "  line two; it''s <b>&amp;</b> -- no comment /* nor this */'), (E'tab\\t\\'q\\''),",
      "($$dollar; $1 'quoted'$$); /* ; */",
      `select t from ${table} order by length(t) desc`,
    ].join('\n')
    const { command_2 } = await resultOf({ command })
    expect(command_2.rows.map(({ t }: { t: string }) => t)).toEqual([
      "line one\n  line two; it's <b>&amp;</b> -- no comment /* nor this */",
      "dollar; $1 'quoted'",
      "tab\t'q'",
    ])
  })

  test('may be a list, and may be in base64, with templates in each', async () => {
    const head = 'workload: {n: 5}'
    const rows = async (step: object) =>
      Object.values(await resultOf(step, head)).map((one) => (one as { rows: unknown }).rows)
    expect(
      await rows({ commands: ['select {{ workload.n }} as a', 'select 2 as b; select 3 as c'] }),
    ).toEqual([[{ a: 5 }], [{ b: 2 }], [{ c: 3 }]])
    expect(await rows({ sql: 'select {{ workload.n }} as a' })).toEqual([[{ a: 5 }]])
    expect(await rows({ query: 'select {{ workload.n }} as a' })).toEqual([[{ a: 5 }]])
    expect(
      await rows({ command_b64: btoa('select {{ workload.n }} as a; select 1 as b') }),
    ).toEqual([[{ a: 5 }], [{ b: 1 }]])
  })

  test('sees what steps before it gave', async () => {
    const yaml = playbook(`  - {step: start, next: one}
  - {step: one, type: postgres, auth: ${AUTH}, command: select 40 as n, next: two}
  - {step: two, type: postgres, auth: ${AUTH}, command: "select {{ one.command_0.rows[0].n }} + 2 as n", next: end}
  - {step: end, result: {n: "{{ two.command_0.rows[0].n }}"}}`)
    const id = await client.run(await client.register(yaml))
    expect((await client.get(`/api/executions/${id}`)).body.result).toEqual({ n: 42 })
  })
})

describe('a failure', () => {
  test('undoes all statements of its step and fails the execution', async () => {
    const table = newTable()
    await database().query(`create table ${table} (n int primary key)`)
    const command = `insert into ${table} values (1); insert into ${table} values (2); insert into ${table} values (1)`
    const { body } = await ran({ command })
    expect(await database().query(`select * from ${table}`)).toEqual([])
    expect(body).toMatchObject({ status: 'FAILED', progress: 100 })
    expect(body.error).toMatch(
      /^command_2: duplicate key value .* \(SQLSTATE 23505\): Key \(n\)=\(1\) already exists\.$/,
    )
    expect(body.events.map(({ event_type }: { event_type: string }) => event_type)).toEqual([
      'execution_start',
      'step_started',
      'action_started',
      'action_error',
      'step_failed',
      'execution_failed',
    ])
    expect(body.events[3]).toMatchObject({
      status: 'FAILED',
      node_name: 'only',
      error: body.error,
      result: { status: 'error', error: body.error },
    })
    const [job] = await database()`select status from noetl.queue where execution_id = ${body.id}`
    expect(job).toEqual({ status: 'dead' })
  })

  test("has the database's words, its SQLSTATE and its hint", async () => {
    expect(await errorOf({ command: 'select 1 / 0' })).toBe(
      'command_0: division by zero (SQLSTATE 22012)',
    )
    expect(await errorOf({ command: 'select lenght(1)' })).toMatch(/\(SQLSTATE 42883\).*hint: /)
    expect(await errorOf({ command: 'selec 1' })).toMatch(
      /^command_0: syntax error .* \(SQLSTATE 42601\)$/,
    )
    const failing =
      "do $$ begin raise exception using errcode = 'NE999', message = 'own words'; end $$"
    expect(await errorOf({ command: failing })).toBe('command_0: own words (SQLSTATE NE999)')
  })

  test.each<[what: string, step: object, error: string]>([
    [
      'no auth',
      { auth: null, command: 'select 1' },
      'a postgres step needs auth: NAME, the name of a credential',
    ],
    [
      'an unknown credential',
      { auth: 'nobody', command: 'select 1' },
      "there is no credential 'nobody'",
    ],
    [
      'auth of no known form',
      { auth: '{{ [1] }}', command: 'select 1' },
      'auth is the name of a credential, or a mapping',
    ],
    [
      'auth that a template left empty',
      { auth: '{{ none }}', command: 'select 1' },
      'auth is empty; name a credential, or leave it out',
    ],
    [
      'a credential from elsewhere',
      { auth: { source: 'vault', name: 'X', type: 'postgres' }, command: 'select 1' },
      'this form of auth is not known; name a credential (auth: NAME), or say source: credential, env or inline',
    ],
    [
      'two credentials',
      { auth: { a: 'one', b: 'two' }, command: 'select 1' },
      'auth names several credentials; a step takes one',
    ],
    ['a command that is no text', { command: '{{ 5 }}' }, 'a command is SQL text'],
    [
      'transaction that is neither true nor false',
      { transaction: '{{ "no" }}', command: 'select 1' },
      'transaction is true or false',
    ],
    ['nothing but comments', { command: '-- nothing' }, 'there is no statement to run'],
    [
      'an undefined name',
      { command: 'select {{ nothing }}' },
      "template: 'nothing' is undefined in {{ nothing }} at /command",
    ],
  ])('%s', async (_what, step, error) => {
    expect(await errorOf(step)).toBe(error)
  })

  test('names its command, wherever it stands and however it fails', async () => {
    const table = newTable()
    const seed = `create table ${table} (n int primary key, t text default E'a\\'b\n');`
    for (const [failing, state] of [
      ['select 1 / (n - 7) from generate_series(1, 9) n', '22012'],
      ['selec 1', '42601'],
      ["select 'x'::int", '22P02'],
      [`insert into ${table} values (null)`, '23502'],
      ["do $$ begin\n\nraise exception 'no';\nend $$", 'P0001'],
      ['vacuum', '25001'],
    ]) {
      const command = `${seed} insert into ${table} values (1);\n-- $x$ 'comment'\n${failing};\nselect 1`
      expect(await errorOf({ command })).toMatch(new RegExp(`^command_2: .*SQLSTATE ${state}`))
    }
    // nothing of it is left
    expect(await database().query(`select to_regclass('${table}') as t`)).toEqual([{ t: null }])
  })

  test('of a step that must not run twice is not looked for', async () => {
    const name = newTable()
    await database().query(`create sequence ${name}`)
    const command = `select nextval('${name}'); select 1 / 0`
    expect(await errorOf({ command, retry: false })).toBe('division by zero (SQLSTATE 22012)')
    expect(await database().query(`select last_value::int as n from ${name}`)).toEqual([{ n: 1 }])
    expect(await errorOf({ command })).toBe('command_1: division by zero (SQLSTATE 22012)')
  })

  test('at the end of a transaction says so', async () => {
    const table = newTable()
    const command = `create table ${table} (n int unique deferrable initially deferred);
      insert into ${table} values (1); insert into ${table} values (1); select 1`
    expect(await errorOf({ command })).toMatch(/^at the end of the transaction: duplicate key/)
  })

  test('names the fields that a credential lacks', async () => {
    const name = `${AUTH}-lacking`
    await client.post('/api/credentials', {
      name,
      type: 'postgres',
      data: { db_user: 'u', token: 't' },
    })
    expect(await errorOf({ auth: name, command: 'select 1' })).toBe(
      'the credential lacks db_host, db_name',
    )
  })

  test('of too many rows says so', async () => {
    expect(await errorOf({ command: 'select generate_series(1, 10001)' })).toMatch(
      /^command_0 returned more than 10000 rows/,
    )
  })

  test('of more than the database gives at once says so, and that nothing was done', async () => {
    const table = newTable()
    const command = `create table ${table} (n int); select repeat('x', 1100000) from generate_series(1, 10)`
    expect(await errorOf({ command })).toBe(
      'the rows are more than the database gives at once (10 MB), and nothing was done; add a limit',
    )
    expect(await database().query(`select to_regclass('${table}') as t`)).toEqual([{ t: null }])
  })

  test('of a result too large for the log says so at once', async () => {
    expect(await errorOf({ command: "select repeat('x', 3000000) as v" })).toMatch(
      /^the result, whose statements have run, is larger than 2097152 bytes/,
    )
  })
})

describe('params', () => {
  const rows = async (step: object, head = '') => {
    const { command_0 } = await resultOf(step, head)
    return command_0.rows
  }

  test('are values, whatever they hold', async () => {
    const table = newTable()
    const evil = `'); drop table ${table}; -- $1 :id`
    const command = `create table ${table} (id int, t text, b bool, j jsonb, n numeric, tags text[], at timestamptz)`
    await database().query(command)
    const head = `workload: ${JSON.stringify({ evil, big: 1 })}`
    const text = `insert into ${table} values ($1, $2, $3, $4, $5, $6::text[], $7) returning id, t, b, j, n, tags, at`
    const params = [7, '{{ workload.evil }}', true, { a: [1, null] }, 1.5, ['a,"', null], null]
    expect(await rows({ command: text, params }, head)).toEqual([
      { id: 7, t: evil, b: true, j: { a: [1, null] }, n: 1.5, tags: ['a,"', null], at: null },
    ])
    const names = 'select id from {} where t = :evil and id = :id::int'.replace('{}', table)
    const named = { id: 7, evil: '{{ workload.evil }}', unused: 1 }
    expect(await rows({ command: names, params: named }, head)).toEqual([{ id: 7 }])
    expect(await database().query(`select count(*)::int as n from ${table}`)).toEqual([{ n: 1 }])
  })

  test('of several statements are a list for each, or a mapping for all', async () => {
    const command = 'select $1::int as a; select 2 as b; select $1::int + $2::int as c'
    const result = await resultOf({ command, params: [[1], null, [1, 2]] })
    const said = Object.values(result).map((one) => (one as { rows: unknown[] }).rows[0])
    expect(said).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }])
    const named = 'select :a::int as a; select :a::int + :b::int as c'
    const other = await resultOf({ command: named, params: { a: 1, b: 2 } })
    expect([other.command_0.rows, other.command_1.rows]).toEqual([[{ a: 1 }], [{ c: 3 }]])
  })

  test('do not change a text that has none', async () => {
    const command = "select ':a $1' as t, ('{1,2}'::int[])[1:2] as s, $$:b$$ as d"
    expect(await rows({ command })).toEqual([{ t: ':a $1', s: [1, 2], d: ':b' }])
  })

  test('do not hide which command failed', async () => {
    const table = newTable()
    const command = `create table ${table} (n int, t text); insert into ${table} values ($1, $2); select $1::int / n from ${table}`
    const params = [null, [0, "it's \\ $x$\n"], [1]]
    expect(await errorOf({ command, params })).toBe('command_2: division by zero (SQLSTATE 22012)')
  })

  test.each<[command: string, params: unknown, error: RegExp]>([
    ['select $1', 'x', /^params is /],
    ['select $1, $2', [1], /^command_0: the statement has 2 parameters, and params 1$/],
    ['select :a', { b: 1 }, /^command_0: the statement mentions :a, which params lacks$/],
    ['select $1; select $2', [1, 2], /^params is a mapping .* one list or mapping for each$/],
    ['select $1; select $1', [[1]], /^2 statements, and 1 items in params: /],
    ['select $1::int', ['x'], /^command_0: invalid input syntax for type integer: "x"/],
  ])('%s with %j is refused', async (command, params, error) => {
    const given = typeof params === 'string' ? `{{ '${params}' }}` : params
    expect(await errorOf({ command, params: given })).toMatch(error)
  })
})

test.each(['commit', '/* so */ END', '-- x\nrollback', 'begin', 'start  transaction', 'abort'])(
  '%s is not for the statements of one transaction',
  async (command) => {
    const error = await errorOf({ command: `select 1; ${command}; select 2` })
    expect(error).toMatch(/^command_1 begins or ends a transaction/)
  },
)

test('savepoints are', async () => {
  const command = 'savepoint s; select 1; rollback to savepoint s; rollback work to s; release s'
  expect(Object.keys(await resultOf({ command }))).toHaveLength(5)
})

describe('transaction: false', () => {
  test('runs each by itself, and stops at the first that fails', async () => {
    const table = newTable()
    const command = `create table ${table} (n int); insert into ${table} values (1); vacuum ${table}; select 1 / 0; insert into ${table} values (2)`
    const { body } = await ran({ command, transaction: false })
    expect(body.error).toBe('command_3: division by zero (SQLSTATE 22012)')
    const { data } = body.events.find(
      (event: { event_type: string }) => event.event_type === 'action_error',
    ).result
    expect(Object.keys(data)).toEqual(['command_0', 'command_1', 'command_2', 'command_3'])
    expect(data.command_1).toMatchObject({ status: 'success', row_count: 1 })
    expect(data.command_3).toEqual({
      status: 'error',
      message: 'division by zero (SQLSTATE 22012)',
    })
    expect(await database().query(`select n from ${table}`)).toEqual([{ n: 1 }])
  })

  test('has the same result where nothing fails', async () => {
    const command = 'select $1::int as a; select 2 as b'
    const params = [[1], null]
    expect(await resultOf({ command, params, transaction: false })).toEqual(
      await resultOf({ command, params }),
    )
  })
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('a step that takes longer than its timeout is stopped', async () => {
    const name = `${AUTH}-real`
    await client.post('/api/credentials', { name, data: { dsn: inject('postgres') } })
    const startedAt = Date.now()
    const error = await errorOf({
      auth: name,
      timeout: 1,
      command: 'select 1; select pg_sleep(10)',
    })
    expect(error).toMatch(/^stopped after 1 s: canceling statement due to statement timeout/)
    expect(Date.now() - startedAt).toBeLessThan(4_000)
  })

  test('a failure names its command, and a timeout is not waited for twice', async () => {
    const name = `${AUTH}-named`
    await client.post('/api/credentials', { name, data: { dsn: inject('postgres') } })
    const command = 'select 1; select $1::int / $2::int; select 3'
    expect(await errorOf({ auth: name, command, params: [null, [1, 0], null] })).toBe(
      'command_1: division by zero (SQLSTATE 22012)',
    )
  })
})
