// One run: how it stands, what ran when, and its log; and what can be done about it.

import { useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import { Confirm, Dialog } from '../dialog.tsx'
import { Graph } from '../graph.tsx'
import { useAct, useLive, useResource } from '../hooks.ts'
import { isObject, type Json, toJson } from '../json.ts'
import { Listing } from '../list.tsx'
import { useLog } from '../log.ts'
import {
  Copy,
  curlOf,
  Fact,
  Live,
  Loaded,
  Loading,
  Problem,
  Progress,
  Status,
  stateOf,
  Tabs,
  Time,
  Took,
  Until,
} from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, useLocation } from '../router.tsx'
import type { ToldGraph, ToldTimeline } from '../spans.ts'
import { Timeline } from '../timeline.tsx'
import { Tree } from '../tree.tsx'
import type { Detail, Execution } from '../types.ts'
import { EventLog } from './events.tsx'
import { ExecutionTable } from './executions.tsx'
import { RunForm } from './run-form.tsx'

const TABS = [
  ['timeline', 'Timeline'],
  ['graph', 'Graph'],
  ['data', 'Data'],
  ['children', 'Children'],
] as const

const objectIn = (value: Json | undefined, key: string): { [key: string]: Json } => {
  const found = isObject(value) ? value[key] : undefined
  return isObject(found) ? found : {}
}
const textIn = (value: Json | undefined, key: string): string | null => {
  const found = isObject(value) ? value[key] : undefined
  return typeof found === 'string' ? found : null
}

export function ExecutionView({ id }: { id: string }) {
  const { query } = useLocation()
  const detail = useResource<Detail>(
    withQuery(`/api/executions/${encodeURIComponent(id)}`, { limit: 1 }),
  )
  const log = useLog(id)
  const [step, setStep] = useState<string | null>(null)
  const run = detail.data
  const isOver = run?.end_time != null
  const tab = query.get('tab') ?? 'timeline'
  const chartOf = (name: string) =>
    tab === name
      ? withQuery(`/api/executions/${id}/${name}`, { limit: name === 'timeline' ? 2_000 : null })
      : null
  const timeline = useResource<ToldTimeline>(chartOf('timeline'))
  const graph = useResource<ToldGraph>(chartOf('graph'))
  const look = () => {
    detail.reload()
    log.more()
    timeline.reload()
    graph.reload()
  }
  const liveness = useLive(run && !isOver ? `/api/executions/${id}/stream` : null, look)
  const first = run?.events[0]
  const path = textIn(first?.context, 'path') ?? run?.playbook_id ?? ''
  const version = textIn(first?.context, 'version')
  if (!run) {
    return detail.problem ? (
      <>
        <p class="crumbs">
          <Link to="/">Executions</Link> / <code>{id}</code>
        </p>
        <h1>Execution</h1>
        <Problem problem={detail.problem} retry={detail.reload} />
      </>
    ) : (
      <Loading what="the execution" />
    )
  }
  const workload = objectIn(first?.context, 'workload')
  const parent = textIn(first?.meta, 'parent_execution_id')
  // that the API is away is said once
  const told = <T,>(of: T) => (detail.problem ? { ...of, problem: null } : of)
  return (
    <>
      <p class="crumbs">
        <Link to="/">Executions</Link> / <code>{id}</code>
      </p>
      <div class="head">
        <h1>
          <Link to={addressOf('playbooks', path)}>{path}</Link>
          {version && <span class="muted version">v{version}</span>}
        </h1>
        <Live state={liveness} />
        <Actions run={run} path={path} version={version} workload={workload} reload={look} />
      </div>
      <Facts
        run={run}
        parent={parent}
        parentStep={textIn(first?.meta, 'parent_step')}
        events={log.total}
      />
      {run.error !== null && (
        <div class="problem" role="alert">
          <div>
            <strong>
              {stateOf(run.status, run.error) === 'cancelled' ? 'Cancelled' : 'Failed'}
            </strong>
            <pre class="error-text">{run.error}</pre>
          </div>
        </div>
      )}
      {stateOf(run.status) === 'paused' ? (
        <p class="note" role="status">
          Paused: no action begins until it is resumed. What was at work ends.
        </p>
      ) : (
        run.waiting_for && run.waiting_for.length > 0 && <Waiting waiting={run.waiting_for} />
      )}
      {detail.problem && <Problem problem={detail.problem} />}
      <Tabs tabs={TABS} current={tab} />
      <div role="tabpanel" class="panel">
        {tab === 'timeline' && (
          <Loaded of={told(timeline)} what="the timeline">
            {(spans) => <Timeline id={id} told={spans} chosen={step} onChoose={setStep} />}
          </Loaded>
        )}
        {tab === 'graph' && (
          <Loaded of={told(graph)} what="the graph">
            {(data) => <Graph graph={data} running chosen={step} onChoose={setStep} />}
          </Loaded>
        )}
        {tab === 'data' && (
          <div class="columns">
            <section>
              <h2 class="sub">
                Workload <Copy text={() => toJson(workload, 2)} />
              </h2>
              <Tree value={workload} open={2} />
            </section>
            <section>
              <h2 class="sub">
                Result <Copy text={() => toJson(run.result, 2)} />
              </h2>
              <Tree value={run.result} open={2} />
            </section>
          </div>
        )}
        {tab === 'children' && <Children id={id} />}
      </div>
      <h2>
        Events{' '}
        {step !== null && (
          <button type="button" class="chip" onClick={() => setStep(null)}>
            {step} ✕
          </button>
        )}
      </h2>
      <EventLog log={told(log)} step={step} onStep={setStep} />
    </>
  )
}

/** Who asked, unless that could be anybody. */
const callerOf = (caller: string | null | undefined) => (caller === 'open' ? null : caller)

function Facts({
  run,
  parent,
  parentStep,
  events,
}: {
  run: Detail
  parent: string | null
  parentStep: string | null
  events: number
}) {
  const state = stateOf(run.status, run.error)
  const { requestor } = run
  return (
    <dl class="facts">
      <div aria-live="polite">
        <dt>Status</dt>
        <dd>
          <Status status={run.status} error={run.error} />
        </dd>
      </div>
      <Fact name="Progress">
        <Progress value={run.progress} state={state} />
      </Fact>
      <Fact name="Duration">
        <Took from={run.start_time} until={run.end_time} seconds={run.duration} />
      </Fact>
      <Fact name="Started">
        <Time at={run.start_time} />
      </Fact>
      <Fact name="Ended">
        <Time at={run.end_time} />
      </Fact>
      <Fact name="Events" class="num">
        {events.toLocaleString('en')}
      </Fact>
      {requestor && (
        <Fact name="Asked for by" class="cut" title={requestor.user_agent ?? ''}>
          {[callerOf(requestor.caller), requestor.user_agent, requestor.ip]
            .filter(Boolean)
            .join(', ') || '–'}
        </Fact>
      )}
      {parent && (
        <Fact name="Parent">
          <Link to={addressOf('executions', parent)}>
            {parentStep ? `its step ${parentStep}` : parent}
          </Link>
        </Fact>
      )}
      {Object.entries(run.labels ?? {}).map(([name, value]) => (
        <Fact key={name} name={name} class="cut">
          {value}
        </Fact>
      ))}
    </dl>
  )
}

function Waiting({ waiting }: { waiting: NonNullable<Detail['waiting_for']> }) {
  return (
    <div class="note" role="status">
      {waiting.map(({ type, jobs, since, until }) => (
        <p key={type}>
          Waits{' '}
          {until ? (
            <>
              until <Time at={until} /> (<Until at={until} />)
            </>
          ) : (
            <>
              for {jobs === 1 ? 'a' : `${jobs}`} <b>{type}</b> {jobs === 1 ? 'job' : 'jobs'}
            </>
          )}
          , since <Time at={since} />.
        </p>
      ))}
    </div>
  )
}

function Actions({
  run,
  path,
  version,
  workload,
  reload,
}: {
  run: Detail
  path: string
  version: string | null
  workload: { [key: string]: Json }
  reload: () => void
}) {
  const [isEditing, setEditing] = useState(false)
  const isOver = run.end_time !== null
  const isPaused = stateOf(run.status) === 'paused'
  const body = { path, ...(version && { version }), parameters: workload }
  const control = useAct(async (act: 'cancel' | 'pause' | 'resume') => {
    await send('POST', `/api/executions/${run.id}/${act}`, { body: {} })
    reload()
  })
  const again = useAct(async () => {
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const { data } = await send<{ execution_id: string }>('POST', '/api/executions/run', {
      body,
      headers,
    })
    navigate(addressOf('executions', data.execution_id))
  })
  return (
    <>
      <div class="actions">
        {!isOver && (
          <button
            type="button"
            class="small"
            disabled={control.isBusy}
            onClick={() => control.run(isPaused ? 'resume' : 'pause')}
          >
            {isPaused ? 'Resume' : 'Pause'}
          </button>
        )}
        {!isOver && (
          <Confirm
            label="Cancel run"
            question="It ends at once, and the runs of its playbook steps with it. What a step has already done stays done."
            onConfirm={() => control.run('cancel')}
          />
        )}
        <button type="button" class="small" disabled={again.isBusy} onClick={() => again.run()}>
          Run again
        </button>
        <button type="button" class="small" onClick={() => setEditing(true)}>
          Run with changes …
        </button>
        <Copy
          text={() => curlOf('POST', '/api/executions/run', toJson(body))}
          label="Copy as curl"
        />
      </div>
      <Problem problem={control.problem ?? again.problem} />
      {isEditing && (
        <Dialog title={`Run ${path}`} onClose={() => setEditing(false)} wide>
          <RunForm
            path={path}
            version={version}
            workload={workload}
            whole
            draft={`run again ${run.id}`}
            onRun={(id) => navigate(addressOf('executions', id))}
          />
        </Dialog>
      )}
    </>
  )
}

function Children({ id }: { id: string }) {
  const { query } = useLocation()
  const children = useResource<Execution[]>(
    withQuery('/api/executions', {
      parent_execution_id: id,
      limit: 50,
      cursor: query.get('cursor'),
    }),
  )
  return (
    <Listing of={children} what="its children" empty="It has started no other runs.">
      {(items) => <ExecutionTable items={items} plain />}
    </Listing>
  )
}
