// What a key with a path prefix leases, lists and counts: its own jobs, without a look at those of others.
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { figuresOfWindow } from '../../src/dashboard/stat-queries.ts'
import { namedWindow } from '../../src/dashboard/window.ts'
import type { Sql, Statement } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { countJobs, lease, listJobs } from '../../src/queue/jobs.ts'
import { type KeyClient, newKey, open, withKey } from '../access/callers.ts'
import { newDatabase, sqlOf } from '../dashboard/database.ts'
import { readOf } from '../dashboard/explain.ts'

/** A first folder of this file's own, so that no other test's jobs are in it. */
const TEAM = `team_${Date.now()}`
const [A, B] = [`${TEAM}/a`, `${TEAM}/deep/b`]
/** What a careless comparison would take for the team's. */
const OTHERS = [`${TEAM.replace('_', 'x')}/a`, `${TEAM}s/a`, TEAM, `x/${TEAM}/a`]
const sql = sqlOf(open.env.DATABASE_URL as string)
let team: KeyClient
let deep: KeyClient

/** Runs a playbook whose two steps wait for workers, one after the other; answers its id. */
async function queued(path: string, priority = 5): Promise<string> {
  const { execution_id } = (await open.post('/api/execute', { path })).body
  await sql`update noetl.queue set priority = ${priority} where execution_id = ${execution_id}`
  return execution_id
}

const leased = async ({ send }: KeyClient, more = {}): Promise<string[]> => {
  const wanted = { worker_id: 'w', limit: 10, ...more }
  const { body } = await send('POST', '/api/queue/lease', wanted)
  return body.jobs.map((job: { execution_id: string }) => job.execution_id)
}
const listed = async ({ send }: KeyClient, query = ''): Promise<string[]> => {
  const found: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const reply = await send('GET', `/api/queue?limit=2${query}${cursor && `&cursor=${cursor}`}`)
    for (const { execution_id } of reply.body.items) found.push(execution_id)
    cursor = reply.headers.get('x-next-cursor')
  }
  return found
}
const sizeOf = async ({ send }: KeyClient, status = 'queued'): Promise<number> =>
  (await send('GET', `/api/queue/size?status=${status}`)).body.count

const WORKFLOW = `
  - {step: start, next: work}
  - {step: work, type: python, code: x, next: more}
  - {step: more, type: python, code: x, next: end}
  - {step: end}`

beforeAll(async () => {
  for (const path of [A, B, ...OTHERS]) {
    await open.register(`metadata: {path: ${path}}\nworkflow:${WORKFLOW}`)
  }
  team = withKey((await newKey(['worker', 'read'], { path_prefix: TEAM })).key)
  deep = withKey((await newKey(['worker', 'read'], { path_prefix: `${TEAM}/deep` })).key)
})

test('a worker leases what is its own, by priority, then age, and never what is of others', async () => {
  const others = await Promise.all(OTHERS.map((path) => queued(path, 9)))
  const first = await queued(A)
  const nested = await queued(B)
  const urgent = await queued(A, 7)
  expect(await sizeOf(team)).toBe(3)
  expect(await sizeOf(deep)).toBe(1)
  expect((await listed(team)).toSorted()).toEqual([first, nested, urgent].toSorted())
  expect(await listed(team, '&status=queued')).toEqual(await listed(team))
  expect(await listed(deep)).toEqual([nested])

  expect(await leased(deep, { capabilities: ['sql'] })).toEqual([])
  expect(await leased(deep, { capabilities: ['sql', 'python'] })).toEqual([nested])
  expect(await leased(deep)).toEqual([])
  expect(await leased(team, { limit: 1 })).toEqual([urgent])
  expect(await leased(team, { capabilities: ['python'] })).toEqual([first])
  expect(await leased(team)).toEqual([])

  expect([await sizeOf(team), await sizeOf(team, 'leased')]).toEqual([0, 3])
  expect(await listed(team, '&status=queued')).toEqual([])
  // by queue_id, which a lease renews
  expect(await listed(team)).toEqual([nested, urgent, first])
  expect(await listed(team, '&worker_id=w')).toEqual([nested, urgent, first])
  expect(await listed(team, `&execution_id=${others[0]}`)).toEqual([])
  const left = await sql`
    select distinct status from noetl.queue where execution_id = any(${others}::bigint[])`
  expect(left).toEqual([{ status: 'queued' }])
})

test('a list of all statuses goes on by queue_id, whatever the status', async () => {
  const ids = []
  for (let n = 0; n < 5; n++) ids.push(await queued(B))
  for (const [n, status] of ['dead', 'queued', 'done', 'dead', 'queued'].entries()) {
    await sql`update noetl.queue set status = ${status} where execution_id = ${ids[n]}`
  }
  expect((await listed(deep)).slice(-5)).toEqual(ids)
  expect(await listed(deep, '&status=dead')).toEqual([ids[0], ids[3]])
})

test('a job is known by its path however it was queued', async () => {
  const id = await queued(A, 8)
  const { body } = await team.send('POST', '/api/queue/lease', { worker_id: 'w' })
  expect(body.job.node_id).toBe(`${id}:work`)
  // the next step's is queued by an append
  await team.send('POST', `/api/queue/${body.job.queue_id}/complete`)
  await open.post('/api/queue/enqueue', {
    execution_id: id,
    node_id: `${id}:by-hand`,
    action: { type: 'python' },
  })
  // as Workers do that were deployed before jobs had paths, execution and job in one statement
  const [run, job] = [newId(), newId()]
  await sql`
    with started as (
      insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
        last_event_type, workload, state)
      values (${run}, 1, ${B}, 'b', 1, 'playbook', 'RUNNING', 1, 'x', '{}', '{"active": []}')
      returning *
    )
    insert into noetl.queue (queue_id, execution_id, catalog_id, node_id, node_name, tool, action, runner)
    select ${job}::bigint, execution_id, catalog_id, 'n', 'n', 'python', '{}', 'worker' from started`
  const jobs = await sql`
    select path, node_name from noetl.queue where execution_id in (${id}, ${run}) order by queue_id`
  expect(jobs).toEqual([
    { path: A, node_name: 'work' },
    { path: A, node_name: 'more' },
    { path: A, node_name: 'by-hand' },
    { path: B, node_name: 'n' },
  ])
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  let own: ReturnType<typeof sqlOf>
  const ALL = { status: null, execution_id: null, worker_id: null, cursor: null, limit: 10 }
  const take = (s: Sql, within: string, tools: string[] | null = null) =>
    lease(s, { queue_ids: [newId()], worker_id: 'w', seconds: 60, tools, within })

  beforeAll(async () => {
    own = sqlOf(await newDatabase())
    // others have 20,000 jobs that are done and 20,000 that wait; then the team has as many of a tool, and few of another
    await own`
      with x as (
        insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
          last_event_type, workload, state)
        select n, 1, case when n <= 40000 then 'others/in/p' else 'team/in/p' end || n % 50, 'p', 1, 'playbook',
          'RUNNING', 1, 'x', '{}', '{"active": []}'
        from generate_series(1, 60010) n
        returning *
      )
      insert into noetl.queue (queue_id, execution_id, catalog_id, path, node_id, node_name, tool, action, runner,
        status, created_at)
      select execution_id, execution_id, 1, path, 'n', 'n',
        case when execution_id > 60000 then 'rare' else 'python' end, '{}', 'worker',
        case when execution_id <= 20000 then 'done' else 'queued' end,
        now() - interval '1 day' + execution_id * interval '1 second'
      from x`
    await own`vacuum analyze`
  })

  test.each<[name: string, statement: (s: Sql) => Statement]>([
    ['a lease', (s) => take(s, 'team/')],
    ['a lease for tools', (s) => take(s, 'team/', ['python', 'none'])],
    ['a lease for a tool behind many of another', (s) => take(s, 'team/', ['rare'])],
    ['a lease for a tool that no job is for', (s) => take(s, 'team/', ['none'])],
    ['a lease in a folder in a folder', (s) => take(s, 'team/in/', ['rare'])],
    ['a list', (s) => listJobs(s, { ...ALL, within: 'team/' })],
    ['a list by status', (s) => listJobs(s, { ...ALL, within: 'team/', status: 'queued' })],
    [
      'a list of what there is not',
      (s) => listJobs(s, { ...ALL, within: 'team/', status: 'dead' }),
    ],
    ['a list of nobody', (s) => listJobs(s, { ...ALL, within: 'nobody/' })],
    ['a later page', (s) => listJobs(s, { ...ALL, within: 'team/', cursor: '50000' })],
    ['a size of nothing', (s) => countJobs(s, 'leased', 'team/')],
    ['a size of nobody', (s) => countJobs(s, 'queued', 'nobody/')],
  ])('%s reads no job of others', async (_name, statement) => {
    expect(await readOf(own, statement(own), 'queue')).toBeLessThan(100)
  })

  test("a size and a window's figures read what they count, and no more", async () => {
    const window = namedWindow('24h')
    const scope = { path: null, path_prefix: null, within: 'team/' }
    expect(await readOf(own, countJobs(own, 'queued', 'team/'), 'queue')).toBeLessThan(20_100)
    expect(await readOf(own, figuresOfWindow(own, window, scope, 5), 'queue')).toBeLessThan(20_100)
    const nobody = { ...scope, within: 'nobody/' }
    expect(await readOf(own, figuresOfWindow(own, window, nobody, 5), 'queue')).toBeLessThan(100)
  })
})
