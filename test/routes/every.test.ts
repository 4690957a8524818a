// What every operation does, whatever it is for.
import { expect, test } from 'vitest'
import { newClient } from '../support.ts'
import { declarations, declared } from './description.ts'
import { addressOf, PROBLEMS } from './line.ts'
import { TABLE } from './table/index.ts'
import { client } from './world.ts'

const operations = [...declarations.keys()]
const withBody = operations.filter((on) => declared(on).body !== undefined)
const writing = operations.filter((on) => !on.startsWith('GET ') && !declared(on).open)

/** The operation asked for anything. */
const askedOf = (on: string) => addressOf(on.replace(/\{\w+\}/g, 'x'), {})

const problemOf = (code: keyof typeof PROBLEMS, instance: string) => ({
  type: `urn:noetl-edge:problem:${code}`,
  title: PROBLEMS[code][1],
  status: PROBLEMS[code][0],
  detail: expect.stringMatching(/./),
  instance,
})

const closed = newClient({ ACCESS: 'key', API_KEY: 'k'.repeat(16) })

test.each(operations)('%s needs the key', async (on) => {
  const [method, address] = askedOf(on)
  const { status, body } = await closed.send(method, address)
  if (declared(on).open) expect(status).not.toBe(401)
  else expect(body).toEqual(problemOf('unauthorized', address))
})

test.each(writing)('%s is not for pages of other origins', async (on) => {
  const [method, address] = askedOf(on)
  const headers = { origin: 'https://elsewhere.test' }
  const { body } = await client.send(method, address, undefined, { headers })
  expect(body).toEqual(problemOf('forbidden', address))
})

test.each([...new Set(operations.map((on) => on.split(' ')[1] ?? ''))])(
  '%s tells which methods it takes',
  async (path) => {
    const other = operations.includes(`PATCH ${path}`) ? 'PUT' : 'PATCH'
    const [method, address] = askedOf(`${other} ${path}`)
    const { headers, body } = await client.send(method, address)
    expect(body).toEqual(problemOf('method_not_allowed', address))
    const methods = operations.filter((on) => on.endsWith(` ${path}`)).map((on) => on.split(' ')[0])
    expect(headers.get('allow')?.split(', ')).toEqual(expect.arrayContaining(methods))
  },
)

test.each(withBody)('%s takes JSON only, and not too much of it', async (on) => {
  const { query, bodyOptional = false } = declared(on)
  // what is wrong with the query is told first
  const { query: asked = {} } = query ? await sentTo(on) : {}
  const [method, address] = addressOf(on.replace(/\{\w+\}/g, 'x'), { query: asked })
  const instance = address.split('?')[0] ?? ''
  const malformed = await client.send(method, address, '{"a":')
  expect(malformed.body).toEqual(problemOf('malformed', instance))
  if (!bodyOptional) expect((await client.send(method, address)).status).toBe(400)
  const headers = { 'content-length': '99999999' }
  const { body } = await client.send(method, address, '{}', { headers })
  expect(body).toEqual(problemOf('too_large', instance))
})

/** A request of the table to an operation. */
async function sentTo(on: string) {
  for (const line of TABLE)
    if (line.on === on && 'reply' in line) return (await line.prepare()).sent
  throw new Error(`nothing is sent to ${on}`)
}

/** Good requests that need no database. */
const WITHOUT_DATABASE = [
  'GET /: good',
  'GET /api/catalog/schema: good',
  'GET /api/events/summary/{execution_id}: of an id that is none',
  'GET /docs: good',
  'GET /health: good',
  'GET /openapi.json: good',
  'POST /api/catalog/playbooks/validate: good',
  'POST /api/catalog/playbooks/validate: what is no playbook',
  'POST /api/worker/pool/heartbeat: without a name',
  'POST /api/workflow/config: without an execution',
]

test('a database that is away is a 503, wherever one is needed', async () => {
  const away = newClient()
  await away.faults({ rate: 1, kinds: ['http_500'], seed: 1 })
  const good = TABLE.flatMap((line) => ('reply' in line ? [line] : []))
  const answers = []
  for (const line of good) {
    const { sent } = await line.prepare()
    const [method, address] = addressOf(line.on, sent)
    answers.push(
      away
        .send(method, address, sent.body, { headers: sent.headers ?? {} })
        .then(({ status, headers }) => ({
          name: `${line.on}: ${line.as}`,
          status,
          retryAfter: headers.get('retry-after'),
        })),
    )
  }
  const all = await Promise.all(answers)
  expect(
    all
      .filter(({ status }) => status < 300)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(WITHOUT_DATABASE)
  expect(
    all.filter(
      ({ status, retryAfter }) => status >= 300 && !(status === 503 && retryAfter === '5'),
    ),
  ).toEqual([])
})
