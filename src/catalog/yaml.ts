// YAML as PyYAML's safe loader reads it (1.1: yes and no, 017, merge keys), but dates stay text. What
// a hostile text could blow up (aliases, nesting, keys) is measured before it is expanded.

import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type ScalarTag,
  type Tags,
} from 'yaml'
import { toBase64 } from '../base64.ts'
import type { Fault } from '../errors.ts'
import type { Json } from '../json.ts'

export type Key = string | number

/** The text's value and where in the text each part of it stands, or what is wrong with the text. */
export type Yaml =
  | { value: Json; placeOf(path: readonly Key[]): Place; faults: [] }
  | { value: undefined; faults: Fault[] }

type Place = Required<Pick<Fault, 'line' | 'column'>>

/** Templates go 64 levels deep (src/template/run.ts), and a step is three below the top. */
const MAX_DEPTH = 60
/** Characters and values with every alias written out. */
const MAX_EXPANDED = 4 * 1_048_576
/** The parser looks for an alias's anchor from the beginning, each time. */
const MAX_ALIASES = 5_000

/** The text's nodes, and what tells their lines. */
export function parseYaml(text: string) {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    version: '1.1',
    lineCounter: lines,
    intAsBigInt: true,
    prettyErrors: false,
    // the parser's own check takes quadratic time
    uniqueKeys: false,
    customTags: pythonTags,
  })
  return { document, lines }
}

export function readYaml(text: string): Yaml {
  const { document, lines } = parseYaml(text)
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const faults: Fault[] = document.errors.map(({ message, pos }) => {
    const why = message.startsWith('Maximum call stack') ? 'nested too deeply' : message
    return { pointer: '', detail: `not YAML: ${why}`, ...placeAt(pos[0]) }
  })
  if (faults.length > 0) return { value: undefined, faults }

  const root = document.contents
  measure(root, (node, detail) =>
    faults.push({ pointer: '', detail, ...placeAt(node?.range?.[0] ?? 0) }),
  )
  if (faults.length > 0) return { value: undefined, faults }
  try {
    const value = plain(document.toJS({ maxAliasCount: -1 }))
    return { value, placeOf: (path) => placeAt(offsetOf(root, path)), faults: [] }
  } catch (error) {
    // merging what is no mapping, for one
    const detail = `not YAML: ${error instanceof Error ? error.message : error}`
    return { value: undefined, faults: [{ pointer: '', detail, line: 1, column: 1 }] }
  }
}

/** Reports what the parser does not: keys that come twice or are no text, aliases that lead astray. */
function measure(root: Node | null, report: (node: Node | null, detail: string) => void): void {
  type Measure = { size: number; depth: number }
  const anchors = new Map<string, Measure | 'open'>()
  let aliases = 0

  const ofAlias = (node: Node, source: string): Measure => {
    aliases += 1
    const named = anchors.get(source)
    if (named === undefined) report(node, `no anchor before it is called '${source}'`)
    if (named === 'open') report(node, `'${source}' is what it stands in`)
    return typeof named === 'object' ? named : { size: 1, depth: 0 }
  }
  const ofKeys = (node: Node): void => {
    const seen = new Set<unknown>()
    for (const { key } of isMap<Node | null>(node) ? node.items : []) {
      if (isCollection(key)) report(key, 'a key is no text; templates need quotes: "{{ .. }}"')
      if (!isScalar(key)) continue
      // symbols are merge keys, which may come more than once
      const name = typeof key.value === 'symbol' ? key : String(key.value)
      if (seen.has(name)) report(key, `the key '${String(key.value)}' is there already`)
      seen.add(name)
    }
  }
  const of = (node: unknown): Measure => {
    if (isAlias(node)) return ofAlias(node, node.source)
    if (isPair(node)) {
      const [key, value] = [of(node.key), of(node.value)]
      return { size: key.size + value.size, depth: value.depth }
    }
    if (isScalar(node)) {
      const measure = { size: 1 + (node.source?.length ?? 0), depth: 0 }
      if (node.anchor) anchors.set(node.anchor, measure)
      return measure
    }
    const whole = { size: 1, depth: 0 }
    if (!isCollection(node)) return whole
    if (node.anchor) anchors.set(node.anchor, 'open')
    ofKeys(node)
    for (const item of node.items) {
      const { size, depth } = of(item)
      whole.size += size
      whole.depth = Math.max(whole.depth, depth + 1)
    }
    if (node.anchor) anchors.set(node.anchor, whole)
    return whole
  }

  const { size, depth } = of(root)
  if (depth > MAX_DEPTH) report(root, `nested deeper than ${MAX_DEPTH} levels`)
  if (aliases > MAX_ALIASES) report(root, `more than ${MAX_ALIASES} aliases`)
  if (size > MAX_EXPANDED)
    report(root, `more than ${MAX_EXPANDED} characters with aliases expanded`)
}

const TAG = 'tag:yaml.org,2002:'

function pythonTags(tags: Tags): Tags {
  return tags
    .filter((tag) => typeof tag === 'string' || tag.tag !== `${TAG}timestamp`)
    .map((tag) => {
      if (typeof tag === 'string' || tag.collection !== undefined) return tag
      const test = pythonTest(tag)
      return test === undefined ? tag : { ...tag, test }
    })
}

/** What PyYAML takes for a value where YAML 1.1 takes more: y, n, 08 and 1e5 are text, as is meant. */
function pythonTest({ tag, format, test }: ScalarTag): RegExp | undefined {
  if (tag === `${TAG}bool`) {
    return test?.test('yes')
      ? /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/
      : /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/
  }
  if (tag === `${TAG}int` && format === undefined) return /^[-+]?(?:0|[1-9][0-9_]*)$/
  if (tag === `${TAG}float` && format === 'EXP') {
    return /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][-+][0-9]+$/
  }
  return undefined
}

/** Where the node at the path begins, or its nearest parent when the path leads to nothing. */
function offsetOf(root: Node | null, path: readonly Key[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = isMap(root) ? root.getIn(path.slice(0, length), true) : null
    if (isNode(node) && node.range) return node.range[0]
  }
  return root?.range?.[0] ?? 0
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isCollection(value) || isAlias(value)
}

/** YAML's values as JSON's: safe bigints as numbers, maps as objects, sets as lists, bytes as base64. */
function plain(value: unknown): Json {
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      ? Number(value)
      : value
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (value instanceof Uint8Array) return toBase64(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Set) return [...value].map(plain)
  if (typeof value === 'object') {
    const entries = value instanceof Map ? [...value] : Object.entries(value)
    return Object.fromEntries(entries.map(([key, child]) => [String(key), plain(child)]))
  }
  return null
}
