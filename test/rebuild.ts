// Folds an execution's log anew and compares it with the projection that was kept: invariants 1, 2, 5, 6.
import { neon } from '@neondatabase/serverless'
import { expect } from 'vitest'
import { compilePlaybook } from '../src/catalog/playbook.ts'
import { evolve, INITIAL, type State, stateToJson } from '../src/event/state.ts'
import type { Event } from '../src/event/types.ts'
import type { JsonObject } from '../src/json.ts'

interface Kept {
  execution_id: string
  payload: JsonObject
  status: string
  version: number
  events_done: number
  progress: number
  last_event_type: string
  state: JsonObject
  result: unknown
  error: string | null
  ended: boolean
  undecided: number[]
  within: string | null
  notify: unknown[] | null
  events: Event[]
}

const TERMINAL = ['execution_complete', 'execution_failed', 'execution_cancelled']

/** Every execution of the entries, with its log. */
async function readKept(databaseUrl: string, catalogIds: string[]): Promise<Kept[]> {
  const sql = neon(databaseUrl)
  return (await sql`
    select x.execution_id::text, c.payload, x.status, x.version, x.events_done, x.progress,
      x.last_event_type, x.state, x.result, x.error, x.ended_at is not null as ended, x.undecided, x.within, x.notify,
      (select jsonb_agg(to_jsonb(e) order by e.seq) from noetl.event e
        where e.execution_id = x.execution_id) as events
    from noetl.execution x join noetl.catalog c using (catalog_id)
    where x.catalog_id = any(${catalogIds}::bigint[])`) as Kept[]
}

/** Asserts of every execution of the entries that its log is whole and its projection is the log's. */
export async function expectRebuilt(databaseUrl: string, catalogIds: string[]): Promise<Kept[]> {
  const all = await readKept(databaseUrl, catalogIds)
  for (const kept of all) {
    const playbook = compilePlaybook(kept.payload)
    let state: State = INITIAL
    for (const event of kept.events) state = evolve(state, event, playbook)
    expect(kept.events.map((event) => event.seq)).toEqual(kept.events.map((_, index) => index + 1))
    expect({
      status: kept.status,
      version: kept.version,
      events_done: kept.events_done,
      progress: kept.progress,
      last_event_type: kept.last_event_type,
      result: kept.ended ? kept.result : null,
      error: kept.error,
      ...sorted(kept.state),
    }).toEqual({
      status: state.status,
      version: state.version,
      events_done: state.eventsDone,
      progress: state.progress,
      last_event_type: state.lastEventType,
      result: kept.ended ? state.result : null,
      error: state.error,
      ...sorted(stateToJson(state)),
    })
    const start = (kept.events[0]?.meta ?? {}) as JsonObject
    expect([start.within ?? null, start.notify ?? null]).toEqual([kept.within, kept.notify])
    const ends = kept.events.filter(({ event_type }) => TERMINAL.includes(event_type))
    expect(ends.length).toBe(kept.ended ? 1 : 0)
    if (kept.ended) {
      const end = ends[0]?.seq ?? 0
      const after = kept.events.filter(({ seq }) => seq > end).map(({ event_type }) => event_type)
      expect(
        after.filter((type) => /^(step_started|action_started|step_completed)$/.test(type)),
      ).toEqual([])
    }
    const started = kept.events.filter(({ event_type }) => event_type === 'step_started')
    expect(new Set(started.map(({ node_name }) => node_name)).size).toBe(started.length)
  }
  return all
}

function sorted(state: JsonObject): JsonObject {
  return { ...state, active: [...((state.active as string[] | undefined) ?? [])].sort() }
}
