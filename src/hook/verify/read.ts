// What verifiers read of a delivery, or refuse.

import { isObject, type JsonObject } from '../../json.ts'
import type { Reason } from './types.ts'

export class Refusal extends Error {
  readonly reason: Reason

  constructor(reason: Reason) {
    super(reason)
    this.reason = reason
  }
}

export function refuse(reason: Reason): never {
  throw new Refusal(reason)
}

/** A header or a field that has to be there and say something. */
export function required(value: string | null, reason: Reason): string {
  return value || refuse(reason)
}

// Without spaces: a header that was sent twice reads 'a, b'.
const ID = /^[!-~]{1,256}$/

/** The first of these headers that was sent; null when none was. */
export function idFrom(headers: Headers, ...names: string[]): string | null {
  const name = names.find((each) => headers.has(each))
  return name === undefined ? null : idOf(headers.get(name))
}

export function idOf(value: unknown): string {
  return typeof value === 'string' && ID.test(value) ? value : refuse('the id is malformed')
}

/** A name of an event that can be logged and compared; null for what is none. */
export function typeOf(value: unknown): string | null {
  return typeof value === 'string' && /^[ -~]{1,256}$/.test(value) ? value : null
}

/** The digits of a time near `now`, as they were signed. */
export function timestamp(sent: string | null, toleranceSeconds: number, now: number): string {
  const digits = required(sent, 'the timestamp is missing')
  if (!/^\d{1,12}$/.test(digits)) refuse('the timestamp is malformed')
  const age = Math.floor(now / 1000) - Number(digits)
  // a tolerance that is no number lets nothing pass
  if (!(Math.abs(age) <= toleranceSeconds)) refuse('the timestamp is too far from now')
  return digits
}

export function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return refuse('the body is not UTF-8')
  }
}

/** The JSON object that the text is; refuses any other text. */
export function objectOf(text: string): JsonObject {
  return objectOrNull(text) ?? refuse('the body is not JSON')
}

export function objectOrNull(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
