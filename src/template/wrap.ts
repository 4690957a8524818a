/** Python's textwrap.wrap of one paragraph, white space at the ends of lines dropped. */
import { codePoints, isSpace, lengthOf } from './unicode.ts'

interface WrapOptions {
  readonly breakLong: boolean
  readonly onHyphens: boolean
}

// Where textwrap lets a line end: at white space, at a dash between words, after a hyphen that
// stands between letters, at the end of a word. Its \w knows all alphabets.
const LETTER = '[\\p{L}_]'
const PUNCTUATED = '(?<=[\\p{L}\\p{N}_!"\'&.,?])'
const DASH = '-{2,}(?=[\\p{L}\\p{N}_])'
const HYPHEN = `-(?:(?<=${LETTER}{2}-)|(?<=${LETTER}-${LETTER}-))(?=${LETTER}-?${LETTER})`
const BLANK = '[\\t\\n\\v\\f\\r ]'
const WORD = `[^\\t\\n\\v\\f\\r ]+?(?:${HYPHEN}|(?=${BLANK}|$)|${PUNCTUATED}(?=${DASH}))`
const CHUNKS = new RegExp(`(${BLANK}+|${PUNCTUATED}${DASH}|${WORD})`, 'u')
const SPACES = new RegExp(`(${BLANK}+)`)

export function wrapLine(line: string, width: number, options: WrapOptions): string[] {
  const chunks = line
    .split(options.onHyphens ? CHUNKS : SPACES)
    .filter(Boolean)
    .reverse()
  const lines: string[] = []
  while (chunks.length > 0) {
    if (lines.length > 0 && isBlank(chunks.at(-1))) chunks.pop()
    const current = fill(chunks, width, options)
    if (isBlank(current.at(-1))) current.pop()
    if (current.length > 0) lines.push(current.join(''))
  }
  return lines
}

const isBlank = (chunk: string | undefined): boolean =>
  chunk !== undefined && codePoints(chunk).every(isSpace)

/** Takes from the end of `chunks` what fits on one line. */
function fill(chunks: string[], width: number, options: WrapOptions): string[] {
  const current: string[] = []
  let room = width
  for (let next = chunks.at(-1); next !== undefined; next = chunks.at(-1)) {
    const size = lengthOf(next)
    if (size > room) break
    current.push(next)
    chunks.pop()
    room -= size
  }
  const next = chunks.at(-1)
  if (next === undefined || lengthOf(next) <= width) return current
  const points = codePoints(next)
  if (options.breakLong) {
    const cut = breakPoint(points, room, options.onHyphens)
    current.push(points.slice(0, cut).join(''))
    chunks[chunks.length - 1] = points.slice(cut).join('')
  } else if (current.length === 0) {
    current.push(next)
    chunks.pop()
  }
  return current
}

/** A long word is cut behind its last hyphen that fits, if there is one with a letter before it. */
function breakPoint(points: readonly string[], room: number, onHyphens: boolean): number {
  const hyphen = onHyphens ? points.slice(0, room).lastIndexOf('-') : -1
  return hyphen > 0 && points.slice(0, hyphen).some((char) => char !== '-') ? hyphen + 1 : room
}
