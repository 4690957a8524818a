import { describe, expect, test } from 'vitest'
import { compilePlaybook, decisionNeeds, isJoin, type Step } from '../../src/catalog/playbook.ts'
import { pathOf, readPlaybook } from '../../src/catalog/validate.ts'
import { bareExpression } from '../../src/catalog/work.ts'

/** Compiles YAML of steps. */
function compiled(yaml: string) {
  const { payload, faults } = readPlaybook(`name: p\nworkflow:\n${yaml}`, 'playbook')
  if (payload === null) throw new Error(JSON.stringify(faults))
  return compilePlaybook(payload)
}

function stepOf(yaml: string, name: string): Step {
  const step = compiled(yaml).steps.get(name)
  if (!step) throw new Error(`no step ${name}`)
  return step
}

function needsAfter(yaml: string, name: string): string[] {
  return decisionNeeds(compiled(yaml), stepOf(yaml, name))
}

describe('transitions', () => {
  test('are the same in all forms of next', () => {
    const to = (next: string) =>
      stepOf(`- {step: start, next: ${next}}\n- {step: a}`, 'start').next.map((one) => one.to)
    expect(to('a')).toEqual(['a'])
    expect(to('{step: a}')).toEqual(['a'])
    expect(to('[a]')).toEqual(['a'])
    expect(to('[{step: a}, {name: a}, a]')).toEqual(['a', 'a', 'a'])
    expect(to('~')).toEqual([])
    expect(to('[]')).toEqual([])
  })

  test('take their condition with or without braces, and booleans as literals', () => {
    const when = (condition: string) =>
      stepOf(`- {step: start, next: {step: start, when: ${condition}}}`, 'start').next[0]?.when
    expect(when('"{{ x > 1 }}"')).toBe('x > 1')
    expect(when('x > 1')).toBe('x > 1')
    expect(when('true')).toBe('true')
    expect(when('no')).toBe('false')
    expect(when('~')).toBe(null)
    expect(bareExpression(' {{x}} ')).toBe('x')
  })

  test('pass on input, payload, args, with and data, the later over the earlier', () => {
    const [transition] = stepOf(
      `- step: start
  next:
    - step: start
      data: {a: data}
      with: {a: with, b: with}
      args: {b: args, c: args}
      payload: {c: payload, d: payload}
      input: {d: input, e: input}`,
      'start',
    ).next
    expect(transition?.data).toEqual({ a: 'data', b: 'with', c: 'args', d: 'payload', e: 'input' })
  })

  test('have the condition under another name, too', () => {
    const [transition] = stepOf(
      '- {step: start, next: {step: start, condition: "{{ x }}"}}',
      'start',
    ).next
    expect(transition).toMatchObject({ to: 'start', when: 'x', otherwise: [] })
  })

  /** Each as `to: when; not otherwise`. */
  const ways = (next: string) =>
    stepOf(
      `- step: start\n  next: ${next}\n- {step: a}\n- {step: b}\n- {step: c}`,
      'start',
    ).next.map(({ to, when, otherwise }) => `${to}: ${when}; not ${otherwise.join(', ')}`)

  test('go on with then when the condition holds, and with else when it does not', () => {
    expect(ways('{when: x, then: a, else: b}')).toEqual(['a: x; not ', 'b: null; not x'])
    expect(ways('[{when: "{{ x }}", then: [a, {step: b}]}]')).toEqual(['a: x; not ', 'b: x; not '])
    expect(ways('[{condition: x, else: [a, b]}]')).toEqual(['a: null; not x', 'b: null; not x'])
    expect(ways('[{when: x, then: ~, else: a}]')).toEqual(['a: null; not x'])
    expect(ways('[{when: x, then: []}]')).toEqual([])
  })

  test('go on with an else of its own when no condition before it holds', () => {
    expect(
      ways('[c, {step: a, when: x}, {when: y, then: b, else: c}, {else: c}, {when: z, then: a}]'),
    ).toEqual([
      'c: null; not ',
      'a: x; not ',
      'b: y; not ',
      'c: null; not y',
      'c: null; not x, y',
      'a: z; not ',
    ])
  })

  test('pass on the data of each target', () => {
    const { next } = stepOf(
      '- {step: start, next: {when: x, then: {step: start, with: {a: 1}, data: {b: 2}}, else: {name: start, args: {c: 3}}}}',
      'start',
    )
    expect(next.map(({ data }) => data)).toEqual([{ a: 1, b: 2 }, { c: 3 }])
  })
})

describe('a step', () => {
  test('has the steps that lead to it as predecessors, each once', () => {
    const { steps } = compiled(`- {step: start, next: [a, b]}
- {step: a, next: [{step: c, when: x}, {step: c, when: y}]}
- {step: b, next: [c, b]}
- {step: c}`)
    const predecessors = Object.fromEntries(
      [...steps].map(([name, step]) => [name, [...step.predecessors]]),
    )
    expect(predecessors).toEqual({ start: [], a: ['start'], b: ['start', 'b'], c: ['a', 'b'] })
  })

  test('waits for others when several lead to it, or when it is the end', () => {
    const { order } = compiled(`- {step: start, next: [a, b]}
- {step: a, next: c}
- {step: b, next: c}
- {step: c, next: end}
- {step: end}`)
    expect(order.filter(isJoin).map(({ name }) => name)).toEqual(['c', 'end'])
  })

  test('runs a tool when its type is one, in any case of the letters', () => {
    const tool = (rest: string) => stepOf(`- {step: start${rest}}`, 'start').work?.tool ?? null
    expect(tool(', type: HTTP, url: u')).toBe('http')
    expect(tool(', type: " postgres ", sql: select 1')).toBe('postgres')
    expect(tool(', type: python, code: x')).toBe('python')
    expect(tool(', type: python')).toBe(null)
    expect(tool(', type: route')).toBe(null)
    expect(tool('')).toBe(null)
  })

  test('keeps in its action all that is not its place in the flow', () => {
    const step = stepOf(
      '- {step: start, desc: d, next: start, type: http, url: u, timeout: 3, x-anything: [1]}',
      'start',
    )
    expect(step.work?.action).toEqual({
      type: 'http',
      url: 'u',
      timeout: 3,
    })
  })

  test('has SQL in base64 as text in its action', () => {
    const action = (rest: string) =>
      stepOf(`- {step: start, type: postgres, ${rest}}`, 'start').work?.action
    expect(action(`command_b64: ${btoa("select '{{ x }}'")}`)).toMatchObject({
      command: "select '{{ x }}'",
    })
    expect(action(`commands_b64: ${btoa('select 1')}`)).toMatchObject({ commands: 'select 1' })
  })
})

describe('what is loaded for a step', () => {
  const FLOW = `- {step: start, next: a}
- step: a
  type: http
  url: "{{ workload.url }}/{{ start }}"
  next: [{step: router, when: "a.ok and not nostep"}]
- {step: router, next: [{step: b, when: "{{ a.n > c.n }}", data: {d: "{{ d.x }}"}}]}
- {step: b, type: http, url: "{{ a.url }}{% for c in [] %}{{ c }}{% endfor %}", next: join}
- {step: c, type: python, code: "{{ b }}", next: join}
- {step: d, type: http, url: u, next: join}
- {step: join, next: [{step: end, when: "b.done"}]}
- {step: end, result: {all: "{{ c }}"}}`

  const names = ({ work }: Step) => work?.names.filter((name) => name !== 'workload')

  test('is what its own templates mention of other steps', () => {
    expect(names(stepOf(FLOW, 'a'))).toEqual(['start'])
    expect(names(stepOf(FLOW, 'b'))).toEqual(['a'])
    expect(names(stepOf(FLOW, 'c'))).toEqual([])
  })

  test('is what its transitions mention, and those of the routers behind it', () => {
    expect(needsAfter(FLOW, 'a')).toEqual(['a', 'c', 'd'])
    expect(needsAfter(FLOW, 'b')).toEqual([])
  })

  test('is apart for what is evaluated when branches have joined', () => {
    expect(compiled(FLOW).joinNeeds).toEqual(['b', 'c'])
  })
})

test('routers in a circle compile', () => {
  expect(needsAfter('- {step: start, next: a}\n- {step: a, next: start}', 'a')).toEqual([])
})

test('a playbook may call its workflow steps, and need no workload', () => {
  const { payload } = readPlaybook('name: p\nsteps:\n- name: start', 'playbook')
  const { order, workload } = compilePlaybook(payload ?? {})
  expect(order.map(({ name }) => name)).toEqual(['start'])
  expect(workload).toEqual({})
})

test('a path is trimmed, and null where there is none', () => {
  expect(pathOf({ path: ' a/b ' })).toBe('a/b')
  expect(pathOf({ metadata: 'm', path: 5, name: ' ' })).toBe(null)
})
