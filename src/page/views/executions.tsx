// Runs, newest first. The newest page is live; what is filtered stands in the address.

import { useEffect, useRef, useState } from 'preact/hooks'
import { withQuery } from '../api.ts'
import { Choice, Labelled, PathInput, Search, Typed } from '../controls.tsx'
import { useLive, useResource } from '../hooks.ts'
import { type Column, Listing, Table } from '../list.tsx'
import { Live, Path, Progress, Status, stateOf, Time, Took } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, setQuery, useLocation } from '../router.tsx'
import type { Execution } from '../types.ts'

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
      <Listing
        of={list}
        what="executions"
        empty={
          isFiltered ? (
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
          )
        }
      >
        {(items) => <ExecutionTable items={items} />}
      </Listing>
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
        <Choice label="Status" name="status" options={[['', 'all'], ...STATES]} />
        <Labelled label="Playbook">
          <PathInput value={query.get('path') ?? ''} onValue={set('path')} />
        </Labelled>
        <Search placeholder="id, error, playbook" />
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
        <Choice label="Sort" name="sort" options={SORTS} />
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

const COLUMNS: readonly Column<Execution>[] = [
  ['Status', ({ status, error }) => <Status status={status} error={error} />],
  [
    'Playbook',
    ({ id, playbook_id, version, error }) => (
      <>
        <Link to={addressOf('executions', id)} class="row-link">
          <Path of={playbook_id} />
        </Link>
        {version && <span class="muted"> v{version}</span>}
        {error !== null && error !== 'cancelled' && <span class="error-line">{error}</span>}
      </>
    ),
    'main-cell',
  ],
  ['Started', ({ start_time }) => <Time at={start_time} />],
  [
    'Duration',
    ({ start_time, end_time, duration }) => (
      <Took from={start_time} until={end_time} seconds={duration} />
    ),
    'num',
  ],
  [
    'Progress',
    ({ progress, status, error }) => <Progress value={progress} state={stateOf(status, error)} />,
    'wide-only',
  ],
  ['Id', ({ id }) => <code class="muted">{id}</code>, 'wide-only'],
]

/** Arrow keys go from row to row; what has come since one looks is marked. */
export function ExecutionTable({
  items,
  plain = false,
}: {
  items: readonly Execution[]
  plain?: boolean
}) {
  const seen = useRef<Set<string> | null>(null)
  useEffect(() => {
    seen.current ??= new Set()
    for (const { id } of items) seen.current.add(id)
  }, [items])
  const isFresh = (id: string) => seen.current !== null && !seen.current.has(id)
  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key]
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    const links = [...event.currentTarget.querySelectorAll<HTMLElement>('a.row-link')]
    const link = links[links.indexOf(document.activeElement as HTMLElement) + by]
    if (!link) return
    event.preventDefault()
    link.focus()
  }
  const going = items.filter(({ end_time }) => end_time === null).length
  return (
    <Table
      look="executions"
      caption={
        plain ? 'Executions' : `Executions, newest first: ${items.length} shown, ${going} under way`
      }
      columns={COLUMNS}
      keyOf={({ id }) => id}
      items={items}
      row={({ id }) => ({
        class: isFresh(id) ? 'fresh' : '',
        onClick: (event) => {
          const target = event.target as Element
          if (target.closest('a, button') || getSelection()?.toString()) return
          navigate(addressOf('executions', id))
        },
      })}
      onKeyDown={onKeyDown}
    />
  )
}
