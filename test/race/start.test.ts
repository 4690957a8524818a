import { neon } from '@neondatabase/serverless'
import { describe, expect, inject, test } from 'vitest'
import { chain, completed, newClient } from '../support.ts'

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('a run whose first sending is still under way when it is sent again is one run', async () => {
    const client = newClient({}, inject('postgres'))
    const catalogId = await client.register(chain('a'))
    await client.run(catalogId)
    const sql = neon(client.env.DATABASE_URL as string)
    // the insert is slow for this one entry, and its first answer never comes
    await sql.transaction([
      sql`create or replace function noetl.slowly() returns trigger language plpgsql as $$
        begin perform pg_sleep(0.4); return new; end $$`,
      sql.query(`create trigger slowly before insert on noetl.execution for each row
        when (new.catalog_id = ${catalogId}) execute function noetl.slowly()`),
    ])
    try {
      const before =
        await sql`select count(*)::int as n from noetl.execution where catalog_id = ${catalogId}`
      await client.faults({ rate: 1, kinds: ['reset_during'], seed: 1, times: 1 })
      await client.run(catalogId)
      const after =
        await sql`select count(*)::int as n from noetl.execution where catalog_id = ${catalogId}`
      expect(after[0]?.n).toBe(before[0]?.n + 1)
    } finally {
      await sql`drop trigger slowly on noetl.execution`
      await sql`drop function noetl.slowly`
    }
  })

  test('a deciding report among many writers is kept and answered 200, and is decided in the end', async () => {
    const client = newClient({}, inject('postgres'))
    const id = await client.run(await client.register(chain('a')))
    let writing = true
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; writing; n++) {
        const note = { execution_id: id, event_type: 'note', context: { writer, n } }
        await client.post('/api/events', note)
      }
    })
    const reply = await client.post('/api/events', completed(id, 'a'))
    writing = false
    await Promise.all(writers)
    expect(reply.status).toBe(200)
    await client.tick()
    await client.deliver()
    expect((await client.get(`/api/executions/${id}?limit=1`)).body.status).toBe('COMPLETED')
  })
})
