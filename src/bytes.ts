/**
 * All bytes of a stream.
 * @param refuse throws; called as soon as there are more than `limit`
 */
export async function readBytes(
  stream: AsyncIterable<Uint8Array>,
  limit: number,
  refuse: () => never,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.byteLength
    if (size > limit) refuse()
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
