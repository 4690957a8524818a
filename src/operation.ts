// A route is declared once: what it does, what it takes, what it answers. The declaration validates
// requests, types the handler and the client (`hc`), and is what /openapi.json is made of.

import type { MiddlewareHandler, TypedResponse } from 'hono'
import type * as z from 'zod'
import { requireAll, requireScope, type Scope } from './access/caller.ts'
import type { App } from './env.ts'
import type { ProblemCode } from './errors.ts'
import { parse, readJson } from './validate.ts'

/** Any JSON object schema, as of a query string. */
type Fields = z.ZodType<Record<string, unknown>>

export interface Declaration<
  Query extends Fields | undefined = Fields | undefined,
  Body extends z.ZodType | undefined = z.ZodType | undefined,
  Reply extends z.ZodType = z.ZodType,
> {
  /** One line: what it does. */
  summary: string
  /** What a caller must know beside the schemas. */
  description?: string
  /** What a caller needs, one of them where there are several; null: any key will do. */
  scope: Scope | readonly Scope[] | null
  /**
   * What it means for callers that see a part of the playbooks only. `own`: the handler shows and changes what
   * is theirs, and all else is not there for them. `all`: it is about all playbooks, and not for them. `any`: it
   * is about no playbook.
   */
  reach: 'own' | 'all' | 'any'
  /** The query string; of a name that comes twice the first counts. */
  query?: Query
  /** The JSON body. */
  body?: Body
  /** Whether a request without a body is one with `{}`: NoETL's workers send some so. */
  bodyOptional?: boolean
  /** Headers that it heeds, and what they ask for. */
  headers?: Readonly<Record<string, string>>
  /** What its body is, where that is no JSON of ours. */
  anyBody?: string
  /** What the body may weigh in bytes; 4 MiB unless it says otherwise. */
  maxBytes?: number
  /** The 200 reply. */
  reply: Reply
  /** What a 202 means, where there is one; its reply is the same unless it is told. */
  accepted?: string
  acceptedReply?: z.ZodType
  /** Whether replies carry an ETag, and a sender that has it (`If-None-Match`) gets a 304. */
  conditional?: boolean
  /** The reply's type when it is not JSON. */
  mediaType?:
    | 'text/html'
    | 'text/plain'
    | 'text/event-stream'
    | 'application/schema+json'
    | 'application/x-ndjson'
  /** Problems of its own, beside those that any request may meet. */
  errors?: readonly ProblemCode[]
  /** Whether it answers without a key, so that there is no caller. */
  open?: boolean
  /** A request's body, as an example that works. */
  example?: unknown
}

const MAX_BODY_BYTES = 4 * 1_048_576
const DECLARED = Symbol('declaration')

/** What is validated, as Hono's types have it: sent so, and read so. */
type Validated<Query, Body> = [Query, Body] extends [undefined, undefined]
  ? Record<never, never>
  : {
      in: (Query extends z.ZodType ? { query: z.input<Query> } : object) &
        (Body extends z.ZodType ? { json: z.input<Body> } : object)
      out: (Query extends z.ZodType ? { query: z.output<Query> } : object) &
        (Body extends z.ZodType ? { json: z.output<Body> } : object)
    }

/** Declares a route: stands before its handler and lets only valid requests through. */
export function operation<
  const Query extends Fields | undefined = undefined,
  const Body extends z.ZodType | undefined = undefined,
  const Reply extends z.ZodType = z.ZodType,
>(
  declaration: Declaration<Query, Body, Reply>,
): MiddlewareHandler<
  App,
  string,
  Validated<Query, Body>,
  TypedResponse<z.output<Reply>, 200, 'json'>
> {
  const { query, body, bodyOptional = false, maxBytes = MAX_BODY_BYTES } = declaration
  const scopes = [declaration.scope ?? []].flat()
  const validate: MiddlewareHandler<App> = async function validate(c, next) {
    if (!declaration.open) {
      if (scopes.length > 0) requireScope(c.var.caller, ...scopes)
      if (declaration.reach === 'all') requireAll(c.var.caller)
    }
    if (query) c.req.addValidatedData('query', parse(query, c.req.query(), 'query'))
    if (body) {
      const value = await readJson(c.req.raw, maxBytes, bodyOptional)
      c.req.addValidatedData('json', parse(body, value, 'body') as object)
    }
    await next()
  }
  return Object.assign(validate, { [DECLARED]: declaration }) as never
}

/** What a handler was declared as; null for one that is no operation. */
export function declarationOf(handler: unknown): Declaration | null {
  return typeof handler === 'function' && DECLARED in handler
    ? (handler[DECLARED] as Declaration)
    : null
}
