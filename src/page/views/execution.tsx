// One run: how it stands, what ran when, and its log; and what can be done about it.

import { useState } from 'preact/hooks'
import { withQuery } from '../api.ts'
import { Graph } from '../graph.tsx'
import { useLive, useResource } from '../hooks.ts'
import { isObject, type Json, toJson } from '../json.ts'
import { Listing } from '../list.tsx'
import { useLog } from '../log.ts'
import {
  Copy,
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
import { Link, useLocation } from '../router.tsx'
import type { ToldGraph, ToldTimeline } from '../spans.ts'
import { Timeline } from '../timeline.tsx'
import { Tree } from '../tree.tsx'
import type { Detail, Execution } from '../types.ts'
import { EventLog } from './events.tsx'
import { Actions } from './execution-actions.tsx'
import { ExecutionTable } from './executions.tsx'

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
      ? withQuery(`/api/executions/${encodeURIComponent(id)}/${name}`, {
          limit: name === 'timeline' ? 2_000 : null,
        })
      : null
  const timeline = useResource<ToldTimeline>(chartOf('timeline'))
  const graph = useResource<ToldGraph>(chartOf('graph'))
  const look = () => {
    detail.reload()
    log.more()
    timeline.reload()
    graph.reload()
  }
  const liveness = useLive(
    run && !isOver ? `/api/executions/${encodeURIComponent(id)}/stream` : null,
    look,
  )
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
      {run.error !== null && <Failure error={run.error} state={stateOf(run.status, run.error)} />}
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

/** Why it has failed; that it was cancelled is no failure. */
function Failure({ error, state }: { error: string; state: string }) {
  const isCancelled = state === 'cancelled'
  return (
    <div class={isCancelled ? 'note' : 'problem'} role={isCancelled ? 'status' : 'alert'}>
      <div>
        <strong>{isCancelled ? 'Cancelled' : 'Failed'}</strong>
        {error !== 'cancelled' && <pre class="error-text">{error}</pre>}
      </div>
    </div>
  )
}

/** What browsers say of themselves is long, and says little. */
const agentOf = (agent: string | null) => (agent?.startsWith('Mozilla/') ? 'a browser' : agent)

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
          {[callerOf(requestor.caller), requestor.ip, agentOf(requestor.user_agent)]
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
