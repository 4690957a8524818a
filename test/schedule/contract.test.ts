// Schedules by their routes: who may do what, what is told of it, and what becomes of what is sent twice.
import { describe, expect, test } from 'vitest'
import { newClient } from '../support.ts'
import { type Given, given, makeDue, registered, runsOf, shown, sqlOf } from './given.ts'

const client = newClient()
const patch = (name: string, body: unknown, by = client, headers = {}) =>
  by.send('PATCH', `/api/schedules/${name}`, body, { headers })

test('a name is used once among those that are there', async () => {
  const { name } = await given(client)
  const again = { name, cron: '@daily', path: 'p' }
  expect((await client.post('/api/schedules', again)).status).toBe(409)
  expect((await client.send('DELETE', `/api/schedules/${name}`)).body).toEqual({
    name,
    status: 'ok',
  })
  expect((await client.post('/api/schedules', again)).status).toBe(200)
  expect((await client.send('DELETE', `/api/schedules/${name}`)).status).toBe(200)
  expect((await client.send('DELETE', `/api/schedules/${name}`)).status).toBe(404)
})

test('parameters have a size', async () => {
  const body = (size: number) => ({
    name: `size-${Date.now()}`,
    cron: '@daily',
    path: 'p',
    parameters: { a: 'x'.repeat(size) },
  })
  expect((await client.post('/api/schedules', body(65_536))).body.errors).toEqual([
    { pointer: '/parameters', detail: 'larger than 65536 bytes' },
  ])
  expect((await client.post('/api/schedules', body(65_500))).status).toBe(200)
  expect((await client.post('/api/schedules', body(300_000))).status).toBe(413)
})

test('the fifth next run is the fifth', async () => {
  const { name } = await given(client, { cron: '0 12 24 12 *', timezone: 'Europe/Berlin' })
  const { next_runs } = (await client.get(`/api/schedules/${name}`)).body
  const year = Number(next_runs[0].slice(0, 4))
  expect(next_runs).toEqual([0, 1, 2, 3, 4].map((n) => `${year + n}-12-24T11:00:00.000000Z`))
})

test('another timing counts from now on; other changes leave the next tick as it is', async () => {
  const schedule = await given(client, { cron: '@yearly' })
  await sqlOf(
    client,
  )`update noetl.schedule set next_at = '2090-01-01' where schedule_id = ${schedule.id}`
  const other = await patch(schedule.name, { parameters: { a: 1 }, version: 1, overlap: 'skip' })
  expect(other.body).toMatchObject({
    next_at: '2090-01-01T00:00:00.000000Z',
    version: 1,
    parameters: { a: 1 },
  })
  const { body } = await patch(schedule.name, { timezone: 'Asia/Kolkata', version: 'latest' })
  expect(body).toMatchObject({ cron: '@yearly', timezone: 'Asia/Kolkata', version: null })
  expect(body.next_at).toMatch(/-12-31T18:30:00.000000Z$/)
  expect(body.next_at).toBe(body.next_runs[0])
})

test('the list is in order, by pages, and by path and whether they are enabled', async () => {
  const path = await registered(client)
  const made: Given[] = []
  for (const enabled of [true, true, false, true]) made.push(await given(client, { path, enabled }))
  const names: string[] = []
  for (let address: string | null = `/api/schedules?path=${path}&limit=2`; address; ) {
    const { body, headers } = await client.get(address)
    names.push(...body.items.map(({ name }: Given) => name))
    const cursor: string | null = headers.get('x-next-cursor')
    address = cursor && `/api/schedules?path=${path}&limit=2&cursor=${cursor}`
  }
  expect(names).toEqual(made.map(({ name }) => name).sort())
  const { body } = await client.get(`/api/schedules?path=${path}&enabled=false`)
  expect(body.items).toMatchObject([{ name: made[2]?.name }])
})

test('changes are in the audit, without what may be secret', async () => {
  const { name } = await given(client, { parameters: { token: 'hunter2' } })
  await patch(name, { parameters: { token: 'hunter3' }, enabled: false })
  await client.send('DELETE', `/api/schedules/${name}`)
  const { body, text } = await client.get(`/api/audit?subject=schedule:${name}`)
  expect(body.items.map(({ action, detail }: Record<string, unknown>) => [action, detail])).toEqual(
    [
      ['schedule.deleted', {}],
      ['schedule.changed', { changed: expect.arrayContaining(['parameters', 'enabled']) }],
      [
        'schedule.created',
        { cron: '0 * * * *', timezone: 'UTC', path: expect.any(String), enabled: true },
      ],
    ],
  )
  expect(text).not.toContain('hunter')
})

describe('answers that get lost', () => {
  const lossy = newClient()
  const losing = async <T>(work: () => Promise<T>) => {
    await lossy.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
    const reply = await work()
    await lossy.noFaults()
    return reply
  }
  const lines = async (name: string) =>
    (await client.get(`/api/audit?subject=schedule:${name}`)).body.items.length

  test('make one schedule, change it and delete it once', async () => {
    const path = await registered(client)
    const { name } = await losing(() => given(lossy, { path }))
    expect(await lines(name)).toBe(1)
    expect((await losing(() => patch(name, { cron: '@daily' }, lossy))).body.cron).toBe('@daily')
    const deleted = await losing(() => lossy.send('DELETE', `/api/schedules/${name}`))
    expect(deleted.body).toEqual({ status: 'ok', name })
    expect(await lines(name)).toBe(3)
  })

  test('of a change whose statement was done: it is one line of the audit', async () => {
    const { name } = await given(client)
    // the reading passes, the answer of the change is lost
    await lossy.faults({ rate: 1, kinds: ['reset_after'], seed: 1, skip: 1, times: 1 })
    const { status, body } = await patch(name, { catch_up: 'all' }, lossy)
    await lossy.noFaults()
    expect([status, body.catch_up]).toEqual([200, 'all'])
    expect(await lines(name)).toBe(2)
  })
})

describe('run by hand', () => {
  const run = (name: string, headers = {}, by = client) =>
    by.send('POST', `/api/schedules/${name}/run`, undefined, { headers })

  test('it is a run beside the ticks', async () => {
    const schedule = await given(client, {
      overlap: 'skip',
      parameters: { by: '{{ schedule.name }}' },
    })
    const { body } = await run(schedule.name, { 'cf-connecting-ip': '192.0.2.7' })
    const [first] = await runsOf(client, schedule)
    expect(first).toMatchObject({
      id: body.execution_id,
      workload: { by: schedule.name },
      requestor: { ip: '192.0.2.7', user_agent: `noetl-edge schedule ${schedule.name}` },
    })
    expect(await shown(client, schedule)).toMatchObject({ last_execution_id: null, last_at: null })
    await makeDue(client, schedule)
    await client.tick()
    expect(await runsOf(client, schedule)).toHaveLength(2)
  })

  test('with a key it is started once', async () => {
    const schedule = await given(client)
    const other = await given(client)
    const headers = { 'idempotency-key': `key-${schedule.id}` }
    const replies = [await run(schedule.name, headers), await run(schedule.name, headers)]
    expect(replies.map(({ status }) => status)).toEqual([200, 200])
    expect(new Set(replies.map(({ body }) => body.execution_id)).size).toBe(1)
    expect(await runsOf(client, schedule)).toHaveLength(1)
    expect((await run(other.name, headers)).status).toBe(409)
    expect((await run(schedule.name, { 'idempotency-key': '' })).status).toBe(422)
    await run(schedule.name)
    expect(await runsOf(client, schedule)).toHaveLength(2)
  })
})

describe('callers of a part of the playbooks', () => {
  const ROOT = 'a key of sixteen and more'
  const keyed = newClient({ ACCESS: undefined, API_KEY: ROOT })
  const by = (key: string) => ({ authorization: `Bearer ${key}` })
  const keyFor = async (path_prefix: string | null, scopes = ['hook']) => {
    const name = `key-${Date.now()}-${Math.random()}`
    const body = { name, scopes, ...(path_prefix !== null && { path_prefix }) }
    const reply = await keyed.post('/api/keys', body, { headers: by(ROOT) })
    if (reply.status !== 200) throw new Error(reply.text)
    return by(reply.body.key)
  }
  const create = (headers: object, path: string) =>
    keyed.post(
      '/api/schedules',
      { name: `own-${Date.now()}-${Math.random()}`, cron: '@daily', path },
      { headers },
    )

  test('see and change schedules of theirs, whose runs see no more than they do', async () => {
    const path = await registered(client)
    const prefix = path.replace(/[^/]+$/, '')
    const own = await keyFor(prefix)
    const stranger = await keyFor('elsewhere/')
    const made = await create(own, path)
    expect([made.status, made.body.created_by]).toEqual([200, expect.stringMatching(/^key:/)])
    expect((await create(own, 'elsewhere/p')).status).toBe(403)
    expect((await create(own, prefix.slice(0, -1))).status).toBe(403)
    const { name, id } = made.body
    for (const [method, suffix, body] of [
      ['GET', ''],
      ['PATCH', '', { enabled: false }],
      ['POST', '/run'],
      ['DELETE', ''],
    ] as const) {
      const address = `/api/schedules/${name}${suffix}`
      const reply = await keyed.send(method, address, body, { headers: stranger })
      expect([method, reply.status]).toEqual([method, 404])
    }
    const seen = await keyed.send('GET', '/api/schedules', undefined, { headers: own })
    expect(seen.body.items).toMatchObject([{ name }])
    expect((await patch(name, { path: 'elsewhere/p' }, keyed, own)).status).toBe(403)
    // not for those either who see more: its runs would not find it
    expect((await patch(name, { path: 'elsewhere/p' }, keyed, by(ROOT))).status).toBe(403)
    await makeDue(client, { id, name, path })
    await client.tick()
    await keyed.post(`/api/schedules/${name}/run`, undefined, { headers: by(ROOT) })
    expect(await runsOf(client, { id })).toMatchObject([{ within: prefix }, { within: prefix }])
  })

  test('lend what they change or run no more than they see', async () => {
    const { name, id, path } = await given(client)
    const prefix = path.replace(/[^/]+$/, '')
    const own = await keyFor(prefix)
    await keyed.post(`/api/schedules/${name}/run`, undefined, { headers: own })
    expect((await patch(name, { parameters: { a: 1 } }, keyed, own)).status).toBe(200)
    await client.post(`/api/schedules/${name}/run`, undefined)
    expect(await runsOf(client, { id })).toMatchObject([{ within: prefix }, { within: prefix }])
  })

  test('need the scope', async () => {
    const reader = await keyFor(null, ['read'])
    const runner = await keyFor(null, ['run', 'event'])
    const { name, path } = await given(client)
    const get = (headers: object) =>
      keyed.send('GET', `/api/schedules/${name}`, undefined, { headers: headers as never })
    expect([(await get(reader)).status, (await get(runner)).status]).toEqual([403, 403])
    expect((await create(reader, path)).status).toBe(403)
    expect((await patch(name, { enabled: false }, keyed, reader)).status).toBe(403)
  })
})
