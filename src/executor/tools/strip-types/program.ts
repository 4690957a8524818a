// The program of the isolate that takes the types out of an author's code: code in, plain JavaScript out, in
// which everything stands where it stood. dev/texts.ts makes one text of it, which the Worker carries.

import { HelperManager } from 'sucrase/dist/esm/HelperManager.js'
import identifyShadowedGlobals from 'sucrase/dist/esm/identifyShadowedGlobals.js'
import NameManager from 'sucrase/dist/esm/NameManager.js'
import { parse } from 'sucrase/dist/esm/parser/index.js'
import { TokenType } from 'sucrase/dist/esm/parser/tokenizer/types.js'
import TokenProcessor from 'sucrase/dist/esm/TokenProcessor.js'
import RootTransformer from 'sucrase/dist/esm/transformers/RootTransformer.js'
import getTSImportedNames from 'sucrase/dist/esm/util/getTSImportedNames.js'
import type { Stripped } from '../typescript.ts'

export default {
  async fetch(request: Request): Promise<Response> {
    const code = await request.text()
    return Response.json(strippedOrFault(code))
  },
}

/** TypeScript that taking types out does not make JavaScript, and where it begins. */
class Refused extends Error {
  readonly pos: number
  constructor(message: string, pos: number) {
    super(message)
    this.pos = pos
  }
}

function strippedOrFault(code: string): Stripped {
  try {
    return { code: strip(code) }
  } catch (error) {
    const isTypeScript = error instanceof Refused
    const { message, pos } = error as Error & { pos?: number }
    const atEnd = pos !== undefined && code.slice(pos).trim() === ''
    const before = (atEnd ? `${code}\n` : code.slice(0, pos ?? 0)).split('\n')
    const fault = {
      // the parser puts its place at the end
      message: `SyntaxError: ${message.replace(/ \(\d+:\d+\)$/, '')}`,
      line: before.length,
      column: (before.at(-1) ?? '').length + 1,
    }
    return { fault, isTypeScript }
  }
}

type Transformed = { code: string; mappings: (number | undefined)[] }
/** A token with its text, and where it, or what is left of it, stands in the transformed code. */
type Token = {
  text: string
  start: number
  end: number
  isType: boolean
  isDecorator: boolean
  at: number
}

function strip(code: string): string {
  const { tokens, scopes } = parse(code, false, true, false)
  const nameManager = new NameManager(code, tokens)
  const helperManager = new HelperManager(nameManager)
  const tokenProcessor = new TokenProcessor(code, tokens, false, true, helperManager)
  identifyShadowedGlobals(tokenProcessor, scopes, getTSImportedNames(tokenProcessor))
  const context = { tokenProcessor, scopes, nameManager, importProcessor: null, helperManager }
  const transformer = new RootTransformer(context, ['typescript'], false, {
    transforms: ['typescript'],
    disableESTransforms: true,
  })
  const transformed: Transformed = transformer.transform()
  const listed = tokens.map(({ start, end, isType, type }, index) => {
    const at = transformed.mappings[index] ?? transformed.code.length
    const isDecorator = type === TokenType.at
    return { text: code.slice(start, end), start, end, isType, isDecorator, at }
  })
  refuseWhatRuns(listed)
  return inPlace(code, transformed.code, listed)
}

/** TypeScript that is more than types, and that would be dropped without a word or fail as something else. */
function refuseWhatRuns(tokens: Token[]): void {
  let depth = 0
  for (const [index, { text, start, isType, isDecorator }] of tokens.entries()) {
    const [before, next, afterNext] = [tokens[index - 1], tokens[index + 1], tokens[index + 2]]
    // how deep within types: what is within a declared namespace is declared as well
    if (!isType) depth = 0
    else if (text === '{') depth++
    else if (text === '}') depth--
    else if (/^(namespace|module)$/.test(text) && depth === 0 && before?.text !== 'declare') {
      const isName = /^[\w$]/.test(next?.text ?? '') && /^[{.]$/.test(afterNext?.text ?? '')
      if (isName) throw new Refused('a namespace is more than types: use an object', start)
    }
    if (isDecorator) throw new Refused('decorators are not JavaScript', start)
    if (text === 'import' && afterNext?.text === '=' && /^[\w$]/.test(next?.text ?? '')) {
      throw new Refused("'import x =' is not for modules: use 'import x from'", start)
    }
    if (text === 'export' && next?.text === '=') {
      throw new Refused("'export =' is not for modules: use 'export default'", start)
    }
  }
}

/** The transformed code with blanks where types were, so that lines and columns are those of the author. */
function inPlace(code: string, transformed: string, tokens: Token[]): string {
  const parts: string[] = []
  let [done, column] = [0, 0]
  const put = (text: string) => {
    parts.push(text)
    column = columnAfter(column, text)
  }
  let [seen, sourceColumn] = [0, 0]
  let gone: Token[] = []
  let before: Token | undefined
  for (const token of tokens) {
    const { text, start, end, isType, at } = token
    if (isType || at < done || text === '' || !transformed.startsWith(text, at)) {
      gone.push(token)
      continue
    }
    const [first] = gone
    if (first) {
      checkSameLine(code, before, first, token)
      if (first.at >= done && isParted(before, gone, token)) {
        put(`${transformed.slice(done, first.at)};`)
        done = first.at
      }
    }
    put(transformed.slice(done, at))
    sourceColumn = columnAfter(sourceColumn, code.slice(seen, start))
    put(' '.repeat(Math.max(0, sourceColumn - column)))
    put(text)
    sourceColumn = columnAfter(sourceColumn, text)
    done = at + text.length
    seen = end
    gone = []
    before = token
  }
  return parts.join('') + transformed.slice(done)
}

function columnAfter(column: number, text: string): number {
  const newline = text.lastIndexOf('\n')
  return newline === -1 ? column + text.length : text.length - newline - 1
}

/**
 * Whether what is gone parted two statements, or members of a class, of which the second would now go on
 * with the first, as nothing else ends it.
 */
function isParted(before: Token | undefined, gone: Token[], { text: next }: Token): boolean {
  const first = gone[0]?.text ?? ''
  if (/^(as|satisfies)$/.test(first)) return /^[([`]/.test(next)
  if (/^[:?]$/.test(first === '!' ? (gone[1]?.text ?? '') : first)) return /^[[*(`]/.test(next)
  return (
    before?.text !== 'static' &&
    /^(type|interface|declare|export|import|function|abstract|public|protected|private|readonly|override)$/.test(
      first,
    ) &&
    /^[([`*/+-]/.test(next)
  )
}

/** A line break that was within types must not come to stand after a word that a line break ends. */
function checkSameLine(code: string, before: Token | undefined, first: Token, next: Token): void {
  if (!before || !/^(return|throw|yield)$/.test(before.text)) return
  if (code.slice(before.end, first.start).includes('\n')) return
  if (!code.slice(first.start, next.start).includes('\n')) return
  throw new Refused(`the types after ${before.text} must be on its line`, first.start)
}
