// What receivers are told. Pure.

import { type Json, type JsonObject, toJson } from '../json.ts'

/** An execution that has ended, as its receivers are told of it. */
export interface Told {
  execution_id: string
  path: string
  version: number
  status: 'COMPLETED' | 'FAILED'
  started_at: string
  ended_at: string
  duration: number
  progress: number
  error: string | null
  /** Null when it is larger than what a message may carry: then `result_omitted`. */
  result: Json
  result_omitted: boolean
  parent_execution_id: string | null
  /** Of the request, likewise. */
  metadata: JsonObject | null
  metadata_omitted: boolean
}

/** The body of a message: the same at each attempt. */
export function bodyOf(type: string, { result_omitted, metadata_omitted, ...told }: Told): string {
  return toJson({
    type,
    timestamp: told.ended_at,
    data: {
      ...told,
      ...(result_omitted && { result_omitted }),
      ...(metadata_omitted && { metadata_omitted }),
    },
  })
}
