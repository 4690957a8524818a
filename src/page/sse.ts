// Server-sent events out of the pieces of a body (WHATWG HTML, 9.2.6).

export interface ServerEvent {
  type: string
  data: string
  id: string | null
}

/** Takes the pieces of a stream as they come; each gives the events that it completes. */
export function eventParser(): (piece: string) => ServerEvent[] {
  let rest = ''
  let type = ''
  let data: string[] = []
  let id: string | null = null
  let isFirst = true
  return (piece) => {
    let text = rest + piece
    if (isFirst && text !== '') {
      text = text.replace(/^\uFEFF/, '')
      isFirst = false
    }
    // a CR at the end may be the first half of a CRLF
    const isHalf = text.endsWith('\r')
    const lines = (isHalf ? text.slice(0, -1) : text).split(/\r\n|\n|\r/)
    rest = (lines.pop() ?? '') + (isHalf ? '\r' : '')
    const events: ServerEvent[] = []
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) events.push({ type: type || 'message', data: data.join('\n'), id })
        type = ''
        data = []
        continue
      }
      const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
      if (field === 'event') type = value
      else if (field === 'data') data.push(value)
      else if (field === 'id' && !value.includes('\0')) id = value
    }
    return events
  }
}
