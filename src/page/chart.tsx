// Small charts. What they show stands beside them as a table for whoever does not see them.

import { clock, count } from './format.ts'
import { useWidth } from './hooks.ts'
import { ticksOf } from './scale.ts'

export interface Bucket {
  at: string
  started: number
  completed: number
  failed: number
}

const HEIGHT = 150
const LEFT = 34
const BOTTOM = 20
const TOP = 6

/** When a bucket was, as short as its size allows. */
function nameOf(at: string, size: 'minute' | 'hour' | 'day'): string {
  const then = new Date(at)
  if (size === 'day')
    return then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
  return clock(then, then).slice(0, 5)
}

/** Ends of runs: those that went well, and on top those that did not. */
export function Throughput({
  buckets,
  size,
}: {
  buckets: readonly Bucket[]
  size: 'minute' | 'hour' | 'day'
}) {
  const [ref, width] = useWidth()
  const most = Math.max(1, ...buckets.map(({ completed, failed }) => completed + failed))
  const ticks = ticksOf(most, 4)
  const top = ticks.at(-1) ?? most
  const inner = Math.max(0, width - LEFT)
  const height = HEIGHT - TOP - BOTTOM
  const step = inner / Math.max(1, buckets.length)
  const y = (value: number) => TOP + height - (value / top) * height
  const every = Math.max(1, Math.ceil(58 / Math.max(1, step)))
  const sum = (key: 'completed' | 'failed') => buckets.reduce((all, bucket) => all + bucket[key], 0)
  const failed = sum('failed')
  return (
    <figure class="chart" ref={ref}>
      <figcaption>
        <span class="legend s-completed">completed {count(sum('completed'))}</span>
        <span class="legend s-failed">failed {count(failed)}</span>
        <span class="muted">per {size}</span>
      </figcaption>
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`${sum('completed')} completed and ${failed} failed, per ${size}; the table below has the figures`}
        >
          <defs>
            <pattern
              id="hatch"
              width="5"
              height="5"
              patternUnits="userSpaceOnUse"
              patternTransform="rotate(45)"
            >
              <rect width="5" height="5" class="hatch-ground" />
              <path d="M0 0V5" class="hatch-line" />
            </pattern>
          </defs>
          {ticks.map((tick) => (
            <g key={tick}>
              <path class="rule" d={`M${LEFT} ${y(tick)}H${width}`} />
              <text class="axis-text" x={LEFT - 6} y={y(tick) + 4} text-anchor="end">
                {count(tick)}
              </text>
            </g>
          ))}
          {buckets.map((bucket, n) => {
            const x = LEFT + n * step + Math.min(2, step * 0.15)
            const wide = Math.max(1, step - Math.min(4, step * 0.3))
            const good = y(bucket.completed)
            const both = y(bucket.completed + bucket.failed)
            return (
              <g key={bucket.at}>
                <title>{`${nameOf(bucket.at, size)}: ${bucket.completed} completed, ${bucket.failed} failed`}</title>
                <rect x={LEFT + n * step} y={TOP} width={step} height={height} class="hover-area" />
                {bucket.completed > 0 && (
                  <rect x={x} y={good} width={wide} height={TOP + height - good} class="col-good" />
                )}
                {bucket.failed > 0 && (
                  <rect
                    x={x}
                    y={both}
                    width={wide}
                    height={Math.max(1, good - both)}
                    fill="url(#hatch)"
                  />
                )}
                {n % every === 0 && n * step < inner - 30 && (
                  <text class="axis-text" x={LEFT + n * step} y={HEIGHT - 4}>
                    {nameOf(bucket.at, size)}
                  </text>
                )}
              </g>
            )
          })}
        </svg>
      )}
      <details>
        <summary class="muted small-text">As a table</summary>
        <div class="scroll short">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col" class="num">
                  Started
                </th>
                <th scope="col" class="num">
                  Completed
                </th>
                <th scope="col" class="num">
                  Failed
                </th>
              </tr>
            </thead>
            <tbody>
              {buckets.map((bucket) => (
                <tr key={bucket.at}>
                  <td>{nameOf(bucket.at, size)}</td>
                  <td class="num">{bucket.started}</td>
                  <td class="num">{bucket.completed}</td>
                  <td class="num">{bucket.failed}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  )
}

/** How long runs take: a line on which the percentiles stand. */
export function Spread({
  p50,
  p95,
  most,
}: {
  p50: number | null
  p95: number | null
  most: number
}) {
  if (p50 === null || p95 === null || most <= 0) return null
  // what takes milliseconds and what takes hours are seen on one line
  const at = (seconds: number) => (Math.log1p(seconds * 1000) / Math.log1p(most * 1000)) * 100
  return (
    <svg class="spread" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <path d="M0 5H100" class="rule" />
      <rect
        x={at(p50)}
        y="3"
        width={Math.max(1, at(p95) - at(p50))}
        height="4"
        class="spread-bar"
      />
      <rect x={Math.max(0, at(p50) - 0.6)} y="1" width="1.2" height="8" class="spread-mark" />
    </svg>
  )
}
