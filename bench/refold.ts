// Folds logs anew and compares them with the projections that were kept.
import { isDeepStrictEqual } from 'node:util'
import type { NeonQueryFunction } from '@neondatabase/serverless'
import { compilePlaybook } from '../src/catalog/playbook.ts'
import { evolve, INITIAL, type State, stateToJson } from '../src/event/state.ts'
import type { Event } from '../src/event/types.ts'
import type { Json, JsonObject } from '../src/json.ts'

/** An execution as it was kept, with its log. */
export interface Kept {
  execution_id: string
  path: string
  parent: string | null
  payload: JsonObject
  parameters: JsonObject
  status: string
  version: number
  events_done: number
  progress: number
  last_event_type: string
  state: JsonObject
  result: Json
  error: string | null
  undecided: number[]
  /** How many of its jobs are not done. */
  unfinished: number
  events: (Event & { worker_id: string | null; created_at: string; error: string | null })[]
}

/** A reply holds 10 MB. */
const PAGE = 50
const ENDS = ['execution_complete', 'execution_failed', 'execution_cancelled']

/** Every execution of the database. */
export async function readKept(sql: NeonQueryFunction<false, false>): Promise<Kept[]> {
  const all: Kept[] = []
  for (let after = '0'; ; ) {
    const page = (await sql`
      select x.execution_id::text, x.path, x.parent_execution_id::text as parent, c.payload,
        x.workload as parameters, x.status, x.version, x.events_done, x.progress, x.last_event_type,
        x.state, x.result, x.error, x.undecided,
        (select count(*)::int from noetl.queue q
          where q.execution_id = x.execution_id and q.status <> 'done') as unfinished,
        (select jsonb_agg(to_jsonb(e) order by e.seq) from noetl.event e
          where e.execution_id = x.execution_id) as events
      from noetl.execution x join noetl.catalog c using (catalog_id)
      where x.execution_id > ${after} order by x.execution_id limit ${PAGE}`) as Kept[]
    all.push(...page)
    const last = page.at(-1)
    if (!last || page.length < PAGE) return all
    after = last.execution_id
  }
}

/** What is wrong with a log and what was kept of it, each in a line. */
export function refold(kept: Kept): string[] {
  const playbook = compilePlaybook(kept.payload)
  let state: State = INITIAL
  for (const event of kept.events) state = evolve(state, event, playbook)
  const faults: string[] = []
  const same = (what: string, one: unknown, other: unknown) => {
    if (isDeepStrictEqual(one, other)) return
    faults.push(`${what} is ${JSON.stringify(one)}, by the log ${JSON.stringify(other)}`)
  }
  const isGapless = kept.events.every(({ seq }, index) => seq === index + 1)
  if (!isGapless) faults.push('its log has gaps')
  same('status', kept.status, state.status)
  same('version', kept.version, state.version)
  same('events_done', kept.events_done, state.eventsDone)
  same('progress', kept.progress, state.progress)
  same('last_event_type', kept.last_event_type, state.lastEventType)
  same('error', kept.error, state.error)
  same('state', sorted(kept.state), sorted(JSON.parse(JSON.stringify(stateToJson(state)))))
  const ends = kept.events.filter(({ event_type }) => ENDS.includes(event_type))
  if (ends.length !== 1) faults.push(`it has ${ends.length} ends`)
  else same('result', kept.result, state.result)
  return faults
}

function sorted(state: JsonObject): JsonObject {
  const active = (state.active as string[] | undefined) ?? []
  return { ...state, active: active.toSorted() }
}
