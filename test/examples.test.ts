// Every playbook of examples/ does what it says under x-expect, and docs/language.md tells its events as they are.
import { env } from 'cloudflare:workers'
import { beforeAll, expect, inject, test } from 'vitest'
import { readYaml } from '../src/catalog/yaml.ts'
import { isObject, type Json, type JsonObject } from '../src/json.ts'
import { expectCharted } from './charted.ts'
import { expectRebuilt } from './rebuild.ts'
import { completed, type Message, newClient } from './support.ts'
import { told } from './told.ts'

declare global {
  interface ImportMeta {
    glob(pattern: string, options: object): Record<string, string>
  }
}

const files = import.meta.glob('../examples/*.yaml', {
  query: '?raw',
  import: 'default',
  eager: true,
})
const pages = import.meta.glob('../docs/language.md', {
  query: '?raw',
  import: 'default',
  eager: true,
})
const examples = Object.entries(files).map(([file, content]) => {
  const name = file.replace(/^.*\/|\.yaml$/g, '')
  const playbook = readYaml(content).value as JsonObject
  return { name, content, playbook, expected: (playbook['x-expect'] ?? {}) as unknown as Expected }
})
const page = Object.values(pages).join()
/** The last cell of each line of a table that links an example, by the example's name. */
const documented = new Map(
  [...page.matchAll(/^\|[^|]*\| \[(\w+)\]\(\.\.\/examples\/\1\.yaml\) \| (.*) \|$/gm)].map(
    ([, name, cell]) => [name ?? '', cell ?? ''],
  ),
)

interface Expected {
  status: string
  result?: Json
  error?: string
  parameters?: JsonObject
  /** The type of the steps that it waits for, and what a worker would report of them, by step. */
  waits_for?: string
  worker?: JsonObject
}

const { LOADER } = env as unknown as { LOADER: unknown }
const client = newClient({ LOADER })
const database = client.env.DATABASE_URL as string
const ids = new Map<string, string>()

beforeAll(async () => {
  const data = { dsn: database }
  await client.post('/api/credentials', { name: 'pg_local', type: 'postgres', data })
  for (const { name, content } of examples) ids.set(name, await client.register(content))
})

/** A text between slashes is a regular expression, wherever it stands. */
function expectation(value: Json): unknown {
  if (Array.isArray(value)) return value.map(expectation)
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expectation(each)]))
  }
  const pattern = typeof value === 'string' ? /^\/(.*)\/$/s.exec(value)?.[1] : undefined
  return pattern === undefined ? value : expect.stringMatching(new RegExp(pattern))
}

/** The execution, when nothing of it goes on within a few seconds; what was put off goes on in its time. */
async function settled(id: string) {
  const isSoon = ({ execution_id, delaySeconds }: Message) =>
    execution_id === id && delaySeconds < 5
  for (let round = 0; round < 20; round++) {
    const { body } = await client.get(`/api/executions/${id}`)
    const due = client.messages.splice(0).filter(isSoon)
    if (body.end_time !== null || due.length === 0) return body
    const delay = Math.max(...due.map(({ delaySeconds }) => delaySeconds))
    await new Promise((resolve) => setTimeout(resolve, delay * 1000))
    await client.deliver(due)
  }
  throw new Error('it goes on for ever')
}

async function ran({ playbook, expected }: (typeof examples)[number], catalogId: string) {
  const usesHttp = 'base_url' in Object(playbook.workload)
  const parameters = { ...(usesHttp && { base_url: inject('echo') }), ...expected.parameters }
  const id = await client.run(catalogId, parameters)
  if (expected.waits_for !== undefined) {
    const { status, waiting_for } = await settled(id)
    expect([status, waiting_for]).toMatchObject(['RUNNING', [{ type: expected.waits_for }]])
    for (const [step, data] of Object.entries(expected.worker ?? {})) {
      for (const event_type of ['action_started', 'action_completed', 'step_result']) {
        await client.post('/api/events', { ...completed(id, step, data), event_type })
      }
    }
  }
  return settled(id)
}

test.each(examples)('$name', async (example) => {
  const { name, expected } = example
  expect(expected, 'x-expect says what comes of it').toMatchObject({ status: expect.any(String) })
  const { status, result = null, error = null } = expected
  const catalogId = ids.get(name) ?? ''
  const execution = await ran(example, catalogId)
  expect({
    path: execution.playbook_id,
    status: execution.status,
    error: execution.error,
    result: execution.result ?? null,
  }).toEqual({
    path: `examples/${name}`,
    status,
    error: expectation(error),
    result: expectation(result),
  })
  await expectRebuilt(database, [catalogId])
  await expectCharted(client, execution.id)
  const cell = documented.get(name)
  expect(told(await client.log(execution.id), cell)).toBe(cell)
})

test('docs/language.md has a line for each example, and for nothing else', () => {
  expect([...documented.keys()].sort()).toEqual(examples.map(({ name }) => name).sort())
})
