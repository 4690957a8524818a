// Playbooks whose runs wait for a worker, so that a test sees their beginning alone.
import { neon } from '@neondatabase/serverless'
import type { Client } from '../support.ts'

let paths = 0

export const waiting = (path: string, version = 1) =>
  `metadata: {path: ${path}}\nworkload: {v: ${version}, kept: true}\nworkflow:\n` +
  '  - {step: start, next: work}\n  - {step: work, type: python, code: x, next: end}\n  - {step: end}\n'

/** Registers so many versions under a new path; answers their ids, the first at 0. */
export async function registered(
  client: Client,
  versions = 1,
): Promise<{ path: string; ids: string[] }> {
  const path = `test/run/${Date.now()}-${++paths}`
  const ids = []
  for (let version = 1; version <= versions; version++) {
    ids.push(await client.register(waiting(path, version)))
  }
  return { path, ids }
}

/** The execution's row; ids as text. */
export async function rowOf(client: Client, executionId: string) {
  const sql = neon(client.env.DATABASE_URL as string)
  const [row] = await sql`
    select x.*, x.execution_id::text as id, x.parent_execution_id::text as parent,
      x.parent_event_id::text as parent_event
    from noetl.execution x where x.execution_id = ${executionId}`
  return row ?? {}
}
