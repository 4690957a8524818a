import type { FieldDef } from 'pg'

/** One statement as a driver sends it; parameters are in Postgres' text form. */
export type Statement = {
  query: string
  params: (string | null)[]
  arrayMode: boolean
}

export type Field = FieldDef

/** A statement's result: the values are the text that Postgres sent. */
export type Result = {
  fields: Field[]
  rows: (string | null)[][]
  command: string
  rowCount: number | null
}

/** What one HTTP request asks of a database. */
export type Work = {
  statements: Statement[]
  /** The statement that opens the transaction of a batch; a single statement has none. */
  begin: string | null
  maxResponseBytes: number
}

/**
 * Runs a request's statements in a session that keeps nothing for the next one. What has not begun when its client
 * goes away (`gone`) is not run any more: who waits in vain sends again, and a database that is behind would never
 * catch up.
 */
export type Run = (work: Work, gone?: AbortSignal) => Promise<Result[]>

/** The size of a row on the wire, which is what Neon's limit counts. */
export const rowBytes = (row: (string | null)[]): number =>
  row.reduce((sum, value) => sum + 4 + (value === null ? 0 : Buffer.byteLength(value)), 2)
