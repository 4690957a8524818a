import { describe, expect, test } from 'vitest'
import { newClient } from '../support.ts'
import { registered, waiting } from './waiting.ts'

const client = newClient()
const RUN = '/api/executions/run'

const told = ({ status, body }: { status: number; body: { detail: string } }) => [
  status,
  body.detail,
]
test('a field of the wrong type is refused with its pointer, an unknown one is passed over', async () => {
  const { path } = await registered(client)
  const wrong: [string, unknown][] = [
    ['parameters', [1]],
    ['parameters', 'a=1'],
    ['merge', 'yes'],
    ['sync_to_postgres', 1],
    ['version', 0],
    ['version', 1.5],
    ['version', 'newest'],
    ['version', true],
    ['metadata', []],
    ['context', 'c'],
    ['parent_execution_id', 'x'],
    ['path', 5],
    ['catalog_id', {}],
  ]
  for (const [field, value] of wrong) {
    const { status, body } = await client.post(RUN, { path, [field]: value })
    expect([field, status, body.errors?.[0].pointer]).toEqual([field, 422, `/${field}`])
  }
  expect((await client.post(RUN, { path, mode: 'fast' })).status).toBe(200)
  for (const body of ['[]', 'null', '"x"']) expect((await client.post(RUN, body)).status).toBe(422)
  for (const body of ['', '{', '{"path": NaN}'])
    expect((await client.post(RUN, body)).status).toBe(400)
})

test('a body that nests thousands of levels deep is refused', async () => {
  const { path } = await registered(client)
  const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
  expect(told(await client.post(RUN, `{"path": "${path}", "parameters": ${deep}}`))).toEqual([
    400,
    'the body is not JSON: nested deeper than 200 levels',
  ])
  const big = `{"n": 12345678901234567890, "path": "${path}", "parameters": ${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`
  expect((await client.post(RUN, big)).status).toBe(400)
})

test('a workload that the log could not take is refused', async () => {
  const { path } = await registered(client)
  const run = (count: number) =>
    client.post(RUN, { path, parameters: { quotes: '"'.repeat(count) } })
  expect(told(await run(1_100_000))).toEqual([413, 'the workload is larger than 2097152 bytes'])
  expect((await run(1_000_000)).status).toBe(200)
})

describe('round trips', () => {
  test('are two where the entry is not known yet, and then one', async () => {
    const { path, ids } = await registered(client)
    const own = newClient()
    await own.post(RUN, { path })
    expect(await own.trips()).toBe(2)
    await own.post(RUN, { path })
    expect(await own.trips()).toBe(3)
    await own.post(RUN, { catalog_id: ids[0] })
    await own.post(RUN, { catalog_id: ids[0] })
    expect(await own.trips()).toBeLessThanOrEqual(6)
  })

  test('are two again for a version that was registered meanwhile', async () => {
    const { path } = await registered(client)
    const own = newClient()
    await own.post(RUN, { path })
    await client.register(waiting(path, 2))
    const before = await own.trips()
    await own.post(RUN, { path })
    expect(await own.trips()).toBe(before + 2)
  })
})

describe('when the database stays away', () => {
  test('a run is refused whole, with when to come again and no word of the driver', async () => {
    const { path, ids } = await registered(client)
    const own = newClient()
    await own.post(RUN, { path })
    await own.faults({ rate: 1, kinds: ['refuse'], seed: 1 })
    const reply = await own.post(RUN, { path })
    await own.noFaults()
    expect(told(reply)).toEqual([503, 'the database does not answer'])
    expect(reply.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(reply.headers.get('content-type')).toBe('application/problem+json')
    expect(reply.text).not.toMatch(/fetch|neon|test:test|db\.localhost|socket/i)
    const { body } = await client.get(`/api/executions?catalog_id=${ids[0]}`)
    expect(body).toHaveLength(1)
  })

  test('a run whose answers were lost is there once', async () => {
    const { path, ids } = await registered(client)
    const own = newClient()
    await own.post(RUN, { path })
    await own.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 2 })
    const { status, body } = await own.post(RUN, { path })
    expect(status).toBe(200)
    const listed = await client.get(`/api/executions?catalog_id=${ids[0]}`)
    expect(listed.body.map((one: { id: string }) => one.id)).toContain(body.execution_id)
    expect(listed.body).toHaveLength(2)
    expect(await client.log(body.execution_id)).toHaveLength(2)
  })
})
