// What goes into the Worker's own log. Errors bring along what they were at: the driver's have connection strings and
// values of rows, a parser's have pieces of what it read. So of an error only what is known to be harmless is told.

import { NeonDbError } from '@neondatabase/serverless'
import { AppError } from './errors.ts'
import { scrubText } from './redact/forms.ts'

const MAX_MESSAGE = 500
const MAX_CAUSES = 4

/** Logs a failure in one line and its places in the code. @param redact takes out what else is secret */
export function logError(
  what: string,
  error?: unknown,
  redact: (text: string) => string = (text) => text,
): void {
  const told = error === undefined ? what : `${what}: ${toldError(error, MAX_CAUSES)}`
  console.error(scrubText(redact(told)))
}

function toldError(error: unknown, causes: number): string {
  if (!(error instanceof Error)) return `thrown: ${typeof error}`
  const inner = error instanceof NeonDbError ? (error.sourceError ?? error.cause) : error.cause
  const cause =
    inner === undefined || causes === 0 ? '' : `; because of ${toldError(inner, causes - 1)}`
  return `${headOf(error)}${placesOf(error)}${cause}`
}

function headOf(error: Error): string {
  if (error instanceof AppError) return `${error.code}: ${error.message}`
  if (error instanceof NeonDbError) return databaseHead(error)
  // the words of a parser quote what it read, and the driver's of a bad URL quote that
  const isQuoting =
    error instanceof SyntaxError || /connection string|url|:\/\//i.test(error.message)
  return isQuoting ? error.name : `${error.name}: ${error.message.slice(0, MAX_MESSAGE)}`
}

/** Postgres's messages and details repeat values; its codes and names do not. */
function databaseHead({
  name,
  code,
  constraint,
  table,
  column,
  routine,
  message,
}: NeonDbError): string {
  const facts = Object.entries({ code, constraint, table, column, routine })
    .filter(([, value]) => typeof value === 'string' && value !== '')
    .map(([key, value]) => `${key} ${value}`)
  const [status] = /HTTP status \d{3}/.exec(message) ?? []
  return [name, ...(status === undefined ? [] : [status]), ...facts].join(', ')
}

/** The lines of the stack alone, as its head is the message again. */
function placesOf({ stack }: Error): string {
  const lines = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return lines.length === 0 ? '' : `\n${lines.slice(0, 12).join('\n')}\n`
}
