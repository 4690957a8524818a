/** Parsed sources by text, least recently used out first. It lives as long as the isolate. */
export interface Cache<T> {
  readonly entries: Map<string, T>
  readonly parse: (source: string) => T
}

const MAX_ENTRIES = 500
// A source beyond this is parsed each time rather than kept.
const MAX_SOURCE = 8192

export const newCache = <T>(parse: (source: string) => T): Cache<T> => ({
  entries: new Map(),
  parse,
})

export function parsed<T>(cache: Cache<T>, source: string): T {
  const known = cache.entries.get(source)
  if (known !== undefined) {
    cache.entries.delete(source)
    cache.entries.set(source, known)
    return known
  }
  const made = cache.parse(source)
  if (source.length > MAX_SOURCE) return made
  if (cache.entries.size >= MAX_ENTRIES) {
    const oldest = cache.entries.keys().next()
    if (!oldest.done) cache.entries.delete(oldest.value)
  }
  cache.entries.set(source, made)
  return made
}
