import { readBytes } from '../../bytes.ts'
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
  return readBytes(stream, limit, () => {
    throw new ToolError(refusal)
  })
}
