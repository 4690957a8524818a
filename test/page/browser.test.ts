// The page in a real browser, on the whole product: what a person does there, and how it looks.
import { createHmac, randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Server, startServer } from '../../bench/server.ts'
import { complaintsOf, findChromium, LOOKS, openBrowser } from './browser.ts'
import { type Ask, asker, fill, show, viewsOf } from './views.ts'

const KEY = 'the-key-of-the-browser-test'
const PICTURES = join(import.meta.dirname, '../../test-output/page')
const PATIENCE = { timeout: 20_000, interval: 50 }

const chromium = findChromium()
if (chromium === null) console.log('The page was not looked at: there is no Chromium.')

describe.skipIf(chromium === null)('the page in a browser', () => {
  let server: Server
  let browser: Browser
  let ask: Ask
  let context: BrowserContext
  const watched: string[][] = []

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true })
    ;[server, browser] = await Promise.all([
      startServer({ ACCESS: 'key', API_KEY: KEY }),
      openBrowser(chromium ?? ''),
    ])
    ask = asker(server.url.href, KEY)
    context = await browser.newContext({ ...LOOKS.light, baseURL: server.url.href })
    context.setDefaultTimeout(PATIENCE.timeout)
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })
  afterEach(async () => {
    for (const page of context.pages()) await page.close()
    expect(watched.splice(0).flat()).toEqual([])
  })

  /** A tab that has the key, or another, or none. */
  async function open(address: string, key: string | null = KEY, of = context): Promise<Page> {
    const page = await of.newPage()
    watched.push(complaintsOf(page, server.url.host))
    if (key !== null) {
      await page.addInitScript(`sessionStorage.setItem('noetl-edge.key', '${key}')`)
    }
    await page.goto(address)
    return page
  }

  /** That the API said no, which a browser writes on the console, is no complaint here. */
  function expectRefusals(...statuses: number[]): void {
    const isExpected = (text: string) => statuses.some((code) => text.includes(`status of ${code}`))
    const all = watched.splice(0).flat()
    expect(all.some(isExpected)).toBe(true)
    watched.push(all.filter((text) => !isExpected(text)))
  }

  const run = async (path: string, parameters = {}) =>
    ((await ask('POST', '/api/executions/run', { path, parameters })) as { execution_id: string })
      .execution_id
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
  const state = (page: Page) => page.locator('.facts .status')
  const addressOf = (page: Page) => new URL(page.url())

  test('a playbook is written, run and watched to its end, without a reload', async () => {
    const page = await open('/playbooks')
    await page.evaluate('window.isFirst = true')
    await button(page, 'New playbook').click()
    const editor = page.getByLabel('The playbook, as YAML')
    const playbook = [
      'metadata: {path: web/greeting}',
      'workload: {name: world, pause: 1.5}',
      'workflow:',
      '  - {step: start, next: pause}',
      '  - {step: pause, type: wait, seconds: "{{ workload.pause }}", next: greet}',
      '  - {step: greet, type: transform, data: "hello {{ workload.name }}", next: end}',
      '  - {step: end, result: {said: "{{ greet }}"}}',
    ].join('\n')
    await editor.fill(playbook.replace('next: greet', 'next: great'))
    await page.locator('.faults li', { hasText: 'line 5' }).waitFor()
    await button(page, 'Register').click()
    await page.locator('.problem', { hasText: 'line 5' }).waitFor()
    await editor.fill(playbook.replace('next: greet}', 'next: greet'))
    await page
      .locator('.faults li', { hasText: /line [56]/ })
      .first()
      .waitFor()
    await editor.fill(playbook)
    await page.getByText('nothing is wrong with it').waitFor()
    await button(page, 'Register').click()

    await button(page, 'Run …').click()
    await page.getByRole('dialog').getByLabel('pause').fill('long')
    await page.getByText('a number is expected').waitFor()
    await page.getByRole('dialog').getByLabel('pause').fill('1')
    await page.getByRole('dialog').getByLabel('name').fill('Ada')
    await button(page, 'Run').click()

    await page.waitForURL(/\/executions\/\d+$/)
    await page.locator('.is-live').waitFor()
    await page.locator('.facts .status', { hasText: 'running' }).waitFor()
    await page.locator('.facts .status', { hasText: 'completed' }).waitFor()
    for (const step of ['pause', 'greet'])
      await page.locator('.timeline').getByRole('button', { name: step, exact: true }).waitFor()
    await page.locator('.events .type', { hasText: 'execution_complete' }).waitFor()
    await page.getByRole('tab', { name: 'Graph' }).click()
    await page.getByRole('button', { name: 'greet transform, completed' }).click()
    expect(addressOf(page).search).toBe('?tab=graph')
    const types = page.locator('.events .type')
    await expect.poll(() => types.allTextContents(), PATIENCE).toContain('step_completed')
    expect(await page.locator('.events .node').allTextContents()).not.toContain('pause')
    await page.getByRole('tab', { name: 'Data' }).click()
    await page.getByText('hello Ada').first().waitFor()
    expect(await page.evaluate('window.isFirst')).toBe(true)
    expectRefusals(422)
  })

  test('what was typed is there again, whatever way it was left, until it is sent or discarded', async () => {
    const long = '# a line\n'.repeat(80)
    const first = `metadata: {path: web/draft}\nworkload: {size: 1}\n${long}workflow: [{step: start}]\n`
    await ask('POST', '/api/catalog/register', { content: first })
    const page = await open('/playbooks/web/draft')
    const [asked, editor] = [[] as string[], page.getByLabel('The playbook, as YAML')]
    page.on('dialog', (dialog) => {
      asked.push(dialog.type())
      void dialog.accept()
    })
    await button(page, 'Edit').click()
    await editor.press('Control+End')
    await editor.pressSequentially('# mine')
    const typed = await editor.inputValue()
    // it lies on the text in colours, and does not scroll by itself
    const beyond =
      "[...document.querySelectorAll('textarea')].map((a) => a.scrollHeight - a.clientHeight)"
    expect(await page.evaluate(beyond)).toEqual([0])
    await page.getByRole('link', { name: 'Hooks' }).click()
    await page.getByRole('heading', { name: 'Hooks' }).waitFor()
    await page.goBack()
    await page.getByText('What you had typed here is kept').waitFor()
    expect(await editor.inputValue()).toBe(typed)
    await page.getByRole('link', { name: 'Keys' }).click()
    await page.reload()
    expect(asked).toEqual(['beforeunload'])
    await ask('POST', '/api/catalog/register', { content: `${first}# theirs\n` })
    await page.goBack()
    await page.getByText('It was begun on version 1; this is version 2 now.').waitFor()
    expect(await editor.inputValue()).toBe(typed)
    await button(page, 'Discard changes').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Discard changes' }).click()
    await page.getByLabel('Content').getByText('# theirs').waitFor()

    const size = page.getByRole('dialog').getByLabel('size')
    await button(page, 'Run …').click()
    await size.fill('2')
    await page.keyboard.press('Escape')
    // keys go on where they were
    await page.locator(':focus', { hasText: 'Run …' }).waitFor()
    await button(page, 'Run …').click()
    expect(await size.inputValue()).toBe('2')
    await button(page, 'Run').click()
    await page.waitForURL(/\/executions\/\d+$/)
    await page.reload()
    await state(page).filter({ hasText: 'completed' }).waitFor()
    expect(await page.evaluate('Object.keys(sessionStorage)')).toEqual(['noetl-edge.key'])
    expect(asked).toEqual(['beforeunload'])
  })

  test('the list is filtered in its address, paged, and live', async () => {
    await ask('POST', '/api/catalog/register', {
      content:
        'metadata: {path: web/small}\nworkload: {is_wrong: false}\nworkflow:\n' +
        '  - step: start\n    next: [{step: fail, when: workload.is_wrong}, {step: end, when: not workload.is_wrong}]\n' +
        '  - {step: fail, type: playbook, path: web/none, next: end}\n  - step: end\n',
    })
    await Promise.all(Array.from({ length: 52 }, () => run('web/small')))
    const failed = await run('web/small', { is_wrong: true })
    const page = await open('/')
    await page.evaluate('window.isFirst = true')
    const rows = page.locator('table.executions tbody tr')
    await page.getByLabel('Playbook').fill('web/small')
    await expect.poll(() => addressOf(page).searchParams.get('path'), PATIENCE).toBe('web/small')
    await page.locator('.head .muted', { hasText: '53' }).waitFor()
    await expect.poll(() => rows.count(), PATIENCE).toBe(50)
    await button(page, 'Next →').click()
    await expect.poll(() => rows.count(), PATIENCE).toBe(3)
    await page.goBack()
    await expect.poll(() => rows.count(), PATIENCE).toBe(50)
    const far = () => page.evaluate('scrollY')
    await rows.nth(40).getByRole('link').scrollIntoViewIfNeeded()
    const left = await far()
    expect(left).toBeGreaterThan(200)
    await rows.nth(40).getByRole('link').click()
    await state(page).waitFor()
    expect(await far()).toBe(0)
    await page.goBack()
    await expect.poll(far, PATIENCE).toBe(left)

    await page.getByLabel('Status').selectOption('failed')
    await expect.poll(() => rows.count(), PATIENCE).toBe(1)
    expect(Object.fromEntries(addressOf(page).searchParams)).toEqual({
      path: 'web/small',
      status: 'failed',
    })
    await rows.getByRole('link').click()
    await page.waitForURL(`**/executions/${failed}`)
    await page.locator('.problem').first().waitFor()
    await page.goBack()
    await expect.poll(() => rows.count(), PATIENCE).toBe(1)
    expect(await page.getByLabel('Status').inputValue()).toBe('failed')

    await page.locator('.is-live').waitFor()
    await run('web/small', { is_wrong: true })
    await expect.poll(() => rows.count(), PATIENCE).toBe(2)
    await button(page, 'Clear').click()
    await expect.poll(() => rows.count(), PATIENCE).toBe(50)
    expect(addressOf(page).search).toBe('')
    expect(await page.evaluate('window.isFirst')).toBe(true)
  })

  test('a run that waits for a worker is paused, resumed and cancelled', async () => {
    await ask('POST', '/api/catalog/register', {
      content:
        'metadata: {path: web/python}\nworkflow:\n  - {step: start, next: work}\n' +
        '  - {step: work, type: python, code: "def main(): return 1", next: end}\n  - step: end\n',
    })
    const id = await run('web/python')
    const page = await open(`/executions/${id}`)
    await page.evaluate('window.isFirst = true')
    await page.getByText('Waits for a python job').waitFor()
    await button(page, 'Pause').click()
    await state(page).filter({ hasText: 'paused' }).waitFor()
    await button(page, 'Resume').click()
    await state(page).filter({ hasText: 'running' }).waitFor()
    await button(page, 'Cancel run').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel run' }).click()
    await state(page).filter({ hasText: 'cancelled' }).waitFor()
    await page.locator('.note', { hasText: 'Cancelled' }).waitFor()
    expect(await button(page, 'Pause').count()).toBe(0)
    expect(await page.evaluate('window.isFirst')).toBe(true)
    expect(await ask('GET', `/api/executions/${id}`)).toMatchObject({ status: 'FAILED' })
  })

  test('a long log is gone through from either end, and searched', async () => {
    await ask('POST', '/api/catalog/register', {
      content:
        'metadata: {path: web/long}\nworkload: {}\nworkflow:\n  - {step: start, next: each}\n' +
        '  - {step: each, type: iterator, collection: "{{ range(300) | list }}", element: n, next: end,\n' +
        '     task: {type: transform, data: {deep: {down: "item {{ n }} of them"}}}}\n  - step: end\n',
    })
    const { execution_id } = (await ask(
      'POST',
      '/api/executions/run',
      { path: 'web/long' },
      { prefer: 'wait=20' },
    )) as { execution_id: string }
    const page = await open(`/executions/${execution_id}`)
    const [counted, types] = [page.locator('.counted'), page.locator('.events .type')]
    const chosen = page.locator('.filters select')
    await counted.getByText('1,207 events').waitFor()
    expect(await types.count()).toBe(100)
    await button(page, 'Last ⇥').click()
    await types.last().getByText('execution_complete').waitFor()
    await chosen.nth(2).selectOption('newest')
    await types.first().getByText('execution_complete').waitFor()
    await chosen.nth(0).selectOption('iteration_completed')
    await counted.getByText('300 of 1,207').waitFor()
    await page.getByLabel('Search').fill('item 277 of')
    await counted.getByText('1 of 1,207').waitFor()
    await page.locator('.events summary.event').click()
    await page.locator('.events .tree mark', { hasText: 'item 277 of' }).first().waitFor()
    await page.locator('.timeline .fold').first().click()
    await page.locator('.timeline').getByRole('button', { name: '[7]', exact: true }).click()
    await counted.getByText('0 of 1,207').waitFor()
    expect(await chosen.nth(1).inputValue()).toBe('each[7]')
  })

  test('of a log of any length each part can be reached', async () => {
    const [id, length] = [await run('web/small'), 12_345]
    const page = await open('/')
    // as the API would tell it
    await page.route(`**/api/execution/data/${id}?*`, (route) => {
      const { searchParams } = new URL(route.request().url())
      const [after, limit] = [Number(searchParams.get('after')), Number(searchParams.get('limit'))]
      const many = Math.max(0, Math.min(limit, length - after))
      const events = Array.from({ length: many }, (_, n) => eventOf(after + n + 1))
      return route.fulfill({ json: { events } })
    })
    await page.route(`**/api/events/summary/${id}`, (route) =>
      route.fulfill({ json: { summary: { counts: { step_started: length } } } }),
    )
    await page.goto(`/executions/${id}`)
    const first = page.locator('.events .seq').first()
    for (const [part, said, seq] of [
      ['Later', '5,001 to 10,000', '5001'],
      ['Later', '10,001 to 12,345', '10001'],
      ['Earlier', '5,001 to 10,000', '5001'],
      ['Last', '11,346 to 12,345', '12345'],
      ['First', '1 to 5,000', '1'],
    ] as const) {
      await button(page, part).click()
      await page.getByText(`Events ${said} of 12,345`).waitFor()
      expect(await first.textContent()).toBe(seq)
    }
  })

  test('a playbook has its versions compared, and is deleted', async () => {
    const content = (size: number) =>
      `metadata: {path: web/gone}\nworkload: {size: ${size}}\nworkflow: [{step: start}]\n`
    for (const size of [1, 2, 3])
      await ask('POST', '/api/catalog/register', { content: content(size) })
    const page = await open('/playbooks/web/gone?tab=versions')
    const lines = (kind: string) => page.locator(`.diff .${kind} code`).allTextContents()
    await expect.poll(() => lines('added'), PATIENCE).toEqual(['workload: {size: 3}'])
    await page.getByLabel('From').selectOption('1')
    await expect.poll(() => lines('removed'), PATIENCE).toEqual(['workload: {size: 1}'])
    await page.getByRole('link', { name: 'v2' }).click()
    await page.getByLabel('Content').getByText('size: 2').waitFor()
    await button(page, 'Delete').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.waitForURL(/\/playbooks$/)
    await page.getByRole('heading', { name: 'Playbooks' }).waitFor()
    expect(await page.getByRole('link', { name: 'web/gone' }).count()).toBe(0)
  })

  test('that the API is away is said, until it is there again', async () => {
    const page = await open('/')
    await page.locator('table.executions').waitFor()
    const away = { status: 503, json: { title: 'Unavailable', status: 503, detail: 'no database' } }
    await page.route('**/api/**', (route) => route.fulfill(away))
    await page.getByRole('link', { name: 'Playbooks' }).click()
    await page.locator('main .problem', { hasText: 'no database' }).waitFor()
    await page.unroute('**/api/**')
    await button(page, 'Try again').click()
    await page.getByRole('link', { name: 'web/small' }).waitFor()
    expect(await page.locator('.problem').count()).toBe(0)
    expectRefusals(503)
  })

  test('a key is asked for, kept in the tab alone, and forgotten', async () => {
    const made = await ask('POST', '/api/keys', { name: 'reader', scopes: ['read'] })
    const { key } = made as { key: string }
    const page = await open('/playbooks/web/small', null)
    const field = page.getByLabel('API key')
    await page.getByText('This API answers to whoever has a key.').waitFor()
    await page.screenshot({ path: join(PICTURES, 'key-light.png') })
    await field.fill('not-a-key-of-this-api')
    await button(page, 'Use it').click()
    await page.getByText('That key is not known here').waitFor()
    await field.fill(key)
    await button(page, 'Use it').click()
    await page.getByRole('heading', { name: 'web/small' }).waitFor()
    expect(await page.evaluate('Object.values(sessionStorage)')).toEqual([key])
    expect(await page.evaluate('localStorage.length')).toBe(0)
    expect(await context.cookies()).toEqual([])
    expect(page.url()).not.toContain(key)

    await button(page, 'Run …').click()
    await button(page, 'Run').click()
    await page.getByRole('dialog').locator('.problem', { hasText: '403' }).waitFor()
    await page.getByRole('dialog').getByText(/scope/).waitFor()
    await button(page, 'Close').click()
    await page.getByRole('link', { name: 'Keys' }).click()
    await page.locator('main .problem', { hasText: '403' }).waitFor()

    const other = await open('/', null)
    await other.getByText('This API answers to whoever has a key.').waitFor()
    await button(page, 'Forget key').click()
    await page.getByText('This API answers to whoever has a key.').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
    expectRefusals(401, 403)
  })

  test('a hook is made, its secret shown once, its deliveries seen and sent again', async () => {
    const page = await open('/hooks')
    await button(page, 'New hook').click()
    await page.getByLabel('Name (needed)').fill('orders')
    await page.getByLabel('Provider (needed)').selectOption('standard')
    await page.getByLabel('Playbook (needed)').fill('web/small')
    await button(page, 'Make it').click()
    const secret = (await page.locator('.secret code').textContent()) ?? ''
    expect(secret).toMatch(/^whsec_/)
    await button(page, 'I have it').click()
    await page.getByRole('link', { name: 'orders' }).click()
    await page.getByText('Nothing was delivered yet.').waitFor()
    expect(await page.content()).not.toContain(secret)

    const [id, at, body] = [randomUUID(), Math.floor(Date.now() / 1000), '{"order":"A 17"}']
    const hmac = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    const reply = await fetch(new URL('/hooks/orders', server.url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(at),
        'webhook-signature': `v1,${hmac.update(`${id}.${at}.${body}`).digest('base64')}`,
      },
      body,
    })
    expect(reply.ok).toBe(true)
    await button(page, 'Look again').click()
    const rows = page.locator('main tbody tr', { hasText: 'started' })
    await expect.poll(() => rows.count(), PATIENCE).toBe(1)
    await button(page, 'Redeliver').click()
    await expect.poll(() => rows.count(), PATIENCE).toBe(2)
    await rows.first().getByRole('button', { name: 'Show' }).click()
    await page.getByText('delivered again by hand').waitFor()
    await page.getByRole('dialog').getByText('A 17').waitFor()
    await button(page, 'Close').click()
    await page.getByLabel('Result').selectOption('refused')
    await page.getByText('Nothing was refused.').waitFor()

    const facts = page.locator('.facts')
    await button(page, 'Change …').click()
    await page.getByRole('dialog').getByLabel('Filter').fill("body.order == 'B'")
    await button(page, 'Change it').click()
    await facts.getByText("body.order == 'B'").waitFor()
    await button(page, 'Disable').click()
    await facts.getByText('disabled').waitFor()
    expect(await ask('GET', '/api/hooks/orders')).toMatchObject({
      enabled: false,
      filter: "body.order == 'B'",
    })
    await button(page, 'Rotate secret').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click()
    const next = page.locator('.secret code')
    await next.waitFor()
    expect(await next.textContent()).not.toBe(secret)
    await button(page, 'Delete').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.waitForURL(/\/hooks$/)
    await expect(ask('GET', '/api/hooks/orders')).rejects.toThrow('404')
  })

  test('a credential is made, replaced and deleted, never shown, and the audit tells of it', async () => {
    const page = await open('/credentials')
    await button(page, 'New credential').click()
    await page.getByLabel('Name (needed)').fill('shop')
    await page.getByLabel('Type (needed)').fill('bearer')
    await page.getByLabel('Data (needed)').fill('["open sesame"]')
    await button(page, 'Make it').click()
    await page.getByText('an object is expected').waitFor()
    const secret = 'open sesame'
    expect(await page.evaluate('Object.values(sessionStorage).join()')).not.toContain(secret)
    await page.getByLabel('Data (needed)').fill(`{"token": "${secret}"}`)
    await button(page, 'Make it').click()
    const row = page.locator('main tbody tr', { hasText: 'shop' })
    await row.getByRole('button', { name: 'Replace …' }).click()
    await page.getByRole('dialog').getByLabel('Description').fill('the shop')
    await page.getByRole('dialog').getByLabel('Data (needed)').fill('{"token": "another"}')
    await button(page, 'Replace it').click()
    await row.getByText('the shop').waitFor()
    expect(await ask('GET', '/api/credentials/shop?include_data=true')).toMatchObject({
      type: 'bearer',
      description: 'the shop',
      data: { token: 'another' },
    })
    expect(await page.content()).not.toContain(secret)
    await row.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await row.waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Audit' }).click()
    await page.getByLabel('Of what').fill('credential:shop')
    const actions = page.locator('main tbody td:nth-child(3)')
    await expect
      .poll(() => actions.allTextContents(), PATIENCE)
      .toEqual(['deleted', 'read', 'written', 'written'].map((done) => `credential.${done}`))
    expectRefusals(422)
  })

  test('a key is made, shown once and revoked', async () => {
    const page = await open('/keys')
    await button(page, 'New key').click()
    await page.getByLabel('Name (needed)').fill('robot')
    await page.getByRole('checkbox', { name: 'read' }).check()
    await button(page, 'Make it').click()
    const key = (await page.locator('.secret code').textContent()) ?? ''
    await page.screenshot({ path: join(PICTURES, 'secret-light.png') })
    const theirs = asker(server.url.href, key)
    await theirs('GET', '/api/executions?limit=1')
    const row = page.locator('main tbody tr', { hasText: 'robot' })
    await row.getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await row.getByText('revoked').waitFor()
    expect(await ask('GET', '/api/keys')).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({
          name: 'robot',
          scopes: ['read'],
          revoked_at: expect.any(String),
        }),
      ]),
    })
  })

  test('a schedule is made, says when it runs next, is changed, put off, run and deleted', async () => {
    const page = await open('/schedules')
    await button(page, 'New schedule').click()
    await page.getByLabel('Name (needed)').fill('weekly')
    await page.getByLabel('When (needed)').fill('30 2 * * FUN')
    await page.getByLabel('Playbook (needed)').fill('web/small')
    await button(page, 'Make it').click()
    await page.getByRole('dialog').getByRole('alert').first().waitFor()
    await page.getByLabel('When (needed)').fill('30 2 * * MON')
    await button(page, 'Make it').click()
    await page.waitForURL('**/schedules?name=weekly')
    const next = page.locator('.plain-list time')
    await next.first().waitFor()
    const days = await Promise.all((await next.all()).map((time) => time.getAttribute('datetime')))
    expect(days.length).toBeGreaterThan(2)
    for (const day of days) expect(new Date(day ?? '').getUTCDay()).toBe(1)

    await button(page, 'Change …').click()
    await page
      .getByRole('dialog')
      .getByLabel('Parameters', { exact: true })
      .fill('{"is_wrong": true}')
    await page.getByRole('dialog').getByLabel('While its last run').selectOption('skip')
    await button(page, 'Change it').click()
    await page.locator('.tree').getByText('is_wrong').waitFor()
    await button(page, 'Disable').click()
    await page.getByText('None, while it is disabled.').waitFor()
    expect(await ask('GET', '/api/schedules/weekly')).toMatchObject({
      cron: '30 2 * * MON',
      overlap: 'skip',
      parameters: { is_wrong: true },
      enabled: false,
    })
    await button(page, 'Enable').click()
    await next.first().waitFor()
    await button(page, 'Run now').click()
    await page.waitForURL(/\/executions\/\d+$/)
    await state(page).filter({ hasText: 'failed' }).waitFor()
    await page.goBack()
    await button(page, 'Delete').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.waitForURL(/\/schedules$/)
    await page.getByText('No schedules yet').waitFor()
    expectRefusals(422)
  })

  test('the overview has the figures of the API', async () => {
    const page = await open('/overview?window=1h')
    const figure = async (label: string) =>
      await page.locator('.figures div', { hasText: label }).locator('.large').textContent()
    await expect
      .poll(async () => {
        const stats = (await ask('GET', '/api/stats?window=1h')) as Stats
        const active = Object.values(stats.executions.active).reduce((sum, n) => sum + n, 0)
        return {
          isOf: [stats.executions.started, active, stats.totals.executions].map(String),
          shown: [await figure('Started'), await figure('Under way'), await figure('Of all times')],
        }
      }, PATIENCE)
      .toSatisfy(({ isOf, shown }) => isOf[0] !== '0' && isOf.join() === shown.join())
  })

  describe('how it looks', { timeout: 120_000 }, () => {
    beforeAll(async () => {
      await fill(ask)
    })

    test('each view in light and in dark, which axe finds no serious fault with', async () => {
      const looking = await browser.newContext({
        ...LOOKS.light,
        baseURL: server.url.href,
        reducedMotion: 'reduce',
        // axe is no part of the page, whose policy the other tests see kept
        bypassCSP: true,
      })
      const page = await open('/', KEY, looking)
      const faults: string[] = []
      for (const [name, view] of Object.entries(await viewsOf(ask))) {
        await page.emulateMedia({ colorScheme: 'light' })
        await show(page, view)
        await page.evaluate(axe.source)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`) })
          // the other theme differs in colours alone
          const only = colorScheme === 'light' ? '' : ", runOnly: ['color-contrast']"
          const { violations } = (await page.evaluate(
            `axe.run({ resultTypes: ['violations']${only} })`,
          )) as AxeResults
          for (const { id, impact, nodes } of violations) {
            if (impact !== 'serious' && impact !== 'critical') continue
            faults.push(
              `${name}, ${colorScheme}: ${id} at ${nodes.map((n) => n.html.slice(0, 150)).join(' ')}`,
            )
          }
        }
      }
      await looking.close()
      expectRefusals(404)
      expect(faults).toEqual([])
    })

    test('each view on a phone, without a scroll to the side', async () => {
      const phone = await browser.newContext({ ...LOOKS.phone, baseURL: server.url.href })
      const page = await open('/', KEY, phone)
      const wide: string[] = []
      for (const [name, view] of Object.entries(await viewsOf(ask))) {
        await show(page, view)
        await page.screenshot({ path: join(PICTURES, `${name}-phone.png`) })
        const width = (await page.evaluate('document.documentElement.scrollWidth')) as number
        if (width > 360) wide.push(`${name}: ${width}`)
        const tables = (await page.evaluate(
          "[...document.querySelectorAll('.scroll')].map((box) => box.scrollWidth - box.clientWidth)",
        )) as number[]
        for (const beyond of tables) if (beyond > 0) wide.push(`${name}: a table, by ${beyond}`)
      }
      await phone.close()
      expectRefusals(404)
      expect(wide).toEqual([])
    })
  })
})

const eventOf = (seq: number) => ({
  event_id: String(seq),
  seq,
  event_type: 'step_started',
  node_id: 'a',
  node_name: 'a',
  node_type: 'task',
  status: 'STARTED',
  duration: 0,
  created_at: '2026-11-26T08:00:00.000000Z',
  context: {},
  result: null,
  meta: {},
  error: null,
})

interface Stats {
  executions: { started: number; active: Record<string, number> }
  totals: { executions: number }
}
