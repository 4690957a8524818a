// What an isolate remembers of rows that seldom change, so that a request pays no round trip for them. What was looked
// up is used for STALE_MS; after FRESH_MS it is looked up again beside a request, so that what is in use is never waited
// for. A change is thus known everywhere within a minute. What is not there is not remembered.

export const FRESH_MS = 20_000
export const STALE_MS = 50_000

interface Remembered<Value> {
  value: Value
  /** When it was asked for: an answer is as old as its question. */
  asked_ms: number
  isAsked: boolean
}

export interface Memory<Value> {
  /**
   * The value under a key, as remembered or looked up.
   * @param later takes what may go on after the reply
   */
  get(
    key: string,
    look: () => Promise<Value | null>,
    later: (work: Promise<unknown>) => void,
  ): Promise<Value | null>
  forget(key: string): void
}

/** @param most how many values are remembered; beyond it all are forgotten */
export function newMemory<Value>(most: number): Memory<Value> {
  const all = new Map<string, Remembered<Value>>()

  async function lookUp(key: string, look: () => Promise<Value | null>): Promise<Value | null> {
    const asked_ms = Date.now()
    const value = await look()
    all.delete(key)
    if (value === null) return null
    if (all.size >= most) all.clear()
    all.set(key, { value, asked_ms, isAsked: false })
    return value
  }

  return {
    async get(key, look, later) {
      const found = all.get(key)
      const age = found ? Date.now() - found.asked_ms : Infinity
      if (!found || age >= STALE_MS) return lookUp(key, look)
      if (age >= FRESH_MS && !found.isAsked) {
        found.isAsked = true
        later(
          lookUp(key, look).catch(() => {
            found.isAsked = false
          }),
        )
      }
      return found.value
    },
    forget: (key) => void all.delete(key),
  }
}
