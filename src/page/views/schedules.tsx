// Schedules: playbooks that run by the clock.

import { useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import { type FieldSpec, textsOf } from '../entry.ts'
import { EntryForm } from '../entry-form.tsx'
import { useAct, useResource } from '../hooks.ts'
import type { Json } from '../json.ts'
import { Confirm, Dialog, Empty, Loaded, Pager, Problem, Time, Until } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, useLocation } from '../router.tsx'
import { Tree } from '../tree.tsx'
import { Enabled } from './hooks.tsx'

interface Schedule {
  name: string
  cron: string
  timezone: string
  path: string
  version: number | null
  parameters: Json
  overlap: string
  catch_up: string
  enabled: boolean
  next_at: string | null
  last_at: string | null
  last_execution_id: string | null
  last_error: string | null
  skipped: number
  next_runs?: string[]
}

const SETTINGS: readonly FieldSpec[] = [
  {
    name: 'cron',
    label: 'When',
    kind: 'text',
    required: true,
    hint: 'minute hour day month weekday, as 30 2 * * MON, or @daily',
  },
  { name: 'timezone', label: 'Time zone', kind: 'text', hint: 'as Europe/Berlin' },
  { name: 'path', label: 'Playbook', kind: 'playbook', required: true },
  {
    name: 'parameters',
    label: 'Parameters',
    kind: 'json',
    hint: 'a JSON object; texts may be templates: {{ schedule.time }}',
  },
  {
    name: 'overlap',
    label: 'While its last run goes on',
    kind: 'choice',
    choices: ['allow', 'skip', 'replace'],
  },
  {
    name: 'catch_up',
    label: 'Of ticks that were missed',
    kind: 'choice',
    choices: ['none', 'last', 'all'],
  },
  { name: 'version', label: 'Version', kind: 'version', hint: 'by default the latest', rare: true },
  { name: 'merge', label: 'Merge parameters deep into the workload', kind: 'boolean', rare: true },
]
const NEW: readonly FieldSpec[] = [
  { name: 'name', label: 'Name', kind: 'text', required: true },
  ...SETTINGS,
]

export function Schedules() {
  const { query } = useLocation()
  const name = query.get('name')
  return name === null ? <ScheduleList /> : <ScheduleView name={name} key={name} />
}

function ScheduleList() {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const list = useResource<{ items: Schedule[] }>(
    withQuery('/api/schedules', { limit: 100, cursor }),
  )
  const [isMaking, setMaking] = useState(false)
  const isMissing = list.problem?.isMissing ?? false
  return (
    <>
      <div class="head">
        <h1>Schedules</h1>
        {!isMissing && (
          <div class="actions">
            <button type="button" class="primary" onClick={() => setMaking(true)}>
              New schedule
            </button>
          </div>
        )}
      </div>
      {isMissing ? (
        <Empty>This API has no schedules.</Empty>
      ) : (
        <Loaded of={list} what="schedules">
          {({ items }) =>
            items.length === 0 ? (
              <Empty>No schedules yet: a schedule runs a playbook by the clock.</Empty>
            ) : (
              <div class="scroll">
                <table class="list">
                  <caption class="hidden">Schedules, by name</caption>
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      <th scope="col">When</th>
                      <th scope="col">Runs</th>
                      <th scope="col">Next</th>
                      <th scope="col" class="wide-only">
                        Last
                      </th>
                      <th scope="col" class="wide-only">
                        State
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((item) => (
                      <tr key={item.name}>
                        <td>
                          <Link to={withQuery('/schedules', { name: item.name })}>{item.name}</Link>
                        </td>
                        <td>
                          <code>{item.cron}</code>
                          <span class="sub-line muted">{item.timezone}</span>
                        </td>
                        <td class="main-cell">
                          <Link to={addressOf('playbooks', item.path)}>{item.path}</Link>
                          {item.last_error && <span class="error-line">{item.last_error}</span>}
                        </td>
                        <td>
                          <Until at={item.next_at} />
                        </td>
                        <td class="wide-only">
                          {item.last_execution_id ? (
                            <Link to={addressOf('executions', item.last_execution_id)}>
                              <Time at={item.last_at} relative />
                            </Link>
                          ) : (
                            <Time at={item.last_at} relative />
                          )}
                        </td>
                        <td class="wide-only">
                          <Enabled is={item.enabled} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )
          }
        </Loaded>
      )}
      <Pager cursor={cursor} next={list.next} />
      {isMaking && (
        <Dialog title="New schedule" wide onClose={() => setMaking(false)}>
          <EntryForm
            specs={NEW}
            before={{}}
            draft="new schedule"
            label="Make it"
            onSend={async (body) => {
              const { data } = await send<Schedule>('POST', '/api/schedules', { body })
              navigate(withQuery('/schedules', { name: data.name }))
            }}
          />
        </Dialog>
      )}
    </>
  )
}

function ScheduleView({ name }: { name: string }) {
  const path = `/api/schedules/${encodeURIComponent(name)}`
  const schedule = useResource<Schedule>(path)
  const [isEditing, setEditing] = useState(false)
  const act = useAct(async (what: 'enable' | 'disable' | 'run' | 'delete') => {
    if (what === 'delete') {
      await send('DELETE', path)
      navigate('/schedules')
    } else if (what === 'run') {
      const headers = { 'idempotency-key': crypto.randomUUID() }
      const { data } = await send<{ execution_id: string }>('POST', `${path}/run`, { headers })
      navigate(addressOf('executions', data.execution_id))
    } else {
      await send('PATCH', path, { body: { enabled: what === 'enable' } })
      schedule.reload()
    }
  })
  return (
    <>
      <p class="crumbs">
        <Link to="/schedules">Schedules</Link> / {name}
      </p>
      <Loaded of={schedule} what="the schedule">
        {(data) => (
          <>
            <div class="head">
              <h1>{name}</h1>
              <div class="actions">
                <button
                  type="button"
                  class="small"
                  disabled={act.isBusy}
                  onClick={() => act.run('run')}
                >
                  Run now
                </button>
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
                  label="Delete"
                  question="It starts no further runs. Those that go on go on."
                  onConfirm={() => act.run('delete')}
                />
              </div>
            </div>
            <Problem problem={act.problem} />
            <dl class="facts">
              <div>
                <dt>State</dt>
                <dd>
                  <Enabled is={data.enabled} />
                </dd>
              </div>
              <div>
                <dt>When</dt>
                <dd>
                  <code>{data.cron}</code> <span class="muted">{data.timezone}</span>
                </dd>
              </div>
              <div>
                <dt>Runs</dt>
                <dd>
                  <Link to={addressOf('playbooks', data.path)}>{data.path}</Link>
                </dd>
              </div>
              <div>
                <dt>Last tick</dt>
                <dd>
                  {data.last_execution_id ? (
                    <Link to={addressOf('executions', data.last_execution_id)}>
                      <Time at={data.last_at} />
                    </Link>
                  ) : (
                    <Time at={data.last_at} />
                  )}
                </dd>
              </div>
              <div>
                <dt>While a run goes on</dt>
                <dd>
                  {data.overlap}
                  {data.skipped > 0 && <span class="muted">, {data.skipped} skipped</span>}
                </dd>
              </div>
              <div>
                <dt>Missed ticks</dt>
                <dd>{data.catch_up}</dd>
              </div>
            </dl>
            {data.last_error && (
              <div class="problem" role="alert">
                <div>
                  <strong>The last tick could not start its run</strong>
                  <p>{data.last_error}</p>
                </div>
              </div>
            )}
            <div class="columns">
              <section>
                <h2>Next runs</h2>
                {data.next_runs && data.next_runs.length > 0 ? (
                  <ol class="plain-list">
                    {data.next_runs.map((at) => (
                      <li key={at}>
                        <Time at={at} />{' '}
                        <span class="muted">
                          <Until at={at} />
                        </span>
                      </li>
                    ))}
                  </ol>
                ) : (
                  <p class="muted">None, while it is disabled.</p>
                )}
              </section>
              <section>
                <h2>Parameters</h2>
                <Tree value={data.parameters} open={2} />
              </section>
            </div>
            {isEditing && (
              <Dialog title={`Change ${name}`} wide onClose={() => setEditing(false)}>
                <EntryForm
                  specs={SETTINGS}
                  before={textsOf(SETTINGS, { ...data })}
                  draft={`schedule ${name}`}
                  label="Change it"
                  onSend={async (body) => {
                    await send('PATCH', path, { body })
                    setEditing(false)
                    schedule.reload()
                  }}
                />
              </Dialog>
            )}
          </>
        )}
      </Loaded>
    </>
  )
}
