// Who is told of an execution's end, as requests and playbooks say it. Pure.

import { isObject, type Json, type JsonObject } from '../json.ts'

/** A receiver; without a credential the message is signed with the secret of its origin. */
export interface Target {
  url: string
  /** The name of a credential of type webhook. */
  credential: string | null
}

/** How many receivers each source (a request, a playbook) may name. */
const MAX_TARGETS = 5
const MAX_URL = 2_048
const MAX_CREDENTIAL = 256
const KEYS = ['url', 'credential']

const URL_SCHEMA = { type: 'string', pattern: '^https?://', maxLength: MAX_URL }
const ONE = [
  URL_SCHEMA,
  {
    type: 'object',
    properties: {
      url: { description: 'Where the message is sent.', ...URL_SCHEMA },
      credential: {
        description: 'The credential of type webhook that signs it.',
        type: 'string',
        maxLength: MAX_CREDENTIAL,
      },
    },
    required: ['url'],
    additionalProperties: false,
  },
]
/** Targets as they are written, as JSON Schema. */
export const TARGETS_SCHEMA = {
  anyOf: [...ONE, { type: 'array', items: { anyOf: ONE }, maxItems: MAX_TARGETS }],
}

/** What is wrong with targets as written, and where: path below them, and words. */
export function targetFaults(given: Json): { at: (string | number)[]; detail: string }[] {
  if (!Array.isArray(given)) return faultsOf(given, [])
  if (given.length > MAX_TARGETS) return [{ at: [], detail: `more than ${MAX_TARGETS} targets` }]
  return given.flatMap((item, index) => faultsOf(item, [index]))
}

function faultsOf(item: Json, at: number[]) {
  if (!isObject(item)) return urlFaults(item, at)
  const unknown = Object.keys(item).filter((key) => !KEYS.includes(key))
  const { url = null, credential = null } = item
  const isName =
    credential === null ||
    (typeof credential === 'string' && credential !== '' && credential.length <= MAX_CREDENTIAL)
  return [
    ...unknown.map((key) => ({ at: [...at, key], detail: 'a target has url and credential only' })),
    ...urlFaults(url, url === null ? at : [...at, 'url']),
    ...(isName ? [] : [{ at: [...at, 'credential'], detail: 'not the name of a credential' }]),
  ]
}

function urlFaults(value: Json, at: (string | number)[]) {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return [{ at, detail: 'a target is an http or https address, or {url, credential}' }]
  }
  // it is shown to whoever may see notifications
  if (url.username || url.password) return [{ at, detail: 'an address has no user and password' }]
  if (url.href.length > MAX_URL) return [{ at, detail: `longer than ${MAX_URL} characters` }]
  return []
}

/** Targets as written, without faults, in their one form. */
export function targetsOf(given: Json | undefined): readonly Target[] {
  return [given ?? []].flat().map((item) => {
    const { url, credential = null }: JsonObject = isObject(item) ? item : { url: item }
    return { url: new URL(String(url)).href, credential: credential as string | null }
  })
}

/** All of them, each address once: the first that names it counts. */
export function joinTargets(...sources: (readonly Target[])[]): Target[] {
  const byUrl = new Map<string, Target>()
  for (const target of sources.flat()) {
    if (!byUrl.has(target.url)) byUrl.set(target.url, target)
  }
  return [...byUrl.values()]
}
