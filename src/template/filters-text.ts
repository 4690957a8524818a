import { type Operation, operation } from './call.ts'
import { typeError } from './error.ts'
import { type Run, reserveText, spend } from './run.ts'
import { align, integerArg, replaceText } from './strings.ts'
import { textOf, toText } from './text.ts'
import { capitalize, lengthOf, sliceText, splitLines, strip } from './unicode.ts'
import { dictEntries, isDict, iterate, truthy } from './values.ts'
import { wrapLine } from './wrap.ts'

const escapeFilter = operation('', (run, value) => escapeHtml(toText(run, value)))

const mapper = (map: (text: string) => unknown): Operation =>
  operation('', (run, value) => map(toText(run, value)))

export const textFilters: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['upper', mapper((text) => text.toUpperCase())],
  ['lower', mapper((text) => text.toLowerCase())],
  ['capitalize', mapper(capitalize)],
  ['title', mapper(title)],
  ['safe', mapper((text) => text)],
  ['escape', escapeFilter],
  ['e', escapeFilter],
  ['forceescape', escapeFilter],
  ['striptags', mapper(stripTags)],
  ['wordcount', mapper((text) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
  ['urlencode', operation('', urlEncode)],
  ['b64encode', mapper(encodeBase64)],
  ['b64decode', mapper(decodeBase64)],
  ['fromjson', operation('', fromJson)],
  ['indent', operation('width? first? blank?', indent)],
  ['truncate', operation('length? killwords? end? leeway?', truncate)],
  ['wordwrap', operation('width? break_long_words? wrapstring? break_on_hyphens?', wordWrap)],
  [
    'trim',
    operation('chars?', (run, value, chars = null) =>
      strip(toText(run, value), chars === null ? null : textOf(chars), 'both'),
    ),
  ],
  [
    'center',
    operation('width?', (run, value, width = 80) =>
      align(run, toText(run, value), integerArg(width), 'center'),
    ),
  ],
  [
    'replace',
    operation('old new count?', (run, value, old, fresh, count = null) => {
      const [text, from, to] = [toText(run, value), toText(run, old), toText(run, fresh)]
      return replaceText(run, text, from, to, count === null ? -1 : integerArg(count))
    }),
  ],
])

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>'"]/g, (char) => ENTITIES[char] ?? char)
}

function title(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .map(capitalize)
    .join('')
}

const NAMED_ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\xa0',
}
const ENTITY = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/gi

function stripTags(html: string): string {
  const bare = cutBetween(cutBetween(html, '<!--', '-->'), '<', '>')
  const spaced = bare.split(/\s+/).filter(Boolean).join(' ')
  return spaced.replace(ENTITY, (entity, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED_ENTITIES[name] ?? entity
    const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : entity
  })
}

/** The text without whatever stands between two marks, marks included. */
function cutBetween(text: string, open: string, close: string): string {
  let kept = ''
  let at = 0
  for (;;) {
    const start = text.indexOf(open, at)
    const end = start < 0 ? -1 : text.indexOf(close, start)
    if (end < 0) return kept + text.slice(at)
    kept += text.slice(at, start)
    at = end + close.length
  }
}

function urlEncode(run: Run, value: unknown): string {
  if (typeof value === 'string' || !(Array.isArray(value) || isDict(value))) {
    return quoteUrl(toText(run, value)).replaceAll('%2F', '/')
  }
  const part = (item: unknown) => quoteUrl(toText(run, item)).replaceAll('%20', '+')
  const pairs = isDict(value) ? dictEntries(value) : value.map((pair) => iterate(run, pair))
  spend(run, pairs.length)
  return pairs.map(([key, item]) => `${part(key)}=${part(item)}`).join('&')
}

function quoteUrl(text: string): string {
  if (!text.isWellFormed()) typeError('surrogates not allowed in a URL')
  const hex = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(text).replace(/[!'()*]/g, hex)
}

function encodeBase64(text: string): string {
  const bytes = new TextEncoder().encode(text)
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function decodeBase64(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    return typeError(`b64decode: not base64 of UTF-8 text (${String(cause)})`)
  }
}

function fromJson(run: Run, value: unknown): unknown {
  const text = textOf(value, 'the JSON object')
  // Parsing may build an object for every few characters.
  spend(run, text.length >> 6)
  try {
    return JSON.parse(text, /\d{16}/.test(text) ? keepExact : undefined)
  } catch {
    return typeError('fromjson: not valid JSON')
  }
}

/** An integer beyond 2^53 is read from its digits, not from the number that it was rounded to. */
function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const digits = context?.source ?? ''
  const isLarge = typeof value === 'number' && /^-?\d{16,4300}$/.test(digits)
  return isLarge && !Number.isSafeInteger(value) ? BigInt(digits) : value
}

function indent(
  run: Run,
  value: unknown,
  width: unknown = 4,
  first: unknown = false,
  blank: unknown = false,
): string {
  const text = textOf(value, 'the text to indent')
  const lines = splitLines(`${text}\n`)
  const size = typeof width === 'string' ? width.length : Math.max(0, integerArg(width))
  reserveText(run, text.length + lines.length * size)
  const space = typeof width === 'string' ? width : ' '.repeat(size)
  const indented = (line: string, index: number) =>
    index === 0 || (line === '' && !truthy(blank)) ? line : space + line
  return (truthy(first) ? space : '') + lines.map(indented).join('\n')
}

function truncate(
  run: Run,
  value: unknown,
  length: unknown = 255,
  killWords: unknown = false,
  end: unknown = '...',
  leeway: unknown = null,
): string {
  const text = textOf(value, 'the text to truncate')
  const tail = toText(run, end)
  const room = integerArg(length) - lengthOf(tail)
  const slack = leeway === null ? 5 : integerArg(leeway)
  if (room < 0) typeError(`expected length >= ${lengthOf(tail)}, got ${integerArg(length)}`)
  if (slack < 0) typeError(`expected leeway >= 0, got ${slack}`)
  if (lengthOf(text) <= integerArg(length) + slack) return text
  const cut = sliceText(text, 0, room)
  const space = truthy(killWords) ? -1 : cut.lastIndexOf(' ')
  return (space < 0 ? cut : cut.slice(0, space)) + tail
}

function wordWrap(
  run: Run,
  value: unknown,
  width: unknown = 79,
  breakLong: unknown = true,
  separator: unknown = null,
  onHyphens: unknown = true,
): string {
  const text = textOf(value, 'the text to wrap')
  const size = integerArg(width)
  if (size <= 0) typeError(`invalid width ${size} (must be > 0)`)
  const options = { breakLong: truthy(breakLong), onHyphens: truthy(onHyphens) }
  const newline = separator === null ? '\n' : textOf(separator)
  const lines = splitLines(text).map((line) => wrapLine(line, size, options).join(newline))
  reserveText(
    run,
    lines.reduce((sum, line) => sum + line.length + newline.length, 0),
  )
  return lines.join(newline)
}
