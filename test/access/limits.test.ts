import { env as platform } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { checkRate, heedRate, networkOf } from '../../src/access/limits.ts'
import type { Env } from '../../src/env.ts'

const BASE = { DATABASE_URL: 'postgres://u:p@h/d' }
/** Half a minute after a window began, and windows that no other test counts in. */
let minutes = Date.UTC(2031, 0, 1) / 60_000
const freeze = () => vi.useFakeTimers({ toFake: ['Date'], now: ++minutes * 60_000 + 29_500 })

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** The platform's interface; `limit` of each key are let through. */
function binding(limit: number) {
  const keys: string[] = []
  const rate: RateLimit = {
    limit: async ({ key }) => {
      keys.push(key)
      return { success: keys.filter((other) => other === key).length <= limit }
    },
  }
  return { rate, keys }
}

const envOf = (bindings: Partial<Env>): Env => ({ ...BASE, ...bindings })

/** What a caller would see. */
async function ask(env: Env, kind: 'key' | 'ip', key: string) {
  const headers: Record<string, string> = {}
  const rate = await checkRate(env, kind, key)
  try {
    heedRate(rate, (name, value) => {
      headers[name] = value
    })
    return { headers, refused: null }
  } catch (error) {
    return { headers, refused: (error as { code: string }).code }
  }
}

test('a caller is told what is left, and when it is refused, when to come again', async () => {
  freeze()
  const { rate, keys } = binding(2)
  const env = envOf({ RATE_KEY: rate, RATE_KEY_PER_MINUTE: '2' })
  const policy = '"key";q=2;w=60'
  const told = (left: number) => ({ 'RateLimit-Policy': policy, RateLimit: `"key";r=${left};t=31` })
  expect(await ask(env, 'key', 'key:1')).toEqual({ headers: told(1), refused: null })
  expect(await ask(env, 'key', 'key:1')).toEqual({ headers: told(0), refused: null })
  expect(await ask(env, 'key', 'key:1')).toEqual({
    headers: { ...told(0), 'Retry-After': '31' },
    refused: 'rate_limited',
  })
  expect(await ask(env, 'key', 'key:2')).toEqual({ headers: told(1), refused: null })
  expect(keys).toEqual(['key:1', 'key:1', 'key:1', 'key:2'])
})

test('what is left is an upper bound: others may have asked elsewhere, and it begins anew', async () => {
  freeze()
  const env = envOf({ RATE_KEY: binding(0).rate })
  expect((await ask(env, 'key', 'a')).headers.RateLimit).toBe('"key";r=0;t=31')
  const generous = envOf({ RATE_KEY: binding(9).rate, RATE_KEY_PER_MINUTE: '1' })
  for (let index = 0; index < 3; index++) {
    expect((await ask(generous, 'key', 'b')).headers.RateLimit).toBe('"key";r=0;t=31')
  }
  freeze()
  const again = envOf({ RATE_KEY: binding(9).rate })
  expect((await ask(again, 'key', 'b')).headers.RateLimit).toBe('"key";r=5999;t=31')
})

test('the two kinds are counted apart', async () => {
  freeze()
  const [known, unknown] = [binding(9), binding(9)]
  const env = envOf({ RATE_KEY: known.rate, RATE_IP: unknown.rate })
  expect((await ask(env, 'key', '192.0.2.1')).headers.RateLimit).toBe('"key";r=5999;t=31')
  expect((await ask(env, 'ip', '192.0.2.1')).headers).toEqual({
    'RateLimit-Policy': '"ip";q=300;w=60',
    RateLimit: '"ip";r=299;t=31',
  })
  expect([known.keys, unknown.keys]).toEqual([['192.0.2.1'], ['192.0.2.1']])
})

test('very many keys are forgotten, not kept', async () => {
  freeze()
  const env = envOf({ RATE_KEY: { limit: async () => ({ success: true }) } })
  await checkRate(env, 'key', 'first')
  expect((await ask(env, 'key', 'first')).headers.RateLimit).toMatch('r=5998')
  for (let index = 0; index < 10_000; index++) await checkRate(env, 'key', `k${index}`)
  expect((await ask(env, 'key', 'first')).headers.RateLimit).toMatch('r=5999')
})

test('without the binding nothing is limited, and nothing is said', async () => {
  for (const kind of ['key', 'ip'] as const) {
    expect(await ask(envOf({}), kind, 'a')).toEqual({ headers: {}, refused: null })
  }
})

test('a binding that fails lets requests through, and is told of once', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const env = envOf({ RATE_IP: { limit: () => Promise.reject(new Error('away')) } })
  for (let index = 0; index < 3; index++) {
    expect(await ask(env, 'ip', '192.0.2.1')).toEqual({ headers: {}, refused: null })
  }
  expect(log.mock.calls).toEqual([
    [expect.stringMatching(/^the rate limit does not work: Error: away/)],
  ])
})

describe('an address', () => {
  test('of IPv6 counts for its /64, in whatever way it is written', async () => {
    const network = '2001:db8:0:1::/64'
    for (const address of [
      '2001:db8:0:1::',
      '2001:0DB8:0000:0001:ffff:ffff:ffff:ffff',
      '2001:db8::1:0:0:0:1',
    ]) {
      expect([address, networkOf(address)]).toEqual([address, network])
    }
    expect(networkOf('2001:db8:0:2::')).not.toBe(network)
    expect(networkOf('::1')).toBe('0:0:0:0::/64')
    const { rate, keys } = binding(1)
    const env = envOf({ RATE_IP: rate })
    expect((await ask(env, 'ip', '2001:db8:0:1::a')).refused).toBeNull()
    expect((await ask(env, 'ip', '2001:db8:0:1:b::')).refused).toBe('rate_limited')
    expect(keys).toEqual([network, network])
  })

  test('of IPv4 counts for itself, within an IPv6 one as well', () => {
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1')
    expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(networkOf('192.0.2.2')).not.toBe(networkOf('192.0.2.1'))
  })

  test('that is none counts with all others that are none', () => {
    for (const text of ['', 'x', '192.0.2.1, 192.0.2.2', '1.2.3.4.5']) {
      expect(networkOf(text)).toBe('unknown')
    }
  })
})

test("the platform's binding refuses what is over wrangler.toml's limit", async () => {
  const env = envOf({ RATE_IP: (platform as unknown as Env).RATE_IP })
  expect(env.RATE_IP).toBeDefined()
  const address = '198.51.100.7'
  let passed = 0
  // the minute may end in the midst of it
  while (passed <= 600 && (await checkRate(env, 'ip', address)).allowed) passed++
  expect(passed).toBeGreaterThanOrEqual(300)
  expect(passed).toBeLessThanOrEqual(600)
  expect((await ask(env, 'ip', '198.51.100.8')).refused).toBeNull()
})
