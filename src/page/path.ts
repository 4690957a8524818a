// The page's addresses. A playbook's path has slashes, which its address keeps.

export type View =
  | 'overview'
  | 'executions'
  | 'playbooks'
  | 'hooks'
  | 'schedules'
  | 'notifications'
  | 'credentials'
  | 'keys'
  | 'audit'

const VIEWS: readonly View[] = [
  'executions',
  'playbooks',
  'overview',
  'hooks',
  'schedules',
  'notifications',
  'credentials',
  'keys',
  'audit',
]

export interface Place {
  view: View | null
  /** What stands behind the view: an execution's id, a playbook's path. */
  rest: string
}

/** Where an address leads; a view that there is not is null. */
export function placeOf(pathname: string): Place {
  const [first = '', ...others] = pathname.replace(/^\/|\/$/g, '').split('/')
  if (first === '') return { view: 'executions', rest: '' }
  const view = VIEWS.find((known) => known === first) ?? null
  return { view, rest: others.map(decoded).join('/') }
}

export function addressOf(view: View, rest = ''): string {
  const parts = rest === '' ? [] : rest.split('/').map(encodeURIComponent)
  return `/${[view, ...parts].join('/')}`
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
