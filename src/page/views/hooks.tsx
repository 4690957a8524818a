// Hooks, and what was delivered to them.

import { useState } from 'preact/hooks'
import { PROVIDERS } from '../../hook/verify/types.ts'
import { send, withQuery } from '../api.ts'
import { type FieldSpec, textsOf } from '../entry.ts'
import { EntryForm } from '../entry-form.tsx'
import { bytes } from '../format.ts'
import { useAct, useResource } from '../hooks.ts'
import type { Json } from '../json.ts'
import {
  Confirm,
  Copy,
  Dialog,
  Empty,
  Labelled,
  Loaded,
  Loading,
  Pager,
  Problem,
  Secret,
  Shape,
  Time,
} from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, setQuery, useLocation } from '../router.tsx'
import { Tree } from '../tree.tsx'

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

interface Delivery {
  id: string
  delivery_id: string | null
  result: string
  reason: string | null
  execution_id: string | null
  event_type: string | null
  ip: string | null
  body_bytes: number
  redelivery_of: string | null
  received_at: string
  is_kept: boolean
  headers?: Json
  query?: Json
  body?: Json
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

function HookList() {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const list = useResource<{ items: Hook[] }>(withQuery('/api/hooks', { limit: 100, cursor }))
  const [isMaking, setMaking] = useState(false)
  const [made, setMade] = useState<Hook | null>(null)
  return (
    <>
      <div class="head">
        <h1>Hooks</h1>
        <div class="actions">
          <button type="button" class="primary" onClick={() => setMaking(true)}>
            New hook
          </button>
        </div>
      </div>
      {made?.drawn_secret && (
        <Secret
          label={`The secret of ${made.name}.`}
          value={made.drawn_secret}
          onClose={() => setMade(null)}
        />
      )}
      <Loaded of={list} what="hooks">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>
              No hooks yet: a hook is an address that starts a playbook when a webhook is delivered
              to it.
            </Empty>
          ) : (
            <div class="scroll">
              <table class="list">
                <caption class="hidden">Hooks, newest first</caption>
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col" class="wide-only">
                      Provider
                    </th>
                    <th scope="col">Starts</th>
                    <th scope="col">State</th>
                    <th scope="col" class="wide-only">
                      Made
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((hook) => (
                    <tr key={hook.name}>
                      <td>
                        <Link to={withQuery('/hooks', { name: hook.name })}>{hook.name}</Link>
                      </td>
                      <td class="wide-only">{hook.provider}</td>
                      <td class="main-cell">
                        <Link to={addressOf('playbooks', hook.path)}>{hook.path}</Link>
                        {hook.version !== null && <span class="muted"> v{hook.version}</span>}
                      </td>
                      <td>
                        <Enabled is={hook.enabled} />
                      </td>
                      <td class="wide-only">
                        <Time at={hook.created_at} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      <Pager cursor={cursor} next={list.next} />
      {isMaking && (
        <Dialog title="New hook" wide onClose={() => setMaking(false)}>
          <EntryForm
            specs={NEW}
            before={{}}
            draft="new hook"
            label="Make it"
            onSend={async (body) => {
              const { data } = await send<Hook>('POST', '/api/hooks', { body })
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

export function Enabled({ is }: { is: boolean }) {
  return (
    <span class={`status ${is ? 's-completed' : 's-paused'}`}>
      <Shape state={is ? 'completed' : 'paused'} />
      {is ? 'enabled' : 'disabled'}
    </span>
  )
}

function HookView({ name }: { name: string }) {
  const path = `/api/hooks/${encodeURIComponent(name)}`
  const hook = useResource<Hook>(path)
  const [isEditing, setEditing] = useState(false)
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
                <button type="button" class="small" onClick={() => setEditing(true)}>
                  Change …
                </button>
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
              <div>
                <dt>State</dt>
                <dd>
                  <Enabled is={data.enabled} />
                </dd>
              </div>
              <div>
                <dt>Starts</dt>
                <dd>
                  <Link to={addressOf('playbooks', data.path)}>{data.path}</Link>
                </dd>
              </div>
              <div>
                <dt>Provider</dt>
                <dd>
                  {data.provider},{' '}
                  {data.secret_count === 1 ? '1 secret' : `${data.secret_count} secrets`}
                </dd>
              </div>
              <div>
                <dt>While a run goes on</dt>
                <dd>{data.overlap}</dd>
              </div>
              {data.filter && (
                <div>
                  <dt>Filter</dt>
                  <dd>
                    <code>{data.filter}</code>
                  </dd>
                </div>
              )}
              <div>
                <dt>Address</dt>
                <dd class="row whole">
                  <code>{new URL(data.url, location.origin).href}</code>{' '}
                  <Copy text={new URL(data.url, location.origin).href} />
                </dd>
              </div>
            </dl>
            {isEditing && (
              <Dialog title={`Change ${name}`} wide onClose={() => setEditing(false)}>
                <EntryForm
                  specs={SETTINGS}
                  before={textsOf(SETTINGS, { ...data })}
                  draft={`hook ${name}`}
                  label="Change it"
                  onSend={async (body) => {
                    await send('PATCH', path, { body })
                    setEditing(false)
                    hook.reload()
                  }}
                />
              </Dialog>
            )}
          </>
        )}
      </Loaded>
      <Deliveries path={path} />
    </>
  )
}

const RESULTS = ['started', 'ignored', 'skipped', 'challenged', 'refused', 'failed']
const STATES: Record<string, string> = { started: 'completed', refused: 'failed', failed: 'failed' }

function Deliveries({ path }: { path: string }) {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const result = query.get('result')
  const list = useResource<{ items: Delivery[] }>(
    withQuery(`${path}/deliveries`, { limit: 50, cursor, result }),
    { keep: true },
  )
  const [shown, setShown] = useState<string | null>(null)
  const again = useAct(async (id: string) => {
    await send('POST', `${path}/deliveries/${id}/redeliver`, { body: {} })
    list.reload()
  })
  return (
    <>
      <h2>Deliveries</h2>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Labelled label="Result">
          <select
            value={result ?? ''}
            onChange={(event) =>
              setQuery({ result: event.currentTarget.value, cursor: null }, { replace: true })
            }
          >
            <option value="">all</option>
            {RESULTS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </Labelled>
        <button type="button" onClick={list.reload}>
          Look again
        </button>
      </form>
      <Problem problem={again.problem} />
      <Loaded of={list} what="deliveries">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{result ? `Nothing was ${result}.` : 'Nothing was delivered yet.'}</Empty>
          ) : (
            <div class="scroll">
              <table class="list">
                <caption class="hidden">Deliveries, newest first</caption>
                <thead>
                  <tr>
                    <th scope="col">Result</th>
                    <th scope="col">Received</th>
                    <th scope="col" class="wide-only">
                      Event
                    </th>
                    <th scope="col">Run, or why none</th>
                    <th scope="col" class="num wide-only">
                      Size
                    </th>
                    <th scope="col">
                      <span class="hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <tr key={item.id}>
                      <td>
                        <span class={`status s-${STATES[item.result] ?? 'skipped'}`}>
                          <Shape state={STATES[item.result] ?? 'skipped'} />
                          <span>{item.result}</span>
                        </span>
                      </td>
                      <td>
                        <Time at={item.received_at} />
                      </td>
                      <td class="wide-only">{item.event_type ?? <span class="muted">–</span>}</td>
                      <td class="main-cell">
                        {item.execution_id && (
                          <Link to={addressOf('executions', item.execution_id)}>
                            {item.execution_id}
                          </Link>
                        )}{' '}
                        {item.reason}
                      </td>
                      <td class="num wide-only">{bytes(item.body_bytes)}</td>
                      <td>
                        <span class="row">
                          <button type="button" class="small" onClick={() => setShown(item.id)}>
                            Show
                          </button>
                          <button
                            type="button"
                            class="small"
                            disabled={!item.is_kept || again.isBusy}
                            onClick={() => again.run(item.id)}
                          >
                            Redeliver
                          </button>
                        </span>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      <Pager cursor={cursor} next={list.next} />
      {shown && (
        <Dialog title="Delivery" wide onClose={() => setShown(null)}>
          <WholeDelivery path={`${path}/deliveries/${shown}`} />
        </Dialog>
      )}
    </>
  )
}

function WholeDelivery({ path }: { path: string }) {
  const delivery = useResource<Delivery>(path)
  if (delivery.problem) return <Problem problem={delivery.problem} />
  if (!delivery.data) return <Loading what="the delivery" />
  const { body, headers, query, delivery_id, ip, redelivery_of } = delivery.data
  return (
    <div>
      <p class="muted">
        {delivery_id && <>id {delivery_id} · </>}
        {ip && <>from {ip} · </>}
        {redelivery_of ? `delivered again by hand, after ${redelivery_of}` : 'as it was sent'}
      </p>
      <h3>body</h3>
      {body === null || body === undefined ? (
        <p class="muted">It is not kept.</p>
      ) : (
        <Tree value={body} open={2} />
      )}
      <h3>headers</h3>
      <Tree value={headers ?? null} open={2} />
      <h3>query</h3>
      <Tree value={query ?? null} open={2} />
    </div>
  )
}
