import { neon } from '@neondatabase/serverless'
import { beforeAll, describe, expect, test } from 'vitest'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const AUTH = `pg-${Date.now()}-auth`
const DATA = {
  db_host: 'db.localhost',
  db_port: 5432,
  db_user: 'test',
  db_password: 'test',
  db_name: 'noetl',
}
const { ran, resultOf } = oneStep(client, { type: 'postgres', auth: AUTH })
const database = () => neon(client.env.DATABASE_URL as string)

beforeAll(async () => {
  await client.post('/api/credentials', { name: AUTH, type: 'postgres', data: DATA })
})

describe('a credential', () => {
  test.each<[what: string, auth: unknown]>([
    ['by name', AUTH],
    ['by a template', '{{ workload.auth }}'],
    ['by key', { type: 'postgres', key: AUTH }],
    ['by credential', { type: 'postgres', credential: AUTH }],
    ['under an alias', { db: { source: 'credential', key: AUTH } }],
    ['inline', { source: 'inline', type: 'postgres', fields: DATA }],
    [
      'inline, by its other name',
      { type: 'postgres', inline: { dsn: 'postgres://test:test@db.localhost/noetl' } },
    ],
  ])('is taken %s', async (_what, auth) => {
    const { command_0 } = await resultOf(
      { auth, command: 'select 1 as n' },
      `workload: {auth: ${AUTH}}`,
    )
    expect(command_0.rows).toEqual([{ n: 1 }])
  })

  test('shows in no event, error or reply', async () => {
    const secret = `hunter2-${Date.now()}`
    const auth = `${AUTH}-secret`
    const data = { ...DATA, db_password: secret }
    const written = await client.post('/api/credentials', { name: auth, type: 'postgres', data })
    const replies = [
      written,
      await ran({ auth, command: 'select 1' }),
      await ran({ auth, command: 'select 1 / 0' }),
      await client.get(`/api/credentials/${auth}`),
      await client.get('/api/executions'),
    ]
    for (const { text } of replies) expect(text).not.toContain(secret)
    const id = replies[1]?.body.id
    const { text } = await client.get(`/api/execution/data/${id}`)
    expect(text).not.toContain(secret)
    const [kept] = await database()`
      select (select string_agg(e::text, '') from noetl.event e where execution_id = ${id}) || (
        select string_agg(q::text, '') from noetl.queue q where execution_id = ${id}) as rows`
    expect(kept?.rows).not.toContain(secret)
  })

  test('whose database does not answer leaves the outcome open, without its address', async () => {
    const name = `${AUTH}-away`
    const dsn = `postgres://test:hunter2@db.localhost/noetl?application_name=${name}`
    await client.post('/api/credentials', { name, type: 'postgres', data: { dsn } })
    await client.faults({ application_name: name, rate: 1, kinds: ['refuse'], seed: 1 })
    const { body, text } = await ran({ auth: name, command: 'select 1' })
    expect(body.error).toBe('the database gave no answer; its statements may or may not have run')
    expect(text).not.toMatch(/hunter2|db\.localhost/)
  })

  test('with a DSN that is none is refused without showing it', async () => {
    const name = `${AUTH}-broken`
    await client.post('/api/credentials', { name, data: { dsn: 'postgres://u:hunter2@[' } })
    const { body, text } = await ran({ auth: name, command: 'select 1' })
    expect(body.error).toBe('the database URL is not valid')
    expect(text).not.toContain('hunter2')
  })
})
