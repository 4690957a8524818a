// Hooks, and what was delivered to them.

import { useState } from 'preact/hooks'
import { PROVIDERS } from '../../hook/verify/types.ts'
import { send, withQuery } from '../api.ts'
import { Confirm, Secret } from '../dialog.tsx'
import { type FieldSpec, textsOf } from '../entry.ts'
import { Entry } from '../entry-form.tsx'
import { useAct, useResource } from '../hooks.ts'
import { type Column, TableListing } from '../list.tsx'
import { Copy, Enabled, Fact, Loaded, Path, Problem, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, useLocation } from '../router.tsx'
import { Deliveries } from './deliveries.tsx'

interface Hook {
  name: string
  url: string
  provider: string
  path: string
  version: number | null
  enabled: boolean
  secret_count: number
  filter: string | null
  overlap: string
  created_by: string
  created_at: string
  updated_at: string
  drawn_secret?: string
}

const SETTINGS: readonly FieldSpec[] = [
  { name: 'path', label: 'Playbook', kind: 'playbook', required: true },
  {
    name: 'filter',
    label: 'Filter',
    kind: 'text',
    hint: "over headers, query, body and event_type: body.ref == 'refs/heads/main'",
  },
  {
    name: 'parameters',
    label: 'Parameters',
    kind: 'json',
    hint: 'templates over the same; by default the body',
  },
  {
    name: 'overlap',
    label: 'While its last run goes on',
    kind: 'choice',
    choices: ['allow', 'skip', 'replace'],
    rare: true,
  },
  { name: 'version', label: 'Version', kind: 'version', hint: 'by default the latest', rare: true },
  {
    name: 'delivery_id',
    label: 'What a delivery is known by',
    kind: 'text',
    hint: 'a template: {{ body.order.id }}',
    rare: true,
  },
  { name: 'merge', label: 'Merge parameters deep into the workload', kind: 'boolean', rare: true },
  {
    name: 'header',
    label: 'Header',
    kind: 'text',
    hint: 'of provider token: which one has it',
    rare: true,
  },
  {
    name: 'public_url',
    label: 'Public address',
    kind: 'text',
    hint: 'of provider twilio',
    rare: true,
  },
  { name: 'tolerance_seconds', label: 'Tolerance in seconds', kind: 'number', rare: true },
  {
    name: 'identical_content',
    label: 'The same signed content again',
    kind: 'choice',
    choices: ['refuse', 'allow'],
    rare: true,
  },
  { name: 'keep_days', label: 'Days that deliveries are kept', kind: 'number', rare: true },
]

const NEW: readonly FieldSpec[] = [
  { name: 'name', label: 'Name', kind: 'text', hint: 'its address is /hooks/NAME', required: true },
  {
    name: 'provider',
    label: 'Provider',
    kind: 'choice',
    choices: PROVIDERS,
    hint: 'whose signatures it takes',
    required: true,
  },
  {
    name: 'secrets',
    label: 'Secrets',
    kind: 'lines',
    secret: true,
    hint: 'one a line; none: one is drawn, where the provider allows',
  },
  ...SETTINGS,
]

export function Hooks() {
  const { query } = useLocation()
  const name = query.get('name')
  return name === null ? <HookList /> : <HookView name={name} key={name} />
}

const COLUMNS: readonly Column<Hook>[] = [
  ['Name', ({ name }) => <Link to={withQuery('/hooks', { name })}>{name}</Link>],
  ['Provider', ({ provider }) => provider, 'wide-only'],
  ['Starts', (hook) => <Started of={hook} />, 'main-cell'],
  ['State', ({ enabled }) => <Enabled is={enabled} />],
  ['Made', ({ created_at }) => <Time at={created_at} />, 'wide-only'],
]

function HookList() {
  const { query } = useLocation()
  const list = useResource<{ items: Hook[] }>(
    withQuery('/api/hooks', { limit: 100, cursor: query.get('cursor') }),
  )
  const [made, setMade] = useState<Hook | null>(null)
  return (
    <>
      <div class="head">
        <h1>Hooks</h1>
        <div class="actions">
          <Entry
            label="New hook"
            look="primary"
            specs={NEW}
            before={{}}
            draft="new hook"
            act="Make it"
            onSend={async (body) => {
              const { data } = await send<Hook>('POST', '/api/hooks', { body })
              setMade(data)
              list.reload()
            }}
          />
        </div>
      </div>
      {made?.drawn_secret && (
        <Secret
          label={`The secret of ${made.name}.`}
          value={made.drawn_secret}
          onClose={() => setMade(null)}
        />
      )}
      <TableListing
        of={list}
        what="hooks"
        empty="No hooks yet: a hook is an address that starts a playbook when a webhook is delivered to it."
        caption="Hooks, newest first"
        columns={COLUMNS}
        keyOf={({ name }) => name}
      />
    </>
  )
}

function Started({ of: { path, version } }: { of: Hook }) {
  return (
    <>
      <Link to={addressOf('playbooks', path)}>
        <Path of={path} />
      </Link>
      {version !== null && <span class="muted"> v{version}</span>}
    </>
  )
}

function HookView({ name }: { name: string }) {
  const path = `/api/hooks/${encodeURIComponent(name)}`
  const hook = useResource<Hook>(path)
  const [secret, setSecret] = useState<string | null>(null)
  const act = useAct(async (what: 'enable' | 'disable' | 'rotate' | 'delete') => {
    if (what === 'delete') {
      await send('DELETE', path)
      navigate('/hooks')
      return
    }
    if (what === 'rotate') {
      const { data } = await send<Hook>('POST', `${path}/rotate`, { body: {} })
      setSecret(data.drawn_secret ?? null)
    } else await send('PATCH', path, { body: { enabled: what === 'enable' } })
    hook.reload()
  })
  return (
    <>
      <p class="crumbs">
        <Link to="/hooks">Hooks</Link> / {name}
      </p>
      <Loaded of={hook} what="the hook">
        {(data) => (
          <>
            <div class="head">
              <h1>{name}</h1>
              <div class="actions">
                <button
                  type="button"
                  class="small"
                  disabled={act.isBusy}
                  onClick={() => act.run(data.enabled ? 'disable' : 'enable')}
                >
                  {data.enabled ? 'Disable' : 'Enable'}
                </button>
                <Entry
                  label="Change …"
                  title={`Change ${name}`}
                  specs={SETTINGS}
                  before={textsOf(SETTINGS, { ...data })}
                  draft={`hook ${name}`}
                  act="Change it"
                  onSend={async (body) => {
                    await send('PATCH', path, { body })
                    hook.reload()
                  }}
                />
                <Confirm
                  label="Rotate secret"
                  danger={false}
                  question="A new secret is drawn. The present one counts beside it until the next one is drawn."
                  onConfirm={() => act.run('rotate')}
                />
                <Confirm
                  label="Delete"
                  question="The address is gone, and by and by its deliveries."
                  onConfirm={() => act.run('delete')}
                />
              </div>
            </div>
            <Problem problem={act.problem} />
            {secret && (
              <Secret label="The new secret." value={secret} onClose={() => setSecret(null)} />
            )}
            <dl class="facts">
              <Fact name="State">
                <Enabled is={data.enabled} />
              </Fact>
              <Fact name="Starts">
                <Started of={data} />
              </Fact>
              <Fact name="Provider">
                {data.provider},{' '}
                {data.secret_count === 1 ? '1 secret' : `${data.secret_count} secrets`}
              </Fact>
              <Fact name="While a run goes on">{data.overlap}</Fact>
              {data.filter && (
                <Fact name="Filter">
                  <code>{data.filter}</code>
                </Fact>
              )}
              <Fact name="Address" class="row whole">
                <code>{new URL(data.url, location.origin).href}</code>{' '}
                <Copy text={new URL(data.url, location.origin).href} />
              </Fact>
            </dl>
          </>
        )}
      </Loaded>
      <Deliveries path={path} />
    </>
  )
}
