// What can be done about a run.

import { useState } from 'preact/hooks'
import { send } from '../api.ts'
import { Confirm, Dialog } from '../dialog.tsx'
import { useAct } from '../hooks.ts'
import { type Json, toJson } from '../json.ts'
import { Copy, curlOf, Problem, stateOf } from '../parts.tsx'
import { addressOf } from '../path.ts'
import { navigate } from '../router.tsx'
import type { Detail } from '../types.ts'
import { RunForm } from './run-form.tsx'

export function Actions({
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
