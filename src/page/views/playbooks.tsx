// The catalog: the latest version of each playbook.

import { withQuery } from '../api.ts'
import { Search } from '../controls.tsx'
import { useResource } from '../hooks.ts'
import { type Column, TableListing } from '../list.tsx'
import { Path, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, setQuery, useLocation } from '../router.tsx'
import type { PlaybookItem } from '../types.ts'
import { NewPlaybook } from './playbook-editor.tsx'

const PAGE = 50

const COLUMNS: readonly Column<PlaybookItem>[] = [
  [
    'Path',
    ({ id, description }) => (
      <>
        <Link to={addressOf('playbooks', id)}>
          <Path of={id} />
        </Link>
        {description && <span class="sub-line muted">{description}</span>}
      </>
    ),
    'main-cell',
  ],
  ['Version', ({ version }) => version, 'num'],
  ['Steps', ({ tasks_count }) => tasks_count, 'num wide-only'],
  ['Registered', ({ updated_at }) => <Time at={updated_at} />],
  [
    'Runs',
    ({ id }) => <Link to={withQuery('/executions', { path: id })}>runs</Link>,
    'quiet wide-only',
  ],
]

export function Playbooks() {
  const { query } = useLocation()
  const q = query.get('q') ?? ''
  const list = useResource<PlaybookItem[]>(
    withQuery('/api/catalog/playbooks/search', { q, limit: PAGE, cursor: query.get('cursor') }),
    { keep: true },
  )
  if (query.has('new')) return <NewPlaybook />
  return (
    <>
      <div class="head">
        <h1>Playbooks</h1>
        <div class="actions">
          <button
            type="button"
            class="primary"
            onClick={() => setQuery({ new: '1', q: null, cursor: null })}
          >
            New playbook
          </button>
        </div>
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filter">
        <Search placeholder="path, name, description" />
      </form>
      <TableListing
        of={list}
        what="playbooks"
        empty={q === '' ? 'No playbook is registered yet.' : `No playbook has “${q}” in it.`}
        caption="Playbooks, those registered last first"
        columns={COLUMNS}
        keyOf={({ id }) => id}
      />
    </>
  )
}
