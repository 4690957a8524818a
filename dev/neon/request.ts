// What a driver may ask for, read as strictly or as loosely as Neon's proxy reads it.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Statement } from './backend.ts'
import { parseConnectionString, type Target } from './connection.ts'
import { NeonError } from './error.ts'

const ISOLATION: Record<string, string> = {
  ReadUncommitted: 'read uncommitted',
  ReadCommitted: 'read committed',
  RepeatableRead: 'repeatable read',
  Serializable: 'serializable',
}

/** What the headers say: the target, and how a batch's transaction begins. */
export type Head = {
  target: Target
  arrayMode: boolean
  begin: string
  echo: Record<string, string>
}

/** Reads the headers of POST /sql. */
export function readHead(headers: IncomingHttpHeaders): Head {
  const connectionString = headers['neon-connection-string']
  if (typeof connectionString !== 'string') {
    throw new NeonError(400, 'invalid header: neon-connection-string')
  }
  const target = parseConnectionString(connectionString)
  if (headers['neon-raw-text-output'] !== 'true') {
    throw new NeonError(400, 'only neon-raw-text-output: true is served by the local endpoint')
  }
  const { begin, echo } = readTransaction(headers)
  return { target, arrayMode: headers['neon-array-mode'] === 'true', begin, echo }
}

function readTransaction(headers: IncomingHttpHeaders): Pick<Head, 'begin' | 'echo'> {
  const modes: string[] = []
  const echo: Record<string, string> = {}
  const level = headers['neon-batch-isolation-level']
  if (level !== undefined) {
    const isolation = typeof level === 'string' ? ISOLATION[level] : undefined
    if (isolation === undefined) throw new NeonError(400, 'invalid isolation level')
    modes.push(`isolation level ${isolation}`)
    echo['neon-batch-isolation-level'] = String(level)
  }
  if (headers['neon-batch-read-only'] === 'true') {
    modes.push('read only')
    echo['neon-batch-read-only'] = 'true'
  }
  if (headers['neon-batch-deferrable'] === 'true') {
    modes.push('deferrable')
    echo['neon-batch-deferrable'] = 'true'
  }
  return { begin: `start transaction ${modes.join(', ')}`.trim(), echo }
}

/** Reads a body to its end, so that the client can read the refusal of one that is too large. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
  }
  if (bytes > maxBytes) {
    throw new NeonError(413, `request is too large (max is ${maxBytes} bytes)`)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw unreadable('it is not JSON')
  }
}

/** One statement, or a batch that runs in a transaction. */
export type Payload = { statements: Statement[]; batch: boolean }

/** Reads the body of POST /sql. */
export function readPayload(body: unknown, arrayMode: boolean): Payload {
  if (typeof body !== 'object' || body === null) throw unreadable('it is not an object')
  if (!('queries' in body)) return { statements: [readStatement(body, arrayMode)], batch: false }
  if (!Array.isArray(body.queries)) throw unreadable('queries is not an array')
  return { statements: body.queries.map((item) => readStatement(item, arrayMode)), batch: true }
}

function readStatement(item: unknown, arrayMode: boolean): Statement {
  if (typeof item !== 'object' || item === null) throw unreadable('a query is not an object')
  const { query, params = [], arrayMode: own }: Record<string, unknown> = { ...item }
  if (typeof query !== 'string') throw unreadable('query is not a text')
  if (!Array.isArray(params)) throw unreadable('params is not an array')
  if (own !== undefined && own !== null && typeof own !== 'boolean') {
    throw unreadable('arrayMode is not a boolean')
  }
  return { query, params: params.map(toText), arrayMode: own ?? arrayMode }
}

const unreadable = (why: string) =>
  new NeonError(400, `could not parse the HTTP request body: ${why}`)

/** A JSON value as the text of a Postgres parameter; an array becomes a Postgres array. */
function toText(value: unknown): string | null {
  if (value === null) return null
  if (typeof value === 'string') return value
  return Array.isArray(value) ? toArray(value) : JSON.stringify(value)
}

function toArray(values: unknown[]): string {
  const items = values.map((value) => {
    if (value === null) return 'NULL'
    if (Array.isArray(value)) return toArray(value)
    const text = JSON.stringify(value)
    return typeof value === 'object' ? JSON.stringify(text) : text
  })
  return `{${items.join(',')}}`
}
