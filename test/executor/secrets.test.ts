import { neon } from '@neondatabase/serverless'
import { afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { newKeeper, type Reader, referenceTo } from '../../src/executor/secrets.ts'
import { ToolError } from '../../src/executor/tools/tool.ts'
import { Variables } from '../../src/settings.ts'
import { newClient, playbook } from '../support.ts'
import { oneStep } from './one-step.ts'

const ECHO = inject('echo')
const SECRET = 'hun"ter 2/ž&=+'
const FIELD = 'f1eld-of-a-credential'
const client = newClient({
  SECRETS_ALLOW: 'TOKEN SHORT EMPTY API_KEY DATABASE_URL ENCRYPTION_KEY',
  TOKEN: SECRET,
  SHORT: 'abc',
  OTHER: SECRET,
  API_KEY: 'a-key-of-16-chars-or-more',
})
const { ran, resultOf, errorOf } = oneStep(client, { type: 'secrets' })
const CREDENTIAL = `secrets-${Date.now()}`

beforeAll(async () => {
  const data = { user: 'u', token: FIELD, pin: 12345 }
  await client.post('/api/credentials', { name: CREDENTIAL, type: 'generic', data })
  await client.post('/api/credentials', { name: `${CREDENTIAL}-one`, data: { token: FIELD } })
})
afterEach(() => vi.restoreAllMocks())

/** Runs steps between start and end, the first of which reads the secret as `s`. */
async function runWith(steps: string, first = 'secret_name: TOKEN') {
  const yaml = playbook(`  - {step: start, next: s}
  - {step: s, type: secrets, ${first}, next: use}
${steps}
  - {step: end, result: {all: "{{ use }}"}}`)
  const id = await client.run(await client.register(yaml))
  return client.get(`/api/executions/${id}`)
}

/** Everything that is kept of an execution. */
async function keptOf(id: string): Promise<string> {
  const sql = neon(client.env.DATABASE_URL as string)
  const [row] = await sql`
    select (select string_agg(e::text, '') from noetl.event e where execution_id = ${id})
      || (select string_agg(q::text, '') from noetl.queue q where execution_id = ${id})
      || (select x::text from noetl.execution x where execution_id = ${id}) as kept`
  return row?.kept
}

describe('a secrets step', () => {
  test('has a reference in its result, not the secret', async () => {
    const result = await resultOf({ provider: 'env', secret_name: 'TOKEN' })
    expect(result).toEqual({
      secret_name: 'TOKEN',
      secret_value: expect.stringMatching(/^ne-secret\.[\w-]+\.[\w-]{43}$/),
    })
  })

  test('reads a field of a credential', async () => {
    const one = await resultOf({ provider: 'credential', key: `${CREDENTIAL}-one` })
    expect(one.secret_value).toMatch(/^ne-secret\./)
    const field = await resultOf({ provider: 'credential', key: CREDENTIAL, field: 'token' })
    expect(field.secret_value).not.toContain(FIELD)
  })

  test.each<[what: string, step: object, error: string]>([
    ['without a name', { secret_name: "{{ '' }}" }, 'a secrets step needs secret_name: NAME'],
    [
      'of one that steps may not read',
      { secret_name: 'OTHER' },
      "'OTHER' is not among the secrets that steps may read (SECRETS_ALLOW)",
    ],
    ['of one that is not there', { secret_name: 'EMPTY' }, "the Worker has no secret 'EMPTY'"],
    ...['API_KEY', 'DATABASE_URL', 'ENCRYPTION_KEY'].map((name): [string, object, string] => [
      `of ${name}, which is listed`,
      { secret_name: name },
      `'${name}' is a setting of the Worker itself, which no step may read`,
    ]),
    [
      'of one that could not be hidden',
      { secret_name: 'SHORT' },
      "the secret 'SHORT' is too short to be kept out of the log",
    ],
    [
      'of a provider elsewhere',
      { provider: 'google', project_id: 'p', secret_name: 'X' },
      "secrets of 'google' cannot be read here; the providers are env, a secret of the Worker, and credential",
    ],
    [
      'of a credential that is not there',
      { provider: 'credential', key: 'nobody' },
      "there is no credential 'nobody'",
    ],
    [
      'of a field that is not there',
      { provider: 'credential', key: CREDENTIAL, field: 'nothing' },
      `the credential '${CREDENTIAL}' has no field 'nothing'`,
    ],
    [
      'of a field that is not named',
      { provider: 'credential', key: CREDENTIAL },
      `which field of the credential '${CREDENTIAL}' is meant? field: NAME`,
    ],
  ])('%s fails', async (_what, step, error) => {
    expect(await errorOf(step)).toBe(error)
  })

  test('without a key to sign with says so', async () => {
    const bare = newClient({ SECRETS_ALLOW: 'TOKEN', TOKEN: SECRET, ENCRYPTION_KEY: undefined })
    const { errorOf: failing } = oneStep(bare, { type: 'secrets' })
    expect(await failing({ secret_name: 'TOKEN' })).toContain('ENCRYPTION_KEY is not set')
  })
})

describe('a reference in another step', () => {
  test('is sent as the secret, and comes back as ***', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch')
    const { body, text } = await runWith(`  - step: use
    type: http
    method: POST
    url: ${ECHO}/a
    params: {q: "{{ s.secret_value }}"}
    headers: {X-Key: "Token {{ s.secret_value | length }}", X-Path: "a"}
    data: {token: "{{ s.secret_value }}", text: "<{{ s.secret_value }}>", n: 1}
    next: end`)
    expect(body).toMatchObject({ status: 'COMPLETED', error: null })
    const [to, init] = fetched.mock.calls.find(([url]) => String(url).startsWith(`${ECHO}/a`)) ?? []
    expect(new URL(String(to)).searchParams.get('q')).toBe(SECRET)
    expect(JSON.parse(String(init?.body))).toEqual({ token: SECRET, text: `<${SECRET}>`, n: 1 })
    const { url, data } = body.result.all
    expect(url).toBe(`${ECHO}/a?q=***`)
    expect(data.query).toEqual({ q: '***' })
    expect(JSON.parse(data.body)).toEqual({ token: '***', text: '<***>', n: 1 })
    for (const kept of [text, await keptOf(body.id)]) {
      expect(kept).not.toContain('ter 2')
      expect(kept).not.toContain('ter%202')
      expect(kept).not.toContain('ter+2')
    }
  })

  test('may be what a step authenticates with', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch')
    const { body } = await runWith(
      `  - step: use
    type: http
    url: ${ECHO}/status/403
    auth: {type: bearer, inline: {token: "{{ s.secret_value }}"}}
    next: end`,
      `provider: credential, key: ${CREDENTIAL}, field: token`,
    )
    const [, init] = fetched.mock.calls.find(([url]) => String(url).includes('/status/403')) ?? []
    expect(new Headers(init?.headers).get('authorization')).toBe(`Bearer ${FIELD}`)
    expect(body.error).toMatch(/^HTTP 403 Forbidden: .*"Bearer \*\*\*"/)
    expect(await keptOf(body.id)).not.toContain(FIELD)
  })

  test('is the secret in SQL and its params, and *** in rows and errors', async () => {
    const dsn = 'postgres://test:test@db.localhost/noetl'
    const step = (command: string) => `  - step: use
    type: postgres
    auth: {inline: {dsn: "${dsn}"}}
    command: "${command}"
    params: {s: "{{ s.secret_value }}"}
    next: end`
    const { body } = await runWith(step('select :s as s, length(:s) as n'))
    expect(body.result.all.command_0.rows).toEqual([{ s: '***', n: SECRET.length }])
    const failed = await runWith(step('select :s::int'))
    expect(failed.body.error).toBe(
      'command_0: invalid input syntax for type integer: "***" (SQLSTATE 22P02)',
    )
    expect(await keptOf(failed.body.id)).not.toContain('ter 2')
  })

  test('that is a number comes back as *** too', async () => {
    const { body } = await runWith(
      `  - step: use
    type: postgres
    auth: {inline: {dsn: "postgres://test:test@db.localhost/noetl"}}
    command: "select :s::int as s, 1 as n"
    params: {s: "{{ s.secret_value }}"}
    next: end`,
      `provider: credential, key: ${CREDENTIAL}, field: pin`,
    )
    expect(body.result.all.command_0.rows).toEqual([{ s: '***', n: 1 }])
  })

  test('passes through a transform as it is', async () => {
    const { body } = await runWith(`  - step: use
    type: transform
    data: {again: "Bearer {{ s.secret_value }}"}
    next: end`)
    expect(body.result.all.again).toMatch(/^Bearer ne-secret\./)
  })

  test('is of no use to a child execution, which says so', async () => {
    const path = `test/secrets-child-${Date.now()}`
    await client.register(`metadata: {path: ${path}}
workload: {token: ""}
workflow:
  - {step: start, next: ask}
  - {step: ask, type: http, url: "${ECHO}/a", headers: {X-Token: "{{ workload.token }}"}}
`)
    const { body } = await runWith(`  - step: use
    type: playbook
    path: ${path}
    with: {token: "{{ s.secret_value }}"}
    next: end`)
    expect(body.error).toContain('a reference to a secret is not of this execution')
  })

  test('of another execution is refused', async () => {
    const { secret_value } = await resultOf({ secret_name: 'TOKEN' })
    const http = oneStep(client, { type: 'http', url: `${ECHO}/a` })
    const fetched = vi.spyOn(globalThis, 'fetch')
    const error = await http.errorOf({ headers: { 'X-A': secret_value } })
    expect(error).toContain('a reference to a secret is not of this execution')
    const forged = `ne-secret.${btoa('{"source":"env","name":"TOKEN"}').replaceAll('=', '')}.${'A'.repeat(43)}`
    expect(await http.errorOf({ data: { x: [forged] } })).toBe(error)
    expect(fetched.mock.calls.filter(([url]) => String(url).startsWith(`${ECHO}/a`))).toEqual([])
    const { text } = await ran({ secret_name: 'TOKEN' })
    expect(text).not.toContain(SECRET)
  })
})

describe('a keeper', () => {
  const reader = (execution_id: string, allowed = 'TOKEN'): Reader => ({
    config: Variables.parse({ ...client.env, SECRETS_ALLOW: allowed }),
    env: client.env,
    execution_id,
    credential: () => Promise.reject(new ToolError('none')),
  })
  const token = { source: 'env', name: 'TOKEN' } as const

  test('puts each secret in its place, as often as it is mentioned', async () => {
    const reference = await referenceTo(reader('7'), token)
    const { reveal } = newKeeper(reader('7'))
    const value = {
      a: [`x${reference}y${reference}`, null, 1],
      b: { c: reference },
      d: 'ne-secret.a.b',
    }
    expect(await reveal(value)).toEqual({
      a: [`x${SECRET}y${SECRET}`, null, 1],
      b: { c: SECRET },
      d: 'ne-secret.a.b',
    })
  })

  test('reads only what steps may read when it is used', async () => {
    const reference = await referenceTo(reader('7'), token)
    for (const [other, error] of [
      [reader('8'), 'not of this execution'],
      [reader('7', ''), 'SECRETS_ALLOW'],
    ] as const) {
      await expect(newKeeper(other).reveal({ a: reference })).rejects.toThrow(error)
    }
    // as it stands, or changed in any part
    const changed = reference.replace(/.$/, (end) => (end === 'A' ? 'E' : 'A'))
    await expect(newKeeper(reader('7')).reveal({ a: changed })).rejects.toThrow(ToolError)
  })

  test('takes secrets out of texts, keys and numbers, in each form that they come back in', () => {
    const { hide, redact } = newKeeper(reader('7'))
    hide(SECRET)
    hide('12345')
    hide('abc')
    const forms = [
      SECRET,
      encodeURIComponent(SECRET),
      new URL(`http://x/?${SECRET}`).search.slice(1),
      new URLSearchParams({ a: SECRET }).toString().slice(2),
      JSON.stringify(SECRET).slice(1, -1),
      btoa(String.fromCharCode(...new TextEncoder().encode(SECRET))),
    ]
    for (const form of forms) expect(redact(`<${form}> ${form}`)).toBe('<***> ***')
    expect(redact({ [SECRET]: [12345, 123456, '12345', true, null], a: 12345n })).toEqual({
      '***': ['***', 123456, '***', true, null],
      a: '***',
    })
    // what is shorter than that stands in too many words
    expect(redact('abc')).toBe('abc')
  })
})
