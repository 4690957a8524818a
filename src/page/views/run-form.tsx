// Starting a run: a field for each value of the workload, in its type.

import { useId, useMemo, useState } from 'preact/hooks'
import { send, Problem as Told } from '../api.ts'
import { type Described, Kept, Labelled } from '../controls.tsx'
import { useDraft } from '../draft.ts'
import { type Field, fieldsOf, parametersOf, read, textOf } from '../fields.ts'
import { useAct } from '../hooks.ts'
import { isObject, type Json, toJson } from '../json.ts'
import { Copy, curlOf, Problem } from '../parts.tsx'

const HINTS: Record<Field['kind'], string> = {
  text: 'text',
  number: 'number',
  boolean: 'true or false',
  json: 'JSON',
}

/** What values are called that are kept nowhere. */
const SECRET = /pass|secret|token|credential|api_?key|private/i

/** What no field of a workload is called. */
const FURTHER = ' further'

export function RunForm({
  path,
  version,
  workload,
  source = '',
  whole = false,
  draft: name,
  onRun,
}: {
  path: string
  version: string | null
  workload: { [key: string]: Json }
  /** The playbook's text, where it is at hand. */
  source?: string
  /** All of the workload is sent, as it is another's than the playbook's. */
  whole?: boolean
  /** Under which name it is kept while it is not sent. */
  draft: string
  onRun: (id: string) => void
}) {
  const fields = useMemo(() => fieldsOf(workload, source), [workload, source])
  const draft = useDraft(
    name,
    fields.flatMap((field) => (SECRET.test(field.name) ? field.name : [])),
  )
  const { [FURTHER]: more = '', ...texts } = draft.texts
  // a click that is sent twice is one run
  const [key, setKey] = useState(() => crypto.randomUUID())
  const id = useId()
  const { parameters, faults } = parametersOf(fields, texts)
  const extra = more.trim() === '' ? { value: {} } : read({ kind: 'json', text: more })
  const extraFault =
    'fault' in extra ? extra.fault : isObject(extra.value) ? null : 'a JSON object is expected'
  const all = {
    ...(whole && workload),
    ...parameters,
    ...('value' in extra && isObject(extra.value) && extra.value),
  }
  const body = { path, ...(version !== null && { version }), parameters: all }
  const isFaulty = Object.keys(faults).length > 0 || extraFault !== null
  const act = useAct(async () => {
    if (isFaulty) throw new Told(0, 'Not sent', 'some values are not of their type yet')
    const { data } = await send<{ execution_id: string }>('POST', '/api/executions/run', {
      body,
      headers: { 'idempotency-key': key },
    })
    draft.drop()
    onRun(data.execution_id)
  })
  const set = (name: string, before: string) => (text: string) => {
    draft.set({ [name]: text === before ? null : text })
    setKey(crypto.randomUUID())
  }
  return (
    <form
      class="run-form"
      onSubmit={(event) => {
        event.preventDefault()
        void act.run()
      }}
    >
      <Kept draft={draft} />
      {fields.length === 0 && <p class="muted">This playbook has no workload: it runs as it is.</p>}
      {fields.map((field) => (
        <Labelled
          key={field.name}
          label={field.name}
          hint={HINTS[field.kind]}
          fault={faults[field.name]}
        >
          <Input field={field} text={textOf(field, texts)} onText={set(field.name, field.text)} />
        </Labelled>
      ))}
      <details open={more !== ''}>
        <summary>Further parameters</summary>
        <Labelled label="As a JSON object" fault={extraFault ?? undefined}>
          <textarea
            rows={4}
            spellcheck={false}
            placeholder={'{"name": "value"}'}
            value={more}
            onInput={(event) => set(FURTHER, '')(event.currentTarget.value)}
          />
        </Labelled>
      </details>
      <Problem problem={act.problem} />
      <footer>
        <Copy
          text={() => curlOf('POST', '/api/executions/run', toJson(body))}
          label="Copy as curl"
        />
        <button
          type="submit"
          class="primary"
          disabled={act.isBusy || isFaulty}
          aria-describedby={id}
        >
          {act.isBusy ? 'Starting …' : 'Run'}
        </button>
        <span id={id} class="hidden">
          Starts a run of {path}
        </span>
      </footer>
    </form>
  )
}

function Input({
  field,
  text,
  onText,
  ...described
}: {
  field: Field
  text: string
  onText: (text: string) => void
} & Described) {
  if (field.kind === 'boolean') {
    return (
      <select {...described} value={text} onChange={(event) => onText(event.currentTarget.value)}>
        <option value="true">true</option>
        <option value="false">false</option>
      </select>
    )
  }
  if (field.kind === 'json' || field.isLong) {
    const rows = Math.min(14, Math.max(2, text.split('\n').length))
    return (
      <textarea
        {...described}
        rows={rows}
        spellcheck={false}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    )
  }
  return (
    <input
      {...described}
      type="text"
      inputMode={field.kind === 'number' ? 'decimal' : 'text'}
      spellcheck={false}
      value={text}
      onInput={(event) => onText(event.currentTarget.value)}
    />
  )
}
