// What ran when: a row for each step, a bar for each time it was at work.

import { useState } from 'preact/hooks'
import { duration } from './format.ts'
import { useNow, useWidth } from './hooks.ts'
import { Empty, Shape } from './parts.tsx'
import { barOf, marksOf } from './scale.ts'
import { type Span, secondsOf } from './spans.ts'

const MANY = 200

interface Range {
  from: number
  until: number
}

export function Timeline({
  spans,
  from,
  until,
  chosen,
  onChoose,
}: {
  spans: readonly Span[]
  from: number
  /** When it ended; null while it goes on. */
  until: number | null
  chosen: string | null
  onChoose: (name: string | null) => void
}) {
  const now = useNow(until === null, 500)
  const [ref, width] = useWidth()
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const [shown, setShown] = useState(MANY)
  const parents = new Set(spans.map(({ parent }) => parent))
  const last = Math.max(...spans.map((span) => span.end ?? span.start), from)
  const range: Range = { from, until: Math.max(until ?? now, last, from + 1) }
  const seconds = (range.until - from) / 1000
  const marks = marksOf(seconds, Math.max(2, Math.floor(width / 110)))
  const visible = visibleOf(spans, open)
  if (spans.length === 0) return <Empty>No step has started yet.</Empty>
  const toggle = (name: string) => {
    const next = new Set(open)
    if (!next.delete(name)) next.add(name)
    setOpen(next)
  }
  return (
    <div class="scroll">
      <table class="timeline">
        <caption class="hidden">Timeline: what ran when</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="num">
              Duration
            </th>
            <th scope="col">
              <span class="hidden">When</span>
              <div class="track" ref={ref} aria-hidden="true">
                {marks.map(({ at, label }) => (
                  <span
                    key={label}
                    class={at > 0.94 ? 'mark last' : 'mark'}
                    style={{ left: `${at * 100}%` }}
                  >
                    {label}
                  </span>
                ))}
              </div>
            </th>
          </tr>
        </thead>
        <tbody>
          {visible.slice(0, shown).map((span) => (
            <tr class={chosen === span.name ? 'chosen' : ''} key={span.name}>
              <th scope="row">
                <span class="name" style={{ paddingLeft: `${span.depth * 14}px` }}>
                  {parents.has(span.name) ? (
                    <button
                      type="button"
                      class="fold"
                      aria-expanded={open.has(span.name)}
                      aria-label={`Parts of ${span.name}`}
                      onClick={() => toggle(span.name)}
                    >
                      {open.has(span.name) ? '▾' : '▸'}
                    </button>
                  ) : (
                    <span class="fold" />
                  )}
                  <Shape state={span.state} />
                  <button
                    type="button"
                    class="plain step"
                    aria-pressed={chosen === span.name}
                    title={`${span.name}: ${span.state}`}
                    onClick={() => onChoose(chosen === span.name ? null : span.name)}
                  >
                    {span.depth > 0 ? span.name.slice((span.parent ?? '').length) : span.name}
                  </button>
                  <span class="hidden">{span.state}</span>
                  {span.items && (
                    <span class="muted small-text">
                      {span.items.done}/{span.items.total}
                      {span.items.failed > 0 && `, ${span.items.failed} failed`}
                    </span>
                  )}
                </span>
              </th>
              <td class="num muted">
                {span.state === 'skipped' ? '–' : duration(secondsOf(span, now))}
              </td>
              <td>
                <div class="track">
                  {marks.map(({ at }) => (
                    <span key={at} class="grid" style={{ left: `${at * 100}%` }} />
                  ))}
                  <Bars span={span} range={range} now={now} />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {visible.length > shown && (
        <button type="button" class="plain" onClick={() => setShown(shown + MANY)}>
          {visible.length - shown} more
        </button>
      )}
    </div>
  )
}

/** What is within a span is seen when that is open, and all above it. */
function visibleOf(spans: readonly Span[], open: ReadonlySet<string>): Span[] {
  const hidden = new Set<string>()
  return spans.filter(({ name, parent }) => {
    // a span stands behind the one that it is within
    if (parent === null || (open.has(parent) && !hidden.has(parent))) return true
    hidden.add(name)
    return false
  })
}

function Bars({ span, range, now }: { span: Span; range: Range; now: number }) {
  if (span.state === 'skipped') {
    const { left } = barOf({ start: span.start, end: span.start }, range)
    return <span class="bar s-skipped dot" style={{ left: `${left * 100}%` }} title="skipped" />
  }
  const whole = barOf({ start: span.start, end: span.end ?? now }, range)
  const isRetried = span.attempts.length > 1
  return (
    <>
      <span
        class={`bar s-${span.state} ${isRetried ? 'faint' : ''}`}
        style={{ left: `${whole.left * 100}%`, width: `${whole.width * 100}%` }}
        title={titleOf(span, now)}
      />
      {isRetried &&
        span.attempts.map((attempt, n) => {
          const bar = barOf({ start: attempt.start, end: attempt.end ?? now }, range)
          const state = attempt.failed ? 'failed' : attempt.end === null ? 'running' : 'completed'
          return (
            <span
              key={attempt.start}
              class={`bar s-${state} attempt`}
              style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
              title={`attempt ${n + 1}: ${state}, ${duration(((attempt.end ?? now) - attempt.start) / 1000)}`}
            />
          )
        })}
    </>
  )
}

function titleOf(span: Span, now: number): string {
  const attempts = span.attempts.length > 1 ? `, ${span.attempts.length} attempts` : ''
  return `${span.name}: ${span.state}, ${duration(secondsOf(span, now))}${attempts}`
}
