// The catalog: the latest version of each playbook.

import { withQuery } from '../api.ts'
import { useResource } from '../hooks.ts'
import { Empty, Labelled, Loaded, Pager, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, setQuery, useLocation } from '../router.tsx'
import type { PlaybookItem } from '../types.ts'
import { Typed } from './executions.tsx'
import { NewPlaybook } from './playbook-editor.tsx'

const PAGE = 50

export function Playbooks() {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const q = query.get('q') ?? ''
  const list = useResource<PlaybookItem[]>(
    withQuery('/api/catalog/playbooks/search', { q, limit: PAGE, cursor }),
    { keep: true },
  )
  if (query.has('new')) return <NewPlaybook />
  return (
    <>
      <div class="head">
        <h1>Playbooks</h1>
        <div class="actions">
          <button
            type="button"
            class="primary"
            onClick={() => setQuery({ new: '1', q: null, cursor: null })}
          >
            New playbook
          </button>
        </div>
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filter">
        <Labelled label="Search">
          <Typed
            type="search"
            value={q}
            placeholder="path, name, description"
            onValue={(value) => setQuery({ q: value, cursor: null }, { replace: true })}
          />
        </Labelled>
      </form>
      <Loaded of={list} what="playbooks">
        {(items) =>
          items.length === 0 ? (
            <Empty>
              {q === '' ? 'No playbook is registered yet.' : `No playbook has “${q}” in it.`}
            </Empty>
          ) : (
            <div class="scroll">
              <table class="list">
                <caption class="hidden">Playbooks, those registered last first</caption>
                <thead>
                  <tr>
                    <th scope="col">Path</th>
                    <th scope="col" class="num">
                      Version
                    </th>
                    <th scope="col" class="num wide-only">
                      Steps
                    </th>
                    <th scope="col">Registered</th>
                    <th scope="col" class="wide-only">
                      <span class="hidden">Runs</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <tr key={item.id}>
                      <td class="main-cell">
                        <Link to={addressOf('playbooks', item.id)}>{item.id}</Link>
                        {item.description && <span class="sub-line muted">{item.description}</span>}
                      </td>
                      <td class="num">{item.version}</td>
                      <td class="num wide-only">{item.tasks_count}</td>
                      <td>
                        <Time at={item.updated_at} />
                      </td>
                      <td class="wide-only">
                        <Link to={withQuery('/executions', { path: item.id })}>runs</Link>
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
    </>
  )
}
