// One error class, one table of codes, one document on the wire (RFC 9457).

import * as z from 'zod'

const PROBLEMS = {
  invalid_input: { status: 422, title: 'Invalid input' },
  malformed: { status: 400, title: 'Malformed request' },
  unauthorized: { status: 401, title: 'Unauthorized' },
  forbidden: { status: 403, title: 'Forbidden' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'Conflict' },
  lease_lost: { status: 409, title: 'Lease lost' },
  job_taken: { status: 409, title: 'Job taken' },
  gone: { status: 410, title: 'Gone' },
  too_large: { status: 413, title: 'Too large' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  misconfigured: { status: 503, title: 'Not configured' },
  unavailable: { status: 503, title: 'Unavailable' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** One fault of an input: where (JSON pointer; line and column in a playbook) and what. */
export interface Fault {
  pointer: string
  detail: string
  line?: number
  column?: number
}

/** What services throw; app.ts alone turns it into a reply. The message is shown to the caller. */
export class AppError extends Error {
  readonly code: ProblemCode
  readonly faults: readonly Fault[]
  constructor(code: ProblemCode, message: string, faults: readonly Fault[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.faults = faults
  }
}

export function fail(code: ProblemCode, message: string, faults: readonly Fault[] = []): never {
  throw new AppError(code, message, faults)
}

/** The document on the wire. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('what is wrong'),
    instance: z.string().describe('the path that was asked'),
    errors: z
      .array(
        z.object({
          pointer: z.string().describe('JSON pointer into the body or the playbook'),
          detail: z.string(),
          line: z.int().optional(),
          column: z.int().optional(),
        }),
      )
      .optional(),
  })
  .loose()
  .meta({ id: 'Problem' })

/** The HTTP status of a problem. */
export function problemStatus(code: ProblemCode): number {
  return PROBLEMS[code].status
}

/** What a problem is called. */
export function problemTitle(code: ProblemCode): string {
  return PROBLEMS[code].title
}

/** The problem document for an error, its `detail` being what NoETL's clients read. */
export function problemOf(error: AppError, instance: string) {
  const { status, title } = PROBLEMS[error.code]
  return {
    type: `urn:noetl-edge:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    instance,
    ...(error.faults.length > 0 && { errors: error.faults }),
  }
}
