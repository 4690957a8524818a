// Jobs that were there before they had paths (migrations 0016 to 0018).
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { afterAll, expect, test } from 'vitest'
import { migrate } from '../../dev/migrate.ts'

const DIR = join(import.meta.dirname, '../../migrations')
const dir = mkdtempSync(join(tmpdir(), 'noetl-job-paths-'))
const db = await PGlite.create()
afterAll(async () => {
  await db.close()
  rmSync(dir, { recursive: true, force: true })
})

async function migrateBelow(number: string): Promise<void> {
  for (const name of readdirSync(DIR)) {
    if (name < number) copyFileSync(join(DIR, name), join(dir, name))
  }
  await migrate({ pglite: db }, dir)
}

/** Queues a job as it was done before; its node says what is the matter with it. */
const queue = (node: string, status: string, daysAgo = 0, execution = 7) =>
  db.query(
    `insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner, status,
       worker_id, lease_until)
     select noetl.id_at(now() - make_interval(days => $3)) + nextval('n'), $4, 1, $1, $1, 'python', '{}', 'worker', $2,
       case when $2 = 'leased' then 'w' end, case when $2 = 'leased' then now() end`,
    [node, status, daysAgo, execution],
  )

test('get those of their executions, but for what is dropped soon', async () => {
  await migrateBelow('0016')
  await db.exec(`create sequence n; insert into noetl.execution (execution_id, catalog_id, path, name, entry_version,
      kind, status, version, last_event_type, workload, state)
    values (7, 1, 'team/p', 'p', 1, 'playbook', 'RUNNING', 1, 'x', '{}', '{}')`)
  for (const status of ['queued', 'leased', 'retry', 'done', 'dead']) await queue(status, status)
  await queue('long done', 'done', 6)
  await queue('dropped soon', 'done', 8)
  await queue('long dead', 'dead', 29)
  await queue('long queued', 'queued', 40)
  await queue('execution gone', 'dead', 20, 8)
  await migrateBelow('0017')
  await queue('by an old Worker', 'queued')
  await migrateBelow('9')
  await queue('by an old Worker, later', 'queued')
  const { rows } = await db.query<{ node_id: string }>(
    "select node_id from noetl.queue where path <> 'team/p' order by queue_id",
  )
  expect(rows.map((row) => row.node_id)).toEqual(['execution gone', 'dropped soon'])
  const { rows: all } = await db.query(
    'select count(*)::int as n, max(path) as path from noetl.queue',
  )
  expect(all).toEqual([{ n: 12, path: 'team/p' }])
})
