import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { compilePlaybook } from '../../src/catalog/playbook.ts'
import {
  evolve,
  type Fact,
  INITIAL,
  type State,
  stateFromJson,
  stateToJson,
} from '../../src/event/state.ts'
import type { Status } from '../../src/status.ts'

const playbook = compilePlaybook(
  parse('workflow: [{step: start, next: a}, {step: a, type: python, code: x, next: j}, {step: j}]'),
)
const fact = (event_type: string, node_name: string, status: Status, more: Partial<Fact> = {}) => ({
  event_type,
  node_name,
  status,
  context: {},
  result: {},
  error: null,
  ...more,
})
const fold = (facts: Fact[]) =>
  facts.reduce((state: State, next) => evolve(state, next, playbook), INITIAL)

const STARTED = [
  fact('execution_start', 'p', 'STARTED', { context: { next: [{ step: 'a', data: { n: 1 } }] } }),
  fact('step_started', 'a', 'RUNNING'),
]

test('progress is the share of events done, at most 99, and never goes back at any event', () => {
  const facts = [
    ...STARTED,
    ...Array.from({ length: 30 }, () => fact('note', 'a', 'COMPLETED')),
    ...Array.from({ length: 30 }, () => fact('note', 'a', 'RUNNING')),
  ]
  let state = INITIAL
  for (const next of facts) {
    const after = evolve(state, next, playbook)
    expect(after.progress).toBeGreaterThanOrEqual(state.progress)
    state = after
  }
  expect(state.progress).toBe(Math.floor((100 * 30) / 32))
})

test('many events done are still not 100 before the end', () => {
  const facts = [...STARTED, ...Array.from({ length: 500 }, () => fact('note', 'a', 'COMPLETED'))]
  expect(fold(facts).progress).toBe(99)
})

test.each([
  ['execution_complete', 'COMPLETED'],
  ['execution_failed', 'FAILED'],
] as const)('after %s nothing starts, waits or changes but the counts', (type, status) => {
  const end = fold([...STARTED, fact(type, 'p', status, { result: { x: 1 }, error: 'why' })])
  const late = [
    fact('step_started', 'j', 'RUNNING'),
    fact('step_completed', 'a', 'COMPLETED', { context: { next: [{ step: 'j' }] } }),
    fact('action_completed', 'a', 'COMPLETED', { result: { y: 2 } }),
    fact('execution_complete', 'p', 'COMPLETED', { result: { z: 3 } }),
  ]
  const after = late.reduce((state, next) => evolve(state, next, playbook), end)
  const { version, eventsDone, lastEventType, ...same } = after
  expect(same).toEqual({
    ...end,
    version: undefined,
    eventsDone: undefined,
    lastEventType: undefined,
  })
  expect([version, eventsDone, lastEventType]).toEqual([
    end.version + 4,
    end.eventsDone + 3,
    'execution_complete',
  ])
})

test('what the row keeps of the state reads back as it was', () => {
  const fired = fact('step_completed', 'a', 'COMPLETED', {
    context: { next: [{ step: 'j', data: { n: 1 } }] },
  })
  const state = fold([...STARTED, fired])
  expect([...state.waiting]).toEqual([['j', { n: 1 }]])
  expect({ ...state, ...stateFromJson(JSON.parse(JSON.stringify(stateToJson(state)))) }).toEqual(
    state,
  )
})
