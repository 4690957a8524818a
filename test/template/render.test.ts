import { describe, expect, test } from 'vitest'
import {
  checkExpression,
  checkSyntax,
  evaluateExpression,
  isTruthyWhen,
  namesIn,
  namesInExpression,
  namesInValue,
  renderString,
  renderText,
  renderValue,
  TemplateError,
} from '../../src/template/index.ts'

function failureOf(work: () => unknown): TemplateError {
  try {
    work()
  } catch (error) {
    if (error instanceof TemplateError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('renderString', () => {
  const context = { n: 5, list: [1, { a: true }], none: null, s: 'text', zero: 0 }

  test('a single print keeps the type of its value', () => {
    expect(renderString('{{ n }}', context)).toBe(5)
    expect(renderString('  {{ n }}\n', context)).toBe(5)
    expect(renderString('{{- n -}}', context)).toBe(5)
    expect(renderString('{{ none }}', context)).toBeNull()
    expect(renderString('{{ n > 3 }}', context)).toBe(true)
    expect(renderString('{{ list }}', context)).toBe(context.list)
    expect(renderString("{{ {'a': list} }}", context)).toEqual({ a: [1, { a: true }] })
    expect(renderString("{{ '}}' }}", context)).toBe('}}')
  })

  test('anything more is text', () => {
    expect(renderString('{{ n }}!', context)).toBe('5!')
    expect(renderString('{{ n }}{{ n }}', context)).toBe('55')
    expect(renderString('{{ n }} {{ n }}', context)).toBe('5 5')
    expect(renderString('{# c #}{{ n }}', context)).toBe('5')
    expect(renderString('{% if n %}{{ n }}{% endif %}', context)).toBe('5')
    expect(renderString('{{ none }} {{ n > 3 }} {{ list }}', context)).toBe(
      "None True [1, {'a': True}]",
    )
  })

  test('a text without markers is the same text, trailing newline and all', () => {
    for (const source of ['', 'select 1;\n\n', '{ "a": 1 }', '}} %}', 'a { b']) {
      expect(renderString(source, context)).toBe(source)
    }
    expect(renderText('a\n\n', context)).toBe('a\n')
  })

  test('an undefined value is an error, also as the whole result', () => {
    expect(failureOf(() => renderString('{{ nope }}', context))).toMatchObject({
      kind: 'undefined',
      message: "'nope' is undefined",
      expression: '{{ nope }}',
    })
    expect(failureOf(() => renderString('{{ list[9] }}', context)).kind).toBe('undefined')
    expect(failureOf(() => renderString('a {{ nope }}', context)).kind).toBe('undefined')
    expect(failureOf(() => renderString('{{ [nope] }}', context)).kind).toBe('undefined')
  })

  test('what only templates know leaves as JSON', () => {
    expect(renderString('{{ (1, (2,)) }}', context)).toStrictEqual([1, [2]])
    expect(renderString('{{ {1: "a", true: "b", none: "c"} }}', context)).toStrictEqual({
      1: 'b',
      null: 'c',
    })
    expect(renderString('{{ namespace(a=(1,)) }}', context)).toStrictEqual({ a: [1] })
    expect(renderString("{{ [{'k': 1}]|groupby('k') }}", context)).toStrictEqual([[1, [{ k: 1 }]]])
    expect(Array.isArray(renderString("{{ {'a': 1}.items() }}", context))).toBe(true)
  })

  test('a cached template does not keep the context of another call', () => {
    expect([1, 2, 1].map((x) => renderString('{{ x }}', { x }))).toEqual([1, 2, 1])
    expect(failureOf(() => renderString('{{ x }}', {})).kind).toBe('undefined')
  })

  test('more templates than the cache holds still render', () => {
    const results = Array.from({ length: 1200 }, (_, i) => renderString(`{{ n + ${i} }}`, context))
    expect(results.at(-1)).toBe(1204)
    expect(renderString('{{ n + 0 }}', context)).toBe(5)
  })
})

describe('integers beyond 2^53', () => {
  const id = 9007199254740993n

  test('survive untouched', () => {
    expect(renderString('{{ id }}', { id })).toBe(id)
    expect(renderString('{{ [id] }}', { id })).toEqual([id])
    expect(renderString('id {{ id }}', { id })).toBe('id 9007199254740993')
    expect(renderString('{{ {"id": id}|tojson }}', { id })).toBe('{"id": 9007199254740993}')
    expect(renderString('{{ "9007199254740993"|int }}', {})).toBe(id)
    expect(renderString(`{{ '{"id": 9007199254740993}'|fromjson }}`, {})).toEqual({ id })
    expect(renderString('{{ "%d" % id }}', { id })).toBe('9007199254740993')
  })

  test('are exact, and are numbers again when they are small', () => {
    expect(renderString('{{ id + 1 }}', { id })).toBe(9007199254740994n)
    expect(renderString('{{ id - id + 5 }}', { id })).toBe(5)
    expect(renderString('{{ id // 2 }}', { id })).toBe(4503599627370496)
    expect(renderString('{{ 9007199254740991 + 2 }}', {})).toBe(id)
    expect(renderString('{{ 94906267 * 94906267 }}', {})).toBe(9007199515875289n)
    expect(renderString('{{ -id % 10 }}', { id })).toBe(7)
    expect(renderString('{{ 0 * -1 }}', {})).toBe(0)
  })

  test('compare by value', () => {
    const context = { id, five: 5n }
    const truths = [
      'five == 5',
      '5 in [five]',
      'id > 5',
      'id > 1.5',
      '{5: 1}[five] == 1',
      'five is odd',
    ]
    for (const source of truths) expect(evaluateExpression(source, context)).toBe(true)
    expect(evaluateExpression('five == "5" or id == id + 1', context)).toBe(false)
    expect(isTruthyWhen(0n)).toBe(false)
  })
})

describe('renderValue', () => {
  const context = { n: 5, list: [1], name: 'x' }

  test('renders every text of a value and leaves all else', () => {
    const at = new Date(0)
    const value = {
      '{{ n }}': '{{ n }}',
      nested: [{ a: '{{ list }}', b: 'is {{ n }}' }, 1, null, true, 'plain\n'],
      at,
      id: 9007199254740993n,
    }
    expect(renderValue(value, context)).toStrictEqual({
      '{{ n }}': 5,
      nested: [{ a: [1], b: 'is 5' }, 1, null, true, 'plain\n'],
      at,
      id: 9007199254740993n,
    })
    expect(value.nested[0]).toEqual({ a: '{{ list }}', b: 'is {{ n }}' })
    expect(renderValue('{{ n }}', context)).toBe(5)
  })

  test('what a template gives is not rendered again', () => {
    expect(renderValue({ a: '{{ t }}' }, { t: '{{ n }}', n: 1 })).toEqual({ a: '{{ n }}' })
  })

  test('an error names the leaf', () => {
    const error = failureOf(() => renderValue({ a: [{ 'b/c~d': '{{ nope }}' }] }, context))
    expect([error.kind, error.pointer]).toEqual(['undefined', '/a/0/b~1c~0d'])
    expect(failureOf(() => renderValue('{{ nope }}', context)).pointer).toBe('')
    expect(failureOf(() => renderValue(['{{ n'], context))).toMatchObject({
      kind: 'syntax',
      pointer: '/0',
    })
  })

  test('keep leaves only the text that needs an undefined value as it was', () => {
    const value = {
      a: '{{ nope }}',
      b: '{{ nope.x }} and {{ n }}',
      c: '{{ n }}',
      d: ['{{ list.zz }}'],
    }
    expect(renderValue(value, context, { onUndefined: 'keep' })).toEqual({
      a: '{{ nope }}',
      b: '{{ nope.x }} and {{ n }}',
      c: 5,
      d: ['{{ list.zz }}'],
    })
  })

  test('keep hides no other error', () => {
    const keep = (value: unknown) => () => renderValue(value, context, { onUndefined: 'keep' })
    expect(failureOf(keep(['{{ 1 + "a" }}'])).kind).toBe('type')
    expect(failureOf(keep(['{{ list.append(1) }}'])).kind).toBe('type')
    expect(failureOf(keep(['{{ n|nope }}'])).kind).toBe('syntax')
    expect(failureOf(keep(['{{ "a" * 10**9 }}'])).kind).toBe('limit')
  })
})

describe('names', () => {
  test('are those that come from the context, in order of first use', () => {
    expect(namesIn('{{ b.x }} {{ a[c] }} {{ b }}')).toEqual(['b', 'a', 'c'])
    expect(namesInExpression('fetch.status == ok and not (1 < n)')).toEqual(['fetch', 'ok', 'n'])
    expect(namesIn('{{ x|default(y)|join(sep=z) }}{{ a is eq(b) }}{{ {k: v}[i:j] }}')).toEqual([
      'x',
      'y',
      'z',
      'a',
      'b',
      'k',
      'v',
      'i',
      'j',
    ])
    expect(namesInExpression('f(*args, **kw)')).toEqual(['f', 'args', 'kw'])
    expect(namesIn('{{ p if q else r }}{{ -s }}{{ t ~ u }}{{ a.b.c.d }}')).toEqual([
      'p',
      'q',
      'r',
      's',
      't',
      'u',
      'a',
    ])
  })

  test('do not include what the template binds itself', () => {
    expect(
      namesIn(
        '{% for i, (j, k) in rows if i > low %}{{ i }}{{ loop.index }}{{ x }}{% else %}{{ i }}{% endfor %}',
      ),
    ).toEqual(['rows', 'low', 'x', 'i'])
    expect(namesIn('{% set a = b %}{{ a }}{% set c %}{{ d }}{% endset %}{{ c }}')).toEqual([
      'b',
      'd',
    ])
    expect(namesIn('{% with a = b, c = a %}{{ a }}{{ c }}{% endwith %}{{ c }}')).toEqual([
      'b',
      'a',
      'c',
    ])
    expect(
      namesIn('{% macro m(a, b=e) %}{{ a }}{{ b }}{{ d }}{{ caller() }}{% endmacro %}{{ m(f) }}'),
    ).toEqual(['e', 'd', 'f'])
    expect(
      namesIn(
        '{% macro m() %}{{ caller(1) }}{% endmacro %}{% call(v) m(x) %}{{ v }}{{ y }}{% endcall %}',
      ),
    ).toEqual(['x', 'y'])
    expect(namesIn('{% set ns = namespace(a=b) %}{% set ns.a = c %}{{ ns.a }}')).toEqual(['b', 'c'])
    expect(namesIn('{% filter replace(a, b) %}{{ c }}{% endfilter %}')).toEqual(['a', 'b', 'c'])
    expect(namesIn('{% raw %}{{ a }}{% endraw %}{# {{ b }} #}{{ "c" }}')).toEqual([])
  })

  test('include a name that is set on some paths only, or only later', () => {
    expect(namesIn('{% if c %}{% set a = 1 %}{% endif %}{{ a }}')).toEqual(['c', 'a'])
    expect(namesIn('{% if c %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}')).toEqual(
      ['c'],
    )
    expect(namesIn('{{ a }}{% set a = 1 %}')).toEqual(['a'])
    expect(namesIn('{% for i in x %}{% set a = 1 %}{% endfor %}{{ a }}')).toEqual(['x', 'a'])
    expect(namesIn('{% set a = a %}')).toEqual(['a'])
  })

  test('include a global only where it may be a name of the data', () => {
    expect(namesIn('{{ range(n) }}')).toEqual(['n'])
    expect(namesIn('{{ range.start }}')).toEqual(['range'])
  })

  test('of a value are those of all its texts', () => {
    expect(
      namesInValue({ a: ['{{ x }}', { b: '{{ y }}{{ x }}' }], '{{ k }}': 'no {} template', n: 1 }),
    ).toEqual(['x', 'y'])
    expect(namesInValue('workload.x')).toEqual([])
    expect(failureOf(() => namesInValue({ a: ['{{ x '] }))).toMatchObject({
      kind: 'syntax',
      pointer: '/a/0',
    })
  })
})

describe('checkSyntax', () => {
  test('accepts what renders, whatever the names', () => {
    expect(checkSyntax('{% if a.b %}{{ c|default(1)|tojson }}{% endif %}')).toBeUndefined()
    expect(checkSyntax('no template { } %}')).toBeUndefined()
    expect(checkExpression('a == 1')).toBeUndefined()
  })

  test.each([
    ['{{ x|date }}', "No filter named 'date'."],
    ['{{ 1 if c else x|date }}', "No filter named 'date'."],
    ['{{ x is sunny }}', "No test named 'sunny'."],
    ['{% do x %}', "Encountered unknown tag 'do'."],
    ['{{ x', "unexpected end of template, expected 'end of print statement'."],
    ['{% if x %}', 'Unexpected end of template.'],
    ['{% block x %}{% endblock %}', "The tag 'block' is not supported."],
  ])('refuses %s', (source, message) => {
    const error = failureOf(() => checkSyntax(source))
    expect(error.kind).toBe('syntax')
    expect(error.message).toContain(message)
  })

  test('refuses a bare expression that is none', () => {
    expect(failureOf(() => checkExpression('a == ')).kind).toBe('syntax')
    expect(failureOf(() => checkExpression('a }} b')).message).toBe('chunk after expression')
  })
})

describe("a condition's result", () => {
  test.each([
    [true, true],
    [false, false],
    ['true', true],
    [' YES ', true],
    ['1', true],
    ['on', false],
    ['false', false],
    ['anything', false],
    ['', false],
    [1, true],
    [0, false],
    [[], false],
    [[0], true],
    [{}, false],
    [{ a: 1 }, true],
    [null, false],
    [undefined, false],
  ])('%j counts as %s', (result, expected) => {
    expect(isTruthyWhen(result)).toBe(expected)
  })
})
