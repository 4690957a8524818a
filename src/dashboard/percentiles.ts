// Percentiles from histograms whose buckets grow by a ratio, so that an error is a share of the value.

/** How much wider each bucket is than the one before: noetl.duration_bucket's. */
const RATIO = 1.1
const FIRST_SECONDS = 0.001
/** How far a percentile may lie from the true one, as a share of it (and a millisecond). */
export const ERROR_BOUND = 0.05

/** How many durations are in each bucket, by its number. */
export type Histogram = Readonly<Record<string, number>>

/** The nearest-rank percentiles of a histogram, in seconds; null of an empty one. */
export function percentilesOf(histogram: Histogram, shares: readonly number[]): (number | null)[] {
  const buckets = Object.entries(histogram)
    .map(([bucket, n]) => [Number(bucket), n] as const)
    .sort(([a], [b]) => a - b)
  const total = buckets.reduce((sum, [, n]) => sum + n, 0)
  return shares.map((share) => {
    let left = Math.max(1, Math.ceil(share * total))
    for (const [bucket, n] of buckets) {
      left -= n
      if (left <= 0) return secondsOf(bucket)
    }
    return null
  })
}

/** What a bucket's durations are taken for: no end of it is farther away than the bound. */
function secondsOf(bucket: number): number {
  const seconds = (FIRST_SECONDS * RATIO ** bucket * 2 * RATIO) / (1 + RATIO)
  return Number(seconds.toPrecision(4))
}
