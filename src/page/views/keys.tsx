// API keys: made, shown once, revoked.

import { useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import type { FieldSpec } from '../entry.ts'
import { EntryForm } from '../entry-form.tsx'
import { useAct, useResource } from '../hooks.ts'
import { Confirm, Dialog, Empty, Loaded, Pager, Problem, Secret, Shape, Time } from '../parts.tsx'
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

export function Keys() {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const list = useResource<{ items: Key[] }>(withQuery('/api/keys', { limit: 100, cursor }))
  const [isMaking, setMaking] = useState(false)
  const [made, setMade] = useState<(Key & { key: string }) | null>(null)
  const revoke = useAct(async (id: string) => {
    await send('DELETE', `/api/keys/${id}`)
    list.reload()
  })
  return (
    <>
      <div class="head">
        <h1>Keys</h1>
        <div class="actions">
          <button type="button" class="primary" onClick={() => setMaking(true)}>
            New key
          </button>
        </div>
      </div>
      {made && (
        <Secret label={`The key ${made.name}.`} value={made.key} onClose={() => setMade(null)} />
      )}
      <Problem problem={revoke.problem} />
      <Loaded of={list} what="keys">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>No keys yet.</Empty>
          ) : (
            <div class="scroll">
              <table class="list">
                <caption class="hidden">API keys, newest first</caption>
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Scopes</th>
                    <th scope="col" class="wide-only">
                      Prefix
                    </th>
                    <th scope="col">State</th>
                    <th scope="col" class="wide-only">
                      Last used
                    </th>
                    <th scope="col" class="wide-only">
                      Made
                    </th>
                    <th scope="col">
                      <span class="hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <Row key={item.id} item={item} onRevoke={() => revoke.run(item.id)} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      <Pager cursor={cursor} next={list.next} />
      {isMaking && (
        <Dialog title="New key" wide onClose={() => setMaking(false)}>
          <EntryForm
            specs={NEW}
            before={{}}
            draft="new key"
            label="Make it"
            onSend={async (body) => {
              const { data } = await send<Key & { key: string }>('POST', '/api/keys', { body })
              setMaking(false)
              setMade(data)
              list.reload()
            }}
          />
        </Dialog>
      )}
    </>
  )
}

function Row({ item, onRevoke }: { item: Key; onRevoke: () => void }) {
  const isExpired = item.expires_at !== null && Date.parse(item.expires_at) <= Date.now()
  const [state, word] = item.revoked_at
    ? (['cancelled', 'revoked'] as const)
    : isExpired
      ? (['skipped', 'expired'] as const)
      : (['completed', 'in use'] as const)
  return (
    <tr>
      <td>{item.name}</td>
      <td class="wrap">{item.scopes.join(', ')}</td>
      <td class="wide-only">{item.path_prefix ?? <span class="muted">all</span>}</td>
      <td>
        <span class={`status s-${state}`}>
          <Shape state={state} />
          <span>{word}</span>
        </span>
        {item.expires_at && !isExpired && (
          <span class="sub-line muted">
            until <Time at={item.expires_at} />
          </span>
        )}
      </td>
      <td class="wide-only">
        <Time at={item.last_used_at} relative />
      </td>
      <td class="wide-only">
        <Time at={item.created_at} />
      </td>
      <td>
        {!item.revoked_at && (
          <Confirm
            label="Revoke"
            question={`Whoever uses ${item.name} is refused within a minute.`}
            onConfirm={onRevoke}
          />
        )}
      </td>
    </tr>
  )
}
