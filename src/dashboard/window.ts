// The span of time that figures are of, and the buckets that it is shown in.

export const WINDOWS = ['15m', '1h', '24h', '7d', '30d'] as const
export type WindowName = (typeof WINDOWS)[number]
export type Bucket = 'minute' | 'hour' | 'day'

export interface Window {
  bucket: Bucket
  /** So many whole buckets, the present one included; null when it has an instant to begin at. */
  buckets: number | null
  since: string | null
  /** Before which; null: no end. */
  until: string | null
}

const NAMED: Readonly<Record<WindowName, readonly [Bucket, number]>> = {
  '15m': ['minute', 15],
  '1h': ['minute', 60],
  '24h': ['hour', 24],
  '7d': ['day', 7],
  '30d': ['day', 30],
}

const MINUTE_MS = 60_000
const MOST_BUCKETS = 100
const HOUR_MS = 60 * MINUTE_MS
/** How long a window may be. */
export const MAX_DAYS = MOST_BUCKETS

export function namedWindow(name: WindowName): Window {
  const [bucket, buckets] = NAMED[name]
  return { bucket, buckets, since: null, until: null }
}

/** The window between two instants; `now` is the end of one that has none, for its buckets. Null when it is empty or too long. */
export function windowBetween(since: string, until: string | null, now: number): Window | null {
  const ms = (until === null ? now : Date.parse(until)) - Date.parse(since)
  if (ms <= 0 || ms > MAX_DAYS * 24 * HOUR_MS) return null
  const bucket =
    ms <= MOST_BUCKETS * MINUTE_MS ? 'minute' : ms <= MOST_BUCKETS * HOUR_MS ? 'hour' : 'day'
  return { bucket, buckets: null, since, until }
}
