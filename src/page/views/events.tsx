// An execution's log: what happened, in the order in which it was written.

import { useRef, useState } from 'preact/hooks'
import { Labelled } from '../controls.tsx'
import { cut, duration } from '../format.ts'
import { isObject, type Json, toJson } from '../json.ts'
import { type Log, MOST } from '../log.ts'
import { Copy, Empty, Loading, Problem, Shape, stateOf, Time } from '../parts.tsx'
import { Found, hasText, Tree } from '../tree.tsx'
import type { LogEvent } from '../types.ts'

const PAGE = 100

export function EventLog({
  log,
  step,
  onStep,
}: {
  log: Log
  step: string | null
  onStep: (name: string | null) => void
}) {
  const [type, setType] = useState('')
  const [find, setFind] = useState('')
  const [isNewest, setNewest] = useState(false)
  const [page, setPage] = useState(0)
  const top = useRef<HTMLElement>(null)
  const types = [...new Set(log.events.map((event) => event.event_type))].sort()
  // what is within a step is found with it
  const steps = [...new Set(log.events.map((event) => event.node_name.replace(/\[.*/, '')))].sort()
  const found = log.events.filter(
    (event) =>
      (type === '' || event.event_type === type) &&
      (step === null || event.node_name === step || event.node_name.startsWith(`${step}[`)) &&
      (find === '' || matches(event, find)),
  )
  const ordered = isNewest ? found.toReversed() : found
  const pages = Math.max(1, Math.ceil(ordered.length / PAGE))
  const at = Math.min(page, pages - 1)
  const first = log.events[0]?.seq ?? 0
  const last = log.events.at(-1)?.seq ?? 0
  const reset =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      set(value)
      setPage(0)
    }
  const turn = (to: number) => {
    setPage(to)
    top.current?.scrollIntoView()
  }
  const part = (label: string, isThere: boolean, after?: number) => (
    <button
      type="button"
      class="small"
      disabled={!isThere || log.isLoading}
      onClick={() => {
        setPage(0)
        setNewest(after === undefined)
        log.from(after)
      }}
    >
      {label}
    </button>
  )
  return (
    <section aria-label="Events" ref={top}>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filter events">
        <Labelled label="Type">
          <select value={type} onChange={(event) => reset(setType)(event.currentTarget.value)}>
            <option value="">all</option>
            {types.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </Labelled>
        <Labelled label="Step">
          <select
            value={step ?? ''}
            onChange={(event) => reset(onStep)(event.currentTarget.value || null)}
          >
            <option value="">all</option>
            {step !== null && !steps.includes(step) && <option>{step}</option>}
            {steps.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </Labelled>
        <Labelled label="Search">
          <input
            type="search"
            value={find}
            placeholder="in names and values"
            onInput={(event) => reset(setFind)(event.currentTarget.value)}
          />
        </Labelled>
        <Labelled label="Order">
          <select
            value={isNewest ? 'newest' : 'oldest'}
            onChange={(event) => reset(setNewest)(event.currentTarget.value === 'newest')}
          >
            <option value="oldest">oldest first</option>
            <option value="newest">newest first</option>
          </select>
        </Labelled>
        <span class="muted counted" role="status">
          {found.length === log.events.length
            ? `${found.length.toLocaleString('en')} events`
            : `${found.length.toLocaleString('en')} of ${log.events.length.toLocaleString('en')}`}
        </span>
      </form>
      {log.total > log.events.length && log.events.length > 0 && (
        <div class="note">
          <p>
            Events {first.toLocaleString('en')} to {last.toLocaleString('en')} of{' '}
            {log.total.toLocaleString('en')} are loaded, and searched.
          </p>
          <p class="row">
            {part('First', first > 1, 0)}
            {part('Earlier', first > 1, Math.max(0, first - 1 - MOST))}
            {part('Later', last < log.total, last)}
            {part('Last', last < log.total)}
          </p>
        </div>
      )}
      <Problem problem={log.problem} />
      {log.isLoading && log.events.length === 0 && <Loading what="events" />}
      {!log.isLoading && ordered.length === 0 && !log.problem && (
        <Empty>No event is like that.</Empty>
      )}
      <ol class="events" style={{ '--seq': `${String(last).length + 1}ch` }}>
        {ordered.slice(at * PAGE, (at + 1) * PAGE).map((event) => (
          <EventRow key={event.event_id} event={event} find={find} />
        ))}
      </ol>
      {pages > 1 && (
        <nav class="pager" aria-label="Pages of events">
          <button type="button" disabled={at === 0} onClick={() => turn(0)}>
            ⇤ First
          </button>
          <button type="button" disabled={at === 0} onClick={() => turn(at - 1)}>
            ← Back
          </button>
          <span class="muted">
            {at + 1} of {pages}
          </span>
          <button type="button" disabled={at === pages - 1} onClick={() => turn(at + 1)}>
            Next →
          </button>
          <button type="button" disabled={at === pages - 1} onClick={() => turn(pages - 1)}>
            Last ⇥
          </button>
        </nav>
      )}
    </section>
  )
}

function matches(event: LogEvent, find: string): boolean {
  const said = `${event.event_type} ${event.node_name} ${event.error ?? ''}`.toLowerCase()
  return (
    said.includes(find.toLowerCase()) ||
    [event.context, event.result, event.meta].some((value) => hasText(value, find))
  )
}

const isEmpty = (value: Json) =>
  value === null || value === '' || (isObject(value) && Object.keys(value).length === 0)

function stateOfEvent({ event_type, status }: LogEvent): string {
  if (/_(error|failed|cancelled)$/.test(event_type)) return 'failed'
  if (event_type === 'step_skipped') return 'skipped'
  const state = stateOf(status)
  // it told of a beginning, whatever came of that
  return state === 'running' ? 'started' : state
}

function EventRow({ event, find }: { event: LogEvent; find: string }) {
  const [isOpen, setOpen] = useState(false)
  const parts = (
    [
      ['context', event.context],
      ['result', event.result],
      ['meta', event.meta],
    ] as const
  ).filter(([, value]) => !isEmpty(value))
  const state = stateOfEvent(event)
  return (
    <li>
      <details open={isOpen} onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
        <summary class="event">
          <span class="seq num muted">{event.seq}</span>
          <Shape state={state} />
          <span class="type">
            <Found text={event.event_type} find={find} />
          </span>
          <span class="node">
            <Found text={event.node_name} find={find} />
          </span>
          <span class={`said ${event.error ? 's-failed' : 'muted'}`}>
            <Found text={cut(event.error ?? briefly(event), 200)} find={find} />
          </span>
          <span class="when muted">
            <Time at={event.created_at} exactly />
          </span>
        </summary>
        {isOpen && (
          <div class="body">
            {event.error !== null && <pre class="error-text">{event.error}</pre>}
            {parts.map(([name, value]) => (
              <div key={name}>
                <h3>{name}</h3>
                <Tree value={value} open={2} find={find} />
              </div>
            ))}
            <p class="muted small-text row">
              <span>
                event <code>{event.event_id}</code>
              </span>
              <span>{event.node_type}</span>
              {event.duration > 0 && <span>{duration(event.duration)}</span>}
              <Copy text={() => toJson(event, 2)} label="Copy as JSON" />
            </p>
          </div>
        )}
      </details>
    </li>
  )
}

function briefly(event: LogEvent): string {
  const value = isEmpty(event.result)
    ? event.event_type.endsWith('_started')
      ? null
      : event.context
    : event.result
  return value === null || isEmpty(value) ? '' : toJson(value)
}
