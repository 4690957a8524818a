// Base64 of bytes and of UTF-8 text.

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  // an argument for each byte: some thousand at once are safe
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  }
  return btoa(text)
}

/** In the alphabet of URLs, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}

/** The text that the base64 is of; null when it is not base64 of UTF-8. */
export function textFromBase64(text: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(fromBase64(text))
  } catch {
    return null
  }
}
