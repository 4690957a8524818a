/** Values as text: Python's str and repr, and json.dumps as Jinja's tojson calls it. */
import { typeError } from './error.ts'
import { floatText } from './numbers.ts'
import { checkDepth, type Run, spend, spendText } from './run.ts'
import { compareText } from './unicode.ts'
import {
  Callable,
  dictEntries,
  isDict,
  Namespace,
  Nothing,
  Tuple,
  typeName,
  Undefined,
  used,
} from './values.ts'

/** Python's str(). */
export function toText(run: Run, value: unknown): string {
  if (value instanceof Nothing) return ''
  return typeof value === 'string' ? value : repr(run, used(value))
}

/** The text of a value that must be one already. */
export function textOf(value: unknown, what = 'argument'): string {
  if (typeof used(value) === 'string') return String(value)
  return typeError(`${what} must be str, not ${typeName(value)}`)
}

export function repr(run: Run, value: unknown, sorted = false, depth = 0): string {
  spend(run)
  checkDepth(run, depth)
  const inner = (item: unknown) => repr(run, item, sorted, depth + 1)
  if (Array.isArray(value)) {
    const items = value.map(inner).join(', ')
    spendText(run, value.length * 2)
    if (value instanceof Tuple) return value.length === 1 ? `(${items},)` : `(${items})`
    return `[${items}]`
  }
  if (isDict(value)) {
    const entries = dictEntries(value)
    if (sorted) entries.sort(([a], [b]) => compareText(String(a), String(b)))
    spendText(run, entries.length * 4)
    const parts = entries.map(([key, item]) => `${paid(run, scalarRepr(key))}: ${inner(item)}`)
    return `{${parts.join(', ')}}`
  }
  return paid(run, scalarRepr(value))
}

function paid(run: Run, text: string): string {
  spendText(run, text.length)
  return text
}

function scalarRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value === 'string') return reprText(value)
  if (typeof value === 'number') return floatText(value)
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Date) return isoText(value)
  if (value instanceof Undefined) return 'Undefined'
  if (value instanceof Namespace) return '<Namespace>'
  // Python would print an address; it is always a forgotten pair of parentheses.
  if (value instanceof Callable) return typeError(`'${value.name}' is a function: call it`)
  return `<${typeName(value)}>`
}

function isoText(date: Date): string {
  return Number.isNaN(date.getTime()) ? typeError('invalid date') : date.toISOString()
}

// What Python takes for unprintable, beside the backslash and both quotes.
const ESCAPED = /[\\'\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu
const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

export function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const body = text.replace(ESCAPED, (char) => {
    if (char === "'") return quote === "'" ? "\\'" : char
    const code = char.codePointAt(0) ?? 0
    const named = NAMED_ESCAPES[char]
    if (named !== undefined) return named
    if (code < 0x100) return `\\x${hex(code, 2)}`
    return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
  })
  return quote + body + quote
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')

/** json.dumps with sorted keys; text outside of ASCII is escaped as there. */
export function toJson(run: Run, value: unknown, indent: string | null, depth = 0): string {
  spend(run)
  checkDepth(run, depth)
  used(value)
  const inner = (item: unknown) => toJson(run, item, indent, depth + 1)
  if (Array.isArray(value)) return wrap(run, '[]', value.map(inner), indent, depth)
  if (!isDict(value)) return paid(run, scalarJson(value))
  const entries = dictEntries(value).map(([key, item]) => [jsonKey(key), item] as const)
  entries.sort(([a], [b]) => compareText(a, b))
  const items = entries.map(([key, item]) => `${paid(run, scalarJson(key))}: ${inner(item)}`)
  return wrap(run, '{}', items, indent, depth)
}

function wrap(run: Run, brackets: string, items: string[], indent: string | null, depth: number) {
  const [open = '', close = ''] = brackets
  if (items.length === 0) return brackets
  const width = indent === null ? 0 : indent.length * (depth + 1) + 1
  spendText(run, items.length * (width + 2))
  if (indent === null) return open + items.join(', ') + close
  const outer = `\n${indent.repeat(depth)}`
  return `${open}${outer}${indent}${items.join(`,${outer}${indent}`)}${outer}${close}`
}

function jsonKey(key: unknown): string {
  return typeof key === 'string' ? key : scalarJson(key)
}

function scalarJson(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value).replace(/[\x7f-\uffff]/g, (char) =>
      char === '\x7f' ? char : `\\u${hex(char.charCodeAt(0), 4)}`,
    )
  }
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Date) return JSON.stringify(isoText(value))
  if (typeof value !== 'number') {
    return typeError(`Object of type ${typeName(value)} is not JSON serializable`)
  }
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  return floatText(value)
}
