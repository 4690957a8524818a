import { neon } from '@neondatabase/serverless'
import { describe, expect, inject, test } from 'vitest'
import { expectRebuilt } from '../rebuild.ts'
import { newClient, playbook } from '../support.ts'

const KINDS = ['refuse', 'reset_before', 'reset_during', 'reset_after', 'http_500', 'empty_400']

/** Three steps, each leaving a row where it ran: twice run is twice seen. */
const STEPS = ['one', 'two', 'three']
const TALLY = playbook(
  [
    '  - {step: start, next: one}',
    ...STEPS.map(
      (step, index) => `  - step: ${step}
    type: postgres
    auth: chaos
    command: insert into ran values ({{ execution_id }}, '${step}')
    next: ${STEPS[index + 1] ?? 'end'}`,
    ),
    '  - {step: end}',
  ].join('\n'),
)

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('200 runs of 20 clients end once each while 2 % of all calls fail', async () => {
    const clients = Array.from({ length: 20 }, () => newClient({}, inject('postgres')))
    const [first] = clients
    if (!first) throw new Error('no clients')
    const tool = `${inject('postgres')}?application_name=${first.name}-tool`
    await first.post('/api/credentials', { name: 'chaos', type: 'postgres', data: { dsn: tool } })
    const sql = neon(first.env.DATABASE_URL as string)
    await sql`create table if not exists ran (execution_id bigint, step text)`
    const catalogId = await first.register(TALLY)

    const spec = { rate: 0.02, kinds: KINDS }
    await Promise.all(clients.map((client, seed) => client.faults({ ...spec, seed })))
    await first.faults({ ...spec, application_name: `${first.name}-tool`, seed: 99 })
    const started = await Promise.all(
      clients.map(async (client) => {
        const runs = []
        for (let n = 0; n < 10; n++) {
          runs.push(await client.post('/api/executions/run', { catalog_id: catalogId }))
        }
        return runs
      }),
    )
    await Promise.all(clients.map((client) => client.noFaults()))

    const accepted = started.flat().map(({ status }) => status)
    expect(accepted.filter((status) => status !== 200)).toEqual([])
    const all = await expectRebuilt(first.env.DATABASE_URL as string, [catalogId])
    // no run was started twice either
    expect(all).toHaveLength(200)
    const open = all.filter(({ ended }) => !ended)
    expect(open).toEqual([])
    const doubled = await sql`
      select execution_id, step from ran where execution_id = any(${all.map((x) => x.execution_id)}::bigint[])
      group by 1, 2 having count(*) > 1`
    expect(doubled).toEqual([])
    const complete = all.filter(({ status }) => status === 'COMPLETED')
    // a tool's own call that got no answer fails its step: three in a hundred and more, not most
    expect(complete.length).toBeGreaterThan(150)
    const [ran] = await sql`select count(*)::int as n from ran
      where execution_id = any(${complete.map((x) => x.execution_id)}::bigint[])`
    expect(ran?.n).toBe(3 * complete.length)
  }, 180_000)
})
