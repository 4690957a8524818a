/** Jinja's filters, but for those that call others by name (apply.ts). */
import { attributeGetter } from './attributes.ts'
import { type Operation, operation, variadic } from './call.ts'
import { typeError } from './error.ts'
import { collectionFilters } from './filters-collection.ts'
import { textFilters } from './filters-text.ts'
import { formatPercent, formatValues } from './format.ts'
import {
  floatText,
  type Numeric,
  parseFloatText,
  parseIntText,
  roundHalfEven,
  toFixed,
  toFloat,
  truncate,
} from './numbers.ts'
import type { Run } from './run.ts'
import { integerArg } from './strings.ts'
import { repr, toJson, toText } from './text.ts'
import { strip } from './unicode.ts'
import { isInteger, isNumeric, truthy, typeName, Undefined, used } from './values.ts'

const defaultFilter = operation(
  'default_value? boolean?',
  (_, value, other = '', whenFalse = false) =>
    value instanceof Undefined || (truthy(whenFalse) && !truthy(value)) ? other : value,
)

export const plainFilters: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ...textFilters,
  ...collectionFilters,
  ['default', defaultFilter],
  ['d', defaultFilter],
  ['string', operation('', toText)],
  [
    'format',
    variadic((run, value, args) => formatPercent(run, toText(run, value), formatValues(args))),
  ],
  [
    'tojson',
    operation('indent?', (run, value, indent = null) => toJson(run, value, indentOf(indent))),
  ],
  ['pprint', operation('', (run, value) => repr(run, used(value), true))],
  ['abs', operation('', (_, value) => absolute(numeric(value, 'bad operand type for abs()')))],
  ['int', operation('default? base?', toInteger)],
  ['float', operation('default?', (_, value, other = 0) => floatOf(value) ?? other)],
  ['round', operation('precision? method?', round)],
  ['filesizeformat', operation('binary?', fileSize)],
  ['attr', operation('name', (run, value, name) => attributeGetter(run, [name])(value))],
])

function indentOf(indent: unknown): string | null {
  if (indent === null || typeof indent === 'string') return indent
  return ' '.repeat(Math.min(Math.max(0, integerArg(indent)), 100))
}

function numeric(value: unknown, complaint: string): Numeric {
  if (!isNumeric(used(value))) typeError(`${complaint}: '${typeName(value)}'`)
  return typeof value === 'bigint' ? value : Number(value)
}

const absolute = (value: Numeric): Numeric => (value < 0 ? -value : value)

function floatOf(value: unknown): number | undefined {
  if (isNumeric(used(value))) return toFloat(value as Numeric)
  return typeof value === 'string' ? parseFloatText(strip(value, null, 'both')) : undefined
}

function toInteger(_: Run, value: unknown, other: unknown = 0, base: unknown = 10): unknown {
  if (isInteger(used(value))) return typeof value === 'bigint' ? value : Number(value)
  if (typeof value === 'string') {
    const exact = parseIntText(strip(value, null, 'both'), integerArg(base))
    if (exact !== undefined) return exact
  }
  const float = floatOf(value)
  if (float === undefined || !Number.isFinite(float)) return other
  return truncate(float)
}

function round(_: Run, value: unknown, precision: unknown = 0, method: unknown = 'common') {
  const number = numeric(value, 'only a number can be rounded')
  const digits = integerArg(precision)
  if (method === 'common') return roundHalfEven(number, digits)
  if (method !== 'ceil' && method !== 'floor') typeError('method must be common, ceil or floor')
  if (typeof number === 'bigint') return number
  const scale = 10 ** digits
  return (method === 'ceil' ? Math.ceil(number * scale) : Math.floor(number * scale)) / scale + 0
}

const SIZES = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']

function fileSize(_: Run, value: unknown, binary: unknown = false): string {
  const bytes = floatOf(value)
  if (bytes === undefined) return typeError(`could not convert to float: ${typeName(value)}`)
  const base = truthy(binary) ? 1024 : 1000
  if (bytes === 1) return '1 Byte'
  if (bytes < base) return `${floatText(Math.trunc(bytes))} Bytes`
  const fitting = SIZES.findIndex((_size, index) => bytes < base ** (index + 2))
  const index = fitting < 0 ? SIZES.length - 1 : fitting
  const unit = truthy(binary) ? `${SIZES[index]?.toUpperCase()}iB` : `${SIZES[index]}B`
  return `${toFixed((base * bytes) / base ** (index + 2), 1)} ${unit}`
}
