import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const ECHO = inject('echo')
const { ran, resultOf, errorOf } = oneStep(client, { type: 'http', url: `${ECHO}/a` })
let names = 0

afterEach(() => vi.restoreAllMocks())

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

  /** Headers and query that were sent; the reply has them without the secrets. */
  const sentWith = async (auth: unknown, step: object = {}) => {
    const fetched = vi.spyOn(globalThis, 'fetch')
    await resultOf({ auth, ...step })
    const [to, init] = fetched.mock.calls.find(([url]) => String(url).startsWith(`${ECHO}/a`)) ?? []
    vi.restoreAllMocks()
    const headers: Record<string, string> = Object.fromEntries(init?.headers as Headers)
    return { headers, query: Object.fromEntries(new URL(String(to)).searchParams) }
  }

  test('of type bearer is a bearer token', async () => {
    const { headers } = await sentWith(await credential('bearer', { token: SECRET }))
    expect(headers.authorization).toBe(`Bearer ${SECRET}`)
    const other = await sentWith(await credential('httpBearerAuth', { access_token: SECRET }))
    expect(other.headers.authorization).toBe(`Bearer ${SECRET}`)
  })

  test('of type basic is user and password, in UTF-8', async () => {
    const { headers } = await sentWith(await credential('basic', { user: 'ž', password: 'p:q' }))
    expect(atob(headers.authorization?.slice('Basic '.length) ?? '')).toBe('\xc5\xbe:p:q')
  })

  test('of type api_key is a header, or in the query', async () => {
    const inHeader = await credential('api_key', { key: 'X-Key', value: SECRET })
    expect((await sentWith(inHeader)).headers['x-key']).toBe(SECRET)
    const inQuery = await credential('api_key', { key: 'k', value: SECRET, in: 'query' })
    expect((await sentWith(inQuery)).query).toEqual({ k: SECRET })
  })

  test('of type header is all of its fields and nothing else', async () => {
    const data = { 'X-A': 'a', 'X-B': 'b', service: 'header', type: 'header' }
    expect((await sentWith(await credential('header', data))).headers).toEqual({
      'x-a': 'a',
      'x-b': 'b',
    })
  })

  test('of a type as other programs call it', async () => {
    const named = { name: 'X-Key', value: SECRET }
    expect((await sentWith(await credential('httpHeaderAuth', named))).headers).toEqual({
      'x-key': SECRET,
    })
    expect((await sentWith(await credential('httpQueryAuth', named))).query).toEqual({
      'X-Key': SECRET,
    })
    const basic = await credential('http-basic-auth', { user: 'u', password: 'p' })
    expect((await sentWith(basic)).headers.authorization).toBe(`Basic ${btoa('u:p')}`)
  })

  test('within the address is sent as a header, and shows nowhere', async () => {
    const url = ECHO.replace('//', '//us%20er:p%40ss-word@')
    const { body } = await ran({ url: `${url}/a` })
    expect(body.result).toMatchObject({ url: `${ECHO}/a` })
    expect(body.result.data.headers.authorization).toBe('Basic ***')
    const { headers } = await sentWith(undefined, { url: `${url}/a` })
    expect(headers.authorization).toBe(`Basic ${btoa('us er:p@ss-word')}`)
  })

  test('within the address is not in the log of a step that was rendered, however it ended', async () => {
    const to = (path: string) =>
      `workload: {to: "${ECHO.replace('//', '//user:pa55word@')}${path}"}`
    const keptOf = async (step: object, head: string) => {
      const { body } = await ran(step, head)
      const ends = body.events.filter(({ event_type }: { event_type: string }) =>
        ['action_completed', 'action_error', 'step_result'].includes(event_type),
      )
      expect(JSON.stringify([ends, body.error])).not.toContain('pa55')
      return ends.map(({ context }: { context: { task?: unknown } }) => context.task)
    }
    const url = '{{ workload.to }}'
    expect((await keptOf({ url }, to('/a')))[0]).toMatchObject({ url: `${ECHO}/a` })
    expect((await keptOf({ url }, to('/status/404')))[0]).toMatchObject({
      url: `${ECHO}/status/404`,
    })
    const unsound = 'workload: {to: "http://user:pa55w/ord@127.0.0.1/a"}'
    expect((await keptOf({ url }, unsound))[0]).toMatchObject({ url: '***@127.0.0.1/a' })
    const save = [{ storage: { type: 'http', endpoint: url } }, { storage: 'http', url }]
    expect(JSON.stringify(await keptOf({ url, save }, to('/a')))).toContain(`${ECHO}/a`)
  })

  test('is found in each form that a step may name it in', async () => {
    const name = await credential('generic', { token: SECRET })
    for (const auth of [
      { type: 'bearer', key: name },
      { type: 'bearer', credential: name },
      { source: 'credential', type: 'bearer', key: name },
      { api: { type: 'bearer', key: name } },
      { api: { source: 'credential', service: 'bearer', name } },
      { source: 'inline', type: 'bearer', fields: { token: SECRET } },
      { type: 'bearer', inline: { token: SECRET } },
    ]) {
      expect((await sentWith(auth)).headers.authorization).toBe(`Bearer ${SECRET}`)
    }
  })

  test('may be a secret of the Worker, if steps may read that', async () => {
    const variables = {
      SECRETS_ALLOW: 'TOKEN, BASIC, NOETL_SECRET_HIDDEN',
      TOKEN: SECRET,
      BASIC: JSON.stringify({ user: 'u', password: SECRET }),
      NOETL_SECRET_HIDDEN: SECRET,
      OTHER: SECRET,
    }
    const own = oneStep(newClient(variables), { type: 'http', url: `${ECHO}/a` })
    const sent = async (auth: object) => {
      const fetched = vi.spyOn(globalThis, 'fetch')
      const { text } = await own.ran({ auth })
      expect(text).not.toContain(SECRET)
      const [, init] = fetched.mock.calls.find(([url]) => String(url) === `${ECHO}/a`) ?? []
      vi.restoreAllMocks()
      return (init?.headers as Headers | undefined)?.get('authorization') ?? null
    }
    expect(await sent({ source: 'env', type: 'bearer', name: 'TOKEN' })).toBe(`Bearer ${SECRET}`)
    expect(await sent({ source: 'secret', type: 'bearer', name: 'hidden' })).toBe(
      `Bearer ${SECRET}`,
    )
    expect(await sent({ source: 'env', type: 'basic', name: 'BASIC' })).toBe(
      `Basic ${btoa(`u:${SECRET}`)}`,
    )
    for (const [name, type, error] of [
      ['OTHER', 'bearer', "'OTHER' is not among the secrets that steps may read (SECRETS_ALLOW)"],
      ['ENCRYPTION_KEY', 'bearer', "'ENCRYPTION_KEY' is a setting of the Worker itself"],
      ['TOKEN', 'basic', "the secret 'TOKEN' is to be a JSON object with the fields of basic"],
    ]) {
      expect(await own.errorOf({ auth: { source: 'env', type, name } })).toContain(error)
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
      // a server that repeats what it was sent, in a reply and in a refusal
      for (const path of ['a', 'status/401', 'bytes']) {
        const { text, body } = await ran({ auth, url: `${ECHO}/${path}` })
        expect(text).not.toContain(SECRET)
        const kept = await client.get(`/api/execution/data/${body.id}`)
        expect(kept.text).not.toContain(SECRET)
        const { data } = body.events.find(
          ({ result }: { result: { data?: { encoding?: string } } }) => result?.data?.encoding,
        )?.result.data ?? { data: '' }
        expect(atob(data)).not.toContain(SECRET)
      }
      expect((await ran({ auth, url: `${ECHO}/a` })).text).toContain('***')
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

  test('that a template leaves empty fails the step before anything is sent', async () => {
    const empty = 'auth is empty; name a credential, or leave it out'
    expect(await errorUnsent({ auth: '{{ none }}' })).toBe(empty)
    expect(await errorUnsent({ auth: "{{ '' }}" })).toBe(empty)
    expect(await errorUnsent({ credential: '{{ none }}' })).toBe(empty)
    expect(await errorUnsent({ auth: { source: 'credential', type: 'bearer' } })).toContain(
      'this form of auth is not known',
    )
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
