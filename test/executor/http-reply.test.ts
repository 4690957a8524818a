import { describe, expect, inject, test } from 'vitest'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const ECHO = inject('echo')
const { ran, resultOf, errorOf } = oneStep(client, { type: 'http', url: ECHO })

/** The address of a page of these bytes. */
function page(bytes: string | number[], type: string | null, status = 200): string {
  const text =
    typeof bytes === 'string'
      ? String.fromCharCode(...new TextEncoder().encode(bytes))
      : String.fromCharCode(...bytes)
  const query = new URLSearchParams({ base64: btoa(text), ...(type !== null && { type }) })
  return `${ECHO}/page/${status}?${query}`
}

const replyOf = async (bytes: string | number[], type: string | null) => {
  const { data, encoding } = await resultOf({ url: page(bytes, type) })
  return encoding === undefined ? data : { data, encoding }
}

describe('a reply', () => {
  test.each<[what: string, bytes: string | number[], type: string | null, data: unknown]>([
    ['JSON', '{"a": [1, null]}', 'application/json', { a: [1, null] }],
    ['JSON of a kind', '[1]', 'application/problem+json; charset=UTF-8', [1]],
    ['JSON with a mark at its begin', '\ufeff[1]', 'application/json', [1]],
    ['JSON that is none', '{"a"', 'application/json', '{"a"'],
    ['JSON that nests too deep', '['.repeat(300), 'application/json', '['.repeat(300)],
    ['no JSON, though it looks so', '{}', 'text/plain', '{}'],
    ['lines of JSON', '{}\n{}\n', 'application/x-ndjson', '{}\n{}\n'],
    ['XML', '<a>ž</a>', 'application/atom+xml', '<a>ž</a>'],
    ['a picture of text', '<svg/>', 'image/svg+xml', '<svg/>'],
    ['text in Latin-1', [0xe9, 0x20, 0x80], 'text/html; charset=ISO-8859-1', 'é €'],
    ['text in UTF-16', [0x7e, 0x01], 'text/plain; charset="utf-16le"', 'ž'],
    ['text in an unknown charset', 'ž', 'text/plain; charset=x-own', 'ž'],
    ['text of no type', 'plain ž', null, 'plain ž'],
    ['nothing', '', 'application/json', ''],
  ])('%s', async (_what, bytes, type, data) => {
    expect(await replyOf(bytes, type)).toEqual(data)
  })

  test.each<[what: string, bytes: number[], type: string | null]>([
    ['a picture', [0x89, 0x50, 0x00, 0xff], 'image/png'],
    ['an archive', [0x50, 0x4b, 0x03], 'application/vnd.openxmlformats-officedocument.x'],
    ['bytes of no type', [0xff, 0xfe, 0xfd], null],
  ])('%s is base64', async (_what, bytes, type) => {
    const data = btoa(String.fromCharCode(...bytes))
    expect(await replyOf(bytes, type)).toEqual({ data, encoding: 'base64' })
  })

  test('to a HEAD is what its headers say', async () => {
    const { status_code, headers, data } = await resultOf({ method: 'HEAD', url: `${ECHO}/a` })
    expect([status_code, headers['content-type'], data]).toEqual([200, 'application/json', ''])
  })
})

describe('a refusal', () => {
  test('has its status and its text in the error, of a long one the beginning', async () => {
    expect(await errorOf({ url: page('  no such thing\n', 'text/plain', 404) })).toBe(
      'HTTP 404 Not Found: no such thing',
    )
    expect(await errorOf({ url: page('{"e": 1}', 'application/json', 422) })).toBe(
      'HTTP 422 Unprocessable Entity: {"e": 1}',
    )
    expect(await errorOf({ url: page('', null, 500) })).toBe('HTTP 500 Internal Server Error')
    expect(await errorOf({ url: page([0xff, 0x00], 'image/png', 400) })).toBe(
      'HTTP 400 Bad Request',
    )
    const long = await errorOf({ url: page('🐎'.repeat(600), 'text/plain', 400) })
    expect(long).toBe(`HTTP 400 Bad Request: ${'🐎'.repeat(250)}…`)
  })

  test('that is too large is cut, and is still a refusal', async () => {
    const { body } = await ran({ url: `${ECHO}/status/503/big`, data: { q: 'x'.repeat(10_000) } })
    expect(body.error).toMatch(/^HTTP 503 Service Unavailable: /)
    const small = oneStep(newClient({ HTTP_MAX_BYTES: '2000' }), { type: 'http' })
    const cut = await small.ran({ url: page('y'.repeat(3000), 'text/plain', 503) })
    expect(cut.body.error).toMatch(/^HTTP 503 Service Unavailable: y{500}…$/)
    const { result } = cut.body.events.find(
      (event: { event_type: string }) => event.event_type === 'action_error',
    )
    expect(result.data).toMatchObject({ status_code: 503, data: 'y'.repeat(2000), truncated: true })
  })
})

describe('a reply that is too large', () => {
  test('to be read says what the limit is', async () => {
    expect(await errorOf({ url: `${ECHO}/big/6000000` })).toBe(
      'the reply is larger than 5242880 bytes (HTTP_MAX_BYTES); ask for less',
    )
    const small = oneStep(newClient({ HTTP_MAX_BYTES: '2000' }), { type: 'http' })
    expect(await small.errorOf({ url: `${ECHO}/big/2001` })).toContain('larger than 2000 bytes')
    expect((await small.ran({ url: `${ECHO}/big/2000` })).body.status).toBe('COMPLETED')
  })

  test('to be kept says what the limit is', async () => {
    expect(await errorOf({ url: `${ECHO}/big/2097153` })).toMatch(
      /^the reply weighs \d+ bytes as a result; at most 2097152 can be kept: ask for less/,
    )
    expect((await ran({ url: `${ECHO}/big/2000000` })).body.status).toBe('COMPLETED')
  })
})
