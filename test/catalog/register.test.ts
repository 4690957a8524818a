import { describe, expect, inject, test } from 'vitest'
import { type RegisteredRow, register } from '../../src/catalog/queries.ts'
import { connect, rowsOf } from '../../src/db.ts'
import { configOf } from '../../src/env.ts'
import { newId } from '../../src/ids.ts'
import { newClient } from '../support.ts'
import { AUDIT } from './audit.ts'

const client = newClient()
const REGISTER = '/api/catalog/register'
let paths = 0
const newPath = () => `test/register/${Date.now()}-${++paths}`

/** A playbook under the path; `rest` is more YAML. */
const minimal = (path: string, rest = '') =>
  `metadata: {path: ${path}}\n${rest}\nworkflow:\n  - step: start\n`

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

const versionsOf = async (path: string): Promise<number[]> =>
  (await client.get(`/api/catalog/resource?resource_path=${encodeURIComponent(path)}`)).body.map(
    (entry: { version: number }) => entry.version,
  )

const payloadOf = async (path: string) =>
  (await client.get(`/api/catalog/playbook?playbook_id=${encodeURIComponent(path)}`)).body.payload

test('a registration answers what it made', async () => {
  const path = newPath()
  const { status, body } = await client.post(REGISTER, { content: minimal(path) })
  expect(status).toBe(200)
  expect(body).toEqual({
    status: 'success',
    message: `Resource '${path}' version '1' registered.`,
    id: path,
    path,
    version: 1,
    resource_path: path,
    resource_version: 1,
    catalog_id: expect.stringMatching(/^\d{15,19}$/),
    kind: 'Playbook',
    created: true,
  })
})

test('content comes as text or base64, in the body or in the query', async () => {
  const content = (path: string) => minimal(path, 'description: žluťoučký 🐎')
  const [a, b, c, d] = [newPath(), newPath(), newPath(), newPath()] as [
    string,
    string,
    string,
    string,
  ]
  await client.post(REGISTER, { content: content(a), resource_type: 'playbook' })
  await client.post(REGISTER, { content_base64: base64(content(b)) })
  await client.send('POST', `${REGISTER}?content=${encodeURIComponent(content(c))}`)
  await client.send('POST', `${REGISTER}?content_base64=${encodeURIComponent(base64(content(d)))}`)
  for (const path of [a, b, c, d]) {
    const { body } = await client.get(`/api/catalog/playbook/content?playbook_id=${path}`)
    expect(body).toEqual({ path, version: 1, content: content(path) })
  }
})

test('what the body says counts over what the query says', async () => {
  const [inBody, inQuery] = [newPath(), newPath()]
  const query = encodeURIComponent(minimal(inQuery))
  const { body } = await client.post(`${REGISTER}?content=${query}`, { content: minimal(inBody) })
  expect(body.path).toBe(inBody)
  expect(await versionsOf(inQuery)).toEqual([])
})

test('the path is metadata.path, path, metadata.name or name, in this order', async () => {
  const [a, b, c, d] = [newPath(), newPath(), newPath(), newPath()]
  const flow = 'workflow: [{step: start}]'
  const pathFor = async (head: string) =>
    (await client.post(REGISTER, { content: `${head}\n${flow}` })).body.path
  expect(await pathFor(`metadata: {path: ${a}, name: ${c}}\npath: ${b}\nname: ${d}`)).toBe(a)
  expect(await pathFor(`metadata: {path: "", name: ${c}}\npath: ${b}\nname: ${d}`)).toBe(b)
  expect(await pathFor(`metadata: {name: ${c}}\nname: ${d}`)).toBe(c)
  expect(await pathFor(`name: ${d}`)).toBe(d)
})

test('the same content again is the same version', async () => {
  const path = newPath()
  const first = await client.post(REGISTER, { content: minimal(path) })
  const again = await client.post(REGISTER, { content: minimal(path) })
  expect(again.body).toEqual({
    ...first.body,
    created: false,
    message: `Resource '${path}' version '1' is registered already.`,
  })
  expect(await versionsOf(path)).toEqual([1])
})

test('A, B and A again are three versions', async () => {
  const path = newPath()
  for (const rest of ['workload: {v: a}', 'workload: {v: b}', 'workload: {v: a}']) {
    await client.post(REGISTER, { content: minimal(path, rest) })
  }
  expect(await versionsOf(path)).toEqual([3, 2, 1])
  expect((await payloadOf(path)).workload).toEqual({ v: 'a' })
})

async function registerThirtyAtOnce(database?: string) {
  const path = newPath()
  const senders = Array.from({ length: 30 }, () => newClient({}, database))
  const replies = await Promise.all(
    senders.map((sender, v) =>
      sender.post(REGISTER, { content: minimal(path, `workload: {v: ${v}}`) }),
    ),
  )
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
  const versions = replies.map(({ body }) => body.version).sort((a, b) => a - b)
  expect(versions).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
  expect(new Set(replies.map(({ body }) => body.catalog_id)).size).toBe(30)
}

test('30 registrations of one path at once give 30 versions without a gap', async () => {
  await registerThirtyAtOnce()
})

describe.skipIf(inject('postgres') === '')('on a real Postgres', () => {
  test('30 registrations of one path at once give 30 versions without a gap', async () => {
    await registerThirtyAtOnce(inject('postgres'))
  })
})

test('a registration costs one round trip', async () => {
  const own = newClient()
  await own.register(minimal(newPath()))
  expect(await own.trips()).toBe(1)
})

test('a registration that is sent again after another has come stays what it was', async () => {
  const sql = connect(configOf(client.env))
  const path = newPath()
  const entry = {
    path,
    kind: 'Playbook',
    content: 'x',
    payload: {},
    digest: 'd',
    catalog_id: newId(),
  }
  const [first] = await rowsOf<RegisteredRow>(register(sql, entry, AUDIT))
  await client.register(minimal(path))
  const again = await rowsOf<RegisteredRow>(register(sql, entry, AUDIT))
  expect(again).toEqual([first])
  expect([first?.version, first?.created]).toEqual([1, true])
  expect(await versionsOf(path)).toEqual([2, 1])
  expect((await client.get(`/api/catalog/playbooks/search?q=${path}`)).body[0].version).toBe(2)
})

test('another kind is kept without a look at its workflow', async () => {
  const path = newPath()
  const { status, body } = await client.post(REGISTER, {
    content: `path: ${path}\nanything: [1]`,
    resource_type: 'Dataset',
  })
  expect([status, body.kind]).toEqual([200, 'Dataset'])
  const run = await client.post('/api/execute', { path })
  expect([run.status, run.body.detail]).toEqual([
    422,
    `'${path}' is a Dataset, not a playbook, and cannot be run`,
  ])
})

test('YAML is read as PyYAML reads it, but dates stay text', async () => {
  const path = newPath()
  const values = {
    'yes, No, on, off, y, N, ~': [true, false, true, false, 'y', 'N', null],
    '017, 0x1f, 0b11, 1_000, +5, 08, 08544': [15, 31, 3, 1000, 5, '08', '08544'],
    '1.5, -.5, 1.5e+3, 1e5, 12e04567, .inf': [1.5, -0.5, 1500, '1e5', '12e04567', 'Infinity'],
    '2026-01-02, 2026-01-02 03:04:05Z, 12:30': ['2026-01-02', '2026-01-02 03:04:05Z', 750],
    '"yes", !!str 5, !!int "5"': ['yes', '5', 5],
  }
  const workload = `workload: {x: 1, y: 2, v: [${Object.keys(values).join(', ')}]}`
  await client.post(REGISTER, { content: minimal(path, workload) })
  expect((await payloadOf(path)).workload).toEqual({ x: 1, y: 2, v: Object.values(values).flat() })
})

test('merge keys and aliases are written out', async () => {
  const path = newPath()
  const yaml = 'x-base: &b {a: 1, c: [x]}\nworkload: {<<: *b, a: 2, list: [*b, *b]}'
  await client.post(REGISTER, { content: minimal(path, yaml) })
  const base = { a: 1, c: ['x'] }
  expect((await payloadOf(path)).workload).toEqual({ a: 2, c: ['x'], list: [base, base] })
})

test('integers beyond 2^53, unicode and __proto__ survive', async () => {
  const path = newPath()
  const workload =
    'workload: {n: 9007199254740993, big: 123456789012345678901, "ключ 🔑": é, __proto__: {a: 1}}'
  await client.post(REGISTER, { content: minimal(path, workload) })
  const { text } = await client.get(`/api/catalog/playbook?playbook_id=${path}`)
  expect(text).toContain('"n":9007199254740993')
  expect(text).toContain('"big":123456789012345678901')
  expect(text).toContain('"ключ 🔑":"é"')
  expect(text).toContain('"__proto__":{"a":1}')
})
