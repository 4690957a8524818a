// Large executions complete, and what a step costs does not depend on how many came before. Times are the
// bench's to tell; round trips are the same on every machine.
import { expect, test } from 'vitest'
import { newClient, playbook } from '../support.ts'

const client = newClient({ EDGE_MAX_STEPS: '10000', EDGE_WALL_SECONDS: '900' })
const line = (step: object) => `  - ${JSON.stringify(step)}`

/** Runs a playbook to its end, however many invocations it takes. */
async function finished(steps: string[]) {
  const id = await client.register(playbook(steps.join('\n')))
  const before = await client.trips()
  const executionId = await client.run(id)
  while ((await client.deliver()) > 0);
  const trips = (await client.trips()) - before
  const { body } = await client.get(`/api/executions/${executionId}?limit=1`)
  expect([body.status, body.error]).toEqual(['COMPLETED', null])
  const { summary } = (await client.get(`/api/events/summary/${executionId}`)).body
  return { result: body.result, trips, counts: summary.counts }
}

const chain = (size: number) => [
  line({ step: 'start', next: 's0' }),
  ...Array.from({ length: size }, (_, n) =>
    line({
      step: `s${n}`,
      type: 'transform',
      data: n === 0 ? 1 : `{{ s${n - 1} + 1 }}`,
      next: n === size - 1 ? 'end' : `s${n + 1}`,
    }),
  ),
  line({ step: 'end' }),
]

test('a chain of a thousand steps costs a round trip each', { timeout: 120_000 }, async () => {
  const { result, trips, counts } = await finished(chain(1_000))
  expect([result, counts.step_completed]).toEqual([1_000, 1_000])
  // and some for handing over
  expect(trips).toBeLessThan(1_050)
})

test('five hundred branches join', { timeout: 60_000 }, async () => {
  const names = Array.from({ length: 500 }, (_, n) => `s${n}`)
  const { result, trips, counts } = await finished([
    line({ step: 'start', next: names }),
    ...names.map((step, n) => line({ step, type: 'transform', data: n, next: 'join' })),
    line({ step: 'join', type: 'transform', data: '{{ [s0, s250, s499] }}', next: 'end' }),
    line({ step: 'end' }),
  ])
  expect([result, counts.step_completed]).toEqual([[0, 250, 499], 501])
  expect(trips).toBeLessThan(250)
})

test('an iterator costs in proportion to its items', { timeout: 120_000 }, async () => {
  const each = async (size: number) => {
    const { result, trips, counts } = await finished([
      line({ step: 'start', next: 'each' }),
      line({
        step: 'each',
        type: 'iterator',
        collection: `{{ range(${size}) | list }}`,
        element: 'n',
        mode: 'async',
        task: { type: 'transform', data: '{{ n }}' },
        next: 'end',
      }),
      line({ step: 'end' }),
    ])
    expect(result).toEqual(Array.from({ length: size }, (_, n) => n))
    expect(counts.iteration_completed).toBe(size)
    return trips
  }
  const few = await each(300)
  const many = await each(3_000)
  expect(many).toBeLessThan(few * 11)
})

test('playbooks five deep return their results', { timeout: 60_000 }, async () => {
  let inner: object = { type: 'transform', data: { depth: 1 } }
  for (let depth = 1; depth < 5; depth++) {
    const content = playbook(
      [
        line({ step: 'start', next: 'work' }),
        line({ step: 'work', ...inner, next: 'end' }),
        line({ step: 'end', result: { depth: `{{ work.depth + ${depth === 1 ? 0 : 1} }}` } }),
      ].join('\n'),
    )
    await client.register(content)
    inner = { type: 'playbook', path: /path: ([^,]+)/.exec(content)?.[1] }
  }
  const { result } = await finished([
    line({ step: 'start', next: 'work' }),
    line({ step: 'work', ...inner, next: 'end' }),
    line({ step: 'end', result: { depth: '{{ work.depth + 1 }}' } }),
  ])
  expect(result).toEqual({ depth: 5 })
})
