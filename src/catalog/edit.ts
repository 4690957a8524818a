// Changes of a playbook's text that leave all else as its author wrote it, to the byte: the new value is
// set in where the old one stands.

import { isMap, isNode, isScalar, type Node, type YAMLMap } from 'yaml'
import { isObject, type JsonObject } from '../json.ts'
import { parseYaml, readYaml } from './yaml.ts'

/** The text with its path changed; null when it is written so that it cannot be. */
export function withPath(text: string, payload: JsonObject, path: string): string | null {
  const { metadata, path: top } = payload
  // the one that counts is changed; where there is none it is added to the metadata
  const isInMetadata = isObject(metadata) && (metadata.path !== undefined || top === undefined)
  return withValue(text, isInMetadata ? ['metadata', 'path'] : ['path'], path)
}

/** The text with a string at these keys, one in another; null when it is written so that it cannot be. */
export function withValue(text: string, keys: readonly string[], value: string): string | null {
  const { contents } = parseYaml(text).document
  const edited = isMap<Node, Node | null>(contents) ? setIn(text, contents, keys, value) : null
  // read again, as YAML has more ways to write a thing than are known here
  let read = edited === null ? undefined : readYaml(edited).value
  for (const key of keys) read = read !== undefined && isObject(read) ? read[key] : undefined
  return read === value ? edited : null
}

function setIn(
  text: string,
  map: YAMLMap<Node, Node | null>,
  [key = '', ...rest]: readonly string[],
  value: string,
): string | null {
  const written = rest.reduceRight(
    (inner, name) => `{${JSON.stringify(name)}: ${inner}}`,
    JSON.stringify(value),
  )
  const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key)
  if (pair === undefined) return inserted(text, map, key, written)
  if (rest.length > 0 && isMap<Node, Node | null>(pair.value)) {
    return setIn(text, pair.value, rest, value)
  }
  const isEmpty = isScalar(pair.value) && pair.value.value === null
  // an alias, say: what it stands for is written elsewhere
  if (rest.length > 0 && !isEmpty) return null
  return isNode(pair.value) ? replaced(text, pair.value, written) : null
}

function replaced(text: string, { range }: Node, written: string): string | null {
  if (!range) return null
  const [start, end] = range
  const [before, after] = [text.slice(0, start), text.slice(end)]
  // an empty value stands right behind its colon, or before a comment; a block ends with its line
  const gap = /[\s{[,]$/.test(before) ? '' : ' '
  const ending = /\r?\n$/.exec(text.slice(start, end))?.[0] ?? (after.startsWith('#') ? ' ' : '')
  return `${before}${gap}${written}${ending}${after}`
}

/** With a new first key. */
function inserted(
  text: string,
  map: YAMLMap<Node, Node | null>,
  key: string,
  written: string,
): string | null {
  const first = map.items[0]?.key
  if (map.flow) {
    const at = (map.range?.[0] ?? 0) + 1
    const rest = text.slice(at)
    return `${text.slice(0, at)}${JSON.stringify(key)}: ${written}${first ? ', ' : ''}${rest}`
  }
  const at = first?.range?.[0]
  if (at === undefined) return null
  const [indent = ''] = /[^\n\ufeff]*$/.exec(text.slice(0, at)) ?? []
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
  return `${text.slice(0, at)}${key}: ${written}${lineEnd}${indent}${text.slice(at)}`
}

/** The least playbook of this name, which is its path too. */
export function minimalPlaybook(name: string, description: string | null): string {
  const lines = [
    'apiVersion: noetl.io/v1',
    'kind: Playbook',
    'metadata:',
    `  name: ${JSON.stringify(name)}`,
    `  path: ${JSON.stringify(name)}`,
    ...(description === null ? [] : [`  description: ${JSON.stringify(description)}`]),
    '',
    'workflow:',
    '  - step: start',
    '    next: end',
    '  - step: end',
    '',
  ]
  return lines.join('\n')
}
