/** Python's numbers on JavaScript's: integers are exact at any size, text reads as Python writes. */
import { limitError, typeError } from './error.ts'
import { isInteger, isNumeric, typeName, used } from './values.ts'

export type Numeric = number | bigint

// The 4,300 digits up to which Python converts an integer to and from text.
const MAX_BITS = 14_288

/** Small enough for a number, or a bigint. */
function integer(exact: bigint): Numeric {
  const value = Number(exact)
  if (Number.isSafeInteger(value)) return value
  if (bitLength(exact) > MAX_BITS) limitError('integer is too large')
  return exact
}

const bitLength = (value: bigint): number => value.toString(16).length * 4

/** A finite float cut to its integer. */
export const truncate = (value: number): Numeric =>
  Number.isSafeInteger(Math.trunc(value))
    ? Math.trunc(value) + 0
    : integer(BigInt(Math.trunc(value)))

const plain = (value: number | bigint | boolean): Numeric =>
  typeof value === 'boolean' ? Number(value) : value

export function arithmetic(operator: string, left: Numeric | boolean, right: Numeric | boolean) {
  const a = plain(left)
  const b = plain(right)
  const areSmall = typeof a === 'number' && typeof b === 'number'
  if (!isInteger(a) || !isInteger(b) || (operator === '/' && areSmall)) {
    return floatArithmetic(operator, toFloat(a), toFloat(b))
  }
  if (areSmall) {
    const quick = smallArithmetic(operator, a, b)
    if (Number.isSafeInteger(quick)) return quick + 0
  }
  return exactArithmetic(operator, BigInt(a), BigInt(b))
}

export function toFloat(value: Numeric | boolean): number {
  const float = Number(value)
  if (typeof value === 'bigint' && !Number.isFinite(float)) {
    typeError('int too large to convert to float')
  }
  return float
}

/** NaN for what needs more care than two small integers do. */
function smallArithmetic(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '%':
      return b === 0 ? Number.NaN : floorMod(a, b)
    default:
      return Number.NaN
  }
}

function exactArithmetic(operator: string, a: bigint, b: bigint): Numeric {
  switch (operator) {
    case '+':
      return integer(a + b)
    case '-':
      return integer(a - b)
    case '*':
      if (bitLength(a) + bitLength(b) > MAX_BITS + 8) limitError('integer is too large')
      return integer(a * b)
    case '**':
      return power(a, b)
    case '/':
      return trueDivide(a, b)
    case '//':
    case '%': {
      if (b === 0n) typeError('division by zero')
      const rest = a % b
      const floored = rest !== 0n && rest < 0n !== b < 0n
      if (operator === '%') return integer(floored ? rest + b : rest)
      return integer(a / b - (floored ? 1n : 0n))
    }
    default:
      return typeError(`unsupported operand type(s) for ${operator}`)
  }
}

function power(base: bigint, exponent: bigint): Numeric {
  if (exponent < 0n) return floatArithmetic('**', toFloat(base), toFloat(exponent))
  if (base >= -1n && base <= 1n) return integer(base ** (exponent % 2n || (exponent && 2n)))
  if (bitLength(base) * Number(exponent) > MAX_BITS * 4) limitError('integer is too large')
  return integer(base ** exponent)
}

/** Rounds once; to convert both to floats first would round three times. */
function trueDivide(a: bigint, b: bigint): number {
  if (b === 0n) typeError('division by zero')
  const shift = Math.max(0, 66 + bitLength(b) - bitLength(a))
  const shifted = a << BigInt(shift)
  const quotient = shifted / b
  const sticky = shifted % b === 0n ? 0n : shifted < 0n === b < 0n ? 1n : -1n
  const result = toFloat(quotient * 2n + sticky) / 2 ** (shift + 1)
  return result + 0
}

function floatArithmetic(operator: string, a: number, b: number): number {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%')) {
    typeError('division by zero')
  }
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b + 0
    case '%':
      return floorMod(a, b)
    case '//':
      return floorDivide(a, b)
    default:
      return floatPower(a, b)
  }
}

function floorMod(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest + 0
}

/** As CPython's float_divmod, so that rounding goes wrong in the same places. */
function floorDivide(a: number, b: number): number {
  const rest = a % b
  const quotient = (a - rest) / b - (rest !== 0 && rest < 0 !== b < 0 ? 1 : 0)
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor + 0
}

function floatPower(a: number, b: number): number {
  if (a === 0 && b < 0) typeError('0.0 cannot be raised to a negative power')
  const result = a ** b
  if (Number.isNaN(result) && a < 0) typeError('the power is a complex number')
  if (!Number.isFinite(result) && Number.isFinite(a) && Number.isFinite(b)) {
    typeError('Numerical result out of range')
  }
  return result
}

export function negate(value: unknown, sign: '+' | '-'): Numeric {
  if (!isNumeric(used(value))) typeError(`bad operand type for unary ${sign}: '${typeName(value)}'`)
  const number = plain(value as Numeric)
  if (sign === '+') return number
  return typeof number === 'bigint' ? integer(-number) : 0 - number
}

/** `value * 10 ** digits`, exactly, rounded half to even as Python rounds. */
export function scaleAndRound(value: number, digits: number): bigint {
  const [mantissa, exponent] = decompose(value)
  let numerator = mantissa
  let denominator = 1n
  if (exponent >= 0) numerator <<= BigInt(exponent)
  else denominator <<= BigInt(-exponent)
  if (digits >= 0) numerator *= 10n ** BigInt(digits)
  else denominator *= 10n ** BigInt(-digits)
  return divideHalfEven(numerator, denominator)
}

function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n
  const size = negative ? -numerator : numerator
  let quotient = size / denominator
  const twice = (size % denominator) * 2n
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) quotient += 1n
  return negative ? -quotient : quotient
}

/** A finite float as `mantissa * 2 ** exponent`. */
function decompose(value: number): [bigint, number] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n
  return [value < 0 ? -mantissa : mantissa, (biased || 1) - 1075]
}

// A float has no digit beyond these, on either side of its point.
export const MAX_FLOAT_DIGITS = 1100

/** Python's `round(value, digits)`. */
export function roundHalfEven(value: Numeric, digits: number): Numeric {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
    if (digits >= 0) return value
    const unit = 10n ** BigInt(Math.min(-digits, MAX_FLOAT_DIGITS))
    return integer(divideHalfEven(BigInt(value), unit) * unit)
  }
  if (!Number.isFinite(value) || digits > MAX_FLOAT_DIGITS) return value
  const places = Math.max(digits, -MAX_FLOAT_DIGITS)
  return Number(`${scaleAndRound(value, places)}e${-places}`) + 0
}

/** Python's '%.*f'. */
export function toFixed(value: Numeric, digits: number): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return floatText(value)
  const places = Math.min(digits, MAX_FLOAT_DIGITS)
  const scaled =
    typeof value === 'bigint' ? value * 10n ** BigInt(places) : scaleAndRound(value, places)
  const negative = scaled < 0n || (typeof value === 'number' && value < 0)
  const text = (scaled < 0n ? -scaled : scaled).toString().padStart(places + 1, '0')
  const point = text.length - places
  const fraction = text.slice(point).padEnd(digits, '0')
  return `${negative ? '-' : ''}${text.slice(0, point)}${digits > 0 ? `.${fraction}` : ''}`
}

/** Python's repr of a number; a whole number in the safe range is an int. */
export function floatText(value: number): string {
  if (Number.isSafeInteger(value)) return String(value + 0)
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power < -4 || power >= 16) {
    const size = String(Math.abs(power)).padStart(2, '0')
    return `${digits}e${power < 0 ? '-' : '+'}${size}`
  }
  const text = power < 0 ? toFixed(value, digits.replace(/\D/g, '').length - power - 1) : `${value}`
  return text.includes('.') ? text : `${text}.0`
}

const FLOAT = /^[+-]?(?:\d+(?:_\d+)*)?(?:\.(?:\d+(?:_\d+)*)?)?(?:e[+-]?\d+(?:_\d+)*)?$/i
const SPECIAL = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i

/** Python's `float(text)`; undefined if it is none. */
export function parseFloatText(text: string): number | undefined {
  const special = SPECIAL.exec(text)
  if (special) {
    if (!special[2]) return Number.NaN
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  if (!FLOAT.test(text) || !/^[+-]?\.?\d/.test(text)) return undefined
  return Number(text.replaceAll('_', ''))
}

const PREFIXES: ReadonlyMap<string, number> = new Map([
  ['0b', 2],
  ['0o', 8],
  ['0x', 16],
])
const MAX_DIGITS = 4300

/** Python's `int(text, base)`; undefined if it is none. */
export function parseIntText(text: string, base: number): Numeric | undefined {
  const negative = text.startsWith('-')
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text
  const prefixBase = PREFIXES.get(unsigned.slice(0, 2).toLowerCase())
  const prefixed = prefixBase !== undefined && (base === prefixBase || base === 0)
  const radix = prefixed ? prefixBase : base || 10
  const digits = prefixed ? unsigned.slice(2).replace(/^_/, '') : unsigned
  if (digits.length > MAX_DIGITS || !/^[\da-z]+(?:_[\da-z]+)*$/i.test(digits)) return undefined
  let value = 0n
  for (const char of digits.replaceAll('_', '')) {
    const digit = Number.parseInt(char, 36)
    if (digit >= radix) return undefined
    value = value * BigInt(radix) + BigInt(digit)
  }
  return integer(negative ? -value : value)
}
