// What Postgres can store. What an event cannot hold is replaced there; what is saved must be what was given.

import { isObject, type Json } from '../../json.ts'
import { ToolError } from './tool.ts'

/** Why a value cannot be stored as it is, and where in it; null when it can. */
function fault(value: Json, place: string, isNested: boolean): string | null {
  if (typeof value === 'string') return textFault(value, place)
  if (typeof value === 'number' && isNested && !Number.isFinite(value)) {
    return `${place} is ${value}, which JSON cannot hold`
  }
  if (typeof value !== 'object' || value === null) return null
  const entries = isObject(value) ? Object.entries(value) : Array.from(value.entries())
  for (const [key, item] of entries) {
    const within = typeof key === 'number' ? `${place}[${key}]` : `${place}.${key}`
    const found = textFault(String(key), `a key of ${place}`) ?? fault(item, within, true)
    if (found !== null) return found
  }
  return null
}

function textFault(text: string, place: string): string | null {
  if (text.includes('\0')) return `${place} has a NUL character, which Postgres cannot store`
  return text.isWellFormed() ? null : `${place} has half a character, which Postgres cannot store`
}

/** @throws ToolError saying what cannot be stored, and where it is */
export function checkStorable(value: Json, place: string): void {
  const found = fault(value, place, false)
  if (found !== null) throw new ToolError(found)
}

export function isStorable(value: Json): boolean {
  return fault(value, '', false) === null
}
