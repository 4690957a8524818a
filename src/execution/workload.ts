// The workload of a run: what the playbook gives, overlaid with the request's parameters. Pure.

import { isObject, type Json, type JsonObject, toJson } from '../json.ts'
import { type Context, renderValue } from '../template/index.ts'

/**
 * The playbook's workload with the parameters over it: `merge` false replaces top-level keys, true goes
 * deep (objects key by key; lists joined, but lists of named objects merged by name). Templates in the
 * playbook's own workload see the overlaid one and what is `known`; parameters are never templates.
 */
export function workloadOf(
  base: JsonObject,
  parameters: JsonObject,
  merge: boolean,
  known: Context,
): JsonObject {
  const overlay = (from: JsonObject) =>
    merge ? (deepMerge(from, parameters) as JsonObject) : { ...from, ...parameters }
  const context = { ...known, workload: overlay(base) }
  return overlay(renderValue(base, context, { onUndefined: 'keep' }) as JsonObject)
}

/** NoETL's deep merge. */
export function deepMerge(base: Json, over: Json): Json {
  if (isObject(base) && isObject(over)) {
    const merged = Object.entries(over).map(([key, value]) => {
      const present = Object.hasOwn(base, key) ? base[key] : undefined
      return [key, present === undefined ? value : deepMerge(present, value)]
    })
    return { ...base, ...Object.fromEntries(merged) }
  }
  if (Array.isArray(base) && Array.isArray(over)) return mergeLists(base, over)
  return over
}

function mergeLists(base: Json[], over: Json[]): Json[] {
  const all = [...base, ...over]
  const named = all.every(isObject) && all.some((item) => isObject(item) && 'name' in item)
  if (!named) return all
  const merged = [...base]
  const placeOf = new Map<string, number>()
  for (const [place, item] of base.entries()) {
    const name = nameOf(item)
    if (name !== null && !placeOf.has(name)) placeOf.set(name, place)
  }
  for (const item of over) {
    const name = nameOf(item)
    const place = name === null ? undefined : placeOf.get(name)
    if (place !== undefined) {
      merged[place] = deepMerge(merged[place] ?? null, item)
    } else {
      if (name !== null) placeOf.set(name, merged.length)
      merged.push(item)
    }
  }
  return merged
}

/** A name as a key: of its type and value, so that 1 and "1" are two. */
function nameOf(item: Json): string | null {
  return isObject(item) && Object.hasOwn(item, 'name') ? toJson(item.name) : null
}
