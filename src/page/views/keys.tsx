// API keys: made, shown once, revoked.

import { useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import { Confirm, Secret } from '../dialog.tsx'
import type { FieldSpec } from '../entry.ts'
import { Entry } from '../entry-form.tsx'
import { useAct, useResource } from '../hooks.ts'
import { type Column, TableListing } from '../list.tsx'
import { Mark, Problem, Time } from '../parts.tsx'
import { useLocation } from '../router.tsx'

interface Key {
  id: string
  name: string
  scopes: string[]
  path_prefix: string | null
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  revoked_at: string | null
}

const NEW: readonly FieldSpec[] = [
  { name: 'name', label: 'Name', kind: 'text', required: true, hint: 'whose it is, or what for' },
  {
    name: 'scopes',
    label: 'Scopes',
    kind: 'choices',
    required: true,
    choices: ['read', 'run', 'event', 'worker', 'catalog', 'credential', 'hook', 'admin'],
    hint: 'what it may do; admin is all of them',
  },
  {
    name: 'path_prefix',
    label: 'Path prefix',
    kind: 'text',
    hint: 'only playbooks below it: team-a/',
  },
  { name: 'expires_at', label: 'Expires', kind: 'time', hint: 'from then on it is refused' },
]

const stateOf = ({ revoked_at, expires_at }: Key) => {
  if (revoked_at) return ['cancelled', 'revoked'] as const
  if (expires_at !== null && Date.parse(expires_at) <= Date.now())
    return ['skipped', 'expired'] as const
  return ['completed', 'in use'] as const
}

export function Keys() {
  const { query } = useLocation()
  const list = useResource<{ items: Key[] }>(
    withQuery('/api/keys', { limit: 100, cursor: query.get('cursor') }),
  )
  const [made, setMade] = useState<(Key & { key: string }) | null>(null)
  const revoke = useAct(async (id: string) => {
    await send('DELETE', `/api/keys/${id}`)
    list.reload()
  })
  const columns: readonly Column<Key>[] = [
    ['Name', ({ name }) => name],
    ['Scopes', ({ scopes }) => scopes.join(', '), 'wrap'],
    ['Prefix', ({ path_prefix }) => path_prefix ?? <span class="muted">all</span>, 'wide-only'],
    [
      'State',
      (item) => {
        const [state, word] = stateOf(item)
        return (
          <>
            <Mark state={state}>{word}</Mark>
            {item.expires_at && word === 'in use' && (
              <span class="sub-line muted">
                until <Time at={item.expires_at} />
              </span>
            )}
          </>
        )
      },
    ],
    ['Last used', ({ last_used_at }) => <Time at={last_used_at} relative />, 'wide-only'],
    ['Made', ({ created_at }) => <Time at={created_at} />, 'wide-only'],
    [
      'Actions',
      ({ id, name, revoked_at }) =>
        !revoked_at && (
          <Confirm
            label="Revoke"
            question={`Whoever uses ${name} is refused within a minute.`}
            onConfirm={() => revoke.run(id)}
          />
        ),
      'quiet',
    ],
  ]
  return (
    <>
      <div class="head">
        <h1>Keys</h1>
        <div class="actions">
          <Entry
            label="New key"
            look="primary"
            specs={NEW}
            before={{}}
            draft="new key"
            act="Make it"
            onSend={async (body) => {
              const { data } = await send<Key & { key: string }>('POST', '/api/keys', { body })
              setMade(data)
              list.reload()
            }}
          />
        </div>
      </div>
      {made && (
        <Secret label={`The key ${made.name}.`} value={made.key} onClose={() => setMade(null)} />
      )}
      <Problem problem={revoke.problem} />
      <TableListing
        of={list}
        what="keys"
        empty="No keys yet."
        caption="API keys, newest first"
        columns={columns}
        keyOf={({ id }) => id}
      />
    </>
  )
}
