// Requests are parsed by zod schemas at the door; a fault is a problem document with JSON pointers.

import type * as z from 'zod'
import { readBytes } from './bytes.ts'
import { AppError, type Fault, fail } from './errors.ts'
import { type Json, parseStorableJson } from './json.ts'

/**
 * The body as JSON, 64-bit integers as bigint; an empty one is `{}` where it is optional.
 * @throws AppError when it is larger than `limit` bytes, not UTF-8 or not JSON.
 */
export async function readJson(request: Request, limit: number, optional: boolean): Promise<Json> {
  const text = await readText(request, limit)
  if (text.trim() === '') {
    return optional ? {} : fail('malformed', 'the body is empty; JSON is expected')
  }
  try {
    return parseStorableJson(text)
  } catch (error) {
    throw new AppError('malformed', `the body is not JSON: ${(error as Error).message}`)
  }
}

async function readText(request: Request, limit: number): Promise<string> {
  const tooLarge = () => fail('too_large', `the body is larger than ${limit} bytes`)
  if (Number(request.headers.get('content-length') ?? 0) > limit) tooLarge()
  const bytes = request.body ? await readBytes(request.body, limit, tooLarge) : new Uint8Array()
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
