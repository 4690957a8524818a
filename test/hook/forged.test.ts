// The corpus of forgeries through HTTP: none starts a run, none leaves more than its refusal.
import { neon } from '@neondatabase/serverless'
import { afterEach, expect, test, vi } from 'vitest'
import { newClient, type Reply } from '../support.ts'
import { type Forged, forged, type Plain, replays, TOLERANCE } from './corpus.ts'
import { hookOf, type TestHook } from './support.ts'

const client = newClient()
const sql = neon(client.env.DATABASE_URL as string)
/** As it is told to Twilio; the address that is called is the hook's own. */
const PUBLIC_URL = 'https://hooks.example.org/hooks/corpus?tenant=1'

async function send({ name }: TestHook, { method, headers, body, url }: Plain): Promise<Reply> {
  const { search } = new URL(url)
  const response = await client.fetch(`http://edge.localhost/hooks/${name}${search}`, {
    method,
    headers,
    body: body as Uint8Array<ArrayBuffer>,
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) }
}

/** One hook for each provider and its secrets; null when such secrets are refused from the start. */
const hooks = new Map<string, TestHook | null>()

async function hookFor({ provider, secrets }: Pick<Forged, 'provider' | 'secrets'>, url: string) {
  const settings = {
    provider,
    secrets: provider === 'none' ? [] : secrets,
    tolerance_seconds: TOLERANCE,
    public_url: url,
  }
  const key = JSON.stringify(settings)
  const known = hooks.get(key)
  if (known !== undefined) return known
  const hook = await hookOf(client, settings).catch((error: Error) => {
    expect(error.message).toMatch(/"pointer":"\/secrets/)
    return null
  })
  hooks.set(key, hook)
  return hook
}

afterEach(() => {
  vi.useRealTimers()
})

test('at least 220 forged deliveries start no run, and leave refusals alone', async () => {
  // some are late or early by a second
  const now = Date.now()
  vi.useFakeTimers({ now, toFake: ['Date'] })
  const cases = await forged({ now, url: PUBLIC_URL })
  expect(cases.length).toBeGreaterThanOrEqual(220)
  const statuses = new Map<number, string[]>()
  for (const one of cases) {
    const hook = await hookFor(one, one.incoming.url)
    if (hook === null) continue
    const { status, text } = await send(hook, one.incoming)
    expect([one.name, [400, 401, 413, 422].includes(status)], text).toEqual([one.name, true])
    statuses.set(status, [...(statuses.get(status) ?? []), one.name])
  }
  expect(statuses.get(401)?.length).toBeGreaterThan(200)
  const ours = [...hooks.values()].filter((hook) => hook !== null)
  const paths = ours.map(({ path }) => path)
  const [found] = await sql`select
    (select count(*)::int from noetl.execution where path = any(${paths})) as executions,
    (select count(*)::int from noetl.hook_delivery d join noetl.hook h using (hook_id)
      where h.path = any(${paths}) and (d.result <> 'refused' or d.body is not null
        or d.headers <> '{}' or d.query <> '{}' or d.delivery_id is not null)) as others,
    (select count(*)::int from noetl.hook_delivery d join noetl.hook h using (hook_id)
      where h.path = any(${paths})) as deliveries`
  expect([found?.executions, found?.others]).toEqual([0, 0])
  expect(found?.deliveries).toBeGreaterThan(100)
}, 120_000)

test('replays under another id start no second run', async () => {
  const all = await replays({ now: Date.now(), url: PUBLIC_URL })
  expect(all.length).toBeGreaterThan(0)
  for (const { name, provider, secrets, first, again } of all) {
    const hook = await hookOf(client, { provider, secrets, public_url: PUBLIC_URL })
    const started = await send(hook, first)
    expect([name, started.status, started.body.status]).toEqual([name, 202, 'started'])
    const repeated = await send(hook, again)
    expect([name, repeated.status, repeated.text]).toEqual([name, 202, started.text])
    const runs = (await client.get(`/api/executions?path=${hook.path}`)).body
    expect([name, runs.length]).toEqual([name, 1])
  }
})
