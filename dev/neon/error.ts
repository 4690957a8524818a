/** What Postgres says about a failed statement, under the names that Neon's HTTP protocol uses. */
export type ErrorFields = {
  code?: string | undefined
  severity?: string | undefined
  detail?: string | undefined
  hint?: string | undefined
  position?: string | undefined
  internalPosition?: string | undefined
  internalQuery?: string | undefined
  where?: string | undefined
  table?: string | undefined
  column?: string | undefined
  schema?: string | undefined
  dataType?: string | undefined
  constraint?: string | undefined
  file?: string | undefined
  line?: string | undefined
  routine?: string | undefined
}

/** A refusal with its HTTP status. A code is there only if Postgres itself gave one. */
export class NeonError extends Error {
  readonly status: number
  readonly fields: ErrorFields

  constructor(status: number, message: string, fields: ErrorFields = {}) {
    super(message)
    this.status = status
    this.fields = fields
  }

  /** The reply body, with every key and with Neon's defaults: '' for code and severity, else null. */
  toJSON() {
    const { fields } = this
    return {
      message: this.message,
      code: fields.code ?? '',
      detail: fields.detail ?? null,
      hint: fields.hint ?? null,
      position: fields.position ?? null,
      internalPosition: fields.internalPosition ?? null,
      internalQuery: fields.internalQuery ?? null,
      severity: fields.severity ?? '',
      where: fields.where ?? null,
      table: fields.table ?? null,
      column: fields.column ?? null,
      schema: fields.schema ?? null,
      dataType: fields.dataType ?? null,
      constraint: fields.constraint ?? null,
      file: fields.file ?? null,
      line: fields.line ?? null,
      routine: fields.routine ?? null,
    }
  }
}

/** The status and text that Neon's proxy answers when it cannot reach the database. */
export const connectError = (fields: ErrorFields = {}, message = CONNECT_MESSAGE): NeonError =>
  new NeonError(500, message, fields)

const CONNECT_MESSAGE = "Couldn't connect to compute node"

/** An empty code: whether the statement was executed is not known. */
export const lostConnection = (): NeonError => new NeonError(400, 'connection closed')

/** Neon's answer to a result that is over the limit: 507, and the transaction is rolled back. */
export const responseTooLarge = (maxBytes: number): NeonError =>
  new NeonError(507, `response is too large (max is ${maxBytes} bytes)`)
