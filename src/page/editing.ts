// What keys do to a text that is edited: it is said as one replacement, so that one undo takes it back.

export interface Edit {
  from: number
  to: number
  text: string
  /** What is selected afterwards. */
  start: number
  end: number
}

const INDENT = '  '

/** Tab: two spaces, or all selected lines further in; with Shift further out. */
export function indent(text: string, start: number, end: number, isOut: boolean): Edit {
  if (start === end && !isOut) {
    return { from: start, to: end, text: INDENT, start: start + 2, end: start + 2 }
  }
  const from = text.lastIndexOf('\n', start - 1) + 1
  // a selection that ends at the beginning of a line does not mean that line
  const last = end > start && text[end - 1] === '\n' ? end - 1 : end
  const next = text.indexOf('\n', last)
  const to = next < 0 ? text.length : next
  const lines = text.slice(from, to).split('\n')
  const changed = lines.map((line) =>
    isOut ? line.replace(/^ {1,2}/, '') : line === '' ? line : INDENT + line,
  )
  const grown = changed.map((line, n) => line.length - (lines[n] ?? '').length)
  const all = grown.reduce((sum, by) => sum + by, 0)
  return {
    from,
    to,
    text: changed.join('\n'),
    start: Math.max(from, start + (grown[0] ?? 0)),
    end: Math.max(from, end + all),
  }
}

/** Enter: the next line begins as far in as this one, and further behind a key that opens something. */
export function newLine(text: string, start: number, end: number): Edit {
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1, start)
  const [, blank = '', dash = ''] = /^( *)(- )?/.exec(line) ?? []
  const opens = /(?::|[|>][+-]?)\s*$/.test(line)
  const inner = blank + (dash === '' ? '' : INDENT) + (opens ? INDENT : '')
  const at = start + 1 + inner.length
  return { from: start, to: end, text: `\n${inner}`, start: at, end: at }
}

/** Where a line begins and ends; lines count from 1. */
export function lineRange(text: string, line: number): { start: number; end: number } {
  let start = 0
  for (let n = 1; n < line; n++) {
    const next = text.indexOf('\n', start)
    if (next < 0) break
    start = next + 1
  }
  const end = text.indexOf('\n', start)
  return { start, end: end < 0 ? text.length : end }
}
