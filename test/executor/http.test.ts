import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { newClient, playbook } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const ECHO = inject('echo')
const { ran, resultOf, errorOf } = oneStep(client, { type: 'http', url: `${ECHO}/a` })
const JSON_TYPE = 'application/vnd.own+json; charset=utf-8'

afterEach(() => vi.restoreAllMocks())

/** What the server was asked, by a run that must succeed. */
const asked = async (step: object, head = '') => (await resultOf(step, head)).data

test('the result is the reply: status, headers, address, time and data', async () => {
  const { body } = await ran({ url: `${ECHO}/things?x=1`, data: { y: 2 } })
  expect(body.result).toEqual({
    status_code: 200,
    headers: expect.objectContaining({ 'content-type': 'application/json' }),
    url: `${ECHO}/things?x=1&y=2`,
    elapsed: expect.any(Number),
    data: expect.objectContaining({ method: 'GET', path: '/things', query: { x: '1', y: '2' } }),
  })
})

test('a reply that is not JSON is text', async () => {
  expect((await ran({ url: `${ECHO}/text` })).body.result.data).toBe('plain words')
})

describe('a request', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'is sent by %s',
    async (method) => {
      expect((await asked({ method: method.toLowerCase() })).method).toBe(method)
    },
  )

  test('is a GET of `endpoint` where nothing else is said', async () => {
    const { method, path, body } = await asked({ url: undefined, endpoint: ` ${ECHO}/e ` })
    expect([method, path, body]).toEqual(['GET', '/e', ''])
  })

  test('has data as its query on GET and DELETE, lists as repeated names', async () => {
    const data = { a: 1, b: ['x', 'y & z'], c: null, d: { e: 1 } }
    const { body } = await ran({ data, params: { p: true } })
    expect(body.result.url).toBe(
      `${ECHO}/a?p=true&a=1&b=x&b=y+%26+z&c=&d=${encodeURIComponent('{"e":1}')}`,
    )
    expect((await asked({ method: 'DELETE', data: { a: 1 } })).query).toEqual({ a: '1' })
  })

  test('has data as JSON in its body otherwise', async () => {
    const data = { n: 1, l: [true, null], s: 'ž"\n' }
    const { body, headers } = await asked({ method: 'POST', data })
    expect(JSON.parse(body)).toEqual(data)
    expect(headers['content-type']).toBe('application/json')
    expect((await asked({ method: 'POST', data: [1, 2] })).body).toBe('[1,2]')
    expect((await asked({ method: 'POST', payload: { p: 1 } })).body).toBe('{"p":1}')
    expect((await asked({ method: 'POST', data: null })).body).toBe('')
  })

  test('has data.query and data.body where data says so', async () => {
    const { query, body } = await asked({
      method: 'PUT',
      data: { query: { q: 1 }, body: { b: 2 } },
    })
    expect([query, body]).toEqual([{ q: '1' }, '{"b":2}'])
    expect((await asked({ data: { query: { q: 1 } } })).query).toEqual({ q: '1' })
  })

  test('has a text body as it is', async () => {
    const headers = { 'Content-Type': 'application/xml' }
    const { body, headers: sent } = await asked({
      method: 'POST',
      headers,
      data: { body: '<a>ž</a>' },
    })
    expect([body, sent['content-type']]).toEqual(['<a>ž</a>', 'application/xml'])
  })

  test('has a form in its body when its content type says so', async () => {
    const data = { a: 'x y', b: 1 }
    const form = { 'Content-Type': 'Application/X-WWW-Form-URLEncoded; charset=utf-8' }
    expect((await asked({ method: 'POST', headers: form, data })).body).toBe('a=x+y&b=1')
    const multipart = await asked({
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data' },
      data,
    })
    const boundary = /boundary=(.+)$/.exec(multipart.headers['content-type'])?.[1]
    expect(multipart.body).toContain(`--${boundary}`)
    expect(multipart.body).toMatch(/name="a"\r\n\r\nx y\r\n/)
  })

  test('has files in a form that says so', async () => {
    const { body, headers } = await asked({
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data' },
      data: {
        tags: ['a', 'b'],
        plain: { filename: 'no file' },
        text: { filename: 'ž.txt', content: 'words', content_type: 'text/plain' },
        bytes: { filename: 'b.bin', content_b64: btoa('\x01\x02') },
        json: { filename: 'c.json', content: { n: 1 } },
      },
    })
    const boundary = /boundary=(.+)$/.exec(headers['content-type'])?.[1]
    const parts = body.split(`--${boundary}`).slice(1, -1)
    expect(parts.map((part: string) => part.trim().split('\r\n')).sort()).toEqual(
      [
        ['Content-Disposition: form-data; name="tags"', '', 'a'],
        ['Content-Disposition: form-data; name="tags"', '', 'b'],
        ['Content-Disposition: form-data; name="plain"', '', '{"filename":"no file"}'],
        [
          'Content-Disposition: form-data; name="text"; filename="ž.txt"',
          'Content-Type: text/plain',
          '',
          'words',
        ],
        ...[
          ['bytes', 'b.bin', '\x01\x02'],
          ['json', 'c.json', '{"n":1}'],
        ].map(([name, filename, content]) => [
          `Content-Disposition: form-data; name="${name}"; filename="${filename}"`,
          'Content-Type: application/octet-stream',
          '',
          content,
        ]),
      ].sort(),
    )
  })

  test('has the fields of a form that are lists once for each item', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { body } = await asked({ method: 'PUT', headers, data: { a: [1, 'b c'], d: { e: 1 } } })
    expect(body).toBe('a=1&a=b+c&d=%7B%22e%22%3A1%7D')
  })

  test('has the headers of the step', async () => {
    const { headers } = await asked({ headers: { 'X-One': 'a', 'X-Two': 2, 'User-Agent': 'own' } })
    expect(headers).toMatchObject({ 'x-one': 'a', 'x-two': '2', 'user-agent': 'own' })
  })

  test('is rendered with the native types of what a step before gave', async () => {
    const yaml = playbook(
      `  - {step: start, next: one}
  - step: one
    type: http
    url: ${ECHO}/one
    data: {n: 5}
    next: {step: two, when: "one.status_code == 200", data: {passed: "{{ one.data.query }}"}}
  - step: two
    type: http
    method: POST
    url: "${ECHO}/{{ one.data.path[1:] }}"
    headers: {X-Run: "{{ execution_id }}"}
    data: {whole: "{{ one.data.query }}", code: "{{ one.status_code }}", text: "n={{ one.data.query.n }}", passed: "{{ passed }}", list: "{{ workload.list }}"}
    next: end
  - {step: end}`,
      'workload: {list: [1, {a: null}]}',
    )
    const id = await client.run(await client.register(yaml))
    const { body } = await client.get(`/api/executions/${id}`)
    expect(body.error).toBeNull()
    const { path, headers, body: sent } = body.result.data
    expect([path, headers['x-run']]).toEqual(['/one', id])
    expect(JSON.parse(sent)).toEqual({
      whole: { n: '5' },
      code: 200,
      text: 'n=5',
      passed: { n: '5' },
      list: [1, { a: null }],
    })
  })
})

describe('JSON with integers beyond 2^53', () => {
  test('survives on the way out and back', async () => {
    const { text } = await ran(
      { method: 'POST', data: { n: '{{ workload.n }}' } },
      'workload: {n: 9007199254740993}',
    )
    expect(text).toContain('{\\"n\\":9007199254740993}')
    const { fetch } = globalThis
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (to, init) =>
      String(to).endsWith('/big-integer')
        ? new Response('{"n": 9007199254740993}', { headers: { 'content-type': JSON_TYPE } })
        : fetch(to, init),
    )
    const back = await ran({ url: `${ECHO}/big-integer` })
    expect(back.text).toMatch(/"n" ?: ?9007199254740993\}/)
  })
})

describe('a failure', () => {
  test('is any status but 2xx, and keeps the reply', async () => {
    const { body } = await ran({ url: `${ECHO}/status/503`, data: { a: 1 } })
    expect(body).toMatchObject({
      status: 'FAILED',
      error: expect.stringMatching(/^HTTP 503 Service Unavailable: \{"method":"GET"/),
    })
    const error = body.events.find(
      (event: { event_type: string }) => event.event_type === 'action_error',
    )
    expect(error).toMatchObject({ status: 'FAILED', error: body.error })
    expect(error.result).toMatchObject({
      status: 'error',
      data: { status_code: 503, url: `${ECHO}/status/503?a=1`, data: { query: { a: '1' } } },
    })
    expect((await ran({ url: `${ECHO}/status/404` })).body.error).toMatch(/^HTTP 404 Not Found: /)
    expect((await ran({ url: `${ECHO}/status/201` })).body.status).toBe('COMPLETED')
  })

  test('is a reply that takes longer than the timeout', async () => {
    const startedAt = Date.now()
    const { host } = new URL(ECHO)
    expect(await errorOf({ url: `${ECHO}/slow/8000`, timeout: 1 })).toBe(
      `no reply from ${host} within 1 s`,
    )
    expect(Date.now() - startedAt).toBeLessThan(4_000)
  })

  test('is a host that does not answer', async () => {
    expect(await errorOf({ url: 'http://127.0.0.1:1/x?secret=1' })).toBe(
      'no reply from 127.0.0.1:1',
    )
  })

  test.each<[what: string, step: object, error: string]>([
    ['an address that is none', { url: 'not a url' }, 'url is not an http or https address'],
    [
      'an address of another kind',
      { url: 'file:///etc/passwd' },
      'url is not an http or https address',
    ],
    ['an address that is no text', { url: '{{ 5 }}' }, 'url is not an http or https address'],
    ['an unknown method', { method: "{{ 'FETCH' }}" }, "unknown method 'FETCH'"],
    ['headers that are no mapping', { headers: '{{ [1] }}' }, 'headers is a mapping'],
    ['a header with a line break', { headers: { 'X-A': 'a\nb' } }, "'X-A' is not a valid header"],
    ['a GET with a body', { data: { body: { a: 1 } } }, 'a GET has no body'],
    ['a query that is no mapping', { data: 'a=1' }, 'data is a mapping'],
    [
      'a form that is no mapping',
      { method: 'POST', headers: { 'content-type': 'multipart/form-data' }, data: [1] },
      'the body of a form is a mapping',
    ],
    [
      'a file that is not base64',
      {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data' },
        data: { f: { filename: 'f', content_b64: '*' } },
      },
      "content_b64 of 'f' is not base64",
    ],
  ])('is %s', async (_what, step, error) => {
    expect(await errorOf(step)).toBe(error)
  })
})
