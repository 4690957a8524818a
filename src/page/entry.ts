// A form for something that the API makes or changes: its fields, and the body that what is typed means.

import { type Json, parseJson, toJson } from './json.ts'

export interface FieldSpec {
  name: string
  label: string
  kind:
    | 'text'
    | 'number'
    | 'boolean'
    | 'json'
    | 'choice'
    | 'choices'
    | 'lines'
    | 'time'
    | 'playbook'
    | 'version'
  choices?: readonly string[]
  hint?: string
  required?: boolean
  /** It stands among what few need. */
  rare?: boolean
  /** It is kept nowhere. */
  secret?: boolean
}

export type Texts = Readonly<Record<string, string>>

/** What stands in a form for something that there is. */
export function textsOf(
  specs: readonly FieldSpec[],
  item: { readonly [key: string]: unknown },
): Texts {
  return Object.fromEntries(specs.map((spec) => [spec.name, textOf(spec, item[spec.name])]))
}

function textOf({ kind }: FieldSpec, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (kind === 'json') return toJson(value, 2)
  if (Array.isArray(value)) return value.join('\n')
  return String(value)
}

export interface Body {
  body: { [key: string]: Json }
  faults: { [name: string]: string }
}

/** The body of a request: what differs from how it stood. What was emptied is null. */
export function bodyOf(specs: readonly FieldSpec[], texts: Texts, before: Texts): Body {
  const body: Body['body'] = {}
  const faults: Body['faults'] = {}
  for (const spec of specs) {
    const text = texts[spec.name] ?? before[spec.name] ?? ''
    if (spec.required && text.trim() === '') faults[spec.name] = 'it is needed'
    if (text === (before[spec.name] ?? '')) continue
    try {
      body[spec.name] = meant(spec, text)
    } catch (error) {
      faults[spec.name] = error instanceof Error ? error.message : String(error)
    }
  }
  return { body, faults }
}

function meant({ kind }: FieldSpec, text: string): Json {
  const trimmed = text.trim()
  const parts = () => trimmed.split('\n').flatMap((line) => line.trim() || [])
  switch (kind) {
    case 'lines':
    case 'choices':
      return parts()
    case 'boolean':
      return text === 'true'
    case 'json':
      return trimmed === '' ? null : parseJson(trimmed)
    case 'number': {
      if (trimmed === '') return null
      if (!/^-?\d+(\.\d+)?$/.test(trimmed)) throw new Error('a number is expected')
      return Number(trimmed)
    }
    case 'version':
      if (trimmed === '') return 'latest'
      if (!/^\d{1,9}$/.test(trimmed)) throw new Error('a version is a number')
      return Number(trimmed)
    case 'time': {
      if (trimmed === '') return null
      const time = new Date(trimmed)
      if (Number.isNaN(time.getTime())) throw new Error('a time is expected')
      return time.toISOString()
    }
    default:
      return trimmed === '' ? null : trimmed
  }
}
