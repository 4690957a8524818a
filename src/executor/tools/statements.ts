// Splits SQL text into statements as Postgres's own lexer would see them.

/**
 * The statements of a text, without the semicolons between them. Quotes, dollar quotes, E-strings,
 * quoted identifiers, (nested) comments, parentheses and bodies of SQL routines (`begin atomic ..
 * end`) are respected; parts that hold no statement are dropped.
 */
export function splitStatements(text: string): string[] {
  const statements: string[] = []
  let start = 0
  let nesting = newNesting()
  const cut = (end: number) => {
    if (nesting.hasContent) statements.push(text.slice(start, end).trim())
    start = end + 1
    nesting = newNesting()
  }
  let at = 0
  while (at < text.length) {
    const comment = commentEnd(text, at)
    if (comment !== null) {
      at = comment
    } else if (text[at] === ';' && nesting.parentheses <= 0 && nesting.blocks === 0) {
      cut(at)
      at += 1
    } else {
      const end = tokenEnd(text, at)
      follow(nesting, text.slice(at, end))
      at = end
    }
  }
  cut(text.length)
  return statements
}

const BLANK = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/
const ENDING =
  /^(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+((work|transaction)\s+)?to\b))\b/i

/** Whether a statement begins or ends a transaction; to roll back to a savepoint does not. */
export function isTransactionControl(statement: string): boolean {
  return ENDING.test(statement.replace(BLANK, ''))
}

/** What a statement has open, as psql follows it. */
interface Nesting {
  hasContent: boolean
  parentheses: number
  /** `begin` and `case` without their `end`, in a routine. */
  blocks: number
  /** The first words, enough to know a routine by. */
  words: string
}

function newNesting(): Nesting {
  return { hasContent: false, parentheses: 0, blocks: 0, words: '' }
}

const ROUTINE = /^create (or replace )?(function|procedure) /

function follow(nesting: Nesting, token: string): void {
  if (token.trim() === '') return
  nesting.hasContent = true
  if (token === '(') nesting.parentheses += 1
  if (token === ')') nesting.parentheses -= 1
  if (!isWordStart(token)) return
  const word = token.toLowerCase()
  if (nesting.words.length < 40) nesting.words += `${word} `
  if (!ROUTINE.test(nesting.words) || nesting.parentheses > 0) return
  if (word === 'begin' || (word === 'case' && nesting.blocks > 0)) nesting.blocks += 1
  if (word === 'end' && nesting.blocks > 0) nesting.blocks -= 1
}

/** Where the comment that begins at `at` ends; null when none begins there. */
export function commentEnd(text: string, at: number): number | null {
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
export function tokenEnd(text: string, at: number): number {
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
  return /^[A-Za-z_\u0080-\uffff]/.test(char)
}

function isWordPart(char: string): boolean {
  return /[\w$\u0080-\uffff]/.test(char)
}
