import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { compilePlaybook, type Playbook } from '../../src/catalog/playbook.ts'
import type { Facts } from '../../src/event/batch.ts'
import { type Decision, decide, decideStart, type Outcome } from '../../src/event/dispatcher.ts'
import { INITIAL, type State } from '../../src/event/state.ts'
import type { Draft } from '../../src/event/types.ts'
import type { Json, JsonObject } from '../../src/json.ts'

function factsOf(workload: JsonObject = {}, results = new Map<string, Json>()): Facts {
  const scopes = { get: () => ({}) } as unknown as Facts['scopes']
  const loaded = { items: new Map(), scopes, outcomes: new Map() }
  return { execution_id: '1', name: 'p', workload, results, ...loaded, globals: {} }
}

/** An execution told as a story: what happened so far, what is reported now, what follows. */
function given(steps: string, workload: JsonObject = {}) {
  const playbook: Playbook = compilePlaybook(parse(`workflow:\n${steps}`))
  const results = new Map<string, Json>()
  const facts = factsOf(workload, results)
  const start: Draft = {
    event_type: 'execution_start',
    node_name: 'p',
    node_type: 'playbook',
    status: 'STARTED',
    parent: null,
    context: {},
  }
  let decision = made(decideStart(playbook, INITIAL, facts, start))
  const story = {
    completes(step: string, data: Json = null) {
      return story.reports(step, 'action_completed', { id: 'r', status: 'success', data })
    },
    fails(step: string, error: string) {
      return story.reports(step, 'action_error', { id: 'r', status: 'error' }, error)
    },
    reports(step: string, event_type: string, result: Json, error: string | null = null) {
      const draft: Draft = {
        event_type,
        node_name: step,
        node_type: 'task',
        status: error === null ? 'COMPLETED' : 'FAILED',
        parent: null,
        result,
        error,
      }
      decision = made(decide(playbook, decision.state, facts, [{ draft }]))
      results.set(step, (result as JsonObject).data ?? null)
      return story
    },
    expect(...events: string[]) {
      expect(decision.drafts.map((draft) => `${draft.event_type} ${draft.node_name}`)).toEqual(
        events,
      )
      return story
    },
    queued(...names: string[]) {
      expect(decision.jobs.map(({ node }) => node)).toEqual(names)
      return story
    },
    state(part: Partial<State>) {
      expect(decision.state).toMatchObject(part)
      return story
    },
    now: () => decision.state,
    draft(event_type: string): Draft {
      const found = decision.drafts.find((draft) => draft.event_type === event_type)
      if (!found) throw new Error(`no ${event_type}`)
      return found
    },
  }
  return story
}

function made(outcome: Outcome): Decision {
  if ('missing' in outcome) throw new Error(`missing ${JSON.stringify(outcome.missing)}`)
  return outcome
}

const WORK = 'type: python, code: x'

describe('the beginning', () => {
  test('a start with no work is passed without an event of its own', () => {
    given(`- {step: start, next: a}\n- {step: a, ${WORK}, next: end}\n- {step: end}`)
      .expect('execution_start p', 'step_started a')
      .queued('a')
      .state({ status: 'RUNNING', active: new Set(['a']) })
  })

  test('an actionable start runs as a step', () => {
    given(`- {step: start, ${WORK}, next: end}\n- {step: end}`)
      .expect('execution_start p', 'step_started start')
      .queued('start')
      .completes('start')
      .expect('action_completed start', 'step_completed start', 'execution_complete end')
  })

  test('a playbook without any work completes at once', () => {
    given(`- {step: start, next: end}\n- {step: end, result: {a: '{{ workload.n }}'}}`, { n: 7 })
      .expect('execution_start p', 'execution_complete end')
      .state({ status: 'COMPLETED', progress: 100, result: { a: 7 } })
  })

  test('a start that leads nowhere completes', () => {
    given(`- {step: start}`).expect('execution_start p', 'execution_complete p')
  })
})

describe('transitions', () => {
  test('all items whose condition holds fire, and those that do not are left out', () => {
    given(
      `- {step: start, next: [{step: a, when: 'workload.n > 5'}, {step: b, when: '{{ workload.n > 9 }}'}, c]}
- {step: a, ${WORK}}\n- {step: b, ${WORK}}\n- {step: c, ${WORK}}`,
      { n: 7 },
    ).queued('a', 'c')
  })

  test('next may be a string, an object or a list', () => {
    for (const next of ['a', '{step: a}', '[a]', '[{step: a}]', '[{name: a}]']) {
      given(`- {step: start, next: ${next}}\n- {step: a, ${WORK}}`).queued('a')
    }
  })

  test.each([
    ['nope.x == 1', "'nope' is undefined"],
    ['nope', 'nope is undefined'],
    ['{{ workload.nope }}', 'workload.nope is undefined'],
  ])('a condition on what is undefined does not hold, with a warning: %s', (when, warning) => {
    const story = given(
      `- {step: start, next: a}\n- {step: a, ${WORK}, next: [{step: b, when: '${when}'}]}\n- {step: b, ${WORK}}`,
    )
      .completes('a')
      .expect('action_completed a', 'step_completed a', 'step_skipped b', 'execution_complete p')
    const { context } = story.draft('step_completed')
    expect(JSON.stringify(context)).toContain(warning)
  })

  test('a condition sees the result of the step before, and of steps further back', () => {
    given(
      `- {step: start, next: a}
- {step: a, ${WORK}, next: [{step: b, when: 'result.ok and a.ok'}]}
- {step: b, ${WORK}, next: [{step: c, when: 'a.ok'}]}
- {step: c, ${WORK}}`,
    )
      .completes('a', { ok: true })
      .queued('b')
      .completes('b', { ok: false })
      .queued('c')
  })

  test('data is rendered with its types and passed on', () => {
    const story = given(
      `- {step: start, next: a}
- {step: a, ${WORK}, next: [{step: b, data: {n: '{{ a.n }}', text: 'n={{ a.n }}'}}]}
- {step: b, ${WORK}}`,
    ).completes('a', { n: 5 })
    expect(story.draft('step_started').context).toEqual({ step_name: 'b', n: 5, text: 'n=5' })
  })

  test('data that cannot be rendered fails the step that it was for, and the execution', () => {
    given(
      `- {step: start, next: a}
- {step: a, ${WORK}, next: [{step: b, data: {n: '{{ nope }}'}}]}
- {step: b, ${WORK}}`,
    )
      .completes('a')
      .expect('action_completed a', 'step_completed a', 'step_failed b', 'execution_failed p')
      .queued()
  })

  test('a router routes on to its own next', () => {
    given(
      `- {step: start, next: r}
- {step: r, next: [{step: a, when: 'workload.hot'}, {step: b, when: 'not workload.hot'}]}
- {step: a, ${WORK}}\n- {step: b, ${WORK}}`,
      { hot: false },
    )
      .expect(
        'execution_start p',
        'step_started r',
        'step_completed r',
        'step_skipped a',
        'step_started b',
      )
      .queued('b')
  })

  test('a step runs at most once: a way back is not taken, and nothing hangs', () => {
    given(
      `- {step: start, next: a}\n- {step: a, ${WORK}, next: b}\n- {step: b, ${WORK}, next: [a, b]}`,
    )
      .completes('a')
      .queued('b')
      .completes('b')
      .expect('action_completed b', 'step_completed b', 'execution_complete p')
  })
})

describe('joins', () => {
  const DIAMOND = `- {step: start, next: [a, b]}
- {step: a, ${WORK}, next: j}\n- {step: b, ${WORK}, next: j}\n- {step: j, ${WORK}, next: end}\n- {step: end}`

  test('a join starts when the last branch that can reach it has ended', () => {
    given(DIAMOND).queued('a', 'b').completes('a').queued().completes('b').queued('j')
  })

  test('a branch that turns away does not hold up the join', () => {
    given(
      `- {step: start, next: [a, b]}
- {step: a, ${WORK}, next: [{step: j, when: 'false'}]}\n- {step: b, ${WORK}, next: j}\n- {step: j, ${WORK}}`,
    )
      .completes('b')
      .queued()
      .completes('a')
      .queued('j')
  })

  test('a join waits for a branch that is further back', () => {
    given(
      `- {step: start, next: [a, b]}
- {step: a, ${WORK}, next: a2}\n- {step: a2, ${WORK}, next: j}\n- {step: b, ${WORK}, next: j}\n- {step: j, ${WORK}}`,
    )
      .completes('b')
      .queued()
      .completes('a')
      .queued('a2')
      .completes('a2')
      .queued('j')
  })

  test('end is evaluated once, when every other branch is done', () => {
    given(
      `- {step: start, next: [a, b, end]}
- {step: a, ${WORK}, next: end}\n- {step: b, ${WORK}}\n- {step: end, result: {x: '{{ a }}', y: '{{ b }}'}}`,
    )
      .completes('a', 1)
      .expect('action_completed a', 'step_completed a')
      .completes('b', 2)
      .expect('action_completed b', 'step_completed b', 'execution_complete end')
      .state({ result: { x: 1, y: 2 } })
  })

  test('joins that wait for one another in a circle do not hang', () => {
    given(
      `- {step: start, next: [a, b]}
- {step: a, ${WORK}, next: j}\n- {step: b, ${WORK}, next: k}
- {step: j, ${WORK}, next: k}\n- {step: k, ${WORK}, next: j}`,
    )
      .completes('a')
      .completes('b')
      .queued('j')
      .completes('j')
      .queued('k')
      .completes('k')
      .state({ status: 'COMPLETED' })
  })
})

describe('the end', () => {
  const TWO = `- {step: start, next: [a, b]}\n- {step: a, ${WORK}, next: end}\n- {step: b, ${WORK}, next: end}\n- {step: end}`

  test('a failed action fails its step and the execution at once', () => {
    given(TWO)
      .fails('a', 'boom')
      .expect('action_error a', 'step_failed a', 'execution_failed p')
      .state({ status: 'FAILED', error: 'boom', progress: 100, active: new Set() })
  })

  test('what is reported after the end is kept and decides nothing', () => {
    given(TWO)
      .fails('a', 'boom')
      .completes('b', 1)
      .expect('action_completed b')
      .queued()
      .state({ status: 'FAILED', error: 'boom', progress: 100 })
  })

  test('a second report of a step decides nothing', () => {
    given(TWO).completes('a', 1).completes('a', 2).expect('action_completed a').queued()
  })

  test('without a mapping the result is that of the step that completed last', () => {
    given(TWO)
      .completes('b', { n: 1 })
      .completes('a', { n: 2 })
      .state({ result: { n: 2 } })
  })

  test('an actionable end runs last, and its result mapping counts', () => {
    given(
      `- {step: start, next: a}\n- {step: a, ${WORK}, next: end}\n- {step: end, ${WORK}, result: {n: '{{ end.n }}'}}`,
    )
      .completes('a')
      .queued('end')
      .completes('end', { n: 3 })
      .expect('action_completed end', 'step_completed end', 'execution_complete end')
      .state({ result: { n: 3 } })
  })

  test('undefined names in the result mapping leave their own leaf as it was', () => {
    given(
      `- {step: start, next: end}\n- {step: end, result: {a: '{{ nope }}', b: '{{ workload.n }}'}}`,
      { n: 1 },
    ).state({
      result: { a: '{{ nope }}', b: 1 },
    })
  })
})

describe('purity', () => {
  test('the same story gives the same decision, to the letter', () => {
    const tell = () =>
      given(
        `- {step: start, next: [a, b]}\n- {step: a, ${WORK}, next: end}\n- {step: b, ${WORK}}\n- {step: end}`,
      )
        .completes('a', { n: 1 })
        .draft('step_completed')
    expect(tell()).toEqual(tell())
  })

  test('a result that has not been loaded is asked for', () => {
    const playbook = compilePlaybook(
      parse(`workflow:
- {step: start, next: a}
- {step: a, ${WORK}, next: b}
- {step: b, ${WORK}, next: [{step: c, when: a.ok}]}
- {step: c, ${WORK}}`),
    )
    const state: State = {
      ...INITIAL,
      status: 'RUNNING',
      version: 9,
      started: 0b111n,
      active: new Set(['b']),
    }
    const facts = factsOf()
    const draft: Draft = {
      event_type: 'action_completed',
      node_name: 'b',
      node_type: 'task',
      status: 'COMPLETED',
      parent: null,
      result: null,
    }
    expect(decide(playbook, state, facts, [{ draft }])).toEqual({
      missing: { results: ['a'] },
    })
  })

  test('progress never goes back and is 100 only at the end', () => {
    const steps = Array.from({ length: 20 }, (_, n) => `- {step: s${n}, ${WORK}, next: s${n + 1}}`)
    const story = given(`- {step: start, next: s0}\n${steps.join('\n')}\n- {step: s20, ${WORK}}`)
    let last = 0
    for (let n = 0; n <= 20; n++) {
      story.completes(`s${n}`)
      const { progress } = story.now()
      expect(progress).toBeGreaterThanOrEqual(last)
      expect(progress === 100).toBe(n === 20)
      last = progress
    }
  })
})

test('a report that cannot be decided on fails the execution: nothing is tried for ever', () => {
  const playbook = compilePlaybook(
    parse(
      `workflow:\n- {step: start, next: a}\n- {step: a, ${WORK}, next: b}\n- {step: b, ${WORK}}`,
    ),
  )
  // a playbook that is broken in a way that no validation foresaw
  const broken: Playbook = {
    ...playbook,
    steps: new Map(
      [...playbook.steps].map(([name, step]) => [name, { ...step, next: null as never }]),
    ),
  }
  const state: State = {
    ...INITIAL,
    status: 'RUNNING',
    version: 2,
    started: 0b11n,
    active: new Set(['a']),
  }
  const facts = factsOf()
  const draft: Draft = {
    event_type: 'action_completed',
    node_name: 'a',
    node_type: 'task',
    status: 'COMPLETED',
    parent: null,
    result: null,
  }
  const decision = made(decide(broken, state, facts, [{ draft }]))
  expect(decision.drafts.map(({ event_type }) => event_type)).toEqual([
    'action_completed',
    'step_failed',
    'execution_failed',
  ])
  expect(decision.state.error).toContain('the evaluator failed')
})
