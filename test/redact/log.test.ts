// The Worker's log, with the driver's own errors.
import { neon } from '@neondatabase/serverless'
import { afterEach, beforeAll, beforeEach, expect, inject, test, vi } from 'vitest'
import { connectTo, rowsOf } from '../../src/db.ts'
import { AppError } from '../../src/errors.ts'
import { parseJson } from '../../src/json.ts'
import { logError } from '../../src/log.ts'
import { newClient } from '../support.ts'

const SECRET = 'hunter2/and@more'
const client = newClient()
let lines: string[] = []

// the driver knows its endpoint from then on
beforeAll(() => client.get('/api/queue/size'))
beforeEach(() => {
  lines = []
  vi.spyOn(console, 'error').mockImplementation((...values) => {
    lines.push(values.map(String).join(' '))
  })
})
afterEach(() => vi.restoreAllMocks())

/** What is logged of the error that this ends with. */
async function logged(work: () => Promise<unknown>): Promise<string> {
  const error = await work().then(
    () => expect.unreachable('it fails'),
    (thrown: unknown) => thrown,
  )
  logError('it failed', error)
  return lines.join('\n')
}

const sql = neon(client.env.DATABASE_URL as string)

test('a URL that is none', async () => {
  for (const url of [`postgres://u:${SECRET}@[`, `postgres:u:${SECRET}@h`, SECRET]) {
    // some it refuses at once, others when it sends
    const text = await logged(async () => neon(url)`select 1`)
    expect(text).toMatch(/^it failed: /)
    expect(text).not.toMatch(/hunter2|and@more/)
  }
})

test('a host that cannot be reached', async () => {
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => {
    throw new TypeError(`fetch failed: postgres://u:${SECRET}@nowhere.invalid/db`)
  })
  const text = await logged(() =>
    rowsOf(connectTo(`postgres://u:${encodeURIComponent(SECRET)}@nowhere.invalid/db`)`select 1`),
  )
  expect(text).toMatch(/^it failed: unavailable: the database does not answer/)
  expect(text).toContain('because of NeonDbError')
  expect(text).not.toMatch(/hunter2|and@more|nowhere\.invalid/)
})

test('what Postgres says repeats values, and is told by its codes', async () => {
  const wrong = await logged(() => sql`select ${SECRET}::int`.then((rows) => rows))
  expect(wrong).toContain('NeonDbError, code 22P02')
  expect(wrong).not.toContain('hunter2')
  const refused = await logged(() =>
    sql.query(
      `do $$ begin raise 'no ${SECRET}' using errcode = '28P01', detail = '${SECRET}'; end $$`,
    ),
  )
  expect(refused).toContain('code 28P01')
  expect(refused).not.toContain('hunter2')
})

test('a reply that is no reply', async () => {
  vi.spyOn(globalThis, 'fetch').mockImplementation(
    async () => new Response(`<p>${SECRET}</p>`, { status: 502 }),
  )
  const text = await logged(() => sql`select 1`.then((rows) => rows))
  expect(text).toContain('HTTP status 502')
  expect(text).not.toContain('hunter2')
})

test('what was read and is no JSON, and what was thrown and is no error', async () => {
  expect(await logged(async () => parseJson(`{"password": ${SECRET}}`))).not.toContain('hunter2')
  expect(await logged(() => Promise.reject(SECRET))).not.toContain('hunter2')
})

test('an error of ours is told with its reason and its place', () => {
  const cause = new RangeError('out of it')
  logError('it failed', new AppError('internal', 'the step is gone', [], cause))
  expect(lines[0]).toMatch(/^it failed: internal: the step is gone\n\s+at .*log\.test\.ts/)
  expect(lines[0]).toContain('because of RangeError: out of it')
})

test('what is said to be secret', () => {
  logError('it failed', new Error(`at ${SECRET}`), (text) => text.replaceAll(SECRET, '***'))
  expect(lines[0]).toMatch(/^it failed: Error: at \*\*\*/)
  expect(lines[0]).not.toContain('hunter2')
})

test('a driver that stops says so without its parameters', async () => {
  await client.faults({ rate: 1, kinds: ['http_500'], seed: 1 })
  await client.get(`/api/executions?path=${encodeURIComponent(SECRET)}`)
  await expect(client.tick()).rejects.toThrow(/^the sweep failed$/)
  await client.noFaults()
  expect(lines.length).toBeGreaterThan(0)
  expect(lines.join('\n')).not.toMatch(/hunter2|test:test/)
  expect(inject('endpoint')).toBeTruthy()
})
