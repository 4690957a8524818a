// The javascript tool: what it accepts and answers, what it keeps apart, and what it cannot reach.
import { env } from 'cloudflare:workers'
import { describe, expect, inject, test } from 'vitest'
import { javascriptTool } from '../../src/executor/tools/javascript.ts'
import { type Call, ToolError, type ToolResult } from '../../src/executor/tools/tool.ts'
import type { Json, JsonObject } from '../../src/json.ts'
import { Variables } from '../../src/settings.ts'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const { LOADER } = env as unknown as { LOADER: WorkerLoader }
const ECHO = inject('echo')
/** The same server by another name: another origin. */
const OTHER = ECHO.replace('127.0.0.1', 'localhost')

const config = (variables = {}) =>
  Variables.parse({
    DATABASE_URL: 'postgres://u:secret@h/d',
    HTTP_ALLOW_PRIVATE: 'true',
    ...variables,
  })

function run(code: string, keys: JsonObject = {}, call: Partial<Call> = {}): Promise<ToolResult> {
  const task = { type: 'javascript', step: 'only', code, ...keys }
  const means = { config: config(), env: { LOADER }, timeoutMs: 5_000, result: null, waited: 0 }
  const credential = () => Promise.reject(new ToolError('none'))
  const secrets = { hide: () => {}, redact: (text: string) => text }
  return javascriptTool({
    task,
    execution_id: '1',
    scope: { step: 'only', execution_id: '1' },
    ...means,
    credential,
    ...secrets,
    ...call,
  })
}

async function dataOf(code: string, keys?: JsonObject, call?: Partial<Call>): Promise<Json> {
  const result = await run(code, keys, call)
  expect(result).toMatchObject({ status: 'success' })
  return (result as { data: Json }).data
}

async function errorOf(code: string, keys?: JsonObject, call?: Partial<Call>): Promise<string> {
  const result = await run(code, keys, call).catch((error: unknown) => {
    if (error instanceof ToolError) return { status: 'error' as const, error: error.message }
    throw error
  })
  expect(result).toMatchObject({ status: 'error' })
  return (result as { error: string }).error
}

/** A main of these statements. */
const main = (body: string) => `async function main(input, context) {\n${body}\n}`

describe('main', () => {
  test.each([
    ['a function', 'function main(input) { return input.a + 1 }'],
    ['an async one', 'async function main({ a }) { await null; return a + 1 }'],
    ['a constant', 'const main = ({ a }) => a + 1'],
    ['an exported function', 'export function main({ a }) { return a + 1 }'],
    ['an exported constant', 'export const main = async ({ a }) => a + 1'],
    ['the default export', 'export default ({ a }) => a + 1'],
    ['a named default export', 'export default function main({ a }) { return a + 1 }'],
    ['exported under that name', 'const f = ({ a }) => a + 1\nexport { f as main }'],
    ['followed by a comment', 'const main = ({ a }) => a + 1 // done'],
  ])('may be %s', async (_what, code) => {
    expect(await dataOf(code, { input: { a: 1 } })).toBe(2)
  })

  test('gets all input keys, the later over the earlier, and what is known of the step', async () => {
    const keys = { input: { a: 1, b: 1 }, args: { b: 2, c: 2 }, data: { c: 3 } }
    expect(await dataOf(main('return [input, context]'), keys)).toEqual([
      { a: 1, b: 2, c: 3 },
      { step: 'only', execution_id: '1' },
    ])
    expect(await dataOf(main('return input'))).toEqual({})
  })

  test('may come in base64', async () => {
    const code_b64 = btoa('const main = () => "b64"')
    expect(await dataOf('', { code_b64 })).toBe('b64')
    expect(await errorOf('', { code_b64: '*' })).toBe('code_b64 is not base64 of text')
  })

  test('is missed where there is none', async () => {
    const missing = 'the code defines no function main(input, context)'
    expect(await errorOf('')).toBe(missing)
    expect(await errorOf('const main = 1')).toBe(missing)
    expect(await errorOf('export default {}')).toBe(missing)
    expect(await errorOf('', { code: null })).toBe('a javascript step needs code')
    expect(await errorOf('', { code: 3 })).toBe('a javascript step needs code')
  })

  test('needs the platform', async () => {
    expect(await errorOf(main(''), {}, { env: {} })).toContain('binding = "LOADER"')
  })
})

describe('a result', () => {
  test('is JSON', async () => {
    expect(await dataOf(main(''))).toBeNull()
    const code = main('return { u: undefined, n: NaN, d: new Date(0), list: [undefined] }')
    expect(await dataOf(code)).toEqual({ n: null, d: '1970-01-01T00:00:00.000Z', list: [null] })
  })

  test('keeps integers beyond 2^53, which main sees as BigInt', async () => {
    const input = { id: 9_007_199_254_740_993n, small: 5 }
    const code = main('return [typeof input.id, input.id + 1n, typeof input.small, 7n]')
    expect(await dataOf(code, { input })).toEqual(['bigint', 9_007_199_254_740_994n, 'number', 7])
  })

  test.each([
    ['return () => 1', 'the result is a function, not JSON'],
    ['return { f() {} }', "the result's 'f' is a function, not JSON"],
    ['return [Symbol.iterator]', "the result's '0' is a symbol, not JSON"],
    ['return { a: Promise.resolve(1) }', "the result's 'a' is a Promise, not JSON"],
    ['return new Map([[1, 2]])', 'the result is a Map, not JSON'],
    ['const a = {}; a.a = a; return a', 'the result contains itself, and is not JSON'],
    ['return { toJSON() { throw new Error("no") } }', 'Error: no (line 2, column 27)'],
    ['return "x".repeat(2 ** 21)', 'the result is larger than 2097152 bytes'],
    ['return "x".repeat(2 ** 24)', 'the result is larger than 2097152 bytes'],
  ])('cannot come of: %s', async (body, error) => {
    expect(await errorOf(main(body))).toBe(error)
  })

  test('that is nested without end is an error', async () => {
    const nest = 'let a = []; for (let i = 0; i < 1000; i++) a = [a]; return a'
    expect(await errorOf(main(nest))).toContain('nested deeper than 200 levels')
  })
})

describe('an error', () => {
  test.each([
    [
      'thrown',
      'function main() {\n  const a = 1\n  throw new Error("boom")\n}',
      'Error: boom (line 3, column 9)',
    ],
    [
      'of the engine',
      'const main = (input) =>\n  input.a.b',
      "TypeError: Cannot read properties of undefined (reading 'b') (line 2, column 11)",
    ],
    [
      'thrown later',
      'async function main() {\n  await new Promise((r) => setTimeout(r, 1))\n  throw new RangeError("late")\n}',
      'RangeError: late (line 3, column 9)',
    ],
    ['that is none', 'function main() { throw { code: 7 } }', 'thrown: { code: 7 }'],
    [
      'outside of main',
      '\nthrow new Error("top")\nfunction main() {}',
      'Error: top (line 2, column 7)',
    ],
    [
      'of syntax',
      'function main() {\n  return 1 +* 2\n}',
      "SyntaxError: Unexpected token '*' (line 2, column 13)",
    ],
    [
      'of syntax at the end',
      'function main() {\n  return {',
      'SyntaxError: the code ends too early',
    ],
    ['of waiting outside', 'await new Promise(() => {})\nfunction main() {}', 'Top-level await'],
    ['of an import', 'import x from "nowhere"\nfunction main() {}', 'No such module "nowhere"'],
  ])('%s has its place', async (_what, code, error) => {
    expect(await errorOf(code)).toContain(error)
  })

  test('of one call leaves the next alone', async () => {
    const code = main('if (input.bad) throw new Error("bad"); return input.n')
    expect(await errorOf(code, { input: { bad: true } })).toContain('Error: bad')
    expect(await dataOf(code, { input: { n: 1 } })).toBe(1)
    const ending = main('if (input.bad) process.exit(1); return input.n')
    expect(await errorOf(ending, { input: { bad: true } })).toContain('the code was ended')
    expect(await dataOf(ending, { input: { n: 2 } })).toBe(2)
  })
})

describe('TypeScript', () => {
  test.each<[string, string, Json]>([
    [
      'parameters and what is returned',
      'function main(input: { a: number }, _context?: unknown): number { return input.a }',
      1,
    ],
    [
      'an interface and a type',
      'interface In { a: number }\ntype Out = In | null\nexport const main = (input: In): Out => input',
      { a: 1 },
    ],
    [
      'generics',
      'const first = <T,>(list: T[]): T => list[0]\nfunction of<T extends object = {}>(x: T) { return x }\nclass Box<T> { constructor(readonly it: T) {} }\nconst main = () => [first<number>([1]), of({}), new Box<string>("x").it, new Map<string, number>([["k", 1]]).size]',
      [1, {}, 'x', 1],
    ],
    [
      'as, satisfies and !',
      'const main = (i: any) => [i.a as number, { b: 1 } satisfies object, i!.a!.toFixed(), i?.b?.c!, [1] as const]',
      [1, { b: 1 }, '1', null, [1]],
    ],
    [
      'type assertions in angles and type guards',
      'function isA(x: unknown): x is number { return typeof x === "number" }\nfunction sure(x: unknown): asserts x {}\nconst main = (i: any) => { sure(i); return isA(<number>i.a) }',
      true,
    ],
    [
      'enums',
      'enum A { B, C = B + 2, D }\nconst enum S { X = "x" }\nexport enum T { "a b" = 1 }\nconst main = () => [A.B, A.D, A[2], S.X, T["a b"]]',
      [0, 3, 'C', 'x', 1],
    ],
    [
      'imports of types',
      'import type { Stats } from "nowhere"\nimport { type Dirent, sep } from "node:path"\nimport { Readable } from "node:stream"\nexport type { Stats }\nlet unused: Readable\nconst main = () => sep',
      '/',
    ],
    [
      'class members',
      'abstract class A<T> { protected abstract b(): T; declare c: string; private readonly d: number = 1; static #e?: string; f!: T; public g(): number { return this.d } }\nclass C extends A<null> implements Object { constructor(private h: number, public i = 2) { super() } override b(): null { return null }; get j(): number { return this.h } }\nconst main = () => { const c = new C(5); return [c.g(), c.i, c.j, "c" in c, "f" in c] }',
      [1, 2, 5, false, true],
    ],
    [
      'declarations',
      'declare const outside: string\ndeclare function f(): void\ndeclare global { interface Array<T> { x: T } }\ndeclare namespace N { namespace M { const x: 1 } }\nfunction main(a: string): void\nfunction main(a: unknown) { return typeof outside }',
      'undefined',
    ],
    ['this', 'function f(this: { a: number }) { return this.a }\nconst main = (i) => f.call(i)', 1],
    [
      'a type in a template',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
      'const main = (i: any) => `${i.a as number}@ namespace ${i.a!} {`',
      '1@ namespace 1 {',
    ],
    ['the default export', 'export default async (i: any): Promise<number> => i.a', 1],
    ['CRLF', 'type A = {\r\n  b: 1\r\n}\r\nconst main = (): A => ({ b: 1 })\r\n', { b: 1 }],
  ])('may have %s', async (_what, code, data) => {
    expect(await dataOf(code, { input: { a: 1 } })).toEqual(data)
  })

  test.each<[string, string, Json]>([
    ['an assertion', 'const main = () => { const a = f as any\n(f); return a === f }', true],
    ['a list', 'const main = () => { const a = [1] satisfies any\n[0].length; return a }', [1]],
    ['a type', 'const main = () => { const a = f\ntype T = 1\n(f); return a === f }', true],
    [
      'a member',
      'class A { x: any\n[f] = 1; private y = 2\n private [3] = 4 }\nconst main = () => new A()',
      { f: 1, y: 2, 3: 4 },
    ],
    [
      'a static one',
      'class A { x = 1\n static readonly [f]: any = 1 }\nconst main = () => [A.f, new A()]',
      [1, { x: 1 }],
    ],
    ['no call', 'const main = () => f!\n<any>\n(1)', 2],
    ['the arrow of a long type', 'const main = (\n i,\n): Promise<\n any\n> => i.a', 1],
    ['an async one', 'const main = async <\n T\n>(i: any) => i.a', 1],
  ])(
    'without its types still ends where it ended, by a line break: %s',
    async (_what, code, data) => {
      const f = 'const f = Object.assign((x) => x + 1, { toString: () => "f" })\n'
      expect(await dataOf(`${f}${code}`, { input: { a: 1 } })).toEqual(data)
    },
  )

  test.each([
    [
      'a line of types',
      'interface A {\n  b: string\n}\nfunction main(a: A) {\n  throw new Error("boom")\n}',
      'Error: boom (line 5, column 9)',
    ],
    [
      'types before it in its line',
      'const main = (a: Record<string, number>, b: (x: string) => void): never => { throw new Error("boom") }',
      'Error: boom (line 1, column 84)',
    ],
    [
      'code that was added in another line',
      'enum E { A, B }\nclass C { constructor(private a: string) { throw new Error("boom") } }\nconst f = (x: any) => { throw new Error("bo") }\nconst main = (i: any) => f(i)',
      'Error: bo (line 3, column 31)',
    ],
    [
      'a fault after types',
      'interface A { b: string }\nfunction main(a: A) {\n  return 1 +* 2\n}',
      'SyntaxError: Unexpected token (line 3, column 13)',
    ],
    [
      'a fault in types',
      'const a: string = "x"\nfunction main(b: ) {}',
      'SyntaxError: Unexpected token (line 2, column 18)',
    ],
    [
      'a fault that only the engine sees',
      'const a: number = 1\nconst main = (x: any) => { const a = 1; let a = 2 }',
      "SyntaxError: Identifier 'a' has already been declared (line 2, column 45)",
    ],
    [
      'an end that is missing',
      'type A = 1\nfunction main(): A {\n  return {',
      'SyntaxError: the code ends too early',
    ],
    [
      'an import that is not there',
      'import { x } from "nowhere"\nconst main = (a: 1) => x',
      'Error: No such module "nowhere"',
    ],
    [
      'a namespace',
      'const a: number = 1\nexport namespace N { export const x = 1 }\nconst main = () => N.x',
      'SyntaxError: a namespace is more than types: use an object (line 2, column 8)',
    ],
    [
      'a decorator',
      'class A {\n  @once x = 1\n}\nconst main = () => 1',
      'SyntaxError: decorators are not JavaScript (line 2, column 3)',
    ],
    [
      'require',
      'import fs = require("node:fs")\nconst main = () => fs',
      "SyntaxError: 'import x =' is not for modules: use 'import x from' (line 1, column 1)",
    ],
    [
      'export =',
      'const main = () => 1\nexport = main',
      "SyntaxError: 'export =' is not for modules: use 'export default' (line 2, column 1)",
    ],
    [
      'types that part a word from its value',
      'function main() {\n  return <\n    T,\n  >(x: T) => x\n}',
      'SyntaxError: the types after return must be on its line (line 2, column 10)',
    ],
  ])('keeps the place of an error: %s', async (_what, code, error) => {
    const said = await errorOf(code)
    expect(said.slice(0, error.length)).toBe(error)
    // what is kept of the first time says the same
    expect(await errorOf(code)).toBe(said)
  })

  test('serves from an isolate as JavaScript does', async () => {
    const code = 'let n: number = 0\nconst main = () => ++n'
    expect([await dataOf(code), await dataOf(code)]).toEqual([1, 2])
    expect(await dataOf(code, { egress: ['example.org'] })).toBe(1)
    const many = Array.from({ length: 5 }, () => dataOf(`${code} // at once`))
    expect((await Promise.all(many)).sort()).toEqual([1, 2, 3, 4, 5])
  })

  test('is not looked for in what is JavaScript', async () => {
    const asked: string[] = []
    const watched = {
      get: (id: string, load: Parameters<WorkerLoader['get']>[1]) => {
        asked.push(id)
        return LOADER.get(id, load)
      },
    } as WorkerLoader
    const call = { env: { LOADER: watched } }
    // in TypeScript the first two would be calls with types
    const code = main(
      "const [f, a, b, c] = [1, 2, 3, (x) => x]; return [f<a>(b), a<b, b>(c), /a: string/.test('a: string'), a < b ? a : b]",
    )
    expect(await dataOf(code, {}, call)).toEqual([false, true, false, true, 2])
    expect(asked).toHaveLength(1)
    expect(await dataOf('const main = (x: any) => 1', {}, call)).toBe(1)
    expect(asked.filter((id) => id.startsWith('strip-types '))).toHaveLength(1)
  })

  test('is sent to be stripped again when that was cut short', async () => {
    let n = 0
    const flaky = {
      get: (id: string, load: Parameters<WorkerLoader['get']>[1]) => {
        const isCut = id.startsWith('strip-types ') && n++ === 0
        return LOADER.get(
          isCut ? 'cut short' : id,
          isCut ? () => Promise.reject(new Error()) : load,
        )
      },
    } as WorkerLoader
    const code = 'const main = (): string => "again"'
    expect([await dataOf(code, {}, { env: { LOADER: flaky } }), n]).toEqual(['again', 2])
  })

  test('is stripped in an isolate that can do nothing else', async () => {
    let program: WorkerLoaderWorkerCode | undefined
    const watched = {
      get: (id: string, load: () => WorkerLoaderWorkerCode) => {
        if (id.startsWith('strip-types ')) program = load()
        return LOADER.get(id, load)
      },
    } as unknown as WorkerLoader
    const code = 'const main = (x: any) => "not seen before"'
    expect(await dataOf(code, {}, { env: { LOADER: watched } })).toBe('not seen before')
    expect(program).toMatchObject({ env: {}, globalOutbound: null })
    expect(Object.keys(program?.modules ?? {})).toEqual(['strip-types.js'])
  })
})

describe('time', () => {
  test('that is up stops the step, whose lines are kept', async () => {
    const startedAt = Date.now()
    const code = main('console.log("waiting"); await new Promise(() => {})')
    expect(await run(code, {}, { timeoutMs: 300 })).toEqual({
      status: 'error',
      error: 'stopped after 0.3 s',
      logs: ['waiting'],
    })
    expect(Date.now() - startedAt).toBeLessThan(10_000)
    // and the isolate is as good as before
    expect(await errorOf(code, {}, { timeoutMs: 100 })).toBe('stopped after 0.1 s')
  })

  test.each([
    [
      'where the code holds the clock back',
      'Promise.race = () => new Promise(() => {})\nconst main = () => new Promise((r) => setTimeout(r, 60_000))',
    ],
    [
      'while an answer has begun that does not end',
      'const R = Response\nglobalThis.Response = class { constructor() { return new R(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1)); setTimeout(() => c.close(), 60_000) } })) } }\nconst main = () => 1',
    ],
  ])('is up, too, %s', async (_what, code) => {
    expect(await errorOf(code, {}, { timeoutMs: 100 })).toBe('stopped after 0.1 s')
  })
})

describe('the console', () => {
  test('is kept in lines', async () => {
    const code = main(
      'console.log("a", 1, { b: [2] }); console.info("%s!", "c"); console.warn("d"); console.error(new Error("e").message)',
    )
    expect(await run(code)).toEqual({
      status: 'success',
      data: null,
      logs: ['a 1 { b: [ 2 ] }', 'c!', 'warn: d', 'error: e'],
    })
    expect(await run(main('console.log("before"); throw new Error("x")'))).toMatchObject({
      logs: ['before'],
    })
  })

  test('has limits, and says what was cut', async () => {
    const many = (await run(main('for (let i = 0; i < 500; i++) console.log(i)'))) as {
      logs: string[]
    }
    expect([many.logs.length, many.logs.at(-2), many.logs.at(-1)]).toEqual([
      201,
      '199',
      '(more was logged than is kept)',
    ])
    const long = (await run(
      main('for (let i = 0; i < 50; i++) console.log("\\u0001".repeat(9000))'),
    )) as { logs: string[] }
    expect(long.logs[0]).toBe(`${'\u0001'.repeat(4096)}... (cut)`)
    expect(long.logs.at(-1)).toBe('(more was logged than is kept)')
    expect(JSON.stringify(long.logs).length).toBeLessThan(66_000)
  })

  test('of two calls in one isolate is not mixed', async () => {
    const code = main(
      'for (let i = 0; i < 5; i++) { console.log(input.id); await new Promise((r) => setTimeout(r, 5)) }',
    )
    const results = await Promise.all(['a', 'b', 'c'].map((id) => run(code, { input: { id } })))
    expect(results.map((result) => (result as { logs?: string[] }).logs)).toEqual(
      ['a', 'b', 'c'].map((id) => Array(5).fill(id)),
    )
  })
})

describe('the network', () => {
  const get = main('return (await fetch(input.url, input.init)).json()')
  const { hostname, port } = new URL(ECHO)

  test('is not there, unless the step lists hosts', async () => {
    const denied =
      "Error: fetch is not allowed: set the step's egress to a list of hosts (line 2, column 15)"
    expect(await errorOf(get, { input: { url: ECHO } })).toBe(denied)
    expect(await errorOf(get, { input: { url: ECHO }, egress: [] })).toBe(denied)
    expect(await errorOf(get, { input: { url: ECHO }, egress: ['example.org'] })).toContain(
      "127.0.0.1 is not allowed: it is not among the step's egress",
    )
  })

  test('is where it lists them', async () => {
    const init = { method: 'POST', body: '{"n":1}', headers: { 'x-key': 'k' } }
    const input = { url: `${ECHO}/there`, init }
    for (const egress of [[hostname], hostname]) {
      expect(await dataOf(get, { input, egress })).toMatchObject({
        method: 'POST',
        path: '/there',
        body: '{"n":1}',
        headers: { 'x-key': 'k' },
      })
    }
  })

  test('is still under the rules of the settings', async () => {
    const closed = { config: config({ HTTP_ALLOW_PRIVATE: 'false' }) }
    const keys = { input: { url: ECHO }, egress: [hostname] }
    expect(await errorOf(get, keys, closed)).toContain('it is not a public address')
    const denied = { config: config({ HTTP_DENY_HOSTS: hostname }) }
    expect(await errorOf(get, keys, denied)).toContain('it is among HTTP_DENY_HOSTS')
  })

  test('checks where redirects lead, and takes no secret to another origin', async () => {
    const url = `${ECHO}/redirect/307?to=${encodeURIComponent(`${OTHER}/next`)}`
    const init = { method: 'POST', body: 'again', headers: { 'x-key': 'secret', accept: 'a/b' } }
    const input = { url, init }
    expect(await errorOf(get, { input, egress: [hostname] })).toContain(
      "localhost is not allowed: it is not among the step's egress",
    )
    const reached = (await dataOf(get, { input, egress: [hostname, 'localhost'] })) as JsonObject
    expect(reached).toMatchObject({ path: '/next', body: 'again', headers: { accept: 'a/b' } })
    expect(JSON.stringify(reached)).not.toMatch(/secret|noetl/)
  })

  test('leaves redirects alone where the code asks for that', async () => {
    const url = `${ECHO}/redirect/302?to=${encodeURIComponent(`${OTHER}/next`)}`
    const code = main(
      'const r = await fetch(input.url, { redirect: "manual" }); return [r.status, r.headers.get("location")]',
    )
    expect(await dataOf(code, { input: { url }, egress: [hostname] })).toEqual([
      302,
      `${OTHER}/next`,
    ])
  })

  test('gets the name that was asked, whatever the code says', async () => {
    const init = { headers: { host: 'other.example.org' }, redirect: 'manual' }
    const { headers } = (await dataOf(get, {
      input: { url: ECHO, init },
      egress: [hostname],
    })) as { headers: JsonObject }
    expect(headers.host).toBe(new URL(ECHO).host)
  })

  test('that does not answer is an error of fetch', async () => {
    const url = 'http://127.0.0.1:1/'
    expect(await errorOf(get, { input: { url }, egress: [hostname] })).toBe(
      'Error: no reply from 127.0.0.1:1 (line 2, column 9)',
    )
  })

  test.each([
    ['http://example.org'],
    [['example.org/x']],
    [['*']],
    [[3]],
    [['a:80']],
    [{ a: 1 }],
    [''],
  ])('is not listed as %j', async (egress) => {
    expect(await errorOf(main(''), { egress: egress as Json })).toBe(
      'egress is a list of hosts, like api.example.org or *.example.org',
    )
  })

  // every other way that the runtime has
  const ways: [string, string][] = [
    [
      'a socket',
      `const { connect } = await import('cloudflare:sockets')
      const socket = connect('${hostname}:${port}')
      await socket.writable.getWriter().write(new TextEncoder().encode('GET / HTTP/1.0\\r\\n\\r\\n'))
      const { done } = await socket.readable.getReader().read()
      if (done) throw new Error('nothing came back')`,
    ],
    [
      'a socket of node',
      `const net = await import('node:net')
      await new Promise((yes, no) => {
        const socket = net.connect(${port}, '${hostname}')
        socket.on('data', yes).on('error', no).on('close', () => no(new Error('nothing came back')))
        socket.write('GET / HTTP/1.0\\r\\n\\r\\n')
      })`,
    ],
    [
      'http of node',
      `const http = await import('node:http'); await new Promise((yes, no) => http.get('${OTHER}/', (r) => r.statusCode === 200 ? yes() : no(new Error('refused'))).on('error', no))`,
    ],
    [
      'a web socket',
      `const s = new WebSocket('${OTHER.replace('http', 'ws')}/'); await new Promise((yes, no) => { s.addEventListener('open', yes); s.addEventListener('error', (e) => no(e.error ?? e)) })`,
    ],
    [
      'an event source',
      `const s = new EventSource('${OTHER}/'); await new Promise((yes, no) => { s.onopen = yes; s.onerror = no })`,
    ],
    ['the cache', `await caches.default.put('http://example.org/', new Response('x'))`],
    [
      'the header that says follow',
      `await fetch('${OTHER}/', { headers: { 'x-noetl-edge-follow': 'true' } })`,
    ],
  ]
  test.each(ways)('cannot be reached by %s', async (_what, body) => {
    const code = main(`${body}\nreturn 'reached'`)
    expect(await errorOf(code)).not.toBe('')
    // nor by one that lists another name of the same server; sockets not even to what is listed
    expect(await errorOf(code, { egress: [hostname] })).not.toBe('')
  })
})

describe('what is ours', () => {
  test('cannot be found from inside', async () => {
    const code = main(`
      const found = []
      const workers = await import('cloudflare:workers')
      found.push(Object.keys(workers.env), Object.keys(workers.exports))
      found.push(Object.keys(process.env))
      const seen = new Set()
      const walk = (value, depth) => {
        if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
          return String(value)
        }
        if (depth === 0 || seen.has(value)) return ''
        seen.add(value)
        return Reflect.ownKeys(value).map((key) => {
          try { return String(key) + ' ' + walk(value[key], depth - 1) } catch { return '' }
        }).join(' ')
      }
      const all = walk(globalThis, 4)
      return [...found, /DATABASE_URL|ENCRYPTION_KEY|LOADER|JOBS|postgres:/.exec(all)]`)
    expect(await dataOf(code)).toEqual([[], ['default'], [], null])
  })

  test('is not run by eval', async () => {
    expect(await errorOf(main('return eval("1 + 1")'))).toContain('Code generation from strings')
    expect(await errorOf(main('return new Function("return 1")()'))).toContain('Code generation')
  })

  test('is not in its files', async () => {
    const code = main(
      'const fs = await import("node:fs"); return [fs.readdirSync("/"), fs.readdirSync("/bundle"), fs.existsSync("/etc/passwd")]',
    )
    expect(await dataOf(code)).toEqual([['bundle', 'tmp', 'dev'], ['main.js', 'code.js'], false])
  })

  test('gets whatever the code answers in its place only as data', async () => {
    const forged = (answer: string) =>
      `globalThis.Response = class { constructor() { return new original(${JSON.stringify(answer)}) } }\nfunction main() {}`
    const code = (answer: string) => `const original = Response\n${forged(answer)}`
    expect(await errorOf(code('nonsense'))).toContain('the result cannot be read')
    expect(await errorOf(code('[]'))).toContain('the result cannot be read')
    expect(await run(code('{"logs":{"a":1},"error":7}'))).toEqual({ status: 'success', data: null })
    expect(await errorOf(code('{"error":{}}'))).toBe('undefined')
  })
})

describe('what all objects have', () => {
  const merging = `function merge(to, from) {
    for (const key of Object.keys(from)) {
      if (typeof from[key] === 'object' || typeof from[key] === 'function') merge((to[key] ??= {}), from[key])
      else to[key] = from[key]
    }
    return to
  }
  function main({ data }) {
    try { merge({}, JSON.parse(data)) } catch (error) { return [String(error), {}.admin, Object.keys({ a: 1 })] }
    return ['merged', {}.admin, Object.keys({ a: 1 }), String({})]
  }`

  test.each([
    '{"__proto__": {"admin": true}}',
    '{"__proto__": {"toString": 1}}',
    '{"constructor": {"keys": 1}}',
    '{"constructor": {"prototype": {"admin": true}}}',
    '{"a": {"__proto__": {"__proto__": {"admin": true}}}}',
  ])('is not changed by data: %s', async (data) => {
    const code = `${merging} // ${data}`
    const [said] = (await dataOf(code, { input: { data } })) as [string]
    expect(said).not.toBe('merged')
    expect(await dataOf(code, { input: { data: '{"a": {"b": 1}}' } })).toEqual([
      'merged',
      null,
      ['a'],
      '[object Object]',
    ])
  })

  test('may be had otherwise by an object of its own', async () => {
    const code = `class Odd extends Error { constructor(text) { super(text); this.name = 'Odd'; this.message = text + '!' } }
    function Old() { this.toString = () => 'old' }
    Old.prototype.valueOf = () => 7
    class List extends Array { get last() { return this.at(-1) } }
    function main() {
      const plain = { a: 1 }
      plain.toString = () => 'plain'
      plain.constructor = 1
      const error = new TypeError()
      error.message = 'said later'
      return [String(new Odd('x')), String(new Old()), new Old() * 1, String(plain), Object.keys(plain), error.message, List.from([1, 2]).last]
    }`
    expect(await dataOf(code)).toEqual([
      ...['Odd: x!', 'old', 7, 'plain', ['a', 'toString', 'constructor'], 'said later', 2],
    ])
  })
})

describe('isolates', () => {
  test('serve the calls of one code and one way out, and no others', async () => {
    const code = 'let n = 0\nconst main = () => ++n'
    expect([await dataOf(code), await dataOf(code)]).toEqual([1, 2])
    expect(await dataOf(code, { egress: ['example.org'] })).toBe(1)
    expect(await dataOf(`${code} `)).toBe(1)
    expect(await dataOf(code, {}, { config: config({ HTTP_DENY_HOSTS: 'a.b' }) })).toBe(3)
  })

  test('cost', async () => {
    const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]?.toFixed(1)
    const measure = async (codeOf: (n: number) => string) => {
      const times: number[] = []
      for (let n = 0; n < 15; n++) {
        const from = performance.now()
        await dataOf(codeOf(n))
        times.push(performance.now() - from)
      }
      return median(times)
    }
    const fresh = await measure((n) => `const main = () => ${n}`)
    const reused = await measure(() => 'const main = () => 1')
    const freshTyped = await measure((n) => `const main = (): number => ${n}`)
    const reusedTyped = await measure(() => 'const main = (): number => 1')
    console.log(`a fresh isolate: ${fresh} ms; one that is there: ${reused} ms`)
    console.log(`with types: ${freshTyped} ms; ${reusedTyped} ms`)
    expect([fresh, reused, freshTyped, reusedTyped]).not.toContain(undefined)
  })
})

describe('a playbook', () => {
  const steps = oneStep(newClient({ LOADER }), { type: 'javascript' })

  test('runs it, with its lines in the event', async () => {
    const code = 'function main({ n }) { console.log(n); return { twice: n * 2 } }'
    const step = { code, input: { n: '{{ workload.n }}' } }
    const { body } = await steps.ran(step, 'workload: {n: 21}')
    expect([body.error, body.result]).toEqual([null, { twice: 42 }])
    const done = body.events.find((event: JsonObject) => event.event_type === 'action_completed')
    expect(done.result).toMatchObject({ status: 'success', logs: ['21'] })
  })

  test('leaves the braces of its code alone', async () => {
    const code = 'const main = () => ({ text: "{{ x }}", a: {b: {}}})'
    for (const step of [{ code }, { code_b64: btoa(code) }]) {
      expect(await steps.resultOf(step)).toEqual({ text: '{{ x }}', a: { b: {} } })
    }
  })

  test('knows where it stands', async () => {
    const code = 'const main = (_input, context) => context'
    const { body } = await steps.ran({ code }, 'workload: {w: 1}')
    expect(body.result).toEqual({
      step: 'only',
      step_name: 'only',
      execution_id: body.id,
      attempt: 1,
      workload: { w: 1 },
    })
  })

  test('fails with its error', async () => {
    const code = 'function main() { console.log(1); throw new Error("boom") }'
    const { body } = await steps.ran({ code })
    expect(body.error).toBe('Error: boom (line 1, column 41)')
    const failed = body.events.find((event: JsonObject) => event.event_type === 'action_error')
    expect(failed.result.logs).toEqual(['1'])
  })
})
