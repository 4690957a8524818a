import { ToolError } from './tool.ts'

/**
 * All bytes of a stream.
 * @throws ToolError `refusal` as soon as there are more than `limit`.
 */
export async function bytesWithin(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  refusal: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.byteLength
    if (size > limit) throw new ToolError(refusal)
    chunks.push(chunk)
  }
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.byteLength
  }
  return all
}
