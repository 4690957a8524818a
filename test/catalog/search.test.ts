// Finding playbooks: by text, by path, by the names that older pages know, and in figures.
import { expect, test } from 'vitest'
import { newClient } from '../support.ts'

const client = newClient()
let marks = 0
/** A word that nothing else in the database has. */
const newMark = () => `zq${Date.now()}x${++marks}`

interface Item {
  id: string
  version: number
  name: string
}

async function register(path: string, metadata: Record<string, unknown> = {}): Promise<string> {
  const content = {
    metadata: { path, ...metadata },
    workflow: [{ step: 'start' }, { step: 'end' }],
  }
  return client.register(JSON.stringify(content))
}

const search = async (q: string, rest = ''): Promise<Item[]> =>
  (await client.get(`/api/catalog/playbooks/search?q=${encodeURIComponent(q)}${rest}`)).body
const found = async (q: string) => (await search(q)).map(({ id }) => id)

test('a text is found in path, name and description, in any case, newest first', async () => {
  const mark = newMark()
  await register(`a/${mark}/b`)
  await register(`n-${marks}-${Date.now()}`, { name: `The ${mark.toUpperCase()}` })
  await register(`d-${marks}-${Date.now()}`, { description: `Loads ${mark}, twice` })
  const ids = await found(mark)
  expect(ids).toEqual([expect.stringMatching(/^d-/), expect.stringMatching(/^n-/), `a/${mark}/b`])
  expect(await found(mark.toUpperCase())).toEqual(ids)
  expect(await found(mark.slice(1, -1))).toEqual(expect.arrayContaining(ids))
})

test('an item is what the list of playbooks shows of the latest version', async () => {
  const path = `s/${newMark()}`
  await register(path, { name: 'one' })
  await register(path, { name: 'two' })
  const items = await search(path)
  expect(items).toEqual([(await client.get(`/api/catalog/playbooks?id=${path}`)).body])
  const [listed] = (await client.get('/api/catalog/playbooks?limit=1000')).body.filter(
    ({ id }: Item) => id === path,
  )
  expect(items).toEqual([listed])
  expect(items[0]).toMatchObject({ id: path, name: 'two', version: 2 })
})

test('what only an older version says is not found', async () => {
  const [path, gone] = [`s/${newMark()}`, newMark()]
  await register(path, { description: gone })
  expect(await found(gone)).toEqual([path])
  await register(path)
  expect(await found(gone)).toEqual([])
})

test('a text is literal: it has no wildcards and no syntax', async () => {
  const mark = newMark()
  const path = `s/${mark}/100% a_b\\c*(d)['e'"f"]`
  await register(path)
  for (const q of ['100% a_b', '\\c*(d)', `['e'"f"]`]) expect(await found(q)).toContain(path)
  for (const q of [`${mark}%100`, `${mark}_100`, `${mark}.100`, `${mark}' or ''='`]) {
    expect(await found(q)).toEqual([])
  }
})

test('case and composition of all letters are equal', async () => {
  const mark = newMark()
  await register(`s/${mark}/Žluťoučký КОНЬ Ünï`)
  const [path] = await found(mark)
  for (const q of ['ŽLUŤOUČKÝ конь', 'žluťoučký КОНЬ', 'ünï', 'U\u0308NI\u0308']) {
    expect([q, (await found(q)).includes(path ?? '')]).toEqual([q, true])
  }
})

test('the end of a very long description is not looked through', async () => {
  const [first, last] = [newMark(), newMark()]
  await register(`s/${newMark()}`, { description: `${first} ${'x'.repeat(1_000)} ${last}` })
  expect(await found(first)).toHaveLength(1)
  expect(await found(last)).toHaveLength(0)
})

test('the longest path, name and description of the widest letters can be registered', async () => {
  const wide = (count: number) =>
    Array.from({ length: count }, () =>
      String.fromCodePoint(0x20000 + Math.floor(Math.random() * 40_000)),
    ).join('')
  const path = wide(256)
  await register(path, { name: wide(2_000), description: wide(2_000) })
  expect(await found(path.slice(100, 300))).toEqual([path])
})

test('every playbook is found by nothing; other kinds are never found', async () => {
  const path = `s/${newMark()}`
  await register(path)
  const data = `s/${newMark()}`
  await client.post('/api/catalog/register', { content: `path: ${data}`, resource_type: 'Dataset' })
  for (const query of ['', '?q=']) {
    const { body } = await client.get(`/api/catalog/playbooks/search${query}`)
    expect(body.map(({ id }: Item) => id)).toContain(path)
  }
  expect(await found(data)).toEqual([])
})

test('pages follow one another and lose nothing', async () => {
  const mark = newMark()
  for (let n = 1; n <= 5; n++) await register(`s/${mark}/${n}`)
  const pages: string[][] = []
  for (let url = `/api/catalog/playbooks/search?q=${mark}&limit=2`; url !== ''; ) {
    const { body, headers } = await client.get(url)
    pages.push(body.map(({ id }: Item) => id.slice(-1)))
    url = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? ''
  }
  expect(pages).toEqual([['5', '4'], ['3', '2'], ['1']])
  expect(await search(mark, '&limit=5')).toHaveLength(5)
})

test('queries out of range are refused', async () => {
  for (const query of [`q=${'x'.repeat(257)}`, 'limit=0', 'limit=1001', 'cursor=x', 'q=%00']) {
    const { status } = await client.get(`/api/catalog/playbooks/search?${query}`)
    expect([query, status]).toEqual([query, query === 'q=%00' ? 200 : 422])
  }
})

test('an id gives one playbook, under either name of the list', async () => {
  const path = `s/${newMark()}/ž 100%`
  await register(path)
  for (const list of ['/api/catalog/playbooks', '/api/playbooks']) {
    const { status, body } = await client.get(`${list}?id=${encodeURIComponent(path)}`)
    expect([status, body.id, body.version]).toEqual([200, path, 1])
    const none = await client.get(`${list}?id=nowhere`)
    expect([none.status, none.body.detail]).toEqual([404, "Playbook 'nowhere' not found."])
    expect((await client.get(`${list}?id=`)).status).toBe(422)
    const page = await client.get(`${list}?limit=1`)
    expect([page.body.length, page.headers.get('link')]).toEqual([
      1,
      expect.stringContaining(`<${list}?`),
    ])
  }
})

test('the fallback is the playbook', async () => {
  const path = `s/${newMark()}`
  await register(path)
  const query = `playbook_id=${path}`
  const fallback = await client.get(`/api/catalog/playbook/fallback?${query}`)
  expect(fallback.body).toEqual((await client.get(`/api/catalog/playbook?${query}`)).body)
  expect((await client.get('/api/catalog/playbook/fallback?playbook_id=nope')).status).toBe(404)
})

/** How many playbooks all pages of the search show. */
async function counted(): Promise<number> {
  let [count, cursor]: [number, string | null] = [0, '']
  while (cursor !== null) {
    const from = cursor === '' ? '' : `&cursor=${cursor}`
    const { body, headers } = await client.get(`/api/catalog/playbooks/search?limit=1000${from}`)
    count += body.length
    cursor = headers.get('x-next-cursor')
  }
  return count
}

test('the widgets are the three of the original, with true figures', async () => {
  const path = `s/${newMark()}`
  await register(path, { name: 'one' })
  await register(path, { name: 'two' })
  const figures = async () => (await client.get('/api/catalog/widgets')).body
  let [before, count, after] = [await figures(), await counted(), await figures()]
  // other tests register meanwhile
  while (JSON.stringify(before) !== JSON.stringify(after)) {
    ;[before, count, after] = [after, await counted(), await figures()]
  }
  const metric = (id: string, title: string, value: number, color: string) => ({
    id,
    type: 'metric',
    title,
    data: { value },
    config: { format: 'number', color },
  })
  expect(count).toBeGreaterThan(0)
  expect(after).toEqual([
    metric('catalog-summary', 'Total Playbooks', count, '#1890ff'),
    metric('active-playbooks', 'Active Playbooks', count, '#52c41a'),
    metric('draft-playbooks', 'Draft Playbooks', 0, '#faad14'),
  ])
})

test('each read costs one round trip', async () => {
  const path = `s/${newMark()}`
  await register(path)
  for (const url of [
    `/api/catalog/playbooks/search?q=${path}`,
    `/api/catalog/playbooks?id=${path}`,
    '/api/playbooks?limit=1',
    `/api/catalog/playbook/fallback?playbook_id=${path}`,
    '/api/catalog/widgets',
  ]) {
    const own = newClient()
    expect((await own.get(url)).status).toBe(200)
    expect([url, await own.trips()]).toEqual([url, 1])
  }
})

test('the description names the parameter without its pattern', async () => {
  const { body } = await client.get('/openapi.json')
  const deletion = body.paths['/api/catalog/playbooks/{playbook_id}'].delete
  expect(deletion.parameters).toEqual([
    expect.objectContaining({ in: 'path', name: 'playbook_id', required: true }),
  ])
  expect(deletion.operationId).toBe('delete_api_catalog_playbooks_playbook_id')
  expect(Object.keys(body.paths).join()).not.toContain('.+')
})
