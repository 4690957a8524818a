// How Postgres values become JSON. The driver ignores parsers given per connection, so they go into
// its registry, once per isolate; every value survives as JSON and reads back as what it was.

import { types } from '@neondatabase/serverless'
import { parseJson } from './json.ts'

type Parser = (text: string) => unknown

/** Scalar type -> [its array's type, parser]. Types that are absent stay Postgres's own text. */
const PARSERS: readonly [scalar: number, array: number, parse: Parser][] = [
  [20, 1016, toInteger], // int8
  [114, 199, parseJson], // json
  [3802, 3807, parseJson], // jsonb
  [700, 1021, toFloat], // float4
  [701, 1022, toFloat], // float8
  [1700, 1231, toDecimal], // numeric
  [17, 1001, asText], // bytea: \x68656c6c6f
  [1082, 1182, asText], // date
  [1114, 1115, toTimestamp],
  [1184, 1185, toTimestamp], // timestamptz
  [1186, 1187, asText], // interval
  [600, 1017, asText], // point
  [718, 719, asText], // circle
  [2950, 2951, asText], // uuid
]

// typed as a function, but it is an object with `create`
const arrayParser = types.arrayParser as unknown as {
  create(text: string, parse: Parser): { parse(): unknown[] }
}

for (const [scalar, array, parse] of PARSERS) {
  types.setTypeParser(scalar, parse)
  types.setTypeParser(array, (text: string) => arrayParser.create(text, parse).parse())
}

function asText(text: string): string {
  return text
}

function toInteger(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

/** A number; NaN and the infinities, which JSON has not, stay text. */
function toFloat(text: string): number | string {
  const number = Number(text)
  return Number.isFinite(number) ? number : text
}

/** A number if a double holds it exactly as written, else the text. */
function toDecimal(text: string): number | string {
  const number = toFloat(text)
  if (typeof number === 'string') return text
  const digits = text.replace(/^-|e.*$|\./gi, '').replace(/^0+/, '')
  return digits.length <= 15 || String(number) === text ? number : text
}

/** `2026-01-02 03:04:05.6+00` as RFC 3339; without an offset when the type has none. */
function toTimestamp(text: string): string {
  return text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')
}
