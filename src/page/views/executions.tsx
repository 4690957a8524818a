// Runs, newest first. The newest page is live; what is filtered stands in the address.

import { useEffect, useRef, useState } from 'preact/hooks'
import { get, withQuery } from '../api.ts'
import { useLive, useResource, useRested } from '../hooks.ts'
import {
  Empty,
  Labelled,
  Live,
  Loaded,
  Pager,
  Progress,
  Status,
  stateOf,
  Time,
  Took,
} from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, setQuery, useLocation } from '../router.tsx'
import type { Execution, PlaybookItem } from '../types.ts'

const PAGE = 50
const FILTERS = ['status', 'path', 'q', 'label', 'since', 'until', 'sort'] as const

export function Executions() {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]))
  const path = withQuery('/api/executions', {
    limit: PAGE,
    cursor,
    ...filters,
    ...spanOf(query.get('since')),
  })
  const list = useResource<Execution[]>(path, { keep: true })
  const liveness = useLive(
    cursor
      ? null
      : withQuery('/api/stream', { path: query.get('path'), status: query.get('status') }),
    list.reload,
  )
  const isFiltered = FILTERS.some((name) => name !== 'sort' && query.get(name))
  return (
    <>
      <div class="head">
        <h1>Executions</h1>
        <Total filters={{ ...filters, ...spanOf(query.get('since')), sort: null }} />
        <Live state={liveness} />
      </div>
      <Filters />
      <Loaded of={list} what="executions">
        {(items) =>
          items.length === 0 ? (
            <Empty>
              {isFiltered ? (
                <>
                  <p>No run is like that.</p>
                  <button type="button" onClick={() => navigate(location.pathname)}>
                    Show all
                  </button>
                </>
              ) : (
                <>
                  <p>Nothing has run yet.</p>
                  <Link to="/playbooks">Choose a playbook and run it</Link>
                </>
              )}
            </Empty>
          ) : (
            <ExecutionTable items={items} />
          )
        }
      </Loaded>
      <Pager cursor={cursor} next={list.next} />
    </>
  )
}

/** How many there are. It is not counted again at each change, as that may be much work. */
function Total({ filters }: { filters: Record<string, string | null> }) {
  const counted = useResource(
    withQuery('/api/executions', { ...filters, limit: 1, count: 'true' }),
    {
      keep: true,
    },
  )
  const { reload } = counted
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), 30_000)
    return () => clearInterval(timer)
  }, [reload])
  const total = counted.headers?.get('x-total-count')
  if (!total) return null
  const isExact = counted.headers?.get('x-total-count-exact') !== 'false'
  return (
    <span class="muted">
      {isExact ? '' : 'more than '}
      {Number(total).toLocaleString('en')}
    </span>
  )
}

/** `since=1h` is an hour before now; it is reckoned to the minute, so that the address asked stays the same. */
function spanOf(since: string | null): { since?: string } {
  const [, amount, unit] = /^(\d+)([hd])$/.exec(since ?? '') ?? []
  if (!amount) return {}
  const minute = Math.floor(Date.now() / 60_000) * 60_000
  const span = Number(amount) * (unit === 'h' ? 3_600_000 : 86_400_000)
  return { since: new Date(minute - span).toISOString() }
}

const SINCE = [
  ['', 'any time'],
  ['1h', 'the last hour'],
  ['24h', 'the last day'],
  ['7d', 'the last week'],
  ['30d', 'the last month'],
] as const

const SORTS = [
  ['', 'newest'],
  ['started', 'oldest'],
  ['-ended', 'ended last'],
  ['-duration', 'longest'],
  ['duration', 'shortest'],
] as const

const STATES = ['running', 'completed', 'failed', 'paused', 'pending'] as const

function Filters() {
  const { query } = useLocation()
  const set = (name: string) => (value: string) =>
    setQuery({ [name]: value, cursor: null }, { replace: true })
  const since = query.get('since') ?? ''
  const isFixed = since !== '' && !SINCE.some(([value]) => value === since)
  const [isCustom, setCustom] = useState(isFixed || query.has('until'))
  const active = FILTERS.filter((name) => query.get(name)).length
  const [isOpen, setOpen] = useState(active > 0)
  useEffect(() => {
    // where there is room they are always there
    const wide = matchMedia('(min-width: 821px)')
    const look = () => wide.matches && setOpen(true)
    look()
    wide.addEventListener('change', look)
    return () => wide.removeEventListener('change', look)
  }, [])
  return (
    <details
      class="fold-filters"
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>Filter and sort</summary>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filter">
        <Labelled label="Status">
          <select
            value={query.get('status') ?? ''}
            onChange={(event) => set('status')(event.currentTarget.value)}
          >
            <option value="">all</option>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {state}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled label="Playbook">
          <PathInput value={query.get('path') ?? ''} onValue={set('path')} />
        </Labelled>
        <Labelled label="Search">
          <Typed
            value={query.get('q') ?? ''}
            onValue={set('q')}
            placeholder="id, error, playbook"
            type="search"
          />
        </Labelled>
        <Labelled label="Label">
          <Typed value={query.get('label') ?? ''} onValue={set('label')} placeholder="key:value" />
        </Labelled>
        <Labelled label="Started">
          <select
            value={isCustom ? 'custom' : since}
            onChange={(event) => {
              const { value } = event.currentTarget
              setCustom(value === 'custom')
              if (value !== 'custom')
                setQuery({ since: value, until: null, cursor: null }, { replace: true })
            }}
          >
            {SINCE.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
            <option value="custom">between …</option>
          </select>
        </Labelled>
        {isCustom && (
          <>
            <Labelled label="From">
              <Moment value={isFixed ? since : ''} onValue={set('since')} />
            </Labelled>
            <Labelled label="Until">
              <Moment value={query.get('until') ?? ''} onValue={set('until')} />
            </Labelled>
          </>
        )}
        <Labelled label="Sort">
          <select
            value={query.get('sort') ?? ''}
            onChange={(event) => set('sort')(event.currentTarget.value)}
          >
            {SORTS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </Labelled>
        {active > 0 && (
          <button
            type="button"
            class="plain"
            onClick={() => {
              setCustom(false)
              navigate(location.pathname)
            }}
          >
            Clear
          </button>
        )}
      </form>
    </details>
  )
}

/** A text that counts once one has stopped typing. */
export function Typed({
  value,
  onValue,
  ...others
}: {
  value: string
  onValue: (value: string) => void
  placeholder?: string
  type?: 'text' | 'search'
  list?: string
}) {
  const [text, setText] = useState(value)
  const rested = useRested(text, 350)
  const sent = useRef(value)
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value
      setText(value)
    }
  }, [value])
  const tell = (typed: string) => {
    if (typed === sent.current) return
    sent.current = typed
    onValue(typed.trim())
  }
  useEffect(() => tell(rested), [rested])
  return (
    <input
      type="text"
      spellcheck={false}
      autoComplete="off"
      {...others}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      // whoever leaves the field, or presses Enter, has stopped
      onChange={(event) => tell(event.currentTarget.value)}
    />
  )
}

/** The path of a playbook, with those that there are to choose from. */
export function PathInput({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const [known, setKnown] = useState<PlaybookItem[]>([])
  const find = (q: string) => {
    get<PlaybookItem[]>(withQuery('/api/catalog/playbooks/search', { q, limit: 20 }))
      .then(setKnown)
      .catch(() => setKnown([]))
  }
  return (
    <>
      <span onFocusIn={() => known.length === 0 && find('')}>
        <Typed
          value={value}
          onValue={(text) => {
            onValue(text)
            find(text)
          }}
          list="known-paths"
          placeholder="path"
        />
      </span>
      <datalist id="known-paths">
        {known.map(({ id }) => (
          <option key={id} value={id} />
        ))}
      </datalist>
    </>
  )
}

function Moment({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const local = () => {
    const then = new Date(value)
    if (Number.isNaN(then.getTime())) return ''
    return new Date(then.getTime() - then.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
  }
  return (
    <input
      type="datetime-local"
      value={local()}
      onChange={(event) => {
        const text = event.currentTarget.value
        onValue(text === '' ? '' : new Date(text).toISOString())
      }}
    />
  )
}

const isOver = ({ end_time }: Execution) => end_time !== null

/** Arrow keys go from row to row; what has come since one looks is marked. */
export function ExecutionTable({
  items,
  plain = false,
}: {
  items: readonly Execution[]
  plain?: boolean
}) {
  const body = useRef<HTMLTableSectionElement>(null)
  const seen = useRef<Set<string> | null>(null)
  const isFresh = (id: string) => seen.current !== null && !seen.current.has(id)
  useEffect(() => {
    seen.current ??= new Set()
    for (const { id } of items) seen.current.add(id)
  }, [items])
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key]
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    const links = [...(body.current?.querySelectorAll<HTMLElement>('a.row-link') ?? [])]
    const at = links.indexOf(document.activeElement as HTMLElement)
    const link = links[at + by]
    if (!link) return
    event.preventDefault()
    link.focus()
  }
  const going = items.filter((item) => !isOver(item)).length
  return (
    <div class="scroll">
      <table class="list executions">
        <caption class="hidden">
          {plain
            ? 'Executions'
            : `Executions, newest first: ${items.length} shown, ${going} under way`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Status</th>
            <th scope="col">Playbook</th>
            <th scope="col">Started</th>
            <th scope="col" class="num">
              Duration
            </th>
            <th scope="col" class="wide-only">
              Progress
            </th>
            <th scope="col" class="wide-only">
              Id
            </th>
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={onKeyDown}>
          {items.map((item) => (
            <Row key={item.id} item={item} isFresh={isFresh(item.id)} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ item, isFresh }: { item: Execution; isFresh: boolean }) {
  const address = addressOf('executions', item.id)
  const onClick = (event: MouseEvent) => {
    const target = event.target as Element
    if (target.closest('a, button') || getSelection()?.toString()) return
    navigate(address)
  }
  const state = stateOf(item.status, item.error)
  return (
    <tr class={isFresh ? 'fresh' : ''} onClick={onClick}>
      <td>
        <Status status={item.status} error={item.error} />
      </td>
      <td class="main-cell">
        <Link to={address} class="row-link">
          {item.playbook_id}
        </Link>
        {item.version && <span class="muted"> v{item.version}</span>}
        {item.error !== null && <span class="error-line">{item.error}</span>}
      </td>
      <td>
        <Time at={item.start_time} />
      </td>
      <td class="num">
        <Took from={item.start_time} until={item.end_time} seconds={item.duration} />
      </td>
      <td class="wide-only">
        <Progress value={item.progress} state={state} />
      </td>
      <td class="wide-only">
        <code class="muted">{item.id}</code>
      </td>
    </tr>
  )
}
