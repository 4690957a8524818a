// What the views share of state: answers of the API, and being told when they are out of date.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type Answer, ask, Problem, send } from './api.ts'
import { eventParser } from './sse.ts'

export interface Resource<T> {
  data: T | null
  next: string | null
  headers: Headers | null
  problem: Problem | null
  isLoading: boolean
  reload: () => void
}

const asProblem = (error: unknown) =>
  error instanceof Problem ? error : new Problem(0, 'Something went wrong', String(error))

/**
 * What a path answers; what it answered before stays while it is asked again, and with `keep` what another path
 * answered, too.
 */
export function useResource<T>(path: string | null, { keep = false } = {}): Resource<T> {
  const [state, setState] = useState<{
    path: string | null
    answer: Answer<T> | null
    problem: Problem | null
  }>({
    path: null,
    answer: null,
    problem: null,
  })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    if (path === null) return
    const controller = new AbortController()
    send<T>('GET', path, { signal: controller.signal })
      .then((answer) => setState({ path, answer, problem: null }))
      .catch((error) => {
        if (controller.signal.aborted) return
        // what was there stays in sight when it was only asked again
        setState((last) => ({
          path,
          answer: keep || last.path === path ? last.answer : null,
          problem: asProblem(error),
        }))
      })
    return () => controller.abort()
  }, [path, turn])
  const isCurrent = state.path === path
  const reload = useCallback(() => setTurn((last) => last + 1), [])
  const answer = isCurrent || keep ? state.answer : null
  return {
    data: answer?.data ?? null,
    next: answer?.next ?? null,
    headers: answer?.headers ?? null,
    problem: isCurrent ? state.problem : null,
    isLoading: path !== null && !isCurrent,
    reload,
  }
}

/** An act that a person asks for: its problem, and whether it is under way. */
export function useAct<A extends unknown[]>(act: (...given: A) => Promise<void>) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isBusy, setBusy] = useState(false)
  const run = async (...given: A) => {
    setBusy(true)
    setProblem(null)
    try {
      await act(...given)
    } catch (error) {
      setProblem(asProblem(error))
    } finally {
      setBusy(false)
    }
  }
  return { run, problem, isBusy, clear: () => setProblem(null) }
}

export type Liveness = 'live' | 'polling' | 'off'

const POLL_MS = 3_000
/** Bursts of events are one reason to look again. */
const CALM_MS = 300

/**
 * Calls `look` whenever there may be something new: told by the stream of a path where there is one, else
 * every three seconds while somebody looks. A null path ends it.
 */
export function useLive(path: string | null, look: () => void): Liveness {
  const [liveness, setLiveness] = useState<Liveness>('off')
  const latest = useRef(look)
  latest.current = look
  useEffect(() => {
    if (path === null) {
      setLiveness('off')
      return
    }
    const controller = new AbortController()
    let calm: ReturnType<typeof setTimeout> | undefined
    const lookSoon = () => {
      calm ??= setTimeout(() => {
        calm = undefined
        latest.current()
      }, CALM_MS)
    }
    let isStreaming = false
    const poll = setInterval(() => {
      if (!isStreaming && document.visibilityState === 'visible') latest.current()
    }, POLL_MS)
    const onShow = () => {
      if (document.visibilityState === 'visible') latest.current()
    }
    document.addEventListener('visibilitychange', onShow)
    const set = (next: boolean) => {
      isStreaming = next
      setLiveness(next ? 'live' : 'polling')
    }
    set(false)
    void follow(path, controller.signal, lookSoon, set)
    return () => {
      controller.abort()
      clearTimeout(calm)
      clearInterval(poll)
      document.removeEventListener('visibilitychange', onShow)
    }
  }, [path])
  return liveness
}

/** Reads a stream of events again and again, until there is none or nobody wants it. */
async function follow(
  path: string,
  signal: AbortSignal,
  onEvent: () => void,
  onState: (isStreaming: boolean) => void,
): Promise<void> {
  let lastId: string | null = null
  for (let failures = 0; !signal.aborted && failures < 6; ) {
    const began = Date.now()
    try {
      const headers = { accept: 'text/event-stream', ...(lastId && { 'last-event-id': lastId }) }
      const response = await ask('GET', path, { headers, signal })
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
      if (!isStream || !response.body) return
      onState(true)
      const parse = eventParser()
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        for (const event of parse(value)) {
          lastId = event.id ?? lastId
          onEvent()
        }
      }
      onEvent()
    } catch (error) {
      if (signal.aborted) return
      if (
        error instanceof Problem &&
        error.status >= 400 &&
        error.status < 500 &&
        error.status !== 429
      )
        return
    } finally {
      if (!signal.aborted) onState(false)
    }
    // streams end by themselves after a while; one that ends at once is tried less and less often
    failures = Date.now() - began > 5_000 ? 0 : failures + 1
    await new Promise((resolve) => setTimeout(resolve, Math.min(15_000, 500 * 2 ** failures)))
  }
}

/** The time, which moves on while something is under way. */
export function useNow(isMoving: boolean, every = 1_000): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    setNow(Date.now())
    if (!isMoving) return
    const timer = setInterval(() => setNow(Date.now()), every)
    return () => clearInterval(timer)
  }, [isMoving, every])
  return now
}

/** A value once it has rested for a while. */
export function useRested<T>(value: T, ms: number): T {
  const [rested, setRested] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return rested
}

/** How wide an element is, from when it is there. */
export function useWidth() {
  const [width, setWidth] = useState(0)
  const [element, ref] = useState<HTMLElement | null>(null)
  useEffect(() => {
    if (!element) return
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0))
    observer.observe(element)
    return () => observer.disconnect()
  }, [element])
  return [ref, width] as const
}
