// Which indexes the figures of a window and the lists rely on, where there is as much as makes the planner choose.
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { rollUp } from '../../src/dashboard/queries.ts'
import { figuresOfWindow } from '../../src/dashboard/stat-queries.ts'
import { namedWindow, windowBetween } from '../../src/dashboard/window.ts'
import type { Sql, Statement } from '../../src/db.ts'
import { type ListFilter, listExecutions, NEWEST, seekExecutions } from '../../src/event/list.ts'
import { newDatabase, sqlOf } from './database.ts'
import { explain } from './explain.ts'

const ID = '250000000000000000'
const BY_END: ListFilter = { ...NEWEST, sort: { by: 'ended', descending: true } }
const BY_DURATION: ListFilter = { ...NEWEST, sort: { by: 'duration', descending: true } }
const ALL = { path: null, path_prefix: null, within: null }
const SINCE_LONG =
  windowBetween('2026-11-20T01:02:03.000Z', '2026-11-26T04:05:06.000Z', 0) ?? namedWindow('7d')

/** That an index is walked in its order, so that a page is read and no more. */
const walks = (index: string) =>
  new RegExp(`Index (Only )?Scan( Backward)? using execution_\\d+_${index}`)
const ENDED = walks('ended_at_execution_id_idx')
const ACTIVE = /execution_\d+_execution_id_path_status_started_at_idx/
const STATS = /Scan (using|on) execution_stat_whole_(pkey|by_path)/
const MINUTES = /Scan (using|on) execution_stat_minute_(pkey|path_grain_at_idx)/

const HOT: [name: string, statement: (sql: Sql) => Statement, ...indexes: RegExp[]][] = [
  ['by end', (s) => listExecutions(s, BY_END), ENDED],
  [
    'by end, a later page',
    (s) => listExecutions(s, { ...BY_END, after: { key: '2026-11-26T00:00:00.000000Z', id: ID } }),
    ENDED,
    /Index Cond: \(\(ended_at IS NOT NULL\) AND \(ROW\(ended_at, execution_id\) <|Index Cond: \(ROW\(/,
  ],
  ['by duration', (s) => listExecutions(s, BY_DURATION), walks('extract_execution_id_idx')],
  [
    'those that go on, behind those that have ended',
    (s) => listExecutions(s, { ...BY_DURATION, after: { key: null, id: ID } }),
    ACTIVE,
  ],
  [
    'a text',
    (s) => seekExecutions(s, { ...NEWEST, text: 'x' }, false),
    /Index Scan Backward using execution_\d+_pkey/,
  ],
  [
    'a path by duration',
    (s) => seekExecutions(s, { ...BY_DURATION, path: 'p7/p' }, false),
    walks('extract_execution_id_idx'),
  ],
  [
    'a label',
    (s) => seekExecutions(s, { ...NEWEST, labels: { tenant: 'a' } }, false),
    /execution_\d+_execution_id_idx/,
  ],
  ['a count of all', (s) => seekExecutions(s, NEWEST, true), ACTIVE, ENDED],
  ['a count of a status', (s) => seekExecutions(s, { ...NEWEST, status: 'FAILED' }, true), ENDED],
  [
    'a count of a path',
    (s) => seekExecutions(s, { ...NEWEST, path: 'p7/p' }, true),
    ACTIVE,
    /execution_stat_whole_by_path/,
  ],
  [
    'figures of a day',
    (s) => figuresOfWindow(s, namedWindow('24h'), ALL, 10),
    STATS,
    ACTIVE,
    ENDED,
  ],
  [
    'figures of an hour',
    (s) => figuresOfWindow(s, namedWindow('1h'), ALL, 10),
    MINUTES,
    ACTIVE,
    ENDED,
  ],
  ['figures of a month', (s) => figuresOfWindow(s, namedWindow('30d'), ALL, 10), STATS],
  [
    'figures between two instants',
    (s) => figuresOfWindow(s, SINCE_LONG, ALL, 10),
    STATS,
    MINUTES,
    ENDED,
  ],
  [
    'figures of a playbook',
    (s) => figuresOfWindow(s, namedWindow('24h'), { ...ALL, path: 'p7/p' }, 10),
    /execution_stat_whole_by_path/,
  ],
]

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  let sql: ReturnType<typeof sqlOf>

  beforeAll(async () => {
    sql = sqlOf(await newDatabase())
    await sql`
      insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
        last_event_type, workload, state, progress, started_at, ended_at, labels)
      select noetl.id_at(now()) - (n::bigint << 16), 1, 'p' || n % 100 || '/p', 'p', 1, 'playbook',
        case when n % 200 = 0 then 'RUNNING' when n % 10 = 0 then 'FAILED' else 'COMPLETED' end, 3, 'x', '{}',
        '{"active": []}', case when n % 200 = 0 then 50 else 100 end, now() - n * interval '10 seconds',
        case when n % 200 > 0 then now() - n * interval '10 seconds' + n % 97 * interval '100 ms' end,
        case when n % 100 = 1 then '{"tenant": "a"}' else '{}' end::jsonb
      from generate_series(1, 40000) n`
    await rollUp(sql)
    await sql`
      insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner, status)
      select x.execution_id, x.execution_id, 1, 'n', 'n', 'http', '{}', 'edge',
        case when x.ended_at is null then 'queued' else 'done' end
      from noetl.execution x`
    await sql`vacuum analyze`
  })

  test.each(HOT)('%s: its indexes', async (_name, statement, ...indexes) => {
    const plan = await explain(sql, statement(sql))
    for (const index of indexes) expect(plan).toMatch(index)
    // of what there is much of, nothing is read whole; no event is read at all
    expect(plan).not.toMatch(/Seq Scan on (queue|execution_\d+|\w+_stat_\w+) .*rows=\d{4}/)
    expect(plan).not.toMatch(/noetl\.event| on event/)
  })
})
