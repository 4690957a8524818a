// SQL of pausing an execution, and of going on with it.

import { within } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import type { Status } from '../status.ts'

export interface PausedRow {
  status: Status
  version: number
}

/**
 * Has an execution pause, or go on, whatever its version is; no row when there is no such execution. Who decided
 * on the version before loses, and decides again knowing of it. Done twice, or sent twice, it is done once.
 */
export const setPaused = (
  sql: Sql,
  p: { execution_id: string; event_id: string; paused: boolean; within: string | null },
): Statement => {
  const status: Status = p.paused ? 'PAUSED' : 'RUNNING'
  const type = p.paused ? 'execution_paused' : 'execution_resumed'
  return sql`
  with moved as (
    -- what src/event/state.ts makes of the event; progress never rises by it
    update noetl.execution x set version = x.version + 1, status = ${status}, last_event_type = ${type}
    where x.execution_id = ${p.execution_id} and x.ended_at is null
      and (x.status = 'PAUSED') <> ${p.paused}::bool ${within(sql, p.within, sql`x.path`)}
    returning x.*
  ), logged as (
    insert into noetl.event (execution_id, catalog_id, seq, event_id, parent_event_id, event_type,
      node_id, node_name, node_type, status)
    select x.execution_id, x.catalog_id, x.version, ${p.event_id}::bigint, (select e.event_id
        from noetl.event e where e.execution_id = x.execution_id order by e.seq desc limit 1),
      ${type}, ${p.event_id}, x.name, 'playbook', ${status}
    from moved x
  )
  select x.status, x.version from moved x
  union all
  select x.status, x.version from noetl.execution x
  where x.execution_id = ${p.execution_id} and not exists (select from moved)
    ${within(sql, p.within, sql`x.path`)}`
}
