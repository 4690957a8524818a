// What each operation needs, asked of every one of them, and compared with the table of docs/security.md.
import { neon } from '@neondatabase/serverless'
import type { MiddlewareHandler } from 'hono'
import { beforeAll, expect, test } from 'vitest'
import { SCOPES, type Scope } from '../../src/access/caller.ts'
import type { App } from '../../src/env.ts'
import { type AppError, problemStatus } from '../../src/errors.ts'
import { Hono } from '../../src/hono.ts'
import { type Declaration, operation } from '../../src/operation.ts'
import { declarations, declared } from '../routes/description.ts'
import { addressOf } from '../routes/line.ts'
import { newClient } from '../support.ts'
import { type KeyClient, newKey, open, withKey } from './callers.ts'

declare global {
  interface ImportMeta {
    glob(pattern: string, options: object): Record<string, string>
  }
}

const [page = ''] = Object.values(
  import.meta.glob('../../docs/security.md', { query: '?raw', import: 'default', eager: true }),
)

/** What the table says that an operation needs. */
interface Row {
  scopes: string
  reach: string
}

const ROW = /^\| (GET|POST|PUT|PATCH|DELETE) \| `([^`]+)` \| ([^|]+) \| (own|all|any) \|$/
const table = new Map<string, Row>()
for (const line of page.split('\n')) {
  const [, method, path, scopes = '', reach = ''] = ROW.exec(line) ?? []
  if (method) table.set(`${method} ${path}`, { scopes, reach })
}
const operations = [...declarations.keys()]

/** The scopes of the table that may, one by one; null: nobody is asked for a key. */
function allowed({ scopes }: Row): Scope[] | null {
  if (scopes === 'none') return null
  if (scopes === 'any key') return [...SCOPES]
  const named = scopes.split(', ')
  return SCOPES.filter((scope) => scope === 'admin' || named.includes(scope))
}

/** The operation asked for anything. */
const askedOf = (on: string) => addressOf(on.replace(/\{\w+\}/g, 'x'), {})

const LACKING = /^this needs the scope /
const REFUSAL = 'send an API key as a bearer token, or by Basic as the password'
const keys = {} as Record<Scope, KeyClient>

beforeAll(async () => {
  for (const scope of SCOPES) keys[scope] = withKey((await newKey([scope])).key)
})

test('the table of docs/security.md has every operation, and no other', () => {
  expect([...table.keys()].sort()).toEqual([...operations].sort())
})

test.each([...table])('%s', async (on, row) => {
  const [method, address] = askedOf(on)
  const may = allowed(row)
  for (const scope of SCOPES) {
    const { status, body } = await keys[scope].send(method, address)
    const isRefused = status === 403 && LACKING.test(body.detail)
    expect([scope, isRefused]).toEqual([scope, may !== null && !may.includes(scope)])
    if (may !== null) expect([scope, status]).not.toEqual([scope, 401])
  }
  const { scopes, reach } = declaredAs(declared(on))
  expect({ scopes, reach }).toEqual(row)
})

/** A declaration as the table writes it. */
function declaredAs({ open: isOpen, scope, reach }: Declaration): Row {
  return { scopes: isOpen ? 'none' : [scope ?? 'any key'].flat().join(', '), reach }
}

test('without a key, or with one that is wrong, revoked or expired, all is 401', async () => {
  const soon = new Date(Date.now() + 60_000).toISOString()
  const [revoked, expired] = [
    await newKey(['admin']),
    await newKey(['admin'], { expires_at: soon }),
  ]
  const sql = neon(open.env.DATABASE_URL as string)
  await sql`update noetl.api_key set expires_at = now() where key_id = ${expired.id}`
  const { status } = await open.send('DELETE', `/api/keys/${revoked.id}`)
  expect(status).toBe(200)
  const other = await newKey(['admin'])
  const [, id, secret] = other.key.split(/_(\d+)_/)
  const wrong = {
    none: null,
    'of another form': 'wrong',
    'of an unknown id': `ne_1_${secret}`,
    'with the secret of another': `ne_${revoked.id}_${secret}`,
    'with one letter changed': `ne_${id}_${secret?.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`,
    revoked: revoked.key,
    expired: expired.key,
  }
  for (const [what, key] of Object.entries(wrong)) {
    const caller = withKey(key)
    for (const on of operations) {
      const [method, address] = askedOf(on)
      const reply = await caller.send(method, address)
      if (allowed(table.get(on) as Row) === null) continue
      expect([what, on, reply.status, reply.body.detail]).toEqual([what, on, 401, REFUSAL])
    }
  }
})

test('what is about all playbooks is not for a key with a prefix', async () => {
  const scopes = SCOPES.filter((scope) => scope !== 'admin')
  const { send } = withKey((await newKey(scopes, { path_prefix: 'team-a' })).key)
  for (const [on, { scopes: needed, reach }] of table) {
    const [method, address] = askedOf(on)
    const { status, body } = await send(method, address)
    const isAll = status === 403 && /^this is about all playbooks/.test(body.detail)
    expect([on, isAll]).toEqual([on, reach === 'all' && needed !== 'admin'])
    // only those who can make keys may what needs `admin`
    if (needed === 'admin') expect([on, status]).toEqual([on, 403])
  }
})

test('a declaration that is changed shows, whatever it is changed to', async () => {
  for (const on of operations) {
    const declaration = declared(on)
    if (declaration.open) continue
    const right = await refusedBy(declaration)
    expect([on, right]).toEqual([on, SCOPES.filter((one) => !allowed(rowOf(on))?.includes(one))])
    for (const scope of [null, ...SCOPES]) {
      const isSame =
        JSON.stringify([scope ?? []].flat()) === JSON.stringify([declaration.scope ?? []].flat())
      if (isSame) continue
      const changed = { ...declaration, scope }
      expect([on, declaredAs(changed)]).not.toEqual([on, rowOf(on)])
      expect([on, scope, await refusedBy(changed)]).not.toEqual([on, scope, right])
    }
  }
})

const rowOf = (on: string) => table.get(on) as Row

/** The scopes that do not suffice for a route that is declared so. */
async function refusedBy({ scope, reach }: Declaration): Promise<Scope[]> {
  const refused: Scope[] = []
  for (const one of SCOPES) {
    const asCaller: MiddlewareHandler<App> = async (c, next) => {
      c.set('caller', { id: 'x', name: 'x', scopes: new Set([one]), within: null, ip: null })
      await next()
    }
    const route = new Hono()
      .use(asCaller)
      .get(
        '/',
        operation({ summary: '', scope, reach, reply: {} as never }),
        (c) => c.text('ok') as never,
      )
    route.onError((error, c) => c.text('', problemStatus((error as AppError).code) as 403))
    if ((await route.request('/')).status === 403) refused.push(one)
  }
  return refused
}

test('open access is no key, and may all', async () => {
  const { status } = await newClient().get('/api/keys')
  expect(status).toBe(200)
})
