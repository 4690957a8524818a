// What an execution's charts must say of it, told from its log alone.
import { expect } from 'vitest'
import type { JsonObject } from '../src/json.ts'
import type { Client } from './support.ts'

interface LoggedEvent {
  event_type: string
  node_name: string
  created_at: string
  context: JsonObject
}
// biome-ignore lint/suspicious/noExplicitAny: a test reads into replies and fails where they differ
type Body = any

/** Asserts that graph and timeline of an execution that has ended say what its log says. */
export async function expectCharted(client: Client, id: string): Promise<void> {
  const events: LoggedEvent[] = (await client.get(`/api/execution/data/${id}`)).body.events
  const named = (...types: string[]) =>
    events.filter(({ event_type }) => types.includes(event_type)).map((event) => event.node_name)
  // what was put off goes on by another start
  const attempted = (node: string) => {
    const of = (type: string) => named(type).filter((name) => name === node).length
    return Math.max(of('action_started') - of('action_waiting'), Math.min(of('action_started'), 1))
  }
  const firing = events.filter(({ event_type }) =>
    ['execution_start', 'step_completed'].includes(event_type),
  )
  const { body: graph }: Body = await client.get(`/api/executions/${id}/graph`)
  const { status } = graph.execution

  // every transition that fired is an edge, and no other edge has
  const steps = new Map<string, Body>(graph.nodes.map((node: Body) => [node.step, node]))
  const startWorks = named('step_started').includes('start')
  const fired = firing.flatMap(({ event_type, node_name, context }) => {
    if (event_type === 'execution_start' && startWorks) return []
    const from = event_type === 'execution_start' ? 'start' : node_name
    return ((context.next ?? []) as JsonObject[]).map(({ step }) => `${from}->${step}`)
  })
  const edges = graph.edges.filter((edge: Body) => edge.fired)
  expect(new Set(edges.map(({ from, to }: Body) => `${from}->${to}`))).toEqual(new Set(fired))
  for (const { from, to } of graph.edges)
    expect([steps.has(from), steps.has(to)]).toEqual([true, true])

  const inState = (state: string) =>
    graph.nodes.filter((node: Body) => node.status === state).map(({ step }: Body) => step)
  const toEnd = fired.some((edge) => edge.endsWith('->end')) && status === 'COMPLETED'
  const silent = [...(startWorks ? [] : ['start']), ...(toEnd ? ['end'] : [])]
  expect(new Set(inState('completed'))).toEqual(new Set([...named('step_completed'), ...silent]))
  expect(inState('skipped').sort()).toEqual(named('step_skipped').sort())
  expect(inState('running').concat(inState('waiting'), inState('pending'))).toEqual([])
  expect(inState('failed').length > 0).toBe(
    status === 'FAILED' &&
      named('step_started', 'step_failed').some((step) => !named('step_completed').includes(step)),
  )
  for (const node of graph.nodes) {
    expect([node.step, node.attempts]).toEqual([node.step, attempted(node.step)])
    const ends = (type: string) =>
      named(type).filter((name) => name.replace(/\[\d+\]$/, '') === node.step).length
    const hasIterations = named('iterator_started').includes(node.step)
    expect(node.iterations).toEqual(
      hasIterations
        ? {
            total: expect.any(Number),
            done: ends('iteration_completed'),
            failed: ends('iteration_failed'),
          }
        : null,
    )
  }

  const { body }: Body = await client.get(`/api/executions/${id}/timeline?limit=2000`)
  expect(body.execution).toMatchObject({ id, status, now: null, end_time: expect.any(String) })
  const begun = named('step_started', 'save_started', 'iteration_started').filter(
    (node) => !/\]\[\d/.test(node),
  )
  const timers = named('action_started').filter((node) => node.endsWith('[timeout]'))
  const unbegun = named('step_failed').filter((step) => !begun.includes(step))
  expect(body.spans.map(({ node }: Body) => node).sort()).toEqual(
    [...begun, ...timers, ...unbegun].sort(),
  )
  for (const span of body.spans) {
    const own = (...types: string[]) =>
      events.filter(
        ({ event_type, node_name }) => types.includes(event_type) && node_name === span.node,
      )
    const end = own('step_completed', 'step_failed', 'iteration_completed', 'iteration_failed')[0]
    const start = own('step_started', 'save_started', 'iteration_started')[0]
    if (start) expect(span.start_time).toBe(start.created_at)
    if (end) expect(span.end_time).toBe(end.created_at)
    expect([span.node, span.status]).toEqual([
      span.node,
      end
        ? end.event_type.endsWith('failed')
          ? 'FAILED'
          : 'COMPLETED'
        : expect.stringMatching(/^(COMPLETED|FAILED)$/),
    ])
    expect([span.node, span.attempts.length]).toEqual([span.node, attempted(span.node)])
    expect(span.duration).toBeGreaterThanOrEqual(0)
    for (const { end_time, status: outcome } of span.attempts) {
      expect(end_time === null ? 'FAILED' : outcome).toBe(outcome)
    }
  }
}
