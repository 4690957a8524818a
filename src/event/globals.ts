// What templates see beside data.

import type { JsonObject } from '../json.ts'
import { type Context, templateFunction } from '../template/index.ts'

/**
 * `now()`, the time of asking in RFC 3339 (the same throughout one decision, or one action), `uuid()`,
 * another each time, and `env`.
 */
export function globalsOf(variables: JsonObject): Context {
  const at = new Date().toISOString()
  return {
    now: templateFunction('now', () => at),
    uuid: templateFunction('uuid', () => crypto.randomUUID()),
    env: variables,
  }
}
