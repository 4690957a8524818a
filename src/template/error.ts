export type TemplateErrorKind = 'syntax' | 'undefined' | 'type' | 'limit'

const MAX_EXPRESSION = 200

/** Any way in which a template can fail; nothing else leaves the engine. */
export class TemplateError extends Error {
  readonly kind: TemplateErrorKind
  /** Source of the expression or tag that failed, cut to 200 characters; empty if not known. */
  expression = ''
  /** Where it starts in the template, from 1. */
  line = 1
  column = 1
  /** JSON pointer of the failing leaf, when a whole value was rendered. */
  pointer?: string

  constructor(kind: TemplateErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TemplateError'
    this.kind = kind
  }
}

/** Offsets into the source, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

export function locate(error: TemplateError, source: string, span: Span): TemplateError {
  const before = source.slice(0, span.start)
  error.expression = source.slice(span.start, span.end).trim().slice(0, MAX_EXPRESSION)
  error.line = before.split('\n').length
  error.column = span.start - before.lastIndexOf('\n')
  return error
}

export function typeError(message: string): never {
  throw new TemplateError('type', message)
}

export function limitError(message: string): never {
  throw new TemplateError('limit', message)
}
