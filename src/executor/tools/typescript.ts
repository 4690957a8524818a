// Takes the types out of an author's code, in an isolate of its own: what does it is larger than it is used
// often, so it is a text beside the Worker's bundle, and not a part of it.
/// <reference path="../../text.d.ts" />

import STRIP_TYPES from '../../../dist/strip-types.txt'
import { COMMON, digestOf, workerOf } from './isolate.ts'

/** A place in the author's code that is wrong; lines and columns count from 1. The end is a line of its own. */
export interface Fault {
  message: string
  line: number
  column: number
}

/**
 * The code as JavaScript, in which everything stands where it stood, or why there is none: it is TypeScript
 * that is more than types, or it is neither of the two.
 */
export type Stripped = { code: string } | { fault: Fault; isTypeScript: boolean }

/** The name of what strips; another one may give something else. */
export const stripperId = (): Promise<string> => digestOf(JSON.stringify([STRIP_TYPES, COMMON]))

/** Sends the code to the isolate that strips. */
export async function stripTypes(loader: WorkerLoader, code: string): Promise<Stripped> {
  const modules = { 'strip-types.js': STRIP_TYPES }
  const stub = loader.get(`strip-types ${await stripperId()}`, () => workerOf(modules, null))
  const init = { method: 'POST', body: code }
  const response = await stub.getEntrypoint().fetch('http://strip-types/', init)
  return response.json()
}
