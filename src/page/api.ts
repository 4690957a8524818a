// Asking the API. The key is kept for this tab alone, and is asked for when the API wants one.

import { forgetDrafts } from './draft.ts'
import { type Json, parseJson, toJson } from './json.ts'
import type { Fault } from './types.ts'

/** What the API says is wrong, or that it could not be asked. */
export class Problem extends Error {
  readonly status: number
  readonly title: string
  readonly errors: readonly Fault[]
  constructor(status: number, title: string, detail: string, errors: readonly Fault[] = []) {
    super(detail)
    this.status = status
    this.title = title
    this.errors = errors
  }
}

const PLACE = 'noetl-edge.key'

let key = sessionStorage.getItem(PLACE)
let asking: { refused: boolean; answer: (given: string) => void; answered: Promise<void> } | null =
  null
const listeners = new Set<() => void>()
const tell = () => {
  for (const listener of listeners) listener()
}

/** Whether there is a key, and whether one is being asked for. */
export const keyring = {
  get has() {
    return key !== null
  },
  get asking() {
    return asking
  },
  listen(listener: () => void) {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  },
  give(given: string) {
    // whoever had another key may be another
    if (key !== null && key !== given) forgetDrafts()
    key = given
    sessionStorage.setItem(PLACE, given)
    const { answer } = asking ?? {}
    asking = null
    answer?.(given)
    tell()
  },
  /** Forgets it, all that it has shown, and what was typed. */
  forget() {
    key = null
    sessionStorage.removeItem(PLACE)
    forgetDrafts()
    location.assign('/')
  },
}

function askForKey(refused: boolean): Promise<void> {
  if (asking) return asking.answered
  let answer: (given: string) => void = () => {}
  const answered = new Promise<string>((resolve) => {
    answer = resolve
  }).then(() => {})
  asking = { refused, answer, answered }
  tell()
  return answered
}

export interface Answer<T> {
  data: T
  /** Where the next page begins. */
  next: string | null
  headers: Headers
}

interface Options {
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/** The raw response of an authorised request. @throws Problem when it is not a success. */
export async function ask(method: string, path: string, options: Options = {}): Promise<Response> {
  for (;;) {
    const sent = key
    const { body, headers, signal } = options
    let response: Response
    try {
      response = await fetch(path, {
        method,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(sent !== null && { authorization: `Bearer ${sent}` }),
          ...headers,
        },
        ...(body !== undefined && { body: toJson(body) }),
        ...(signal && { signal }),
        credentials: 'same-origin',
      })
    } catch (error) {
      if (signal?.aborted) throw error
      throw new Problem(0, 'Out of reach', 'the server could not be reached')
    }
    if (response.status === 401) {
      // another request may have been given a key in the meantime
      if (sent === key) await askForKey(sent !== null)
      continue
    }
    if (!response.ok) throw await problemOf(response)
    return response
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const document = await response.json().catch(() => null)
  const { title, detail, errors } = document ?? {}
  return new Problem(
    response.status,
    title ?? response.statusText,
    detail ?? `the server answered ${response.status}`,
    errors ?? [],
  )
}

/** Asks, and reads the JSON of the answer. */
export async function send<T>(method: string, path: string, options?: Options): Promise<Answer<T>> {
  const response = await ask(method, path, options)
  const text = await response.text()
  const data = (text === '' ? null : parseJson(text)) as T & Json
  return { data, next: response.headers.get('x-next-cursor'), headers: response.headers }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send<T>('GET', path, { signal })).data
}

/** A path with a query of what is given. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | null | undefined>>,
): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value))
  }
  const text = search.toString()
  return text === '' ? path : `${path}?${text}`
}
