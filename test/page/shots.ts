// Pictures of the page, to be looked at: node test/page/shots.ts URL FOLDER [VIEW ...]. Each view in light, in dark and on a
// phone; what the page says on its console is told, as nothing should be.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { findChromium, type Look, openBrowser } from './browser.ts'

const LOOKS: Record<string, Look> = {
  light: {},
  dark: { dark: true },
  phone: { width: 360, height: 740 },
}

interface Shot {
  address: string
  /** What is done before the picture is taken. */
  act?: (page: Page) => Promise<void>
}

interface Run {
  id: string
  status: string
}

/** The newest run of a playbook, whose views have something to show. */
async function newest(base: string, path: string): Promise<string> {
  const query = new URLSearchParams({ path, limit: '1' })
  const [run] = (await (await fetch(`${base}/api/executions?${query}`)).json()) as Run[]
  return run?.id ?? '0'
}

/** Makes what the views show, where it is not there yet. */
async function fill(base: string): Promise<void> {
  const post = (path: string, body: unknown, headers = {}) =>
    fetch(base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const path = 'examples/conditions'
  await post('/api/hooks', { name: 'on-push', provider: 'none', path, filter: 'body.hour > 5' })
  for (const hour of [4, 9]) {
    await post('/hooks/on-push', { hour }, { 'idempotency-key': `shot-${hour}` })
  }
  await post('/api/schedules', { name: 'nightly', cron: '30 2 * * *', path, overlap: 'skip' })
  const search = await fetch(`${base}/api/catalog/playbooks/search?q=examples/`)
  for (const { id } of (await search.json()) as { id: string }[]) {
    // those that there are already are enough
    if ((await newest(base, id)) === '0') await post('/api/executions/run', { path: id })
  }
}

async function shots(base: string): Promise<Record<string, Shot>> {
  const of = async (path: string) => `/executions/${await newest(base, `examples/${path}`)}`
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
      address: await of('http'),
      act: async (page) => {
        await page.locator('.events summary').nth(2).click()
        await page.locator('.events summary').nth(3).click()
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
    newhook: {
      address: '/hooks',
      act: (page) => page.getByRole('button', { name: 'New hook' }).click(),
    },
    schedules: { address: '/schedules' },
    schedule: { address: '/schedules?name=nightly' },
    notifications: { address: '/notifications' },
    keys: { address: '/keys' },
    newkey: {
      address: '/keys',
      act: (page) => page.getByRole('button', { name: 'New key' }).click(),
    },
    lost: { address: '/executions/123' },
    unregistered: { address: '/playbooks/no/such' },
  }
}

async function main(): Promise<void> {
  const [base = 'http://127.0.0.1:8787', folder = 'shots', ...wanted] = process.argv.slice(2)
  const chromium = findChromium()
  if (chromium === null) throw new Error('no Chromium: apt-get install chromium, or set CHROMIUM')
  mkdirSync(folder, { recursive: true })
  await fill(base)
  const all = Object.entries(await shots(base)).filter(
    ([name]) => wanted.length === 0 || wanted.includes(name),
  )
  for (const [look, settings] of Object.entries(LOOKS)) {
    const browser = await openBrowser(chromium, settings)
    const page = await browser.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        console.log(`${look}: ${message.text()}`)
    })
    page.on('pageerror', (error) => console.log(`${look}: ${error.stack}`))
    for (const [name, { address, act }] of all) {
      try {
        await page.goto(base + address)
        await page.locator('.loading').first().waitFor({ state: 'detached', timeout: 5_000 })
        await act?.(page)
        await page.waitForTimeout(400)
        await page.screenshot({ path: join(folder, `${name}-${look}.png`) })
      } catch (error) {
        console.log(
          `${name} in ${look}: ${error instanceof Error ? error.message.slice(0, 300) : error}`,
        )
      }
    }
    await browser.close()
  }
}

if (import.meta.main) await main()
