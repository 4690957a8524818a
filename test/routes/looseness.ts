// How strict a schema is about a value that it takes: found by breaking the value, place by place.
import type * as z from 'zod'

type Step = string | number

/** What takes a broken value as well: a key, or a whole value (null). */
export interface Loose {
  key: string | null
  may: 'be anything' | 'be missing' | 'have any keys'
}

/** Of a list the first item is looked at, and nothing inside what is loose itself. */
export function looseness(schema: z.ZodType, whole: unknown): Loose[] {
  const takes = (path: Step[], change: (value: unknown) => unknown) =>
    schema.safeParse(changed(whole, path, change)).success
  const found: Loose[] = []

  function visit(value: unknown, path: Step[]): void {
    const key = path.findLast((step) => typeof step === 'string') ?? null
    if (othersThan(value).every((other) => takes(path, () => other))) {
      found.push({ key, may: 'be anything' })
    } else if (isList(value)) {
      if (value.length > 0) visit(value[0], [...path, 0])
    } else if (isMap(value)) {
      if ([1, 'x'].some((more) => takes(path, (it) => ({ ...(it as object), [NO_KEY]: more })))) {
        found.push({ key, may: 'have any keys' })
        return
      }
      for (const [name, part] of Object.entries(value)) {
        if (takes(path, (it) => without(it, name))) found.push({ key: name, may: 'be missing' })
        visit(part, [...path, name])
      }
    }
  }
  visit(whole, [])
  return found
}

const NO_KEY = 'no such key'

const isList = (value: unknown): value is unknown[] => Array.isArray(value)
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !isList(value)

/** Values of other types. */
function othersThan(value: unknown): unknown[] {
  return [-0.5, 'no such text', false, { [NO_KEY]: 1 }, [[]]].filter(
    (other) => typeof other !== typeof value || isList(other) !== isList(value),
  )
}

function without(value: unknown, key: string): unknown {
  const { [key]: _gone, ...rest } = value as Record<string, unknown>
  return rest
}

/** The value, changed at a place. */
function changed(
  value: unknown,
  [step, ...rest]: Step[],
  change: (value: unknown) => unknown,
): unknown {
  if (step === undefined) return change(value)
  if (isList(value))
    return value.map((item, n) => (n === step ? changed(item, rest, change) : item))
  const object = value as Record<string, unknown>
  return { ...object, [step]: changed(object[step], rest, change) }
}
