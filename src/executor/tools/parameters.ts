// Parameters of a statement: values by $1 or :name, bound and never written into the text.

import { type Json, type JsonObject, toJson } from '../../json.ts'
import { commentEnd, tokenEnd } from './statements.ts'
import { checkStorable } from './storable.ts'
import { ToolError } from './tool.ts'

/** A statement with the values of $1, $2, .. as Postgres reads them. */
export interface Bound {
  text: string
  values: (string | null)[]
}

/**
 * A statement with its values: of a list for `$1`, `$2`, .., or of a mapping for `:name`, where each mention
 * is a parameter of its own, as it may be of another type. A mapping may have more than is mentioned.
 */
export function bindParameters(text: string, params: Json[] | JsonObject): Bound {
  return Array.isArray(params) ? byNumber(text, params) : byName(text, params)
}

function byNumber(text: string, params: Json[]): Bound {
  const mentions = mentionsIn(text, '$')
  const [named] = params.length === 0 ? mentionsIn(text, ':') : []
  if (named) throw new ToolError(`the statement mentions :${named.name}, and params is no mapping`)
  const highest = mentions.reduce((most, { name }) => Math.max(most, Number(name)), 0)
  if (highest !== params.length) {
    throw new ToolError(`the statement has ${highest} parameters, and params ${params.length}`)
  }
  const arrays = new Set(mentions.filter(({ isArray }) => isArray).map(({ name }) => name))
  const values = params.map((value, index) =>
    bound(value, `params[${index}]`, arrays.has(String(index + 1))),
  )
  return { text, values }
}

function byName(text: string, params: JsonObject): Bound {
  const [numbered] = mentionsIn(text, '$')
  if (numbered) {
    throw new ToolError(`the statement mentions $${numbered.name}, and params is no list`)
  }
  const values: (string | null)[] = []
  let rewritten = ''
  let from = 0
  for (const { name, at, end, isArray } of mentionsIn(text, ':')) {
    if (!Object.hasOwn(params, name)) {
      throw new ToolError(`the statement mentions :${name}, which params lacks`)
    }
    values.push(bound(params[name] ?? null, name, isArray))
    rewritten += `${text.slice(from, at)}$${values.length}`
    from = end
  }
  return { text: rewritten + text.slice(from), values }
}

interface Mention {
  name: string
  at: number
  end: number
  /** Whether it is cast to an array: `:ids::int[]`. */
  isArray: boolean
}

const SIGNS = {
  $: /\$(\d+)/y,
  ':': /:([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)/y,
}
/** `::TYPE[` or `as TYPE[`, where a type may have a length, or words. */
const ARRAY_CAST =
  /\s*(?:::|as\s)\s*(?:double\s+precision|(?:character|bit)\s+varying|(?:[\w.\u0080-\uffff]|"[^"]*")+)(?:\s*\([\d\s,]*\))?(?:\s+with(?:out)?\s+time\s+zone)?\s*\[/iy

/** Where a text mentions parameters, outside of quotes and comments. */
function mentionsIn(text: string, sign: keyof typeof SIGNS): Mention[] {
  const mentions: Mention[] = []
  let at = 0
  while (at < text.length) {
    const name = text[at] === sign && !isOperator(text, at) ? matchAt(SIGNS[sign], text, at) : null
    if (name) {
      const end = at + name[0].length
      const isArray = matchAt(ARRAY_CAST, text, end) !== null
      mentions.push({ name: name[1] ?? '', at, end, isArray })
      at = end
    } else {
      at = commentEnd(text, at) ?? tokenEnd(text, at)
    }
  }
  return mentions
}

/** Whether a colon is that of a cast, or stands between the bounds of a slice: `a::int`, `a[1:n]`. */
function isOperator(text: string, at: number): boolean {
  return text[at] === ':' && /[:\w)\]"\u0080-\uffff]/.test(text[at - 1] ?? ' ')
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** A value as text of which Postgres makes the type that it expects; lists and mappings are JSON. */
function bound(value: Json, place: string, isArray: boolean): string | null {
  checkStorable(value, place)
  if (value === null) return null
  if (typeof value !== 'object') return String(value)
  return isArray && Array.isArray(value) ? arrayText(value) : toJson(value)
}

/** A list as Postgres writes an array. */
function arrayText(items: Json[]): string {
  const texts = items.map((item) => {
    if (item === null) return 'NULL'
    if (Array.isArray(item)) return arrayText(item)
    const text = typeof item === 'object' ? toJson(item) : String(item)
    return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
  })
  return `{${texts.join(',')}}`
}
