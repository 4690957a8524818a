// The numbers that callers are told are those that the platform is told.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unstable_readConfig } from 'wrangler'
import { Variables } from '../../src/settings.ts'

interface Limit {
  name: string
  namespace_id: string
  simple: { limit: number; period: number }
}

test("the settings' limits are wrangler.toml's", () => {
  const { ratelimits, vars }: { ratelimits: Limit[]; vars: object } = unstable_readConfig({
    config: join(import.meta.dirname, '../../wrangler.toml'),
  })
  const config = Variables.parse({ DATABASE_URL: 'postgres://u:p@h/d', ...vars })
  expect(ratelimits.map(({ name, simple }) => ({ name, ...simple }))).toEqual([
    { name: 'RATE_KEY', limit: config.RATE_KEY_PER_MINUTE, period: 60 },
    { name: 'RATE_IP', limit: config.RATE_IP_PER_MINUTE, period: 60 },
  ])
  expect(new Set(ratelimits.map(({ namespace_id }) => namespace_id)).size).toBe(2)
})
