// Requests are parsed by zod schemas at the door; a fault is a problem document with JSON pointers.

import type { Context, MiddlewareHandler } from 'hono'
import type * as z from 'zod'
import type { App } from './env.ts'
import { AppError, type Fault, fail } from './errors.ts'
import { type Json, parseStorableJson } from './json.ts'

type Validated<Target extends string, S extends z.ZodType> = MiddlewareHandler<
  App,
  string,
  { in: { [K in Target]: z.input<S> }; out: { [K in Target]: z.output<S> } }
>

const MEBIBYTE = 1_048_576

/** Parses a JSON body of at most `limit` bytes; 64-bit integers survive as bigint. */
export function body<S extends z.ZodType>(schema: S, limit = 4 * MEBIBYTE): Validated<'json', S> {
  return async function validateBody(c, next) {
    c.req.addValidatedData('json', parse(schema, await readJson(c, limit), 'body') as object)
    await next()
  }
}

/** Parses the query string; of a repeated name the first counts. */
export function query<S extends z.ZodType>(schema: S): Validated<'query', S> {
  return async function validateQuery(c, next) {
    c.req.addValidatedData('query', parse(schema, c.req.query(), 'query') as object)
    await next()
  }
}

/** The body as JSON. @throws AppError when it is too large, not UTF-8 or not JSON. */
export async function readJson(c: Context, limit: number): Promise<Json> {
  const text = await readText(c.req.raw, limit)
  if (text.trim() === '') fail('malformed', 'the body is empty; JSON is expected')
  try {
    return parseStorableJson(text)
  } catch (error) {
    throw new AppError('malformed', `the body is not JSON: ${(error as Error).message}`)
  }
}

async function readText(request: Request, limit: number): Promise<string> {
  const tooLarge = () => fail('too_large', `the body is larger than ${limit} bytes`)
  if (Number(request.headers.get('content-length') ?? 0) > limit) tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  if (request.body) {
    for await (const chunk of request.body) {
      size += chunk.byteLength
      if (size > limit) tooLarge()
      chunks.push(chunk)
    }
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    return fail('malformed', 'the body is not UTF-8')
  }
}

/** Parses by a schema. @throws AppError `invalid_input` with every fault and where it is. */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const faults = result.error.issues.map(toFault)
  const first = faults[0]
  throw new AppError(
    'invalid_input',
    `invalid ${what}: ${first ? `${first.pointer || '/'} ${first.detail}` : 'not as described'}`,
    faults,
  )
}

function toFault(issue: z.core.$ZodIssue): Fault {
  const pointer = issue.path.map((key) => `/${pointerPart(String(key))}`).join('')
  return { pointer, detail: issue.message }
}

/** One key of a JSON pointer, escaped (RFC 6901). */
export function pointerPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
