// `npm run worker` on the real Worker: what it runs, and what becomes of a job when it does not get to the end.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Server, startServer } from '../../bench/server.ts'
import { startPostgres } from '../../dev/postgres.ts'
import { type JsonObject, toJson } from '../../src/json.ts'
import { startEcho } from './echo.ts'

const KEY = 'a-key-of-some-length'
const WORKER = join(import.meta.dirname, '../../dev/reference/worker.ts')
const python = spawnSync('python3', ['--version']).status === 0
if (!python)
  console.warn('no python3 here: what the reference worker does with python is not tested')

let server: Server
let dir: string
const workers = new Set<Started>()
beforeAll(async () => {
  server = await startServer({ EDGE_TOOLS: '', ACCESS: 'key', API_KEY: KEY })
  dir = mkdtempSync(join(tmpdir(), 'noetl-edge-worker-'))
})
afterAll(async () => {
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

interface Started {
  child: ChildProcess
  output: () => string
  ended: Promise<number | null>
}

/** The address of the server, or of what stands before it, with a key. */
const withKey = (url: URL, key = KEY) => url.href.replace('//', `//worker:${key}@`)

/** Starts a worker and waits until it has registered. */
async function work(env: Record<string, string> = {}): Promise<Started> {
  const child = spawn(process.execPath, [WORKER], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NOETL_SERVER_URL: withKey(server.url),
      WORKER_POOL_NAME: 'reference',
      ...env,
    },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const started = { child, output: () => text, ended }
  workers.add(started)
  await until(() => text.includes('Ctrl-C') || child.exitCode !== null)
  return started
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 50) {
    if (waited > 30_000) throw new Error('it did not come to that')
    await sleep(50)
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads into replies and fails where they differ
type Any = any

async function must(method: string, path: string, body?: unknown): Promise<Any> {
  const reply = await server.call(method, path, body, { authorization: `Bearer ${KEY}` })
  if (reply.status !== 200) throw new Error(`${method} ${path}: ${toJson(reply.body)}`)
  return reply.body
}

let count = 0
/** Registers a playbook of one step between start and end, and runs it. */
async function run(step: JsonObject, workload: JsonObject = {}): Promise<string> {
  const path = `test/reference-${count++}`
  const [start, end] = [{ step: 'start', next: 'work' }, { step: 'end' }]
  const workflow = [start, { step: 'work', next: 'end', ...step }, end]
  const content = toJson({ metadata: { path }, workload, workflow })
  await must('POST', '/api/catalog/register', { content })
  return String((await must('POST', '/api/execute', { path })).execution_id)
}

const detail = async (id: string): Promise<Any> => must('GET', `/api/executions/${id}`)

async function ended(id: string): Promise<Any> {
  let last: Any
  await until(async () => {
    last = await detail(id)
    return last.end_time !== null
  })
  return last
}

const ofType = ({ events }: Any, type: string): Any[] =>
  events.filter((event: Any) => event.event_type === type)

/** What one step leaves that a worker runs; its result comes after the end. */
const LOG = [
  'execution_start',
  'step_started',
  'action_started',
  'action_completed',
  'step_completed',
  'execution_complete',
  'step_result',
]

/** The result of a step of python code that completes. */
async function resultOf(code: string, step: JsonObject = {}): Promise<Any> {
  const done = await ended(await run({ type: 'python', code, ...step }))
  expect(done).toMatchObject({ status: 'COMPLETED' })
  return ofType(done, 'action_completed')[0].result
}

/** Ends all workers, and waits until the server has seen that they wait for jobs no longer. */
async function stopAll(): Promise<void> {
  for (const { child } of workers) child.kill('SIGTERM')
  await Promise.all([...workers].map(({ ended }) => ended))
  workers.clear()
  await sleep(600)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('what it runs', () => {
  beforeAll(async () => {
    await work()
  })
  afterAll(stopAll)

  test.runIf(python)('main gets what its parameters name', async () => {
    const data = { a: 1, b: [2], big: '{{ 9007199254740993 }}' }
    const cases: [code: string, expected: unknown][] = [
      ['def main(): return None', null],
      ['def main(input): return input["b"]', [2]],
      ['def main(input_data): return sorted(input_data)', ['a', 'b', 'big']],
      ['def main(whatever): return whatever["a"]', 1],
      [
        'def main(context, input_data): return [context["step_name"], input_data["a"]]',
        ['work', 1],
      ],
      ['def main(context): return context["execution_id"] == context["job"]["execution_id"]', true],
      ['def main(a, *rest, c=3, **others): return [a, rest, c, others["b"]]', [1, [], 3, [2]]],
      ['def main(a, /, path="mine"): return [a, path]', [1, 'mine']],
      ['async def main(big): return big + 1', 9007199254740994n],
    ]
    const results = await Promise.all(cases.map(([code]) => resultOf(code, { data })))
    expect(results.map((result) => result.data)).toEqual(cases.map(([, expected]) => expected))
    expect((await resultOf('def main(data): return data', { data: '{{ [1, 2] }}' })).data).toEqual([
      1, 2,
    ])
  })

  test.runIf(python)('prints are kept, and what JSON has no word for becomes text', async () => {
    const code = `
import datetime, decimal, sys, subprocess
def main():
  print('one\\ntwo')
  print('three', file=sys.stderr)
  subprocess.run(['echo', 'four'])
  return {'nan': float('nan'), 'day': datetime.date(2026, 1, 2), 'sum': decimal.Decimal('1.10'),
    'bytes': b'caf\\xc3\\xa9', 'set': {1}, 'tuple': (1, None), 3: True, 'kind': type(code_of).__name__}
def code_of(): pass`
    const { data, logs } = await resultOf(code)
    expect(logs).toEqual(['one', 'two', 'three', 'four'])
    const plain = { nan: 'nan', day: '2026-01-02', sum: '1.10', bytes: 'café', set: [1] }
    expect(data).toEqual({ ...plain, tuple: [1, null], 3: true, kind: 'function' })
    const loud = await resultOf('def main():\n  print("x" * 100_000)')
    expect(loud.logs).toEqual(['x'.repeat(65_536), '... and 34465 characters more'])
  })

  test.runIf(python)('iterations run on it, each knowing its element', async () => {
    const task = {
      type: 'python',
      code: 'def main(n, by, index=None): return [n * by, index]',
      data: { by: '{{ workload.by + n }}' },
    }
    const step = { type: 'iterator', collection: [3, 4], element: 'n', mode: 'async', task }
    const done = await ended(await run(step, { by: 10 }))
    expect(done.error).toBeNull()
    expect(done.result).toEqual([
      [39, null],
      [56, null],
    ])
  })

  test.runIf(python)(
    'what goes wrong in python is the error of the step, with its line',
    async () => {
      const failing: [step: JsonObject, error: RegExp][] = [
        [{ code: 'def main():\n  print(1)\n  return 1 / 0' }, /^ZeroDivisionError: .* \(line 3\)$/],
        [{ code: 'def main(:' }, /^SyntaxError: .* \(line 1\)$/],
        [{ code: 'x = 1' }, /^NameError: the code defines no main$/],
        [{ code: 'def main(a, b): pass', data: { a: 1 } }, /^TypeError: .*'b'$/],
        [{ code: 'import sys\ndef main(): sys.exit(3)' }, /^SystemExit: 3 \(line 2\)$/],
        [
          { code: 'import os\ndef main(): os._exit(3)' },
          /^python ended before main had \(exit code 3\)$/,
        ],
        [{ code: 'def main():\n  x = []\n  x.append(x)\n  return x' }, /^RecursionError/],
        [
          { code: 'def main(): return "x" * 3_000_000' },
          /^the result is larger than 2097152 bytes$/,
        ],
        [
          { code: 'def main(): pass', data: { a: '{{ nothing.here }}' } },
          /^template: .*nothing\.here/,
        ],
        [
          { code: 'def main():\n  x = 1\n  for _ in range(300): x = [x]\n  return x' },
          /^the result cannot be kept/,
        ],
        [{ code: 'def main():\n  while True: pass', timeout: 1 }, /^stopped after 1 s$/],
      ]
      const ends = await Promise.all(
        failing.map(async ([step]) => ended(await run({ type: 'python', ...step }))),
      )
      const errors = ends.map((end) => ofType(end, 'action_error')[0])
      expect(ends.map(({ status }) => status)).toEqual(failing.map(() => 'FAILED'))
      for (const [index, [, expected]] of failing.entries()) {
        expect(errors[index].error).toMatch(expected)
      }
      expect(errors[0].result).toMatchObject({ logs: ['1'] })
      expect(errors[0].result.traceback).toContain('return 1 / 0')
    },
  )

  test.runIf(python)('a step that fails twice succeeds in its third attempt', async () => {
    const file = join(dir, 'attempts')
    const code = `
def main(file):
  with open(file, 'a+') as f:
    f.write('x')
    f.seek(0)
    count = len(f.read())
  if count < 3: raise RuntimeError('not yet')
  return count`
    const retry = { max_attempts: 5, initial_delay: 0.1, retry_when: "{{ 'not yet' in error }}" }
    const done = await ended(await run({ type: 'python', code, retry, data: { file } }))
    expect(done).toMatchObject({ status: 'COMPLETED', result: 3 })
    expect(ofType(done, 'action_error')).toHaveLength(2)
    expect(ofType(done, 'action_retry')).toHaveLength(2)
    expect(ofType(done, 'action_started').map(({ context }) => context.retry.attempt)).toEqual([
      1, 2, 3,
    ])
    const spent = {
      type: 'python',
      code: 'def main(): 1 / 0',
      retry: { max_attempts: 2, initial_delay: 0 },
    }
    const failed = await ended(await run(spent))
    expect(failed.status).toBe('FAILED')
    expect(ofType(failed, 'action_error')).toHaveLength(2)
  })

  test('http steps run on it, with credentials; a failing one may be tried again', async () => {
    const echo = await startEcho()
    const token = { name: 'token', type: 'bearer', data: { token: 'abc' } }
    await must('POST', '/api/credentials', token)
    const step = { type: 'http', method: 'POST', auth: 'token', data: { n: '{{ workload.n }}' } }
    const done = await ended(await run({ ...step, url: `${echo.url}/there` }, { n: 7 }))
    const { data } = ofType(done, 'action_completed')[0].result
    expect(data).toMatchObject({ status_code: 200, url: `${echo.url}/there` })
    expect(data.data).toMatchObject({ method: 'POST', body: '{"n":7}' })
    expect(data.data.headers.authorization).toBe('Bearer ***')
    const retry = { retry_when: 'status_code == 503', initial_delay: 0 }
    const flaky = await ended(await run({ type: 'http', url: `${echo.url}/flaky/1/w`, retry }))
    expect(flaky.status).toBe('COMPLETED')
    expect(ofType(flaky, 'action_error')[0].result.data.status_code).toBe(503)
    const unknown = await ended(await run({ type: 'http', url: echo.url, auth: 'nobody' }))
    expect(unknown.error).toContain("there is no credential 'nobody'")
    await echo.stop()
  })

  test('postgres steps run on it over a plain connection', async ({ skip }) => {
    const postgres = await startPostgres()
    if ('reason' in postgres) return skip(postgres.reason)
    const data = { dsn: postgres.url }
    await must('POST', '/api/credentials', { name: 'pg', type: 'postgres', data })
    const command = `create table t (id bigint, at date);
    insert into t values ({{ workload.id }}, '2026-01-02'), (2, null);
    select * from t`
    const step = { type: 'postgres', auth: 'pg', command }
    const done = await ended(await run(step, { id: 9007199254740993n }))
    expect(ofType(done, 'action_completed')[0].result.data).toEqual({
      command_0: {
        status: 'success',
        row_count: -1,
        message: 'Command executed. -1 rows affected.',
      },
      command_1: { status: 'success', row_count: 2, message: 'Command executed. 2 rows affected.' },
      command_2: {
        status: 'success',
        rows: [
          { id: 9007199254740993n, at: '2026-01-02' },
          { id: 2, at: null },
        ],
        row_count: 2,
        columns: ['id', 'at'],
      },
    })
    const broken = {
      ...step,
      commands: ['insert into t values (3)', 'select 1/0'],
      command: undefined,
    }
    const failed = await ended(await run(broken as unknown as JsonObject))
    expect(failed.error).toContain('division by zero (SQLSTATE 22012)')
    const slow = { ...step, command: 'select pg_sleep(60)', timeout: 1 }
    expect((await ended(await run(slow))).error).toContain('stopped after 1 s')
    const left = { ...step, command: 'select count(*) from t' }
    const { result } = ofType(await ended(await run(left)), 'action_completed')[0]
    expect(result.data.command_0.rows).toEqual([{ count: 2 }])
    await postgres.stop()
  })
})

describe('how it begins and ends', () => {
  afterEach(stopAll)

  test.runIf(python)(
    'an execution waits for python and completes when a worker starts',
    async () => {
      const code =
        'def main(name, workload):\n  return {"said": f"{name} of {workload[\'place\']}"}'
      const data = { name: 'hello {{ workload.who }}' }
      const id = await run({ type: 'python', code, data }, { who: 'you', place: 'here' })
      await sleep(300)
      const before = await detail(id)
      expect(before.status).toBe('RUNNING')
      expect(before.waiting_for).toMatchObject([{ type: 'python', jobs: 1 }])
      const worker = await work()
      const after = await ended(id)
      expect(after).toMatchObject({ status: 'COMPLETED', progress: 100 })
      const { items } = await must('GET', '/api/worker/pools')
      expect(items).toMatchObject([{ name: 'reference', status: 'ready', capacity: 4 }])

      worker.child.kill('SIGTERM')
      expect(await worker.ended).toBe(0)
      const { events } = await detail(id)
      expect(events.map((event: Any) => event.event_type)).toEqual(LOG)
      expect(events.at(-1).result).toEqual({ said: 'hello you of here' })
      const { items: left } = await must('GET', '/api/worker/pools')
      expect(left).toMatchObject([{ name: 'reference', status: 'offline' }])
    },
  )

  test.runIf(python)(
    'what a killed worker had begun ends with it, and another does it',
    async () => {
      const first = await work({ WORKER_LEASE_SECONDS: '4' })
      const file = join(dir, 'process')
      const code = `
import os, time
def main(file):
  if not os.path.exists(file):
    with open(file, 'w') as f: f.write(str(os.getpid()))
    time.sleep(600)
  return 'done'`
      const id = await run({ type: 'python', code, data: { file } })
      await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
      // longer than its lease, which it puts off
      await sleep(5_000)
      const second = await work()
      await sleep(300)
      expect(ofType(await detail(id), 'action_started')).toHaveLength(1)
      await sleep(300)
      expect(ofType(await detail(id), 'action_started')).toHaveLength(1)
      const pid = Number(readFileSync(file, 'utf8'))
      expect(isAlive(pid)).toBe(true)
      first.child.kill('SIGKILL')
      const done = await ended(id)
      expect(done).toMatchObject({ status: 'COMPLETED', result: 'done' })
      expect(ofType(done, 'action_started')).toHaveLength(2)
      expect(ofType(done, 'action_completed')).toHaveLength(1)
      await until(() => !isAlive(pid))
      await until(() => second.output().includes(`${id}:work, attempt 2: success`))
    },
  )

  test.runIf(python)('a job that is no longer the worker’s is stopped and forgotten', async () => {
    const worker = await work({ WORKER_LEASE_SECONDS: '2' })
    const file = join(dir, 'cancelled')
    const code = `
import os, time
def main(file):
  with open(file, 'w') as f: f.write(str(os.getpid()))
  time.sleep(600)`
    const id = await run({ type: 'python', code, data: { file } })
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
    await must('POST', `/api/executions/${id}/stop`, {})
    await until(() => worker.output().includes(`${id}:work, attempt 1 is given up`))
    const pid = Number(readFileSync(file, 'utf8'))
    await until(() => !isAlive(pid))
  })

  test.runIf(python)('asked to end it finishes what runs', async () => {
    const worker = await work()
    const file = join(dir, 'begun')
    const code = 'import time\ndef main(file):\n  open(file, "w")\n  time.sleep(1.5)\n  return 1'
    const id = await run({ type: 'python', code, data: { file } })
    await until(() => existsSync(file))
    worker.child.kill('SIGINT')
    expect(await worker.ended).toBe(0)
    expect(await ended(id)).toMatchObject({ status: 'COMPLETED', result: 1 })
  })

  test.runIf(python)('every answer may be lost: what is sent again counts once', async () => {
    const seen = new Set<string>()
    const proxy = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const { url = '', method = '', headers } = request
      const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) }
      const authorization = headers.authorization ?? ''
      const init = {
        method,
        ...body,
        headers: { authorization, 'content-type': 'application/json' },
      }
      const reply = await fetch(new URL(url, server.url), init).catch(() => null)
      const text = (await reply?.text().catch(() => '')) ?? ''
      const what = `${url} ${createHash('sha256').update(Buffer.concat(chunks)).digest('hex')}`
      const isLost = !seen.has(what) && !url.includes('lease')
      seen.add(what)
      if (isLost && seen.size % 2 === 0) request.socket.destroy()
      else response.writeHead(isLost ? 502 : (reply?.status ?? 502)).end(text)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    const worker = await work({ NOETL_SERVER_URL: withKey(new URL(`http://127.0.0.1:${port}`)) })
    const id = await run({ type: 'python', code: 'def main(): return 1' })
    await until(() => worker.output().includes(`${id}:work, attempt 1: success`))
    const { status, events } = await detail(id)
    expect(status).toBe('COMPLETED')
    expect(events.map((event: Any) => event.event_type)).toEqual(LOG)
    expect(worker.output()).toContain('/complete: ')
    worker.child.kill('SIGTERM')
    expect(await worker.ended).toBe(0)
    proxy.closeAllConnections()
    proxy.close()
  })

  test('a worker that can do nothing, and one with the wrong key, say so and end', async () => {
    const empty = join(dir, 'no-python')
    writeFileSync(empty, '')
    const [without, wrong, stranger] = await Promise.all([
      work({ PATH: empty, WORKER_CAPABILITIES: 'python' }),
      work({ WORKER_CAPABILITIES: 'http, cobol' }),
      work({ NOETL_SERVER_URL: withKey(server.url, 'another-key-entirely') }),
    ])
    for (const worker of [without, wrong, stranger]) expect(await worker.ended).toBe(2)
    expect(without.output()).toContain('There is no python3 here')
    expect(wrong.output()).toContain('cobol is none of python, http, postgres')
    expect(stranger.output()).toMatch(/key/)
    expect(stranger.output()).not.toContain('another-key')
  })
})
