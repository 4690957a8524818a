/** Python's idea of text: its white space, its line ends, and code points instead of UTF-16. */

const SPACES = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007' +
    '\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
)
// biome-ignore lint/suspicious/noControlCharactersInRegex: str.splitlines ends lines at them
const LINE_END = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/
const WIDE = /[\ud800-\udbff]/

export const isSpace = (char: string): boolean => SPACES.has(char)

export const codePoints = (text: string): string[] => Array.from(text)

export function lengthOf(text: string): number {
  return WIDE.test(text) ? codePoints(text).length : text.length
}

/** Bounds as for String.slice, but counted in code points. */
export function sliceText(text: string, start: number, end?: number): string {
  return WIDE.test(text) ? codePoints(text).slice(start, end).join('') : text.slice(start, end)
}

/** Order by code point; JavaScript's own `<` orders by UTF-16 unit. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  if (!WIDE.test(a) && !WIDE.test(b)) return a < b ? -1 : 1
  let at = 0
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1
  // A pair that differs in its second half is compared from its first.
  if (at > 0 && WIDE.test(a.charAt(at - 1))) at -= 1
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1)
}

/** Without the characters of `chars` at the ends asked for; without white space by default. */
export function strip(text: string, chars: string | null, ends: 'left' | 'right' | 'both') {
  const points = WIDE.test(text) ? codePoints(text) : text
  const drop = new Set(chars)
  const dropped = (char: string | undefined) =>
    char !== undefined && (chars === null ? isSpace(char) : drop.has(char))
  let start = 0
  let end = points.length
  if (ends !== 'right') while (start < end && dropped(points[start])) start += 1
  if (ends !== 'left') while (end > start && dropped(points[end - 1])) end -= 1
  const kept = points.slice(start, end)
  return typeof kept === 'string' ? kept : kept.join('')
}

export function splitLines(text: string): string[] {
  const lines = text.split(LINE_END)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

export const isLower = (text: string): boolean =>
  text === text.toLowerCase() && text !== text.toUpperCase()

export const isUpper = (text: string): boolean =>
  text === text.toUpperCase() && text !== text.toLowerCase()

export function capitalize(text: string): string {
  const first = sliceText(text, 0, 1)
  return first.toUpperCase() + text.slice(first.length).toLowerCase()
}
