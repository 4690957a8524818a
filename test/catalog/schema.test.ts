// The language as editors get it: it says what registration says, as far as a JSON Schema can.
// biome-ignore-all lint/suspicious/noThenProperty: a key of the language
import { describe, expect, test } from 'vitest'
import { ROUTERS } from '../../src/catalog/playbook.ts'
import { TOOLS } from '../../src/catalog/work.ts'
import { readYaml } from '../../src/catalog/yaml.ts'
import { isObject, type Json, type JsonObject } from '../../src/json.ts'
import { newClient } from '../support.ts'

declare global {
  interface ImportMeta {
    glob(pattern: string, options: object): Record<string, string>
  }
}

const examples = import.meta.glob('../../examples/*.yaml', {
  query: '?raw',
  import: 'default',
  eager: true,
})
const client = newClient()
const { headers, body } = await client.get('/api/catalog/schema')
const schema: JsonObject = body

/** Keywords that say something of a value; any other than these and the ones of `fits` is a mistake. */
const TELLING = ['$schema', '$defs', 'title', 'description', 'format']
const TYPES: Record<string, (value: Json) => boolean> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  array: (value) => Array.isArray(value),
  object: isObject,
}

/** Whether a value is as a schema says: JSON Schema, as much of it as is used. */
function fits(value: Json, said: Json | undefined): boolean {
  if (typeof said === 'boolean') return said
  if (!isObject(said)) throw new Error('no schema')
  const schemas = (key: string) => [said[key] ?? []].flat()
  return Object.entries(said).every(([keyword, is]) => {
    const object = isObject(value) ? value : {}
    const list = Array.isArray(value) ? value : []
    switch (keyword) {
      case '$ref':
        return fits(value, (schema.$defs as JsonObject)[String(is).replace('#/$defs/', '')])
      case 'type':
        return schemas('type').some((type) => TYPES[String(type)]?.(value))
      case 'enum':
        return schemas('enum').includes(value)
      case 'const':
        return value === is
      case 'pattern':
        return typeof value !== 'string' || new RegExp(String(is)).test(value)
      case 'maxLength':
        return typeof value !== 'string' || value.length <= Number(is)
      case 'maxItems':
        return list.length <= Number(is)
      case 'minimum':
        return typeof value !== 'number' || value >= Number(is)
      case 'maximum':
        return typeof value !== 'number' || value <= Number(is)
      case 'exclusiveMinimum':
        return typeof value !== 'number' || value > Number(is)
      case 'items':
        return list.every((item) => fits(item, is))
      case 'required':
        return !isObject(value) || schemas('required').every((key) => String(key) in object)
      case 'properties':
        return Object.entries(is as JsonObject).every(
          ([key, part]) => object[key] === undefined || fits(object[key], part),
        )
      case 'patternProperties':
        expect(is).toEqual({ '^x-': {} })
        return true
      case 'additionalProperties': {
        const known = Object.keys(said.properties as JsonObject)
        return (
          is === true ||
          Object.keys(object).every((key) => known.includes(key) || key.startsWith('x-'))
        )
      }
      case 'anyOf':
        return schemas('anyOf').some((one) => fits(value, one))
      case 'allOf':
        return schemas('allOf').every((one) => fits(value, one))
      case 'not':
        return !fits(value, is)
      case 'if': {
        const branch = fits(value, is) ? said.then : said.else
        return branch === undefined || fits(value, branch)
      }
      case 'then':
      case 'else':
        return said.if !== undefined
      default:
        if (!TELLING.includes(keyword)) throw new Error(`unknown keyword ${keyword}`)
        return true
    }
  })
}

const ofStep = (step: JsonObject): JsonObject => ({ path: 'p', workflow: [step] })
const start = (rest: JsonObject) => ofStep({ step: 'start', ...rest })

test('it is served without asking the database', async () => {
  const trips = await client.trips()
  expect((await client.get('/api/catalog/schema')).status).toBe(200)
  expect(await client.trips()).toBe(trips)
  expect(headers.get('content-type')).toBe('application/schema+json')
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
})

test('every example fits it', () => {
  expect(Object.keys(examples).length).toBeGreaterThan(0)
  for (const [name, text] of Object.entries(examples)) {
    expect([name, fits(readYaml(text).value ?? null, schema)]).toEqual([name, true])
  }
})

test('it knows the types that there are', () => {
  const { typed } = (body as { $defs: { typed: { properties: { type: { enum: string[] } } } } })
    .$defs
  expect([...typed.properties.type.enum].sort()).toEqual([...TOOLS, ...ROUTERS].sort())
})

test('every key has a description, and each type says what it is for', () => {
  const bare: string[] = []
  const visit = (value: Json, place: string): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [key, part] of Object.entries(value)) {
      const isKeys = key === 'properties' && isObject(value) && value.additionalProperties === false
      for (const [name, said] of isKeys ? Object.entries(part as JsonObject) : []) {
        if (!isObject(said) || typeof said.description !== 'string') bare.push(`${place}/${name}`)
      }
      visit(part, `${place}/${key}`)
    }
  }
  visit(schema, '')
  expect(bare).toEqual([])
  const defs = schema.$defs as Record<string, JsonObject>
  for (const [name, def] of Object.entries(defs)) {
    if (name.endsWith('_type')) expect(def.description).toMatch(/\.$/)
  }
})

describe('it takes', () => {
  const iterator = { type: 'iterator', collection: '{{ xs }}', element: 'x' }
  test.each<JsonObject>([
    start({}),
    start({
      'x-note': 1,
      next: ['end', { when: 'x', then: 'a', else: [{ step: 'b', data: {} }] }],
    }),
    start({ type: 'http', url: '{{ u }}', timeout: '{{ t }}', retry: true, save: 'event' }),
    start({ type: 'http', url: 'u', retry: { max_attempts: 3, retry_when: '{{ x }}' } }),
    start({
      type: 'postgres',
      command: ['a'],
      params: [1],
      save: [{ storage: { type: 'postgres', table: 't' } }],
    }),
    start({ ...iterator, task: { ...iterator, name: 'n', task: { type: 'workbook', task: 't' } } }),
    start({ type: 'workbook', task: 't', command: 'c' }),
    start({ type: 'http', url: 'u', loop: { in: [1], as: 'x', mode: 'async' } }),
    ofStep({ name: 'start', type: 'wait', until: '{{ x }}' }),
    { path: 'p', steps: [], workbook: [{ name: 'a', type: 'transform', data: 1 }], timeout: 5 },
  ])('%j', (payload) => {
    expect(fits(payload, schema)).toBe(true)
  })
})

describe('it refuses', () => {
  const task = (rest: JsonObject) =>
    start({
      type: 'iterator',
      collection: [],
      element: 'x',
      task: { type: 'http', url: 'u', ...rest },
    })
  test.each<JsonObject>([
    { path: 'p', workflow: [], urk: 1 },
    { path: 'p', workflow: [], steps: [] },
    { path: 'p', workflow: {} },
    ofStep({ type: 'http', url: 'u' }),
    start({ type: 'htpp' }),
    start({ type: 'http', url: 'u', metod: 'GET' }),
    start({ type: 'http', url: 'u', task: 'a' }),
    start({ type: 'http', url: 'u', method: 'FETCH' }),
    start({ type: 'http', url: 'u', timeout: 0 }),
    start({ type: 'http', url: 'u', timeout: '5' }),
    start({ type: 'http' }),
    start({ type: 'http', url: 'u', endpoint: 'u' }),
    start({ url: 'u' }),
    start({ type: 'wait', seconds: 1, until: 'x' }),
    start({ type: 'javascript' }),
    start({ type: 'http', url: 'u', retry: { attempts: 3 } }),
    start({ type: 'http', url: 'u', retry: { max_attempts: '{{ n }}' } }),
    start({ save: 'duckdb' }),
    start({ save: { storage: 'postgres', tabel: 't' } }),
    start({ loop: { in: [], as: 'x', task: {} } }),
    start({ next: { step: 'a', pass: true } }),
    start({ next: { when: 'x', then: { when: 'y' } } }),
    start({ type: 'iterator', collection: [], element: 'x y', task: { type: 'python' } }),
    task({ next: 'a' }),
    task({ urk: 1 }),
    { path: 'p', workflow: [], workbook: [{ name: 'a', type: 'http' }] },
  ])('%j', (payload) => {
    expect(fits(payload, schema)).toBe(false)
  })
})
