// One playbook: its content, graph, versions and runs.

import { useEffect, useMemo, useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import { Yaml } from '../code.tsx'
import { diffOf, hunksOf } from '../diff.ts'
import { draftOf, hasDraft } from '../draft.ts'
import { Graph } from '../graph.tsx'
import { useAct, useLive, useResource } from '../hooks.ts'
import { isObject } from '../json.ts'
import {
  Confirm,
  Copy,
  Dialog,
  Empty,
  Labelled,
  Loaded,
  Loading,
  Problem,
  Tabs,
  Time,
} from '../parts.tsx'
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
          {!isEditing && (
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
        {tab === 'versions' && <Versions path={path} current={shown} />}
      </div>
      {isRunning && (
        <Dialog title={`Run ${path}`} onClose={() => setRunning(false)} wide>
          <RunForm
            path={path}
            version={version === null ? null : String(shown)}
            workload={workload}
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
  const list = useResource<Execution[]>(withQuery('/api/executions', { path, limit: 25 }))
  useLive(withQuery('/api/stream', { path }), list.reload)
  return (
    <Loaded of={list} what="runs">
      {(items) =>
        items.length === 0 ? (
          <Empty>It has not run yet.</Empty>
        ) : (
          <>
            <ExecutionTable items={items} plain />
            {list.next && (
              <p>
                <Link to={withQuery('/executions', { path })}>All of its runs</Link>
              </p>
            )}
          </>
        )
      }
    </Loaded>
  )
}

function Versions({ path, current }: { path: string; current: number }) {
  const { query } = useLocation()
  const list = useResource<Entry[]>(
    withQuery('/api/catalog/resource', {
      resource_path: path,
      limit: 50,
      cursor: query.get('versions'),
    }),
  )
  return (
    <Loaded of={list} what="versions">
      {(entries) => {
        const latest = entries[0]?.version ?? current
        const right =
          entries.find((entry) => String(entry.version) === query.get('to')) ?? entries[0]
        const left =
          entries.find((entry) => String(entry.version) === query.get('from')) ??
          entries[right ? entries.indexOf(right) + 1 : 0]
        return (
          <>
            <table class="list versions">
              <caption class="hidden">Versions, the latest first</caption>
              <thead>
                <tr>
                  <th scope="col">Version</th>
                  <th scope="col">Registered</th>
                  <th scope="col" class="num">
                    Lines
                  </th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <tr key={entry.version}>
                    <td>
                      <Link
                        to={withQuery(addressOf('playbooks', path), {
                          version: entry.version === latest ? null : entry.version,
                        })}
                      >
                        v{entry.version}
                      </Link>
                      {entry.version === latest && <span class="muted"> latest</span>}
                    </td>
                    <td>
                      <Time at={entry.created_at} />
                    </td>
                    <td class="num">{entry.content.split('\n').length}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            {list.next && (
              <p>
                <button type="button" onClick={() => setQuery({ versions: list.next })}>
                  Older versions
                </button>
              </p>
            )}
            {left && right ? (
              <>
                <h2>What differs</h2>
                <div class="filters">
                  <Choice label="From" name="from" entries={entries} value={left.version} />
                  <Choice label="To" name="to" entries={entries} value={right.version} />
                </div>
                <Diff left={left.content} right={right.content} />
              </>
            ) : (
              <p class="muted after">There is one version only: nothing to compare it with.</p>
            )}
          </>
        )
      }}
    </Loaded>
  )
}

function Choice({
  label,
  name,
  entries,
  value,
}: {
  label: string
  name: string
  entries: readonly Entry[]
  value: number
}) {
  return (
    <Labelled label={label}>
      <select
        value={String(value)}
        onChange={(event) => setQuery({ [name]: event.currentTarget.value }, { replace: true })}
      >
        {entries.map(({ version }) => (
          <option key={version} value={String(version)}>
            v{version}
          </option>
        ))}
      </select>
    </Labelled>
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
