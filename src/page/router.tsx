// Where the page is, and how it gets elsewhere without being loaded again.

import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { type Place, placeOf } from './path.ts'

const listeners = new Set<() => void>()

export function navigate(to: string, { replace = false } = {}): void {
  if (to === location.pathname + location.search) return
  if (replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  for (const listener of listeners) listener()
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
