// When a message that was not taken is sent again: as Standard Webhooks recommends, over three days. Pure.

const MINUTE = 60
const HOUR = 60 * MINUTE
/** Seconds after the first attempt, the second, .. */
const DELAYS = [
  5,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]
/** How much later than planned at most, so that what failed together is not sent together again. */
const JITTER = 0.2
const MAX_RETRY_AFTER = 24 * HOUR

/** How often a message is sent in all. */
export const MAX_ATTEMPTS = DELAYS.length + 1

/**
 * Seconds until the next attempt; null when there is none.
 * @param attempts how often it has been sent
 * @param retryAfter seconds that the receiver has asked for
 * @param random 0..1
 */
export function delayAfter(attempts: number, retryAfter: number, random: number): number | null {
  const delay = DELAYS[attempts - 1]
  if (delay === undefined) return null
  return Math.max(delay * (1 + JITTER * random), Math.min(retryAfter, MAX_RETRY_AFTER))
}

/** The seconds that a Retry-After asks for, given as such or as a date; 0 when it says nothing. */
export function retryAfterOf(header: string | null, now: number): number {
  if (header === null) return 0
  const text = header.trim()
  // Date.parse reads almost anything as a date
  const date = /^[A-Z][a-z]{2}, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN
  const seconds = /^\d+$/.test(text) ? Number(text) : (date - now) / 1000
  return seconds > 0 ? seconds : 0
}
