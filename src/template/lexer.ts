import { locate, TemplateError } from './error.ts'
import { isSpace } from './unicode.ts'

type Position = { readonly start: number; readonly end: number }

export type Token = Position &
  (
    | { readonly type: 'integer' | 'float'; readonly value: number | bigint }
    | {
        readonly type:
          | 'data'
          | 'variable_begin'
          | 'variable_end'
          | 'block_begin'
          | 'block_end'
          | 'name'
          | 'string'
          | 'operator'
          | 'eof'
        readonly value: string
      }
  )

const RAW_BEGIN = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y
const RAW_END = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\})/g
const OPENING = /\{[{%#]/g
const OPERATOR = /\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y
const NAME = /\p{ID_Continue}+/uy
const NAME_START = /^[\p{ID_Start}_]/u
// The lookbehind keeps the 0 of `items.0.5` an index.
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy
const CLOSERS: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' }
/** Python refuses to read longer ones too. */
const MAX_DIGITS = 4300

/** The source as Jinja sees it: one kind of line end, and none at the very end. */
export function normalizeSource(source: string): string {
  const unix = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source
  return unix.endsWith('\n') ? unix.slice(0, -1) : unix
}

/** `source` must be normalized. As an expression it starts inside of a `{{`. */
export function tokenize(source: string, mode: 'template' | 'expression'): Token[] {
  const tokens: Token[] = []
  let at = mode === 'expression' ? lexCode(source, 0, 0, 'variable_end', tokens) : 0
  while (at < source.length) at = lexData(source, at, tokens)
  tokens.push({ type: 'eof', value: '', start: source.length, end: source.length })
  return tokens
}

/** Text up to the next tag, and that tag. */
function lexData(source: string, from: number, tokens: Token[]): number {
  const start = searchFrom(OPENING, source, from)?.index ?? source.length
  const opening = source.slice(start, start + 2)
  const sign = opening === '' ? '' : source.charAt(start + 2)
  pushData(source, from, start, sign === '-', tokens)
  if (opening === '') return start

  const raw = searchFrom(RAW_BEGIN, source, start)
  if (raw) return lexRaw(source, start, start + raw[0].length, tokens)
  const inside = start + (sign === '-' || sign === '+' ? 3 : 2)
  if (opening === '{#') return skipComment(source, start, inside)
  const kind = opening === '{{' ? 'variable' : 'block'
  tokens.push({ type: `${kind}_begin`, value: opening, start, end: inside })
  return lexCode(source, start, inside, `${kind}_end`, tokens)
}

function pushData(source: string, from: number, to: number, strip: boolean, tokens: Token[]) {
  let end = to
  if (strip) while (end > from && isSpace(source.charAt(end - 1))) end -= 1
  if (end > from) tokens.push({ type: 'data', value: source.slice(from, end), start: from, end })
}

function lexRaw(source: string, start: number, from: number, tokens: Token[]): number {
  const end = searchFrom(RAW_END, source, from)
  if (!end) return fail('Missing end of raw directive', source, start, source.length)
  pushData(source, from, end.index, end[1] === '-', tokens)
  return end.index + end[0].length
}

function skipComment(source: string, start: number, from: number): number {
  const end = source.indexOf('#}', from)
  if (end < 0) return fail('Missing end of comment tag', source, start, source.length)
  const strips = end > from && source[end - 1] === '-'
  return strips ? skipSpace(source, end + 2) : end + 2
}

function lexCode(
  source: string,
  tagStart: number,
  from: number,
  closing: 'variable_end' | 'block_end',
  tokens: Token[],
): number {
  const closer = closing === 'variable_end' ? '}}' : '%}'
  const expected: string[] = []
  let at = skipSpace(source, from)
  while (at < source.length) {
    const end = expected.length === 0 ? endOfTag(source, at, closer) : 0
    if (end > 0) {
      tokens.push({ type: closing, value: closer, start: at, end })
      return source[at] === '-' ? skipSpace(source, end) : end
    }
    const token = lexToken(source, tagStart, at)
    if (token.type === 'operator') balance(source, token, expected)
    tokens.push(token)
    at = skipSpace(source, token.end)
  }
  return at
}

/** Where the tag ends if it does at `at`, else 0. Only blocks may end in `+%}`. */
function endOfTag(source: string, at: number, closer: string): number {
  const sign = source[at] === '-' || (source[at] === '+' && closer === '%}') ? 1 : 0
  return source.startsWith(closer, at + sign) ? at + sign + closer.length : 0
}

function lexToken(source: string, tagStart: number, start: number): Token {
  const float = match(FLOAT, source, start)
  if (float) {
    const value = Number(float.replaceAll('_', ''))
    return { type: 'float', value, start, end: start + float.length }
  }
  const integer = match(INTEGER, source, start)
  if (integer) {
    const end = start + integer.length
    if (integer.length > MAX_DIGITS) {
      fail(`Exceeds the limit (${MAX_DIGITS} digits) for an integer`, source, start, end)
    }
    const exact = BigInt(integer.replaceAll('_', ''))
    const value = Number(exact)
    return { type: 'integer', value: Number.isSafeInteger(value) ? value : exact, start, end }
  }
  const name = match(NAME, source, start)
  if (name) {
    const end = start + name.length
    if (!NAME_START.test(name)) fail('Invalid character in identifier', source, start, end)
    return { type: 'name', value: name, start, end }
  }
  const quote = source.charAt(start)
  const closed = quote === '"' || quote === "'" ? endOfString(source, start, quote) : 0
  if (closed > 0) {
    const value = decodeEscapes(source, start + 1, closed - 1)
    return { type: 'string', value, start, end: closed }
  }
  const operator = match(OPERATOR, source, start)
  if (operator) return { type: 'operator', value: operator, start, end: start + operator.length }
  const char = String.fromCodePoint(source.codePointAt(start) ?? 0)
  const message = `unexpected char ${char === "'" ? `"'"` : `'${char}'`} at ${start}`
  return fail(message, source, tagStart, source.length)
}

/** The brackets open at this point: a `}}` inside of them is not the end of the tag. */
function balance(source: string, token: Token, expected: string[]): void {
  const symbol = String(token.value)
  const closer = CLOSERS[symbol]
  if (closer !== undefined) expected.push(closer)
  if (symbol !== '}' && symbol !== ')' && symbol !== ']') return
  const wanted = expected.pop()
  if (wanted === symbol) return
  const hint = wanted === undefined ? '' : `, expected '${wanted}'`
  fail(`unexpected '${symbol}'${hint}`, source, token.start, token.end)
}

function endOfString(source: string, start: number, quote: string): number {
  for (let at = start + 1; at < source.length; at += 1) {
    const char = source[at]
    if (char === quote) return at + 1
    if (char === '\\') at += 1
  }
  return 0
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }
const ESCAPE = /\\([0-7]{1,3}|[\s\S])/g
const HEX = /^[\da-f]+$/i

/** Python's escapes; an unknown one keeps its backslash. */
function decodeEscapes(source: string, start: number, end: number): string {
  const body = source.slice(start, end)
  if (!body.includes('\\')) return body
  let out = ''
  let at = 0
  for (let found = searchFrom(ESCAPE, body, at); found; found = searchFrom(ESCAPE, body, at)) {
    const code = found[1] ?? ''
    out += body.slice(at, found.index)
    at = found.index + found[0].length
    const digits = HEX_DIGITS[code]
    if (digits !== undefined) {
      const hex = body.slice(at, at + digits)
      const point = HEX.test(hex) ? Number.parseInt(hex, 16) : Number.NaN
      if (hex.length < digits || !(point <= 0x10ffff)) {
        fail(`truncated \\${code}${'X'.repeat(digits)} escape`, source, start - 1, end + 1)
      }
      out += String.fromCodePoint(point)
      at += digits
    } else if (/^[0-7]/.test(code)) {
      out += String.fromCharCode(Number.parseInt(code, 8))
    } else if (code === 'N') {
      fail('\\N escapes are not supported', source, start - 1, end + 1)
    } else {
      out += SIMPLE_ESCAPES[code] ?? `\\${code}`
    }
  }
  return out + body.slice(at)
}

function skipSpace(source: string, from: number): number {
  let at = from
  while (at < source.length && isSpace(source.charAt(at))) at += 1
  return at
}

function searchFrom(pattern: RegExp, text: string, from: number): RegExpExecArray | null {
  pattern.lastIndex = from
  return pattern.exec(text)
}

function match(pattern: RegExp, text: string, from: number): string | undefined {
  return searchFrom(pattern, text, from)?.[0]
}

function fail(message: string, source: string, start: number, end: number): never {
  throw locate(new TemplateError('syntax', message), source, { start, end })
}
