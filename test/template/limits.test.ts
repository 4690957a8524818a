import { describe, expect, test } from 'vitest'
import {
  checkSyntax,
  evaluateExpression,
  namesInExpression,
  renderText,
  renderValue,
  TemplateError,
  templateFunction,
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

const kindOf = (work: () => unknown) => failureOf(work).kind
const evaluates =
  (source: string, context = {}) =>
  () =>
    evaluateExpression(source, context)
const renders =
  (source: string, context = {}) =>
  () =>
    renderText(source, context)

function nestedList(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

describe('nothing but the data can be reached', () => {
  const context = { o: { a: 1 }, l: [1], s: 'x', n: 1, f: () => 'called', at: new Date(0) }

  test.each([
    'o.constructor',
    'o.__proto__',
    'o.toString',
    'o.hasOwnProperty',
    'o["constructor"]',
    'o["__proto__"]',
    'l.constructor',
    'l.length',
    'l["length"]',
    'l.map',
    's.constructor',
    's.length',
    's.at',
    'n.toFixed',
    'f.call',
    'f.constructor',
    'at.getTime',
    'o|attr("constructor")',
    'constructor',
    '__proto__',
    'toString',
    'this',
    'globalThis',
  ])('%s is undefined', (source) => {
    expect(evaluateExpression(source, context)).toBeUndefined()
  })

  test('an inherited property is not data, nor is one that cannot be enumerated', () => {
    class Model {
      secret = 1
    }
    const inherits: unknown = Object.create({ secret: 1 })
    const hidden = Object.defineProperty({}, 'secret', { value: 1 })
    const values = { inherits, hidden, model: new Model() }
    for (const name of Object.keys(values)) {
      expect(evaluateExpression(`${name}.secret`, values)).toBeUndefined()
    }
  })

  test('an own key __proto__ stays data and changes no prototype', () => {
    const o: unknown = JSON.parse('{"__proto__": {"polluted": 1}}')
    expect(evaluateExpression('o.__proto__.polluted', { o })).toBe(1)
    const copy = evaluateExpression('dict(o.items())', { o })
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(Object.keys(copy as object)).toEqual(['__proto__'])
    expect(evaluateExpression('{"__proto__": {"x": 1}}.x', {})).toBeUndefined()
    expect(Object.getPrototypeOf(renderValue(o, {}))).toBe(Object.prototype)
  })

  test('a function of the context can be called only if it is marked', () => {
    expect(failureOf(evaluates('f()', context)).message).toBe("'function' object is not callable")
    expect(kindOf(evaluates('f', context))).toBe('type')
    expect(kindOf(evaluates('[f]', context))).toBe('type')
    const marked = templateFunction('marked', (...args) => args)
    expect(evaluateExpression('g(1, (2, 3), k=4)', { g: marked })).toEqual([1, [2, 3], { k: 4 }])
  })

  test('what a marked function throws is a TemplateError with its cause', () => {
    const cause = new Error('boom')
    const boom = templateFunction('boom', () => {
      throw cause
    })
    const error = failureOf(evaluates('boom()', { boom }))
    expect([error.kind, error.message, error.cause]).toEqual(['type', 'boom', cause])
  })

  test('the data is never changed', () => {
    const data = { l: [2, 1], d: { a: 1 } }
    const before = structuredClone(data)
    for (const source of ['l.append(1)', 'l.sort()', 'd.update(a=2)', 'd.pop("a")', 'l.clear()']) {
      expect(failureOf(evaluates(source, data)).message).toContain('is unsafe')
    }
    expect(renderText('{{ l|sort }}{{ l|reverse }}{% set l = l + [3] %}{{ l }}', data)).toBe(
      '[1, 2][1, 2][2, 1, 3]',
    )
    expect(data).toEqual(before)
  })
})

describe('work is bounded', () => {
  test.each([
    ['a loop', '{% for i in range(50000) %}{% for j in range(50000) %}{% endfor %}{% endfor %}'],
    ['a filter over many', '{{ (range(60000)|list + range(60000)|list)|sum }}'],
    [
      'doubled lists',
      '{% set n = namespace(v=[1]) %}{% for i in range(60) %}{% set n.v = n.v + n.v %}{% endfor %}',
    ],
    [
      'shared lists as text',
      '{% set n = namespace(v=[1]) %}{% for i in range(40) %}{% set n.v = [n.v, n.v] %}{% endfor %}{{ n.v }}',
    ],
    [
      'shared lists as JSON',
      '{% set n = namespace(v=[1]) %}{% for i in range(40) %}{% set n.v = [n.v, n.v] %}{% endfor %}{{ n.v|tojson }}',
    ],
    [
      'shared lists compared',
      '{% set n = namespace(v=[1]) %}{% for i in range(40) %}{% set n.v = [n.v, n.v] %}{% endfor %}{{ n.v == n.v + [] }}',
    ],
    ['searching a long text', '{% for i in range(90000) %}{{ "zz" in big }}{% endfor %}'],
    ['comparing long texts', '{% for i in range(90000) %}{{ big == other }}{% endfor %}'],
    ['a hostile search', '{{ big.count("x" * 400000 ~ "y") }}'],
    ['copying a long text', '{% for i in range(90000) %}{% set c = big|upper %}{% endfor %}'],
    [
      'branching macros',
      '{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}',
    ],
  ])('%s', (_, source) => {
    const big = 'x'.repeat(900_000)
    const other = `${'x'.repeat(899_999)}y`
    const started = performance.now()
    expect(kindOf(renders(source, { big, other }))).toBe('limit')
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('steps and output can be set lower', () => {
    expect(kindOf(() => evaluateExpression('1 + 1', {}, { steps: 2 }))).toBe('limit')
    expect(evaluateExpression('1 + 1', {}, { steps: 3 })).toBe(2)
    expect(kindOf(() => renderText('{{ "abc" }}', {}, { output: 2 }))).toBe('limit')
    expect(renderText('{{ "abc" }}', {}, { output: 3 })).toBe('abc')
    expect(kindOf(() => renderText('abc', {}, { source: 2 }))).toBe('limit')
  })

  test('the leaves of one value share the limits', () => {
    const value = { a: '{{ "x" * 60 }}', b: '{{ "x" * 60 }}' }
    const error = failureOf(() => renderValue(value, {}, { limits: { output: 100 } }))
    expect([error.kind, error.pointer]).toEqual(['limit', '/b'])
  })
})

describe('memory is refused before it is taken', () => {
  test.each([
    '"a" * 10**9',
    '10**9 * "a"',
    '[0] * 10**9',
    '(0,) * 10**12',
    'range(10**9)',
    'range(10**40)',
    '10**10000000',
    '2**(2**60)',
    '(2**14000) * (2**14000)',
    '"%1000000000d"|format(1)',
    '"%.1000000000f"|format(1.5)',
    '"%*d" % (10**9, 1)',
    '("%99999d" * 50) % ((1,) * 50)',
    '"a"|center(10**9)',
    '"a".ljust(10**12)',
    '"a".rjust(10**12)',
    '"a".zfill(10**12)',
    '"a\\nb"|indent(10**9)',
    '[1]|batch(10**9, 0)',
    '[1]|slice(10**9)',
    '("a" * 100000)|replace("a", "b" * 100)',
    '("a" * 100000)|replace("", "b" * 100)',
    '([""] * 40000)|join("b" * 100)',
    '("b" * 100).join([""] * 40000)',
    '("a" * 600000) + ("a" * 600000)',
    '("a" * 600000) ~ ("a" * 600000)',
    '[[[0] * 1000] * 1000] * 1000',
    '[rows] * 1000',
  ])('%s', (source) => {
    const rows = Array.from({ length: 1000 }, (_, id) => ({ id }))
    expect(kindOf(evaluates(source, { rows }))).toBe('limit')
  })

  test('a large value of the context may pass, once', () => {
    const rows = Array.from({ length: 200_000 }, (_, id) => ({ id, name: `row ${id}` }))
    expect(evaluateExpression('rows', { rows })).toBe(rows)
    expect(evaluateExpression('rows|default([])', { rows })).toBe(rows)
    expect(evaluateExpression('{"r": rows}', { rows })).toEqual({ r: rows })
  })
})

describe('nesting is bounded and never overflows the stack', () => {
  const deep = nestedList(100_000)
  const cyclic: Record<string, unknown> = {}
  cyclic.me = [cyclic]

  test.each([
    ['(', 100_000],
    ['[', 100_000],
    ['{1:', 60_000],
    ['not ', 60_000],
    ['-', 100_000],
    ['1 if 0 else ', 20_000],
    ['f(', 100_000],
    ['a[', 100_000],
    ['1|default(', 20_000],
  ])('%s many times over is refused by the parser', (piece, times) => {
    expect(kindOf(evaluates(piece.repeat(times)))).toBe('limit')
  })

  test.each([
    ['1', '+1'],
    ['a', '.b'],
    ['a', '()'],
    ['a', '[0]'],
    ['1', '|string'],
    ['1', ' if 1'],
  ])('%s followed by %s many times over is refused when it is evaluated', (head, tail) => {
    const source = head + tail.repeat(Math.floor(200_000 / tail.length))
    expect(['limit', 'undefined', 'type']).toContain(kindOf(evaluates(source)))
    expect(kindOf(() => namesInExpression(source))).toBe('limit')
  })

  test('long lists of operands are no nesting', () => {
    expect(evaluateExpression(Array(20_000).fill('1').join(' and '), {})).toBe(1)
    expect(evaluateExpression(Array(20_000).fill('1').join('~'), {})).toBe('1'.repeat(20_000))
    expect(evaluateExpression(Array(400).fill('1').join('+'), {})).toBe(400)
    expect(evaluateExpression('('.repeat(50) + 1 + ')'.repeat(50), {})).toBe(1)
  })

  test('blocks', () => {
    expect(kindOf(() => checkSyntax('{% if 1 %}'.repeat(20_000)))).toBe('limit')
    const nested = `${'{% for i in [1] %}'.repeat(50)}x${'{% endfor %}'.repeat(50)}`
    expect(renderText(nested, {})).toBe('x')
  })

  test('macros and recursive loops', () => {
    const endless = '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'
    expect(failureOf(renders(endless)).message).toBe('macros call each other too deeply')
    const loop = '{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}'
    expect(kindOf(renders(loop))).toBe('limit')
    const fifty =
      '{% macro m(n) %}{% if n %}{{ n }},{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(50) }}'
    expect(renderText(fifty, {}).split(',')).toHaveLength(51)
  })

  test.each([
    '{{ v }}',
    '{{ v|tojson }}',
    '{{ v == w }}',
    '{{ [v]|sort }}{{ v < w }}',
    '{{ v|pprint }}',
  ])('values in %s', (source) => {
    expect(kindOf(renders(source, { v: deep, w: nestedList(100_000) }))).toBe('limit')
  })

  test.each(['{{ c }}', '{{ c|tojson }}', '{{ c == d }}'])('cycles in %s', (source) => {
    expect(kindOf(renders(source, { c: cyclic, d: { ...cyclic } }))).toBe('limit')
  })

  test('native results and rendered values', () => {
    expect(kindOf(evaluates('[v]', { v: deep }))).toBe('limit')
    expect(kindOf(evaluates('[c]', { c: cyclic }))).toBe('limit')
    expect(kindOf(() => renderValue(deep, {}))).toBe('limit')
    expect(kindOf(() => renderValue(cyclic, {}))).toBe('limit')
  })
})

describe('a hostile source is read in linear time', () => {
  test.each([
    ['open comments', '{#'.repeat(100_000)],
    ['open raw blocks', '{% raw %}'.repeat(25_000)],
    ['open prints', '{{'.repeat(100_000)],
    ['open tags', '{%'.repeat(100_000)],
    ['quotes', `{{ ${"'".repeat(200_001)}`],
    ['escapes', `{{ "${'\\'.repeat(200_001)}`],
    ['digits', `{{ ${'9'.repeat(200_000)} }}`],
    ['digits in groups', `{{ 1${'_1'.repeat(100_000)} }}`],
    ['a name of spaces', `{% ${' '.repeat(200_000)} raw`],
  ])('%s', (_, source) => {
    const started = performance.now()
    expect(['syntax', 'limit']).toContain(kindOf(() => checkSyntax(source)))
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test.each([
    ['spaces stripped', '("x" ~ " " * 400000 ~ "x").strip()|length', 400_002],
    ['tags never closed', '("<" * 500000)|striptags|length', 500_000],
    ['entities never closed', '("&#1" * 200000)|striptags|length', 600_000],
    ['a long word wrapped', '("a" * 100000)|wordwrap(5)|length', 119_999],
    ['hyphens wrapped', '("-" * 100000)|wordwrap(5)|length', 119_999],
    ['a number of many groups', '("1_" * 200000 ~ "x")|float', 0],
  ])('%s', (_, source, result) => {
    const started = performance.now()
    expect(evaluateExpression(source, {})).toBe(result)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
