import { neon } from '@neondatabase/serverless'
import { describe, expect, test, vi } from 'vitest'
import { newKey, withKey } from '../access/callers.ts'
import { newClient } from '../support.ts'
import { deliver, hookOf, SECRET } from './support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
const TOKEN = 'a-token-of-sixteen-and-more'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

describe('a hook', () => {
  test('is shown as it was made, and its secrets never', async () => {
    const { name, path } = await hookOf(client, { filter: "event_type == 'push'" })
    const { status, body, text } = await client.get(`/api/hooks/${name}`)
    expect([status, body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^\d+$/),
        name,
        url: `/hooks/${name}`,
        provider: 'github',
        path,
        version: null,
        secret_count: 1,
        header: null,
        public_url: null,
        tolerance_seconds: 300,
        filter: "event_type == 'push'",
        parameters: null,
        delivery_id: null,
        merge: false,
        identical_content: 'refuse',
        overlap: 'allow',
        notify: [],
        enabled: true,
        may_wait: true,
        path_prefix: null,
        max_body_bytes: 1_048_576,
        keep_body_bytes: 65_536,
        keep_days: 7,
        created_by: 'open',
        created_at: expect.stringMatching(TIME),
        updated_at: expect.stringMatching(TIME),
      },
    ])
    expect(text).not.toContain(SECRET)
    const [row] = await sql`select h::text as row from noetl.hook h where h.name = ${name}`
    expect(row?.row).not.toContain(SECRET)
    const audit = (await client.get(`/api/audit?subject=hook:${name}`)).body.items
    expect(audit).toMatchObject([{ action: 'hook.created', actor: 'open', detail: { path } }])
  })

  test('gets a secret that is shown once, where the provider leaves it to us', async () => {
    const { path } = await hookOf(client)
    for (const provider of ['standard', 'github', 'token', 'bearer', 'cloudevents']) {
      const made = await client.post('/api/hooks', {
        name: `${provider}-${Date.now()}`,
        path,
        provider,
      })
      expect([provider, made.status], made.text).toEqual([provider, 200])
      expect(made.body.drawn_secret).toMatch(
        provider === 'standard' ? /^whsec_[A-Za-z0-9+/]{43}=$/ : /^[\w-]{43}$/,
      )
      const shown = await client.get(`/api/hooks/${made.body.name}`)
      expect(shown.text).not.toContain(made.body.drawn_secret)
    }
    for (const provider of ['stripe', 'slack', 'shopify', 'twilio']) {
      const made = await client.post('/api/hooks', {
        name: `${provider}-${Date.now()}`,
        path,
        provider,
      })
      expect([made.status, made.body.detail]).toEqual([
        422,
        `secrets: ${provider} needs at least one`,
      ])
    }
  })

  test.each([
    ['a name in use', {}, 409],
    ['no playbook', { name: 'other-1', path: 'nowhere/at/all' }, 422],
    ['a version that is not there', { name: 'other-2', version: 7 }, 422],
    ['a filter that is none', { name: 'other-3', filter: 'a ==' }, 422],
    ['a mapping that is none', { name: 'other-4', parameters: { a: '{{ b' } }, 422],
    ['a short secret', { name: 'other-5', secrets: ['short'] }, 422],
    ['a secret where none counts', { name: 'other-6', provider: 'none' }, 422],
    ['an unknown provider', { name: 'other-7', provider: 'hearsay' }, 422],
    ['a name that is no address', { name: 'a/b' }, 422],
    ['too many secrets', { name: 'other-8', secrets: Array(9).fill(SECRET) }, 422],
  ])('is refused with %s', async (_what, change, status) => {
    const { name, path } = await hookOf(client)
    const base = { name, path, provider: 'github', secrets: [SECRET] }
    const reply = await client.post('/api/hooks', { ...base, ...change })
    expect([reply.status, reply.body.title !== undefined], reply.text).toEqual([status, true])
    expect(reply.text).not.toContain(SECRET)
  })

  test('is changed in what is named, and known everywhere within a minute', async () => {
    const hook = await hookOf(client)
    expect((await deliver(client, hook, { n: 1 })).status).toBe(202)
    const changed = await client.send('PATCH', `/api/hooks/${hook.name}`, { enabled: false })
    expect(changed.body).toMatchObject({ enabled: false, provider: 'github', secret_count: 1 })
    // this isolate knows at once
    expect((await deliver(client, hook, { n: 2 })).status).toBe(404)
    await client.send('PATCH', `/api/hooks/${hook.name}`, { enabled: true })
    expect((await deliver(client, hook, { n: 3 })).status).toBe(202)
    // another learns by and by
    await sql`update noetl.hook set enabled = false where name = ${hook.name}`
    expect((await deliver(client, hook, { n: 4 })).status).toBe(202)
    vi.useFakeTimers({ now: Date.now() + 59_000, toFake: ['Date'] })
    try {
      expect((await deliver(client, hook, { n: 5 })).status).toBe(404)
    } finally {
      vi.useRealTimers()
    }
    expect((await client.send('PATCH', `/api/hooks/${hook.name}`, {})).status).toBe(422)
    // what cannot be changed is not dropped in silence
    const other = await client.send('PATCH', `/api/hooks/${hook.name}`, { provider: 'none' })
    expect(other.status).toBe(422)
    const shown = await client.get(`/api/hooks/${hook.name}`)
    expect(shown.body.version).toBeNull()
    const same = await client.send('PATCH', `/api/hooks/${hook.name}`, { version: null })
    expect(same.body.version).toBeNull()
    expect((await client.send('PATCH', '/api/hooks/nobody', { enabled: true })).status).toBe(404)
  })

  test('takes both secrets while one takes the place of the other', async () => {
    const hook = await hookOf(client)
    const rotated = await client.post(`/api/hooks/${hook.name}/rotate`, { keep: 1 })
    expect(rotated.body).toMatchObject({ secret_count: 2 })
    const secret = rotated.body.drawn_secret
    expect((await deliver(client, hook, { n: 1 })).status).toBe(202)
    expect((await deliver(client, hook, { n: 2 }, { secret })).status).toBe(202)
    const own = 'chosen by hand, long enough'
    await client.post(`/api/hooks/${hook.name}/rotate`, { secret: own, keep: 0 })
    expect((await deliver(client, hook, { n: 3 })).status).toBe(401)
    expect((await deliver(client, hook, { n: 4 }, { secret })).status).toBe(401)
    expect((await deliver(client, hook, { n: 5 }, { secret: own })).status).toBe(202)
    const audit = await client.get(`/api/audit?subject=hook:${hook.name}`)
    expect(audit.body.items.map(({ action }: { action: string }) => action)).toEqual([
      'hook.rotated',
      'hook.rotated',
      'hook.created',
    ])
    for (const one of [SECRET, secret, own]) expect(audit.text).not.toContain(one)
  })

  test('that is taken away is not found, and its name is free', async () => {
    const hook = await hookOf(client)
    await deliver(client, hook, { n: 1 })
    const removed = await client.send('DELETE', `/api/hooks/${hook.name}`)
    expect([removed.status, removed.body]).toEqual([200, { status: 'ok', name: hook.name }])
    for (const [method, path] of [
      ['GET', `/api/hooks/${hook.name}`],
      ['DELETE', `/api/hooks/${hook.name}`],
      ['GET', `/api/hooks/${hook.name}/deliveries`],
    ] as const) {
      expect((await client.send(method, path)).status).toBe(404)
    }
    expect((await deliver(client, hook, { n: 2 })).status).toBe(404)
    const again = { name: hook.name, path: hook.path, provider: 'github', secrets: [SECRET] }
    expect((await client.post('/api/hooks', again)).status).toBe(200)
    expect((await client.get(`/api/hooks/${hook.name}/deliveries`)).body.items).toEqual([])
    // the sweeper takes what was delivered to the former one, and then itself
    await client.tick()
    const [left] = await sql`select count(*)::int as n from noetl.hook_delivery d
      where not exists (select from noetl.hook h where h.hook_id = d.hook_id and h.deleted_at is null)
        and exists (select from noetl.hook h where h.hook_id = d.hook_id and h.name = ${hook.name})`
    expect(left?.n).toBe(0)
  })

  test('is listed by page, newest first', async () => {
    const made = [await hookOf(client), await hookOf(client), await hookOf(client)]
    const oldest = (await client.get(`/api/hooks/${made[0]?.name}`)).body.id
    const seen: { id: string; name: string }[] = []
    let next = ''
    while (!seen.some(({ id }) => id === oldest)) {
      const page = await client.get(`/api/hooks?limit=2${next}`)
      seen.push(...page.body.items)
      next = `&cursor=${page.headers.get('x-next-cursor')}`
    }
    const ids = seen.map(({ id }) => BigInt(id))
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => (a > b ? -1 : 1)))
    const names = seen.map(({ name }) => name)
    for (const { name } of made) expect(names).toContain(name)
  })
})

describe('deliveries', () => {
  test('are listed newest first, by page and by result', async () => {
    const hook = await hookOf(client, { filter: 'body.n > 1' })
    for (const n of [1, 2, 3]) await deliver(client, hook, { n }, { id: `d${n}` })
    const ids = ({ body }: { body: { items: { delivery_id: string }[] } }) =>
      body.items.map(({ delivery_id }) => delivery_id)
    const url = `/api/hooks/${hook.name}/deliveries`
    const first = await client.get(`${url}?limit=2`)
    expect(ids(first)).toEqual(['d3', 'd2'])
    expect(
      ids(await client.get(`${url}?limit=2&cursor=${first.headers.get('x-next-cursor')}`)),
    ).toEqual(['d1'])
    expect(ids(await client.get(`${url}?result=ignored`))).toEqual(['d1'])
    expect((await client.get(`${url}?result=lost`)).status).toBe(422)
  })

  test('are kept with headers and body, in time and size', async () => {
    const hook = await hookOf(client, { keep_body_bytes: 20 })
    const small = await deliver(client, hook, { n: 1 }, { headers: { 'x-seen': 'yes' } })
    const large = await deliver(client, hook, { text: 'x'.repeat(40) })
    const whole = async (id: string) =>
      (await client.get(`/api/hooks/${hook.name}/deliveries/${id}`)).body
    expect(await whole(small.body.id)).toMatchObject({
      body: { n: 1 },
      headers: { 'x-seen': 'yes' },
    })
    expect(await whole(large.body.id)).toMatchObject({ body: null, is_kept: false, body_bytes: 51 })
    const url = `/api/hooks/${hook.name}/deliveries/${large.body.id}/redeliver`
    expect((await client.post(url, undefined)).status).toBe(409)
    // eight days later
    await sql`update noetl.hook set keep_days = 0 where name = ${hook.name}`
    await client.tick()
    expect(await whole(small.body.id)).toMatchObject({ body: null, headers: null, is_kept: false })
    // what makes a delivery count once stays
    expect((await whole(small.body.id)).result).toBe('started')
  })

  test('are delivered again by hand: each time anew, or once under a key', async () => {
    const hook = await hookOf(client)
    const first = await deliver(client, hook, { n: 1 }, { id: 'd' })
    const url = `/api/hooks/${hook.name}/deliveries/${first.body.id}/redeliver`
    const headers = { 'idempotency-key': 'k' }
    const again = [
      await client.post(url, undefined, { headers }),
      await client.post(url, undefined, { headers }),
      await client.post(url, undefined),
    ]
    expect(again.map(({ status, body }) => [status, body.status])).toEqual(
      Array(3).fill([200, 'started']),
    )
    expect(again[1]?.body).toEqual(again[0]?.body)
    // whatever the rules are by then
    await client.send('PATCH', `/api/hooks/${hook.name}`, { parameters: { a: '{{ body.b.c }}' } })
    expect((await client.post(url, undefined, { headers })).body).toEqual(again[0]?.body)
    const runs = (await client.get(`/api/executions?path=${hook.path}`)).body
    expect(runs).toHaveLength(3)
    expect((await client.post(url.replace(first.body.id, '1'), undefined)).status).toBe(404)
  })
})

test('what came before a hook was moved is not for those of its new place', async () => {
  const hook = await hookOf(client)
  const moved = await hookOf(client)
  const first = await deliver(client, hook, { secret: 'of the old place' })
  const [folder = ''] = /^.*\//.exec(moved.path) ?? []
  const { send } = withKey((await newKey(['hook'], { path_prefix: folder })).key)
  const url = `/api/hooks/${hook.name}/deliveries`
  expect((await send('GET', url)).status).toBe(404)
  await client.send('PATCH', `/api/hooks/${hook.name}`, { path: moved.path })
  const second = await deliver(newClient(), hook, { n: 2 })
  const seen = (await send('GET', url)).body.items
  expect(seen.map(({ id }: { id: string }) => id)).toEqual([second.body.id])
  expect((await send('GET', `${url}/${first.body.id}`)).status).toBe(404)
  expect((await send('POST', `${url}/${first.body.id}/redeliver`)).status).toBe(404)
  expect((await client.get(url)).body.items).toHaveLength(2)
})

describe('CloudEvents', () => {
  test('shake hands, and come in both modes as one', async () => {
    const { name, path } = await hookOf(client, {
      provider: 'cloudevents',
      secrets: [TOKEN],
    })
    const shaken = await client.fetch(`http://edge.localhost/hooks/${name}`, {
      method: 'OPTIONS',
      headers: { 'webhook-request-origin': 'events.example.org' },
    })
    expect(shaken.headers.get('webhook-allowed-origin')).toBe('events.example.org')
    const authorization = `Bearer ${TOKEN}`
    const structured = {
      specversion: '1.0',
      id: '1',
      source: '/shop',
      type: 'order.paid',
      data: { total: 7 },
    }
    const one = await client.post(`/hooks/${name}`, structured, {
      headers: { authorization, 'content-type': 'application/cloudevents+json' },
    })
    const two = await client.post(
      `/hooks/${name}`,
      { total: 7 },
      {
        headers: {
          authorization,
          'ce-specversion': '1.0',
          'ce-id': '2',
          'ce-source': '/shop',
          'ce-type': 'order.paid',
        },
      },
    )
    for (const reply of [one, two]) expect(reply.body.status, reply.text).toBe('started')
    const runs = (await client.get(`/api/executions?path=${path}`)).body
    const got = runs.map(({ result }: { result: { got: object } }) => result.got)
    expect(got).toEqual([
      { ...structured, id: '2', datacontenttype: 'application/json' },
      structured,
    ])
    // the same event in the other mode is the same event
    const same = await client.post(
      `/hooks/${name}`,
      { total: 7 },
      {
        headers: {
          authorization,
          'ce-specversion': '1.0',
          'ce-id': '1',
          'ce-source': '/shop',
          'ce-type': 'order.paid',
        },
      },
    )
    expect(same.body).toEqual(one.body)
  })
})

test('Slack gets its challenge back, and starts nothing by it', async () => {
  const secret = '8f742231b10e8888abcd99yyyzzz85a5'
  const hook = await hookOf(client, { provider: 'slack', secrets: [secret] })
  const body = '{"type":"url_verification","challenge":"3eZbrw1a"}'
  const time = String(Math.floor(Date.now() / 1000))
  const { githubSignature } = await import('./support.ts')
  const mac = (await githubSignature(`v0:${time}:${body}`, secret)).replace('sha256=', 'v0=')
  const reply = await client.post(`/hooks/${hook.name}`, body, {
    headers: { 'x-slack-signature': mac, 'x-slack-request-timestamp': time },
  })
  expect([reply.status, reply.text]).toEqual([200, expect.stringContaining('3eZbrw1a')])
  const items = (await client.get(`/api/hooks/${hook.name}/deliveries`)).body.items
  expect(items).toMatchObject([{ result: 'challenged', execution_id: null }])
})

test("GitHub's ping is taken and starts nothing, and is no ticket for another event", async () => {
  const hook = await hookOf(client)
  const ping = await deliver(client, hook, { zen: 'z' }, { id: 'p', event: 'ping' })
  expect([ping.status, ping.body.status]).toEqual([202, 'ignored'])
  const replay = await deliver(client, hook, { zen: 'z' }, { id: 'q', event: 'push' })
  expect(replay.body).toEqual(ping.body)
})

test('a hook of provider none takes anybody at his word', async () => {
  const { name } = await hookOf(client, { provider: 'none', secrets: [] })
  const reply = await client.post(`/hooks/${name}`, { n: 1 })
  expect([reply.status, reply.body.status]).toEqual([202, 'started'])
})
