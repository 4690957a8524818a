// Postgres' wire protocol, version 3, as far as one statement in the extended query protocol needs it.
import { serialize } from 'pg-protocol'
import type { Field, Result } from './backend.ts'
import type { ErrorFields } from './error.ts'

/** What came back for one statement. `status` is I (idle), T (in a transaction), E (in a failed one). */
export type Answer = {
  result: Result
  error: (ErrorFields & { message: string }) | null
  status: string
  bytes: number
}

const DESCRIBE = serialize.describe({ type: 'P' })
const EXECUTE = serialize.execute({})
// A copy from stdin would wait for data for ever. Outside a copy the server ignores this message.
const NO_COPY = serialize.copyFail('copy from stdin is not possible over HTTP')
const SYNC = serialize.sync()

/** The messages that run one statement and ask for text results. */
export const statementMessages = (query: string, params: (string | null)[]): Buffer =>
  Buffer.concat([
    serialize.parse({ text: query }),
    serialize.bind({ values: params }),
    DESCRIBE,
    EXECUTE,
    NO_COPY,
    SYNC,
  ])

/** The message that runs a text without parameters in the simple query protocol. */
export const simpleMessage = (query: string): Buffer => serialize.query(query)

const ERROR_FIELDS: Record<string, keyof ErrorFields> = {
  V: 'severity',
  C: 'code',
  D: 'detail',
  H: 'hint',
  P: 'position',
  p: 'internalPosition',
  q: 'internalQuery',
  W: 'where',
  s: 'schema',
  t: 'table',
  c: 'column',
  d: 'dataType',
  n: 'constraint',
  F: 'file',
  L: 'line',
  R: 'routine',
}

/** Reads the server's messages up to the end of the answer to one statement. */
export function readAnswer(bytes: Uint8Array): Answer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const answer: Answer = {
    result: { fields: [], rows: [], command: '', rowCount: null },
    error: null,
    status: '',
    bytes: 0,
  }
  for (let start = 0; start < buffer.length; ) {
    const end = start + 1 + buffer.readInt32BE(start + 1)
    const body = buffer.subarray(start + 5, end)
    switch (String.fromCharCode(buffer.readUInt8(start))) {
      case 'T':
        answer.result.fields = readFields(body)
        break
      case 'D':
        answer.result.rows.push(readRow(body))
        answer.bytes += body.length
        break
      case 'C':
        Object.assign(answer.result, readTag(readText(body, 0).text))
        break
      case 'E':
        answer.error = readError(body)
        break
      case 'Z':
        answer.status = String.fromCharCode(body.readUInt8(0))
        break
    }
    start = end
  }
  return answer
}

function readFields(body: Buffer): Field[] {
  const fields: Field[] = []
  let at = 2
  for (let count = body.readInt16BE(0); count > 0; count--) {
    const { text, next } = readText(body, at)
    fields.push({
      name: text,
      tableID: body.readUInt32BE(next),
      columnID: body.readInt16BE(next + 4),
      dataTypeID: body.readUInt32BE(next + 6),
      dataTypeSize: body.readInt16BE(next + 10),
      dataTypeModifier: body.readInt32BE(next + 12),
      format: 'text',
    })
    at = next + 18
  }
  return fields
}

function readRow(body: Buffer): (string | null)[] {
  const row: (string | null)[] = []
  let at = 2
  for (let count = body.readInt16BE(0); count > 0; count--) {
    const length = body.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : body.toString('utf8', at, at + length))
    if (length > 0) at += length
  }
  return row
}

// "INSERT 0 3" has an oid before its count; "CREATE TABLE" has no count
function readTag(tag: string): Pick<Result, 'command' | 'rowCount'> {
  const [command = '', ...rest] = tag.split(' ')
  const count = command === 'INSERT' ? rest[1] : rest[0]
  return { command, rowCount: count !== undefined && /^\d+$/.test(count) ? Number(count) : null }
}

function readError(body: Buffer): ErrorFields & { message: string } {
  const error: ErrorFields & { message: string } = { message: '' }
  for (let at = 0; body.readUInt8(at) !== 0; ) {
    const type = String.fromCharCode(body.readUInt8(at))
    const { text, next } = readText(body, at + 1)
    const name = ERROR_FIELDS[type]
    if (name !== undefined) error[name] = text
    if (type === 'M') error.message = text
    at = next
  }
  return error
}

function readText(body: Buffer, at: number): { text: string; next: number } {
  const end = body.indexOf(0, at)
  return { text: body.toString('utf8', at, end), next: end + 1 }
}
