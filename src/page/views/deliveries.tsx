// What was delivered to a hook, and what became of it.

import { useState } from 'preact/hooks'
import { send, withQuery } from '../api.ts'
import { Choice } from '../controls.tsx'
import { Dialog } from '../dialog.tsx'
import { bytes } from '../format.ts'
import { useAct, useResource } from '../hooks.ts'
import type { Json } from '../json.ts'
import { type Column, TableListing } from '../list.tsx'
import { Loading, Mark, Problem, Time } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { Link, useLocation } from '../router.tsx'
import { Tree } from '../tree.tsx'

interface Delivery {
  id: string
  delivery_id: string | null
  result: string
  reason: string | null
  execution_id: string | null
  event_type: string | null
  ip: string | null
  body_bytes: number
  redelivery_of: string | null
  received_at: string
  is_kept: boolean
  headers?: Json
  query?: Json
  body?: Json
}

const RESULTS = ['started', 'ignored', 'skipped', 'challenged', 'refused', 'failed']
const STATES: Record<string, string> = { started: 'completed', refused: 'failed', failed: 'failed' }

export function Deliveries({ path }: { path: string }) {
  const { query } = useLocation()
  const result = query.get('result')
  const list = useResource<{ items: Delivery[] }>(
    withQuery(`${path}/deliveries`, { limit: 50, cursor: query.get('cursor'), result }),
    { keep: true },
  )
  const [shown, setShown] = useState<string | null>(null)
  const again = useAct(async (id: string) => {
    await send('POST', `${path}/deliveries/${id}/redeliver`, { body: {} })
    list.reload()
  })
  const columns: readonly Column<Delivery>[] = [
    ['Result', ({ result: is }) => <Mark state={STATES[is] ?? 'skipped'}>{is}</Mark>],
    ['Received', ({ received_at }) => <Time at={received_at} />],
    ['Event', ({ event_type }) => event_type ?? <span class="muted">–</span>, 'wide-only'],
    [
      'Run, or why none',
      ({ execution_id, reason }) => (
        <>
          {execution_id && <Link to={addressOf('executions', execution_id)}>{execution_id}</Link>}{' '}
          {reason}
        </>
      ),
      'main-cell',
    ],
    ['Size', ({ body_bytes }) => bytes(body_bytes), 'num wide-only'],
    [
      'Actions',
      ({ id, is_kept }) => (
        <span class="row">
          <button type="button" class="small" onClick={() => setShown(id)}>
            Show
          </button>
          <button
            type="button"
            class="small"
            disabled={!is_kept || again.isBusy}
            onClick={() => again.run(id)}
          >
            Redeliver
          </button>
        </span>
      ),
      'quiet',
    ],
  ]
  return (
    <>
      <h2>Deliveries</h2>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Choice label="Result" name="result" options={[['', 'all'], ...RESULTS]} />
        <button type="button" onClick={list.reload}>
          Look again
        </button>
      </form>
      <Problem problem={again.problem} />
      <TableListing
        of={list}
        what="deliveries"
        empty={result ? `Nothing was ${result}.` : 'Nothing was delivered yet.'}
        caption="Deliveries, newest first"
        columns={columns}
        keyOf={({ id }) => id}
      />
      {shown && (
        <Dialog title="Delivery" wide onClose={() => setShown(null)}>
          <WholeDelivery path={`${path}/deliveries/${shown}`} />
        </Dialog>
      )}
    </>
  )
}

function WholeDelivery({ path }: { path: string }) {
  const delivery = useResource<Delivery>(path)
  if (delivery.problem) return <Problem problem={delivery.problem} />
  if (!delivery.data) return <Loading what="the delivery" />
  const { body, headers, query, delivery_id, ip, redelivery_of } = delivery.data
  return (
    <div>
      <p class="muted">
        {delivery_id && <>id {delivery_id} · </>}
        {ip && <>from {ip} · </>}
        {redelivery_of ? `delivered again by hand, after ${redelivery_of}` : 'as it was sent'}
      </p>
      <h3>body</h3>
      {body === null || body === undefined ? (
        <p class="muted">It is not kept.</p>
      ) : (
        <Tree value={body} open={2} />
      )}
      <h3>headers</h3>
      <Tree value={headers ?? null} open={2} />
      <h3>query</h3>
      <Tree value={query ?? null} open={2} />
    </div>
  )
}
