import { describe, expect, test } from 'vitest'
import { newClient } from '../support.ts'
import { deliver, hookOf, type TestHook } from './support.ts'

const client = newClient()

const runsOf = async ({ path }: TestHook) =>
  (await client.get(`/api/executions?path=${path}`)).body as { id: string; status: string }[]
const deliveriesOf = async ({ name }: TestHook) =>
  (await client.get(`/api/hooks/${name}/deliveries`)).body.items
const startOf = async (id: string) =>
  (await client.get(`/api/executions/${id}`)).body.events[0].context.workload

describe('a genuine delivery', () => {
  test('starts a run with the JSON body as its parameters, and says which', async () => {
    const hook = await hookOf(client)
    const reply = await deliver(client, hook, { ref: 'refs/heads/main', n: 1 }, { id: 'd-1' })
    expect(reply.status, reply.text).toBe(202)
    const { execution_id, id } = reply.body
    expect(reply.body).toEqual({
      status: 'started',
      id,
      delivery_id: 'd-1',
      execution_id,
      reason: null,
    })
    expect(reply.headers.get('location')).toBe(`/api/executions/${execution_id}`)
    expect(await startOf(execution_id)).toEqual({ ref: 'refs/heads/main', n: 1 })
    expect((await runsOf(hook)).map((run) => run.id)).toEqual([execution_id])
    const detail = (await client.get(`/api/executions/${execution_id}`)).body
    expect(detail.requestor.user_agent).toBe(`noetl-edge hook ${hook.name}`)
    expect(await deliveriesOf(hook)).toMatchObject([
      {
        id,
        delivery_id: 'd-1',
        result: 'started',
        execution_id,
        event_type: 'push',
        is_kept: true,
      },
    ])
  })

  test('costs one round trip when the hook and its playbook are known', async () => {
    const hook = await hookOf(client)
    await deliver(client, hook, { n: 1 })
    const before = await client.trips()
    await deliver(client, hook, { n: 2 })
    expect((await client.trips()) - before).toBe(1)
  })

  test('that comes again gets the first answer, and starts nothing', async () => {
    const hook = await hookOf(client)
    const first = await deliver(client, hook, { n: 1 }, { id: 'same' })
    const again = await deliver(client, hook, { n: 1 }, { id: 'same' })
    expect([again.status, again.body]).toEqual([202, first.body])
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(await runsOf(hook)).toHaveLength(1)
  })

  test('whose signed content comes under another id is a replay', async () => {
    const hook = await hookOf(client)
    const first = await deliver(client, hook, { n: 1 }, { id: 'one' })
    expect((await deliver(client, hook, { n: 1 }, { id: 'two' })).body).toEqual(first.body)
    expect(await runsOf(hook)).toHaveLength(1)
    const lax = await hookOf(client, { identical_content: 'allow' })
    await deliver(client, lax, { n: 1 }, { id: 'one' })
    await deliver(client, lax, { n: 1 }, { id: 'two' })
    expect(await runsOf(lax)).toHaveLength(2)
  })

  test('whose answer was lost is answered, and starts one run', async () => {
    const flaky = newClient()
    const hook = await hookOf(flaky)
    await deliver(flaky, hook, { n: 0 })
    await flaky.faults({ rate: 0.5, kinds: ['reset_after'], seed: 3 })
    const replies = []
    for (let n = 1; n <= 12; n++) replies.push(await deliver(flaky, hook, { n }))
    await flaky.noFaults()
    const started = replies.filter(({ status }) => status === 202)
    expect(started.length).toBeGreaterThan(8)
    const ids = (await runsOf(hook)).map(({ id }) => id)
    for (const { body } of started) expect(ids).toContain(body.execution_id)
    expect(ids.length).toBeLessThanOrEqual(13)
  })
})

describe('a delivery that is not genuine', () => {
  test('is refused, starts nothing, and leaves its refusal without what it held', async () => {
    const hook = await hookOf(client)
    const reply = await deliver(
      client,
      hook,
      { evil: 'payload' },
      { secret: 'another secret of 16' },
    )
    expect([reply.status, reply.body.title]).toEqual([401, 'Unauthorized'])
    expect(await runsOf(hook)).toEqual([])
    const [refusal, ...others] = await deliveriesOf(hook)
    expect(others).toEqual([])
    expect(refusal).toMatchObject({ result: 'refused', execution_id: null, is_kept: false })
    const whole = (await client.get(`/api/hooks/${hook.name}/deliveries/${refusal.id}`)).body
    expect(whole).toMatchObject({ body: null, headers: null, query: null, content_type: null })
    expect(JSON.stringify(whole)).not.toContain('evil')
  })

  test('does not burn the id that it claims', async () => {
    const hook = await hookOf(client)
    const id = 'claimed'
    await deliver(client, hook, { n: 1 }, { id, secret: 'another secret of 16' })
    expect((await deliver(client, hook, { n: 1 }, { id })).body.status).toBe('started')
  })

  test('is not found where there is no hook, or it is switched off', async () => {
    const off = await hookOf(client, { enabled: false })
    for (const hook of [off, { name: 'nobody', path: '' }]) {
      const reply = await deliver(client, hook, {})
      expect([reply.status, reply.body.detail]).toEqual([404, 'there is no such hook'])
    }
  })

  test('is refused when it is too large or compressed', async () => {
    const hook = await hookOf(client, { max_body_bytes: 100 })
    expect((await deliver(client, hook, 'x'.repeat(101))).status).toBe(413)
    const headers = { 'content-encoding': 'gzip' }
    expect((await deliver(client, hook, {}, { headers })).status).toBe(400)
    expect(await runsOf(hook)).toEqual([])
  })
})

describe("a hook's own rules", () => {
  test('pass over what the filter does not hold for', async () => {
    const hook = await hookOf(client, {
      filter: "event_type == 'push' and body.ref == 'refs/heads/main'",
    })
    const ignored = await deliver(client, hook, { ref: 'other' }, { id: 'i-1' })
    expect([ignored.status, ignored.body]).toEqual([
      202,
      {
        status: 'ignored',
        id: expect.any(String),
        delivery_id: 'i-1',
        execution_id: null,
        reason: 'the filter does not hold',
      },
    ])
    expect(ignored.headers.get('location')).toBeNull()
    // one that cannot be evaluated does not hold, and says why
    expect((await deliver(client, hook, {})).body.reason).toMatch(/does not hold: .*ref/)
    expect((await deliver(client, hook, { ref: 'refs/heads/main' })).body.status).toBe('started')
  })

  test('make the parameters, with their types, and never render what came', async () => {
    const hook = await hookOf(client, {
      parameters: {
        branch: '{{ body.ref }}',
        commits: '{{ body.commits }}',
        who: "{{ headers['x-who'] }} by {{ query.via }} to {{ hook.name }}",
      },
    })
    const body = { ref: '{{ workload }}', commits: [{ id: 1 }, { id: 9007199254740993n }] }
    const text = '{"ref":"{{ workload }}","commits":[{"id":1},{"id":9007199254740993}]}'
    const reply = await deliver(client, { ...hook, name: `${hook.name}?via=test` }, text, {
      headers: { 'x-who': 'me' },
    })
    expect(reply.body.status, reply.text).toBe('started')
    expect(await startOf(reply.body.execution_id)).toEqual({
      branch: body.ref,
      commits: body.commits,
      who: `me by test to ${hook.name}`,
    })
  })

  test('that cannot be met fail the delivery, which can be delivered again by hand', async () => {
    const hook = await hookOf(client, { parameters: { a: '{{ body.missing.deep }}' } })
    const failed = await deliver(client, hook, { n: 1 }, { id: 'f-1' })
    expect([failed.status, failed.body.detail]).toEqual([
      422,
      expect.stringMatching(/^parameters\/a: /),
    ])
    const [row] = await deliveriesOf(hook)
    expect(row).toMatchObject({ result: 'failed', delivery_id: 'f-1', is_kept: true })
    await client.send('PATCH', `/api/hooks/${hook.name}`, { parameters: { a: '{{ body.n }}' } })
    const again = await client.post(
      `/api/hooks/${hook.name}/deliveries/${row.id}/redeliver`,
      undefined,
    )
    expect(again.body.status, again.text).toBe('started')
    expect(await startOf(again.body.execution_id)).toEqual({ a: 1 })
    expect((await deliveriesOf(hook))[0]).toMatchObject({ redelivery_of: row.id })
    // and by its sender, who tries again
    expect((await deliver(client, hook, { n: 1 }, { id: 'f-1' })).body.status).toBe('started')
  })

  test('JSON that is no UTF-8 is refused, and other bytes are none of the body', async () => {
    const hook = await hookOf(client, { provider: 'none', secrets: [] })
    const send = (type: string) =>
      client.fetch(`http://edge.localhost/hooks/${hook.name}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
      })
    expect((await send('application/json')).status).toBe(422)
    expect((await send('application/octet-stream')).status).toBe(202)
  })

  test('a playbook that is gone is a 503, so that the sender tries again', async () => {
    const hook = await hookOf(client)
    await client.send('DELETE', `/api/catalog/playbooks/${hook.path}`)
    const reply = await deliver(client, hook, {})
    expect([reply.status, reply.body.detail]).toEqual([
      503,
      expect.stringContaining(`the hook's playbook is not there`),
    ])
  })

  test('signatures and credentials are neither shown to templates nor kept', async () => {
    const hook = await hookOf(client, {
      parameters: { all: '{{ headers }}', query: '{{ query }}' },
    })
    const reply = await deliver(
      client,
      { ...hook, name: `${hook.name}?via=x&api_key=sesame&key=sesame` },
      {},
      {
        headers: {
          authorization: 'Bearer sesame',
          cookie: 'c=sesame',
          'x-other': 'seen',
          'x-acme-api-key': 'sesame',
          'x-identity': `eyJhbGciOiJFUzI1NiJ9.${btoa('{"sub":"sesame"}').replaceAll('=', '')}.sesame`,
          'x-key': `ne_123_sesame${'x'.repeat(37)}`,
          'x-callback': 'https://me:sesame@example.org/',
        },
      },
    )
    const { all, query } = await startOf(reply.body.execution_id)
    expect(query).toEqual({ via: 'x' })
    expect(all['x-other']).toBe('seen')
    expect(JSON.stringify(all)).not.toMatch(/sesame|sha256=/)
    const whole = await client.get(`/api/hooks/${hook.name}/deliveries/${reply.body.id}`)
    expect(whole.text).not.toMatch(/sesame|sha256=/)
  })
})

describe('runs that overlap', () => {
  const WAITING =
    '  - {step: start, next: work}\n  - {step: work, type: python, code: "def main(): pass"}'

  test('are skipped while one runs', async () => {
    const hook = await hookOf(client, { overlap: 'skip' }, WAITING)
    const first = await deliver(client, hook, { n: 1 })
    expect(first.body.status).toBe('started')
    const second = await deliver(client, hook, { n: 2 }, { id: 'second' })
    expect([second.status, second.body.status, second.body.reason]).toEqual([
      202,
      'skipped',
      'the last run still goes on',
    ])
    expect((await deliver(client, hook, { n: 2 }, { id: 'second' })).body).toEqual(second.body)
    await client.post(`/api/executions/${first.body.execution_id}/stop`, {})
    expect((await deliver(client, hook, { n: 3 })).body.status).toBe('started')
  })

  test('cost as much as others, and one more to cancel what is displaced', async () => {
    const hook = await hookOf(client, { overlap: 'replace' }, WAITING)
    await deliver(client, hook, { n: 0 })
    const before = await client.trips()
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) => deliver(client, hook, { n: n + 1 })),
    )
    expect(replies.map(({ body }) => body.status)).toEqual(Array(12).fill('started'))
    // to start one, to cancel one, to note that
    expect((await client.trips()) - before).toBeLessThanOrEqual(12 * 4)
    const runs = await runsOf(hook)
    expect(runs.filter(({ status }) => status === 'RUNNING')).toHaveLength(1)
  })

  test('replace the one that runs, delivered again by hand, too', async () => {
    const hook = await hookOf(client, { overlap: 'replace' }, WAITING)
    const { body } = await deliver(client, hook, { n: 0 })
    await client.post(`/api/hooks/${hook.name}/deliveries/${body.id}/redeliver`, undefined)
    expect((await runsOf(hook)).map(({ status }) => status).sort()).toEqual(['FAILED', 'RUNNING'])
  })

  test('replace the one that runs', async () => {
    const hook = await hookOf(client, { overlap: 'replace' }, WAITING)
    const first = await deliver(client, hook, { n: 1 }, { id: 'a' })
    const second = await deliver(client, hook, { n: 2 }, { id: 'b' })
    expect(second.body.status).toBe('started')
    const { status, error } = (await client.get(`/api/executions/${first.body.execution_id}`)).body
    expect([status, error]).toEqual(['FAILED', 'cancelled: a newer run takes its place'])
    // what replaced it goes on when the first is delivered again
    expect((await deliver(client, hook, { n: 1 }, { id: 'a' })).body).toEqual(first.body)
    const runs = await runsOf(hook)
    expect(runs.map(({ status }) => status).sort()).toEqual(['FAILED', 'RUNNING'])
  })
})

describe('an answer that waits', () => {
  test('is the run, when it ends in time', async () => {
    const hook = await hookOf(client)
    const headers = { prefer: 'wait=5' }
    const reply = await deliver(client, hook, { n: 7 }, { headers })
    expect([reply.status, reply.body.status, reply.body.result]).toEqual([
      200,
      'completed',
      { got: { n: 7 } },
    ])
    expect(reply.headers.get('preference-applied')).toBe('wait=5')
  })

  test('is the acceptance, where the hook does not tell', async () => {
    const mute = await hookOf(client, { may_wait: false })
    const reply = await deliver(client, mute, { n: 7 }, { headers: { prefer: 'wait=5' } })
    expect([reply.status, reply.body.status]).toEqual([202, 'started'])
    expect(reply.headers.get('preference-applied')).toBeNull()
    const { name } = await hookOf(client, { provider: 'none', secrets: [] })
    expect((await client.get(`/api/hooks/${name}`)).body.may_wait).toBe(false)
  })

  test('is the acceptance, too, when the database goes away meanwhile', async () => {
    const hook = await hookOf(client)
    await deliver(client, hook, { n: 0 })
    await client.faults({ rate: 1, kinds: ['http_500'], seed: 1, skip: 1 })
    const reply = await deliver(client, hook, { n: 1 }, { headers: { prefer: 'wait=2' } })
    await client.noFaults()
    expect([reply.status, reply.body.status], reply.text).toEqual([202, 'started'])
  })

  test('is the acceptance, when it does not', async () => {
    const hook = await hookOf(
      client,
      {},
      '  - {step: start, next: work}\n  - {step: work, type: python, code: "def main(): pass"}',
    )
    const reply = await deliver(client, hook, {}, { headers: { prefer: 'wait=1' } })
    expect([reply.status, reply.body.status]).toEqual([202, 'started'])
  })
})

describe('how often one may deliver', () => {
  /** The platform's limit: so many, and then no more. */
  const limited = (limit: number) => {
    let count = 0
    return { limit: async () => ({ success: ++count <= limit }) }
  }

  test('is counted by where it comes from, whatever names are made up', async () => {
    const strict = newClient({ RATE_KEY: limited(4) })
    const hook = await hookOf(strict)
    expect((await deliver(strict, hook, { n: 1 })).status).toBe(202)
    const statuses = []
    for (let n = 0; n < 4; n++) {
      statuses.push((await deliver(strict, { name: `guess-${n}`, path: '' }, {})).status)
    }
    expect(statuses).toEqual([404, 404, 404, 429])
    const before = await strict.trips()
    expect((await deliver(strict, hook, { n: 2 })).status).toBe(429)
    expect((await strict.trips()) - before).toBe(0)
  })

  test('a name that can be none is not looked up', async () => {
    const before = await client.trips()
    const reply = await deliver(client, { name: 'x'.repeat(300), path: '' }, {})
    expect([reply.status, reply.body.detail]).toEqual([404, 'there is no such hook'])
    expect((await client.trips()) - before).toBe(0)
  })
})
