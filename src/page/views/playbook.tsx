// One playbook: its content, graph, versions and runs.

import { useEffect, useMemo, useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import { Yaml } from '../code.tsx'
import { Choice } from '../controls.tsx'
import { Confirm, Dialog } from '../dialog.tsx'
import { diffOf, hunksOf } from '../diff.ts'
import { draftOf, hasDraft } from '../draft.ts'
import { Graph } from '../graph.tsx'
import { useAct, useLive, useResource } from '../hooks.ts'
import { isObject } from '../json.ts'
import { type Column, Listing, Table } from '../list.tsx'
import { Copy, Empty, Loaded, Loading, Problem, Tabs, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, setQuery, useLocation } from '../router.tsx'
import type { ToldGraph } from '../spans.ts'
import type { Entry, Execution } from '../types.ts'
import { ExecutionTable } from './executions.tsx'
import { PlaybookEditor } from './playbook-editor.tsx'
import { RunForm } from './run-form.tsx'

const TABS = [
  ['content', 'Content'],
  ['graph', 'Graph'],
  ['runs', 'Runs'],
  ['versions', 'Versions'],
] as const

export function PlaybookView({ path }: { path: string }) {
  const { query } = useLocation()
  const version = query.get('version')
  const entry = useResource<Entry>(
    withQuery('/api/catalog/playbook', { playbook_id: path, version }),
  )
  const draft = draftOf(path, version)
  const [isRunning, setRunning] = useState(false)
  const [edited, setEdited] = useState<string | null>(null)
  const isEditing = edited === draft
  useEffect(() => {
    if (hasDraft(draft)) setEdited(draft)
  }, [draft])
  const [said, setSaid] = useState('')
  const tab = query.get('tab') ?? 'content'
  useEffect(() => {
    if (version !== null || tab !== 'content') setSaid('')
  }, [tab, version])
  const remove = useAct(async () => {
    await send('DELETE', `/api/catalog/playbooks/${encodeURIComponent(path)}`)
    navigate('/playbooks')
  })
  const crumbs = (
    <p class="crumbs">
      <Link to="/playbooks">Playbooks</Link> / {path}
    </p>
  )
  if (!entry.data) {
    return (
      <>
        {crumbs}
        <h1>{path}</h1>
        <Problem problem={entry.problem} retry={entry.reload} />
        {entry.isLoading && <Loading what="the playbook" />}
      </>
    )
  }
  const { content, payload, created_at, version: shown } = entry.data
  const workload = isObject(payload.workload) ? payload.workload : {}
  const metadata = isObject(payload.metadata) ? payload.metadata : {}
  const description = metadata.description ?? payload.description
  return (
    <>
      {crumbs}
      <div class="head">
        <h1>
          {path}
          <span class="muted version">v{shown}</span>
        </h1>
        <div class="actions">
          <button type="button" class="primary" onClick={() => setRunning(true)}>
            Run …
          </button>
          {!(isEditing && tab === 'content') && (
            <button
              type="button"
              onClick={() => {
                setEdited(draft)
                setSaid('')
                setQuery({ tab: null }, { replace: true })
              }}
            >
              Edit
            </button>
          )}
          <Confirm
            label="Delete"
            question={`All versions of ${path} are hidden. What runs goes on.`}
            onConfirm={() => remove.run()}
          />
        </div>
      </div>
      <p class="muted">
        {typeof description === 'string' && <span class="description">{description} · </span>}
        registered <Time at={created_at} />
        {version !== null && (
          <>
            {' · '}
            <Link to={addressOf('playbooks', path)}>to the latest version</Link>
          </>
        )}
      </p>
      <Problem problem={remove.problem} />
      <p role="status" class={said ? 'note' : 'hidden'}>
        {said}
      </p>
      <Tabs tabs={TABS} current={tab} />
      <div role="tabpanel" class="panel">
        {tab === 'content' &&
          (isEditing ? (
            <PlaybookEditor
              key={draft}
              draft={draft}
              content={content}
              version={String(shown)}
              onLeave={() => setEdited(null)}
              onRegistered={(stored) => {
                setEdited(null)
                setSaid(
                  stored.created
                    ? `Version ${stored.version} of ${stored.path} is registered.`
                    : `That is what version ${stored.version} already says: nothing was registered.`,
                )
                if (stored.path === path && version === null) entry.reload()
                else navigate(addressOf('playbooks', stored.path))
              }}
            />
          ) : (
            <>
              <p class="row over">
                <Copy text={content} />
              </p>
              <Yaml source={content} />
            </>
          ))}
        {tab === 'graph' && <Shown path={path} version={version} />}
        {tab === 'runs' && <Runs path={path} />}
        {tab === 'versions' && <Versions path={path} />}
      </div>
      {isRunning && (
        <Dialog title={`Run ${path}`} onClose={() => setRunning(false)} wide>
          <RunForm
            path={path}
            version={version === null ? null : String(shown)}
            workload={workload}
            source={content}
            draft={`run ${path}`}
            onRun={(id) => navigate(addressOf('executions', id))}
          />
        </Dialog>
      )}
    </>
  )
}

function Shown({ path, version }: { path: string; version: string | null }) {
  const graph = useResource<ToldGraph>(
    withQuery('/api/catalog/playbook/graph', { playbook_id: path, version }),
  )
  return (
    <Loaded of={graph} what="the graph">
      {(told) => <Graph graph={told} />}
    </Loaded>
  )
}

function Runs({ path }: { path: string }) {
  const cursor = useLocation().query.get('cursor')
  const list = useResource<Execution[]>(withQuery('/api/executions', { path, limit: 25, cursor }))
  useLive(cursor === null ? withQuery('/api/stream', { path }) : null, list.reload)
  return (
    <Listing of={list} what="runs" empty="It has not run yet.">
      {(items) => <ExecutionTable items={items} plain />}
    </Listing>
  )
}

function Versions({ path }: { path: string }) {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const list = useResource<Entry[]>(
    withQuery('/api/catalog/resource', {
      resource_path: path,
      limit: 50,
      cursor,
    }),
  )
  const isLatest = (entry: Entry) => cursor === null && entry === list.data?.[0]
  const columns: readonly Column<Entry>[] = [
    [
      'Version',
      (entry) => (
        <>
          <Link
            to={withQuery(addressOf('playbooks', path), {
              version: isLatest(entry) ? null : entry.version,
            })}
          >
            v{entry.version}
          </Link>
          {isLatest(entry) && <span class="muted"> latest</span>}
        </>
      ),
    ],
    ['Registered', ({ created_at }) => <Time at={created_at} />],
    ['Lines', ({ content }) => content.split('\n').length, 'num'],
  ]
  return (
    <Listing of={list} what="versions" empty="There is none.">
      {(entries) => {
        const right =
          entries.find((entry) => String(entry.version) === query.get('to')) ?? entries[0]
        const left =
          entries.find((entry) => String(entry.version) === query.get('from')) ??
          entries[right ? entries.indexOf(right) + 1 : 0]
        const options = entries.map(({ version }) => [String(version), `v${version}`] as const)
        return (
          <>
            <Table
              look="versions"
              caption="Versions, the latest first"
              columns={columns}
              keyOf={({ version }) => version}
              items={entries}
            />
            {left && right ? (
              <>
                <h2>What differs</h2>
                <div class="filters">
                  <Choice
                    label="From"
                    name="from"
                    options={options}
                    value={String(left.version)}
                    stays
                  />
                  <Choice
                    label="To"
                    name="to"
                    options={options}
                    value={String(right.version)}
                    stays
                  />
                </div>
                <Diff left={left.content} right={right.content} />
              </>
            ) : (
              <p class="muted after">There is one version only: nothing to compare it with.</p>
            )}
          </>
        )
      }}
    </Listing>
  )
}

const SIGNS = { same: ' ', added: '+', removed: '−' } as const

function Diff({ left, right }: { left: string; right: string }) {
  const [isWhole, setWhole] = useState(false)
  const lines = useMemo(() => diffOf(left, right), [left, right])
  if (lines.every(({ kind }) => kind === 'same')) return <Empty>They are the same.</Empty>
  const shown = isWhole ? lines : hunksOf(lines)
  return (
    <>
      <div class="code-box">
        <table class="diff">
          <caption class="hidden">Lines removed and added</caption>
          <thead class="hidden">
            <tr>
              <th scope="col">Before</th>
              <th scope="col">After</th>
              <th scope="col">Change</th>
              <th scope="col">Line</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((line, n) =>
              'gap' in line ? (
                <tr key={`gap ${n}`} class="gap">
                  <td colSpan={4}>
                    <button type="button" class="plain" onClick={() => setWhole(true)}>
                      {line.gap} {line.gap === 1 ? 'line' : 'lines'} the same
                    </button>
                  </td>
                </tr>
              ) : (
                <tr key={`${line.left} ${line.right}`} class={line.kind}>
                  <td class="numbers">{line.left}</td>
                  <td class="numbers">{line.right}</td>
                  <td class="sign">
                    <span aria-hidden="true">{SIGNS[line.kind]}</span>
                    {line.kind !== 'same' && <span class="hidden">{line.kind}</span>}
                  </td>
                  <td>
                    <code>{line.text}</code>
                  </td>
                </tr>
              ),
            )}
          </tbody>
        </table>
      </div>
      {isWhole && (
        <button type="button" class="plain" onClick={() => setWhole(false)}>
          Only what differs
        </button>
      )}
    </>
  )
}
