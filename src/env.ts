// The Worker's environment: what the platform hands in, parsed once per isolate.

import type { Caller } from './access/caller.ts'
import type { Sql } from './db.ts'
import { AppError } from './errors.ts'
import type { Driver } from './executor/drive.ts'
import { type Config, Variables } from './settings.ts'

/** What the platform hands to the Worker: variables and bindings (wrangler.toml). */
export interface Env {
  JOBS?: Queue<{ execution_id: string }> | undefined
  /** Makes the isolates of javascript steps. */
  LOADER?: WorkerLoader | undefined
  /** The page's files. */
  PAGE?: Fetcher | undefined
  /** Counts what each known caller asks, and what each address asks whose caller is not known. */
  RATE_KEY?: RateLimit | undefined
  RATE_IP?: RateLimit | undefined
  /** Reads once for all who watch (StreamRelay); without it each stream reads for itself. */
  RELAY?: DurableObjectNamespace | undefined
  [variable: string]: unknown
}

/** What handlers have: bindings, and what app.ts sets for each request. */
export interface App {
  Bindings: Env
  Variables: {
    sql: Sql
    config: Config
    driver: Driver
    caller: Caller
    /** Who calls, asked again: for replies that last. */
    recheck: () => Promise<Omit<Caller, 'ip'> | null>
  }
}

const parsed = new WeakMap<Env, Config>()

/** The parsed variables. @throws AppError `misconfigured` naming the variables, never their values. */
export function configOf(env: Env): Config {
  const known = parsed.get(env)
  if (known) return known
  const result = Variables.safeParse(env)
  if (!result.success) {
    const names = [...new Set(result.error.issues.map((issue) => issue.path.join('.')))].join(', ')
    throw new AppError('misconfigured', `missing or invalid settings: ${names}`)
  }
  parsed.set(env, result.data)
  return result.data
}
