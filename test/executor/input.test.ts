// What a step passes to itself: its input keys, the later over the earlier, seen by its other templates.
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const AUTH = `input-${Date.now()}`
const ECHO = inject('echo')

beforeAll(async () => {
  const data = { dsn: client.env.DATABASE_URL }
  await client.post('/api/credentials', { name: AUTH, type: 'postgres', data })
})

describe('the input of a step', () => {
  test('is seen by its other keys as input and as data', async () => {
    const { resultOf } = oneStep(client, { type: 'postgres', auth: AUTH })
    const step = {
      input: { a: '{{ workload.w }}', b: 1 },
      args: { b: 2, c: 2 },
      with: { c: 3, d: 3 },
      data: { d: 4 },
      sql: "select {{ input.a }} as a, {{ data.b }} as b, '{{ data | tojson }}'::jsonb as whole",
    }
    const result = await resultOf(step, 'workload: {w: 7}')
    expect(result.command_0.rows).toEqual([{ a: 7, b: 2, whole: { a: 7, b: 2, c: 3, d: 4 } }])
  })

  test('is the body of an http step, whichever of its names it has', async () => {
    const { resultOf } = oneStep(client, { type: 'http', url: `${ECHO}/x`, method: 'POST' })
    const result = await resultOf({ input: { a: 1, b: 1 }, args: { b: 2 }, data: { c: 3 } })
    expect(JSON.parse(result.data.body)).toEqual({ a: 1, b: 2, c: 3 })
  })
})
