// Who was told, or is to be told, how runs have ended.

import { useState } from 'preact/hooks'
import { get, send, withQuery } from '../api.ts'
import { Choice, Labelled } from '../controls.tsx'
import { Dialog, Secret } from '../dialog.tsx'
import { useAct, useResource } from '../hooks.ts'
import { type Column, TableListing } from '../list.tsx'
import { Mark, Path, Problem, Time, Until } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, useLocation } from '../router.tsx'

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
  const status = query.get('status')
  const list = useResource<{ items: Notification[] }>(
    withQuery('/api/notifications', {
      limit: 50,
      cursor: query.get('cursor'),
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
  const columns: readonly Column<Notification>[] = [
    ['Status', ({ status: is }) => <Mark state={STATES[is]}>{is}</Mark>],
    [
      'What',
      ({ execution_id, type, path }) => (
        <>
          <Link to={addressOf('executions', execution_id)}>{type.replace('execution.', '')}</Link>
          <span class="sub-line muted">
            <Path of={path} />
          </span>
        </>
      ),
    ],
    [
      'To',
      ({ url, last_error }) => (
        <>
          {url}
          {last_error && <span class="error-line">{last_error}</span>}
        </>
      ),
      'main-cell',
    ],
    ['Made', ({ created_at }) => <Time at={created_at} />, 'wide-only'],
    ['Tries', ({ attempts }) => attempts, 'num wide-only'],
    [
      'Next, or told',
      ({ delivered_at, next_attempt_at }) =>
        delivered_at ? <Time at={delivered_at} /> : <Until at={next_attempt_at} />,
      'wide-only',
    ],
    [
      'Actions',
      ({ id, status: is }) =>
        is === 'dead' && (
          <button type="button" class="small" disabled={again.isBusy} onClick={() => again.run(id)}>
            Send again
          </button>
        ),
      'quiet',
    ],
  ]
  return (
    <>
      <div class="head">
        <h1>Notifications</h1>
        <div class="actions">
          <button type="button" onClick={() => setAsking(true)}>
            A receiver’s secret …
          </button>
        </div>
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Choice label="Status" name="status" options={[['', 'all'], ...Object.keys(STATES)]} />
        <button type="button" onClick={list.reload}>
          Look again
        </button>
      </form>
      <Problem problem={again.problem} />
      <TableListing
        of={list}
        what="notifications"
        empty={status ? `None is ${status}.` : 'Nobody was to be told of anything yet.'}
        caption="Notifications, newest first"
        columns={columns}
        keyOf={({ id }) => id}
      />
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
