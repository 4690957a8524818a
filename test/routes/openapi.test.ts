// The API's own description: that it is in order, that it tells of every route, and that it tells the truth.

import { expect, test } from 'vitest'
import { EXAMPLE_ID } from '../../src/schema.ts'
import { declarations, declared, described, document } from './description.ts'
import { addressOf, type Bad, type Good } from './line.ts'
import { TABLE } from './table/index.ts'
import * as world from './world.ts'

/** Operations that NoETL does not have. */
const OURS: Readonly<Record<string, string>> = {
  'GET /api/notifications': 'whoever is told of an end wants to know what became of it',
  'GET /api/notifications/secret': 'receivers verify by it',
  'POST /api/notifications/{notification_id}/redrive': 'a receiver that was away for days is back',
  'GET /api/catalog/schema': 'editors complete playbooks by it, and say what is wrong',
  'GET /api/executions/{execution_id}/timeline': 'pages that show what took how long',
  'GET /api/executions/{execution_id}/graph': 'pages that show where a run stands',
  'GET /api/catalog/playbook/graph': 'the same before anything runs',
  'POST /api/executions/{execution_id}/pause': 'NoETL has a word for it, and nothing that pauses',
  'POST /api/executions/{execution_id}/resume': 'the same',
  'GET /api/stats': 'dashboards ask for a window of time, and for what to look at',
  'POST /api/executions/{execution_id}/cancel': 'stop, by the word that people look for',
  'GET /api/executions/{execution_id}/stream': 'who watches need not ask again and again',
  'GET /api/executions/{execution_id}/events.ndjson': 'a log of any length, for files',
  'GET /api/stream': 'a list that is shown stays true',
  'POST /api/hooks': 'webhooks start runs',
  'GET /api/hooks': 'the same',
  'GET /api/hooks/{name}': 'the same',
  'PATCH /api/hooks/{name}': 'the same',
  'DELETE /api/hooks/{name}': 'the same',
  'POST /api/hooks/{name}/rotate': 'a secret must be changeable without a gap',
  'GET /api/hooks/{name}/deliveries': 'what came, and what became of it',
  'GET /api/hooks/{name}/deliveries/{row_id}': 'the same',
  'POST /api/hooks/{name}/deliveries/{row_id}/redeliver':
    'what failed can be mended and taken again',
  'POST /hooks/{name}': 'where webhooks are delivered to',
  'POST /api/schedules': 'NoETL has no clock of its own',
  'GET /api/schedules': 'the same',
  'GET /api/schedules/{name}': 'the same',
  'PATCH /api/schedules/{name}': 'the same',
  'DELETE /api/schedules/{name}': 'the same',
  'POST /api/schedules/{name}/run': 'one need not wait to see what it does',
  'POST /api/queue/{queue_id}/redrive': 'a dead job is nothing to repair in the database by hand',
  'DELETE /api/credentials/{identifier}': 'what is not needed any more should not be kept',
  'POST /api/keys': 'NoETL has none: whoever reaches it may do everything',
  'GET /api/keys': 'the same',
  'DELETE /api/keys/{key_id}': 'the same',
  'GET /api/audit': 'who did it is asked when something is wrong',
  'POST /api/runtime/deregister': 'for those whose DELETE loses its body, as worker pools have it',
}

/** Problems that an operation declares and that no line of the table can bring about. */
const UNSHOWN: Readonly<Record<string, readonly string[]>> = {
  // what any operation may meet
  'POST /hooks/{name}': ['conflict', 'rate_limited', 'unavailable'],
  // too many at once change the same hook
  'PATCH /api/hooks/{name}': ['conflict'],
  'POST /api/hooks/{name}/rotate': ['conflict'],
  // deleted by another while its answer was lost
  'POST /api/credentials': ['conflict'],
  'POST /api/credentials/legacy': ['conflict'],
  // too many at once change the same playbook
  'PUT /api/catalog/playbook': ['conflict'],
  'PUT /api/catalog/playbook/content': ['conflict'],
  // too many at once change the same schedule
  'PATCH /api/schedules/{name}': ['conflict'],
  // runs that cannot be cancelled
  'DELETE /api/schedules/{name}': ['conflict'],
}

const operations = [...declarations.keys()].sort()
const linesOf = (on: string) => TABLE.filter((line) => line.on === on)
const goodOf = (on: string) => linesOf(on).filter((line): line is Good => 'reply' in line)
const badOf = (on: string) => linesOf(on).filter((line): line is Bad => 'code' in line)

test('it tells of every operation that is declared, and of no other', async () => {
  expect([...(await described()).keys()].sort()).toEqual(operations)
})

test('the table has every operation, and those that are not gone are described', () => {
  const gone = new Set(TABLE.filter((line) => 'code' in line && line.code === 'gone'))
  const inTable = new Set(TABLE.filter((line) => !gone.has(line)).map(({ on }) => on))
  expect([...inTable].sort()).toEqual(operations)
  for (const { on } of gone) expect(operations).not.toContain(on)
})

test('our own additions are there, and are no routes of NoETL', () => {
  for (const on of Object.keys(OURS)) {
    expect(operations).toContain(on)
    expect(linesOf(on).filter(({ was }) => was !== null)).toEqual([])
  }
})

test.each(operations)('%s has a good line, and a bad one where it can be asked wrongly', (on) => {
  const { query, body, errors = [] } = declared(on)
  expect(goodOf(on)).not.toEqual([])
  if (query || body || errors.length > 0) expect(badOf(on)).not.toEqual([])
})

test.each(operations)('%s: each problem of its declaration is shown', (on) => {
  const { query, body, errors = [] } = declared(on)
  const shown = new Set<string>(badOf(on).map(({ code }) => code))
  const unshown = UNSHOWN[on] ?? []
  const told = [...errors, ...(query || body ? ['invalid_input'] : [])]
  expect(told.filter((code) => !shown.has(code))).toEqual(unshown)
})

test('its references lead somewhere, and all it defines is used', async () => {
  const text = JSON.stringify(await document())
  const used = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref))
  const { schemas } = (await document()).components
  expect([...used].sort()).toEqual(
    Object.keys(schemas)
      .map((name) => `#/components/schemas/${name}`)
      .sort(),
  )
})

test('operationIds are unique, and words that a generator can use', async () => {
  const ids = [...(await described()).values()].map(({ operationId }) => operationId)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.filter((id) => !/^[a-z][a-z_]*$/.test(id))).toEqual([])
})

test.each(operations)('%s is described in full', async (on) => {
  const {
    summary,
    tags,
    parameters = [],
    requestBody,
    responses,
  } = (await described()).get(on) ?? fail(on)
  expect(summary).toMatch(/^[A-Z][^\n]{5,}[^.\n]$/)
  expect(tags).toHaveLength(1)

  const names = [...on.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  expect(inPath.map(({ name, required }) => [name, required])).toEqual(
    names.map((name) => [name, true]),
  )
  for (const { schema } of parameters) expect(schema).toBeDefined()

  const { body, query, scope, open = false, bodyOptional = false, mediaType } = declared(on)
  const { anyBody } = declared(on)
  expect(requestBody === undefined).toBe(body === undefined && anyBody === undefined)
  if (requestBody && body) {
    expect(requestBody.required).toBe(!bodyOptional)
    expect(requestBody.content['application/json']?.schema).toMatchObject({ type: 'object' })
  }

  const { 200: good, 202: accepted, 304: same, ...problems } = responses
  expect(good?.content[mediaType ?? 'application/json']?.schema).toBeDefined()
  expect(accepted === undefined).toBe(declared(on).accepted === undefined)
  expect(same !== undefined).toBe(declared(on).conditional ?? false)
  for (const { description, content } of Object.values(problems)) {
    expect(description).toMatch(/./)
    expect(content).toEqual({
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    })
  }
  const isReading = on.startsWith('GET ')
  const mayLack = !open && (!isReading || scope !== null)
  const any = open ? [] : ['401', ...(mayLack ? ['403'] : []), '503']
  const wrong = [...(query || body ? ['422'] : []), ...(body ? ['400', '413'] : [])]
  const own = badOf(on).flatMap(({ code }) => (code === 'not_found' ? ['404'] : []))
  expect(Object.keys(problems)).toEqual(expect.arrayContaining([...any, ...wrong, ...own]))
  if (!mayLack) expect(problems).not.toHaveProperty('403')
})

test('who needs which key is described, the scopes as roles', async () => {
  const { security, components } = await document()
  expect(security).toEqual([{ key: [] }, { basic: [] }])
  expect(components.securitySchemes).toMatchObject({
    key: { type: 'http', scheme: 'bearer' },
    basic: { type: 'http', scheme: 'basic' },
  })
  for (const [on, operation] of await described()) {
    const { scope, open = false } = declared(on)
    const roles = [scope ?? []].flat()
    const either = roles.flatMap((role) => [{ key: [role] }, { basic: [role] }])
    expect([on, operation.security]).toEqual([on, open ? [] : scope === null ? undefined : either])
  }
})

test('the examples work', async () => {
  const { path, content } = world.text()
  await world.running()
  const own = content.replace(path, 'examples/create_tables')
  await world.must('POST', '/api/catalog/register', { content: own })
  const examples = [...(await described())].flatMap(([on, { requestBody }]) => {
    if (!requestBody || declared(on).anyBody !== undefined) return []
    const { example } = requestBody.content['application/json'] ?? {}
    expect([on, typeof example]).toEqual([on, 'object'])
    return [{ on, example }]
  })
  expect(examples.length).toBeGreaterThan(10)
  for (const { on, example } of examples) {
    const needsPath = on.startsWith('PUT /api/catalog/playbook')
    const query = needsPath ? { playbook_id: 'examples/create_tables' } : {}
    expect(declared(on).body?.parse(example)).toBeDefined()
    // one about something that is there is made for nobody's id
    if (/\{((queue|execution)_id|name)\}/.test(on) || JSON.stringify(example).includes(EXAMPLE_ID))
      continue
    const [method, address] = addressOf(on, { query })
    const { status, text } = await world.client.send(method, address, example)
    expect([on, status], text).toEqual([on, 200])
  }
})

function fail(on: string): never {
  throw new Error(`${on} is not described`)
}
