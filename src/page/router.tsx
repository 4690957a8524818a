// Where the page is, and how it gets elsewhere without being loaded again.

import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { type Place, placeOf } from './path.ts'

const listeners = new Set<() => void>()

/** How far down the places were that one has left, by the entry of the history; those before the page was loaded have none. */
const scrolls = new Map<number, number>()
const entryOf = (state: unknown) => (typeof state === 'number' ? state : 0)
let entry = entryOf(history.state)
let entries = entry

addEventListener('popstate', (event) => {
  scrolls.set(entry, scrollY)
  entry = entryOf(event.state)
})

export function navigate(to: string, { replace = false } = {}): void {
  if (to === location.pathname + location.search) return
  if (replace) history.replaceState(history.state, '', to)
  else {
    scrolls.set(entry, scrollY)
    entries += 1
    entry = entries
    history.pushState(entry, '', to)
  }
  for (const listener of listeners) listener()
}

/** Whether going back stays on the page. */
export const canGoBack = () => entryOf(history.state) > 0

/** Goes to where one was in this place, as soon as it is long enough again; else to its top. */
export function scrollToPlace(): () => void {
  const wanted = scrolls.get(entry) ?? 0
  scrollTo(0, wanted)
  if (scrollY >= wanted) return () => {}
  const observer = new ResizeObserver(() => {
    scrollTo(0, wanted)
    if (scrollY >= wanted) observer.disconnect()
  })
  observer.observe(document.body)
  const end = () => observer.disconnect()
  // whoever scrolls or types has taken over
  for (const type of ['wheel', 'touchmove', 'keydown']) addEventListener(type, end, { once: true })
  const timer = setTimeout(end, 3_000)
  return () => {
    clearTimeout(timer)
    end()
  }
}

export interface Location extends Place {
  pathname: string
  query: URLSearchParams
}

const current = (): Location => ({
  ...placeOf(location.pathname),
  pathname: location.pathname,
  query: new URLSearchParams(location.search),
})

export function useLocation(): Location {
  const [place, setPlace] = useState(current)
  useEffect(() => {
    const onChange = () => setPlace(current())
    listeners.add(onChange)
    addEventListener('popstate', onChange)
    // whoever went back before this was heard by nobody
    const now = current()
    if (now.pathname !== place.pathname || `${now.query}` !== `${place.query}`) setPlace(now)
    return () => {
      listeners.delete(onChange)
      removeEventListener('popstate', onChange)
    }
  }, [])
  return place
}

/** Sets parameters of the address; empty ones go. */
export function setQuery(
  changes: Readonly<Record<string, string | null>>,
  { replace = false } = {},
): void {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name)
    else query.set(name, value)
  }
  const text = query.toString()
  navigate(location.pathname + (text && `?${text}`), { replace })
}

interface LinkProps {
  to: string
  children: ComponentChildren
  class?: string
  'aria-label'?: string
  'aria-current'?: 'page' | undefined
}

export function Link({ to, children, ...others }: LinkProps) {
  const onClick = (event: MouseEvent) => {
    // another tab or window was asked for
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0)
      return
    event.preventDefault()
    navigate(to)
  }
  return (
    <a {...others} href={to} onClick={onClick}>
      {children}
    </a>
  )
}
