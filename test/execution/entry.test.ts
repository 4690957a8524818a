import { neon } from '@neondatabase/serverless'
import { describe, expect, test } from 'vitest'
import { newClient, playbook } from '../support.ts'
import { registered, rowOf, waiting } from './waiting.ts'

const client = newClient()
const RUN = '/api/executions/run'

const told = ({ status, body }: { status: number; body: { detail: string } }) => [
  status,
  body.detail,
]
describe('the entry', () => {
  test('is looked up by catalog_id first, then path, then playbook_id', async () => {
    const [a, b] = [await registered(client, 2), await registered(client, 2)]
    const ran = async (body: unknown) => {
      const reply = await client.post(RUN, body)
      return [reply.body.path, reply.body.version]
    }
    expect(await ran({ catalog_id: a.ids[0], path: b.path, version: 2 })).toEqual([a.path, '1'])
    expect(await ran({ path: a.path, playbook_id: b.path })).toEqual([a.path, '2'])
    expect(await ran({ playbook_id: b.path, version: 1 })).toEqual([b.path, '1'])
    expect(await ran({ catalog_id: '', path: '', playbook_id: b.path })).toEqual([b.path, '2'])
  })

  test('is the highest version unless one is named', async () => {
    const { path } = await registered(client, 11)
    for (const [version, expected] of [
      [undefined, '11'],
      [null, '11'],
      ['latest', '11'],
      [2, '2'],
      ['9', '9'],
    ]) {
      const { body } = await client.post(RUN, { path, version })
      expect([version, body.version]).toEqual([version, expected])
    }
  })

  test('is the highest version also where an older one bears a later time', async () => {
    const { path, ids } = await registered(client, 2)
    const sql = neon(client.env.DATABASE_URL as string)
    await sql`update noetl.catalog set created_at = now() + interval '1 day' where catalog_id = ${ids[0]}`
    expect((await client.post(RUN, { path })).body.version).toBe('2')
    const { body } = await client.get(`/api/catalog/playbook?playbook_id=${path}`)
    expect(body.version).toBe(2)
  })

  test('may be named by a bare 64-bit integer, which is read without loss', async () => {
    const { ids } = await registered(client, 2)
    for (const id of ids) {
      expect(Number.isSafeInteger(Number(id))).toBe(false)
      const { body } = await client.post(RUN, `{"catalog_id": ${id}}`)
      expect(body.catalog_id).toBe(id)
    }
  })

  test('that is unknown is 404 in the words of the original', async () => {
    const { path } = await registered(client)
    const runs: [unknown, string][] = [
      [{ path: 'nowhere' }, "No catalog entries found for path 'nowhere'"],
      [{ path, version: 2 }, `Catalog entry '${path}' with version '2' not found`],
      [{ path: 'nowhere', version: '3' }, "Catalog entry 'nowhere' with version '3' not found"],
      [{ catalog_id: 12 }, "Catalog entry with ID '12' not found"],
      [{ catalog_id: 'abc', path }, "Catalog entry with ID 'abc' not found"],
      [
        { catalog_id: '99999999999999999999' },
        "Catalog entry with ID '99999999999999999999' not found",
      ],
      [{ catalog_id: -1 }, "Catalog entry with ID '-1' not found"],
    ]
    for (const [body, detail] of runs) {
      expect(told(await client.post(RUN, body))).toEqual([404, detail])
    }
  })

  test('must be named', async () => {
    const words = 'At least one identifier must be provided: catalog_id, path, or playbook_id'
    for (const body of [{}, { version: 1 }, { path: '' }, { path: null, catalog_id: null }]) {
      const reply = await client.post(RUN, body)
      expect(told(reply)).toEqual([422, expect.stringContaining(words)])
    }
  })

  test('that was found once is not taken for a newer version', async () => {
    const { path } = await registered(client)
    expect((await client.post(RUN, { path })).body.version).toBe('1')
    await client.register(waiting(path, 2))
    const { body } = await client.post(RUN, { path })
    expect(body.version).toBe('2')
    expect((await rowOf(client, body.execution_id)).workload).toMatchObject({ v: 2 })
  })
})

describe('parameters', () => {
  test('go over the workload under either name, and deep with merge', async () => {
    const id = await client.register(
      playbook('  - step: start', 'workload: {a: {x: 1}, l: [1], k: 1}'),
    )
    const workload = async (body: object) => {
      const run = await client.post(RUN, { catalog_id: id, ...body })
      return (await rowOf(client, run.body.execution_id)).workload
    }
    const given = { a: { y: 2 }, l: [2] }
    const shallow = { a: { y: 2 }, l: [2], k: 1 }
    expect(await workload({ parameters: given })).toEqual(shallow)
    expect(await workload({ input_payload: given })).toEqual(shallow)
    expect(await workload({ parameters: given, input_payload: { k: 2 } })).toEqual(shallow)
    expect(await workload({ parameters: given, merge: true })).toEqual({
      a: { x: 1, y: 2 },
      l: [1, 2],
      k: 1,
    })
  })

  test('keep integers beyond 2^53, unicode, and give U+FFFD for NUL', async () => {
    const { ids } = await registered(client)
    const parameters = '{"n": 9007199254740993, "s": "žluť 🐎", "z": "a\\u0000b"}'
    const run = await client.post(RUN, `{"catalog_id": "${ids[0]}", "parameters": ${parameters}}`)
    const { text } = await client.get(`/api/executions/${run.body.execution_id}`)
    expect(text).toMatch(/"n" ?: ?9007199254740993[,}]/)
    expect(text).toMatch(/"s" ?: ?"žluť 🐎"/)
    expect(text).toMatch(/"z" ?: ?"a\ufffdb"/)
  })

  test('that make a template of the workload fail are refused, and nothing is written', async () => {
    const yaml = playbook(
      '  - step: start',
      'workload: {n: 1, twice: "{{ workload.n * 2 }}", deep: {d: "{{ 1 / workload.n }}"}}',
    )
    const id = await client.register(yaml)
    const reply = await client.post(RUN, { catalog_id: id, parameters: { n: 0 } })
    expect(told(reply)).toEqual([
      422,
      expect.stringMatching(/^the playbook's workload: \/workload\/deep\/d: /),
    ])
    const { body } = await client.get(`/api/executions?catalog_id=${id}`)
    expect(body).toEqual([])
  })
})
