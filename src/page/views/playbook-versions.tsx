// The versions of a playbook, and what differs between two.

import { useMemo, useState } from 'preact/hooks'
import { withQuery } from '../api.ts'
import { Choice } from '../controls.tsx'
import { diffOf, hunksOf } from '../diff.ts'
import { useResource } from '../hooks.ts'
import { type Column, Listing, Table } from '../list.tsx'
import { Empty, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, useLocation } from '../router.tsx'
import type { Entry } from '../types.ts'

export function Versions({ path }: { path: string }) {
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
