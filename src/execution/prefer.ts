// What headers ask of the start of a run: that it be started once (`Idempotency-Key`), and that the answer wait for its
// end (`Prefer: wait=N`, RFC 7240).

import { fail } from '../errors.ts'

/** A request may be held open for so long. */
const MAX_WAIT_SECONDS = 60

/** Seconds, at most MAX_WAIT_SECONDS; 0 when the header asks for none. */
export function secondsToWait(prefer: string | undefined): number {
  const [, seconds = '0'] =
    /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer ?? '') ?? []
  return Math.min(Number(seconds), MAX_WAIT_SECONDS)
}

/** The key; null when there is none. @throws AppError `invalid_input` for one that is no key. */
export function keyOf(header: string | undefined): string | null {
  if (header === undefined) return null
  if (/^[\x20-\x7e]{1,255}$/.test(header)) return header
  return fail('invalid_input', 'Idempotency-Key: 1 to 255 printable characters')
}

/** The headers, as the API's description tells of them. */
export const ONCE = {
  'Idempotency-Key': 'the same request under the same key is done once, however often it is sent',
}
export const WAITING = {
  Prefer: '`wait=N`: the answer waits so many seconds, at most 60, for the end of the run',
}
