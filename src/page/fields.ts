// A form of a playbook's workload: each value keeps its type.

import { type Json, parseJson, toJson } from './json.ts'

type FieldKind = 'text' | 'number' | 'boolean' | 'json'

export interface Field {
  name: string
  kind: FieldKind
  /** The value as it is typed. */
  text: string
  /** Whether a text has several lines. */
  isLong: boolean
}

/** The fields, in the order in which a playbook's text has them: the database keeps none. */
export function fieldsOf(workload: { [key: string]: Json }, source = ''): Field[] {
  const text = source.slice(Math.max(0, source.search(/^workload\s*:/m)))
  const placeOf = (name: string) => {
    const at = text.search(new RegExp(`(^|[\\s{,"'])${escaped(name)}["']?\\s*:`))
    return at < 0 ? text.length : at
  }
  const entries = Object.entries(workload).sort(([one], [two]) => placeOf(one) - placeOf(two))
  return entries.map(([name, value]) => {
    const kind = kindOf(value)
    const text =
      kind === 'text' ? String(value) : kind === 'json' ? toJson(value, 2) : String(value)
    return { name, kind, text, isLong: text.includes('\n') || text.length > 80 }
  })
}

const escaped = (name: string) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

function kindOf(value: Json): FieldKind {
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'number':
    case 'bigint':
      return 'number'
    case 'boolean':
      return 'boolean'
    default:
      return 'json'
  }
}

export type Read = { value: Json } | { fault: string }

/** The value of what is typed, in its type. */
export function read({ kind, text }: Pick<Field, 'kind' | 'text'>): Read {
  switch (kind) {
    case 'text':
      return { value: text }
    case 'boolean':
      return { value: text === 'true' }
    case 'number': {
      const trimmed = text.trim()
      if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed))
        return { fault: 'a number is expected' }
      const value = Number(trimmed)
      const isLarge = /^[-+]?\d+$/.test(trimmed) && !Number.isSafeInteger(value)
      return { value: isLarge ? BigInt(trimmed.replace('+', '')) : value }
    }
    case 'json':
      try {
        return { value: parseJson(text) }
      } catch (error) {
        return { fault: `not JSON: ${error instanceof Error ? error.message : error}` }
      }
  }
}

export interface Parameters {
  /** What differs from the workload. */
  parameters: { [key: string]: Json }
  /** What is wrong, by field. */
  faults: { [name: string]: string }
}

/** What stands in a field. */
export const textOf = ({ name, text }: Field, texts: Readonly<Record<string, string>>): string =>
  Object.hasOwn(texts, name) ? (texts[name] ?? text) : text

/** The parameters that a form's texts mean. */
export function parametersOf(
  fields: readonly Field[],
  texts: Readonly<Record<string, string>>,
): Parameters {
  // without a prototype, as fields may have any names
  const parameters: Parameters['parameters'] = Object.create(null)
  const faults: Parameters['faults'] = Object.create(null)
  for (const field of fields) {
    const text = textOf(field, texts)
    if (text === field.text) continue
    const result = read({ kind: field.kind, text })
    if ('fault' in result) faults[field.name] = result.fault
    else parameters[field.name] = result.value
  }
  return { parameters, faults }
}
