// Every route that NoETL's clients call, in one table: what it answers, and what it refuses. The table
// tells NoETL's shapes and statuses; departures.ts tells where and why ours are others.
import { expect, test } from 'vitest'
import { idle, isExplained, unexplained } from './departures.ts'
import { asText, declarations, declared, described, schemaOf } from './description.ts'
import { addressOf, type Bad, type Good, PROBLEMS, type Sent } from './line.ts'
import { type Loose, looseness } from './looseness.ts'
import { differences } from './shape.ts'
import { TABLE } from './table/index.ts'
import { client } from './world.ts'

const nameOf = ({ on, as }: Good | Bad) => `${on}: ${as}`
const good = TABLE.flatMap((line) => ('reply' in line ? [[nameOf(line), line] as const] : []))
const bad = TABLE.flatMap((line) => ('code' in line ? [[nameOf(line), line] as const] : []))

async function send(on: string, sent: Sent) {
  const [method, address] = addressOf(on, sent)
  return client.send(method, address, sent.body, { headers: sent.headers ?? {} })
}

test('no line stands twice in the table', () => {
  const names = TABLE.map(nameOf)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

test.each(good)('%s', async (_name, line) => {
  const { sent, is } = await line.prepare()
  const trips = await client.trips()
  const reply = await send(line.on, sent)
  expect(reply.status, reply.text).toBe(line.status)
  if (line.on.startsWith('GET ')) expect((await client.trips()) - trips).toBeLessThanOrEqual(1)
  if (line.was !== null) expect(isExplained(line.on, line.was, 200)).toBe(true)

  const { mediaType = 'application/json' } = declared(line.on)
  expect(reply.headers.get('content-type')?.split(';')[0]).toBe(mediaType)
  const isJson = /[/+]json$/.test(mediaType)
  const body = isJson ? reply.body : reply.text
  expect(unexplained(line.on, differences(line.reply, body))).toEqual([])
  if (isJson) expect(body).toMatchObject(is ?? {})
  else for (const pattern of is as RegExp[]) expect(body).toMatch(pattern)
  await expectDescribed(line, sent, body)
  await expectConditional(line.on, sent, reply.headers.get('etag'))
})

/** Operations that have shown an ETag. */
const tagged = new Set<string>()

/** What has an ETag is not sent again to whoever has it. */
async function expectConditional(on: string, sent: Sent, etag: string | null) {
  if (etag === null) return
  tagged.add(on)
  const headers = { ...sent.headers, 'if-none-match': etag }
  const again = await send(on, { ...sent, headers })
  expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag])
}

/** What the schemas of replies leave open, as far as replies have shown. */
const loose: Record<Loose['may'], Set<string>> = {
  'be anything': new Set<string>(),
  'be missing': new Set<string>(),
  'have any keys': new Set<string>(),
}

/** The request and its reply are as the declaration says, and the document made of it, to the last key. */
async function expectDescribed({ on, status }: Good, { query = {}, body }: Sent, reply: unknown) {
  const { parameters = [] } = (await described()).get(on) ?? {}
  const names = parameters.flatMap((one) => (one.in === 'query' ? [one.name] : []))
  expect(names).toEqual(expect.arrayContaining(Object.keys(query)))
  if (body !== undefined && declared(on).body) {
    expect((await schemaOf(on, 'request'))?.parse(asText(body))).toBeDefined()
  }
  const { reply: good, acceptedReply = good } = declared(on)
  expect((status === 200 ? good : acceptedReply).parse(reply)).toEqual(reply)
  const schema = await schemaOf(on, status)
  expect(schema?.parse(reply)).toBeDefined()
  for (const { key, may } of schema ? looseness(schema, reply) : []) loose[may].add(key ?? on)
}

test.each(bad)('%s', async (_name, line) => {
  const sent = await line.prepare()
  const reply = await send(line.on, sent)
  const [status, title] = PROBLEMS[line.code]
  expect(reply.status, reply.text).toBe(status)
  if (line.was !== null) expect(isExplained(line.on, line.was, status)).toBe(true)
  expect(reply.headers.get('content-type')).toBe('application/problem+json')
  for (const [name, value] of Object.entries(line.headers ?? {}))
    expect(reply.headers.get(name)).toBe(value)
  const { errors, ...document } = reply.body
  expect(document).toEqual({
    type: `urn:noetl-edge:problem:${line.code}`,
    title,
    status,
    detail: line.detail instanceof RegExp ? expect.stringMatching(line.detail) : line.detail,
    instance: addressOf(line.on, sent)[1].split('?')[0],
    ...line.more,
  })
  expect(errors?.map(({ pointer }: { pointer: string }) => pointer)).toEqual(line.pointers)
  for (const { detail } of errors ?? []) expect(detail).toMatch(/./)
  if (line.code === 'gone') return
  expect((await described()).get(line.on)?.responses[status]?.description).toContain(title)
  expect((await schemaOf(line.on, status))?.parse(reply.body)).toBeDefined()
})

test('replies have ETags where it is declared, and nowhere else', () => {
  const conditional = [...declarations].flatMap(([on, { conditional }]) => (conditional ? on : []))
  expect([...tagged].sort()).toEqual(conditional.sort())
})

test('each departure is one, and a reply has shown it', () => {
  expect(idle()).toEqual([])
})

test('replies are described strictly, but for what users and workers fill', () => {
  const shown = (may: Loose['may']) => [...loose[may]].sort().join(' ')
  expect(shown('be anything')).toBe(
    'body context input_context labels layout meta metadata output_result rendered result results runtime',
  )
  expect(shown('have any keys')).toBe(
    'GET /api/catalog/schema GET /openapi.json POST /api/events context counts data detail headers parameters payload query runtime',
  )
  expect(shown('be missing')).toBe(
    'caller column drawn_secret errors faults labels line requestor result_omitted tenant waiting_for',
  )
})
