// Reading a reply: as JSON, as text in its own charset, or as base64.

import type { Json } from '../../json.ts'
import { parseStorableJson } from '../../json.ts'

/** Types whose bytes are text; any other is kept as base64. */
const TEXT = /^text\/|\b((nd)?jsonl?|xml|yaml|javascript|x-www-form-urlencoded|graphql|sql|toml)\b/

/** The bytes of a reply, the first `limit` of them where there are more. */
export async function readBytes(
  response: Response,
  limit: number,
): Promise<{ bytes: Uint8Array; isCut: boolean }> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    size += chunk.byteLength
    // leaving the loop hangs up
    if (size > limit) break
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return { bytes: bytes.subarray(0, limit), isCut: size > limit }
}

/** The text of a reply; null when its type, or what it holds, is none. */
export function textOf(response: Response, bytes: Uint8Array): string | null {
  const type = response.headers.get('content-type')?.toLowerCase() ?? ''
  if (type === '') return decoded(bytes, 'utf-8', true)
  if (!TEXT.test(type.split(';')[0]?.trim() ?? '')) return null
  const [, label = 'utf-8'] = /charset\s*=\s*"?([^\s;"]+)/.exec(type) ?? []
  return decoded(bytes, label, false) ?? decoded(bytes, 'utf-8', false)
}

/** What JSON says, where a reply is JSON; else its text. */
export function dataOf(response: Response, text: string): Json {
  if (!/\bjson\b/i.test(response.headers.get('content-type') ?? '')) return text
  try {
    return parseStorableJson(text)
  } catch {
    return text
  }
}

/** Null when the label means nothing, or the bytes are not what it says and `fatal` asks for that. */
function decoded(bytes: Uint8Array, label: string, fatal: boolean): string | null {
  try {
    return new TextDecoder(label, { fatal, ignoreBOM: false }).decode(bytes)
  } catch {
    return null
  }
}
