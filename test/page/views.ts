// The page's views as they are looked at, with something to show in each.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'

export interface View {
  address: string
  /** What is done before the picture is taken. */
  act?: (page: Page) => Promise<void>
}

/** Asks the API. @throws Error when it does not answer with a success. */
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Headers,
) => Promise<unknown>
type Headers = Record<string, string>

export function asker(base: string, key?: string): Ask {
  return async (method, path, body, headers = {}) => {
    const reply = await fetch(new URL(path, base), {
      method,
      headers: {
        'content-type': 'application/json',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
}

const EXAMPLES = join(import.meta.dirname, '../../examples')
const SHOWN = [
  'conditions',
  'fan_out',
  'iterator',
  'sub_playbook_child',
  'iterator_playbooks',
  'retry_stops',
  'python_worker',
  'notify',
]

/** The newest run of a playbook, whose views have something to show. */
async function newest(ask: Ask, path: string): Promise<string | null> {
  const query = new URLSearchParams({ path, limit: '1' })
  const [run] = (await ask('GET', `/api/executions?${query}`)) as { id: string }[]
  return run?.id ?? null
}

/** Makes what the views show, where it is not there yet. */
export async function fill(ask: Ask): Promise<void> {
  for (const name of SHOWN) {
    const content = readFileSync(join(EXAMPLES, `${name}.yaml`), 'utf8')
    await ask('POST', '/api/catalog/register', { content })
  }
  const fanOut = readFileSync(join(EXAMPLES, 'fan_out.yaml'), 'utf8')
  await ask('POST', '/api/catalog/register', { content: fanOut.trim() })
  for (const name of SHOWN) {
    const path = `examples/${name}`
    // those that there are already are enough
    if ((await newest(ask, path)) === null) await ask('POST', '/api/executions/run', { path })
  }
  const path = 'examples/conditions'
  // what there is already is refused
  const make = (where: string, body: unknown) => ask('POST', where, body).catch(() => {})
  await make('/api/hooks', { name: 'on-push', provider: 'none', path, filter: 'body.hour > 5' })
  for (const hour of [4, 9]) {
    await ask('POST', '/hooks/on-push', { hour }, { 'idempotency-key': `shot-${hour}` })
  }
  const name = 'warehouse'
  const data = { db_host: 'db.example', db_password: 'not-a-real-one' }
  await ask('GET', `/api/credentials/${name}`).catch(() =>
    make('/api/credentials', {
      name,
      type: 'postgres',
      description: 'where orders are kept',
      data,
    }),
  )
  await make('/api/schedules', { name: 'nightly', cron: '30 2 * * *', path, overlap: 'skip' })
}

export async function viewsOf(ask: Ask): Promise<Record<string, View>> {
  const of = async (path: string) => `/executions/${(await newest(ask, `examples/${path}`)) ?? '0'}`
  return {
    executions: { address: '/' },
    filtered: { address: '/?status=failed' },
    none: { address: '/?path=no/such/playbook' },
    execution: { address: await of('conditions') },
    graph: { address: `${await of('fan_out')}?tab=graph` },
    iterator: { address: await of('iterator_playbooks') },
    failed: { address: await of('retry_stops') },
    waiting: { address: await of('python_worker') },
    data: { address: `${await of('conditions')}?tab=data` },
    event: {
      address: await of('conditions'),
      act: async (page) => {
        await page.locator('.events summary.event').nth(2).click()
        await page.locator('.events summary.event').nth(3).click()
      },
    },
    rerun: {
      address: await of('conditions'),
      act: (page) => page.getByRole('button', { name: 'Run with changes' }).click(),
    },
    playbooks: { address: '/playbooks' },
    playbook: { address: '/playbooks/examples/iterator' },
    editor: {
      address: '/playbooks/examples/conditions',
      act: async (page) => {
        await page.getByRole('button', { name: 'Edit' }).click()
        const editor = page.getByLabel('The playbook, as YAML')
        await editor.fill((await editor.inputValue()).replace('next: measure', 'next: measured'))
        await page.locator('.faults').waitFor()
      },
    },
    flow: { address: '/playbooks/examples/conditions?tab=graph' },
    runs: { address: '/playbooks/examples/fan_out?tab=runs' },
    versions: { address: '/playbooks/examples/fan_out?tab=versions' },
    run: {
      address: '/playbooks/examples/iterator',
      act: (page) => page.getByRole('button', { name: 'Run …' }).click(),
    },
    overview: { address: '/overview' },
    hooks: { address: '/hooks' },
    hook: { address: '/hooks?name=on-push' },
    delivery: {
      address: '/hooks?name=on-push',
      act: (page) => page.getByRole('button', { name: 'Show' }).first().click(),
    },
    newhook: {
      address: '/hooks',
      act: (page) => page.getByRole('button', { name: 'New hook' }).click(),
    },
    schedules: { address: '/schedules' },
    schedule: { address: '/schedules?name=nightly' },
    notifications: { address: '/notifications' },
    credentials: { address: '/credentials' },
    newcredential: {
      address: '/credentials',
      act: (page) => page.getByRole('button', { name: 'New credential' }).click(),
    },
    audit: { address: '/audit' },
    keys: { address: '/keys' },
    newkey: {
      address: '/keys',
      act: (page) => page.getByRole('button', { name: 'New key' }).click(),
    },
    lost: { address: '/executions/123' },
    unregistered: { address: '/playbooks/no/such' },
  }
}

/** Goes to a view, and waits until it is all there. */
export async function show(page: Page, { address, act }: View): Promise<void> {
  await page.goto(address)
  await settled(page)
  await act?.(page)
  await settled(page)
}

/** Nothing is loading any more, and the next picture is drawn. */
async function settled(page: Page): Promise<void> {
  await page.locator('main h1, dialog').first().waitFor()
  await page.locator('.loading').first().waitFor({ state: 'detached' })
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
  )
}
