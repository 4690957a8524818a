import { expect, test } from 'vitest'
import { newClient } from './support.ts'

const KEY = 'a key of sixteen and more'
const LIST = '/api/executions?limit=1'
const closed = newClient({ ACCESS: undefined, API_KEY: KEY })
const open = newClient()

const withKey = (authorization: string) => ({ headers: { authorization } })
const told = ({ status, body }: { status: number; body: { detail: string } }) => [
  status,
  body.detail,
]

test('without a key in the settings everything but / and /health is refused', async () => {
  const keyless = newClient({ ACCESS: undefined })
  for (const path of [
    LIST,
    '/api/catalog/list',
    '/api/credentials',
    '/api/events/1',
    '/api/nothing',
  ]) {
    expect([path, ...told(await keyless.get(path))]).toEqual([
      path,
      503,
      'set API_KEY (or ACCESS=open on a machine of your own)',
    ])
  }
  expect((await keyless.post('/api/execute', { path: 'p' })).status).toBe(503)
  expect((await keyless.post('/api/events', {})).status).toBe(503)
  expect((await keyless.get('/health')).body).toEqual({ status: 'ok' })
  expect((await keyless.get('/')).status).toBe(200)
  expect(await keyless.trips()).toBe(0)
})

test('without the key, or with another one, a call is refused before anything else', async () => {
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: `Bearer ${KEY} x` },
    { authorization: `Bearer ${KEY.slice(1)}` },
    { authorization: `Basic ${btoa(KEY)}` },
    { authorization: KEY },
    { authorization: 'Bearer ' },
  ]) {
    const reply = await closed.send('GET', LIST, undefined, { headers })
    expect([headers, ...told(reply)]).toEqual([headers, 401, 'send the API key as a bearer token'])
    expect(reply.headers.get('www-authenticate')).toBe('Bearer')
    expect(reply.headers.get('content-type')).toBe('application/problem+json')
    expect(reply.text).not.toContain(KEY)
  }
  expect((await closed.post('/api/execute', '{ not json')).status).toBe(401)
  expect((await closed.get('/api/nothing')).status).toBe(401)
  expect(await closed.trips()).toBe(0)
})

test('with the key a call is answered, in any case of the scheme', async () => {
  for (const scheme of ['Bearer', 'bearer']) {
    const { status } = await closed.send('GET', LIST, undefined, withKey(`${scheme} ${KEY}`))
    expect(status).toBe(200)
  }
})

test('a key that is too short is no setting', async () => {
  const short = newClient({ ACCESS: undefined, API_KEY: 'short' })
  const reply = await short.send('GET', LIST, undefined, withKey('Bearer short'))
  expect(told(reply)).toEqual([503, 'missing or invalid settings: API_KEY'])
})

test('an unknown route is 404, as a problem document', async () => {
  for (const [method, path] of [
    ['GET', '/nothing'],
    ['GET', '/api/nothing'],
    ['DELETE', '/api/executions'],
    ['GET', '/api/executions/run/x/y'],
  ] as const) {
    const { status, headers, body } = await open.send(method, path)
    expect(status).toBe(404)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(body).toEqual({
      type: 'urn:noetl-edge:problem:not_found',
      title: 'Not found',
      status: 404,
      detail: `there is no ${method} ${path}`,
      instance: path,
    })
  }
})

test('faults of a body are listed in its problem document', async () => {
  const { status, body } = await open.post('/api/execute', { path: 1, merge: 2 })
  expect([status, body]).toEqual([
    422,
    {
      type: 'urn:noetl-edge:problem:invalid_input',
      title: 'Invalid input',
      status: 422,
      detail: expect.stringMatching(/^invalid body: \/path /),
      instance: '/api/execute',
      errors: [
        { pointer: '/path', detail: expect.any(String) },
        { pointer: '/merge', detail: expect.any(String) },
      ],
    },
  ])
})

test('a body that is too large is refused, whether it says its size or not', async () => {
  const large = `{"path": "${'x'.repeat(4 * 1_048_576)}"}`
  const refusal = [413, 'the body is larger than 4194304 bytes']
  expect(told(await open.post('/api/execute', large))).toEqual(refusal)
  const claimed = { headers: { 'content-length': '99999999' } }
  expect(told(await open.post('/api/execute', '{}', claimed))).toEqual(refusal)
})

test('misconfiguration is told by the names of settings and never by their values', async () => {
  const secret = 'hunter2'
  for (const [variables, detail] of [
    [{ DATABASE_URL: `mysql://u:${secret}@h/d` }, 'missing or invalid settings: DATABASE_URL'],
    [{ DATABASE_URL: undefined }, 'missing or invalid settings: DATABASE_URL'],
    [{ DATABASE_URL: `postgres://u:${secret}@[h/d` }, 'the database URL is not valid'],
    [{ DATABASE_URL: `postgres://u:${secret}@h` }, 'the database URL is not valid'],
    [
      { ENCRYPTION_KEY: secret, ACCESS: secret },
      'missing or invalid settings: ACCESS, ENCRYPTION_KEY',
    ],
  ] as const) {
    const wrong = newClient(variables)
    const { status, headers, body, text } = await wrong.get(LIST)
    expect([status, body.detail]).toEqual([503, detail])
    expect(headers.get('retry-after')).not.toBeNull()
    expect(text).not.toContain(secret)
    expect((await wrong.get('/health')).status).toBe(200)
  }
})

test('a database that refuses the Worker does not show in the reply', async () => {
  const stranger = newClient({ DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/nowhere' })
  const { status, text } = await stranger.get(LIST)
  expect(status).toBeGreaterThanOrEqual(500)
  expect(text).not.toMatch(/hunter2|nobody|nowhere|127\.0\.0\.1/)
})
