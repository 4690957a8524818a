// Schedules: playbooks that run by the clock.

import { send, withQuery } from '../api.ts'
import { Confirm } from '../dialog.tsx'
import { type FieldSpec, textsOf } from '../entry.ts'
import { Entry } from '../entry-form.tsx'
import { useAct, useResource } from '../hooks.ts'
import type { Json } from '../json.ts'
import { type Column, TableListing } from '../list.tsx'
import { Enabled, Fact, Loaded, Path, Problem, Time, Until } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, useLocation } from '../router.tsx'
import { Tree } from '../tree.tsx'

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

/** Where the reader's clock is. */
const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone

export function Schedules() {
  const { query } = useLocation()
  const name = query.get('name')
  return name === null ? <ScheduleList /> : <ScheduleView name={name} key={name} />
}

const COLUMNS: readonly Column<Schedule>[] = [
  ['Name', ({ name }) => <Link to={withQuery('/schedules', { name })}>{name}</Link>],
  [
    'When',
    ({ cron, timezone }) => (
      <>
        <code>{cron}</code>
        <span class="sub-line muted">{timezone}</span>
      </>
    ),
  ],
  [
    'Runs',
    ({ path, last_error }) => (
      <>
        <Link to={addressOf('playbooks', path)}>
          <Path of={path} />
        </Link>
        {last_error && <span class="error-line">{last_error}</span>}
      </>
    ),
    'main-cell',
  ],
  ['Next', ({ next_at }) => <Until at={next_at} />],
  ['Last', (item) => <LastTick of={item} relative />, 'wide-only'],
  ['State', ({ enabled }) => <Enabled is={enabled} />, 'wide-only'],
]

function ScheduleList() {
  const { query } = useLocation()
  const list = useResource<{ items: Schedule[] }>(
    withQuery('/api/schedules', { limit: 100, cursor: query.get('cursor') }),
  )
  return (
    <>
      <div class="head">
        <h1>Schedules</h1>
        <div class="actions">
          <Entry
            label="New schedule"
            look="primary"
            specs={NEW}
            before={{}}
            draft="new schedule"
            act="Make it"
            onSend={async (body) => {
              const { data } = await send<Schedule>('POST', '/api/schedules', { body })
              navigate(withQuery('/schedules', { name: data.name }))
            }}
          />
        </div>
      </div>
      <TableListing
        of={list}
        what="schedules"
        empty="No schedules yet: a schedule runs a playbook by the clock."
        caption="Schedules, by name"
        columns={COLUMNS}
        keyOf={({ name }) => name}
      />
    </>
  )
}

function LastTick({
  of: { last_at, last_execution_id },
  relative = false,
}: {
  of: Schedule
  relative?: boolean
}) {
  const time = <Time at={last_at} relative={relative} />
  if (!last_execution_id) return time
  return <Link to={addressOf('executions', last_execution_id)}>{time}</Link>
}

function ScheduleView({ name }: { name: string }) {
  const path = `/api/schedules/${encodeURIComponent(name)}`
  const schedule = useResource<Schedule>(path)
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
                <Entry
                  label="Change …"
                  title={`Change ${name}`}
                  specs={SETTINGS}
                  before={textsOf(SETTINGS, { ...data })}
                  draft={`schedule ${name}`}
                  act="Change it"
                  onSend={async (body) => {
                    await send('PATCH', path, { body })
                    schedule.reload()
                  }}
                />
                <Confirm
                  label="Delete"
                  question="It starts no further runs. Those that go on go on."
                  onConfirm={() => act.run('delete')}
                />
              </div>
            </div>
            <Problem problem={act.problem} />
            <dl class="facts">
              <Fact name="State">
                <Enabled is={data.enabled} />
              </Fact>
              <Fact name="When">
                <code>{data.cron}</code> <span class="muted">{data.timezone}</span>
              </Fact>
              <Fact name="Runs">
                <Link to={addressOf('playbooks', data.path)}>{data.path}</Link>
                {data.version !== null && <span class="muted"> v{data.version}</span>}
              </Fact>
              <Fact name="Last tick">
                <LastTick of={data} />
              </Fact>
              <Fact name="While a run goes on">
                {data.overlap}
                {data.skipped > 0 && <span class="muted">, {data.skipped} skipped</span>}
              </Fact>
              <Fact name="Missed ticks">{data.catch_up}</Fact>
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
                <h2>
                  Next runs <span class="muted small-text">{ZONE}</span>
                </h2>
                {data.next_runs && data.next_runs.length > 0 ? (
                  <ol class="plain-list">
                    {data.next_runs.map((at) => (
                      <li key={at}>
                        {new Date(at).toLocaleDateString('en', { weekday: 'short' })}{' '}
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
          </>
        )}
      </Loaded>
    </>
  )
}
