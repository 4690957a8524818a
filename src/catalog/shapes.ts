// What the values of the playbook language may be. A shape says it twice from one place: to editors, as JSON
// Schema, and at registration, as a check that tells in words what is wrong and where.

import { textFromBase64 } from '../base64.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { checkExpression, checkSyntax, TemplateError } from '../template/index.ts'
import { bareExpression } from './work.ts'
import type { Key } from './yaml.ts'

/** What a check knows, and where it tells what is wrong. */
export interface Checking {
  /** @param detail where it takes time to make: a function that does, if it is shown */
  report(at: readonly Key[], detail: string | (() => string)): void
  /** Names of the playbook's steps. */
  steps: ReadonlySet<string> | ReadonlyMap<string, unknown>
  /** The workbook's tasks by name. */
  tasks: ReadonlyMap<string, JsonObject>
  /** Step types that nothing here would run, and why. */
  refused: ReadonlyMap<string, string>
  /** Told of places whose text is an expression; it is no template then. */
  isExpression(at: readonly Key[]): void
}

export interface Shape {
  schema: JsonObject
  /** Reports what is wrong with a value that is there. */
  check(value: Json, at: Key[], checking: Checking): void
}

/** Keys, each with its shape and what an editor says of it. */
export type Keys = Readonly<Record<string, readonly [shape: Shape, words: string]>>

/** A mapping with these keys, and `x-` keys. */
export interface Form {
  keys: Keys
  /** Of each of these lists one key must be there. */
  needs?: readonly (readonly string[])[]
  /** Of each of these lists no two keys may be there. */
  oneOf?: readonly (readonly string[])[]
  /** Keys that are not of the language, and what to write instead. */
  instead?: Readonly<Record<string, string>>
  /** What else must hold. */
  also?(value: JsonObject, at: Key[], checking: Checking): void
}

export const refTo = (name: string): JsonObject => ({ $ref: `#/$defs/${name}` })

/** What stands for any value until it is rendered. */
export const TEMPLATE = { type: 'string', pattern: '\\{[{%]' }

export function isTemplate(value: Json | undefined): boolean {
  return typeof value === 'string' && /\{[{%]/.test(value)
}

/** Whether a key is there: one without a value is not. */
export function has(value: JsonObject, key: string): boolean {
  return Object.hasOwn(value, key) && value[key] !== null && value[key] !== undefined
}

/** The key that a place is at, for words about it. */
function keyOf(at: readonly Key[]): string {
  return String(at.findLast((key) => typeof key === 'string') ?? 'it')
}

/** A value that is never rendered, so that no template can stand for it. */
export function fixed(is: string, schema: JsonObject, fits: (value: Json) => boolean): Shape {
  return {
    schema,
    check(value, at, { report }) {
      if (!fits(value)) report(at, `${keyOf(at)} is ${is}`)
    },
  }
}

/** The same for a value that is rendered: a template may stand for it. */
function rendered(is: string, schema: JsonObject, fits: (value: Json) => boolean): Shape {
  const either = { anyOf: [schema, refTo('template')] }
  return fixed(`${is}, or a template`, either, (value) => isTemplate(value) || fits(value))
}

const isText = (value: Json) => typeof value === 'string'
const isNumber = (value: Json) => typeof value === 'number' || typeof value === 'bigint'
const isBoolean = (value: Json) => typeof value === 'boolean'
const isScalar = (value: Json) => isText(value) || isNumber(value)

export const any: Shape = { schema: {}, check: () => undefined }
export const text = fixed('a text', { type: 'string' }, isText)
export const scalar = fixed('a text or a number', { type: ['string', 'number'] }, isScalar)
export const texts = fixed(
  'a text or a list of texts',
  { type: ['string', 'array'], items: { type: 'string' } },
  (value) => [value].flat().every(isText),
)
export const flag = rendered('true or false', { type: 'boolean' }, isBoolean)
export const fixedFlag = fixed('true or false', { type: 'boolean' }, isBoolean)
export const mapping = rendered('a mapping', { type: 'object' }, isObject)
export const fixedMapping = fixed('a mapping', { type: 'object' }, isObject)
export const mappingOrList = rendered(
  'a mapping or a list',
  { type: ['object', 'array'] },
  (value) => typeof value === 'object',
)
export const auth = fixed(
  'the name of a credential, or a mapping',
  { type: ['string', 'object'] },
  (value) => isText(value) || isObject(value),
)
export const collection = fixed(
  'a list, a mapping or a text',
  { type: ['string', 'array', 'object'] },
  (value) => isText(value) || typeof value === 'object',
)
export const seconds = rendered(
  'a number of seconds above 0',
  { type: 'number', exclusiveMinimum: 0 },
  (value) => isNumber(value) && Number(value) > 0,
)
/** What the edge gives an attempt at most. */
const EDGE_SECONDS = 600
export const edgeSeconds: Shape = {
  schema: {
    anyOf: [{ type: 'number', exclusiveMinimum: 0, maximum: EDGE_SECONDS }, refTo('template')],
  },
  check(value, at, checking) {
    seconds.check(value, at, checking)
    if (isNumber(value) && Number(value) > EDGE_SECONDS)
      checking.report(
        at,
        `timeout is at most ${EDGE_SECONDS} seconds for what the server itself runs`,
      )
  },
}
export const secondsOrNone = rendered(
  'a number of seconds',
  { type: 'number', minimum: 0 },
  (value) => isNumber(value) && Number(value) >= 0,
)
export const count = rendered('a whole number above 0', { type: 'integer', minimum: 1 }, isCount)
export const fixedNumber = fixed(
  'a number, 0 or more',
  { type: 'number', minimum: 0 },
  (value) => isNumber(value) && Number(value) >= 0,
)
export const time = rendered(
  'a time like 2026-01-31T12:00:00Z',
  { type: 'string', format: 'date-time' },
  (value) => isText(value) && !Number.isNaN(Date.parse(String(value))),
)
const identifier = fixed(
  'a name of letters, digits and _',
  { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
  (value) => isText(value) && /^[A-Za-z_]\w*$/.test(String(value)),
)

/** Names that mean something else to templates, everywhere. */
export const TAKEN = ['workload', 'execution_id', 'env', 'job', 'now', 'uuid', 'result', 'this']
/** Those of a step or of an item. */
const TAKEN_OF_ITEMS = [
  ...[...TAKEN, 'work', 'context', 'step_name', 'input', 'data'],
  ...['_loop', 'parent', 'index', 'batch'],
]

/** What templates call an item. */
export const element: Shape = {
  schema: { ...identifier.schema, not: { enum: TAKEN_OF_ITEMS } },
  check(value, at, checking) {
    identifier.check(value, at, checking)
    const name = String(value)
    if (TAKEN_OF_ITEMS.includes(name) || name in Object.prototype) {
      checking.report(at, `'${name}' means something else to templates: give the item another name`)
    }
  },
}

export const base64 = fixed(
  'not base64 of UTF-8 text',
  { type: 'string' },
  (value) => typeof value === 'string' && textFromBase64(value) !== null,
)
/** SQL has templates, in base64 too. */
export const encodedSql: Shape = {
  schema: base64.schema,
  check(value, at, checking) {
    base64.check(value, at, checking)
    const sql = typeof value === 'string' ? textFromBase64(value) : null
    if (sql !== null) checkTemplate(() => checkSyntax(sql), at, checking.report)
  },
}

export function isCount(value: Json): boolean {
  return isNumber(value) && Number.isInteger(Number(value)) && Number(value) >= 1
}

/** One of some words, in any case of the letters; editors are told of one. */
export function word(words: readonly string[], isRendered = false): Shape {
  const is = `one of ${words.join(', ')}`
  const fits = (value: Json) =>
    isText(value) && words.some((one) => one.toLowerCase() === String(value).trim().toLowerCase())
  return (isRendered ? rendered : fixed)(is, { enum: [...words] }, fits)
}

/** An expression, with or without braces. */
export const expression: Shape = {
  schema: { type: ['string', 'boolean'] },
  check(value, at, { report, isExpression }) {
    if (isBoolean(value)) return
    if (!isText(value)) {
      return report(at, `${keyOf(at)} is a condition (text) or true or false`)
    }
    isExpression(at)
    checkTemplate(() => checkExpression(bareExpression(value)), at, report)
  },
}

/** An expression to sort by, or several; a minus before one turns it round. */
export const order: Shape = {
  schema: { type: ['string', 'array'], items: { type: 'string' } },
  check(value, at, checking) {
    for (const [index, by] of [value].flat().entries()) {
      const place = Array.isArray(value) ? [...at, index] : at
      if (isText(by)) {
        checking.isExpression(place)
        const bare = bareExpression(by).replace(/^-/, '')
        checkTemplate(() => checkExpression(bare), place, checking.report)
      } else {
        checking.report(place, `${keyOf(at)} is an expression, or a list of them`)
      }
    }
  },
}

export function checkTemplate(
  parse: () => void,
  at: readonly Key[],
  report: Checking['report'],
): void {
  try {
    parse()
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    report(at, `template: ${error.message} in ${error.expression}`)
  }
}

/** One of a shape, or a list of them. */
export function oneOrMore(shape: Shape): Shape {
  return {
    schema: { anyOf: [shape.schema, { type: 'array', items: shape.schema }] },
    check(value, at, checking) {
      if (!Array.isArray(value)) return shape.check(value, at, checking)
      for (const [index, item] of value.entries()) shape.check(item, [...at, index], checking)
    },
  }
}

/** A shape that others refer to by name; it may contain itself. */
export function named(name: string, shape: () => Shape): Shape {
  return {
    schema: refTo(name),
    check: (value, at, checking) => shape().check(value, at, checking),
  }
}

/** The JSON Schema of a form. */
export function schemaOf({ keys, needs = [], oneOf = [] }: Form): JsonObject {
  const properties = Object.entries(keys).map(([key, [{ schema }, description]]) => [
    key,
    { description, ...schema },
  ])
  const conditions = [
    ...needs.map((names) => ({ anyOf: names.map((name) => ({ required: [name] })) })),
    ...oneOf.flatMap((names) =>
      names.flatMap((a, index) =>
        names.slice(index + 1).map((b) => ({ not: { required: [a, b] } })),
      ),
    ),
  ]
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    patternProperties: { '^x-': {} },
    additionalProperties: false,
    ...(conditions.length > 0 && { allOf: conditions }),
  }
}

/**
 * Checks a mapping by its form.
 * @param words what the mapping is called: `an http step`
 * @param hint what to say of a key that it does not have, if anything
 */
export function checkForm(
  form: Form,
  value: JsonObject,
  words: string,
  at: Key[],
  checking: Checking,
  hint: (key: string) => string | null = () => null,
): void {
  const { keys, instead = {} } = form
  const { report } = checking
  for (const [key, part] of Object.entries(value)) {
    const place = [...at, key]
    const known = Object.hasOwn(keys, key) ? keys[key] : undefined
    if (known) {
      if (part !== null) known[0].check(part, place, checking)
    } else if (Object.hasOwn(instead, key)) {
      if (part !== null) report(place, `'${key}' is not supported: ${instead[key]}`)
    } else if (!key.startsWith('x-')) {
      report(place, () => {
        const more = hint(key) ?? suggestion(key, Object.keys(keys))
        return `${words} has no key '${shown(key)}'${more === null ? '' : `; ${more}`}`
      })
    }
  }
  checkWhole(form, value, words, at, checking)
}

/** Checks that a mapping has what its form needs, and not what excludes it. */
export function checkWhole(
  { needs = [], oneOf = [], also }: Form,
  value: JsonObject,
  words: string,
  at: Key[],
  checking: Checking,
): void {
  const { report } = checking
  for (const names of needs) {
    if (names.some((name) => has(value, name))) continue
    report(at, `${words} needs ${names.length > 1 ? `one of ${names.join(', ')}` : names[0]}`)
  }
  for (const names of oneOf) {
    const [first, second] = names.filter((name) => has(value, name))
    if (first === undefined || second === undefined) continue
    report([...at, second], `${words} has ${first} and ${second}; write one of them`)
  }
  also?.(value, at, checking)
}

/** A shape that is a mapping of this form. */
export function shapeOf(words: string, form: Form): Shape {
  return {
    schema: schemaOf(form),
    check(value, at, checking) {
      if (isObject(value)) checkForm(form, value, words, at, checking)
      else checking.report(at, `${words} is a mapping`)
    },
  }
}

/** A key as a message shows it. */
function shown(key: string): string {
  return key.length > 64 ? `${key.slice(0, 64)}…` : key
}

/** What to say of a word that is not known. */
export function suggestion(given: string, known: readonly string[]): string | null {
  const meant = nearest(given, known)
  return meant === null ? null : `did you mean '${meant}'?`
}

/** The word that a misspelt one most likely means. */
function nearest(given: string, known: readonly string[]): string | null {
  const most = given.length < 5 ? 1 : 2
  let [best, least] = [null as string | null, most + 1]
  for (const word of known) {
    if (Math.abs(word.length - given.length) > most) continue
    const distance = distanceOf(given.toLowerCase(), word)
    if (distance < least) [best, least] = [word, distance]
  }
  return best
}

/** Letters to add, drop, change or swap to make one word of another. */
function distanceOf(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])
      let least = Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1)
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      }
      next.push(least)
    }
    ;[before, row] = [row, next]
  }
  return row[b.length] ?? 0
}
