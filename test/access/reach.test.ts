// What a key with a path prefix may not see is not there: a request about it is answered, byte for byte but for the
// names that it has itself, like one about what nobody ever had, and changes nothing.
import { neon } from '@neondatabase/serverless'
import { beforeAll, expect, test } from 'vitest'
import { SCOPES } from '../../src/access/caller.ts'
import { type Json, toJson } from '../../src/json.ts'
import { declared } from '../routes/description.ts'
import { addressOf, type Bad, type Good, type Sent } from '../routes/line.ts'
import { TABLE } from '../routes/table/index.ts'
import * as world from '../routes/world.ts'
import { playbook, type Reply } from '../support.ts'
import { type KeyClient, newKey, open, withKey } from './callers.ts'

const ALL_BUT_ADMIN = SCOPES.filter((scope) => scope !== 'admin')
const own = TABLE.filter(
  ({ on, ...line }) => !('code' in line && line.code === 'gone') && declared(on).reach === 'own',
)
const nameOf = ({ on, as }: Good | Bad) => `${on}: ${as}`
const good = own.flatMap((line) => ('reply' in line ? [[nameOf(line), line] as const] : []))
/** What is refused for how a thing stands, which is not for everybody to know. */
const standing = own.flatMap((line) =>
  'code' in line && /conflict|lease_lost|not_found/.test(line.code)
    ? [[nameOf(line), line] as const]
    : [],
)

const sql = neon(open.env.DATABASE_URL as string)

/** Sees nothing of what the table is about. */
let stranger: KeyClient
/** Sees all of it, as it all is below `test/`. */
let insider: KeyClient

beforeAll(async () => {
  stranger = withKey((await newKey(ALL_BUT_ADMIN, { path_prefix: 'elsewhere/' })).key)
  insider = withKey((await newKey(ALL_BUT_ADMIN, { path_prefix: 'test' })).key)
})

const send = ({ send: by }: KeyClient, on: string, sent: Sent) =>
  by(...addressOf(on, sent), sent.body, sent.headers)

/** Replies to requests about nothing, where they are no 404. */
const NOTHING: Readonly<Record<string, unknown>> = {
  'GET /api/executions': [],
  'GET /api/events/summary/{execution_id}': {
    status: 'ok',
    summary: { execution_id: expect.any(String), counts: {}, skipped: 0, errors: [] },
  },
  'GET /api/queue': { status: 'ok', items: [] },
  // no JSON: that it begins
  'GET /api/stream': null,
  'GET /api/queue/size': { status: 'ok', count: 0 },
  'GET /api/jobs/queue/size': { status: 'ok', count: 0 },
  'POST /api/queue/lease': { status: 'empty', job: null },
  'POST /api/queue/reserve': { job: null },
  'GET /api/catalog/list': { entries: [] },
  'GET /api/catalog/playbooks': [],
  'GET /api/playbooks': [],
  'GET /api/catalog/playbooks/search': [],
  'GET /api/catalog/resource': [],
  'GET /api/catalog/widgets': [0, 0, 0].map((value) =>
    expect.objectContaining({ data: { value } }),
  ),
  'GET /api/hooks': { items: [] },
  'GET /api/schedules': { items: [] },
  'GET /api/notifications': { items: [] },
  'GET /api/stats': expect.objectContaining({
    executions: expect.objectContaining({ started: 0, ended: 0, success_rate: null }),
    totals: { executions: 0, completed: 0, failed: 0, active: 0 },
    playbooks: [],
    errors: [],
    queue: expect.objectContaining({ queued: 0, oldest_seconds: 0, by_tool: [] }),
    pools: null,
  }),
  // it is about no execution at all
  'POST /api/workflow/config': { status: 'ignored', reason: 'missing execution_id' },
}
/** Where a path is named for something to be made there. */
const MAKING = /^(POST \/api\/(catalog\/register|hooks|schedules)|PUT \/api\/catalog\/.*)$/

const ID = /\d{17,19}/g
/** A stream's id that is of this moment. */
const MOMENT = /^id: \d+\.\d+:\d+:[\d,]*$/gm
const PATH = /test\/p\d+-\d+\/p|routes\/named-\d+-\d+/g

/** The same request about what nobody ever had. */
function aboutNothing(sent: Sent): Sent {
  const put = (value: unknown): unknown => {
    if (typeof value === 'bigint') return value > 2n ** 53n ? BigInt(world.NOBODY) : value
    if (typeof value === 'string') return value.replace(ID, world.NOBODY).replace(PATH, 'no/such/p')
    if (Array.isArray(value)) return value.map(put)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [put(key), put(item)]))
  }
  return put(sent) as Sent
}

/** A reply without the names that its request has, too. */
const anonymous = (text: string) =>
  decodeURIComponent(text.replaceAll('%', '%25').replaceAll('%252F', '%2F'))
    .replace(ID, '#')
    .replace(PATH, '#')
    .replace(MOMENT, '#')
    .replaceAll('no/such/p', '#')
    // figures that go on to the present say when that is
    .replace(/"until":"[^"]+"/, '"until":"#"')

/** All that is stored of what a request names. */
async function storedOf(sent: Sent): Promise<unknown> {
  const { params, query, body } = sent
  const text = toJson({ params, query, body } as unknown as Json)
  const [ids, paths] = [text.match(ID) ?? [], text.match(PATH) ?? []]
  return sql`
    select 'execution' as what, x::text as line from noetl.execution x where x.execution_id = any(${ids}::bigint[])
    union all
    select 'job', q::text from noetl.queue q
    where q.execution_id = any(${ids}::bigint[]) or q.queue_id = any(${ids}::bigint[])
    union all
    select 'entry', c::text from noetl.catalog c
    where c.path = any(${paths}) or c.catalog_id = any(${ids}::bigint[])
    union all
    select 'notification', n::text from noetl.notification n
    where n.execution_id = any(${ids}::bigint[]) or n.notification_id = any(${ids}::bigint[])
    union all
    select 'hook', h::text from noetl.hook h where h.name = any(${Object.values(params ?? {})})
    union all
    select 'schedule', s::text from noetl.schedule s where s.name = any(${Object.values(params ?? {})})
    order by 1, 2`
}

function expectAnswered(reply: Reply, is: object | undefined) {
  expect(reply.status, reply.text).toBe(200)
  if (Array.isArray(is) && is.every((one) => one instanceof RegExp))
    for (const pattern of is) expect(reply.text).toMatch(pattern)
  else expect(reply.body).toMatchObject(is ?? {})
}

async function expectNothing(on: string, sent: Sent) {
  const before = await storedOf(sent)
  const [there, not] = [
    await send(stranger, on, sent),
    await send(stranger, on, aboutNothing(sent)),
  ]
  expect(await storedOf(sent)).toEqual(before)
  expect(anonymous(there.text)).toBe(anonymous(not.text))
  expect([there.status, there.headers.get('link')]).toEqual([not.status, null])
  const { status, body } = there
  if (status === 200) expect(body).toEqual(NOTHING[on])
  else if (MAKING.test(on)) {
    expect([status, body.detail]).toEqual([
      403,
      "this key is for playbooks below 'elsewhere/' alone",
    ])
  } else expect([status, body.title]).toEqual([404, 'Not found'])
}

test('every operation of this reach is asked', () => {
  expect(new Set(good.map(([, { on }]) => on))).toEqual(new Set(own.map(({ on }) => on)))
})

test.each(good)('%s, outside', async (_name, line) => {
  const { sent, is } = await line.prepare()
  await expectNothing(line.on, sent)
  // and whoever sees it finds it as it was
  const headers = sent.headers ?? {}
  const reply = await open.send(...addressOf(line.on, sent), sent.body, { headers })
  expectAnswered(reply, is)
})

test.each(standing)('%s, outside', async (_name, line) => {
  await expectNothing(line.on, await line.prepare())
})

test.each(good)('%s, inside', async (_name, line) => {
  const { sent, is } = await line.prepare()
  const reply = await send(insider, line.on, sent)
  if (line.as.startsWith('by name')) return expect(reply.status).toBe(403)
  expectAnswered(reply, is)
})

test('a prefix is compared letter by letter', async () => {
  const mark = `Wi_d%${Date.now()}`
  const { send } = withKey((await newKey(['read'], { path_prefix: mark })).key)
  const paths = [`${mark}/a`, `${mark}/b/c`]
  const others = [
    mark,
    `${mark}x/a`,
    `WiXd%${mark.slice(5)}/a`,
    `Wi_dd${mark.slice(5)}/a`,
    `${mark.toLowerCase()}/a`,
    `x/${mark}/a`,
  ]
  for (const path of [...paths, ...others]) {
    await open.register(`metadata: {path: ${JSON.stringify(path)}}\nworkflow: [{step: start}]`)
    await open.post('/api/execute', { path })
  }
  const seen = (
    items: { id: string; playbook_id: string; path: string }[],
    key: 'id' | 'playbook_id' | 'path',
  ) => items.map((item) => item[key]).sort()
  expect(seen((await send('GET', '/api/executions')).body, 'playbook_id')).toEqual(paths)
  expect(seen((await send('GET', '/api/catalog/playbooks')).body, 'id')).toEqual(paths)
  expect(seen((await send('GET', '/api/catalog/playbooks/search')).body, 'id')).toEqual(paths)
  const { entries } = (await send('GET', '/api/catalog/list')).body
  expect(seen(entries, 'path')).toEqual(paths)
  const [summary] = (await send('GET', '/api/catalog/widgets')).body
  expect(summary.data.value).toBe(2)
})

test('the list of a folder in a folder is paged, and its pages are whole', async () => {
  const folder = `test/deep${Date.now()}`
  const { send } = withKey((await newKey(['read'], { path_prefix: `${folder}/in` })).key)
  const ids: string[] = []
  for (const path of [`${folder}/in/a`, `${folder}/out`]) {
    await open.register(`metadata: {path: ${path}}\nworkflow: [{step: start}]`)
    for (let n = 0; n < 3; n++) {
      const { execution_id } = (await open.post('/api/execute', { path })).body
      if (path.endsWith('/a')) ids.unshift(execution_id)
    }
  }
  const found: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const reply = await send('GET', `/api/executions?limit=2${cursor && `&cursor=${cursor}`}`)
    found.push(...reply.body.map(({ id }: { id: string }) => id))
    cursor = reply.headers.get('x-next-cursor')
  }
  expect(found).toEqual(ids)
})

test('a run keeps to the prefix of who started it, and so do its child executions', async () => {
  const folder = `test/kept${Date.now()}`
  const step = (name: string, more: Record<string, Json>) =>
    `  - ${JSON.stringify({ step: name, ...more })}\n`
  const child = (path: string, call: string) =>
    `metadata: {path: ${path}}\nworkflow:\n${step('start', { next: 'call' })}${step('call', { type: 'playbook', path: call, next: 'end' })}${step('end', {})}`
  const outside = playbook('  - step: start')
  const outsidePath = /path: ([^,]+)/.exec(outside)?.[1] ?? ''
  await open.register(outside)
  const errors = []
  for (const called of [outsidePath, 'no/such/p']) {
    await open.register(child(`${folder}/inner`, called))
    await open.register(child(`${folder}/outer`, `${folder}/inner`))
    const { send } = withKey((await newKey(['run', 'read'], { path_prefix: folder })).key)
    const run = await send('POST', '/api/execute', { path: `${folder}/outer` })
    const { body } = await send('GET', `/api/executions/${run.body.execution_id}`)
    errors.push([body.status, anonymous(body.error).replaceAll(outsidePath, '#')])
  }
  expect(errors[0]).toEqual(errors[1])
  expect(errors[0]?.[0]).toBe('FAILED')
  // it is there for those who see it
  const { body } = await open.post('/api/execute', { path: `${folder}/outer` })
  expect((await open.get(`/api/executions/${body.execution_id}`)).body.status).toBe('FAILED')
  await open.register(child(`${folder}/inner`, outsidePath))
  const seen = await open.post('/api/execute', { path: `${folder}/outer` })
  expect((await open.get(`/api/executions/${seen.body.execution_id}`)).body.status).toBe(
    'COMPLETED',
  )
})

test('a playbook that others have run here is not there, either', async () => {
  const { path, catalog_id } = await world.running()
  for (const [named, nobody] of [
    [{ path }, { path: 'no/such/p' }],
    [
      { path, version: 1 },
      { path: 'no/such/p', version: 1 },
    ],
    [{ catalog_id }, { catalog_id: world.NOBODY }],
  ]) {
    await open.post('/api/execute', named)
    const [there, not] = [
      await stranger.send('POST', '/api/execute', named),
      await stranger.send('POST', '/api/execute', nobody),
    ]
    expect([there.status, anonymous(there.text)]).toEqual([404, anonymous(not.text)])
  }
  // nor when it is gone
  await open.send('DELETE', `/api/catalog/playbooks/${path}`)
  const gone = await stranger.send('POST', '/api/execute', { catalog_id })
  expect([gone.status, gone.body.detail]).toEqual([
    404,
    `Catalog entry with ID '${catalog_id}' not found`,
  ])
})

test('what is no playbook is told to those alone who see it', async () => {
  const path = `test/data${Date.now()}`
  const { body } = await open.post('/api/catalog/register', {
    content: `path: ${path}\nrows: [1]`,
    resource_type: 'Dataset',
  })
  const ask = (catalog_id: string) => stranger.send('POST', '/api/execute', { catalog_id })
  const [there, not] = [await ask(body.catalog_id), await ask(world.NOBODY)]
  expect([there.status, anonymous(there.text)]).toEqual([404, anonymous(not.text)])
})

test('waiting for a job is for jobs within the prefix, too', async () => {
  const execution = await world.running()
  const ask = { worker_id: 'w1', wait_seconds: 1, limit: 5 }
  const waited = stranger.send('POST', '/api/queue/lease', ask)
  expect((await waited).body).toEqual({ status: 'empty', job: null, jobs: [] })
  const { body } = await insider.send('POST', '/api/queue/lease', { ...ask, limit: 1 })
  expect(body.job.execution_id).toBe(execution.id)
})

test('a prefix costs no round trip', async () => {
  const { id, event_id, path } = await world.ended()
  const { client, send } = withKey((await newKey(ALL_BUT_ADMIN, { path_prefix: 'test' })).key)
  await send('GET', '/api/executions?limit=1')
  for (const address of [
    '/api/executions',
    `/api/executions/${id}`,
    `/api/events/summary/${id}`,
    `/api/execution/data/${id}`,
    `/api/events/by-id/${event_id}`,
    `/api/catalog/playbook?playbook_id=${path}`,
    '/api/catalog/widgets',
    '/api/queue',
    '/api/queue/size',
  ]) {
    const before = await client.trips()
    expect((await send('GET', address)).status).toBe(200)
    expect([address, (await client.trips()) - before]).toEqual([address, 1])
  }
  const before = await client.trips()
  await send('POST', '/api/queue/lease', { worker_id: 'w', capabilities: ['nobody has this'] })
  expect((await client.trips()) - before).toBe(1)
})
