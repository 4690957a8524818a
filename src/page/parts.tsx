// What the views are made of.

import { type ComponentChildren, Fragment } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Problem as Told } from './api.ts'
import { ago, clock, duration, exact } from './format.ts'
import type { Liveness, Resource } from './hooks.ts'
import { useNow } from './hooks.ts'
import { setQuery } from './router.tsx'

/** A moment in the reader's zone, and exactly in UTC where it is pointed at. */
export function Time({
  at,
  relative = false,
  exactly = false,
}: {
  at: string | null | undefined
  relative?: boolean
  /** With milliseconds. */
  exactly?: boolean
}) {
  const now = useNow(relative, 10_000)
  if (!at) return <span class="muted">–</span>
  const then = new Date(at)
  return (
    <time dateTime={at} title={exact(at)}>
      {relative
        ? ago(then.getTime(), Math.max(now, then.getTime()))
        : clock(then, new Date(now), exactly)}
    </time>
  )
}

/** As Time, but for what is to come. */
export function Until({ at }: { at: string | null }) {
  const now = useNow(true, 1_000)
  if (!at) return <span class="muted">–</span>
  return (
    <time dateTime={at} title={exact(at)}>
      {ago(Date.parse(at), now)}
    </time>
  )
}

export function Duration({ seconds }: { seconds: number | null }) {
  if (seconds === null) return <span class="muted">–</span>
  return <span title={`${seconds} s`}>{duration(seconds)}</span>
}

/** How long something takes that may still go on. */
export function Took({
  from,
  until,
  seconds,
}: {
  from: string
  until: string | null
  seconds: number | null
}) {
  const now = useNow(until === null, 1_000)
  if (seconds !== null) return <Duration seconds={seconds} />
  if (until !== null) return <Duration seconds={(Date.parse(until) - Date.parse(from)) / 1000} />
  return <span>{duration(Math.max(0, Math.round((now - Date.parse(from)) / 1000)))}</span>
}

/** A path, which is broken at its slashes where it must be. */
export function Path({ of }: { of: string }) {
  const [first, ...others] = of.split('/')
  return (
    <>
      {first}
      {others.map((part, n) => (
        <Fragment key={n}>
          /<wbr />
          {part}
        </Fragment>
      ))}
    </>
  )
}

const SHAPES: Record<string, ComponentChildren> = {
  completed: <path d="M3.5 8.5l3 3 6-7" class="stroke" />,
  failed: <path d="M4 4l8 8M12 4l-8 8" class="stroke" />,
  running: <path d="M8 2.5a5.5 5.5 0 1 1-5.5 5.5" class="stroke spin" />,
  started: <circle cx="8" cy="8" r="3" class="full" />,
  waiting: <path d="M8 4.5V8l2.5 2M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11" class="stroke" />,
  pending: <circle cx="8" cy="8" r="5" class="stroke dashed" />,
  unreached: <circle cx="8" cy="8" r="5" class="stroke dashed" />,
  paused: <path d="M5.5 4v8M10.5 4v8" class="stroke" />,
  cancelled: (
    <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M4.2 4.2l7.6 7.6" class="stroke" />
  ),
  skipped: <path d="M3 8h10M9.5 4.5L13 8l-3.5 3.5" class="stroke" />,
}

/** The word that a state has here, whatever spelling it came in. */
export function stateOf(status: string, error: string | null = null): string {
  if (status === 'FAILED' && error?.startsWith('cancelled')) return 'cancelled'
  const word = status.toLowerCase()
  if (word === 'started') return 'running'
  return word
}

/** The shape of a state: it is told by its form as well as by its colour. */
export function Shape({ state }: { state: string }) {
  return (
    <svg class={`shape s-${state}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      {SHAPES[state] ?? SHAPES.pending}
    </svg>
  )
}

/** A state's shape, and a word for it. */
export function Mark({ state, children }: { state: string; children: ComponentChildren }) {
  return (
    <span class={`status s-${state}`}>
      <Shape state={state} />
      <span>{children}</span>
    </span>
  )
}

export function Status({ status, error = null }: { status: string; error?: string | null }) {
  const state = stateOf(status, error)
  return <Mark state={state}>{state}</Mark>
}

export function Enabled({ is }: { is: boolean }) {
  return <Mark state={is ? 'completed' : 'paused'}>{is ? 'enabled' : 'disabled'}</Mark>
}

/** One of the facts about something. */
export function Fact({
  name,
  children,
  class: look,
  title,
}: {
  name: string
  children: ComponentChildren
  class?: string
  title?: string
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={look} title={title}>
        {children}
      </dd>
    </div>
  )
}

export function Progress({ value, state }: { value: number; state: string }) {
  return (
    <span class="progress">
      <progress class={`s-${state}`} max={100} value={value} aria-label="Progress" />
      <span class="num">{value} %</span>
    </span>
  )
}

/** What is wrong, in the API's own words. */
export function Problem({ problem, retry }: { problem: Told | null; retry?: () => void }) {
  if (problem === null) return null
  return (
    <div class="problem" role="alert">
      <Shape state="failed" />
      <div>
        <strong>
          {problem.title}
          {problem.status > 0 && <span class="muted"> {problem.status}</span>}
        </strong>
        <p>{problem.message}</p>
        {problem.errors.length > 0 && (
          <ul>
            {problem.errors.map((fault) => (
              <li key={fault.pointer + fault.detail}>
                {fault.line !== undefined && <b>line {fault.line}: </b>}
                {fault.detail}
                {fault.pointer && <code class="muted"> {fault.pointer}</code>}
              </li>
            ))}
          </ul>
        )}
        {retry && (
          <button type="button" class="small" onClick={retry}>
            Try again
          </button>
        )}
      </div>
    </div>
  )
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      <Shape state="running" /> Loading {what} …
    </p>
  )
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="empty">{children}</div>
}

/** A resource when it is there; what stands in its place until then. */
export function Loaded<T>({
  of,
  what,
  children,
}: {
  of: Resource<T>
  what: string
  children: (data: T) => ComponentChildren
}) {
  return (
    <>
      <Problem problem={of.problem} retry={of.reload} />
      {of.data !== null ? children(of.data) : of.problem === null && <Loading what={what} />}
    </>
  )
}

export function Live({ state }: { state: Liveness }) {
  if (state === 'off') return null
  const text = state === 'live' ? 'live' : 'every 3 s'
  const title =
    state === 'live'
      ? 'Changes arrive as they happen'
      : 'Asked again every three seconds while you look'
  return (
    <span class={`live is-${state}`} title={title}>
      {text}
    </span>
  )
}

/** Copies a text, and says so. */
export function Copy({
  text,
  label = 'Copy',
  plain = false,
}: {
  text: string | (() => string)
  label?: string
  plain?: boolean
}) {
  const [done, setDone] = useState<'' | 'Copied' | 'Not copied'>('')
  useEffect(() => {
    if (done === '') return
    const timer = setTimeout(() => setDone(''), 1_500)
    return () => clearTimeout(timer)
  }, [done])
  const copy = () => {
    navigator.clipboard
      .writeText(typeof text === 'string' ? text : text())
      .then(() => setDone('Copied'))
      .catch(() => setDone('Not copied'))
  }
  return (
    <>
      <button type="button" class={plain ? 'plain' : 'small'} onClick={copy}>
        {done || label}
      </button>
      <span class="hidden" role="status">
        {done}
      </span>
    </>
  )
}

export function Tabs({
  tabs,
  current,
}: {
  tabs: readonly (readonly [string, string])[]
  current: string
}) {
  const ref = useRef<HTMLDivElement>(null)
  const go = (key: string) =>
    setQuery({ tab: key === tabs[0]?.[0] ? null : key, cursor: null }, { replace: true })
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const at = tabs.findIndex(([key]) => key === current)
    const n = (at + by + tabs.length) % tabs.length
    const tab = tabs[n]
    if (!tab) return
    go(tab[0])
    ref.current?.querySelectorAll<HTMLElement>('[role=tab]')[n]?.focus()
  }
  return (
    <div class="tabs" role="tablist" ref={ref} onKeyDown={onKeyDown}>
      {tabs.map(([key, label]) => (
        <button
          type="button"
          role="tab"
          key={key}
          aria-selected={key === current}
          tabIndex={key === current ? 0 : -1}
          onClick={() => go(key)}
        >
          {label}
        </button>
      ))}
    </div>
  )
}

/** A command that asks the same of the API; whoever runs it has a key of their own. */
export function curlOf(method: string, path: string, body?: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  return [
    `curl -sf -X ${method} ${quoted(location.origin + path)}`,
    '-H "Authorization: Bearer $NOETL_KEY"',
    ...(body === undefined ? [] : ["-H 'content-type: application/json'", `-d ${quoted(body)}`]),
  ].join(' \\\n  ')
}
