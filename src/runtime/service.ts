// Runtimes: worker pools, brokers and servers, by kind and name, and when each was last heard of.

import { rowsOf, type Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { newId } from '../ids.ts'
import {
  beat,
  beatOrRegister,
  deregister,
  list,
  type RuntimeFilter,
  type RuntimeRow,
  type RuntimeWrite,
  register,
} from './queries.ts'
import type { Beat, Heartbeat, Kind, KindNames, NewRuntime } from './schema.ts'

/** Registers a runtime; one that is known keeps its id. @throws AppError `invalid_input`. */
export async function registerRuntime(sql: Sql, kind: Kind, request: NewRuntime) {
  const [row] = await rowsOf<{ runtime_id: string }>(register(sql, writeOf(kind, request)))
  if (!row) return fail('internal', 'the runtime was not written')
  const { name, runtime = null } = request
  return { status: 'ok' as const, name, ...row, runtime, kind }
}

/** Marks a runtime as offline; nothing happens to a name that is unknown. */
export async function deregisterRuntime(sql: Sql, kind: Kind, name: string) {
  const [row] = await rowsOf<{ runtime_id: string }>(deregister(sql, kind, name))
  return { status: 'ok' as const, name, runtime_id: row?.runtime_id ?? null, runtime: null, kind }
}

/** Notes that a runtime lives; null when its name is unknown and it brings no registration. */
export async function noteHeartbeat(
  sql: Sql,
  kind: Kind,
  { name, registration }: Heartbeat,
): Promise<Beat | null> {
  if (name == null) return { status: 'ok', name: null, runtime_id: null, runtime: null }
  const write = registration ? writeOf(kind, { ...registration, name }) : null
  const statement = write ? beatOrRegister(sql, write) : beat(sql, kind, name)
  const [row] = await rowsOf<{ runtime_id: string }>(statement)
  if (!row) return null
  const status = row.runtime_id === write?.runtime_id ? 'recreated' : 'ok'
  return { status, name, runtime_id: row.runtime_id, runtime: null }
}

/** A page of runtimes, newest first. */
export async function listRuntimes(
  sql: Sql,
  filter: RuntimeFilter,
): Promise<{ items: Omit<RuntimeRow, 'runtime_id'>[]; next: string | null }> {
  const { limit } = filter
  const rows = await rowsOf<RuntimeRow>(list(sql, { ...filter, limit: limit + 1 }))
  const next = rows.length > limit ? (rows[limit - 1]?.runtime_id ?? null) : null
  return { items: rows.slice(0, limit).map(({ runtime_id: _id, ...item }) => item), next }
}

/** The kind that a request names. @throws AppError `invalid_input` when it names none. */
export function kindOf({ kind, component_type }: KindNames): Kind {
  return kind ?? component_type ?? fail('invalid_input', 'kind is required', [missing('kind')])
}

function writeOf(kind: Kind, request: NewRuntime): RuntimeWrite {
  const { name, status, capacity, labels, runtime, pid, hostname, meta } = request
  const uri = request.uri ?? request.base_url ?? null
  if (kind === 'server_api' && !uri) {
    fail('invalid_input', 'uri is required for server_api components', [missing('uri')])
  }
  return {
    runtime_id: newId(),
    kind,
    name,
    uri,
    status: status ?? 'ready',
    capacity: capacity ?? null,
    labels: labels ?? null,
    runtime: {
      type: null,
      pid: pid ?? null,
      hostname: hostname ?? null,
      ...(meta && { meta }),
      ...(typeof runtime === 'string' ? { type: runtime } : runtime),
    },
  }
}

function missing(field: string) {
  return { pointer: `/${field}`, detail: 'is required' }
}
