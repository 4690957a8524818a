// No reply, and no line of the log, repeats what a database or the way to it says.
import { afterEach, expect, test, vi } from 'vitest'
import { addressOf } from '../routes/line.ts'
import { TABLE } from '../routes/table/index.ts'
import { newClient } from '../support.ts'

const SECRET = `hunter2-${Date.now()}`
const leaky = newClient({ DATABASE_URL: `postgres://test:${SECRET}@db.localhost/noetl` })
afterEach(() => vi.restoreAllMocks())

const said = (code: string) =>
  JSON.stringify({
    ...{ message: `m ${SECRET}`, code, detail: `d ${SECRET}`, hint: `h ${SECRET}` },
    ...{ where: `w ${SECRET}`, internalQuery: `q ${SECRET}`, severity: 'ERROR' },
  })

const FAULTS: Record<string, () => Response> = {
  'an error of its own': () => new Response(said('XX000'), { status: 400 }),
  'a constraint': () => new Response(said('23505'), { status: 400 }),
  'a value that it cannot store': () => new Response(said('22021'), { status: 400 }),
  'a shutdown': () => new Response(said('57P01'), { status: 400 }),
  'a wrong password': () => new Response(said('28P01'), { status: 400 }),
  'what is no answer': () => new Response(`<p>${SECRET}</p>`, { status: 502 }),
  'half an answer': () => new Response(`{"rows": [["${SECRET}`),
  'a refusal by size': () => new Response(SECRET, { status: 413 }),
  'no way to it': () => {
    throw new TypeError(`fetch failed: postgres://test:${SECRET}@db.localhost/noetl`)
  },
}

test.each(Object.entries(FAULTS))('%s', async (_what, fault) => {
  const real = globalThis.fetch
  const lines: string[] = []
  vi.spyOn(console, 'error').mockImplementation((...values) => {
    lines.push(values.map((value) => `${value} ${(value as Error)?.stack ?? ''}`).join(' '))
  })
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const connection = new Headers(init?.headers).get('neon-connection-string') ?? ''
    return connection.includes(SECRET) ? fault() : real(input, init)
  })
  const requests = []
  for (const line of TABLE) {
    const prepared = await line.prepare()
    requests.push({ line, sent: 'sent' in prepared ? prepared.sent : prepared })
  }
  const replies = await Promise.all(
    requests.map(async ({ line, sent }) => {
      const [method, address] = addressOf(line.on, sent)
      const options = { headers: sent.headers ?? {} }
      const { status, text, headers } = await leaky.send(method, address, sent.body, options)
      const whole = text + JSON.stringify([...headers])
      return {
        on: `${line.on}: ${line.as}`,
        status,
        isGood: 'reply' in line,
        leaks: whole.includes(SECRET),
      }
    }),
  )
  expect(replies.filter(({ leaks }) => leaks)).toEqual([])
  // most of them need the database
  expect(replies.filter(({ status, isGood }) => isGood && status >= 400).length).toBeGreaterThan(50)
  expect(lines.filter((line) => line.includes(SECRET))).toEqual([])
})
