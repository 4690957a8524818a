// The form of what entry.ts says.

import { useEffect, useRef, useState } from 'preact/hooks'
import type { Problem as Told } from './api.ts'
import { type Described, Kept, Labelled, PathInput } from './controls.tsx'
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
  const [tries, setTries] = useState(0)
  const isTried = tries > 0
  const { body, faults } = bodyOf(specs, texts, before)
  const [sent, setSent] = useState<Texts>({})
  const form = useRef<HTMLFormElement>(null)
  const act = useAct(async () => {
    setSent(texts)
    await onSend(body)
    draft.drop()
    onSent()
  })
  const [told, others] = faultsAt(specs, act.problem)
  const faultOf = ({ name }: FieldSpec) =>
    (sent[name] === texts[name] ? told[name] : undefined) ?? (isTried ? faults[name] : undefined)
  useEffect(() => {
    // where something is wrong is where one goes on
    const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')
    if (wrong instanceof HTMLElement) wrong.focus()
  }, [act.problem, tries])
  const field = (spec: FieldSpec) => (
    <Labelled
      key={spec.name}
      label={spec.required ? `${spec.label} (needed)` : spec.label}
      hint={spec.hint}
      group={spec.kind === 'choices'}
      fault={faultOf(spec)}
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
      ref={form}
      class="run-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        setTries(tries + 1)
        if (Object.keys(faults).length === 0) void act.run()
      }}
    >
      <Kept draft={draft} />
      {specs.filter((spec) => !spec.rare).map(field)}
      {rare.length > 0 && (
        <details open={rare.some(faultOf) || undefined}>
          <summary>More settings</summary>
          <div class="run-form inner">{rare.map(field)}</div>
        </details>
      )}
      <Problem problem={others} />
      <footer>
        <button type="submit" class="primary" disabled={act.isBusy}>
          {label}
        </button>
      </footer>
    </form>
  )
}

/** What the API found wrong, by field, and what of it is said of none. */
function faultsAt(
  specs: readonly FieldSpec[],
  problem: Told | null,
): [{ [name: string]: string }, Told | null] {
  const told: { [name: string]: string } = {}
  const others = (problem?.errors ?? []).filter(({ pointer, detail }) => {
    const name = pointer.split('/')[1] ?? ''
    if (!specs.some((spec) => spec.name === name)) return true
    told[name] = detail
    return false
  })
  const isSaid = problem !== null && problem.errors.length > 0 && others.length === 0
  return [told, isSaid ? null : problem]
}

function Control({
  spec,
  text,
  onText,
  ...described
}: {
  spec: FieldSpec
  text: string
  onText: (text: string) => void
} & Described) {
  switch (spec.kind) {
    case 'boolean':
      return (
        <select
          {...described}
          value={text || 'false'}
          onChange={(event) => onText(event.currentTarget.value)}
        >
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      )
    case 'choice':
      return (
        <select {...described} value={text} onChange={(event) => onText(event.currentTarget.value)}>
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
          {...described}
          rows={Math.min(10, Math.max(spec.kind === 'json' ? 3 : 2, text.split('\n').length))}
          spellcheck={false}
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )
    case 'playbook':
      return <PathInput value={text} onValue={onText} {...described} />
    case 'time':
      return (
        <input
          {...described}
          type="datetime-local"
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )
    default:
      return (
        <input
          {...described}
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
