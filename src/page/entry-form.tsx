// The form of what entry.ts says.

import { useState } from 'preact/hooks'
import { Kept, Labelled, PathInput } from './controls.tsx'
import { Dialog } from './dialog.tsx'
import { useDraft } from './draft.ts'
import { bodyOf, type FieldSpec, type Texts } from './entry.ts'
import { useAct } from './hooks.ts'
import type { Json } from './json.ts'
import { Problem } from './parts.tsx'

interface EntryProps {
  specs: readonly FieldSpec[]
  before: Texts
  /** Under which name it is kept while it is not sent. */
  draft: string
  /** What the button says that sends it. */
  act: string
  onSend: (body: { [key: string]: Json }) => Promise<void>
}

/** A button, and the form that it opens. */
export function Entry({
  label,
  title = label,
  look = 'small',
  ...form
}: EntryProps & { label: string; title?: string; look?: string }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <button type="button" class={look} onClick={() => setOpen(true)}>
        {label}
      </button>
      {isOpen && (
        <Dialog title={title} wide onClose={() => setOpen(false)}>
          <EntryForm {...form} onSent={() => setOpen(false)} />
        </Dialog>
      )}
    </>
  )
}

function EntryForm({
  specs,
  before,
  draft: name,
  act: label,
  onSend,
  onSent,
}: EntryProps & { onSent: () => void }) {
  const draft = useDraft(
    name,
    specs.flatMap((spec) => (spec.secret ? spec.name : [])),
  )
  const texts = { ...before, ...draft.texts }
  const [isTried, setTried] = useState(false)
  const { body, faults } = bodyOf(specs, texts, before)
  const act = useAct(async () => {
    await onSend(body)
    draft.drop()
    onSent()
  })
  const told = Object.fromEntries(
    (act.problem?.errors ?? []).map(({ pointer, detail }) => [pointer.split('/')[1] ?? '', detail]),
  )
  const field = (spec: FieldSpec) => (
    <Labelled
      key={spec.name}
      label={spec.required ? `${spec.label} (needed)` : spec.label}
      hint={spec.hint}
      group={spec.kind === 'choices'}
      fault={told[spec.name] ?? (isTried ? faults[spec.name] : undefined)}
    >
      <Control
        spec={spec}
        text={texts[spec.name] ?? ''}
        onText={(text) =>
          draft.set({ [spec.name]: text === (before[spec.name] ?? '') ? null : text })
        }
      />
    </Labelled>
  )
  const rare = specs.filter((spec) => spec.rare)
  return (
    <form
      class="run-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (Object.keys(faults).length === 0) void act.run()
      }}
    >
      <Kept draft={draft} />
      {specs.filter((spec) => !spec.rare).map(field)}
      {rare.length > 0 && (
        <details>
          <summary>More settings</summary>
          <div class="run-form inner">{rare.map(field)}</div>
        </details>
      )}
      <Problem problem={act.problem} />
      <footer>
        <button type="submit" class="primary" disabled={act.isBusy}>
          {label}
        </button>
      </footer>
    </form>
  )
}

function Control({
  spec,
  text,
  onText,
}: {
  spec: FieldSpec
  text: string
  onText: (text: string) => void
}) {
  switch (spec.kind) {
    case 'boolean':
      return (
        <select value={text || 'false'} onChange={(event) => onText(event.currentTarget.value)}>
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      )
    case 'choice':
      return (
        <select value={text} onChange={(event) => onText(event.currentTarget.value)}>
          {!text && <option value="">–</option>}
          {spec.choices?.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      )
    case 'choices': {
      const chosen = new Set(text.split('\n').filter(Boolean))
      const toggle = (choice: string) => {
        const next = new Set(chosen)
        if (!next.delete(choice)) next.add(choice)
        onText([...next].join('\n'))
      }
      return (
        <span class="row">
          {spec.choices?.map((choice) => (
            <label key={choice} class="check">
              <input type="checkbox" checked={chosen.has(choice)} onChange={() => toggle(choice)} />{' '}
              {choice}
            </label>
          ))}
        </span>
      )
    }
    case 'json':
    case 'lines':
      return (
        <textarea
          rows={Math.min(10, Math.max(spec.kind === 'json' ? 3 : 2, text.split('\n').length))}
          spellcheck={false}
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )
    case 'playbook':
      return <PathInput value={text} onValue={onText} />
    case 'time':
      return (
        <input
          type="datetime-local"
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )
    default:
      return (
        <input
          type="text"
          inputMode={spec.kind === 'number' ? 'decimal' : 'text'}
          autoComplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )
  }
}
