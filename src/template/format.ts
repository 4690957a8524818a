/** Python's `%` formatting and the simple part of str.format. */
import type { Args } from './call.ts'
import { typeError } from './error.ts'
import {
  floatText,
  MAX_FLOAT_DIGITS,
  type Numeric,
  scaleAndRound,
  toFixed,
  toFloat,
  truncate,
} from './numbers.ts'
import { type Run, reserveText, spend } from './run.ts'
import { repr, toText } from './text.ts'
import { lengthOf, sliceText } from './unicode.ts'
import {
  type Dict,
  dictGet,
  isDict,
  isInteger,
  isNumeric,
  Tuple,
  typeName,
  used,
} from './values.ts'

const DIRECTIVE =
  /%(?:\((?<key>[^()]*)\))?(?<flags>[-#0 +]*)(?<width>\*|\d+)?(?:\.(?<precision>\*|\d*))?[hlL]?(?<type>.?)/gsu

interface Spec {
  readonly flags: string
  readonly width: number
  readonly precision: number | null
}

/** `template % values`: a tuple gives the values in order, a dict by name, else there is one. */
export function formatPercent(run: Run, template: string, values: unknown): string {
  const given: readonly unknown[] = values instanceof Tuple ? values : [values]
  let taken = 0
  const take = (): unknown => {
    taken += 1
    return taken > given.length
      ? typeError('not enough arguments for format string')
      : given[taken - 1]
  }
  const size = (text: string | undefined) =>
    text === '*' ? Number(integerOf(take())) : Number(text || 0)

  let length = 0
  const text = template.replace(DIRECTIVE, (...match) => {
    const { key, flags, width, precision, type } = match.at(-1) as Record<string, string>
    spend(run)
    if (type === '%') return '%'
    const spec: Spec = {
      flags: flags ?? '',
      width: size(width),
      precision: precision === undefined ? null : size(precision),
    }
    reserveText(run, length + Math.abs(spec.width) + (spec.precision ?? 0))
    const value = key === undefined ? take() : byKey(values, key)
    const piece = pad(convert(run, type ?? '', used(value), spec), spec)
    length += piece.length
    return piece
  })
  // To Python a list is a mapping here, of which it is fine to take nothing.
  const isMapping = isDict(values) || (Array.isArray(values) && !(values instanceof Tuple))
  if (taken < given.length && !isMapping) {
    typeError('not all arguments converted during string formatting')
  }
  return text
}

function byKey(values: unknown, key: string): unknown {
  if (!isDict(values)) return typeError('format requires a mapping')
  return dictGet(values, key) ?? typeError(`the format needs a value for '${key}'`)
}

function convert(run: Run, type: string, value: unknown, spec: Spec): string {
  if (type === 's' || type === 'r' || type === 'a') {
    const text = type === 's' ? toText(run, value) : repr(run, value)
    return spec.precision === null ? text : sliceText(text, 0, spec.precision)
  }
  if (type === 'c') return typeof value === 'string' ? value : codePoint(integerOf(value))
  if ('diuxXo'.includes(type) && type !== '') return convertInteger(type, value, spec)
  if ('eEfFgG'.includes(type) && type !== '') return convertFloat(type, value, spec)
  return typeError(type === '' ? 'incomplete format' : `unsupported format character '${type}'`)
}

function codePoint(value: Numeric): string {
  if (value < 0 || value > 0x10ffff) typeError('%c arg not in range(0x110000)')
  return String.fromCodePoint(Number(value))
}

function integerOf(value: unknown): Numeric {
  if (!isNumeric(used(value))) {
    typeError(`%d format: a real number is required, not ${typeName(value)}`)
  }
  const number = value as Numeric | boolean
  if (isInteger(number)) return typeof number === 'bigint' ? number : Number(number)
  return Number.isFinite(number) ? truncate(Number(number)) : typeError('cannot convert to integer')
}

const RADIX: Readonly<Record<string, number>> = { x: 16, X: 16, o: 8 }

function convertInteger(type: string, value: unknown, spec: Spec): string {
  const number = integerOf(value)
  const prefix = spec.flags.includes('#') && RADIX[type] ? `0${type}` : ''
  const size = (number < 0 ? -number : number).toString(RADIX[type] ?? 10)
  const digits = size.padStart(spec.precision ?? 0, '0')
  return withSign(number < 0, type === 'X' ? digits.toUpperCase() : digits, prefix, spec)
}

function convertFloat(type: string, value: unknown, spec: Spec): string {
  if (!isNumeric(value)) return typeError(`must be real number, not ${typeName(value)}`)
  const number = toFloat(value)
  const size = Math.abs(number)
  const text = Number.isFinite(size) ? floatDigits(type.toLowerCase(), size, spec) : floatText(size)
  const pointed = spec.flags.includes('#') ? text.replace(/^\d+(?![\d.])/, '$&.') : text
  return withSign(
    number < 0,
    type === type.toUpperCase() ? pointed.toUpperCase() : pointed,
    '',
    spec,
  )
}

function floatDigits(type: string, size: number, spec: Spec): string {
  const precision = spec.precision ?? 6
  if (type === 'f') return toFixed(size, precision)
  if (type === 'e') return exponential(size, precision)
  const significant = Math.max(1, precision)
  const power = Number(exponential(size, significant - 1).split('e')[1])
  const fixed = power >= -4 && power < significant
  const text = fixed ? toFixed(size, significant - 1 - power) : exponential(size, significant - 1)
  if (spec.flags.includes('#') || !text.includes('.')) return text
  const [digits = '', exponent] = text.split('e')
  const short = digits.replace(/0+$/, '').replace(/\.$/, '')
  return exponent === undefined ? short : `${short}e${exponent}`
}

function exponential(size: number, precision: number): string {
  const digits = Math.min(precision, MAX_FLOAT_DIGITS)
  const estimate = Number(size.toExponential().split('e')[1])
  const rounded = scaleAndRound(size, digits - estimate).toString()
  // 9.99 may round to 10.0, which has one digit more.
  const carried = rounded.length > digits + 1
  const power = carried ? estimate + 1 : estimate
  const fraction = rounded.slice(1, digits + 1).padEnd(precision, '0')
  const exponent = String(Math.abs(power)).padStart(2, '0')
  const mantissa = precision > 0 ? `${rounded.charAt(0)}.${fraction}` : rounded.charAt(0)
  return `${mantissa}e${power < 0 ? '-' : '+'}${exponent}`
}

function withSign(negative: boolean, digits: string, prefix: string, spec: Spec): string {
  const positive = spec.flags.includes('+') ? '+' : spec.flags.includes(' ') ? ' ' : ''
  const head = (negative ? '-' : positive) + prefix
  const zeros = spec.flags.includes('0') && !spec.flags.includes('-') ? spec.width : 0
  return head + digits.padStart(zeros - head.length, '0')
}

function pad(text: string, spec: Spec): string {
  const fill = ' '.repeat(Math.max(0, Math.abs(spec.width) - lengthOf(text)))
  return spec.flags.includes('-') || spec.width < 0 ? text + fill : fill + text
}

const FIELD = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g

/** `'{} {0} {name}'.format(...)`; format specs, conversions and attribute access are refused. */
export function formatBraces(run: Run, template: string, args: Args): string {
  let next = 0
  let length = template.length
  return template.replace(FIELD, (found, field: string | undefined) => {
    spend(run)
    if (found === '{{' || found === '}}') return found.charAt(0)
    if (field === undefined) return typeError(`Single '${found}' encountered in format string`)
    const key = field === '' ? String(next++) : field
    if (/[^\p{L}\p{N}_]/u.test(key)) {
      return typeError(`only {}, {0} and {name} are supported, not {${key}}`)
    }
    const position = /^\d+$/.test(key)
    const value = position ? args.positional[Number(key)] : args.named.get(key)
    if (value === undefined) return typeError(`there is no value for {${key}}`)
    const text = toText(run, value)
    length += text.length
    reserveText(run, length)
    return text
  })
}

/** `values` of the filter `format`: by name if there are any names, else in order. */
export function formatValues(args: Args): Dict | unknown[] {
  if (args.named.size === 0) return Tuple.from(args.positional)
  if (args.positional.length > 0) {
    typeError("can't handle positional and keyword arguments at the same time")
  }
  return Object.fromEntries(args.named)
}
