// Who did what, newest first.

import type { ComponentChildren } from 'preact'
import { withQuery } from '../api.ts'
import { Search } from '../controls.tsx'
import { cut } from '../format.ts'
import { useResource } from '../hooks.ts'
import { type Json, toJson } from '../json.ts'
import { type Column, TableListing } from '../list.tsx'
import { Path, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, useLocation } from '../router.tsx'

interface Line {
  id: string
  created_at: string
  actor: string
  actor_name: string
  ip: string | null
  action: string
  subject: string
  detail: { [key: string]: Json }
}

const FILTERS = [
  ['actor', 'Who', 'key:ID'],
  ['action', 'What', 'key.created'],
  ['subject', 'Of what', 'playbook:PATH'],
] as const

/** Where what a line is about has a page. */
function placeOf(subject: string): string | null {
  const at = subject.indexOf(':')
  const [kind, name] = [subject.slice(0, at), subject.slice(at + 1)]
  switch (kind) {
    case 'playbook':
      return addressOf('playbooks', name)
    case 'hook':
    case 'schedule':
      return withQuery(`/${kind}s`, { name })
    case 'key':
      return '/keys'
    case 'credential':
      return withQuery('/credentials', { q: name })
    default:
      return null
  }
}

function Subject({ of }: { of: string }) {
  const place = placeOf(of)
  const said = <Path of={of} />
  return place === null ? said : <Link to={place}>{said}</Link>
}

function Action({ of }: { of: string }) {
  return <Link to={withQuery('/audit', { action: of })}>{of}</Link>
}

function Detail({ of }: { of: Line['detail'] }): ComponentChildren {
  const { execution_id, ...others } = of
  const said = Object.entries(others)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : toJson(value)}`)
  return (
    <>
      {said.length > 0 && <span class="sub-line muted">{cut(said.join(', '), 400)}</span>}
      {typeof execution_id === 'string' && (
        <Link to={addressOf('executions', execution_id)} class="sub-line">
          its run
        </Link>
      )}
    </>
  )
}

const COLUMNS: readonly Column<Line>[] = [
  ['When', ({ created_at }) => <Time at={created_at} />],
  [
    'Who',
    ({ actor, actor_name }) => (
      <>
        <Link to={withQuery('/audit', { actor })}>{actor_name}</Link>
        {actor !== actor_name && <span class="sub-line muted">{actor}</span>}
      </>
    ),
  ],
  ['What', ({ action }) => <Action of={action} />, 'wide-only'],
  [
    'Of what',
    ({ action, subject, detail }) => (
      <>
        <span class="narrow-only">
          <Action of={action} />
        </span>
        <Subject of={subject} />
        <Detail of={detail} />
      </>
    ),
    'main-cell',
  ],
  ['From', ({ ip }) => ip ?? <span class="muted">–</span>, 'wide-only'],
]

export function Audit() {
  const { query } = useLocation()
  const filters = Object.fromEntries(FILTERS.map(([name]) => [name, query.get(name)]))
  const list = useResource<{ items: Line[] }>(
    withQuery('/api/audit', { ...filters, limit: 50, cursor: query.get('cursor') }),
    { keep: true },
  )
  const isFiltered = FILTERS.some(([name]) => query.has(name))
  return (
    <>
      <div class="head">
        <h1>Audit</h1>
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filter">
        {FILTERS.map(([name, label, placeholder]) => (
          <Search key={name} name={name} label={label} placeholder={placeholder} />
        ))}
        {isFiltered && (
          <button type="button" class="plain" onClick={() => navigate(location.pathname)}>
            Clear
          </button>
        )}
      </form>
      <TableListing
        of={list}
        what="the audit"
        empty={isFiltered ? 'No line is like that.' : 'Nothing was changed yet.'}
        caption="Who did what, newest first"
        columns={COLUMNS}
        keyOf={({ id }) => id}
      />
    </>
  )
}
