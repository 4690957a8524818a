// Lists that are sorted, searched, and counted: in one round trip, and a bounded number of rows at a time.
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { rollUp } from '../../src/dashboard/queries.ts'
import { MOST_COUNTED, MOST_SEARCHED } from '../../src/event/list.ts'
import { newDatabase, sqlOf } from '../dashboard/database.ts'
import { type Client, chain, completed, newClient } from '../support.ts'

const client = newClient()

const idsOf = (body: { id: string }[]) => body.map(({ id }) => id)

async function once(address: string, by: Client = client) {
  const before = await by.trips()
  const reply = await by.get(address)
  expect([address, reply.status, (await by.trips()) - before]).toEqual([address, 200, 1])
  return reply
}

describe('labels', () => {
  let path: string
  let ids: string[]
  const labels = [
    { tenant: 'Acme', tier: 'gold', note: 'a:b c' },
    { tenant: 'Acme', tier: 'tin' },
    {},
  ]

  beforeAll(async () => {
    const content = chain('a')
    path = /path: ([^,]+)/.exec(content)?.[1] ?? ''
    await client.register(content)
    ids = []
    for (const given of labels) {
      const { body } = await client.post('/api/executions/run', { path, labels: given })
      ids.push(body.execution_id)
    }
  })

  test('are in the list and in the detail, and nowhere when there are none', async () => {
    const { body: list } = await once(`/api/executions?path=${path}`)
    expect(idsOf(list)).toEqual([...ids].reverse())
    for (const [n, given] of labels.entries()) {
      const item = list[ids.length - 1 - n]
      const { body: detail } = await once(`/api/executions/${ids[n]}`)
      const expected = Object.keys(given).length === 0 ? undefined : given
      expect([item.labels, detail.labels]).toEqual([expected, expected])
    }
  })

  test.each([
    ['label=tier:gold', [0]],
    ['label=tenant:Acme', [1, 0]],
    ['label=tenant:Acme&label=tier:tin', [1]],
    ['label=note:a:b%20c', [0]],
    ['label=tenant:acme', []],
    ['label=tenant:Acme&label=tier:none', []],
    ['q=ACME', [1, 0]],
    ['q=gold', [0]],
    ['q=100%25', []],
  ])('%s', async (query, expected) => {
    const { body, headers } = await once(`/api/executions?path=${path}&${query}&count=true`)
    expect(idsOf(body)).toEqual(expected.map((n) => ids[n]))
    expect(headers.get('x-total-count')).toBe(String(expected.length))
    expect(headers.get('x-search-complete')).toBe('true')
  })

  test.each([
    [{ a: 1 }, 422],
    [{ 'a:b': 'c' }, 422],
    [{ '': 'c' }, 422],
    [{ a: 'x'.repeat(257) }, 422],
    [Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])), 422],
    [Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, 'x'.repeat(256)])), 200],
  ])('of a run are few and short: %j', async (given, status) => {
    const reply = await client.post('/api/executions/run', { path, labels: given })
    expect(reply.status).toBe(status)
  })

  test('are not those of the runs that a run starts', async () => {
    const outer = path.replace(/p$/, 'outer')
    await client.register(
      `metadata: {path: ${outer}}\nworkflow:\n  - {step: start, next: call}\n  - {step: call, type: playbook, path: ${path}, next: end}\n  - {step: end}\n`,
    )
    const labelled = { path: outer, labels: { tenant: 'Acme' } }
    const { body } = await client.post('/api/executions/run', labelled)
    const { body: children } = await once(
      `/api/executions?parent_execution_id=${body.execution_id}`,
    )
    expect(children.map((child: { labels?: unknown }) => child.labels)).toEqual([undefined])
  })

  test('of a key that has started another run with others are refused', async () => {
    const headers = { 'idempotency-key': `labels-${Date.now()}` }
    const run = (given: object) =>
      client.post('/api/executions/run', { path, labels: given }, { headers })
    const [first, same, other] = [await run({ a: '1' }), await run({ a: '1' }), await run({})]
    expect(same.body.execution_id).toBe(first.body.execution_id)
    expect(other.status).toBe(409)
  })
})

test('a text is found in an error, in a path, and an id by itself', async () => {
  const word = `Kaputt${Date.now()}`
  const content = chain('a')
  const catalogId = await client.register(content)
  const path = /path: ([^,]+)/.exec(content)?.[1] ?? ''
  const [id, other] = [await client.run(catalogId), await client.run(catalogId)]
  const failure = { event_type: 'action_error', status: 'FAILED', error: `it is ${word}` }
  await client.post('/api/events', { ...completed(id, 'a'), ...failure })
  expect(idsOf((await once(`/api/executions?q=${word.toLowerCase()}`)).body)).toEqual([id])
  expect(idsOf((await once(`/api/executions?q=${path.toUpperCase()}`)).body)).toEqual([other, id])
  expect(idsOf((await once(`/api/executions?q=${other}`)).body)).toEqual([other])
  expect(idsOf((await once(`/api/executions?q=${other}&status=completed`)).body)).toEqual([])
  for (const wild of ['_', '%25', '%5C']) {
    expect(idsOf((await once(`/api/executions?path=${path}&q=${wild}zz`)).body)).toEqual([])
  }
})

test('a counted page that its reader has is not sent again, until there is another total', async () => {
  const catalogId = await client.register(chain('a'))
  await client.run(catalogId)
  const address = `/api/executions?catalog_id=${catalogId}&limit=1&sort=started&count=true`
  const { headers } = await once(address)
  const again = () =>
    client.send('GET', address, undefined, {
      headers: { 'if-none-match': headers.get('etag') ?? '' },
    })
  const same = await again()
  expect([headers.get('x-total-count'), same.status, same.text]).toEqual(['1', 304, ''])
  await client.run(catalogId)
  const other = await again()
  expect([other.status, other.headers.get('x-total-count')]).toEqual([200, '2'])
})

test.each([
  'sort=name',
  'sort=-ended&order=desc',
  'sort=ended&cursor=5',
  'cursor=ended_2026-11-26T00:00:00.000000Z_5',
  'sort=-ended&cursor=ended_2026-11-26T00:00:00.000000Z_5',
  'sort=ended&cursor=ended_2026_5',
  'sort=duration&cursor=duration_1.2.3_5',
  'sort=duration&cursor=duration_1_99999999999999999999',
  'q=',
  'label=x',
  'label=a:1&label=a:2',
  `${'label=a:1&'.repeat(17)}x=1`,
  'count=yes',
  'order=up',
])('%s is refused', async (query) => {
  expect((await client.get(`/api/executions?${query}`)).status).toBe(422)
})

describe.skipIf(inject('postgres') === '')('of many, on a real Postgres', () => {
  const COUNT = 25_000
  let own: Client

  beforeAll(async () => {
    own = newClient({}, await newDatabase())
    const sql = sqlOf(own.env.DATABASE_URL as string)
    // many share an end and a duration; one in 1,000 goes on; the 10th, the 15,000th and the last of them are needles
    await sql`
      insert into noetl.execution (execution_id, catalog_id, path, name, entry_version, kind, status, version,
        last_event_type, workload, state, progress, started_at, ended_at, error)
      select noetl.id_at(at) + 1, n % 10 + 1, case when n in (10, 15000, ${COUNT}::int) then 'needle/p' else 'hay/p' end,
        'p', 1, 'playbook', case when n % 1000 = 0 then 'RUNNING' when n % 10 = 0 then 'FAILED' else 'COMPLETED' end,
        3, 'x', '{}', '{}', case when n % 1000 = 0 then 50 else 100 end, at,
        case when n % 1000 > 0 then date_trunc('minute', at) + n % 7 * interval '1 minute' + interval '1 hour' end,
        null
      from (select n, now() - interval '2 hours' - n * interval '1 second' as at
        from generate_series(1, ${COUNT}::int) n) s`
    await sql`vacuum analyze noetl.execution`
    await rollUp(sql, { most: 12_000 })
  }, 60_000)

  test('a search goes on where it stopped, and is told to be over when it is', async () => {
    let address: string | null = '/api/executions?q=NEEDLE'
    const pages = []
    while (address !== null) {
      const { body, headers } = await once(address, own)
      pages.push([body.length, headers.get('x-search-complete')])
      const link: string | null = headers.get('link')
      address = link && (/<([^>]+)>/.exec(link)?.[1] ?? null)
    }
    expect(pages).toEqual([
      [1, 'false'],
      [1, 'false'],
      [1, 'true'],
    ])
  })

  test.each(['duration', '-duration', 'ended', '-ended'])(
    'a filter without an index in its order by %s has all of a path, in order',
    async (sort) => {
      const all = await walk(`sort=${sort}&limit=1000`)
      expect(new Set(all).size).toBe(COUNT)
      const found = await walk(`sort=${sort}&path=needle/p`)
      expect(found).toHaveLength(3)
      expect(found).toEqual(all.filter((id) => found.includes(id)))
      const running = await walk(`sort=${sort}&status=running`)
      expect(running).toEqual(all.slice(-COUNT / 1_000))
    },
  )

  async function walk(query: string): Promise<string[]> {
    const ids: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body, headers } = await own.get(
        `/api/executions?${query}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      )
      ids.push(...idsOf(body))
      cursor = headers.get('x-next-cursor')
    }
    return ids
  }

  test.each([
    ['', COUNT, null],
    ['status=running', 25, null],
    ['status=failed', 2_475, null],
    ['status=completed', 22_500, null],
    ['path=needle/p', 3, null],
    ['path=needle/p&status=failed', 1, null],
    ['path=no/such', 0, null],
    ['catalog_id=3', 2_500, null],
    ['sort=-duration', COUNT, null],
    ['since=2020-01-01', MOST_COUNTED, 'false'],
    ['q=hay', MOST_COUNTED, 'false'],
    // what was looked at had two of them
    ['q=needle', 1, 'false'],
    ['q=needle&catalog_id=1', 3, null],
  ])('counted: %s', async (query, total, isExact) => {
    const { headers } = await once(`/api/executions?limit=2&count=true&${query}`, own)
    expect([headers.get('x-total-count'), headers.get('x-total-count-exact')]).toEqual([
      String(total),
      isExact,
    ])
  })

  test('what a request looks at is bounded', () => {
    expect([MOST_SEARCHED, MOST_COUNTED]).toEqual([10_000, 10_000])
  })
})
