// What the parts of a YAML text are, for the eye: it colours and parses nothing. Each line is told by itself, but for
// block scalars, whose lines are text.

type TokenKind = 'plain' | 'comment' | 'key' | 'text' | 'number' | 'word' | 'mark' | 'template'

export interface Token {
  kind: TokenKind
  text: string
}

/** The tokens of each line. */
export function highlight(source: string): Token[][] {
  let block: number | null = null
  return source.split('\n').map((line) => {
    const indent = line.length - line.trimStart().length
    if (block !== null) {
      if (line.trim() === '' || indent > block) return templated('text', line)
      block = null
    }
    const tokens = tokensOf(line)
    if (/(?:^|[\s:-])[|>][+-]?\d*[+-]?\s*(?:#.*)?$/.test(line) && !/^\s*#/.test(line)) {
      // what belongs to a key of a list's item is deeper than the key, or than the dash
      block = indent
    }
    return tokens
  })
}

const QUOTED = /^(?:"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^']|'')*(?:'|$))/
const KEY =
  /^(?!- )(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#:{}[\],&*!|>'"%@`][^#:{}[\],]*?)(?=\s*:(?:\s|$))/
const NUMBER = /^[-+]?(?:\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|0x[\da-fA-F]+)(?=\s*(?:$|[,\]}#]))/
const WORD = /^(?:true|false|null|yes|no|on|off|True|False|None|~)(?=\s*(?:$|[,\]}#]))/
const PLAIN = /^(?:\{\{.*?\}\}|[^\s,[\]{}#]|#(?<=\S#))+/

function tokensOf(line: string): Token[] {
  const tokens: Token[] = []
  let rest = line
  const take = (kind: TokenKind, length: number) => {
    tokens.push(
      ...(kind === 'plain' || kind === 'text'
        ? templated(kind, rest.slice(0, length))
        : [{ kind, text: rest.slice(0, length) }]),
    )
    rest = rest.slice(length)
  }
  while (rest !== '') {
    const blank = /^\s+/.exec(rest)?.[0].length
    const last = tokens.at(-1)
    const isApart = last === undefined || /\s$/.test(last.text) || last.kind === 'mark'
    if (blank) take('plain', blank)
    else if (rest.startsWith('#') && isApart) take('comment', rest.length)
    else if (rest.startsWith('{{'))
      take('plain', (/^\{\{.*?(?:\}\}|$)/.exec(rest)?.[0] ?? rest).length)
    else if (isApart && KEY.test(rest)) take('key', KEY.exec(rest)?.[0].length ?? 1)
    else if (QUOTED.test(rest) && isApart) take('text', QUOTED.exec(rest)?.[0].length ?? 1)
    else if (/^(?:[{}[\],:]|-(?=\s|$)|[|>][+-]?\d*)/.test(rest)) {
      take('mark', /^(?:[|>][+-]?\d*|.)/.exec(rest)?.[0].length ?? 1)
    } else if (isApart && NUMBER.test(rest)) take('number', NUMBER.exec(rest)?.[0].length ?? 1)
    else if (isApart && WORD.test(rest)) take('word', WORD.exec(rest)?.[0].length ?? 1)
    else if (/^[&*!]\S+/.test(rest) && isApart) take('word', /^\S+/.exec(rest)?.[0].length ?? 1)
    else take('plain', PLAIN.exec(rest)?.[0].length ?? 1)
  }
  return tokens
}

/** A text with its templates apart. */
function templated(kind: TokenKind, text: string): Token[] {
  return text
    .split(/(\{\{.*?\}\}|\{%.*?%\})/)
    .map((part, n): Token => ({ kind: n % 2 === 1 ? 'template' : kind, text: part }))
    .filter(({ text: part }) => part !== '')
}
