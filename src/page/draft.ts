// What was typed and not yet sent. It stays in the tab when its form is left, by a link, by going back or by loading the
// page again, and is there when the form is opened again.

import { useEffect, useRef, useState } from 'preact/hooks'
import type { Texts } from './entry.ts'

const PLACE = 'noetl-edge.draft.'
/** Drafts of these are missed even when they are not in sight. */
const PLAYBOOK = 'playbook '

const drafts = new Map<string, Texts>(
  Object.entries({ ...sessionStorage })
    .filter(([key]) => key.startsWith(PLACE))
    .map(([key, text]) => [key.slice(PLACE.length), textsOf(String(text))]),
)

function textsOf(text: string): Texts {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

const open = new Set<string>()

/** Under which name the changes of a playbook are kept; those of a new one without a path. */
export const draftOf = (path = '', version: string | null = null) =>
  PLAYBOOK + path + (version === null ? '' : `\n${version}`)

export const hasDraft = (name: string) => drafts.has(name)

export function forgetDrafts(): void {
  for (const name of [...drafts.keys()]) keep(name, {})
}

function keep(name: string, texts: Texts, unkept: readonly string[] = []): void {
  if (Object.keys(texts).length === 0) {
    drafts.delete(name)
    sessionStorage.removeItem(PLACE + name)
    return
  }
  drafts.set(name, texts)
  const written = Object.entries(texts).filter(([field]) => !unkept.includes(field))
  if (written.length === 0) {
    sessionStorage.removeItem(PLACE + name)
    return
  }
  try {
    sessionStorage.setItem(PLACE + name, JSON.stringify(Object.fromEntries(written)))
  } catch {
    // it is more than the browser keeps: it is there until the page is loaded again, before which one is asked
  }
}

addEventListener('beforeunload', (event) => {
  const isMissed = (name: string) => open.has(name) || name.startsWith(PLAYBOOK)
  if ([...drafts.keys()].some(isMissed)) event.preventDefault()
})

export interface Draft {
  /** What differs from how the form stood. */
  texts: Texts
  /** A text of null is as it stood. */
  set: (changes: Readonly<Record<string, string | null>>) => void
  /** It is sent, or not wanted any more. */
  drop: () => void
  /** It was there when the form was opened. */
  isFound: boolean
}

/** The texts of a form, kept under a name; those of `unkept` fields, as they are secret, not beyond the page's life. */
export function useDraft(name: string, unkept: readonly string[] = []): Draft {
  const [texts, setTexts] = useState<Texts>(() => drafts.get(name) ?? {})
  const [isFound, setFound] = useState(() => drafts.has(name))
  const current = useRef(texts)
  useEffect(() => {
    open.add(name)
    return () => void open.delete(name)
  }, [name])
  const write = (next: Texts) => {
    current.current = next
    keep(name, next, unkept)
    setTexts(next)
  }
  return {
    texts,
    isFound,
    set: (changes) => {
      const next = Object.entries({ ...current.current, ...changes })
      write(
        Object.fromEntries(next.filter((entry): entry is [string, string] => entry[1] !== null)),
      )
    },
    drop: () => {
      setFound(false)
      write({})
    },
  }
}
