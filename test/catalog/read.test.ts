import { expect, test } from 'vitest'
import { newClient } from '../support.ts'

const client = newClient()
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/
let paths = 0
const newPath = () => `test/read/${Date.now()}-${++paths}`

const content = (path: string, version: number) =>
  `metadata: {path: ${path}, name: reader, description: Reads ${version}}\n` +
  `workload: {v: ${version}}\nworkflow:\n  - step: start\n  - step: end\n`

/** So many versions of one new path. */
async function registered(versions: number, path = newPath()): Promise<string> {
  for (let version = 1; version <= versions; version++)
    await client.register(content(path, version))
  return path
}

const entry = (path: string, version: number) => ({
  path,
  kind: 'Playbook',
  version,
  content: content(path, version),
  layout: null,
  payload: {
    metadata: { path, name: 'reader', description: `Reads ${version}` },
    workload: { v: version },
    workflow: [{ step: 'start' }, { step: 'end' }],
  },
  meta: { registered_at: expect.stringMatching(TIME) },
  created_at: expect.stringMatching(TIME),
})

test('the list has every version, newest first, without ids', async () => {
  const path = newPath()
  const kind = `Reader${paths}`
  for (const version of [1, 2]) {
    const registration = { content: content(path, version), resource_type: kind }
    await client.post('/api/catalog/register', registration)
  }
  const { status, body } = await client.get(`/api/catalog/list?resource_type=${kind}`)
  expect(status).toBe(200)
  expect(body).toEqual({ entries: [2, 1].map((version) => ({ ...entry(path, version), kind })) })
})

test('the list is of playbooks unless another kind is asked for, in any case', async () => {
  await registered(1)
  for (const query of ['', '&resource_type=playbook', '&resource_type=PLAYBOOK']) {
    const { body } = await client.get(`/api/catalog/list?limit=1${query}`)
    expect(body.entries.map((one: { kind: string }) => one.kind)).toEqual(['Playbook'])
  }
  const { body } = await client.get('/api/catalog/list?resource_type=Nothing')
  expect(body).toEqual({ entries: [] })
})

test('playbooks are listed by version with what a list shows of them', async () => {
  const path = await registered(1)
  const { body } = await client.get('/api/catalog/playbooks?limit=1000')
  const one = body.find(({ id }: { id: string }) => id === path)
  expect(one).toEqual({
    id: path,
    name: 'reader',
    kind: 'Playbook',
    version: 1,
    meta: { registered_at: expect.stringMatching(TIME) },
    description: 'Reads 1',
    created_at: expect.stringMatching(TIME),
    updated_at: one.created_at,
    status: 'active',
    tasks_count: 2,
  })
})

test('a resource is all of its versions, each with its id as a string', async () => {
  const path = await registered(3)
  const { body } = await client.get(`/api/catalog/resource?resource_path=${path}`)
  const id = expect.stringMatching(/^\d{15,19}$/)
  expect(body).toEqual([3, 2, 1].map((version) => ({ catalog_id: id, ...entry(path, version) })))
})

test('a resource that is not there has no versions', async () => {
  const { status, body } = await client.get('/api/catalog/resource?resource_path=nowhere')
  expect([status, body]).toEqual([200, []])
})

test('a playbook is its latest version unless one is named', async () => {
  const path = await registered(11)
  const versionAt = async (query: string) =>
    (await client.get(`/api/catalog/playbook?playbook_id=${path}${query}`)).body.version
  expect(await versionAt('')).toBe(11)
  expect(await versionAt('&version=latest')).toBe(11)
  expect(await versionAt('&version=2')).toBe(2)
  const { body } = await client.get(`/api/catalog/playbook?playbook_id=${path}&version=9`)
  expect(body).toEqual({ catalog_id: expect.any(String), ...entry(path, 9) })
})

test('content is as it was sent', async () => {
  const path = await registered(2)
  const { body } = await client.get(`/api/catalog/playbook/content?playbook_id=${path}&version=1`)
  expect(body).toEqual({ path, version: 1, content: content(path, 1) })
})

test('a playbook or version that is not there is 404 in the words of the original', async () => {
  const path = await registered(1)
  for (const [query, named] of [
    ['playbook_id=nope', "'nope' with version 'latest'"],
    [`playbook_id=${path}&version=2`, `'${path}' with version '2'`],
  ]) {
    for (const route of ['playbook', 'playbook/content']) {
      const { status, headers, body } = await client.get(`/api/catalog/${route}?${query}`)
      expect([status, body.detail]).toEqual([404, `Playbook ${named} not found.`])
      expect(headers.get('content-type')).toBe('application/problem+json')
    }
  }
})

test('queries out of range are refused', async () => {
  for (const route of [
    'list?limit=0',
    'list?limit=1001',
    'list?cursor=x',
    'playbooks?limit=ten',
    'resource',
    'playbook',
    'playbook?playbook_id=a&version=0',
    'playbook?playbook_id=a&version=1.5',
    'playbook/content?playbook_id=',
  ]) {
    const { status, body } = await client.get(`/api/catalog/${route}`)
    expect([route, status]).toEqual([route, 422])
    expect(body.errors[0].pointer).toMatch(/^\/\w+$/)
  }
})

/** Follows a list's pages by what their Link says. */
async function pagesOf(first: string): Promise<{ body: never; cursor: string | null }[]> {
  const pages = []
  for (let next: string | undefined = first; next !== undefined; ) {
    const { body, headers } = await client.get(next)
    const link: string | null = headers.get('link')
    pages.push({ body: body as never, cursor: headers.get('x-next-cursor') })
    next = link === null ? undefined : /^<(.+)>; rel="next"$/.exec(link)?.[1]
  }
  return pages
}

test('pages follow one another by Link and X-Next-Cursor and lose nothing', async () => {
  const path = await registered(5)
  const pages = await pagesOf(
    `/api/catalog/resource?resource_path=${encodeURIComponent(path)}&limit=2`,
  )
  const entries = pages.map(({ body }) => body as { version: number; catalog_id: string }[])
  expect(entries.map((page) => page.map(({ version }) => version))).toEqual([[5, 4], [3, 2], [1]])
  expect(pages.map(({ cursor }) => cursor)).toEqual([
    entries[0]?.[1]?.catalog_id,
    entries[1]?.[1]?.catalog_id,
    null,
  ])
})

test('a page that is exactly full is the last one', async () => {
  const path = await registered(2)
  expect(await pagesOf(`/api/catalog/resource?resource_path=${path}&limit=2`)).toHaveLength(1)
})

test('the list of playbooks has pages too', async () => {
  const path = await registered(3)
  const pages = await pagesOf('/api/catalog/playbooks?limit=7')
  const listed = pages.flatMap(({ body }) => body as { id: string; version: number }[])
  const own = listed.filter(({ id }) => id === path)
  expect(own.map(({ version }) => version)).toEqual([3, 2, 1])
})

test('large entries make a page shorter, not an error', async () => {
  const path = newPath()
  const filler = 'x'.repeat(1_000_000)
  for (const mark of 'abcdef') {
    await client.register(`path: ${path}\nworkflow: [{step: start}]\nx-note: ${mark}${filler}`)
  }
  const pages = await pagesOf(`/api/catalog/resource?resource_path=${path}`)
  const versions = pages.map(({ body }) =>
    (body as { version: number }[]).map((one) => one.version),
  )
  expect(versions).toEqual([
    [6, 5],
    [4, 3],
    [2, 1],
  ])
})

test('each read costs one round trip', async () => {
  const path = await registered(2)
  for (const route of [
    'list?limit=1',
    'playbooks?limit=1',
    `resource?resource_path=${path}`,
    `playbook?playbook_id=${path}`,
    `playbook/content?playbook_id=${path}&version=1`,
  ]) {
    const own = newClient()
    await own.get(`/api/catalog/${route}`)
    expect([route, await own.trips()]).toEqual([route, 1])
  }
})
