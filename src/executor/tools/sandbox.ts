// The program that runs beside an author's code in its isolate: it calls main, keeps the console's lines,
// and answers in JSON. It shares the isolate with that code, so nothing here is relied on for safety: what
// the isolate may use and reach is decided outside of it.

/** Lines of the console that one call keeps. */
const MAX_LOG_LINES = 200
/** What they may weigh together, as JSON. */
export const MAX_LOG_BYTES = 65_536
/** Characters kept of one line, and of an error's text and stack. */
export const MAX_TEXT = 4_096

/** The module's name of the author's code, as it appears in stacks. */
export const CODE_MODULE = 'code.js'
/** Says to the way out that redirects are to be followed there. */
export const FOLLOW_HEADER = 'x-noetl-edge-follow'
/** Says that what came back is no reply, but why there is none. */
export const REFUSAL_HEADER = 'x-noetl-edge-refusal'

/** What is sent into the sandbox. */
export interface Question {
  input: unknown
  context: unknown
  timeout_ms: number
}

/** The author's code as a module that always exports its main, however that was declared. */
export function codeModule(code: string): string {
  return `${code}\n;export const __edge_main = typeof main === 'undefined' ? undefined : main\n`
}

/** A main module for code that cannot be run, which answers with the reason. */
export function refusalModule(text: string): string {
  return `export default { fetch: () => Response.json({ error: { text: ${JSON.stringify(text)} } }) }`
}

/** The main module. */
export function sandboxModule(hasEgress: boolean): string {
  return `import { AsyncLocalStorage } from 'node:async_hooks'
import { format } from 'node:util'

// One isolate serves many calls, and data that a program merges into its own must not change what the next call
// finds in all objects. Nobody could assign what is frozen on an object that inherits it, so names that programs do
// assign (toString, an error's name) have setters.
const { defineProperty, freeze, getOwnPropertyNames, getOwnPropertyDescriptor } = Object
const errors = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError]
for (const { prototype } of [Object, Function, ...errors]) {
  for (const name of getOwnPropertyNames(prototype)) {
    const { value, writable, enumerable } = getOwnPropertyDescriptor(prototype, name)
    if (!writable) continue
    defineProperty(prototype, name, {
      enumerable,
      get: () => value,
      set(other) {
        if (this === prototype) throw new TypeError(name + ' of all objects cannot be changed')
        defineProperty(this, name, { value: other, writable: true, enumerable: true, configurable: true })
      },
    })
  }
  freeze(prototype)
}
for (const shared of [Object, Array, Array.prototype]) freeze(shared)

const calls = new AsyncLocalStorage()
const { parse, stringify, rawJSON } = JSON
const { fetch: nativeFetch, setTimeout: after, clearTimeout: stop } = globalThis
const encoder = new TextEncoder()

const cut = (text) => (text.length > ${MAX_TEXT} ? text.slice(0, ${MAX_TEXT}) + '... (cut)' : text)

function note(prefix, values) {
  const log = calls.getStore()
  if (!log || log.isFull) return
  const line = cut(prefix + format(...values))
  log.bytes += encoder.encode(stringify(line)).byteLength
  log.isFull = log.lines.length === ${MAX_LOG_LINES} || log.bytes > ${MAX_LOG_BYTES}
  log.lines.push(log.isFull ? '(more was logged than is kept)' : line)
}

const prefixes = { log: '', info: '', debug: '', warn: 'warn: ', error: 'error: ' }
for (const [level, prefix] of Object.entries(prefixes)) {
  console[level] = (...values) => note(prefix, values)
}

globalThis.fetch = async (input, init) => {
  if (!${hasEgress}) throw new Error("fetch is not allowed: set the step's egress to a list of hosts")
  const request = new Request(input, init)
  const headers = new Headers(request.headers)
  const isFollowing = request.redirect === 'follow'
  if (isFollowing) headers.set('${FOLLOW_HEADER}', 'true')
  const redirect = isFollowing ? 'manual' : request.redirect
  const response = await nativeFetch(new Request(request, { headers, redirect }))
  if (response.headers.has('${REFUSAL_HEADER}')) throw new Error(await response.text())
  return response
}

const longInteger = (_key, value, { source }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\\d+$/.test(source)
    ? BigInt(source)
    : value

class NotJson extends Error {}

function asJson(value) {
  const text = stringify(value, (key, item) => {
    if (typeof item === 'bigint') return rawJSON(String(item))
    const kind =
      typeof item === 'function' || typeof item === 'symbol'
        ? typeof item
        : [Promise, Map, Set].find((type) => item instanceof type)?.name
    if (kind === undefined) return item
    throw new NotJson('the result' + (key === '' ? '' : "'s '" + key + "'") + ' is a ' + kind + ', not JSON')
  })
  return text ?? 'null'
}

function checkedJson(value) {
  try {
    return asJson(value)
  } catch (error) {
    if (error instanceof TypeError && error.message.startsWith('Converting circular')) {
      throw new NotJson('the result contains itself, and is not JSON')
    }
    throw error
  }
}

async function mainOf() {
  const code = await import('${CODE_MODULE}')
  const main = [code.__edge_main, code.default, code.main].find((item) => typeof item === 'function')
  if (main) return main
  throw new NotJson('the code defines no function main(input, context)')
}

async function run({ input, context, timeout_ms }) {
  let timer
  const late = new Promise((_resolve, reject) => {
    const error = new NotJson('stopped after ' + timeout_ms / 1000 + ' s')
    timer = after(() => reject(error), timeout_ms)
  })
  try {
    const done = mainOf().then((main) => main(input, context))
    return checkedJson(await Promise.race([done, late]))
  } finally {
    stop(timer)
  }
}

function described(error) {
  if (error instanceof NotJson) return { text: cut(error.message) }
  try {
    if (!(error instanceof Error)) return { text: cut('thrown: ' + format(error)) }
    const text = String(error)
    const stack = String(error.stack)
    return { text: cut(text), stack: cut(stack.startsWith(text) ? stack.slice(text.length) : stack) }
  } catch {
    return { text: 'thrown: what cannot be shown' }
  }
}

export default {
  async fetch(request) {
    const question = parse(await request.text(), longInteger)
    const log = { lines: [], bytes: 0, isFull: false }
    const outcome = await calls.run(log, () =>
      run(question).then(
        (text) => '"result":' + text,
        (error) => '"error":' + stringify(described(error)),
      ),
    )
    return new Response('{"logs":' + stringify(log.lines) + ',' + outcome + '}')
  },
}
`
}
