// Who was told, or is to be told, how runs have ended.

import { useState } from 'preact/hooks'
import { get, send, withQuery } from '../api.ts'
import { useAct, useResource } from '../hooks.ts'
import {
  Dialog,
  Empty,
  Labelled,
  Loaded,
  Pager,
  Problem,
  Secret,
  Shape,
  Time,
  Until,
} from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, setQuery, useLocation } from '../router.tsx'

interface Notification {
  id: string
  execution_id: string
  path: string
  type: string
  url: string
  status: 'pending' | 'delivered' | 'dead'
  attempts: number
  next_attempt_at: string | null
  last_status: number | null
  last_error: string | null
  created_at: string
  delivered_at: string | null
}

const STATES = { pending: 'waiting', delivered: 'completed', dead: 'failed' } as const

export function Notifications() {
  const { query } = useLocation()
  const cursor = query.get('cursor')
  const status = query.get('status')
  const list = useResource<{ items: Notification[] }>(
    withQuery('/api/notifications', {
      limit: 50,
      cursor,
      status,
      execution_id: query.get('execution_id'),
    }),
    { keep: true },
  )
  const [isAsking, setAsking] = useState(false)
  const again = useAct(async (id: string) => {
    await send('POST', `/api/notifications/${id}/redrive`, { body: {} })
    list.reload()
  })
  const isMissing = list.problem?.isMissing ?? false
  return (
    <>
      <div class="head">
        <h1>Notifications</h1>
        {!isMissing && (
          <div class="actions">
            <button type="button" onClick={() => setAsking(true)}>
              A receiver’s secret …
            </button>
          </div>
        )}
      </div>
      {isMissing ? (
        <Empty>This API sends no notifications.</Empty>
      ) : (
        <>
          <form class="filters" onSubmit={(event) => event.preventDefault()}>
            <Labelled label="Status">
              <select
                value={status ?? ''}
                onChange={(event) =>
                  setQuery({ status: event.currentTarget.value, cursor: null }, { replace: true })
                }
              >
                <option value="">all</option>
                {Object.keys(STATES).map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </Labelled>
            <button type="button" onClick={list.reload}>
              Look again
            </button>
          </form>
          <Problem problem={again.problem} />
          <Loaded of={list} what="notifications">
            {({ items }) =>
              items.length === 0 ? (
                <Empty>
                  {status ? `None is ${status}.` : 'Nobody was to be told of anything yet.'}
                </Empty>
              ) : (
                <div class="scroll">
                  <table class="list">
                    <caption class="hidden">Notifications, newest first</caption>
                    <thead>
                      <tr>
                        <th scope="col">Status</th>
                        <th scope="col">What</th>
                        <th scope="col">To</th>
                        <th scope="col" class="wide-only">
                          Made
                        </th>
                        <th scope="col" class="num wide-only">
                          Tries
                        </th>
                        <th scope="col" class="wide-only">
                          Next, or told
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
                            <span class={`status s-${STATES[item.status]}`}>
                              <Shape state={STATES[item.status]} />
                              <span>{item.status}</span>
                            </span>
                          </td>
                          <td>
                            <Link to={addressOf('executions', item.execution_id)}>
                              {item.type.replace('execution.', '')}
                            </Link>
                            <span class="sub-line muted">{item.path}</span>
                          </td>
                          <td class="main-cell">
                            {item.url}
                            {item.last_error && <span class="error-line">{item.last_error}</span>}
                          </td>
                          <td class="wide-only">
                            <Time at={item.created_at} />
                          </td>
                          <td class="num wide-only">{item.attempts}</td>
                          <td class="wide-only">
                            {item.delivered_at ? (
                              <Time at={item.delivered_at} />
                            ) : (
                              <Until at={item.next_attempt_at} />
                            )}
                          </td>
                          <td>
                            {item.status === 'dead' && (
                              <button
                                type="button"
                                class="small"
                                disabled={again.isBusy}
                                onClick={() => again.run(item.id)}
                              >
                                Send again
                              </button>
                            )}
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
      )}
      {isAsking && (
        <Dialog title="The secret of a receiver" wide onClose={() => setAsking(false)}>
          <ReceiverSecret />
        </Dialog>
      )}
    </>
  )
}

function ReceiverSecret() {
  const [url, setUrl] = useState('')
  const [told, setTold] = useState<{ origin: string; secret: string } | null>(null)
  const ask = useAct(async () =>
    setTold(await get(withQuery('/api/notifications/secret', { url }))),
  )
  return (
    <form
      class="run-form"
      onSubmit={(event) => {
        event.preventDefault()
        void ask.run()
      }}
    >
      <Labelled
        label="Address of the receiver"
        hint="what is sent there is signed with the secret of its origin (Standard Webhooks)"
      >
        <input
          type="url"
          value={url}
          placeholder="https://example.org/told"
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </Labelled>
      <Problem problem={ask.problem} />
      {told && (
        <Secret
          label={`The secret of ${told.origin}.`}
          value={told.secret}
          isShownAgain
          onClose={() => setTold(null)}
        />
      )}
      <footer>
        <button type="submit" class="primary" disabled={ask.isBusy || url === ''}>
          Show it
        </button>
      </footer>
    </form>
  )
}
