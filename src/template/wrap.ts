/** Python's textwrap.wrap of one paragraph, white space at the ends of lines dropped. */
import { codePoints, isSpace } from './unicode.ts'

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

/** What is left of a chunk. Long words are consumed by moving `from`, not by copying. */
interface Chunk {
  readonly points: readonly string[]
  from: number
}

export function wrapLine(line: string, width: number, options: WrapOptions): string[] {
  const texts = line.split(options.onHyphens ? CHUNKS : SPACES).filter(Boolean)
  const chunks = texts.map((text): Chunk => ({ points: codePoints(text), from: 0 })).reverse()
  const lines: string[] = []
  while (chunks.length > 0) {
    if (lines.length > 0 && isBlank(chunks.at(-1))) chunks.pop()
    const current = fill(chunks, width, options)
    if (isBlank(current.at(-1))) current.pop()
    if (current.length > 0) lines.push(current.map(({ points }) => points.join('')).join(''))
  }
  return lines
}

const isBlank = (chunk: Chunk | undefined): boolean => chunk?.points.every(isSpace) ?? false

const sizeOf = ({ points, from }: Chunk): number => points.length - from

/** Takes from the end of `chunks` what fits on one line. */
function fill(chunks: Chunk[], width: number, options: WrapOptions): Chunk[] {
  const current: Chunk[] = []
  let room = width
  for (let next = chunks.at(-1); next && sizeOf(next) <= room; next = chunks.at(-1)) {
    room -= sizeOf(next)
    current.push(take(next, sizeOf(next)))
    chunks.pop()
  }
  const next = chunks.at(-1)
  if (!next || sizeOf(next) <= width) return current
  if (options.breakLong) current.push(take(next, breakPoint(next, room, options.onHyphens)))
  else if (current.length === 0) {
    current.push(take(next, sizeOf(next)))
    chunks.pop()
  }
  return current
}

function take(chunk: Chunk, size: number): Chunk {
  const points = chunk.points.slice(chunk.from, chunk.from + size)
  chunk.from += size
  return { points, from: 0 }
}

/** A long word is cut behind its last hyphen that fits, if there is one with a letter before it. */
function breakPoint({ points, from }: Chunk, room: number, onHyphens: boolean): number {
  const fitting = points.slice(from, from + room)
  const hyphen = onHyphens ? fitting.lastIndexOf('-') : -1
  return hyphen > 0 && fitting.slice(0, hyphen).some((char) => char !== '-') ? hyphen + 1 : room
}
