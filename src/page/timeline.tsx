// What ran when: a row for each step, a bar for each time it was at work.

import { useMemo, useState } from 'preact/hooks'
import { get, withQuery } from './api.ts'
import { duration } from './format.ts'
import { useAct, useNow, useWidth } from './hooks.ts'
import { Empty, Problem, Shape } from './parts.tsx'
import { addressOf } from './path.ts'
import { Link } from './router.tsx'
import { barOf, marksOf } from './scale.ts'
import {
  type Span,
  secondsOf,
  spansOf,
  type ToldSpan,
  type ToldTimeline,
  visibleOf,
  withAll,
} from './spans.ts'

const MANY = 200
/** What a mark takes, in pixels. */
const ROOM = 48

interface Range {
  from: number
  until: number
}

export function Timeline({
  id,
  told,
  chosen,
  onChoose,
}: {
  id: string
  told: ToldTimeline
  chosen: string | null
  onChoose: (name: string | null) => void
}) {
  const { execution } = told
  const until = execution.end_time === null ? null : Date.parse(execution.end_time)
  // the reader's clock may be wrong
  const ahead = useMemo(
    () => (told.execution.now ? Date.parse(told.execution.now) - Date.now() : 0),
    [told],
  )
  const now = useNow(until === null, 500) + ahead
  const [ref, width] = useWidth()
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const [shown, setShown] = useState(MANY)
  const [all, setAll] = useState<ReadonlyMap<string, readonly ToldSpan[]>>(new Map())
  const spans = useMemo(() => spansOf(withAll(told.spans, all)), [told, all])
  const expand = useAct(async (node: string) => {
    const path = withQuery(`/api/executions/${encodeURIComponent(id)}/timeline`, {
      expand: node,
      limit: 2_000,
    })
    const { spans: found } = await get<ToldTimeline>(path)
    setAll(new Map(all).set(node, found))
  })
  if (spans.length === 0) return <Empty>No step has started yet.</Empty>
  const from = Date.parse(execution.start_time)
  const parents = new Set(spans.map(({ parent }) => parent))
  const last = spans.reduce((most, span) => Math.max(most, span.end ?? span.start), from)
  const range: Range = { from, until: Math.max(until ?? now, last, from + 1) }
  const marks = marksOf((range.until - from) / 1000, Math.max(2, Math.floor(width / 110)))
  const visible = visibleOf(spans, open)
  const isMore = ({ name, items }: Span) => (items?.collapsed ?? 0) > 0 && !all.has(name)
  const toggle = (span: Span) => {
    const next = new Set(open)
    if (!next.delete(span.name)) {
      next.add(span.name)
      if (isMore(span)) void expand.run(span.name)
    }
    setOpen(next)
  }
  return (
    <div class="scroll tall">
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
                    class={(1 - at) * width < ROOM ? 'mark last' : 'mark'}
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
                  {parents.has(span.name) || isMore(span) ? (
                    <button
                      type="button"
                      class="fold"
                      aria-expanded={open.has(span.name)}
                      aria-label={`Parts of ${span.name}`}
                      onClick={() => toggle(span)}
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
                    {span.label}
                  </button>
                  <span class="hidden">{span.state}</span>
                  {span.child && (
                    <Link to={addressOf('executions', span.child)} class="small-text">
                      its run
                    </Link>
                  )}
                  {span.items && (
                    <span class="muted small-text">
                      {span.items.done}/{span.items.total}
                      {span.items.failed > 0 && `, ${span.items.failed} failed`}
                    </span>
                  )}
                </span>
              </th>
              <td class="num muted">{duration(secondsOf(span, now))}</td>
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
      <Problem problem={expand.problem} />
      {visible.length > shown && (
        <button type="button" class="plain" onClick={() => setShown(shown + MANY)}>
          {visible.length - shown} more
        </button>
      )}
    </div>
  )
}

function Bars({ span, range, now }: { span: Span; range: Range; now: number }) {
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
          const took = duration(((attempt.end ?? now) - attempt.start) / 1000)
          return (
            <span
              key={attempt.start}
              class={`bar s-${state} attempt`}
              style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
              title={`attempt ${n + 1}: ${state}, ${took}`}
            />
          )
        })}
    </>
  )
}

function titleOf(span: Span, now: number): string {
  return [
    span.name,
    span.state,
    duration(secondsOf(span, now)),
    ...(span.tool ? [span.tool] : []),
    ...(span.attempts.length > 1 ? [`${span.attempts.length} attempts`] : []),
    ...(span.attempts.at(-1)?.worker ? [`by ${span.attempts.at(-1)?.worker}`] : []),
    ...(span.error ? [span.error] : []),
  ].join(', ')
}
