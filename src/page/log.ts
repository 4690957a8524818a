// The log of an execution, as far as it is loaded: from its beginning or its end, and on as it grows.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { get, Problem, withQuery } from './api.ts'
import type { LogEvent } from './types.ts'

/** As many events as a page handles with ease; of longer logs a part is shown. */
export const MOST = 5_000
const PAGE = 1_000

export interface Log {
  events: readonly LogEvent[]
  isLoading: boolean
  problem: Problem | null
  /** Loads what has come since. */
  more: () => void
  /** Loads those behind one instead, as many as there is room for; by default the last ones, and what follows them. */
  from: (after?: number) => void
  /** How many events there are, as far as is known. */
  total: number
}

interface Summary {
  summary: { counts: Record<string, number> }
}

const NONE = { loaded: [] as LogEvent[], busy: false, again: false }

/** What does not follow the end ends somewhere; how many there are beyond is told. */
const isFull = ({ loaded, follows }: { loaded: readonly LogEvent[]; follows: boolean }) =>
  !follows && loaded.length >= MOST

export function useLog(id: string): Log {
  const [events, setEvents] = useState<LogEvent[]>([])
  const [isLoading, setLoading] = useState(true)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [total, setTotal] = useState(0)
  const state = useRef({ ...NONE, after: 0, follows: false, turn: 0 })

  const load = useCallback(
    async (turn: number) => {
      const current = state.current
      if (current.busy) {
        current.again = true
        return
      }
      current.busy = true
      try {
        for (;;) {
          current.again = false
          if (isFull(current)) break
          const after = current.loaded.at(-1)?.seq ?? current.after
          const path = withQuery(`/api/execution/data/${encodeURIComponent(id)}`, {
            after,
            limit: PAGE,
          })
          const page = (await get<{ events: LogEvent[] }>(path)).events
          if (turn !== state.current.turn) return
          if (page.length > 0) {
            const all = [...current.loaded, ...page]
            current.loaded = current.follows ? all.slice(-MOST) : all.slice(0, MOST)
            setEvents(current.loaded)
          }
          setTotal((last) => Math.max(last, current.loaded.at(-1)?.seq ?? 0))
          if (page.length < PAGE && !current.again) break
        }
        setProblem(null)
      } catch (error) {
        setProblem(
          error instanceof Problem ? error : new Problem(0, 'Something went wrong', String(error)),
        )
      } finally {
        current.busy = false
        setLoading(false)
      }
    },
    [id],
  )

  const count = useCallback(
    async (turn: number) => {
      const told = await get<Summary>(`/api/events/summary/${encodeURIComponent(id)}`).catch(
        () => null,
      )
      const sum = Object.values(told?.summary.counts ?? {}).reduce((whole, n) => whole + n, 0)
      if (turn === state.current.turn) setTotal((last) => Math.max(last, sum))
    },
    [id],
  )

  const start = useCallback(
    async (after: number, follows: boolean) => {
      const turn = state.current.turn + 1
      state.current = { ...NONE, after, follows, turn }
      setLoading(true)
      await load(turn)
      await count(turn)
    },
    [id, load, count],
  )

  useEffect(() => {
    void start(0, false)
    return () => {
      state.current.turn += 1
    }
  }, [start])

  return {
    events,
    isLoading,
    problem,
    total,
    more: () => void (isFull(state.current) ? count : load)(state.current.turn),
    from: (after) => void start(after ?? Math.max(0, total - PAGE), after === undefined),
  }
}
