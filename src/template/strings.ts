/** The work on text that methods and filters share, paid for before it is done. */
import { typeError } from './error.ts'
import { type Run, reserveText, scanFor, spend } from './run.ts'
import { codePoints, isSpace, lengthOf, sliceText } from './unicode.ts'
import { isInteger, typeName, used } from './values.ts'

export function integerArg(value: unknown): number {
  if (isInteger(used(value))) return Number(value)
  return typeError(`'${typeName(value)}' object cannot be interpreted as an integer`)
}

export type Alignment = 'left' | 'right' | 'center'

export function align(run: Run, text: string, width: number, where: Alignment, fill = ' '): string {
  if (lengthOf(fill) !== 1) typeError('The fill character must be exactly one character long')
  const room = width - lengthOf(text)
  if (room <= 0) return text
  reserveText(run, text.length + room * fill.length)
  // The odd space goes to the left if the width is odd, as in CPython.
  const centered = Math.floor(room / 2) + (room & width & 1)
  const left = { left: 0, right: room, center: centered }[where]
  return fill.repeat(left) + text + fill.repeat(room - left)
}

/** Replaces the first `count` occurrences, all of them if it is negative. */
export function replaceText(run: Run, text: string, old: string, fresh: string, count: number) {
  scanFor(run, text, old)
  const parts = old === '' ? ['', ...codePoints(text), ''] : text.split(old)
  spend(run, parts.length >> 4)
  const times = count < 0 ? parts.length - 1 : Math.min(parts.length - 1, count)
  reserveText(run, text.length + times * (fresh.length - old.length))
  return [...parts.slice(0, times), parts.slice(times).join(old)].join(fresh)
}

export function joinTexts(run: Run, separator: string, texts: readonly string[]): string {
  const length = texts.reduce((sum, text) => sum + text.length, 0)
  reserveText(run, length + separator.length * Math.max(0, texts.length - 1))
  return texts.join(separator)
}

/** str.split with a separator; at most `limit` cuts unless it is negative. */
export function splitText(
  run: Run,
  text: string,
  separator: string,
  limit: number,
  fromRight: boolean,
): string[] {
  if (separator === '') typeError('empty separator')
  scanFor(run, text, separator)
  const parts = text.split(separator)
  spend(run, parts.length)
  if (limit < 0 || parts.length - 1 <= limit) return parts
  const cut = fromRight ? parts.length - limit : limit
  const [head, tail] = [parts.slice(0, cut), parts.slice(cut)]
  return fromRight ? [head.join(separator), ...tail] : [...head, tail.join(separator)]
}

/** str.split without one: words between runs of white space. */
export function splitWords(run: Run, text: string, limit: number, fromRight: boolean): string[] {
  const spans: { start: number; end: number }[] = []
  for (let end = 0, start = 0; ; start = end) {
    while (start < text.length && isSpace(text.charAt(start))) start += 1
    if (start === text.length) break
    for (end = start; end < text.length && !isSpace(text.charAt(end)); ) end += 1
    spend(run)
    spans.push({ start, end })
  }
  const words = spans.map(({ start, end }) => text.slice(start, end))
  if (limit < 0 || words.length <= limit) return words
  // The part that is not cut keeps the white space at its far end.
  const cut = fromRight ? words.length - limit : limit
  if (fromRight) return [text.slice(0, spans[cut - 1]?.end ?? 0), ...words.slice(cut)]
  return [...words.slice(0, cut), text.slice(spans[cut]?.start)]
}

/** The part that `start` and `end`, as in str.find, leave of a text. */
export function between(text: string, start: unknown, end: unknown) {
  const length = lengthOf(text)
  const bound = (value: unknown, fallback: number) => {
    if (value === undefined || value === null) return fallback
    const index = integerArg(value)
    return index < 0 ? Math.max(0, index + length) : index
  }
  const offset = bound(start, 0)
  return { window: sliceText(text, offset, bound(end, length)), offset, valid: offset <= length }
}
