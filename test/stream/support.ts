// Executions with long logs.
import { neon } from '@neondatabase/serverless'
import { client, running } from '../routes/world.ts'

const sql = neon(client.env.DATABASE_URL as string)

/** A running execution with so many events more, each with a text of so many letters and a line break. */
export async function long(events: number, letters = 10): Promise<string> {
  const { id } = await running()
  await sql`
    with more as (
      insert into noetl.event (execution_id, catalog_id, seq, event_id, event_type, node_id, node_name,
        node_type, status, context)
      select x.execution_id, x.catalog_id, x.version + n, x.execution_id + 1000000 + n, 'note', 'n', 'n',
        'task', 'RUNNING', jsonb_build_object('text', E'line\n' || repeat('x', ${letters}::int))
      from noetl.execution x, generate_series(1, ${events}::int) n where x.execution_id = ${id}
    )
    update noetl.execution set version = version + ${events}::int where execution_id = ${id}`
  return id
}
