// What forms are made of.

import { type ComponentChildren, cloneElement, isValidElement } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { get, withQuery } from './api.ts'
import type { Draft } from './draft.ts'
import { useRested } from './hooks.ts'
import { setQuery, useLocation } from './router.tsx'
import type { PlaybookItem } from './types.ts'

/** What a label's field is told of what stands below it. */
export interface Described {
  'aria-describedby'?: string
  'aria-invalid'?: boolean
}

/** A labelled field; several of one label are a group. */
export function Labelled({
  label,
  hint,
  fault,
  group = false,
  children,
}: {
  label: string
  hint?: string | undefined
  fault?: string | undefined
  group?: boolean
  children: ComponentChildren
}) {
  const id = useId()
  const isDescribed = Boolean(hint || fault)
  const control =
    isDescribed && isValidElement(children)
      ? cloneElement(children, { 'aria-describedby': id, 'aria-invalid': Boolean(fault) })
      : children
  const more = isDescribed && (
    <span id={id}>
      {hint && <span class="hint">{hint}</span>}
      {fault && (
        <span class="fault" role="alert">
          {fault}
        </span>
      )}
    </span>
  )
  if (group) {
    return (
      <fieldset class="field">
        <legend class="label">{label}</legend>
        {control}
        {more}
      </fieldset>
    )
  }
  return (
    <div class="field">
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children */}
      <label>
        <span class="label">{label}</span>
        {control}
      </label>
      {more}
    </div>
  )
}

/** One of some, which stands in the address. */
export function Choice({
  label,
  name,
  options,
  value,
  stays = false,
}: {
  label: string
  name: string
  options: readonly (string | readonly [value: string, label: string])[]
  /** What is chosen, where that is not just what the address says. */
  value?: string
  /** It does not lead back to the first page. */
  stays?: boolean
}) {
  const { query } = useLocation()
  return (
    <Labelled label={label}>
      <select
        value={value ?? query.get(name) ?? ''}
        onChange={(event) =>
          setQuery(
            { [name]: event.currentTarget.value, ...(!stays && { cursor: null }) },
            { replace: true },
          )
        }
      >
        {options.map((option) => {
          const [is, said] = typeof option === 'string' ? [option, option] : option
          return (
            <option key={is} value={is}>
              {said}
            </option>
          )
        })}
      </select>
    </Labelled>
  )
}

/** A text that counts once one has stopped typing. */
export function Typed({
  value,
  onValue,
  ...others
}: {
  value: string
  onValue: (value: string) => void
  placeholder?: string
  type?: 'text' | 'search'
  list?: string
} & Described) {
  const [text, setText] = useState(value)
  const rested = useRested(text, 350)
  const sent = useRef(value)
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value
      setText(value)
    }
  }, [value])
  const tell = (typed: string) => {
    if (typed === sent.current) return
    sent.current = typed
    onValue(typed.trim())
  }
  useEffect(() => tell(rested), [rested])
  return (
    <input
      type="text"
      spellcheck={false}
      autoComplete="off"
      {...others}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      // whoever leaves the field, or presses Enter, has stopped
      onChange={(event) => tell(event.currentTarget.value)}
    />
  )
}

/** A text that is looked for, which stands in the address. */
export function Search({
  name = 'q',
  label = 'Search',
  placeholder,
}: {
  name?: string
  label?: string
  placeholder: string
}) {
  const { query } = useLocation()
  return (
    <Labelled label={label}>
      <Typed
        type="search"
        value={query.get(name) ?? ''}
        placeholder={placeholder}
        onValue={(value) => setQuery({ [name]: value, cursor: null }, { replace: true })}
      />
    </Labelled>
  )
}

/** The path of a playbook, with those that there are to choose from. */
export function PathInput({
  value,
  onValue,
  ...others
}: {
  value: string
  onValue: (value: string) => void
} & Described) {
  const [known, setKnown] = useState<PlaybookItem[]>([])
  const find = (q: string) => {
    get<PlaybookItem[]>(withQuery('/api/catalog/playbooks/search', { q, limit: 20 }))
      .then(setKnown)
      .catch(() => setKnown([]))
  }
  return (
    <>
      <span onFocusIn={() => known.length === 0 && find('')}>
        <Typed
          value={value}
          onValue={(text) => {
            onValue(text)
            find(text)
          }}
          list="known-paths"
          placeholder="path"
          {...others}
        />
      </span>
      <datalist id="known-paths">
        {known.map(({ id }) => (
          <option key={id} value={id} />
        ))}
      </datalist>
    </>
  )
}

/** That a form stands as it was left, and the way back. */
export function Kept({ draft, children }: { draft: Draft; children?: ComponentChildren }) {
  if (!draft.isFound) return null
  return (
    <p class="note" role="status">
      What you had typed here is kept: it was not sent. {children}
      <button type="button" class="plain" onClick={draft.drop}>
        Start afresh
      </button>
    </p>
  )
}
