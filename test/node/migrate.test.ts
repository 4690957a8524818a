import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { migrate } from '../../dev/migrate.ts'
import { startPostgres } from '../../dev/postgres.ts'

vi.setConfig({ testTimeout: 30_000 })

const temporary = mkdtempSync(join(tmpdir(), 'noetl-migrate-test-'))
const postgres = await startPostgres()
const embedded = await PGlite.create()

afterAll(async () => {
  await embedded.close()
  if ('url' in postgres) await postgres.stop()
  rmSync(temporary, { recursive: true, force: true })
})

function migrations(files: Record<string, string>): string {
  const dir = mkdtempSync(join(temporary, 'migrations-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

const program = (env: Record<string, string>, ...args: string[]) =>
  new Promise<{ code: number | string | null; stdout: string; stderr: string }>((resolve) => {
    const file = join(import.meta.dirname, '../../dev/migrate.ts')
    const options = { env: { PATH: process.env.PATH ?? '', ...env } }
    execFile(process.execPath, [file, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? null), stdout, stderr }),
    )
  })

test('migrations run in the order of their numbers, once, and take the names of the files', async () => {
  const files = {
    '0002_b.sql': 'insert into noetl.a values (2);',
    // braces and dollars are the file's own
    '0001_a.sql': "create table noetl.a (n int, note text default '{}$1');",
  }
  expect(await migrate({ pglite: embedded }, migrations(files))).toEqual(['0001_a', '0002_b'])
  expect(await migrate({ pglite: embedded }, migrations(files))).toEqual([])
  const later = { ...files, '0003_c.sql': 'insert into noetl.a values (3);', 'README.md': 'no' }
  expect(await migrate({ pglite: embedded }, migrations(later))).toEqual(['0003_c'])
  const { rows } = await embedded.query('select n, note from noetl.a order by n')
  expect(rows).toEqual([
    { n: 2, note: '{}$1' },
    { n: 3, note: '{}$1' },
  ])
  const late = migrations({ ...later, '0000_late.sql': 'select 1;' })
  await expect(migrate({ pglite: embedded }, late)).rejects.toThrow('0000_late is preceding')
  expect(
    (await embedded.query('select 1 from pg_locks where locktype = $1', ['advisory'])).rows,
  ).toEqual([])
})

test('a file with an unexpected name is refused, not passed over', async () => {
  const dir = migrations({ '1_a.sql': 'select 1;' })
  await expect(migrate({ pglite: embedded }, dir)).rejects.toThrow('1_a.sql is not named like')
})

test('without DATABASE_URL the program says how to use it', async () => {
  const { code, stderr } = await program({})
  expect(code).toBe(2)
  expect(stderr).toMatch(/^usage: DATABASE_URL=/)
})

test.each([
  ['no URL at all', 'topsecret', 'DATABASE_URL: invalid connection string'],
  ['a wrong scheme', 'mysql://u:topsecret@h/d', 'DATABASE_URL: incorrect scheme'],
  ['a wrong escape', 'postgres://u:topsecret%zz@h/d', 'invalid connection string'],
  ['a closed port', 'postgres://u:topsecret@127.0.0.1:1/d', 'ECONNREFUSED'],
  ['an unknown host', 'postgres://u:topsecret@nowhere.invalid/d', 'nowhere.invalid'],
])('%s is one line without the password', async (_, url, message) => {
  const { code, stdout, stderr } = await program({ DATABASE_URL: url })
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^migrate: .*\n$/)
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('secret')
})

describe.skipIf('reason' in postgres)('on a Postgres server', () => {
  const server = 'url' in postgres ? postgres.url : ''
  let databases = 0

  async function query(connectionString: string, text: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString })
    await client.connect()
    try {
      return (await client.query(text)).rows
    } finally {
      await client.end()
    }
  }

  async function newDatabase(): Promise<string> {
    const name = `migrate_${databases++}`
    await query(server, `create database ${name}`)
    const url = new URL(server)
    url.pathname = name
    return url.href
  }

  test('of five at once one applies the migrations and all succeed', async () => {
    const connectionString = await newDatabase()
    const dir = migrations({
      '0001_a.sql': 'create table noetl.a (n int); select pg_sleep(0.2);',
      '0002_b.sql': 'insert into noetl.a values (1);',
    })
    const runs = Array.from({ length: 5 }, () => migrate({ connectionString }, dir))
    const applied = await Promise.all(runs)
    expect(applied.filter((names) => names.length > 0)).toEqual([['0001_a', '0002_b']])
    expect(await query(connectionString, 'select n from noetl.a')).toEqual([{ n: 1 }])
  })

  test('a failing migration is named with its line and leaves nothing of its own', async () => {
    const connectionString = await newDatabase()
    const dir = migrations({
      '0001_a.sql': 'create table noetl.a (n int);',
      '0002_b.sql': 'create table noetl.b (n int);\ninsert into noetl.nowhere values (1);',
    })
    await expect(migrate({ connectionString }, dir)).rejects.toThrow(
      '0002_b: relation "noetl.nowhere" does not exist (line 2)',
    )
    const left = `select to_regclass('noetl.a') a, to_regclass('noetl.b') b,
      (select count(*)::int from noetl.migration) applied`
    expect(await query(connectionString, left)).toEqual([{ a: 'noetl.a', b: null, applied: 1 }])
    writeFileSync(join(dir, '0002_b.sql'), 'create table noetl.b (n int);')
    expect(await migrate({ connectionString }, dir)).toEqual(['0002_b'])
  })

  test('no migration holds its locks through the next', async () => {
    const connectionString = await newDatabase()
    const dir = migrations({
      '0001_a.sql': 'create table noetl.a (n int);',
      '0002_b.sql': 'alter table noetl.a add column m int;',
      '0003_c.sql': `create table noetl.held as select count(*)::int as n from pg_locks
        where relation = 'noetl.a'::regclass;`,
    })
    await migrate({ connectionString }, dir)
    expect(await query(connectionString, 'select n from noetl.held')).toEqual([{ n: 0 }])
  })

  test('the program prints what it applied, or that there was nothing to do', async () => {
    const env = { DATABASE_URL: await newDatabase() }
    const dir = migrations({ '0001_a.sql': 'select 1;', '0002_b.sql': 'select 1;' })
    expect(await program(env, dir)).toEqual({ code: 0, stdout: '0001_a\n0002_b\n', stderr: '' })
    expect(await program(env, dir)).toEqual({ code: 0, stdout: 'up to date\n', stderr: '' })
    writeFileSync(join(dir, '0003_c.sql'), 'bogus;')
    const { code, stderr } = await program(env, dir)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'migrate: 0003_c: syntax error at or near "bogus" (line 1)\n',
    })
  })
})
