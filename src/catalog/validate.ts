// Reads a playbook's YAML and finds everything that is wrong with it at once, each with its place.

import { isMap, LineCounter, type Node, parseDocument } from 'yaml'
import type { Fault } from '../errors.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { checkSyntax, TemplateError } from '../template/index.ts'
import { pointerPart } from '../validate.ts'
import { bareExpression, ROUTERS, START, stepName, TOOLS } from './playbook.ts'

export const MAX_CONTENT_BYTES = 1_048_576
export const MAX_STEPS = 2_000

type Key = string | number
type Report = (path: Key[], detail: string) => void

/** Keys whose text is a program, where braces are not templates. */
const PROGRAM_KEYS = new Set(['code', 'code_b64', 'command_b64', 'commands_b64'])
const TARGETLESS = ['then', 'else', 'condition', 'pass']

/** What a text says: its payload when nothing is wrong with it, else the faults. */
export type Reading = { payload: JsonObject; faults: [] } | { payload: null; faults: Fault[] }

/**
 * Parses YAML as PyYAML's safe loader does (YAML 1.1: yes/no, 0o17, merge keys), but dates stay text.
 * With `kind` "playbook" the workflow is validated too.
 */
export function readPlaybook(text: string, kind: string): Reading {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    version: '1.1',
    lineCounter: lines,
    intAsBigInt: true,
    prettyErrors: false,
    customTags: (tags) => tags.filter((tag) => !isTimestamp(tag)),
  })
  const faults: Fault[] = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0])
    return { pointer: '', detail: `not YAML: ${error.message}`, line, column: col }
  })
  if (faults.length > 0) return { payload: null, faults }

  const report: Report = (path, detail) => {
    const { line, col } = lines.linePos(offsetOf(document.contents, path))
    faults.push({
      pointer: path.map((key) => `/${pointerPart(String(key))}`).join(''),
      detail,
      line,
      column: col,
    })
  }
  let payload: Json
  try {
    payload = plain(document.toJS({ maxAliasCount: 100 }))
  } catch {
    report([], 'too many aliases')
    return { payload: null, faults }
  }
  if (!isObject(payload)) {
    report([], 'a playbook is a mapping with metadata, workload and workflow')
    return { payload: null, faults }
  }
  checkEntry(payload, report)
  if (kind === 'playbook') checkWorkflow(payload, report)
  return faults.length > 0 ? { payload: null, faults } : { payload, faults: [] }
}

/** NoETL's order of where a resource's path stands; null when it has none. */
export function pathOf(payload: JsonObject): string | null {
  const metadata = isObject(payload.metadata) ? payload.metadata : {}
  const named = [metadata.path, payload.path, metadata.name, payload.name].find(
    (value) => typeof value === 'string' && value.trim() !== '',
  )
  return typeof named === 'string' ? named.trim() : null
}

function checkEntry(payload: JsonObject, report: Report): void {
  const path = pathOf(payload)
  if (path === null)
    report([], 'no metadata.path, path, metadata.name or name says where it belongs')
  else if (path.length > 512) report([], 'the path is longer than 512 characters')
  if (payload.workload !== undefined && payload.workload !== null && !isObject(payload.workload)) {
    report(['workload'], 'workload is a mapping')
  }
}

function checkWorkflow(payload: JsonObject, report: Report): void {
  const key = payload.workflow === undefined && payload.steps !== undefined ? 'steps' : 'workflow'
  const steps = payload[key]
  if (steps === undefined) return report([], 'workflow is missing')
  if (!Array.isArray(steps) || steps.length === 0)
    return report([key], 'workflow is a list of steps')
  if (steps.length > MAX_STEPS) return report([key], `more than ${MAX_STEPS} steps`)

  const firstOf = new Map<string, number>()
  for (const [index, step] of steps.entries()) checkName(step, [key, index], firstOf, report)
  if (!firstOf.has(START)) report([key], `no step is called '${START}'`)
  for (const [index, step] of steps.entries()) {
    if (isObject(step)) checkStep(step, [key, index], firstOf, report)
  }
}

/** Checks a step's name and notes where each was first. */
function checkName(step: Json, at: [string, number], firstOf: Map<string, number>, report: Report) {
  if (!isObject(step)) return report(at, 'a step is a mapping')
  const name = stepName(step)
  if (typeof name !== 'string' || name.trim() === '') {
    return report(at, 'a step needs a name: step: NAME')
  }
  if (name.length > 256) return report(at, 'the step name is longer than 256 characters')
  const first = firstOf.get(name)
  if (first === undefined) {
    firstOf.set(name, at[1])
  } else {
    const key = step.step === undefined ? 'name' : 'step'
    report([...at, key], `another step is called '${name}' (/${at[0]}/${first})`)
  }
}

function checkStep(
  step: JsonObject,
  at: Key[],
  names: ReadonlyMap<string, number>,
  report: Report,
): void {
  const { type, next, ...rest } = step
  if (type !== undefined && type !== null) {
    const known = typeof type === 'string' && type.trim().toLowerCase()
    if (known === false || !(TOOLS.has(known) || ROUTERS.has(known) || known === '')) {
      report(
        [...at, 'type'],
        `unknown step type '${String(type)}'; known are ${[...TOOLS, ...ROUTERS].join(', ')}`,
      )
    }
    if (known === 'http' && (step.url ?? step.endpoint) === undefined)
      report(at, 'an http step needs a url')
    if (known === 'postgres' && !POSTGRES_TEXTS.some((key) => step[key] !== undefined)) {
      report(at, `a postgres step needs one of ${POSTGRES_TEXTS.join(', ')}`)
    }
  }
  checkTemplates(rest, at, report)
  if (next !== undefined && next !== null) checkNext(next, [...at, 'next'], names, report)
}

export const POSTGRES_TEXTS = ['command', 'commands', 'sql', 'query', 'command_b64', 'commands_b64']

function checkNext(
  next: Json,
  at: Key[],
  names: ReadonlyMap<string, number>,
  report: Report,
): void {
  if (Array.isArray(next)) {
    for (const [index, item] of next.entries()) {
      checkTransition(item, [...at, index], names, report)
    }
  } else {
    checkTransition(next, at, names, report)
  }
}

function checkTransition(
  item: Json,
  at: Key[],
  names: ReadonlyMap<string, number>,
  report: Report,
): void {
  if (typeof item === 'string') {
    if (!names.has(item)) report(at, `no step is called '${item}'`)
    return
  }
  if (!isObject(item)) return report(at, 'a next item is a step name or a mapping with step')
  const unsupported = TARGETLESS.find((key) => item[key] !== undefined)
  if (unsupported !== undefined) {
    report(
      [...at, unsupported],
      `'${unsupported}' is not supported in next; write one item with step and when for each way`,
    )
  }
  const to = stepName(item)
  const key = item.step === undefined && item.name !== undefined ? 'name' : 'step'
  if (to === undefined) {
    if (unsupported === undefined) report(at, 'a next item needs step')
  } else if (typeof to !== 'string' || !names.has(to)) {
    report([...at, key], `no step is called '${String(to)}'`)
  }
  const { when } = item
  if (typeof when === 'string') {
    check(() => checkSyntax(`{{ ${bareExpression(when)} }}`), [...at, 'when'], report)
  } else if (when !== undefined && when !== null && typeof when !== 'boolean') {
    report([...at, 'when'], 'when is a condition (text) or true or false')
  }
  const { when: _checked, ...rest } = item
  checkTemplates(rest, at, report)
}

function checkTemplates(value: Json, at: Key[], report: Report): void {
  if (typeof value === 'string') return check(() => checkSyntax(value), at, report)
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined || (!Array.isArray(value) && PROGRAM_KEYS.has(key))) continue
    checkTemplates(child, [...at, Array.isArray(value) ? Number(key) : key], report)
  }
}

function check(parse: () => void, at: Key[], report: Report): void {
  try {
    parse()
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    report(at, `template: ${error.message} in ${error.expression}`)
  }
}

/** Where the node at the path begins, or its nearest parent when the path leads to nothing. */
function offsetOf(root: Node | null, path: Key[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = isMap(root) || root === null ? nodeAt(root, path.slice(0, length)) : null
    if (node?.range) return node.range[0]
  }
  return root?.range?.[0] ?? 0
}

function nodeAt(root: Node | null, path: Key[]): Node | null {
  const node = isMap(root) ? root.getIn(path, true) : null
  return typeof node === 'object' && node !== null && 'range' in node ? (node as Node) : null
}

function isTimestamp(tag: unknown): boolean {
  return (
    typeof tag === 'object' &&
    tag !== null &&
    'tag' in tag &&
    tag.tag === 'tag:yaml.org,2002:timestamp'
  )
}

/** YAML's values as JSON's: safe bigints as numbers, sets and maps as objects, bytes as base64. */
function plain(value: unknown): Json {
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      ? Number(value)
      : value
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value))
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Set) return [...value].map(plain)
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child)]))
  }
  return null
}
