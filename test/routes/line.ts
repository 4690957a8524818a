// How a line of the table is written: a request, what it needs, and what the answer is.
import type { Shape } from './shape.ts'

export interface Sent {
  params?: Record<string, string>
  query?: Record<string, string | number>
  body?: unknown
  headers?: Record<string, string>
}

/** A problem document, as it is expected. */
export interface Problem {
  code: keyof typeof PROBLEMS
  detail: string | RegExp
  /** Places of the faults, when there are any. */
  pointers?: readonly string[]
  headers?: Readonly<Record<string, string>>
  /** What the document says beside. */
  more?: Readonly<Record<string, unknown>>
}

/** Status and title of each problem. */
export const PROBLEMS = {
  malformed: [400, 'Malformed request'],
  unauthorized: [401, 'Unauthorized'],
  forbidden: [403, 'Forbidden'],
  not_found: [404, 'Not found'],
  method_not_allowed: [405, 'Method not allowed'],
  conflict: [409, 'Conflict'],
  lease_lost: [409, 'Lease lost'],
  gone: [410, 'Gone'],
  too_large: [413, 'Too large'],
  invalid_input: [422, 'Invalid input'],
  misconfigured: [503, 'Not configured'],
  unavailable: [503, 'Unavailable'],
} as const

interface Line {
  /** Method and path, as the API's description has it. */
  on: string
  as: string
  /** The status that NoETL answers with, if it is another. */
  was: number | null
}

export interface Good extends Line {
  status: 200 | 202
  /** The shape of NoETL's reply, as it was or as it was meant. */
  reply: Shape
  /** The request, and what is known of the reply beyond its shape. */
  prepare(): Promise<{ sent: Sent; is: object | undefined }>
}

export interface Bad extends Line, Problem {
  prepare(): Promise<Sent>
}

type From<F, T> = T | ((given: F) => T | Promise<T>)

interface Request<F> {
  as?: string
  was?: number
  given?: () => Promise<F>
  send?: From<F, Sent>
}

/** A request that is answered; its reply matches `is`. */
export function good<F>(
  on: string,
  how: Request<F> & { status?: 202; reply: Shape; is?: From<F, object> },
): Good {
  const { as = 'good', was = null, status = 200, reply } = how
  return {
    on,
    as,
    was,
    status,
    reply,
    async prepare() {
      const given = (await how.given?.()) as F
      return { sent: (await from(how.send, given)) ?? {}, is: await from(how.is, given) }
    },
  }
}

/** A request that is refused. */
export function bad<F>(on: string, as: string, how: Omit<Request<F>, 'as'> & Problem): Bad {
  const { was = null, given, send, ...problem } = how
  return {
    on,
    as,
    was,
    ...problem,
    prepare: async () => (await from(send, (await given?.()) as F)) ?? {},
  }
}

async function from<F, T>(value: From<F, T> | undefined, given: F): Promise<T | undefined> {
  return typeof value === 'function' ? (value as (given: F) => T | Promise<T>)(given) : value
}

/** The method and the address of a request. */
export function addressOf(on: string, { params = {}, query = {} }: Sent): [string, string] {
  const [method = '', pattern = ''] = on.split(' ')
  const path = pattern.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? ''))
  const search = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]))
  return [method, search.size > 0 ? `${path}?${search}` : path]
}
