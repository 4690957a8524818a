// Splits SQL text into statements as Postgres's own lexer would see them.

/**
 * The statements of a text, without the semicolons between them. Quotes, dollar quotes, E-strings,
 * quoted identifiers and (nested) comments are respected; parts that hold no statement are dropped.
 */
export function splitStatements(text: string): string[] {
  const statements: string[] = []
  let start = 0
  let hasContent = false
  let at = 0
  while (at < text.length) {
    const char = text[at]
    if (char === ';') {
      if (hasContent) statements.push(text.slice(start, at).trim())
      start = at + 1
      hasContent = false
      at += 1
      continue
    }
    const comment = commentEnd(text, at)
    if (comment !== null) {
      at = comment
      continue
    }
    if (char !== undefined && !/\s/.test(char)) hasContent = true
    at = tokenEnd(text, at)
  }
  if (hasContent) statements.push(text.slice(start).trim())
  return statements
}

function commentEnd(text: string, at: number): number | null {
  if (text.startsWith('--', at)) {
    const newline = text.indexOf('\n', at)
    return newline === -1 ? text.length : newline + 1
  }
  if (!text.startsWith('/*', at)) return null
  let depth = 1
  let end = at + 2
  while (end < text.length && depth > 0) {
    if (text.startsWith('/*', end)) {
      depth += 1
      end += 2
    } else if (text.startsWith('*/', end)) {
      depth -= 1
      end += 2
    } else {
      end += 1
    }
  }
  return end
}

/** Where the token that begins at `at` ends: a quoted thing as a whole, a word, or one character. */
function tokenEnd(text: string, at: number): number {
  const char = text[at]
  if (char === "'") return quotedEnd(text, at, "'", false)
  if (char === '"') return quotedEnd(text, at, '"', false)
  if (char === '$') {
    const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(text.slice(at, at + 130))
    if (!tag) return at + 1
    const close = text.indexOf(tag[0], at + tag[0].length)
    return close === -1 ? text.length : close + tag[0].length
  }
  if (char === undefined || !isWordStart(char)) return at + 1
  // a word whole, so that a dollar inside of a name opens no quote
  let end = at + 1
  while (end < text.length && isWordPart(text[end] ?? '')) end += 1
  if (text[end] === "'" && /^e$/i.test(text.slice(at, end))) return quotedEnd(text, end, "'", true)
  return end
}

function quotedEnd(text: string, at: number, quote: string, backslashes: boolean): number {
  let end = at + 1
  while (end < text.length) {
    if (backslashes && text[end] === '\\') end += 2
    else if (text[end] !== quote) end += 1
    else if (text[end + 1] === quote) end += 2
    else return end + 1
  }
  return text.length
}

function isWordStart(char: string): boolean {
  return /[A-Za-z_\u0080-\uffff]/.test(char)
}

function isWordPart(char: string): boolean {
  return /[\w$\u0080-\uffff]/.test(char)
}
