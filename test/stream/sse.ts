// Reads server-sent events, as a page would with fetch. Also used in Node.

export interface Message {
  id: string | null
  event: string
  data: string
}

/** A stream being read. */
export interface Reading {
  messages: Message[]
  comments: number
  /** The last id, of messages and of comments. */
  last_id: string
  retry: string | null
}

/** Takes text as it comes; tells of each message. */
export function newParser(told: (message: Message, reading: Reading) => void = () => {}) {
  const reading: Reading = { messages: [], comments: 0, last_id: '', retry: null }
  let rest = ''
  function block(text: string): void {
    let [id, event, data]: [string | null, string, string | null] = [null, 'message', null]
    for (const line of text.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
      if (name === 'id') id = value
      else if (name === 'event') event = value
      else if (name === 'data') data = data === null ? value : `${data}\n${value}`
      else if (name === 'retry') reading.retry = value
      else if (name === '') reading.comments += 1
      else throw new Error(`no field of a message: ${line}`)
    }
    if (id !== null) reading.last_id = id
    if (data === null) return
    const message = { id, event, data }
    reading.messages.push(message)
    told(message, reading)
  }
  return {
    reading,
    take(text: string): void {
      const parts = (rest + text).split('\n\n')
      rest = parts.pop() ?? ''
      for (const part of parts) block(part)
    },
    /** What has come and is no whole message. */
    rest: () => rest,
  }
}

/** Reads until `enough` says so, or the stream ends; an error of the stream is thrown. */
export async function readUntil(
  body: ReadableStream<Uint8Array>,
  enough: (message: Message, reading: Reading) => boolean = () => false,
): Promise<Reading & { ended: boolean }> {
  let isEnough = false
  const parser = newParser((message, reading) => {
    isEnough ||= enough(message, reading)
  })
  const reader = body.getReader()
  const decoder = new TextDecoder()
  while (!isEnough) {
    const { done, value } = await reader.read()
    if (done) return { ...parser.reading, ended: true }
    parser.take(decoder.decode(value, { stream: true }))
  }
  await reader.cancel()
  return { ...parser.reading, ended: false }
}
