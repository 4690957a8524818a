// What messages are signed with: a secret that follows from ENCRYPTION_KEY for each origin, or those of a
// credential of type webhook. None of them is ever kept beside a message.

import { fromBase64 } from '../base64.ts'
import { getCredential } from '../credential/service.ts'
import type { Sql } from '../db.ts'
import { fail } from '../errors.ts'
import { keyOf } from '../hook/verify/standard.ts'
import type { Config } from '../settings.ts'

const SECRET_BITS = 256
/** While secrets are changed there are two. */
const MAX_SECRETS = 5

/** The secret of whoever answers at an origin. @throws AppError `misconfigured` without ENCRYPTION_KEY. */
export async function secretOfOrigin(
  { ENCRYPTION_KEY }: Config,
  origin: string,
): Promise<Uint8Array> {
  const from =
    ENCRYPTION_KEY ?? fail('misconfigured', 'ENCRYPTION_KEY is not set; messages need it')
  const root = await crypto.subtle.importKey('raw', fromBase64(from), 'HKDF', false, ['deriveBits'])
  const info = new TextEncoder().encode(`noetl-edge notifications ${origin}`)
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  return new Uint8Array(await crypto.subtle.deriveBits(derivation, root, SECRET_BITS))
}

/** The secrets of a credential: all of them sign. @throws AppError that never holds them. */
export async function secretsOfCredential(
  sql: Sql,
  config: Config,
  name: string,
): Promise<Uint8Array[]> {
  const { type, data } = await getCredential(sql, config, name, true, null)
  if (type !== 'webhook') fail('invalid_input', 'its credential is not of type webhook')
  const texts = [data?.secrets ?? data?.secret ?? []].flat()
  const secrets = texts.map((text) => (typeof text === 'string' ? keyOf(text, 'whsec_') : null))
  const valid = secrets.filter((secret) => secret !== null)
  if (valid.length === 0 || valid.length < texts.length || valid.length > MAX_SECRETS) {
    fail(
      'invalid_input',
      'its credential has no secrets of the form whsec_BASE64, of 24 to 64 bytes',
    )
  }
  return valid
}
