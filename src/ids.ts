// 63-bit snowflakes: 41 bits of milliseconds since 2025-01-01, then 22 bits that start at random in
// each millisecond and count up, so ids of one isolate never clash and rise. Between isolates a clash
// is possible and is refused by a key; the caller draws anew. Strings everywhere outside of SQL.

import * as z from 'zod'
import { shownAs } from './schema.ts'

const EPOCH_MS = 1_735_689_600_000
const RANDOM_BITS = 22n
const MAX_ID = 2n ** 63n - 1n

let last = 0n

/** Draws a new id, as a decimal string. */
export function newId(): string {
  const millis = BigInt(Date.now() - EPOCH_MS) << RANDOM_BITS
  if (last >> RANDOM_BITS >= millis >> RANDOM_BITS) {
    last += 1n
  } else {
    // half of the range, so that counting up has room within the millisecond
    const [random = 0] = crypto.getRandomValues(new Uint32Array(1))
    last = millis | BigInt(random & 0x1fffff)
  }
  return String(last)
}

/** The decimal id if the text is a positive 63-bit integer, else null. */
export function parseId(text: string): string | null {
  if (!/^\d{1,19}$/.test(text)) return null
  const id = BigInt(text)
  return id > 0n && id <= MAX_ID ? String(id) : null
}

/** An id in a request: a string, or a bare integer as NoETL's workers send it; a string after. */
export const Id = z
  .union([z.string(), z.number(), z.bigint()])
  .transform((value, context) => {
    const id = parseId(String(value))
    if (id === null) context.addIssue({ code: 'custom', message: 'not a positive 63-bit integer' })
    return id ?? z.NEVER
  })
  .meta(
    shownAs({
      description: '64-bit id as a string; a bare integer is read too',
      type: ['string', 'integer'],
      format: 'int64',
    }),
  )
