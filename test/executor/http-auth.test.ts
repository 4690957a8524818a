import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const ECHO = inject('echo')
const { ran, resultOf, errorOf } = oneStep(client, { type: 'http', url: `${ECHO}/a` })
let names = 0

afterEach(() => vi.restoreAllMocks())

/** What the server was asked, by a run that must succeed. */
const asked = async (step: object, head = '') => (await resultOf(step, head)).data

/** The error of a run that must fail and must send nothing. */
async function errorUnsent(step: object): Promise<string> {
  const fetched = vi.spyOn(globalThis, 'fetch')
  const error = await errorOf({ ...step, url: `${ECHO}/unsent` })
  const sent = fetched.mock.calls.filter(([to]) => String(to).endsWith('/unsent'))
  expect(sent).toEqual([])
  expect(fetched).toHaveBeenCalled()
  return error
}

/** Creates a credential; answers its name. */
async function credential(type: string, data: object): Promise<string> {
  const name = `http-${Date.now()}-${++names}`
  await client.post('/api/credentials', { name, type, data })
  return name
}

describe('a credential', () => {
  const SECRET = 'hunter2-secret'

  /** Headers and query that the server saw. */
  const sentWith = async (auth: unknown) => {
    const { headers, query } = await asked({ auth })
    return { headers, query }
  }

  test('of type bearer is a bearer token', async () => {
    const { headers } = await sentWith(await credential('bearer', { token: SECRET }))
    expect(headers.authorization).toBe(`Bearer ${SECRET}`)
    const other = await sentWith(await credential('httpBearerAuth', { access_token: SECRET }))
    expect(other.headers.authorization).toBe(`Bearer ${SECRET}`)
  })

  test('of type basic is user and password, in UTF-8', async () => {
    const { headers } = await sentWith(await credential('basic', { user: 'ž', password: 'p:q' }))
    expect(atob(headers.authorization.slice('Basic '.length))).toBe('\xc5\xbe:p:q')
  })

  test('of type api_key is a header, or in the query', async () => {
    const inHeader = await credential('api_key', { key: 'X-Key', value: SECRET })
    expect((await sentWith(inHeader)).headers['x-key']).toBe(SECRET)
    const inQuery = await credential('api_key', { key: 'k', value: SECRET, in: 'query' })
    expect((await sentWith(inQuery)).query).toEqual({ k: SECRET })
  })

  test('of type header is all of its fields and nothing else', async () => {
    const { headers } = await sentWith(await credential('header', { 'X-A': 'a', 'X-B': 'b' }))
    expect(headers).toMatchObject({ 'x-a': 'a', 'x-b': 'b' })
    expect(headers.service).toBeUndefined()
  })

  test('is found in each form that a step may name it in', async () => {
    const name = await credential('generic', { token: SECRET })
    for (const auth of [
      { type: 'bearer', key: name },
      { type: 'bearer', credential: name },
      { source: 'credential', type: 'bearer', key: name },
      { api: { type: 'bearer', key: name } },
      { source: 'inline', type: 'bearer', fields: { token: SECRET } },
      { type: 'bearer', inline: { token: SECRET } },
    ]) {
      expect((await sentWith(auth)).headers.authorization).toBe(`Bearer ${SECRET}`)
    }
  })

  test('shows in no event and no address', async () => {
    for (const auth of [
      await credential('bearer', { token: SECRET }),
      await credential('api_key', { key: 'k', value: SECRET, in: 'query' }),
      await credential('header', { 'X-A': SECRET }),
    ]) {
      const { body, text } = await ran({ auth, url: `${ECHO}/text?a=1` })
      expect(body.result).toMatchObject({ data: 'plain words', url: `${ECHO}/text?a=1` })
      expect(text).not.toContain(SECRET)
      expect((await ran({ auth, url: 'http://127.0.0.1:1/' })).text).not.toContain(SECRET)
    }
  })

  test.each<[what: string, type: string, data: object, error: string]>([
    [
      'of an unknown type',
      'kerberos',
      { token: 't' },
      "a credential of type 'kerberos' does not say how http sends it",
    ],
    ['without its token', 'bearer', { value: 't' }, 'the bearer credential lacks token'],
    ['without its password', 'basic', { username: 'u' }, 'the basic credential lacks password'],
    ['that is no header', 'header', { 'X Y': 'z' }, "'X Y' is not a valid header"],
    [
      'that breaks out of its header',
      'header',
      { 'X-Y': 'z\r\nX-Z: 1' },
      "'X-Y' is not a valid header",
    ],
  ])('%s fails the step before anything is sent', async (_what, type, data, error) => {
    const auth = await credential(type, data)
    expect(await errorUnsent({ auth })).toBe(error)
  })

  test('that is not there fails the step before anything is sent', async () => {
    expect(await errorUnsent({ auth: 'nobody' })).toBe("there is no credential 'nobody'")
  })
})

test('an undefined name in a template fails the step before anything is sent', async () => {
  expect(await errorUnsent({ headers: { 'X-A': '{{ nothing.here }}' } })).toBe(
    "template: 'nothing' is undefined in {{ nothing.here }} at /headers/X-A",
  )
})
