// What lists show of a playbook, and what a search finds it by. Pure.

import { isObject, type Json, type JsonObject, storableText, toJson } from '../json.ts'

/** What a list shows of an entry's payload. */
export interface Head {
  name: string
  description: string | null
  tasks_count: number
}

const MAX_NAME = 256
const MAX_DESCRIPTION = 1_000

/** The head of a payload under a path; long texts are cut, so that a page of a thousand is a reply. */
export function headOf(path: string, payload: JsonObject): Head {
  const metadata = isObject(payload.metadata) ? payload.metadata : {}
  const description = textOf(metadata.description)
  const steps = payload.workflow ?? payload.steps
  return {
    name: cut(textOf(metadata.name ?? payload.name) ?? nameIn(path), MAX_NAME),
    description: description === null ? null : cut(description, MAX_DESCRIPTION),
    tasks_count: Array.isArray(steps) ? steps.length : 0,
  }
}

/** What a search looks through: what lists show. */
export function searchedText(path: string, { name, description }: Head): string {
  return folded([path, name, description ?? ''].join('\n'))
}

/** Text as it is compared: in lower case, and composed, whatever the database's locale is. */
export function folded(text: string): string {
  return storableText(text).normalize('NFC').toLowerCase()
}

function nameIn(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function textOf(value: Json | undefined): string | null {
  if (value === undefined || value === null) return null
  return storableText(typeof value === 'string' ? value : toJson(value))
}

/** At most so many characters, none of them cut in half. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : [...text].slice(0, most).join('')
}
