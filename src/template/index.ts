/**
 * Jinja2 for playbooks: the language of Jinja2 3.1 with StrictUndefined and without autoescape,
 * on plain JSON values. Safe for templates of strangers: a template sees own enumerable
 * properties only, calls nothing but what is listed here, and stops at its limits.
 *
 * Where it differs from Jinja2 on purpose:
 * - Numbers are JavaScript's, so a whole float is an int: `10 / 5` is 2 and prints as 2. An
 *   integer beyond 2^53 is a bigint, and exact; a number beyond it is a float.
 * - A key of the data comes before a method of the same name: `workload.items` is the list.
 * - Filters and methods that give an iterator or a view in Python give a list here.
 * - `tojson` does not escape for HTML, and `escape` and `safe` give ordinary text.
 * - Unknown filters and tests are refused at once, also in branches that are not taken.
 * - `{{ 'x' if false }}` alone is undefined; within text it prints nothing, as in Jinja2.
 * - A method or macro that is printed instead of called is an error.
 * - include, import, from, extends, block, autoescape and the filters random, urlize and xmlattr
 *   do not exist.
 */

import type { Expr } from './ast.ts'
import { newCache, parsed } from './cache.ts'
import { locate, type Span, TemplateError } from './error.ts'
import { evaluate } from './evaluate.ts'
import { freeNames, freeNamesOf } from './names.ts'
import { onlyReads, toNative } from './native.ts'
import { parseBareExpression, parseTemplate, type Template } from './parser.ts'
import { renderNodes } from './render.ts'
import { type Context, checkDepth, DEFAULT_LIMITS, type Limits, newRun, type Run } from './run.ts'
import { Callable, isDict, truthy, Undefined, used } from './values.ts'

export type { Context, Limits } from './run.ts'
export { TemplateError }

const templates = newCache(parseTemplate)
const expressions = newCache(parseBareExpression)

/** The value of a bare expression; undefined if it is undefined, as in Jinja's compile_expression. */
export function evaluateExpression(
  source: string,
  context: Context,
  limits?: Partial<Limits>,
): unknown {
  const run = newRun(context, limits)
  checkSource(source, run.limits)
  const expression = parsed(expressions, source)
  const whole = { start: 0, end: expression.source.length }
  return located(run, expression.source, whole, () => {
    const value = nativeValue(run, expression.expr)
    return value instanceof Undefined ? undefined : value
  })
}

/** Always text; an undefined name is an error. */
export function renderText(source: string, context: Context, limits?: Partial<Limits>): string {
  const run = newRun(context, limits)
  checkSource(source, run.limits)
  return textOf(run, parsed(templates, source))
}

/**
 * The native value if the source is exactly one `{{ }}`, else text. A source without any
 * template marker is returned as it is.
 */
export function renderString(source: string, context: Context, limits?: Partial<Limits>): unknown {
  return isTemplate(source) ? renderLeaf(newRun(context, limits), source) : source
}

export interface RenderOptions {
  /** What becomes of a text that needs an undefined value: an error, or the text as it was. */
  readonly onUndefined?: 'throw' | 'keep'
  /** Told of each text that cannot be rendered, which then stays as it was; absent: an error is thrown. */
  readonly onError?: (error: TemplateError) => void
  readonly limits?: Partial<Limits>
}

/**
 * Renders every text within a JSON value. Keys are left alone. The limits hold for the value as
 * a whole; an error carries the JSON pointer of the text that failed.
 * @param context what templates see; or, by a template's text and its JSON pointer, what it sees: null leaves it
 */
export function renderValue(
  value: unknown,
  context: Context | ((text: string, pointer: string) => Context | null),
  options: RenderOptions = {},
): unknown {
  const isChoice = typeof context === 'function'
  const run = newRun(isChoice ? {} : context, options.limits)
  const render = (text: string, pointer: string): unknown => {
    if (!isTemplate(text)) return text
    try {
      if (isChoice) {
        const chosen = context(text, pointer)
        if (chosen === null) return text
        run.context = chosen
      }
      return renderLeaf(run, text)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      if (error.kind === 'undefined' && options.onUndefined === 'keep') return text
      if (options.onError === undefined) throw error
      options.onError(error)
      return text
    }
  }
  return mapTexts(value, run.limits, render)
}

/** NoETL's rule for the result of a condition. */
export function isTruthyWhen(result: unknown): boolean {
  if (result === undefined || result instanceof Undefined) return false
  if (typeof result !== 'string') return truthy(result)
  return ['true', '1', 'yes'].includes(result.trim().toLowerCase())
}

/** Names that the template takes from its context, in order of first use. */
export function namesIn(source: string): string[] {
  if (!isTemplate(source)) return []
  checkSource(source, DEFAULT_LIMITS)
  return freeNames(parsed(templates, source).nodes)
}

/** The same for a bare expression. */
export function namesInExpression(source: string): string[] {
  checkSource(source, DEFAULT_LIMITS)
  return freeNamesOf(parsed(expressions, source).expr)
}

/** The same for all templates within a JSON value. */
export function namesInValue(value: unknown): string[] {
  const found = new Set<string>()
  mapTexts(value, DEFAULT_LIMITS, (text) => {
    for (const name of namesIn(text)) found.add(name)
    return text
  })
  return [...found]
}

/** The same, passing over texts that are no templates that could be rendered. */
export function namesIfAny(value: unknown): string[] {
  const found = new Set<string>()
  const unlessBroken = (work: () => void) => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
    }
  }
  unlessBroken(() => {
    mapTexts(value, DEFAULT_LIMITS, (text) => {
      unlessBroken(() => {
        for (const name of namesIn(text)) found.add(name)
      })
      return text
    })
  })
  return [...found]
}

/** Throws if the source is not a template that could be rendered: syntax, filters, tests, tags. */
export function checkSyntax(source: string): void {
  checkSource(source, DEFAULT_LIMITS)
  if (isTemplate(source)) parsed(templates, source)
}

/** The same for a bare expression. */
export function checkExpression(source: string): void {
  checkSource(source, DEFAULT_LIMITS)
  parsed(expressions, source)
}

/**
 * Marks a function of ours that templates may call when the context holds it; errors call it by its
 * name. It gets the positional arguments, then the named ones, if any, as one object.
 */
export function templateFunction(name: string, fn: (...args: unknown[]) => unknown): unknown {
  return new Callable(name, (run, { positional, named }) => {
    const args = positional.map((arg) => toNative(run, used(arg)))
    return named.size === 0 ? fn(...args) : fn(...args, toNative(run, Object.fromEntries(named)))
  })
}

function isTemplate(source: string): boolean {
  return source.includes('{{') || source.includes('{%') || source.includes('{#')
}

function checkSource(source: string, limits: Limits): void {
  if (source.length > limits.source) {
    throw new TemplateError('limit', `template is longer than ${limits.source} characters`)
  }
}

function renderLeaf(run: Run, source: string): unknown {
  checkSource(source, run.limits)
  const template = parsed(templates, source)
  const { only } = template
  if (!only) return textOf(run, template)
  return located(run, template.source, only.span, () => used(nativeValue(run, only.value)))
}

function textOf(run: Run, template: Template): string {
  const scope = { names: new Map<string, unknown>(), parent: null }
  return located(run, template.source, null, () => renderNodes(run, template.nodes, scope))
}

function nativeValue(run: Run, expr: Expr): unknown {
  const value = evaluate(run, expr, null)
  if (value instanceof Undefined) return value
  const mayPass = onlyReads(expr) && !(value instanceof Callable) && typeof value !== 'function'
  return mayPass ? value : toNative(run, value)
}

/** Runs one template on a run that may have served others, and says where an error arose. */
function located<T>(run: Run, source: string, span: Span | null, work: () => T): T {
  run.at = span
  run.depth = 0
  run.macroDepth = 0
  try {
    return work()
  } catch (cause) {
    if (cause instanceof TemplateError) throw locate(cause, source, run.at ?? { start: 0, end: 0 })
    const message = cause instanceof Error ? cause.message : String(cause)
    const kind = cause instanceof RangeError ? 'limit' : 'type'
    const error = new TemplateError(kind, message, { cause })
    throw locate(error, source, run.at ?? { start: 0, end: 0 })
  }
}

function mapTexts(
  value: unknown,
  limits: Limits,
  change: (text: string, pointer: string) => unknown,
  pointer = '',
  depth = 0,
): unknown {
  try {
    if (depth > limits.depth) checkDepth(newRun({}, limits), depth)
    if (typeof value === 'string') return change(value, pointer)
  } catch (error) {
    if (error instanceof TemplateError) error.pointer = pointer
    throw error
  }
  const inner = (item: unknown, key: string | number) =>
    mapTexts(item, limits, change, `${pointer}/${pointerPart(key)}`, depth + 1)
  if (Array.isArray(value)) return value.map(inner)
  if (!isDict(value) || value instanceof Map) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item, key)]))
}

function pointerPart(key: string | number): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1')
}
