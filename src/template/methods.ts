import { type Operation, operation, variadic } from './call.ts'
import { typeError } from './error.ts'
import { formatBraces } from './format.ts'
import { type Run, scanFor, spend } from './run.ts'
import {
  type Alignment,
  align,
  between,
  integerArg,
  joinTexts,
  replaceText,
  splitText,
  splitWords,
} from './strings.ts'
import { repr, textOf } from './text.ts'
import {
  capitalize,
  codePoints,
  isLower,
  isSpace,
  isUpper,
  lengthOf,
  splitLines,
  strip,
} from './unicode.ts'
import {
  dictEntries,
  dictGet,
  equals,
  hashKey,
  isDict,
  iterate,
  makeDict,
  Tuple,
  tuple,
  typeName,
  used,
} from './values.ts'

type Methods = ReadonlyMap<string, Operation>

export function findMethod(target: unknown, name: string): Operation | undefined {
  if (typeof target === 'string') return TEXT.get(name)
  if (Array.isArray(target)) return LIST.get(name)
  return isDict(target) ? DICT.get(name) : undefined
}

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  str: ['encode', 'format_map'],
  list: ['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
}

/** Methods of Python that a template may not have, most of them because they change the data. */
export function isRefusedMethod(target: unknown, name: string): boolean {
  return REFUSED[typeName(target)]?.includes(name) ?? false
}

const mapper = (map: (text: string) => unknown): Operation =>
  operation('', (_, value) => map(String(value)))

const every = (pattern: RegExp): Operation => mapper((text) => pattern.test(text))

const stripper = (ends: 'left' | 'right' | 'both'): Operation =>
  operation('chars?', (_, value, chars = null) =>
    strip(String(value), chars === null ? null : textOf(chars), ends),
  )

const aligner = (where: Alignment): Operation =>
  operation('width fillchar?', (run, value, width, fill = ' ') =>
    align(run, String(value), integerArg(width), where, textOf(fill)),
  )

const splitter = (fromRight: boolean): Operation =>
  operation('sep? maxsplit?', (run, value, separator = null, limit = -1) => {
    const [text, most] = [String(value), integerArg(limit)]
    if (separator === null) return splitWords(run, text, most, fromRight)
    return splitText(run, text, textOf(separator), most, fromRight)
  })

const partition = (last: boolean): Operation =>
  operation('sep', (run, value, separator) => {
    const [text, part] = [String(value), textOf(separator)]
    if (part === '') typeError('empty separator')
    scanFor(run, text, part)
    const at = last ? text.lastIndexOf(part) : text.indexOf(part)
    if (at < 0) return last ? tuple('', '', text) : tuple(text, '', '')
    return tuple(text.slice(0, at), part, text.slice(at + part.length))
  })

const finder = (last: boolean, orFail: boolean): Operation =>
  operation('sub start? end?', (run, value, part, start, end) => {
    const { window, offset, valid } = between(String(value), start, end)
    const needle = textOf(part)
    scanFor(run, window, needle)
    const at = last ? window.lastIndexOf(needle) : window.indexOf(needle)
    if (valid && at >= 0) return offset + lengthOf(window.slice(0, at))
    return orFail ? typeError('substring not found') : -1
  })

const edge = (matches: (text: string, part: string) => boolean): Operation =>
  operation('prefix start? end?', (_, value, part, start, end) => {
    const { window, valid } = between(String(value), start, end)
    const parts: readonly unknown[] = part instanceof Tuple ? part : [part]
    return parts.some((item) => matches(window, textOf(item, 'first argument'))) && valid
  })

const TEXT: Methods = new Map<string, Operation>([
  ['upper', mapper((text) => text.toUpperCase())],
  ['lower', mapper((text) => text.toLowerCase())],
  ['casefold', mapper((text) => text.toLowerCase())],
  ['capitalize', mapper(capitalize)],
  ['title', mapper((text) => text.replace(/\p{L}[\p{L}\p{M}]*/gu, capitalize))],
  ['swapcase', mapper((text) => codePoints(text).map(swapCase).join(''))],
  ['strip', stripper('both')],
  ['lstrip', stripper('left')],
  ['rstrip', stripper('right')],
  ['split', splitter(false)],
  ['rsplit', splitter(true)],
  ['partition', partition(false)],
  ['rpartition', partition(true)],
  ['splitlines', operation('', (run, value) => listOf(run, splitLines(String(value))))],
  ['join', operation('iterable', joinAll)],
  ['startswith', edge((text, part) => text.startsWith(part))],
  ['endswith', edge((text, part) => text.endsWith(part))],
  ['find', finder(false, false)],
  ['rfind', finder(true, false)],
  ['index', finder(false, true)],
  ['rindex', finder(true, true)],
  ['count', operation('sub start? end?', countText)],
  [
    'replace',
    operation('old new count?', (run, value, old, fresh, count = -1) =>
      replaceText(run, String(value), textOf(old), textOf(fresh), integerArg(count)),
    ),
  ],
  ['removeprefix', operation('prefix', removePrefix)],
  ['removesuffix', operation('suffix', removeSuffix)],
  ['ljust', aligner('left')],
  ['rjust', aligner('right')],
  ['center', aligner('center')],
  ['zfill', operation('width', zeroFill)],
  ['format', variadic((run, value, args) => formatBraces(run, String(value), args))],
  ['isdigit', every(/^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]+$/u)],
  ['isdecimal', every(/^\p{Nd}+$/u)],
  ['isnumeric', every(/^\p{N}+$/u)],
  ['isalpha', every(/^\p{L}+$/u)],
  ['isalnum', every(/^[\p{L}\p{N}]+$/u)],
  ['isspace', mapper((text) => text !== '' && codePoints(text).every(isSpace))],
  ['isupper', mapper(isUpper)],
  ['islower', mapper(isLower)],
])

const LIST: Methods = new Map<string, Operation>([
  [
    'index',
    operation('value', (run, list, value) => {
      const at = iterate(run, list).findIndex((item) => equals(run, item, value))
      return at < 0 ? typeError(`${repr(run, value)} is not in list`) : at
    }),
  ],
  [
    'count',
    operation('value', (run, list, value) =>
      iterate(run, list).reduce<number>((n, item) => n + Number(equals(run, item, value)), 0),
    ),
  ],
  ['copy', operation('', (run, list) => [...iterate(run, list)])],
])

const DICT: Methods = new Map<string, Operation>([
  [
    'get',
    operation('key default?', (_, dict, key, fallback = null) => {
      hashKey(key)
      const found = isDict(dict) ? dictGet(dict, key) : undefined
      return found === undefined ? fallback : found
    }),
  ],
  ['keys', operation('', (run, dict) => [...iterate(run, dict)])],
  ['values', operation('', (run, dict) => entriesOf(run, dict).map(([, value]) => value))],
  ['items', operation('', (run, dict) => entriesOf(run, dict).map((entry) => tuple(...entry)))],
  ['copy', operation('', (run, dict) => makeDict(entriesOf(run, dict)))],
])

export function entriesOf(run: Run, value: unknown): [unknown, unknown][] {
  if (!isDict(used(value))) typeError(`'${typeName(value)}' object is not a mapping`)
  return listOf(run, isDict(value) ? dictEntries(value) : [])
}

function listOf<T>(run: Run, items: T[]): T[] {
  spend(run, items.length)
  return items
}

function swapCase(char: string): string {
  return char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()
}

function joinAll(run: Run, separator: unknown, list: unknown): string {
  const items = iterate(run, list)
  const texts = items.map((item, index) => {
    if (typeof used(item) === 'string') return String(item)
    const found = typeName(item)
    return typeError(`sequence item ${index}: expected str instance, ${found} found`)
  })
  return joinTexts(run, String(separator), texts)
}

function countText(run: Run, value: unknown, part: unknown, start: unknown, end: unknown): number {
  const { window, valid } = between(String(value), start, end)
  const needle = textOf(part)
  scanFor(run, window, needle)
  if (!valid) return 0
  return needle === '' ? lengthOf(window) + 1 : window.split(needle).length - 1
}

function removePrefix(_: Run, value: unknown, part: unknown): string {
  const [text, prefix] = [String(value), textOf(part)]
  return text.startsWith(prefix) ? text.slice(prefix.length) : text
}

function removeSuffix(_: Run, value: unknown, part: unknown): string {
  const [text, suffix] = [String(value), textOf(part)]
  return text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text
}

function zeroFill(run: Run, value: unknown, width: unknown): string {
  const text = String(value)
  const sign = /^[+-]/.test(text) ? text.charAt(0) : ''
  const digits = text.slice(sign.length)
  return sign + align(run, digits, integerArg(width) - sign.length, 'right', '0')
}
