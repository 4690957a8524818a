import { describe, expect, test } from 'vitest'
import { compilePlaybook, decisionNeeds, isJoin, type Step } from '../../src/catalog/playbook.ts'
import { pathOf, readPlaybook } from '../../src/catalog/validate.ts'
import { bareExpression, inputOf } from '../../src/catalog/work.ts'
import type { JsonObject } from '../../src/json.ts'

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
      stepOf(`- {step: start, next: {step: a, when: ${condition}}}\n- {step: a}`, 'start').next[0]
        ?.when
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
    - step: a
      data: {a: data}
      with: {a: with, b: with}
      args: {b: args, c: args}
      payload: {c: payload, d: payload}
      input: {d: input, e: input}
- {step: a}`,
      'start',
    ).next
    expect(transition?.data).toEqual({ a: 'data', b: 'with', c: 'args', d: 'payload', e: 'input' })
  })

  test('have the condition under another name, too', () => {
    const [transition] = stepOf(
      '- {step: start, next: {step: a, condition: "{{ x }}"}}\n- {step: a}',
      'start',
    ).next
    expect(transition).toMatchObject({ to: 'a', when: 'x', otherwise: [] })
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
      '- {step: start, next: {when: x, then: {step: a, with: {a: 1}, data: {b: 2}}, else: {name: a, args: {c: 3}}}}\n- {step: a}',
      'start',
    )
    expect(next.map(({ data }) => data)).toEqual([{ a: 1, b: 2 }, { c: 3 }])
  })
})

describe('a step', () => {
  test('has the steps that lead to it as predecessors, each once', () => {
    const { steps } = compiled(`- {step: start, next: [a, b]}
- {step: a, next: [{step: c, when: x}, {step: c, when: y}]}
- {step: b, next: [c, c]}
- {step: c}`)
    const predecessors = Object.fromEntries(
      [...steps].map(([name, step]) => [name, [...step.predecessors]]),
    )
    expect(predecessors).toEqual({ start: [], a: ['start'], b: ['start'], c: ['a', 'b'] })
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
      '- {step: start, desc: d, next: a, type: http, url: u, timeout: 3, x-anything: [1]}\n- {step: a}',
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

test('routers in a circle, which are registered no more, compile', () => {
  const workflow = [
    { step: 'start', next: 'a' },
    { step: 'a', next: 'start' },
  ]
  const playbook = compilePlaybook({ workflow })
  const [start] = playbook.order
  expect(start && decisionNeeds(playbook, start)).toEqual([])
})

describe('a step of type workbook', () => {
  /** What comes of a step over a task, beside its type. */
  const over = (task: JsonObject, ...steps: JsonObject[]) => {
    const tasks = steps.map((step, at) => ({
      type: 'workbook',
      task: `t${at}`,
      ...step,
      name: `t${at + 1}`,
    }))
    const workbook = [{ name: 't0', ...task }, ...tasks]
    const workflow = [{ step: 'start', type: 'workbook', task: `t${steps.length}` }]
    const payload = { path: 'p', workbook, workflow }
    const { faults } = readPlaybook(JSON.stringify(payload), 'playbook')
    expect(faults).toEqual([])
    const { type, ...action } = compilePlaybook(payload).order[0]?.work?.action ?? {}
    expect(type).toBe(task.type)
    return action
  }
  const JS = { type: 'javascript', code: 'x' }

  test('has its input laid over that of the task, whatever their keys are', () => {
    const input = (task: JsonObject, ...steps: JsonObject[]) =>
      inputOf(over({ ...JS, ...task }, ...steps))
    expect(input({ data: { n: 1, m: 1 } }, { args: { n: 5 } })).toEqual({ n: 5, m: 1 })
    expect(input({ args: { n: 1 } }, { data: { n: 5 } })).toEqual({ n: 5 })
    expect(input({ args: { n: 1 } }, { args: { m: 5 } })).toEqual({ n: 1, m: 5 })
    expect(
      input({ data: { a: 1, b: 1, c: 1 } }, { with: { b: 2, c: 2 } }, { input: { c: 3 } }),
    ).toEqual({ a: 1, b: 2, c: 3 })
    expect(over({ ...JS, data: { n: 1 } })).toMatchObject({ data: { n: 1 } })
    expect(over(JS, { input: { n: 1 } })).toMatchObject({ input: { n: 1 } })
  })

  test('has a template for its input count over that of the task, too, and the other way round', () => {
    const js = (task: JsonObject, step: JsonObject) => {
      const { code, ...keys } = over({ ...JS, ...task }, step)
      return Object.entries(keys)
    }
    expect(js({ data: { n: 1 } }, { args: '{{ x }}' })).toEqual([
      ['with', { n: 1 }],
      ['data', '{{ x }}'],
    ])
    expect(js({ data: '{{ x }}' }, { args: { n: 5 }, with: { m: 5 } })).toEqual([
      ['with', '{{ x }}'],
      ['data', { n: 5, m: 5 }],
    ])
  })

  test('of http has query, body and data each for itself', () => {
    const task = { type: 'http', url: 'u', params: { n: 1 }, payload: { n: 2 }, data: { n: 3 } }
    expect(over(task, { args: { n: 5 } })).toEqual({
      ...task,
      type: undefined,
      data: { n: 5 },
    })
    expect(over(task, { params: { m: 5 } })).toMatchObject({
      params: { n: 1, m: 5 },
      payload: { n: 2 },
      data: { n: 3 },
    })
    const { payload, ...rest } = over(task, { json: [5] })
    expect([payload, rest]).toEqual([
      undefined,
      expect.objectContaining({ json: [5], params: { n: 1 } }),
    ])
  })

  test('of SQL has parameters apart from input, and both count over the input of the task', () => {
    const task = { type: 'postgres', sql: 's' }
    const step = { params: { n: 5 } }
    expect(over({ ...task, params: { n: 1, m: 1 } }, { args: { n: 5 } })).toMatchObject({
      params: { n: 1, m: 1 },
    })
    expect(inputOf(over({ ...task, params: { n: 1, m: 1 } }, { input: { n: 5 } }))).toEqual({
      n: 5,
      m: 1,
    })
    expect(inputOf(over({ ...task, data: { n: 1 } }, step))).toEqual({ n: 5 })
    expect(over({ ...task, params: [1] }, { params: [2] })).toMatchObject({ params: [2] })
  })

  const ITERATOR = { type: 'iterator', element: 'x', task: { type: 'transform', data: 1 } }
  test.each<[task: JsonObject, step: JsonObject, gone: string]>([
    [{ type: 'http', url: 'a' }, { endpoint: 'b' }, 'url'],
    [{ type: 'http', url: 'a', body: 'a' }, { payload: { b: 1 } }, 'body'],
    [{ type: 'http', url: 'a', auth: 'a' }, { credential: 'b' }, 'auth'],
    [{ type: 'postgres', command_b64: btoa('a') }, { sql: 'b' }, 'command'],
    [{ type: 'javascript', code_b64: btoa('a') }, { code: 'b' }, 'code_b64'],
    [{ type: 'playbook', path: 'a' }, { resource_path: 'b' }, 'path'],
    [{ type: 'wait', until: '2026-01-31' }, { for: 1 }, 'until'],
    [{ type: 'secrets', secret_name: 'a' }, { key: 'b' }, 'secret_name'],
    [{ type: 'secrets', secret_name: 'a' }, { auth: 'b' }, 'secret_name'],
    [
      { type: 'save', storage: { type: 'postgres', table: 'a', auth: 'a' }, data: { a: 1 } },
      { statement: 'b' },
      'table',
    ],
  ])('of %j with %j has no more %s', (task, step, gone) => {
    const action = over(task, step)
    expect(action).toMatchObject(step)
    expect(action).not.toHaveProperty(gone)
  })

  test('of a save has what is saved under one of its names', () => {
    const task = { type: 'save', storage: 'event', data: { n: 1, m: 1 } }
    expect(over(task, { args: { n: 5 } })).toEqual({
      storage: 'event',
      data: { n: 5, m: 1 },
    })
  })

  test('of an iterator counts over what stands in iterator', () => {
    const { task, ...keys } = ITERATOR
    const workbook = [
      {
        name: 't',
        type: 'iterator',
        iterator: { ...keys, type: undefined, task, collection: [1], limit: 1 },
      },
    ]
    const workflow = [{ step: 'start', type: 'workbook', task: 't', limit: 2, data: [2] }]
    const payload = JSON.parse(JSON.stringify({ path: 'p', workbook, workflow }))
    expect(readPlaybook(JSON.stringify(payload), 'playbook').faults).toEqual([])
    expect(compilePlaybook(payload).order[0]?.work?.iterator).toMatchObject({
      collection: [2],
      limit: 2,
    })
  })
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
