// What pages and scripts change: content, names, new playbooks; and what they ask before they do.
import { expect, test } from 'vitest'
import { newClient, type Reply } from '../support.ts'

const client = newClient()
let paths = 0
const newPath = () => `test/change/${Date.now()}-${++paths}`
const told = ({ status, body }: Reply) => [status, body.detail]

const PUT = '/api/catalog/playbook/content?playbook_id='
const put = (path: string, body: unknown) =>
  client.send('PUT', PUT + encodeURIComponent(path), body)
const change = (path: string, body: unknown) =>
  client.send('PUT', `/api/catalog/playbook?playbook_id=${encodeURIComponent(path)}`, body)
const read = async (path: string) =>
  (await client.get(`/api/catalog/playbook?playbook_id=${encodeURIComponent(path)}`)).body

const minimal = (path: string, rest = '') =>
  `# mine\nmetadata:\n  path: ${path} # here\n${rest}workflow:\n  - step: start # first\n`

test('content that names its path is stored as it is, as the next version', async () => {
  const path = newPath()
  await client.register(minimal(path))
  const content = minimal(path, 'workload: {v: 2}\n')
  const { status, body } = await put(path, { content })
  expect([status, body]).toEqual([
    200,
    {
      status: 'success',
      message: `Playbook '${path}' content updated.`,
      path,
      version: 2,
      catalog_id: expect.stringMatching(/^\d{15,19}$/),
    },
  ])
  expect(await read(path)).toMatchObject({ catalog_id: body.catalog_id, version: 2, content })
})

test('the same content again is the same version again', async () => {
  const path = newPath()
  const first = await put(path, { content: 'name: x\nworkflow: [{step: start}]\n' })
  const again = await put(path, { content: 'name: x\nworkflow: [{step: start}]\n' })
  expect(first.body.version).toBe(1)
  expect(again.body).toEqual(first.body)
})

test('content that names another path, or none, is stored under the one that is asked for', async () => {
  const path = `${newPath()}/100% "ж" & co/x%2Fy`
  const written = JSON.stringify(path)
  const { body } = await put(path, { content: minimal('another/path') })
  expect([body.path, body.version]).toEqual([path, 1])
  const stored = await read(path)
  expect(stored.content).toBe(minimal(written))
  expect(stored.payload.metadata).toEqual({ path })
  const none = await put(path, { content: '# only a flow\nworkflow:\n  - step: start\n' })
  expect(none.body.version).toBe(2)
  expect((await read(path)).content).toBe(
    `# only a flow\npath: ${written}\nworkflow:\n  - step: start\n`,
  )
})

test('content may come in base64', async () => {
  const path = newPath()
  const { body } = await put(path, { content_base64: btoa(minimal(path)) })
  expect([body.version, (await read(path)).content]).toEqual([1, minimal(path)])
})

test('without content, or with too much of it, nothing is stored', async () => {
  const path = newPath()
  for (const body of [{}, { content: '' }, { content: null }, '']) {
    expect(told(await put(path, body))).toEqual([422, 'Content is required.'])
  }
  expect(told(await client.send('PUT', PUT + path))).toEqual([422, 'Content is required.'])
  expect((await put(path, { content: 5 })).status).toBe(422)
  expect((await put(path, '{')).status).toBe(400)
  expect((await put(path, { content: `path: a\nx-note: ${'x'.repeat(1_048_576)}` })).status).toBe(
    413,
  )
  expect((await read(path)).status).toBe(404)
})

test('content that just fits is too large when its path grows', async () => {
  const path = newPath()
  const head = 'path: a\nworkflow: [{step: start}]\nx-note: '
  const content = head + 'x'.repeat(1_048_576 - head.length)
  expect(told(await put(path, { content }))).toEqual([
    413,
    'the content is larger than 1048576 bytes',
  ])
})

test('a path that cannot be one is refused', async () => {
  for (const path of ['', '   ', 'a\nb', 'p'.repeat(513)]) {
    const { status, body } = await put(path, { content: minimal('a') })
    expect([status, body.errors[0].pointer]).toEqual([422, '/playbook_id'])
  }
  expect((await client.send('PUT', '/api/catalog/playbook/content', { content: 'a' })).status).toBe(
    422,
  )
})

test('faults have the lines and columns of the text that was sent', async () => {
  const path = newPath()
  const content =
    '# c\nworkflow:\n  - step: start\n    next: gone\n  - step: b\n    type: nonsense\n'
  const { status, body } = await put(path, { content })
  expect(status).toBe(422)
  expect(body.errors).toEqual([
    { pointer: '/workflow/0/next', detail: "no step is called 'gone'", line: 4, column: 11 },
    expect.objectContaining({ pointer: '/workflow/1/type', line: 6, column: 11 }),
  ])
  expect(body.detail).toBe("line 4, column 11: no step is called 'gone' (and 1 more)")
  expect((await read(path)).status).toBe(404)
})

test('a path that is written elsewhere is left to the author', async () => {
  const content = 'x-m: &m {path: z}\nmetadata: *m\nworkflow: [{step: start}]\n'
  const path = newPath()
  expect(told(await put(path, { content }))).toEqual([
    422,
    `the content is written so that its path cannot be made '${path}'`,
  ])
})

test('a name and a description are changed in the text, and all else stays', async () => {
  const path = newPath()
  await client.register(minimal(path))
  const { status, body } = await change(path, {
    id: path,
    name: 'New: name',
    description: 'Says "hi"\nand more',
    status: 'active',
  })
  expect(status).toBe(200)
  const time = expect.stringMatching(/Z$/)
  expect(body).toEqual({
    id: path,
    name: 'New: name',
    kind: 'Playbook',
    version: 2,
    meta: { registered_at: time },
    description: 'Says "hi"\nand more',
    created_at: time,
    updated_at: body.created_at,
    status: 'active',
    tasks_count: 1,
  })
  const { content } = await read(path)
  expect(content).toBe(
    minimal(path).replace(
      '  path:',
      '  description: "Says \\"hi\\"\\nand more"\n  name: "New: name"\n  path:',
    ),
  )
})

test('what a list has shown is no change when it comes back', async () => {
  const path = newPath()
  const long = `Much ${'é'.repeat(2_000)}`
  const content = `metadata: {path: ${path}, description: ${long}}\nworkflow: [{step: start}]\n`
  await client.register(content)
  const shown = (await client.get(`/api/catalog/playbooks?id=${path}`)).body
  expect(shown.description).toBe(long.slice(0, 1_000))
  for (let time = 0; time < 2; time++) {
    const { body } = await change(path, shown)
    expect(body).toEqual(shown)
  }
  expect((await change(path, { status: 'draft' })).body.version).toBe(1)
  expect((await read(path)).content).toBe(content)
})

test('a change that comes twice is made once', async () => {
  const path = newPath()
  await client.register(minimal(path))
  const first = await change(path, { name: 'b' })
  const again = await change(path, { name: 'b' })
  expect([first.body.version, again.body]).toEqual([2, first.body])
})

test('a playbook whose path is its name keeps its path when its name changes', async () => {
  const name = newPath()
  await client.register(`name: ${name}\nworkflow: [{step: start}]\n`)
  const { body } = await change(name, { name: 'other' })
  expect([body.id, body.name, body.version]).toEqual([name, 'other', 2])
})

test('changes at once are all made, one after the other', async () => {
  const path = newPath()
  await client.register(minimal(path))
  const changes = ['a', 'b', 'c', 'd'].map((text, index) =>
    change(path, index % 2 ? { name: text } : { description: text }),
  )
  expect((await Promise.all(changes)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  const { version, payload } = await read(path)
  expect(version).toBe(5)
  expect(payload.metadata).toEqual({
    path,
    name: expect.stringMatching(/^[bd]$/),
    description: expect.stringMatching(/^[ac]$/),
  })
})

test('a change with content is one of the content', async () => {
  const path = newPath()
  const { body } = await change(path, { name: 'ignored', content: minimal(path) })
  expect(body).toMatchObject({ message: `Playbook '${path}' content updated.`, version: 1 })
})

test('only what is there can be changed, and only to what can be', async () => {
  expect(told(await change('nowhere', { name: 'a' }))).toEqual([
    404,
    "Playbook 'nowhere' not found.",
  ])
  const path = newPath()
  await client.register(`path: ${path}\nx-m: &m {a: 1}\nmetadata: *m\nworkflow: [{step: start}]\n`)
  expect(told(await change(path, { name: 'a' }))).toEqual([
    422,
    'the playbook is written so that its metadata.name cannot be changed',
  ])
  for (const body of [
    { name: '' },
    { name: 'n'.repeat(513) },
    { description: 'd'.repeat(10_001) },
  ]) {
    expect((await change(path, body)).status).toBe(422)
  }
})

const validate = (body: unknown) => client.post('/api/catalog/playbooks/validate', body)

test('what is valid is valid, as text and as base64', async () => {
  for (const body of [{ content: minimal('a') }, { content_base64: btoa(minimal('a')) }]) {
    const reply = await validate(body)
    expect([reply.status, reply.body]).toEqual([200, { valid: true }])
  }
})

test('what is not valid is told as registering tells it', async () => {
  const content = 'name: x\nworkflow:\n  - step: start\n    next: gone\n  - 5\n'
  const { status, body } = await validate({ content })
  const { errors } = (await client.post('/api/catalog/register', { content })).body
  expect([status, body]).toEqual([
    200,
    {
      valid: false,
      errors: [
        'line 5, column 5: a step is a mapping',
        "line 4, column 11: no step is called 'gone'",
      ],
      faults: errors,
    },
  ])
})

test('an empty content and one that is not YAML are not valid', async () => {
  for (const content of ['', 'a: b: c', 'workflow: [{step: start}]']) {
    const { status, body } = await validate({ content })
    expect([status, body.valid]).toEqual([200, false])
    expect(body.errors[0]).toMatch(/^line 1, column \d+: ./)
  }
})

test('of very many faults the first hundred are told', async () => {
  const content = `name: x\nworkflow:\n  - step: start\n${'  - 5\n'.repeat(150)}`
  const { body } = await validate({ content })
  expect([body.errors.length, body.faults.length]).toEqual([100, 100])
})

test('without a content there is nothing to validate', async () => {
  for (const body of [{}, { content: null }]) {
    expect(told(await validate(body))).toEqual([
      422,
      'The content or content_base64 must be provided.',
    ])
  }
  expect((await validate({ content_base64: '*' })).status).toBe(422)
  expect((await validate({ content: 'x'.repeat(1_048_577) })).status).toBe(413)
  expect((await validate('')).status).toBe(400)
})

const create = (body: unknown) => client.post('/api/catalog/register', body)

test('a name without content makes a playbook that runs', async () => {
  const name = `${newPath()} "ž" 100%`
  const { status, body } = await create({ name, description: 'New', status: 'draft' })
  expect(status).toBe(200)
  expect(body).toEqual({
    status: 'success',
    message: `Resource '${name}' version '1' registered.`,
    id: name,
    path: name,
    version: 1,
    catalog_id: expect.any(String),
    kind: 'Playbook',
    created: true,
    resource_path: name,
    resource_version: 1,
  })
  const { payload } = await read(name)
  expect(payload.metadata).toEqual({ name, path: name, description: 'New' })
  const run = await client.post('/api/executions/run', { playbook_id: name })
  expect([run.status, run.body.status]).toEqual([200, 'completed'])
})

test('a name that is taken is a conflict, even to the very same playbook', async () => {
  const name = newPath()
  const replies = [await create({ name }), await create({ name })]
  const taken = newPath()
  await client.register(minimal(taken))
  replies.push(await create({ name: taken }))
  expect(replies.map(({ status }) => status)).toEqual([200, 409, 409])
  expect(replies[1]?.body.detail).toBe(`'${name}' is registered already`)
  expect((await read(taken)).version).toBe(1)
})

test('of several that create one name at once, one does', async () => {
  const name = newPath()
  const replies = await Promise.all([1, 2, 3].map((n) => create({ name, description: `${n}` })))
  expect(replies.map(({ status }) => status).sort()).toEqual([200, 409, 409])
})

test('a name that cannot be a path is refused; one beside content does not matter', async () => {
  for (const name of ['n'.repeat(513), 'a\u0007b']) {
    const { status, body } = await create({ name })
    expect([status, body.errors[0].pointer]).toEqual([422, '/name'])
  }
  for (const body of [
    { name: ' ' },
    { name: 'a', resource_type: 'Dataset' },
    { description: 'd' },
  ]) {
    expect(told(await create(body))).toEqual([
      422,
      'The content or content_base64 must be provided.',
    ])
  }
  const path = newPath()
  expect((await create({ name: 'n'.repeat(600), content: minimal(path) })).body.id).toBe(path)
})

/** The statement is executed, and its answer never comes. */
const LOST = { rate: 1, kinds: ['reset_after'], seed: 1, times: 1 }

test('a change whose answer is lost is made once', async () => {
  const lossy = newClient()
  const [stored, made] = [newPath(), newPath()]
  await lossy.faults(LOST)
  const first = await lossy.send('PUT', PUT + stored, { content: minimal(stored) })
  await lossy.faults(LOST)
  const second = await lossy.post('/api/catalog/register', { name: made })
  await lossy.noFaults()
  expect([first.status, first.body.version]).toEqual([200, 1])
  expect([second.status, second.body.version, second.body.created]).toEqual([200, 1, true])
})

test('each change costs one round trip, a change of the name two, validating none', async () => {
  const path = newPath()
  const trips = async (method: string, url: string, body: unknown) => {
    const own = newClient()
    expect((await own.send(method, url, body)).status).toBe(200)
    return own.trips()
  }
  const register = '/api/catalog/register'
  expect(await trips('POST', register, { name: path })).toBe(1)
  expect(await trips('PUT', PUT + path, { content: minimal('other') })).toBe(1)
  const metadata = `/api/catalog/playbook?playbook_id=${path}`
  expect(await trips('PUT', metadata, { name: 'n' })).toBe(2)
  expect(await trips('POST', '/api/catalog/playbooks/validate', { content: minimal('a') })).toBe(0)
})
