import { typeError } from './error.ts'
import { type Run, scan, spendText } from './run.ts'

export interface Args {
  readonly positional: readonly unknown[]
  readonly named: ReadonlyMap<string, unknown>
}

export const NO_ARGS: Args = { positional: [], named: new Map() }

/** A filter, test or method: `subject` is what stands before the `|`, `is` or dot. */
export interface Operation {
  readonly call: (run: Run, subject: unknown, args: Args, name: string) => unknown
}

type Body = (run: Run, subject: unknown, ...args: unknown[]) => unknown

/**
 * An operation with named parameters, as in 'old new count?'. An optional one that is not given
 * arrives as JavaScript's undefined, so the body may declare a default.
 */
export function operation(signature: string, body: Body): Operation {
  const declared = signature.split(' ').filter(Boolean)
  const params = declared.map((param) => param.replace('?', ''))
  const required = declared.filter((param) => !param.endsWith('?')).length
  return {
    call: (run, subject, args, name) => body(run, subject, ...bind(name, params, required, args)),
  }
}

/** An operation that takes any arguments and sorts them out itself. */
export function variadic(call: Operation['call']): Operation {
  return { call }
}

function bind(name: string, params: readonly string[], required: number, args: Args): unknown[] {
  const given = args.positional.length
  if (given > params.length) {
    typeError(`${name}() takes at most ${params.length} arguments (${given} given)`)
  }
  const bound: unknown[] = [...args.positional]
  for (const [key, value] of args.named) {
    const index = params.indexOf(key)
    if (index < 0) typeError(`${name}() got an unexpected keyword argument '${key}'`)
    if (index < given) typeError(`${name}() got multiple values for argument '${key}'`)
    bound[index] = value
  }
  const missing = params.slice(0, required).find((_, index) => bound[index] === undefined)
  if (missing !== undefined) typeError(`${name}() missing a required argument: '${missing}'`)
  return bound
}

/** The one way to run an operation: what it reads and the text it gives are paid for here. */
export function invoke(run: Run, name: string, op: Operation, subject: unknown, args: Args) {
  if (typeof subject === 'string') scan(run, subject)
  const result = op.call(run, subject, args, name)
  if (typeof result === 'string' && result !== subject) spendText(run, result.length)
  return result
}
