import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { leaseDue, reportSent } from '../../src/notification/queries.ts'
import { deliver, hookOf } from '../hook/support.ts'
import { newClient, playbook } from '../support.ts'
import { isSigned, newInbox } from './inbox.ts'
import {
  atOnce,
  bringForward,
  databaseOf,
  failing,
  inSteps,
  notificationsOf,
  runOf,
  waiting,
} from './support.ts'

const client = newClient()
const strict = newClient({ HTTP_ALLOW_PRIVATE: 'false', HTTP_DENY_HOSTS: 'evil.example' })
const sql = databaseOf(client)

// what the test before left waiting would say for all of its origin that the receiver is away
beforeEach(async () => {
  // the Worker says where the database is
  await client.get('/api/notifications?limit=1')
  await sql`delete from noetl.notification where status = 'pending'`
})

const secretOf = async (url: string) =>
  (await client.get(`/api/notifications/secret?url=${encodeURIComponent(url)}`)).body

describe('what receivers are told', () => {
  test('a run that ends as it starts, signed with the secret of the origin', async () => {
    const inbox = newInbox()
    const id = await runOf(client, atOnce(), {
      parameters: { n: 7 },
      metadata: { order: 12 },
      notify: inbox.url,
    })
    const [message, ...others] = await inbox.messages()
    expect(others).toEqual([])
    const [row] = await notificationsOf(client, id)
    expect(message?.event).toEqual({
      type: 'execution.completed',
      timestamp: message?.event.data.ended_at,
      data: {
        execution_id: id,
        path: row.path,
        version: 1,
        status: 'COMPLETED',
        started_at: expect.stringMatching(/Z$/),
        ended_at: expect.stringMatching(/Z$/),
        duration: expect.any(Number),
        progress: 100,
        error: null,
        result: { n: 7 },
        parent_execution_id: null,
        metadata: { order: 12 },
      },
    })
    expect(message?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'noetl-edge',
      'webhook-id': row.id,
    })
    const { origin, secret } = await secretOf(inbox.url)
    expect(inbox.url.startsWith(`${origin}/inbox`)).toBe(true)
    expect(secret).toMatch(/^whsec_[\w+/]{43}=$/)
    expect(message && (await isSigned(message, secret))).toBe(true)
    const { secret: another } = await secretOf('https://a.example')
    expect(message && (await isSigned(message, another))).toBe(false)
    expect(row).toEqual({
      id: message?.id,
      execution_id: id,
      path: expect.stringMatching(/^test\//),
      type: 'execution.completed',
      url: inbox.url,
      credential: null,
      status: 'delivered',
      attempts: 1,
      next_attempt_at: null,
      last_status: 200,
      last_error: null,
      created_at: expect.stringMatching(/Z$/),
      delivered_at: expect.stringMatching(/Z$/),
    })
  })

  test('our own hooks take the message', async () => {
    const inbox = newInbox()
    await runOf(client, atOnce(), { notify: inbox.url })
    const [message] = await inbox.messages()
    const { secret } = await secretOf(inbox.url)
    const target = atOnce()
    await client.register(target)
    const name = `n-${Date.now()}`
    const path = /path: ([^,]+)/.exec(target)?.[1]
    const body = { name, provider: 'standard', path, secrets: [secret] }
    const made = await client.post('/api/hooks', body)
    expect(made.status, made.text).toBe(200)
    const { headers = {} } = message ?? {}
    const signed = Object.entries(headers).filter(([key]) => key.startsWith('webhook-'))
    const received = await client.post(`/hooks/${name}`, message?.body, {
      headers: Object.fromEntries(signed),
    })
    expect(received.body).toMatchObject({ status: 'started' })
  })

  test('a run of steps, a failure, a cancel', async () => {
    const inbox = newInbox()
    const notify = [inbox.url]
    const done = await runOf(client, inSteps(), { notify })
    const failed = await runOf(client, failing(), { notify })
    const cancelled = await runOf(client, waiting(), { notify })
    expect(await inbox.messages()).toHaveLength(2)
    await client.post(`/api/executions/${cancelled}/cancel`, { reason: 'enough' })
    // what comes late does not change how it ended
    await client.post('/api/events', { execution_id: cancelled, event_type: 'note' })
    const told = (await inbox.messages()).map(({ event: { type, data } }) => [
      type,
      data.execution_id,
      data.status,
      data.error,
      data.result,
    ])
    expect(told).toEqual([
      ['execution.completed', done, 'COMPLETED', null, { n: [1] }],
      ['execution.failed', failed, 'FAILED', expect.stringMatching(/nothing/), null],
      ['execution.cancelled', cancelled, 'FAILED', 'cancelled: enough', null],
    ])
    // both times are when their transaction began: it is one
    const rows = await sql`select x.ended_at = n.created_at as together
      from noetl.notification n join noetl.execution x using (execution_id)
      where x.execution_id = any(${[done, failed, cancelled]}::bigint[])`
    expect(rows).toEqual(Array(3).fill({ together: true }))
  })

  test('all whom request and playbook name, each once', async () => {
    const [mine, both, theirs] = [newInbox(), newInbox(), newInbox()]
    const head = `notify: [{url: "${theirs.url}"}, "${both.url}"]`
    const id = await runOf(client, atOnce(head), { notify: [{ url: mine.url }, both.url] })
    const rows = await notificationsOf(client, id)
    expect(rows.map(({ url }: { url: string }) => url)).toEqual([mine.url, both.url, theirs.url])
    for (const inbox of [mine, both, theirs]) expect(await inbox.messages()).toHaveLength(1)
  })

  test('all whom a hook names, of each of its runs', async () => {
    const [inbox, other] = [newInbox(), newInbox()]
    const hook = await hookOf(client, { notify: [inbox.url, { url: other.url }] })
    const { body: made } = await client.get(`/api/hooks/${hook.name}`)
    expect(made.notify).toEqual([
      { url: inbox.url, credential: null },
      { url: other.url, credential: null },
    ])
    const { body } = await deliver(client, hook, { n: 1 })
    for (const each of [inbox, other]) {
      const [message] = await each.messages()
      expect(message?.event.data).toMatchObject({
        execution_id: body.execution_id,
        metadata: { hook: { name: hook.name } },
      })
    }
    await client.send('PATCH', `/api/hooks/${hook.name}`, { notify: inbox.url })
    await deliver(client, hook, { n: 2 })
    expect([await inbox.messages(), await other.messages()].map(({ length }) => length)).toEqual([
      2, 1,
    ])
    const bad = await strict.send('PATCH', `/api/hooks/${hook.name}`, {
      notify: 'http://127.0.0.1/',
    })
    expect([bad.status, bad.body.errors]).toMatchObject([422, [{ pointer: '/notify/0' }]])
  })

  test('a child execution of whose playbook says so, and nobody of the request waits for it', async () => {
    const [inbox, other] = [newInbox('?slow=400'), newInbox()]
    const child = atOnce(`notify: "${inbox.url}"`)
    const path = /path: ([^,]+)/.exec(child)?.[1]
    await client.register(child)
    const steps = `  - {step: start, next: a}\n  - {step: a, type: playbook, path: "${path}", next: end}\n  - {step: end}`
    const id = await runOf(client, playbook(steps), { notify: other.url })
    const [told] = await inbox.messages()
    expect(told?.event.data).toMatchObject({ path, parent_execution_id: id })
    const [parent] = await other.messages()
    expect(parent?.event.data).toMatchObject({ execution_id: id })
    // the parent went on before the child's receiver had answered
    const [row] = await sql`select x.ended_at < n.delivered_at as before from noetl.execution x,
      noetl.notification n where x.execution_id = ${id} and n.url = ${inbox.url}`
    expect(row?.before).toBe(true)
  })

  test('a child execution that ends with its parent', async () => {
    const inbox = newInbox()
    const child = `${waiting()}\nnotify: "${inbox.url}"`
    const path = /path: ([^,]+)/.exec(child)?.[1]
    await client.register(child)
    const steps = `  - {step: start, next: a}\n  - {step: a, type: playbook, path: "${path}", next: end}\n  - {step: end}`
    const id = await runOf(client, playbook(steps), {})
    await client.post(`/api/executions/${id}/cancel`, {})
    const [told] = await inbox.messages()
    expect(told?.event).toMatchObject({ type: 'execution.cancelled', data: { path } })
  })

  test('integers beyond 2^53 keep their digits; what is too large is left out and said to be', async () => {
    const inbox = newInbox()
    const catalog_id = await client.register(atOnce())
    await client.post(
      '/api/executions/run',
      `{"catalog_id": "${catalog_id}", "parameters": {"n": 9007199254740993}, "notify": "${inbox.url}"}`,
    )
    await client.post('/api/executions/run', {
      catalog_id,
      parameters: { n: 'x'.repeat(70_000) },
      metadata: { long: 'x'.repeat(20_000) },
      notify: inbox.url,
    })
    const [long, large] = await inbox.messages()
    expect(long?.body).toContain('"result":{"n":9007199254740993}')
    expect(large?.event.data).toMatchObject({
      result: null,
      result_omitted: true,
      metadata: null,
      metadata_omitted: true,
    })
    expect(large?.body.length).toBeLessThan(1_000)
  })
})

describe('credentials', () => {
  const secrets = [1, 2].map((n) => `whsec_${btoa(String.fromCharCode(...Array(24).fill(n)))}`)
  const put = (name: string, type: string, data: object) =>
    client.post('/api/credentials', { name, type, data })

  beforeAll(async () => {
    await put('receiver', 'webhook', { secret: secrets[0] })
    await put('changing', 'webhook', { secrets })
    await put('odd', 'webhook', { secret: 'whsec_c2hvcnQ=' })
    await put('database', 'postgres', { secret: secrets[0] })
  })

  test('sign in place of the origin, all of their secrets do', async () => {
    const [one, two] = [newInbox(), newInbox()]
    const id = await runOf(client, atOnce(), {
      notify: [
        { url: one.url, credential: 'receiver' },
        { url: two.url, credential: 'changing' },
      ],
    })
    const [[first], [second]] = [await one.messages(), await two.messages()]
    if (!first || !second) throw new Error('nothing came')
    expect([first.signatures.length, second.signatures.length]).toEqual([1, 2])
    expect(await isSigned(first, secrets[0] ?? '')).toBe(true)
    expect(await isSigned(first, (await secretOf(one.url)).secret)).toBe(false)
    for (const secret of secrets) expect(await isSigned(second, secret)).toBe(true)
    const { text } = await client.get(`/api/notifications?execution_id=${id}`)
    expect(text).not.toContain('whsec')
    expect(text).not.toContain(first.signatures[0]?.slice(3))
  })

  test.each([
    ['nobody', 'Credential not found'],
    ['database', 'its credential is not of type webhook'],
    ['odd', 'its credential has no secrets of the form whsec_BASE64, of 24 to 64 bytes'],
  ])('%s cannot: nothing is sent, and tried again', async (credential, last_error) => {
    const inbox = newInbox()
    const id = await runOf(client, atOnce(), { notify: { url: inbox.url, credential } })
    const [row] = await notificationsOf(client, id)
    expect(row).toMatchObject({ status: 'pending', attempts: 1, last_status: null, last_error })
    expect(await inbox.messages()).toEqual([])
  })
})

describe('a receiver that does not take it', () => {
  test('is sent the same message until it does, by the sweeper', async () => {
    const inbox = newInbox('?status=500,503,204')
    const id = await runOf(client, atOnce(), { parameters: { n: 1 }, notify: inbox.url })
    const [first] = await notificationsOf(client, id)
    expect(first).toMatchObject({
      status: 'pending',
      attempts: 1,
      last_status: 500,
      last_error: 'HTTP 500',
    })
    // not before its time
    await sql`update noetl.notification set available_at = now() + interval '1 hour' where execution_id = ${id}`
    await client.tick()
    expect(await inbox.messages()).toHaveLength(1)
    for (const attempts of [2, 3]) {
      await bringForward(client, id)
      await client.tick()
      expect((await notificationsOf(client, id))[0]).toMatchObject({ attempts })
    }
    const [last] = await notificationsOf(client, id)
    expect(last).toMatchObject({ status: 'delivered', last_status: 204, last_error: null })
    await client.tick()
    const messages = await inbox.messages()
    expect(messages).toHaveLength(3)
    expect(new Set(messages.map((message) => message.id))).toEqual(new Set([first.id]))
    expect(new Set(messages.map(({ body }) => body)).size).toBe(1)
    const { secret } = await secretOf(inbox.url)
    for (const message of messages) expect(await isSigned(message, secret)).toBe(true)
    const { text } = await client.get(`/api/notifications?execution_id=${id}`)
    expect(text).not.toContain('what the receiver says')
  })

  test('gets ten attempts over three days, then the message is dead; redriven it begins again', async () => {
    const inbox = newInbox(`?status=${Array(10).fill(500)},200`)
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    const delays: number[] = []
    for (let attempt = 1; attempt < 10; attempt++) {
      const [row] = await sql`select extract(epoch from available_at - now())::float8 as delay
        from noetl.notification where execution_id = ${id}`
      delays.push(row?.delay)
      await bringForward(client, id)
      await client.tick()
    }
    const least = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    for (const [index, delay] of delays.entries()) {
      // a few seconds went by since it was planned
      expect(delay).toBeGreaterThan((least[index] ?? 0) - 5)
      expect(delay).toBeLessThan((least[index] ?? 0) * 1.2)
    }
    const [dead] = await notificationsOf(client, id)
    expect(dead).toMatchObject({ status: 'dead', attempts: 10, last_status: 500 })
    await client.tick()
    expect(await inbox.messages()).toHaveLength(10)

    const redriven = await client.post(`/api/notifications/${dead.id}/redrive`, undefined)
    expect(redriven.body).toMatchObject({ id: dead.id, status: 'pending', attempts: 0 })
    const messages = await inbox.messages()
    expect(messages).toHaveLength(11)
    expect(new Set(messages.map((message) => message.id)).size).toBe(1)
    expect((await notificationsOf(client, id))[0]).toMatchObject({
      status: 'delivered',
      attempts: 1,
    })
    const again = await client.post(`/api/notifications/${dead.id}/redrive`, undefined)
    expect([again.status, again.body.detail]).toEqual([
      409,
      'the notification is delivered, not dead',
    ])
    const { body } = await client.get('/api/audit?action=notification.redriven')
    const lines = body.items.filter((line: { subject: string }) => line.subject.endsWith(dead.id))
    expect(lines).toHaveLength(1)
  })

  test('redriven twice by a lost answer, is so once', async () => {
    const inbox = newInbox('?status=410')
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    const [{ id: notification }] = await notificationsOf(client, id)
    const faulty = newClient()
    await faulty.faults({ rate: 1, kinds: ['reset_after'], seed: 1, times: 1 })
    const { status, text } = await faulty.post(
      `/api/notifications/${notification}/redrive`,
      undefined,
    )
    expect(status, text).toBe(200)
    expect(await inbox.messages()).toHaveLength(2)
    const { body } = await client.get(`/api/audit?subject=notification:${notification}`)
    expect(body.items).toHaveLength(1)
  })

  test('and says 410 is not asked again', async () => {
    const inbox = newInbox('?status=410')
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    const [row] = await notificationsOf(client, id)
    expect(row).toMatchObject({ status: 'dead', attempts: 1, last_status: 410 })
    await client.tick()
    expect(await inbox.messages()).toHaveLength(1)
  })

  test.each([
    [429, '600', 600],
    [503, '600', 600],
    [503, '100000', 86_400],
    [503, '1', 5],
    [500, '600', 5],
  ])('and says %i with Retry-After: %s waits %i s', async (status, retryAfter, seconds) => {
    const inbox = newInbox(`?status=${status}&retry_after=${retryAfter}`)
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    const [row] = await sql`select extract(epoch from available_at - now())::float8 as delay
      from noetl.notification where execution_id = ${id}`
    expect(row?.delay).toBeGreaterThan(seconds - 5)
    expect(row?.delay).toBeLessThanOrEqual(Math.max(seconds, 6))
  })

  test('and leads elsewhere is not followed', async () => {
    const elsewhere = newInbox()
    const inbox = newInbox(`?status=307&to=${encodeURIComponent(elsewhere.url)}`)
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    const last_error = 'HTTP 307: redirects are not followed'
    expect((await notificationsOf(client, id))[0]).toMatchObject({ status: 'pending', last_error })
    expect(await elsewhere.messages()).toEqual([])
  })

  test('and is not there leaves the run as it is', async () => {
    const id = await runOf(client, atOnce(), { notify: 'http://127.0.0.1:9/' })
    const [row] = await notificationsOf(client, id)
    expect(row).toMatchObject({ status: 'pending', last_status: null, last_error: 'no reply' })
    expect((await client.get(`/api/executions/${id}`)).body.status).toBe('COMPLETED')
  })
})

describe('where messages may go', () => {
  test.each([
    ['http://127.0.0.1/', /not a public address/],
    ['http://169.254.169.254/latest', /not a public address/],
    ['http://[::1]/', /not a public address/],
    ['http://intranet/', /not a public address/],
    ['https://evil.example/', /HTTP_DENY_HOSTS/],
  ])('%s is refused when it is asked for', async (url, why) => {
    const catalog_id = await strict.register(atOnce())
    const run = { catalog_id, notify: ['https://example.org/', url] }
    const { status, body } = await strict.post('/api/executions/run', run)
    expect([status, body.errors]).toEqual([
      422,
      [{ pointer: '/notify/1', detail: expect.stringMatching(why) }],
    ])
    const [row] =
      await sql`select count(*)::int as n from noetl.execution where catalog_id = ${catalog_id}`
    expect(row?.n).toBe(0)
  })

  test('and of a playbook when it is to be sent: it is dead at once', async () => {
    const inbox = newInbox()
    const id = await runOf(strict, atOnce(`notify: "${inbox.url}"`), {})
    expect((await notificationsOf(client, id))[0]).toMatchObject({
      status: 'dead',
      attempts: 1,
      last_error: expect.stringMatching(/^127.0.0.1 is not allowed/),
    })
    expect(await inbox.messages()).toEqual([])
  })

  test('the longest address does not keep a run from ending', async () => {
    const random = Array.from(crypto.getRandomValues(new Uint8Array(1_020)), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join('')
    const url = `http://127.0.0.1:9/${random}`.slice(0, 2_048)
    const id = await runOf(client, inSteps(), { notify: url })
    expect((await notificationsOf(client, id))[0]).toMatchObject({ url, status: 'pending' })
    expect((await client.get(`/api/executions/${id}`)).body.status).toBe('COMPLETED')
  })

  test.each([
    [{ notify: 'ftp://a.example' }, '/notify'],
    [{ notify: ['https://u:p@a.example'] }, '/notify/0'],
    [{ notify: Array.from({ length: 6 }, (_, n) => `https://a.example/${n}`) }, '/notify'],
    [{ notify: [{ url: 'https://a.example', header: 'x' }] }, '/notify/0/header'],
    [{ notify: 7 }, '/notify'],
  ])('%j is no target', async (given, pointer) => {
    const { status, body } = await client.post('/api/executions/run', { path: 'p', ...given })
    expect([status, body.errors?.[0].pointer]).toEqual([422, pointer])
  })

  test('a playbook with what is no target is refused, with its place', async () => {
    const content = atOnce('notify: [https://a.example, {url: "{{ workload.url }}"}]')
    const { status, body } = await client.post('/api/catalog/register', { content })
    expect([status, body.errors[0]]).toEqual([
      422,
      expect.objectContaining({ pointer: '/notify/1/url', line: 2 }),
    ])
  })

  test('without ENCRYPTION_KEY nobody can be told', async () => {
    const keyless = newClient({ ENCRYPTION_KEY: undefined })
    const catalog_id = await keyless.register(atOnce())
    const run = { catalog_id, notify: 'https://a.example' }
    expect((await keyless.post('/api/executions/run', run)).status).toBe(503)
    expect((await keyless.post('/api/executions/run', { catalog_id })).status).toBe(200)
  })
})

describe('the outbox', () => {
  test('costs a run of which nobody is told nothing, and a delivery two round trips', async () => {
    const inbox = newInbox()
    const catalogId = await client.register(inSteps())
    await client.run(catalogId)
    const trips = async (request: object) => {
      const before = await client.trips()
      await client.post('/api/executions/run', { catalog_id: catalogId, ...request })
      return (await client.trips()) - before
    }
    const alone = await trips({})
    expect(alone).toBe(2)
    expect(await trips({ notify: inbox.url })).toBe(alone + 2)
    expect(await trips({ notify: [1, 2, 3].map((n) => `${inbox.url}-${n}`) })).toBe(alone + 2)
  })

  test('has nothing of an execution that has not ended, or of which nobody is told', async () => {
    const inbox = newInbox()
    const open = await runOf(client, waiting(), { notify: inbox.url })
    const untold = await runOf(client, inSteps(), {})
    expect(await notificationsOf(client, open)).toEqual([])
    expect(await notificationsOf(client, untold)).toEqual([])
    expect(await inbox.messages()).toEqual([])
  })

  test('is written with the end, or not at all: what then gets lost the sweeper sends', async () => {
    const killed = newClient()
    const inbox = newInbox()
    const catalog_id = await killed.register(atOnce())
    await killed.run(catalog_id)
    // the start is answered, and nothing after it
    await killed.faults({ rate: 1, kinds: ['refuse'], skip: 1 })
    const run = { catalog_id, notify: inbox.url }
    const { body } = await killed.post('/api/executions/run', run)
    await killed.noFaults()
    const id = body.execution_id
    const [row] = await notificationsOf(client, id)
    expect(row).toMatchObject({ type: 'execution.completed', status: 'pending', attempts: 0 })
    expect(await inbox.messages()).toEqual([])
    await client.tick()
    expect((await inbox.messages()).map((message) => message.id)).toEqual([row.id])
    expect((await notificationsOf(client, id))[0].status).toBe('delivered')
  })

  test.each(['reset_during', 'reset_after', 'empty_400'])(
    'has one message for each receiver, however often statements are sent: %s',
    async (kind) => {
      for (let skip = 0; skip < 5; skip++) {
        const faulty = newClient()
        const [one, two] = [newInbox(), newInbox()]
        const catalog_id = await faulty.register(inSteps())
        await faulty.run(catalog_id)
        await faulty.faults({ rate: 1, kinds: [kind], seed: skip, skip, times: 1 })
        const run = { catalog_id, notify: [one.url, two.url] }
        const { body } = await faulty.post('/api/executions/run', run)
        await faulty.noFaults()
        const id = body.execution_id
        // a lease whose answer was lost runs out
        await sql`update noetl.notification set lease_until = now() - interval '1 second'
          where execution_id = ${id} and lease_until is not null`
        await client.tick()
        const rows = await notificationsOf(client, id)
        expect(rows.map(({ status }: { status: string }) => status)).toEqual(
          Array(2).fill('delivered'),
        )
        for (const [index, inbox] of [one, two].entries()) {
          const ids = (await inbox.messages()).map((message) => message.id)
          expect(new Set(ids)).toEqual(new Set([rows[index].id]))
        }
      }
    },
    60_000,
  )

  test('is leased once, though the answer of the lease was lost: it is sent without waiting', async () => {
    const faulty = newClient()
    const inbox = newInbox()
    const catalog_id = await faulty.register(inSteps())
    await faulty.run(catalog_id)
    // the start, the step's append, the lease
    await faulty.faults({ rate: 1, kinds: ['reset_after'], seed: 1, skip: 2, times: 1 })
    const run = { catalog_id, notify: inbox.url }
    const { body } = await faulty.post('/api/executions/run', run)
    await faulty.noFaults()
    const [row] = await notificationsOf(client, body.execution_id)
    expect(row).toMatchObject({ status: 'delivered', attempts: 1 })
    expect(await inbox.messages()).toHaveLength(1)
  })

  test('believes who has lost its lease only that the message was taken', async () => {
    const id = await runOf(client, atOnce(), { notify: 'http://127.0.0.1:9/' })
    // made due and leased in one transaction: the sweeps of tests beside this one would lease it between
    const leaseOnce = async (lease_id: string, due: ReturnType<typeof sql>) =>
      (
        await sql.transaction([
          due,
          leaseDue(sql, { lease_id, execution_id: id, without: [], limit: 1 }),
        ])
      )[1]
    const [{ id: notification_id }] = await notificationsOf(client, id)
    const report = (status: 'dead' | 'delivered') => {
      const nothing = { last_status: null, last_error: null, delay: null, is_skipped: false }
      return reportSent(sql, '11', [{ notification_id, status, ...nothing }], [])
    }
    const available = sql`update noetl.notification set available_at = now() - interval '1 second'
      where execution_id = ${id}`
    const ended = sql`update noetl.notification set lease_until = now() - interval '1 second'
      where execution_id = ${id}`
    expect(await leaseOnce('11', available)).toHaveLength(1)
    expect(await leaseOnce('12', available)).toHaveLength(0)
    expect(await leaseOnce('12', ended)).toHaveLength(1)
    await report('dead')
    const standing = await sql`select status, lease_id::text from noetl.notification
      where execution_id = ${id}`
    expect(standing).toEqual([{ status: 'pending', lease_id: '12' }])
    await report('delivered')
    expect((await notificationsOf(client, id))[0].status).toBe('delivered')
  })

  test('is sent a part at a time, by turns: who is away keeps nobody else waiting', async () => {
    const fresh = newInbox()
    const id = await runOf(client, atOnce(), { notify: fresh.url })
    // tried often, and not for long; the many for another receiver are new and have waited
    await sql`update noetl.notification set status = 'pending', attempts = 8, delivered_at = null,
      available_at = now() - interval '1 second' where execution_id = ${id}`
    await sql`insert into noetl.notification (notification_id, execution_id, path, event_type, url, available_at)
      select noetl.id_at(now()) + n, ${id}::bigint, 'p', 'execution.completed', 'http://127.0.0.1:9/' || n,
        now() - interval '1 hour'
      from generate_series(1, 200) n`
    await newClient({ EDGE_MAX_STEPS: '1' }).tick()
    const of = async (
      url: string,
    ) => sql`select status, attempts, last_error from noetl.notification
      where execution_id = ${id} and url like ${url}`
    expect(await of(fresh.url)).toMatchObject([{ status: 'delivered', attempts: 9 }])
    await client.tick()
    const others = await of('http://127.0.0.1:9/%')
    // two find in each sweep, of which tests beside this one have some that it is away, and the others have lost no attempt by that
    expect(others.filter(({ attempts }) => attempts === 1).length).toBeLessThan(30)
    expect(others.filter(({ attempts }) => attempts === 0).length).toBeGreaterThan(170)
    expect(others.every(({ status }) => status === 'pending')).toBe(true)
    // what has waited for too long is given up, once it is found that the receiver is still away
    await sql`update noetl.notification set available_at = now() - make_interval(days => case
      when url like '%/16_' then 6 else 8 end) where execution_id = ${id} and status = 'pending'`
    for (let n = 0; n < 5; n++) await client.tick()
    expect(await of('http://127.0.0.1:9/170')).toMatchObject([
      { status: 'dead', attempts: 0, last_error: expect.stringContaining('7 days') },
    ])
    expect(await of('http://127.0.0.1:9/169')).toMatchObject([{ status: 'pending' }])
    await sql`delete from noetl.notification where execution_id = ${id} and url like 'http://127.0.0.1:9/%'`
  })

  test('has two posts at once for one receiver, so that one that hangs leaves room', async () => {
    const slow = Array.from({ length: 5 }, () => newInbox('?slow=600'))
    const other = newInbox()
    const [elsewhere] = [other.url.replace('127.0.0.1', 'localhost')]
    const began = Date.now()
    const id = await runOf(client, atOnce(), {
      notify: [...slow.map(({ url }) => url).slice(0, 4), elsewhere],
    })
    expect(Date.now() - began).toBeGreaterThan(1_150)
    const rows = await notificationsOf(client, id)
    expect(rows.map(({ status }: { status: string }) => status)).toEqual(Array(5).fill('delivered'))
    const at = (url: string) =>
      rows.find((row: { url: string }) => row.url === url)?.delivered_at ?? ''
    expect(at(elsewhere ?? '')).not.toBe('')
  })

  test('a lease that is sent twice has what it had, and no more', async () => {
    const id = await runOf(client, atOnce(), { notify: 'http://127.0.0.1:9/' })
    await sql`insert into noetl.notification (notification_id, execution_id, path, event_type, url)
      select noetl.id_at(now()) + n, ${id}::bigint, 'p', 'execution.completed', 'http://twice.example/' || n
      from generate_series(1, 100) n`
    for (const execution_id of [id, null]) {
      const lease_id = String(Date.now())
      const lease = () => leaseDue(sql, { lease_id, execution_id, without: [], limit: 30 })
      // in one transaction, so that no sweep of another test comes between
      const [first = [], again = []] = await sql.transaction([
        lease(),
        lease(),
        sql`update noetl.notification set lease_id = null, lease_until = null where lease_id = ${lease_id}`,
      ])
      const ids = (rows: Record<string, unknown>[]) =>
        rows.map((row) => `${row.notification_id} ${row.attempts}`).sort()
      expect(first).toHaveLength(30)
      expect(ids(again)).toEqual(ids(first))
    }
    await sql`delete from noetl.notification where execution_id = ${id}`
  })

  test('gives up on what nobody reports on, in the last attempt only', async () => {
    const inbox = newInbox('?status=500')
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    const silent = (attempts: number) => sql`update noetl.notification set attempts = ${attempts},
      lease_id = 1, lease_until = now() - interval '1 second', available_at = now()
      where execution_id = ${id}`
    await silent(9)
    await client.tick()
    expect(await inbox.messages()).toHaveLength(2)
    await sql`update noetl.notification set status = 'pending' where execution_id = ${id}`
    await silent(10)
    await client.tick()
    expect(await inbox.messages()).toHaveLength(2)
    const last_error = 'no sign of life from whoever sent it'
    expect((await notificationsOf(client, id))[0]).toMatchObject({ status: 'dead', last_error })
  })

  test('is tidied: delivered ones go after a week, dead ones after a month, pending ones never', async () => {
    const id = await runOf(client, atOnce(), {})
    await sql`insert into noetl.notification (notification_id, execution_id, path, event_type, url, status,
        delivered_at, available_at)
      select noetl.id_at(now() - make_interval(days => days)) + n, ${id}::bigint, 'p', 'execution.failed',
        status || ' ' || days, status, case when status = 'delivered' then now() end, 'infinity'
      from unnest(array['delivered', 'dead', 'pending']) with ordinality s(status, n),
        unnest(array[6, 8, 29, 31]) days`
    await client.tick()
    const rows =
      await sql`select url from noetl.notification where execution_id = ${id} order by url`
    expect(rows.map(({ url }) => url)).toEqual([
      ...['dead 29', 'dead 6', 'dead 8', 'delivered 6'],
      ...['pending 29', 'pending 31', 'pending 6', 'pending 8'],
    ])
    await sql`delete from noetl.notification where execution_id = ${id}`
  })

  test('whose execution is gone is dead', async () => {
    const inbox = newInbox('?status=500')
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    await sql`delete from noetl.execution where execution_id = ${id}`
    await bringForward(client, id)
    await client.tick()
    const last_error = 'its execution is kept no longer'
    expect((await notificationsOf(client, id))[0]).toMatchObject({ status: 'dead', last_error })
  })
})

describe('keys of a part of the playbooks', () => {
  test('see and redrive what is theirs', async () => {
    const closed = newClient({ ACCESS: undefined, API_KEY: 'k'.repeat(16) })
    const root = { headers: { authorization: `Bearer ${'k'.repeat(16)}` } }
    const inbox = newInbox('?status=410')
    const id = await runOf(client, atOnce(), { notify: inbox.url })
    const [row] = await notificationsOf(client, id)
    const keyFor = async (path_prefix: string, ...scopes: string[]) => {
      const body = { name: `${path_prefix} ${scopes} ${Date.now()}`, scopes, path_prefix }
      const made = await closed.post('/api/keys', body, root)
      return { headers: { authorization: `Bearer ${made.body.key}` } }
    }
    const own = await keyFor(row.path.replace(/p$/, ''), 'hook')
    const other = await keyFor('elsewhere/', 'hook')
    const reader = await keyFor(row.path.replace(/p$/, ''), 'read', 'run')
    const list = `/api/notifications?execution_id=${id}`
    const seen = async (key: object) => (await closed.send('GET', list, undefined, key)).body
    expect((await seen(own)).items).toHaveLength(1)
    expect((await seen(other)).items).toEqual([])
    expect((await seen(reader)).status).toBe(403)
    const address = `/api/notifications/${row.id}/redrive`
    expect((await closed.post(address, undefined, other)).status).toBe(404)
    expect((await closed.post(address, undefined, reader)).status).toBe(403)
    expect((await closed.post(address, undefined, own)).status).toBe(200)
    expect(await inbox.messages()).toHaveLength(2)
  })

  test('pages are whole, newest first', async () => {
    const inbox = newInbox()
    const notify = [1, 2, 3, 4, 5].map((n) => `${inbox.url}-${n}`)
    const id = await runOf(client, atOnce(), { notify })
    const urls: string[] = []
    let cursor = ''
    for (let pages = 0; pages < 3; pages++) {
      const path = `/api/notifications?execution_id=${id}&status=delivered&limit=2${cursor}`
      const { body, headers } = await client.get(path)
      urls.push(...body.items.map(({ url }: { url: string }) => url))
      cursor = `&cursor=${headers.get('x-next-cursor')}`
      expect(headers.has('link')).toBe(pages < 2)
    }
    expect(urls).toEqual(notify.toReversed())
  })
})
