import { describe, expect, test } from 'vitest'
import { newClient } from '../support.ts'

const KEY = 'a key of sixteen and more'
const REFUSAL = 'send an API key as a bearer token, or by Basic as the password'
const LIST = '/api/executions?limit=1'
const closed = newClient({ ACCESS: undefined, API_KEY: KEY })
const open = newClient()

const withKey = (authorization: string) => ({ headers: { authorization } })
const told = ({ status, body }: { status: number; body: { detail: string } }) => [
  status,
  body.detail,
]

test('without a key in the settings everything but /health is refused', async () => {
  const keyless = newClient({ ACCESS: undefined })
  for (const path of [
    '/',
    '/docs',
    '/openapi.json',
    LIST,
    '/api/catalog/list',
    '/api/credentials',
    '/api/events/1',
    '/api/nothing',
  ]) {
    expect([path, ...told(await keyless.get(path))]).toEqual([path, 401, REFUSAL])
  }
  expect((await keyless.post('/api/execute', { path: 'p' })).status).toBe(401)
  expect((await keyless.post('/api/events', {})).status).toBe(401)
  expect((await keyless.get('/health')).body).toEqual({ status: 'ok' })
  expect(await keyless.trips()).toBe(0)
})

test('without the key, or with another one, a call is refused before anything else', async () => {
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: `Bearer ${KEY} x` },
    { authorization: `Bearer ${KEY.slice(1)}` },
    { authorization: `Basic ${btoa(`${KEY}:`)}` },
    { authorization: `Basic ${btoa(`${KEY}:x`)}` },
    { authorization: 'Basic !' },
    { authorization: KEY },
    { authorization: 'Bearer ' },
  ]) {
    const reply = await closed.send('GET', LIST, undefined, { headers })
    expect([headers, ...told(reply)]).toEqual([headers, 401, REFUSAL])
    expect(reply.headers.get('www-authenticate')).toBe('Bearer')
    expect(reply.headers.get('content-type')).toBe('application/problem+json')
    expect(reply.text).not.toContain(KEY)
  }
  expect((await closed.post('/api/execute', '{ not json')).status).toBe(401)
  expect((await closed.get('/api/nothing')).status).toBe(401)
  expect(await closed.trips()).toBe(0)
})

test('what has the form of a key and an id that none can have is refused like any other', async () => {
  for (const id of ['9999999999999999999', '0']) {
    const reply = await closed.send(
      'GET',
      LIST,
      undefined,
      withKey(`Bearer ne_${id}_${'x'.repeat(43)}`),
    )
    expect(told(reply)).toEqual([401, REFUSAL])
  }
})

test('with the key a call is answered, in any case of the scheme', async () => {
  for (const scheme of ['Bearer', 'bearer']) {
    const { status } = await closed.send('GET', LIST, undefined, withKey(`${scheme} ${KEY}`))
    expect(status).toBe(200)
  }
})

test('without keys, only this machine is let in, by whatever name it is called', async () => {
  for (const host of ['localhost:8787', '127.0.0.1', '[::1]:1', 'x.localhost']) {
    expect((await open.fetch(`http://${host}${LIST}`)).status).toBe(200)
  }
  for (const host of [
    'evil.example',
    '10.0.0.1',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ]) {
    const reply = await open.fetch(`http://${host}${LIST}`)
    expect([host, reply.status]).toEqual([host, 403])
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

test('a known path with another method says which it takes', async () => {
  const { status, headers, body } = await open.send('DELETE', '/api/events')
  expect([status, headers.get('allow'), body.title]).toEqual([405, 'POST', 'Method not allowed'])
  expect((await open.send('PUT', '/api/executions/run')).headers.get('allow')).toBe('GET, POST')
})

test('the key may be the password of Basic, as in a URL', async () => {
  const basic = withKey(`Basic ${btoa(`worker:${KEY}`)}`)
  expect((await closed.send('GET', LIST, undefined, basic)).status).toBe(200)
  const { headers } = await closed.send('GET', '/docs', undefined, {
    headers: { accept: 'text/html' },
  })
  expect(headers.get('www-authenticate')).toBe('Basic realm="noetl-edge"')
})

describe('pages of other origins', () => {
  const UI = 'https://ui.example.org'
  const shared = newClient({ CORS_ORIGINS: `https://a.example.org, ${UI}` })
  const from = (origin: string, extra = {}) => ({ headers: { origin, ...extra } })

  test('may call when they are named', async () => {
    const reply = await shared.send('GET', LIST, undefined, from(UI))
    expect(reply.headers.get('access-control-allow-origin')).toBe(UI)
    expect(reply.headers.get('access-control-expose-headers')).toContain('X-Next-Cursor')
    expect((await shared.send('POST', '/api/execute', {}, from(UI))).status).toBe(422)
    const preflight = await shared.send(
      'OPTIONS',
      '/api/execute',
      undefined,
      from(UI, { 'access-control-request-method': 'POST' }),
    )
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(UI)
    // an error is for them to read as well
    const missing = await shared.send('GET', '/api/executions/1', undefined, from(UI))
    expect(missing.headers.get('access-control-allow-origin')).toBe(UI)
  })

  test('may neither read nor write when they are not', async () => {
    for (const origin of ['https://evil.example', 'null', `${UI}.evil.example`]) {
      const read = await shared.send('GET', LIST, undefined, from(origin))
      expect(read.headers.get('access-control-allow-origin')).toBeNull()
      const write = await shared.send('POST', '/api/execute', {}, from(origin))
      expect([origin, write.status]).toEqual([origin, 403])
    }
    expect((await open.send('POST', '/api/execute', {}, from(UI))).status).toBe(403)
    expect(
      (await open.send('POST', '/api/execute', {}, from('http://edge.localhost'))).status,
    ).toBe(422)
  })

  test('are named as origins', async () => {
    const wrong = newClient({ CORS_ORIGINS: 'https://ui.example.org/path' })
    expect(told(await wrong.get(LIST))).toEqual([503, 'missing or invalid settings: CORS_ORIGINS'])
  })
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
