const MAX_NAMES = 10_000
const MAX_STATEMENTS = 200
const STATEMENT_CHARS = 80

/** What was asked under one application name: HTTP requests, the statements in them, their texts. */
type Count = { round_trips: number; queries: number; statements: string[] }

export type Counts = {
  add(name: string, queries: string[]): void
  get(name: string): Count
  reset(name: string): void
}

/** Counters by application name; the names used longest ago are forgotten. */
export function createCounts(): Counts {
  const counts = new Map<string, Count>()
  const empty = (): Count => ({ round_trips: 0, queries: 0, statements: [] })
  return {
    add(name, queries) {
      const count = counts.get(name) ?? empty()
      counts.delete(name)
      counts.set(name, count)
      count.round_trips++
      count.queries += queries.length
      count.statements.push(...queries.slice(-MAX_STATEMENTS).map(beginning))
      count.statements.splice(0, count.statements.length - MAX_STATEMENTS)
      for (const oldest of counts.keys()) {
        if (counts.size <= MAX_NAMES) break
        counts.delete(oldest)
      }
    },
    get: (name) => counts.get(name) ?? empty(),
    reset: (name) => void counts.delete(name),
  }
}

// By way of a buffer, as a slice would keep the whole of a long statement in memory.
const beginning = (query: string): string =>
  Buffer.from(
    query
      .slice(0, 4 * STATEMENT_CHARS)
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, STATEMENT_CHARS),
  ).toString()
