// What a sweep does about schedules. Sweeps of other tests may come first: what is told here holds whoever did it.
import { expect, inject, test, vi } from 'vitest'
import { auditOf } from '../../src/access/audit.ts'
import type { Scope } from '../../src/access/caller.ts'
import { connect, rowsOf } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import { changeSchedule, findSchedule, type ScheduleRow } from '../../src/schedule/queries.ts'
import { newClient, playbook } from '../support.ts'
import { given, makeDue, registered, runsOf, shown, sqlOf } from './given.ts'

const client = newClient()
const MINUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:00.000Z$/

test('a tick starts one run, which says whose it is, and the schedule moves on', async () => {
  const parameters = { at: '{{ schedule.time }}', by: ['{{ schedule.name }}', '{{ schedule.id }}'] }
  const schedule = await given(client, { parameters })
  await makeDue(client, schedule)
  await client.tick()
  await client.tick()
  const [run, ...others] = await runsOf(client, schedule)
  expect(others).toEqual([])
  expect(run?.metadata).toEqual({
    schedule: { id: schedule.id, name: schedule.name, time: expect.stringMatching(MINUTE) },
  })
  expect(run?.workload).toMatchObject({ at: run?.time, by: [schedule.name, schedule.id] })
  expect(run?.requestor).toMatchObject({
    user_agent: `noetl-edge schedule ${schedule.name}`,
    ip: null,
  })
  const row = await shown(client, schedule)
  expect(row).toMatchObject({ last_execution_id: run?.id, last_error: null, skipped: 0 })
  expect(new Date(row.last_at).toISOString()).toBe(run?.time)
  expect(row.next_at > row.last_at).toBe(true)
  expect(row.next_runs[0]).toBe(row.next_at)
})

test('a run is begun by the sweep, and goes on by the queue', async () => {
  const content =
    'metadata: {path: test/schedule/quick}\nworkflow:\n  - {step: start, next: a}\n' +
    '  - {step: a, type: transform, data: {b: 1}, next: end}\n  - {step: end}\n'
  const registration = await client.post('/api/catalog/register', { content })
  expect(registration.status, registration.text).toBe(200)
  const schedule = await given(client, { path: 'test/schedule/quick' })
  await makeDue(client, schedule)
  await client.tick()
  const [run] = await runsOf(client, schedule)
  await client.deliver([{ execution_id: String(run?.id), delaySeconds: 0 }])
  expect((await client.get(`/api/executions/${run?.id}`)).body.status).toBe('COMPLETED')
})

test('while the last run goes on: skip', async () => {
  const schedule = await given(client, { overlap: 'skip' })
  for (let count = 0; count < 3; count++) {
    await makeDue(client, schedule)
    await client.tick()
  }
  const [run, ...others] = await runsOf(client, schedule)
  expect(others).toEqual([])
  const row = await shown(client, schedule)
  expect(row).toMatchObject({ skipped: 2, last_execution_id: run?.id })
  expect(row.next_at > row.last_at).toBe(true)
  await client.post(`/api/executions/${run?.id}/stop`, {})
  await makeDue(client, schedule)
  await client.tick()
  expect(await runsOf(client, schedule)).toHaveLength(2)
  expect(await shown(client, schedule)).toMatchObject({ skipped: 2 })
})

test('while the last run goes on: allow', async () => {
  const schedule = await given(client, { overlap: 'allow' })
  for (let count = 0; count < 2; count++) {
    await makeDue(client, schedule)
    await client.tick()
  }
  expect((await runsOf(client, schedule)).map(({ ended_at }) => ended_at)).toEqual([null, null])
})

test('while the last run goes on: replace', async () => {
  const schedule = await given(client, { overlap: 'replace' })
  for (let count = 0; count < 3; count++) {
    await makeDue(client, schedule)
    await client.tick()
  }
  await vi.waitFor(async () => {
    const runs = await runsOf(client, schedule)
    const error = 'cancelled: a newer run takes its place'
    expect(runs).toMatchObject([{ error }, { error }, { ended_at: null }])
    const [row] = await sqlOf(
      client,
    )`select replaced from noetl.schedule where schedule_id = ${schedule.id}`
    expect(row?.replaced).toEqual([])
  }, 15_000)
})

test('a playbook that is not there is told of, and tried again at the next tick', async () => {
  const path = `test/later/${Date.now()}`
  const schedule = await given(client, { path })
  await makeDue(client, schedule)
  await client.tick()
  const row = await shown(client, schedule)
  expect(row).toMatchObject({
    last_error: `No catalog entries found for path '${path}'`,
    last_execution_id: null,
  })
  expect(row.next_at > row.last_at).toBe(true)
  await client.register(
    `metadata: {path: ${path}}\nworkflow:\n  - {step: start, next: end}\n  - {step: end}\n`,
  )
  await makeDue(client, schedule)
  await client.tick()
  const [run] = await runsOf(client, schedule)
  expect(await shown(client, schedule)).toMatchObject({
    last_error: null,
    last_execution_id: run?.id,
  })
})

test('parameters that cannot be rendered at a tick are told of', async () => {
  // at any other time they can
  const parameters = { a: "{{ 1 / 0 if schedule.time.endswith('00.000Z') else 1 }}" }
  const schedule = await given(client, { parameters })
  await makeDue(client, schedule)
  await client.tick()
  expect(await runsOf(client, schedule)).toEqual([])
  expect(await shown(client, schedule)).toMatchObject({
    last_error: expect.stringMatching(/^parameters\/a: /),
  })
})

test('one that cannot even be read stops no other', async () => {
  const broken = await given(client)
  const sound = await given(client)
  await makeDue(client, sound, 1)
  // before all others
  await sqlOf(
    client,
  )`update noetl.schedule set cron = 'x', next_at = '2020-01-01' where schedule_id = ${broken.id}`
  try {
    await client.tick()
    expect(await runsOf(client, sound)).toHaveLength(1)
    expect(await runsOf(client, broken)).toEqual([])
  } finally {
    await sqlOf(client)`delete from noetl.schedule where schedule_id = ${broken.id}`
  }
})

test('what was missed is by the rule: none, the last, or all', async () => {
  // half an hour from now: the tick before is far from being on time
  const minute = (new Date().getUTCMinutes() + 30) % 60
  const path = await registered(client)
  const rules = ['none', 'last', 'all'] as const
  const [none, last, all] = await Promise.all(
    rules.map((catch_up) => given(client, { path, catch_up, cron: `${minute} * * * *` })),
  )
  if (!none || !last || !all) throw new Error('not made')
  for (const { id } of [none, last, all]) {
    await sqlOf(
      client,
    )`update noetl.schedule set next_at = next_at - interval '4 hours' where schedule_id = ${id}`
  }
  await client.tick()
  await vi.waitFor(async () => {
    const counts = await Promise.all([none, last, all].map((one) => runsOf(client, one)))
    expect(counts.map(({ length }) => length)).toEqual([0, 1, 4])
    const times = counts[2]?.map(({ time }) => time) ?? []
    expect(times).toEqual([...times].sort())
    expect(new Set(times).size).toBe(4)
    expect(counts[1]?.[0]?.time).toBe(times.at(-1))
  }, 15_000)
  const next = await Promise.all([none, last, all].map((one) => shown(client, one)))
  expect(new Set(next.map(({ next_at }) => next_at)).size).toBe(1)
  expect(new Date(next[0]?.next_at) > new Date()).toBe(true)
})

test('one that is not enabled does not run, and enabled again it does not run what was missed', async () => {
  const schedule = await given(client, { catch_up: 'all', enabled: false })
  const enabled = await client.send('PATCH', `/api/schedules/${schedule.name}`, { enabled: true })
  expect(new Date(enabled.body.next_at) > new Date()).toBe(true)
  await makeDue(client, schedule, 300)
  const off = await client.send('PATCH', `/api/schedules/${schedule.name}`, { enabled: false })
  // a sweep of another test may have been quicker
  const before = (await runsOf(client, schedule)).length
  expect(off.body).toMatchObject({ enabled: false, next_at: null, next_runs: [] })
  await client.tick()
  const on = await client.send('PATCH', `/api/schedules/${schedule.name}`, { enabled: true })
  expect(new Date(on.body.next_at) > new Date()).toBe(true)
  await client.tick()
  expect(await runsOf(client, schedule)).toHaveLength(before)
})

test('a change that was thought of before a tick was taken is not written', async () => {
  const schedule = await given(client)
  await makeDue(client, schedule)
  const sql = connect(configOf(client.env))
  const [read] = await rowsOf<ScheduleRow>(findSchedule(sql, schedule.name, null))
  if (!read) throw new Error('not found')
  await client.tick()
  const caller = { id: 'open', name: 'open', scopes: new Set<Scope>(), within: null, ip: null }
  const audit = auditOf(caller, 'schedule.changed', `schedule:${schedule.name}`)
  // its tick would come again
  expect(await rowsOf(changeSchedule(sql, read, read, audit))).toEqual([])
  expect(await runsOf(client, schedule)).toHaveLength(1)
})

test('whom it names is told of the ends of its runs', async () => {
  const content = playbook('  - {step: start, next: end}\n  - {step: end}')
  await client.register(content)
  const path = /path: ([^,]+)/.exec(content)?.[1] ?? ''
  const url = `${inject('echo')}/status/200`
  const schedule = await given(client, { path, notify: url })
  await makeDue(client, schedule)
  await client.tick()
  await client.deliver()
  const [run] = await runsOf(client, schedule)
  const { items } = (await client.get(`/api/notifications?execution_id=${run?.id}`)).body
  expect(items).toMatchObject([{ url, type: 'execution.completed' }])
  const inward = { ...schedule, notify: 'http://10.0.0.1/x' }
  const strict = newClient({ HTTP_ALLOW_PRIVATE: 'false' })
  const refused = await strict.send('PATCH', `/api/schedules/${schedule.name}`, {
    notify: inward.notify,
  })
  expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/notify/0'])
})
