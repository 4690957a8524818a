// Who calls, and what that lets it do.

import { fail } from '../errors.ts'

/** What a key may be for. `admin` is all of them, and keys and the audit beside. */
export const SCOPES = [
  'read',
  'run',
  'event',
  'worker',
  'catalog',
  'credential',
  'hook',
  'admin',
] as const
export type Scope = (typeof SCOPES)[number]

export interface Caller {
  /** As the audit names it: `key:ID`, `jwt:SUBJECT`, `root` (API_KEY), `open` (nobody was asked), `cli`. */
  id: string
  name: string
  scopes: ReadonlySet<Scope>
  /** What the paths of its playbooks begin with, `/` at the end; null: all playbooks. */
  within: string | null
  ip: string | null
}

/** Whether a caller may do what needs one of these scopes. */
export function holds({ scopes }: Pick<Caller, 'scopes'>, ...wanted: readonly Scope[]): boolean {
  return scopes.has('admin') || wanted.some((scope) => scopes.has(scope))
}

/** @throws AppError `forbidden` unless the caller has one of the scopes. */
export function requireScope(caller: Caller, ...wanted: readonly Scope[]): void {
  if (!holds(caller, ...wanted)) fail('forbidden', `this needs the scope ${wanted.join(' or ')}`)
}

/** Whether a caller may see the playbook of a path. */
export function mayReach({ within }: Pick<Caller, 'within'>, path: string): boolean {
  return within === null || path.startsWith(within)
}

/** @throws AppError `forbidden` where a caller names a path that it does not see; nothing of what is there is told. */
export function requireReach(caller: Pick<Caller, 'within'>, path: string): void {
  if (!mayReach(caller, path)) {
    fail('forbidden', `this key is for playbooks below '${caller.within}' alone`)
  }
}

/** @throws AppError `forbidden` for callers that see a part of the playbooks only. */
export function requireAll({ within }: Caller): void {
  if (within !== null) fail('forbidden', `this is about all playbooks, and the key for '${within}'`)
}

/** What both may see, where one begins with the other: whoever changes what starts runs lends it no more. */
export function narrower(a: string | null, b: string | null): string | null {
  return (a?.length ?? 0) < (b?.length ?? 0) ? b : a
}
