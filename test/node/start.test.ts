// `npm start` as a newcomer meets it: the founding example, a second start, Ctrl-C, kill -9.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
let home: string
const running = new Set<ChildProcess>()

/** A copy of the project, so that its .data is its own. */
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'noetl-edge-start-'))
  for (const name of [
    'package.json',
    'wrangler.toml',
    'tsconfig.json',
    'src',
    'dev',
    'migrations',
    'examples',
  ]) {
    cpSync(join(ROOT, name), join(home, name), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'))
})
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true })
})

interface Started {
  child: ChildProcess
  url: string
  output: () => string
  ended: Promise<number | null>
}

function launch(env: Record<string, string>): Omit<Started, 'url'> {
  const child = spawn(process.execPath, ['dev/start.ts'], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  })
  running.add(child)
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  child.stderr.on('data', (chunk) => {
    text += chunk
  })
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  return { child, output: () => text, ended }
}

async function start(env: Record<string, string> = {}): Promise<Started> {
  const port = env.PORT ?? String(await freePort())
  const process_ = launch({ ...env, PORT: port })
  const url = `http://127.0.0.1:${port}`
  for (let waited = 0; !process_.output().includes('SQL goes through'); waited += 100) {
    if (waited > 50_000 || process_.child.exitCode !== null) throw new Error(process_.output())
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { ...process_, url }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads into replies and fails where they differ
async function get(url: string, key?: string): Promise<any> {
  const headers: Record<string, string> =
    key === undefined ? {} : { authorization: `Bearer ${key}` }
  return (await fetch(url, { headers })).json()
}

test('from nothing to the founding example in all four places; data survive kill -9', async () => {
  const first = await start()
  const [listed] = await get(`${first.url}/api/executions`)
  expect(listed).toMatchObject({
    status: 'COMPLETED',
    progress: 100,
    playbook_name: 'create_tables',
  })
  const detail = await get(`${first.url}/api/executions/${listed.id}`)
  const { events } = await get(`${first.url}/api/execution/data/${listed.id}`)
  const { summary } = await get(`${first.url}/api/events/summary/${listed.id}`)
  expect(detail).toMatchObject({ status: 'COMPLETED', progress: 100, duration: listed.duration })
  expect(detail.events).toEqual(events)
  expect(summary.counts).toEqual({
    execution_start: 1,
    step_started: 3,
    action_started: 3,
    action_completed: 3,
    step_result: 3,
    step_completed: 3,
    execution_complete: 1,
  })
  expect(first.output()).toContain('17 events')
  expect(first.output()).toContain(`/api/executions/${listed.id}`)

  const second = launch({ PORT: String(await freePort()) })
  expect(await second.ended).toBe(1)
  expect(second.output()).toMatch(/is in use by process \d+/)

  const samePort = launch({ PORT: new URL(first.url).port })
  expect(await samePort.ended).toBe(1)
  expect(samePort.output()).toContain('is in use on 127.0.0.1')

  first.child.kill('SIGKILL')
  await first.ended
  const again = await start({ PORT: new URL(first.url).port })
  expect((await get(`${again.url}/api/executions`)).map(({ id }: { id: string }) => id)).toEqual([
    listed.id,
  ])
  again.child.kill('SIGINT')
  expect(await again.ended).toBe(0)
  await expect(fetch(again.url)).rejects.toThrow()
})

test('when one of its processes dies it says so and stops', async () => {
  const started = await start()
  const { stdout } = await promisify(execFile)('pgrep', ['-f', `${home}/dev/neon/endpoint.ts`])
  for (const pid of stdout.trim().split('\n')) process.kill(Number(pid), 'SIGKILL')
  expect(await started.ended).toBe(1)
  expect(started.output()).toContain('the database ended by itself')
})

test('every documented variable reaches the Worker', async () => {
  const key = 'a-key-of-some-length'
  const started = await start({ API_KEY: key })
  expect((await fetch(`${started.url}/api/executions`)).status).toBe(401)
  expect((await get(`${started.url}/api/executions`, key)).length).toBeGreaterThan(0)
  expect(started.output()).not.toContain('open to everybody')
  expect(started.output()).not.toContain(key)
  started.child.kill('SIGTERM')
  expect(await started.ended).toBe(0)
})

test('the README’s own commands do what it says', async () => {
  const started = await start()
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const [, script = ''] = /```sh\n([\s\S]*?)```/.exec(readme) ?? []
  const commands = script.replaceAll('http://127.0.0.1:8787', started.url)
  const { stdout } = await promisify(execFile)('bash', [
    '-ec',
    commands.replaceAll('\n\n#', '\necho; sleep 0.5\n#'),
  ])
  const [registered, run, listed] = stdout.split('\n').map((line) => JSON.parse(line))
  expect(registered).toMatchObject({ status: 'success', path: 'demo/hello', version: 1 })
  expect(run).toMatchObject({ status: 'running', path: 'demo/hello' })
  expect(listed).toMatchObject([{ status: 'COMPLETED', result: { said: 'hello edge' } }])

  const hooks = readFileSync(join(ROOT, 'docs/hooks.md'), 'utf8')
  const [, example = ''] = /```sh\n([\s\S]*?)```/.exec(hooks) ?? []
  const made = await promisify(execFile)('bash', [
    '-ec',
    example.replaceAll('http://127.0.0.1:8787', started.url),
  ])
  expect(JSON.parse(made.stdout)).toMatchObject({ name: 'on-push', url: '/hooks/on-push' })
  started.child.kill('SIGINT')
  await started.ended
})

test('with keys, the first one is made by npm run keys, whether it runs or not', async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['dev/keys.ts', ...args], { cwd: home })
  const before = (await run('create', 'before', 'read')).stdout.trim()
  const started = await start({ ACCESS: 'key' })
  expect((await fetch(`${started.url}/api/executions`)).status).toBe(401)
  const beside = (await run('create', 'beside', 'admin')).stdout.trim()
  for (const key of [before, beside]) {
    expect((await get(`${started.url}/api/executions?limit=1`, key)).length).toBe(1)
  }
  const keys = (await get(`${started.url}/api/keys`, beside)).items as {
    id: string
    name: string
  }[]
  const id = keys.find(({ name }) => name === 'before')?.id ?? ''
  expect((await run('revoke', id)).stdout).toContain('before is revoked')
  expect((await run('list')).stdout).toMatch(/beside\tadmin\tall playbooks\tvalid\tused/)
  await expect(run('create', 'beside', 'read')).rejects.toThrow(/'beside' is in use/)
  await expect(run('create', 'x', 'everything')).rejects.toThrow(/scopes/)
  started.child.kill('SIGTERM')
  expect(await started.ended).toBe(0)
})

test('the README names every variable', async () => {
  const { VARIABLES } = await import('../../src/settings.ts')
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  for (const name of [...VARIABLES, 'PORT']) expect(readme).toContain(`\`${name}\``)
})
