// Credentials: what steps name in `auth`. What they hold is written here and never read.

import { send, withQuery } from '../api.ts'
import { Search } from '../controls.tsx'
import { Confirm } from '../dialog.tsx'
import { type FieldSpec, textsOf } from '../entry.ts'
import { Entry } from '../entry-form.tsx'
import { useAct, useResource } from '../hooks.ts'
import type { Json } from '../json.ts'
import { type Column, TableListing } from '../list.tsx'
import { Problem, Time } from '../parts.tsx'
import { Link, useLocation } from '../router.tsx'

interface Credential {
  name: string
  type: string
  meta: Json
  tags: string[] | null
  description: string | null
  updated_at: string
}

const SETTINGS: readonly FieldSpec[] = [
  {
    name: 'type',
    label: 'Type',
    kind: 'text',
    required: true,
    hint: 'postgres, bearer, basic, api_key, header, .. or generic',
  },
  {
    name: 'data',
    label: 'Data',
    kind: 'json',
    required: true,
    secret: true,
    hint: 'a JSON object: {"token": ".."}; it is kept encrypted, and not shown again',
  },
  { name: 'description', label: 'Description', kind: 'text' },
  { name: 'tags', label: 'Tags', kind: 'lines', hint: 'one a line', rare: true },
]

const NEW: readonly FieldSpec[] = [
  { name: 'name', label: 'Name', kind: 'text', required: true, hint: 'what steps call it' },
  ...SETTINGS,
]

export function Credentials() {
  const { query } = useLocation()
  const q = query.get('q') ?? ''
  const list = useResource<{ items: Credential[] }>(
    withQuery('/api/credentials', { q, limit: 100, cursor: query.get('cursor') }),
    { keep: true },
  )
  const put = async (body: { [key: string]: Json }) => {
    await send('POST', '/api/credentials', { body })
    list.reload()
  }
  const remove = useAct(async (name: string) => {
    await send('DELETE', `/api/credentials/${encodeURIComponent(name)}`)
    list.reload()
  })
  const columns: readonly Column<Credential>[] = [
    [
      'Name',
      ({ name, description, tags }) => (
        <>
          {name}
          {description && <span class="sub-line muted">{description}</span>}
          {tags && tags.length > 0 && <span class="sub-line muted">{tags.join(', ')}</span>}
        </>
      ),
      'main-cell',
    ],
    ['Type', ({ type }) => type],
    [
      'Changed',
      ({ name, updated_at }) => (
        <Link to={withQuery('/audit', { subject: `credential:${name}` })}>
          <Time at={updated_at} />
        </Link>
      ),
    ],
    [
      'Actions',
      ({ name, type, description, tags, meta }) => (
        <span class="row">
          <Entry
            label="Replace …"
            title={`Replace ${name}`}
            specs={SETTINGS}
            before={textsOf(SETTINGS, { type, description, tags })}
            draft={`credential ${name}`}
            act="Replace it"
            onSend={(body) => put({ name, type, description, tags, meta, ...body })}
          />
          <Confirm
            label="Delete"
            question={`Steps that name ${name} fail from then on.`}
            onConfirm={() => remove.run(name)}
          />
        </span>
      ),
      'quiet',
    ],
  ]
  return (
    <>
      <div class="head">
        <h1>Credentials</h1>
        <div class="actions">
          <Entry
            label="New credential"
            look="primary"
            specs={NEW}
            before={{ type: 'postgres' }}
            draft="new credential"
            act="Make it"
            onSend={(body) => put({ type: 'postgres', ...body })}
          />
        </div>
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filter">
        <Search placeholder="name, description" />
      </form>
      <Problem problem={remove.problem} />
      <TableListing
        of={list}
        what="credentials"
        empty={
          q === ''
            ? 'No credentials yet: a credential is what a step signs in with, by its name.'
            : `No credential has “${q}” in it.`
        }
        caption="Credentials, by name"
        columns={columns}
        keyOf={({ name }) => name}
      />
    </>
  )
}
