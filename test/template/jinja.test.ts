import { describe, expect, test } from 'vitest'
import { evaluateExpression, renderText, TemplateError } from '../../src/template/index.ts'
import jinja from './jinja-cases.json'
import python from './python-cases.json'

interface Case {
  readonly kind: string
  readonly source: string
  readonly value?: unknown
  readonly error?: string | undefined
}

function run(item: Case, context: Record<string, unknown>): unknown {
  return item.kind === 'expression'
    ? evaluateExpression(item.source, context)
    : renderText(item.source, context)
}

function failureOf(work: () => unknown): TemplateError {
  try {
    work()
  } catch (error) {
    if (error instanceof TemplateError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const KINDS: Readonly<Record<string, string>> = {
  UndefinedError: 'undefined',
  TemplateSyntaxError: 'syntax',
  TemplateAssertionError: 'syntax',
  'OverflowError (sandbox MAX_RANGE)': 'limit',
}

function check(item: Case, context: Record<string, unknown>): void {
  if (item.error === undefined) {
    expect(run(item, context)).toStrictEqual(item.value)
  } else if (item.error === 'UNDEFINED') {
    expect(run(item, context)).toBeUndefined()
  } else {
    const [exception = '', ...text] = item.error.split(': ')
    const error = failureOf(() => run(item, context))
    expect(error.kind).toBe(KINDS[exception] ?? 'type')
    expect(error.message).toContain(text.join(': '))
  }
}

describe('every result is the one of Python Jinja2', () => {
  const cases: readonly Case[] = jinja.cases
  test.each(cases)('$kind $source', (item) => check(item, jinja.context))
})

describe('the rules of Python hold in filters, methods, operators and tags', () => {
  const cases: readonly Case[] = python.cases
  test.each(cases)('$kind $source', (item) => check(item, python.context))
})

describe('where we differ from Jinja2 on purpose', () => {
  test('a key of the data comes before a method', () => {
    expect(evaluateExpression('w.items', { w: { items: [1] } })).toEqual([1])
    expect(evaluateExpression('w.items()', { w: { a: 1 } })).toEqual([['a', 1]])
  })

  test('a method that is not called is an error, not an address', () => {
    expect(failureOf(() => evaluateExpression('w.keys', { w: {} })).kind).toBe('type')
    expect(failureOf(() => renderText('{{ w.keys }}', { w: {} })).message).toContain('call it')
  })

  test('iterators and views of Python are lists', () => {
    expect(renderText('{{ [1]|map("string") }}{{ {"a": 1}.keys() }}', {})).toBe("['1']['a']")
    expect(evaluateExpression('[1, 2]|select("odd")|length', {})).toBe(1)
  })

  test('tojson does not escape for HTML', () => {
    expect(evaluateExpression('x|tojson', { x: `<a&'>` })).toBe(`"<a&'>"`)
  })

  test('division by zero is one message for all operators', () => {
    for (const source of ['1 / 0', '1 // 0', '1 % 0', '1.5 // 0', '9007199254740993 % 0']) {
      const error = failureOf(() => evaluateExpression(source, {}))
      expect([error.kind, error.message]).toEqual(['type', 'division by zero'])
    }
  })

  test("NoETL's own filters", () => {
    expect(evaluateExpression('"häß"|b64encode', {})).toBe('aMOkw58=')
    expect(evaluateExpression('"aMOkw58="|b64decode', {})).toBe('häß')
    expect(failureOf(() => evaluateExpression('"/w=="|b64decode', {})).kind).toBe('type')
    expect(evaluateExpression(`'{"a": [1]}'|fromjson`, {})).toEqual({ a: [1] })
    expect(failureOf(() => evaluateExpression('"{"|fromjson', {})).kind).toBe('type')
  })

  test('a date is ISO text', () => {
    const at = new Date('2025-10-17T10:00:00Z')
    expect(renderText('{{ at }} {{ at|tojson }} {{ [at] }}', { at })).toBe(
      '2025-10-17T10:00:00.000Z "2025-10-17T10:00:00.000Z" [2025-10-17T10:00:00.000Z]',
    )
    expect(evaluateExpression('at == other and at <= other', { at, other: new Date(at) })).toBe(
      true,
    )
  })
})

describe('an error says where it arose', () => {
  test('in a template: the tag, its line and its column', () => {
    const error = failureOf(() => renderText('a\n  {{ x }} {{ nope.b }}', { x: 1 }))
    expect(error).toMatchObject({
      message: "'nope' is undefined",
      expression: '{{ nope.b }}',
      line: 2,
      column: 11,
    })
  })

  test('in a macro: the tag inside of it; after it, the tag that called', () => {
    const macro = '{% macro m() %}{{ nope }}{% endmacro %}'
    expect(failureOf(() => renderText(`${macro}{{ m() }}`, {})).expression).toBe('{{ nope }}')
    const fine = '{% macro m() %}{{ 1 }}{% endmacro %}'
    const error = failureOf(() => renderText(`${fine}{{ m() + 1 }}`, {}))
    expect(error.expression).toBe('{{ m() + 1 }}')
  })

  test('a syntax error is placed at its token and shows its tag', () => {
    const error = failureOf(() => renderText('{{ a }}\n{{ b c }}', {}))
    expect(error).toMatchObject({ kind: 'syntax', line: 2, column: 6, expression: '{{ b c }}' })
  })

  test('the source shown is cut', () => {
    const source = `nope.${'b'.repeat(500)}`
    expect(failureOf(() => evaluateExpression(source, {})).expression).toBe(source.slice(0, 200))
  })
})
