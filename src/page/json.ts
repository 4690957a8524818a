// JSON whose integers may be larger than a double holds: those are bigints here, and go out as they came in.

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json }

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown

const exact: Reviver = (_, value, context) => {
  const isLost =
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  const source = context?.source
  return isLost && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

export function parseJson(text: string): Json {
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown) as Json
}

/** What browsers have that write the text of a number as it is. */
const { rawJSON } = JSON as unknown as { rawJSON?: (text: string) => unknown }

export function toJson(value: unknown, indent?: number): string {
  const replacer = (_: string, item: unknown) => {
    if (typeof item !== 'bigint') return item
    return rawJSON ? rawJSON(String(item)) : String(item)
  }
  return JSON.stringify(value, replacer, indent) ?? 'null'
}

export function isObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
