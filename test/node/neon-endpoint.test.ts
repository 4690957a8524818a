import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { neon, neonConfig } from '@neondatabase/serverless'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Endpoint, type EndpointOptions, startEndpoint } from '../../dev/neon/client.ts'
import { startPostgres } from '../../dev/postgres.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

const MAX_RESPONSE_BYTES = 200_000
const PROGRAM = join(import.meta.dirname, '../../dev/neon/endpoint.ts')

const temporary = mkdtempSync(join(tmpdir(), 'noetl-endpoint-test-'))
const cache = join(temporary, 'cache')
const migrations = join(temporary, 'migrations')
mkdirSync(migrations)
writeFileSync(
  join(migrations, '0001_note.sql'),
  `create table noetl.note (
    id int constraint note_pkey primary key,
    text text not null,
    parent int constraint note_parent_fkey references noetl.note deferrable initially deferred
  );`,
)

const postgres = await startPostgres()
const endpoints = new Map<string, Endpoint>()

/** The driver, unmodified; the host name of a connection string says which endpoint it goes to. */
neonConfig.fetchEndpoint = (host) => endpoints.get(host)?.url ?? `http://no.endpoint.for/${host}`

let names = 0
const newName = () => `test-${names++}`
const connectionString = (host: string, name = newName()) =>
  `postgres://user:password@${host}/noetl?application_name=${name}`
const connect = (host: string, name?: string) => neon(connectionString(host, name))

async function start(host: string, options: EndpointOptions): Promise<Endpoint> {
  const endpoint = await startEndpoint({
    migrate: migrations,
    embeddedHost: host,
    cache,
    ...options,
  })
  endpoints.set(host, endpoint)
  return endpoint
}

function urlOf(host: string, path: string): URL {
  const endpoint = endpoints.get(host)
  if (endpoint === undefined) throw new Error(`there is no endpoint for ${host}`)
  return new URL(path, endpoint.url)
}

const HEADERS = { 'Neon-Raw-Text-Output': 'true', 'Neon-Array-Mode': 'true' }

const post = (host: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(urlOf(host, '/sql'), {
    method: 'POST',
    headers: { 'Neon-Connection-String': connectionString(host), ...HEADERS, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const errorOf = async (promise: PromiseLike<unknown>) =>
  Promise.resolve(promise).then(
    () => expect.unreachable('it should have failed'),
    (error) => error,
  )

beforeAll(async () => {
  await start('pglite.localhost', { maxResponseBytes: MAX_RESPONSE_BYTES })
  if ('url' in postgres) {
    const { url } = postgres
    await start('postgres.localhost', { url, maxResponseBytes: MAX_RESPONSE_BYTES })
  }
})

afterAll(async () => {
  for (const endpoint of endpoints.values()) await endpoint.stop()
  if ('url' in postgres) await postgres.stop()
  rmSync(temporary, { recursive: true, force: true })
})

describe.for([
  { host: 'pglite.localhost', skipped: false },
  { host: 'postgres.localhost', skipped: 'reason' in postgres },
])('$host', ({ host, skipped }) => {
  const on = test.skipIf(skipped)
  const sql = connect(host)
  let notes = host === 'pglite.localhost' ? 0 : 1_000_000
  const newId = () => ++notes

  on('what has not begun when its client goes away is not run', async () => {
    const [gone, kept] = [newId(), newId()]
    const sessions = host === 'pglite.localhost' ? 1 : 10
    const busy = Array.from({ length: sessions }, () => post(host, { query: 'select pg_sleep(3)' }))
    const insert = (id: number, signal: AbortSignal | null) =>
      fetch(urlOf(host, '/sql'), {
        method: 'POST',
        headers: { 'Neon-Connection-String': connectionString(host), ...HEADERS },
        body: JSON.stringify({ query: `insert into noetl.note values (${id}, 'late')` }),
        signal,
      })
    await sleep(200)
    const given = insert(gone, AbortSignal.timeout(300))
    const waited = insert(kept, null)
    expect((await errorOf(given)).name).toBe('TimeoutError')
    expect((await waited).status).toBe(200)
    await Promise.all(busy)
    expect(await sql`select id from noetl.note where id in (${gone}, ${kept})`).toEqual([
      { id: kept },
    ])
  })

  on('values come back with the types that the driver gives them', async () => {
    const [row] = await sql`
      select 1 as small, 9007199254740993 as big, 1.50::numeric as exact, 'é"\\' as text, null as none,
        true as yes, '{"a": [1, null]}'::jsonb as json, array['x', null, 'a,b'] as list,
        timestamptz '2026-01-02 03:04:05.678+00' as at, '\\x00ff'::bytea as bytes, '' as empty`
    expect(row).toEqual({
      small: 1,
      big: '9007199254740993',
      exact: '1.50',
      text: 'é"\\',
      none: null,
      yes: true,
      json: { a: [1, null] },
      list: ['x', null, 'a,b'],
      at: new Date('2026-01-02T03:04:05.678Z'),
      bytes: Buffer.from([0, 255]),
      empty: '',
    })
  })

  on('parameters arrive as they were given', async () => {
    const json = JSON.stringify({ 'a"': [1, '\\', null] })
    const [row] = await sql`
      select ${'é\'"\\'}::text as text, ${42}::int as n, ${null}::text as none, ${false}::bool as no,
        ${['a', 'b,"c', null]}::text[] as list, ${json}::jsonb as json, ${''}::text as empty,
        ${new Date(0)}::timestamptz as at, ${Buffer.from([1, 254])}::bytea as bytes`
    expect(row).toEqual({
      text: 'é\'"\\',
      n: 42,
      none: null,
      no: false,
      list: ['a', 'b,"c', null],
      json: { 'a"': [1, '\\', null] },
      empty: '',
      at: new Date(0),
      bytes: Buffer.from([1, 254]),
    })
  })

  on('parameters that are JSON values become text as they do at Neon', async () => {
    const query = 'select $1::text, $2::jsonb, $3::int[], $4::jsonb[], $5::bool'
    const params = [1.5, { a: 1 }, [1, null], [{ b: '"' }], true]
    const reply = await post(host, { query, params })
    const row = ['1.5', '{"a": 1}', '{1,NULL}', '{"{\\"b\\": \\"\\\\\\"\\"}"}', 't']
    expect(await reply.json()).toMatchObject({ rows: [row] })
  })

  on('rows are arrays or objects as each query asks', async () => {
    const text = { query: "select 1 as a, 'x' as b", params: [] }
    const queries = [text, { ...text, arrayMode: false }]
    expect(await (await post(host, { queries })).json()).toMatchObject({
      results: [
        { rows: [['1', 'x']], rowAsArray: true },
        { rows: [{ a: '1', b: 'x' }], rowAsArray: false },
      ],
    })
  })

  on('a full result has the command, the number of rows, and the fields', async () => {
    const full = neon(connectionString(host), { fullResults: true })
    const id = newId()
    const inserted = await full`insert into noetl.note values (${id}, 'x') returning id`
    expect(inserted).toMatchObject({ command: 'INSERT', rowCount: 1, rows: [{ id }] })
    expect(inserted.fields).toMatchObject([
      {
        name: 'id',
        dataTypeID: 23,
        dataTypeSize: 4,
        dataTypeModifier: -1,
        format: 'text',
        columnID: 1,
      },
    ])
    expect(inserted.fields[0]?.tableID).toBeGreaterThan(16_000)
    const updated = await full`update noetl.note set text = 'y' where id = ${id}`
    expect(updated).toMatchObject({ command: 'UPDATE', rowCount: 1, rows: [], fields: [] })
    const none = await full`select 1 from noetl.note where false`
    expect(none).toMatchObject({ command: 'SELECT', rowCount: 0, rows: [] })
    expect(await full`create table if not exists noetl.note (id int)`).toMatchObject({
      command: 'CREATE',
      rowCount: null,
    })
  })

  on('a batch is all or nothing', async () => {
    const id = newId()
    const error = await errorOf(
      sql.transaction([
        sql`insert into noetl.note values (${id}, 'x')`,
        sql`insert into noetl.note values (${id}, 'again')`,
      ]),
    )
    expect(error.code).toBe('23505')
    expect(await sql`select 1 from noetl.note where id = ${id}`).toEqual([])
    const [, count] = await sql.transaction([
      sql`insert into noetl.note values (${id}, 'x')`,
      sql`select count(*)::int as n from noetl.note where id = ${id}`,
    ])
    expect(count).toEqual([{ n: 1 }])
    expect(await sql`select 1 as one from noetl.note where id = ${id}`).toEqual([{ one: 1 }])
  })

  on('a batch runs in one transaction of the kind that was asked for', async () => {
    const modes = () => sql`
      select current_setting('transaction_isolation') as isolation,
        current_setting('transaction_read_only') as read_only,
        current_setting('transaction_deferrable') as deferrable`
    const [plain] = await sql.transaction([modes()])
    expect(plain).toEqual([{ isolation: 'read committed', read_only: 'off', deferrable: 'off' }])
    const options = { isolationLevel: 'Serializable', readOnly: true, deferrable: true } as const
    const [strict] = await sql.transaction([modes()], options)
    expect(strict).toEqual([{ isolation: 'serializable', read_only: 'on', deferrable: 'on' }])
    const write = sql`insert into noetl.note values (${newId()}, 'x')`
    expect((await errorOf(sql.transaction([write], { readOnly: true }))).code).toBe('25006')
    const [a, b] = await sql.transaction([
      sql`select pg_current_xact_id()::text as id`,
      sql`select pg_current_xact_id()::text as id`,
    ])
    expect(a).toEqual(b)
  })

  on('an unknown isolation level is refused', async () => {
    const headers = { 'Neon-Batch-Isolation-Level': 'Snapshot' }
    const reply = await post(host, { queries: [] }, headers)
    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({ message: 'invalid isolation level', code: '' })
  })

  on('an error has the fields that Postgres gave it', async () => {
    const id = newId()
    const insert = () => sql`insert into noetl.note values (${id}, 'x')`
    await insert()
    expect(await errorOf(insert())).toMatchObject({
      name: 'NeonDbError',
      message: 'duplicate key value violates unique constraint "note_pkey"',
      severity: 'ERROR',
      code: '23505',
      constraint: 'note_pkey',
      schema: 'noetl',
      table: 'note',
      detail: `Key (id)=(${id}) already exists.`,
    })
    expect(await errorOf(sql`insert into noetl.note values (${newId()}, null)`)).toMatchObject({
      code: '23502',
      column: 'text',
    })
    expect(await errorOf(sql`select * frm x`)).toMatchObject({ code: '42601', position: '10' })
    expect(await errorOf(sql`select 'x'::int`)).toMatchObject({ code: '22P02' })
    const raise = `do $$ begin raise exception 'no' using errcode = 'NE001', hint = 'try' ; end $$`
    expect(await errorOf(sql.query(raise))).toMatchObject({
      message: 'no',
      code: 'NE001',
      hint: 'try',
      where: expect.stringContaining('PL/pgSQL'),
    })
  })

  on('every key of an error is in the reply', async () => {
    const reply = await post(host, { query: 'select 1/0' })
    expect(reply.status).toBe(400)
    const keys = `message code detail hint position internalPosition internalQuery severity where table
      column schema dataType constraint file line routine`
    expect(Object.keys(Object(await reply.json()))).toEqual(keys.split(/\s+/))
  })

  on('a constraint that is checked at commit fails the batch', async () => {
    const id = newId()
    const orphan = () => sql`insert into noetl.note values (${id}, 'x', -1)`
    const error = await errorOf(sql.transaction([orphan(), sql`select 1`]))
    expect(error).toMatchObject({ code: '23503', constraint: 'note_parent_fkey' })
    expect(await sql`select 1 from noetl.note where id = ${id}`).toEqual([])
  })

  on('one text cannot hold several statements', async () => {
    expect(await errorOf(sql`select 1; select 2`)).toMatchObject({ code: '42601' })
  })

  on('an empty statement has an empty result', async () => {
    expect(await sql`-- nothing`).toEqual([])
  })

  on('a copy is refused and does not hang', async () => {
    expect((await errorOf(sql`copy noetl.note from stdin`)).code).toBe('57014')
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  })

  on('nothing of a session is left for the next request', async () => {
    await sql`set statement_timeout = 12345`
    await sql`select set_config('noetl.tenant', 'a', false)`
    await sql`create temporary table scratch (n int)`
    await sql`prepare saved as select 1`
    await sql`select pg_advisory_lock(4711)`
    await sql`set role pg_monitor`
    await sql`set session authorization pg_monitor`
    await sql`begin`
    await sql`listen news`
    await errorOf(sql.transaction([sql`select pg_advisory_lock(4712)`, sql`select 1/0`]))
    await sql`declare c cursor with hold for select 1`
    // enough of them at once to meet each connection of a pool
    const looks = Array.from(
      { length: 30 },
      () => sql`
        select current_setting('statement_timeout') as timeout,
          coalesce(current_setting('noetl.tenant', true), '') as tenant,
          to_regclass('pg_temp.scratch') is null as no_table,
          current_user = 'postgres' and session_user = 'postgres' as owner,
          (select count(*)::int from pg_prepared_statements) as prepared,
          (select count(*)::int from pg_locks where locktype = 'advisory') as locks,
          (select count(*)::int from pg_cursors where name = 'c') as cursors,
          (select count(*)::int from pg_listening_channels()) as channels`,
    )
    for (const [look] of await Promise.all(looks)) {
      expect(look).toEqual({
        timeout: '0',
        tenant: '',
        no_table: true,
        owner: true,
        prepared: 0,
        locks: 0,
        cursors: 0,
        channels: 0,
      })
    }
  })

  on('a recursion without an end fails and does no harm', async () => {
    await sql.query(`create or replace function noetl.deep(n int) returns int language plpgsql
      as $$ begin return noetl.deep(n + 1); end $$`)
    for (let n = 0; n < 2; n++) {
      expect((await errorOf(sql`select noetl.deep(1)`)).code).toBe('54001')
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    }
  })

  on('an open transaction is rolled back at the end of its request', async () => {
    for (let n = 0; n < 20; n++) await sql`begin`
    const [a] = await sql`select now()::text as at`
    // the embedded database's clock ticks once a millisecond
    await sleep(2)
    const [b] = await sql`select now()::text as at`
    expect(a?.at).not.toEqual(b?.at)
    const open = await sql`select 1 from pg_stat_activity where state like 'idle in transaction%'`
    expect(open).toEqual([])
  })

  on('a result over the limit is refused, and its batch rolled back', async () => {
    const length = MAX_RESPONSE_BYTES / 2
    await sql`select repeat('x', ${length})`
    const id = newId()
    const error = await errorOf(
      sql.transaction([
        sql`insert into noetl.note values (${id}, 'x')`,
        sql`select repeat('x', ${length})`,
        sql`select repeat('x', ${length})`,
      ]),
    )
    expect(error.message).toContain('Server error (HTTP status 507)')
    expect(error.message).toContain(`response is too large (max is ${MAX_RESPONSE_BYTES} bytes)`)
    expect(await sql`select 1 from noetl.note where id = ${id}`).toEqual([])
  })

  on('requests are counted by application name', async () => {
    const name = newName()
    const counted = connect(host, name)
    await counted`select 1`
    await counted.transaction([counted`select 2`, counted`\n  select\n    3`])
    await errorOf(counted`select ${'x'.repeat(100)}::int`)
    const count = () => fetch(urlOf(host, `/count?application_name=${name}`))
    expect(await (await count()).json()).toEqual({
      round_trips: 3,
      queries: 4,
      statements: ['select 1', 'select 2', 'select 3', 'select $1::int'],
    })
    await counted.query(`select 1 -- ${'é'.repeat(200)}`)
    const beginning = `select 1 -- ${'é'.repeat(80)}`.slice(0, 80)
    const statements = expect.arrayContaining([beginning])
    expect(await (await count()).json()).toMatchObject({ statements })
    await fetch(urlOf(host, `/count?application_name=${name}`), { method: 'DELETE' })
    expect(await (await count()).json()).toEqual({ round_trips: 0, queries: 0, statements: [] })
  })
})

describe('requests', () => {
  const host = 'pglite.localhost'

  test('a body over 10 MiB is refused', async () => {
    const query = 'select length($1::text)'
    const long = await post(host, { query, params: ['x'.repeat(10 * 1024 * 1024)] })
    expect(long.status).toBe(413)
    expect(await long.json()).toMatchObject({
      message: 'request is too large (max is 10485760 bytes)',
    })
    const allowed = await post(host, { query, params: ['x'.repeat(10 * 1024 * 1024 - 100)] })
    expect(await allowed.json()).toMatchObject({ rows: [[String(10 * 1024 * 1024 - 100)]] })
  })

  test.for([
    ['no JSON', '{', 'it is not JSON'],
    ['no object', 'null', 'it is not an object'],
    ['no query', {}, 'query is not a text'],
    ['no list of queries', { queries: {} }, 'queries is not an array'],
    ['a batch of texts', { queries: ['select 1'] }, 'a query is not an object'],
    ['no list of parameters', { query: 'select 1', params: 'x' }, 'params is not an array'],
  ])('a body with %s is refused', async ([, body, why]) => {
    const reply = await post(host, body)
    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({
      message: `could not parse the HTTP request body: ${why}`,
    })
  })

  test.for([
    ['mysql://u:topsecret@h/d', 'incorrect scheme'],
    ['topsecret', 'invalid connection string'],
    ['postgres://u:topsecret@h/', 'missing database name'],
    ['postgres://h/d', 'missing username'],
    ['postgres://u:topsecret%zz@h/d', 'invalid connection string'],
  ] as const)('the connection string %s is refused and not repeated', async ([text, message]) => {
    const headers = { 'Neon-Connection-String': text }
    const reply = await post(host, { query: 'select 1' }, headers)
    expect(reply.status).toBe(400)
    const body = await reply.text()
    expect(JSON.parse(body).message).toBe(message)
    expect(body).not.toContain('secret')
  })

  test('without a connection string there is no answer', async () => {
    const body = JSON.stringify({ query: 'select 1' })
    const reply = await fetch(urlOf(host, '/sql'), { method: 'POST', headers: HEADERS, body })
    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({ message: 'invalid header: neon-connection-string' })
  })

  test('other paths and methods are not supported', async () => {
    for (const [method, path] of [
      ['GET', '/sql'],
      ['POST', '/'],
      ['POST', '/health'],
      ['OPTIONS', '/sql'],
    ] as const) {
      const reply = await fetch(urlOf(host, path), { method })
      expect([reply.status, await reply.json()]).toEqual([400, 'query is not supported'])
    }
  })

  test('it says that it is well', async () => {
    const reply = await fetch(urlOf(host, '/health'))
    expect([reply.status, await reply.json()]).toEqual([200, { status: 'ok', backend: 'pglite' }])
  })

  test('a host name that is not local is refused, as a web page could have it point here', async () => {
    const { port } = urlOf(host, '/')
    const status = await new Promise((resolve, reject) => {
      request({ port, host: '127.0.0.1', path: '/health', headers: { host: 'evil.example' } })
        .on('response', (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end()
    })
    expect(status).toBe(403)
  })
})

describe('faults', () => {
  const host = 'pglite.localhost'
  let notes = 2_000_000

  const setFaults = (plan: Record<string, unknown>) =>
    fetch(urlOf(host, '/faults'), { method: 'PUT', body: JSON.stringify(plan) })

  const removeFaults = (name: string) =>
    fetch(urlOf(host, `/faults?application_name=${encodeURIComponent(name)}`), { method: 'DELETE' })

  /** Inserts a row under a fault; says what the client saw and whether the row is there. */
  async function insertUnder(kind: string, seed = 1) {
    const name = newName()
    await setFaults({ application_name: name, kinds: [kind], seed, times: 1 })
    const faulty = connect(host, name)
    const id = notes++
    const error = await errorOf(faulty`insert into noetl.note values (${id}, 'x')`)
    const rows = await faulty`select 1 from noetl.note where id = ${id}`
    const written = rows.length === 1
    return { error, written, injected: Object(await injectedInto(name)) }
  }

  async function injectedInto(name: string): Promise<unknown> {
    const plans: unknown = await (await fetch(urlOf(host, '/faults'))).json()
    const isOurs = (plan: unknown) => Object(plan).application_name === name
    return Array.isArray(plans) ? plans.find(isOurs)?.injected : undefined
  }

  test.for([
    ['refuse', false],
    ['reset_before', false],
    ['reset_during', true],
    ['reset_after', true],
  ] as const)('%s breaks the connection', async ([kind, written]) => {
    const outcome = await insertUnder(kind)
    expect(outcome).toMatchObject({ written, injected: { [kind]: 1 } })
    expect(outcome.error.message).toMatch(/^Error connecting to database/)
    expect(outcome.error.code).toBeUndefined()
  })

  test('http_500 is what Neon answers when it cannot connect', async () => {
    const outcome = await insertUnder('http_500')
    expect(outcome).toMatchObject({ written: false, injected: { http_500: 1 } })
    expect(outcome.error.message).toMatch(/^Server error \(HTTP status 500\): .*Couldn't connect/)
  })

  test('empty_400 leaves open whether the statement was executed', async () => {
    const outcomes = await Promise.all(
      [...Array(12).keys()].map((n) => insertUnder('empty_400', n)),
    )
    for (const { error } of outcomes) expect(error).toMatchObject({ name: 'NeonDbError', code: '' })
    const written = outcomes.filter((outcome) => outcome.written).length
    expect(written).toBeGreaterThan(0)
    expect(written).toBeLessThan(12)
  })

  /** Which of 40 requests failed. */
  async function failures(plan: Record<string, unknown>): Promise<number[]> {
    const name = newName()
    await setFaults({ application_name: name, kinds: ['http_500'], ...plan })
    const faulty = connect(host, name)
    const failed: number[] = []
    for (let n = 0; n < 40; n++) await faulty`select 1`.catch(() => failed.push(n))
    return failed
  }

  test('the same seed makes the same requests fail', async () => {
    const first = await failures({ rate: 0.3, seed: 7 })
    expect(first.length).toBeGreaterThan(3)
    expect(first.length).toBeLessThan(25)
    expect(await failures({ rate: 0.3, seed: 7 })).toEqual(first)
    expect(await failures({ rate: 0.3, seed: 8 })).not.toEqual(first)
    expect(await failures({ rate: 0.3, seed: 7, skip: 10 })).toEqual(first.filter((n) => n >= 10))
  })

  test('skip and times make exactly the n-th request fail', async () => {
    expect(await failures({ skip: 4, times: 1 })).toEqual([4])
    expect(await failures({ skip: 38 })).toEqual([38, 39])
    expect(await failures({ rate: 0 })).toEqual([])
  })

  test('a plan serves its own name only, and the plan for all those without one', async () => {
    const [mine, other] = [newName(), newName()]
    await setFaults({ application_name: mine, rate: 0 })
    await setFaults({ application_name: '*', kinds: ['http_500'] })
    try {
      expect(await connect(host, mine)`select 1 as one`).toEqual([{ one: 1 }])
      expect((await errorOf(connect(host, other)`select 1`)).message).toContain('HTTP status 500')
    } finally {
      expect((await removeFaults('*')).status).toBe(204)
    }
    expect(await connect(host, other)`select 1 as one`).toEqual([{ one: 1 }])
    expect((await removeFaults('*')).status).toBe(404)
  })

  test('a plan that makes no sense is refused', async () => {
    const good = { application_name: newName() }
    for (const bad of [
      { rate: 2 },
      { kinds: ['fire'] },
      { kinds: [] },
      { skip: -1 },
      { times: 'x' },
    ]) {
      expect((await setFaults({ ...good, ...bad })).status).toBe(400)
    }
    expect((await setFaults({})).status).toBe(400)
  })
})

describe.skipIf('reason' in postgres)('other Postgres servers', () => {
  const server = new URL('url' in postgres ? postgres.url : 'postgres://none')

  /** The endpoint with PGlite reaches other hosts over TCP. */
  const viaTcp = (change: (url: URL) => void) => {
    const url = new URL(server)
    change(url)
    endpoints.set('127.0.0.1', endpoints.get('pglite.localhost') ?? expect.unreachable())
    return neon(url.href)
  }

  test('any other host name is reached over TCP', async () => {
    const sql = viaTcp((url) => url.searchParams.set('application_name', newName()))
    const [row] = await sql`select current_setting('port') as port`
    expect(row).toEqual({ port: server.port })
  })

  test('a closed port is a failure to connect', async () => {
    const sql = viaTcp((url) => {
      url.port = '1'
    })
    const error = await errorOf(sql`select 1`)
    expect(error.message).toMatch(/^Server error \(HTTP status 500\): .*Couldn't connect/)
    expect(error.message).not.toContain('127.0.0.1')
  })

  test('a database that does not exist is a failure to connect, with its code', async () => {
    const sql = viaTcp((url) => {
      url.pathname = '/nowhere'
    })
    const error = await errorOf(sql`select 1`)
    expect(error.message).toMatch(/^Server error \(HTTP status 500\): .*"code":"3D000"/)
  })

  test('a wrong password is refused with its code, and is in no log', async () => {
    const admin = viaTcp(() => {})
    await admin`create role guarded login password 'right-secret'`
    const [file] = await admin`show hba_file`
    const rules = ['host all guarded all scram-sha-256', 'host all all all trust']
    await admin.query(`copy (values ('${rules.join("'), ('")}')) to '${file?.hba_file}'`)
    await admin`select pg_reload_conf()`
    const child = spawnEndpoint(options)
    const log = collect(child)
    const { url } = JSON.parse(await firstLine(child))
    const query = async (password: string, other = {}) => {
      const target = Object.assign(new URL(server), { username: 'guarded', password, ...other })
      const headers = { ...HEADERS, 'Neon-Connection-String': target.href }
      const body = JSON.stringify({ query: 'select current_user' })
      const reply = await fetch(url, { method: 'POST', headers, body })
      return { status: reply.status, body: await reply.json() }
    }
    expect(await query('wrong-secret')).toMatchObject({ status: 400, body: { code: '28P01' } })
    expect(await query('right-secret')).toMatchObject({ body: { rows: [['guarded']] } })
    expect(await query('some-secret', { port: '1' })).toMatchObject({ status: 500 })
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(log()).not.toContain('secret')
  })

  test('a connection that the server ends is not used again', async () => {
    const sql = viaTcp(() => {})
    for (let n = 0; n < 3; n++) {
      expect((await errorOf(sql`select pg_terminate_backend(pg_backend_pid())`)).code).toBe('57P01')
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    }
  })

  test('more targets than pools are served, and idle pools closed', async () => {
    const admin = viaTcp(() => {})
    const open = async (): Promise<number> => {
      const [row] = await admin`
        select count(*)::int as n from pg_stat_activity where application_name = 'local neon endpoint'`
      return row?.n
    }
    const before = await open()
    const targets = Array.from({ length: 25 }, (_, n) => `path_${n}`)
    const results = targets.map(async (path) => {
      const sql = viaTcp((url) => url.searchParams.set('options', `-c search_path=${path}`))
      const [row] = await sql`show search_path`
      return row?.search_path
    })
    expect(await Promise.all(results)).toEqual(targets)
    await vi.waitFor(async () => expect(await open()).toBeLessThanOrEqual(before + 20), 15_000)
  })
})

const options = [`--cache=${cache}`, `--migrate=${migrations}`]

function spawnEndpoint(args: string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
}

function collect(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk
  })
  return () => text
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout ?? []) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text
}

describe('the process', () => {
  let directories = 0
  const newDirectory = () => join(temporary, `data-${directories++}`)
  test('ends cleanly on a signal and when its parent is gone', async () => {
    const data = newDirectory()
    const signalled = spawnEndpoint([...options, '--memory'])
    const orphaned = spawnEndpoint([...options, `--data=${data}`, '--exit-with-parent'])
    expect(JSON.parse(await firstLine(signalled))).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/sql$/),
      pid: signalled.pid,
      backend: 'pglite',
    })
    await firstLine(orphaned)
    const exits = [once(signalled, 'exit'), once(orphaned, 'exit')]
    signalled.kill('SIGTERM')
    orphaned.stdin?.end()
    expect(await Promise.all(exits)).toEqual([
      [0, null],
      [0, null],
    ])
  })

  test('unknown options and contradictions are refused', async () => {
    for (const args of [['--bogus'], ['--memory', '--data=x'], ['--port=x']]) {
      const child = spawnEndpoint(args)
      const log = collect(child)
      expect(await once(child, 'close')).toEqual([2, null])
      expect(log()).toContain('usage:')
    }
  })

  test('what was written survives a kill -9, and the lock does not', async () => {
    const data = newDirectory()
    const first = await start('data.localhost', { data })
    const sql = connect('data.localhost')
    const ids = [...Array(50).keys()]
    for (const id of ids) await sql`insert into noetl.note values (${id}, ${'x'.repeat(5000)})`
    process.kill(first.pid, 'SIGKILL')
    await first.stop()

    const second = await start('data.localhost', { data })
    const rows = await sql`select id, length(text) as length from noetl.note order by id`
    expect(rows).toEqual(ids.map((id) => ({ id, length: 5000 })))

    const refused = spawnEndpoint([...options, `--data=${data}`])
    const log = collect(refused)
    expect(await once(refused, 'close')).toEqual([3, null])
    expect(log()).toBe(`${data} is in use by process ${second.pid}\n`)
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('of several that start at the same instant on one directory one wins', async () => {
    const data = newDirectory()
    const starts = Array.from({ length: 3 }, () =>
      startEndpoint({ data, cache, migrate: migrations }),
    )
    const outcomes = await Promise.allSettled(starts)
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    for (const { value } of won) await value.stop()
    expect(won).toHaveLength(1)
    for (const { reason } of lost) expect(reason.message).toContain('is in use by process')
  })

  test('a directory that was not completely created is created anew', async () => {
    const data = newDirectory()
    mkdirSync(join(data, 'pglite'), { recursive: true })
    writeFileSync(join(data, 'pglite', 'PG_VERSION'), '18\n')
    writeFileSync(join(data, 'incomplete'), '')
    const endpoint = await start('incomplete.localhost', { data })
    expect(await connect('incomplete.localhost')`select * from noetl.note`).toEqual([])
    expect(existsSync(join(data, 'incomplete'))).toBe(false)
    await endpoint.stop()
  })

  test('a copy in the cache is used, replaced when damaged, and gives way to newer migrations', async () => {
    const own = join(temporary, 'own-cache')
    const changed = join(temporary, 'changed-migrations')
    mkdirSync(own)
    mkdirSync(changed)
    const [name = ''] = readdirSync(cache)
    const whole = readFileSync(join(cache, name))
    const file = join(own, name)
    const text = readFileSync(join(migrations, '0001_note.sql'), 'utf8')
    writeFileSync(
      join(changed, '0001_note.sql'),
      `${text} insert into noetl.note values (1, 'new');`,
    )

    writeFileSync(file, whole)
    const before = statSync(file).mtimeMs
    await (await start('cached.localhost', { cache: own })).stop()
    expect(statSync(file).mtimeMs).toBe(before)

    // damage that PGlite does not notice by itself
    const broken = Buffer.from(whole)
    broken.write('x', whole.indexOf('note_parent_fkey'))
    writeFileSync(file, broken)
    const damaged = await start('damaged.localhost', { cache: own })
    expect(readFileSync(file).equals(broken)).toBe(false)
    const newer = await start('newer.localhost', { cache: own, migrate: changed })
    expect(await connect('damaged.localhost')`select * from noetl.note`).toEqual([])
    expect(await connect('newer.localhost')`select id from noetl.note`).toEqual([{ id: 1 }])
    expect(readdirSync(own)).toHaveLength(1)
    expect(readdirSync(own)).not.toContain(name)
    await Promise.all([damaged.stop(), newer.stop()])
  })

  test('a directory with data gets new migrations; one that fails keeps it from starting', async () => {
    const data = newDirectory()
    const more = join(temporary, 'more-migrations')
    mkdirSync(more)
    writeFileSync(join(more, '0001_note.sql'), readFileSync(join(migrations, '0001_note.sql')))
    const first = await start('grown.localhost', { data })
    const sql = connect('grown.localhost')
    await sql`insert into noetl.note values (1, 'kept')`
    await first.stop()

    writeFileSync(join(more, '0002_shout.sql'), 'update noetl.note set text = nonsense(text);')
    await expect(startEndpoint({ data, cache, migrate: more })).rejects.toThrow(
      '0002_shout: function nonsense(text) does not exist (line 1)',
    )
    writeFileSync(join(more, '0002_shout.sql'), 'update noetl.note set text = upper(text);')
    await start('grown.localhost', { data, migrate: more })
    expect(await sql`select text from noetl.note`).toEqual([{ text: 'KEPT' }])
  })
})

test('each request takes the round-trip time that was asked for', async () => {
  await start('slow.localhost', { rttMs: 100 })
  const sql = connect('slow.localhost')
  const took: number[] = []
  for (let n = 0; n < 5; n++) {
    const begun = performance.now()
    await sql`select 1`
    took.push(performance.now() - begun)
  }
  const least = Math.min(...took)
  expect(least).toBeGreaterThan(95)
  expect(least).toBeLessThan(190)
})
