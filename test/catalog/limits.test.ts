// What a registration may weigh, and what a hostile one cannot do.
import { expect, test } from 'vitest'
import { newClient, type Reply } from '../support.ts'

const client = newClient()
const REGISTER = '/api/catalog/register'
const MEBIBYTE = 1_048_576
let paths = 0

/** A playbook whose text is exactly so many bytes long. */
function ofBytes(bytes: number): string {
  const head = `path: test/limits/${Date.now()}-${++paths}\nworkflow: [{step: start}]\nx-note: é`
  return head + 'x'.repeat(bytes - new TextEncoder().encode(head).byteLength)
}

function ofSteps(count: number): string {
  const steps = Array.from({ length: count - 1 }, (_, index) => `  - {step: s${index}}`)
  return `path: test/limits/${Date.now()}-${++paths}\nworkflow:\n  - step: start\n${steps.join('\n')}`
}

const register = (content: string) => client.post(REGISTER, { content })
const told = ({ status, body }: Reply) => [status, body.detail]

test('content of 1 MiB is taken, one byte more is not', async () => {
  expect((await register(ofBytes(MEBIBYTE))).status).toBe(200)
  expect(told(await register(ofBytes(MEBIBYTE + 1)))).toEqual([
    413,
    'the content is larger than 1048576 bytes',
  ])
})

test('a body of more than 2 MiB is refused unread', async () => {
  expect(told(await register(ofBytes(2 * MEBIBYTE)))).toEqual([
    413,
    'the body is larger than 2097152 bytes',
  ])
})

test('2,000 steps are taken and can be run, 2,001 are not', async () => {
  const { status, body } = await register(ofSteps(2_000))
  expect(status).toBe(200)
  const run = await client.post('/api/execute', { catalog_id: body.catalog_id })
  expect([run.status, run.body.status]).toEqual([200, 'completed'])
  expect(told(await register(ofSteps(2_001)))).toEqual([
    422,
    'line 3, column 3: more than 2000 steps',
  ])
})

test('aliases that multiply are refused, whether as values or merged', async () => {
  const level = (index: number, link: (name: string) => string) =>
    `a${index}: &a${index} ${link(
      Array(10)
        .fill(`*a${index - 1}`)
        .join(', '),
    )}`
  const bomb = (link: (name: string) => string) =>
    ['a0: &a0 {}', ...Array.from({ length: 9 }, (_, index) => level(index + 1, link))].join('\n')
  const refusal = [422, 'line 1, column 1: more than 4194304 characters with aliases expanded']
  expect(told(await register(bomb((names) => `[${names}]`)))).toEqual(refusal)
  expect(told(await register(bomb((names) => `{<<: [${names}]}`)))).toEqual(refusal)
  const long = `a: &a ${'x'.repeat(900_000)}\nb: [*a, *a, *a, *a, *a]`
  expect(told(await register(long))).toEqual(refusal)
})

test('an alias to nothing, or to what it stands in, is refused', async () => {
  expect(told(await register('a: *b\nb: &b 1'))).toEqual([
    422,
    "line 1, column 4: no anchor before it is called 'b'",
  ])
  expect(told(await register('a: &a\n  - *a'))).toEqual([
    422,
    "line 2, column 5: 'a' is what it stands in",
  ])
})

test('what nests too deeply is refused, however deep', async () => {
  const nested = (depth: number) => `a: ${'['.repeat(depth)}${']'.repeat(depth)}`
  expect(told(await register(nested(100)))).toEqual([
    422,
    'line 1, column 1: nested deeper than 60 levels',
  ])
  expect(told(await register(nested(20_000)))).toEqual([
    422,
    expect.stringContaining('not YAML: nested too deeply'),
  ])
})

test('thousands of keys take no quadratic time', async () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `x-k${index}: 1`).join('\n')
  expect(
    (await register(`path: test/limits/keys\nworkflow: [{step: start}]\n${keys}`)).status,
  ).toBe(200)
}, 3_000)

test('thousands of faults neither', async () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `urk${index}: 1`)
  const { status, body } = await register(`path: a\nworkflow: [{step: start}]\n${keys.join('\n')}`)
  expect([status, body.errors.length]).toEqual([422, 100])
  const inStep = `path: a\nworkflow:\n  - step: start\n    type: http\n    url: u\n    ${keys.join('\n    ')}`
  expect((await register(inStep)).body.detail).toContain('(and 9999 more)')
}, 3_000)

test('content with a NUL character is refused', async () => {
  const encoded = btoa('path: test/limits/nul\nworkflow: [{step: start}]\nx-note: "\0"')
  expect(told(await client.post(REGISTER, { content_base64: encoded }))).toEqual([
    422,
    'the content has a NUL character',
  ])
})

test('a NUL that YAML writes as an escape is replaced, as jsonb cannot hold it', async () => {
  const path = `test/limits/nul-${Date.now()}`
  await register(`path: ${path}\nworkflow: [{step: start}]\nworkload: {a: "x\\0y"}`)
  const { body } = await client.get(`/api/catalog/playbook?playbook_id=${path}`)
  expect(body.payload.workload).toEqual({ a: 'x\ufffdy' })
})

test('base64 that is none, or not of UTF-8, is refused', async () => {
  const refusal = [422, 'content_base64 is not base64 of UTF-8 text']
  expect(told(await client.post(REGISTER, { content_base64: 'a: b' }))).toEqual(refusal)
  expect(told(await client.post(REGISTER, { content_base64: btoa('\xff\xfe') }))).toEqual(refusal)
})

test('a registration without content is refused in the words of the original', async () => {
  const refusal = [422, 'The content or content_base64 must be provided.']
  expect(told(await client.post(REGISTER, {}))).toEqual(refusal)
  expect(told(await client.send('POST', REGISTER))).toEqual(refusal)
  expect(told(await client.post(REGISTER, { content: null, content_base64: null }))).toEqual(
    refusal,
  )
})

test('a body that is not JSON is malformed; an empty one has no content', async () => {
  const broken = await client.post(REGISTER, '{"content": ')
  expect([broken.status, broken.body.title]).toEqual([400, 'Malformed request'])
  expect(broken.body.detail).toContain('the body is not JSON: ')
  expect(told(await client.post(REGISTER, ' '))).toEqual([
    422,
    'The content or content_base64 must be provided.',
  ])
})

test('JSON of another shape is refused with pointers', async () => {
  for (const value of [[], '"text"', 'null', '1']) {
    expect((await client.post(REGISTER, value)).status).toBe(422)
  }
  const { status, body } = await client.post(REGISTER, { content: 5, resource_type: '../x' })
  expect(status).toBe(422)
  expect(body.errors).toEqual([
    { pointer: '/content', detail: expect.stringContaining('expected string') },
    { pointer: '/resource_type', detail: 'a word of at most 64 letters, digits, _ and -' },
  ])
})
