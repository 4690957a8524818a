// Pausing and resuming at any moment of a run, on a real Postgres: whatever wins, nothing begins while an execution
// is paused, and nothing is lost.
import { expect, inject, test } from 'vitest'
import { expectRebuilt } from '../rebuild.ts'
import { newClient, playbook } from '../support.ts'

const database = inject('postgres')
const client = newClient({}, database)
const ROUNDS = 20

const line = (step: object) => `  - ${JSON.stringify(step)}`
const content = playbook(
  [
    line({ step: 'start', next: ['a', 'b', 'each'] }),
    line({ step: 'a', type: 'transform', data: 1, next: 'join' }),
    line({ step: 'b', type: 'transform', data: 2, next: 'join' }),
    line({
      step: 'each',
      type: 'iterator',
      collection: [1, 2, 3, 4],
      element: 'n',
      mode: 'async',
      task: { type: 'transform', data: '{{ n }}' },
      next: 'join',
    }),
    line({ step: 'join', type: 'transform', data: '{{ a + b + each | sum }}', next: 'end' }),
    line({ step: 'end', result: { sum: '{{ join }}' } }),
  ].join('\n'),
)

const random = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.random() * ms))

test.runIf(database !== '')(
  'nothing begins while it is paused, and nothing is lost',
  { timeout: 120_000 },
  async () => {
    const catalogId = await client.register(content)
    let pauses = 0
    await Promise.all(
      Array.from({ length: ROUNDS }, async () => {
        const { body } = await client.send(
          'POST',
          '/api/executions/run',
          { catalog_id: catalogId },
          { settled: false },
        )
        const id = body.execution_id
        for (let time = 0; time < 3; time++) {
          // a quick machine is done with the run in no time
          if (time > 0) await random(10)
          await client.send('POST', `/api/executions/${id}/pause`, undefined, { settled: false })
          await random(40)
          await client.send('POST', `/api/executions/${id}/resume`, undefined, { settled: false })
        }
        const until = Date.now() + 60_000
        for (;;) {
          await client.deliver([{ execution_id: id, delaySeconds: 0 }])
          const { body } = await client.get(`/api/executions/${id}?limit=1`)
          if (body.end_time !== null) break
          if (Date.now() > until) throw new Error(`${id} stays ${body.status}`)
        }
      }),
    )
    const all = await expectRebuilt(database, [catalogId])
    for (const { status, events } of all) {
      expect(status).toBe('COMPLETED')
      let isPaused = false
      for (const { event_type } of events) {
        if (event_type === 'execution_paused') {
          isPaused = true
          pauses += 1
        }
        if (event_type === 'execution_resumed') isPaused = false
        if (event_type === 'action_started') expect(isPaused).toBe(false)
      }
    }
    expect(all).toHaveLength(ROUNDS)
    // else nothing was tried
    expect(pauses).toBeGreaterThan(5)
  },
)
