import { describe, expect, test } from 'vitest'
import { delayAfter, MAX_ATTEMPTS, retryAfterOf } from '../../src/notification/backoff.ts'
import { shownSecret, signatureOf } from '../../src/notification/sign.ts'
import { joinTargets, targetFaults, targetsOf } from '../../src/notification/target.ts'

test('the signature is that of the specification, by its own example', async () => {
  // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries (the libraries' common test)
  const secret = Uint8Array.from(atob('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), (c) => c.charCodeAt(0))
  const message = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: '1614265330',
    body: '{"test": 2432232314}',
  }
  const expected = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  expect(await signatureOf([secret], message)).toBe(expected)
  expect(await signatureOf([new Uint8Array(32), secret], message)).toMatch(/^v1,\S{44} v1,g0hM9S/)
  expect(shownSecret(secret)).toBe('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
})

describe('attempts', () => {
  test('are ten, over three days', () => {
    const hours = (n: number) => n * 3600
    const delays = Array.from({ length: 10 }, (_, index) => delayAfter(index + 1, 0, 0))
    expect(delays).toEqual([...[5, 300, 1800, ...[2, 5, 10, 14, 20, 24].map(hours)], null])
    expect(MAX_ATTEMPTS).toBe(10)
  })

  test('are late by up to a fifth, never early', () => {
    expect([delayAfter(2, 0, 0), delayAfter(2, 0, 0.5), delayAfter(2, 0, 1)]).toEqual([
      300, 330, 360,
    ])
  })

  test('wait as long as the receiver asks, a day at most', () => {
    expect([delayAfter(1, 60, 0), delayAfter(2, 60, 0), delayAfter(1, 1e9, 0)]).toEqual([
      60, 300, 86_400,
    ])
    expect(delayAfter(10, 60, 0)).toBe(null)
  })

  test.each([
    ['120', 120],
    [' 0 ', 0],
    ['Thu, 01 Jan 1970 00:02:00 GMT', 60],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', 0],
    ['-5', 0],
    [null, 0],
  ])('Retry-After: %s is %s s', (header, seconds) => {
    expect(retryAfterOf(header, 60_000)).toBe(seconds)
  })
})

describe('targets', () => {
  const url = 'https://a.example/x'

  test.each([
    [url, [{ url, credential: null }]],
    [
      ['HTTPS://A.example:443/x', { url, credential: 'c' }],
      [
        { url, credential: null },
        { url, credential: 'c' },
      ],
    ],
    [undefined, []],
    [[], []],
  ])('%j', (given, targets) => {
    expect(targetFaults(given ?? null)).toEqual(given === undefined ? [expect.anything()] : [])
    expect(targetsOf(given)).toEqual(targets)
  })

  test.each([
    ['ftp://a.example', [[]]],
    ['a.example', [[]]],
    ['https://user@a.example', [[]]],
    ['https://:secret@a.example', [[]]],
    [`https://a.example/${'x'.repeat(2_048)}`, [[]]],
    [`https://a.example/${'ü'.repeat(400)}`, [[]]],
    ['{{ workload.url }}', [[]]],
    [7, [[]]],
    [{ url, headers: {} }, [['headers']]],
    [{ credential: 'c' }, [[]]],
    [{ url: 'x', credential: 7 }, [['url'], ['credential']]],
    [
      [url, 'x', { url, credential: '' }],
      [[1], [2, 'credential']],
    ],
    [Array(6).fill(url), [[]]],
  ])('%j is refused', (given, places) => {
    expect(targetFaults(given).map(({ at }) => at)).toEqual(places)
  })

  test('an address that several name is one, as the first says it', () => {
    const one = { url, credential: 'c' }
    expect(joinTargets([one], [{ url, credential: null }], [])).toEqual([one])
  })
})
