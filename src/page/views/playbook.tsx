// One playbook: its content, graph, versions and runs.

import { useEffect, useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import { Yaml } from '../code.tsx'
import { Confirm, Dialog } from '../dialog.tsx'
import { draftOf, hasDraft } from '../draft.ts'
import { Graph } from '../graph.tsx'
import { useAct, useLive, useResource } from '../hooks.ts'
import { isObject } from '../json.ts'
import { Listing } from '../list.tsx'
import { Copy, Loaded, Loading, Problem, Tabs, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, navigate, setQuery, useLocation } from '../router.tsx'
import type { ToldGraph } from '../spans.ts'
import type { Entry, Execution } from '../types.ts'
import { ExecutionTable } from './executions.tsx'
import { PlaybookEditor } from './playbook-editor.tsx'
import { Versions } from './playbook-versions.tsx'
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
          {hasDraft(draft) && (
            <p class="note">It runs as it is registered, without what you have changed.</p>
          )}
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
