// The page is for whoever asks, as it holds no data; the API beside it is as it was.
import { env } from 'cloudflare:test'
import { expect, test } from 'vitest'
import { newClient } from '../support.ts'

const locked = newClient({
  ACCESS: 'key',
  API_KEY: 'the root key of this test',
  PAGE: (env as { PAGE?: unknown }).PAGE,
})
const BROWSER = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }
const browse = (path: string) => locked.send('GET', path, undefined, BROWSER)

test.each([
  '/',
  '/executions',
  '/executions/251574558368373247?tab=graph',
  '/playbooks/examples/fan_out',
  '/playbooks/a%2Fb',
  '/overview',
  '/hooks',
  '/hooks?name=on-push',
  '/schedules',
  '/notifications',
  '/keys',
])('%s is the page to a browser without a key', async (path) => {
  const { status, headers, text } = await browse(path)
  expect(status).toBe(200)
  expect(headers.get('content-type')).toContain('text/html')
  expect(headers.get('vary')?.toLowerCase()).toContain('accept')
  expect(text).toContain('<div id="root">')
})

test('what it may load and whom it may ask is its own host alone', async () => {
  const { headers, text } = await browse('/')
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("connect-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('referrer-policy')).toBe('no-referrer')
  expect(headers.get('strict-transport-security')).toContain('max-age')
  // nothing in it that the policy would have to allow by name
  expect(text).not.toMatch(/<style|<script(?![^>]*src=)| style=| on\w+=/)
  expect(text).not.toMatch(/(?:src|href)="(?!\/)/)
})

test('its parts are named by what is in them, and may be kept', async () => {
  const { text } = await browse('/')
  const parts = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path)
  expect(parts).toHaveLength(3)
  for (const path of parts) {
    const part = await locked.env.PAGE?.fetch(`http://edge.localhost${path}`)
    expect(part?.status).toBe(200)
    expect(part?.headers.get('cache-control')).toContain('immutable')
    expect(part?.headers.get('content-security-policy')).toContain("default-src 'none'")
    await part?.arrayBuffer()
  }
  const gone = await locked.env.PAGE?.fetch('http://edge.localhost/assets/main-of-yesterday.js')
  expect(gone?.status).toBe(404)
  expect(gone?.headers.get('cache-control') ?? '').not.toContain('immutable')
})

test('it is not sent again to whoever has it', async () => {
  const etag = (await browse('/')).headers.get('etag') ?? ''
  const headers = { ...BROWSER.headers, 'if-none-match': etag }
  const again = await locked.send('GET', '/executions', undefined, { headers })
  expect(again.status).toBe(304)
  expect(again.text).toBe('')
})

test('its head can be asked for', async () => {
  const { status, headers, text } = await locked.send('HEAD', '/keys', undefined, BROWSER)
  expect([status, text]).toEqual([200, ''])
  expect(headers.get('content-type')).toContain('text/html')
})

test('who does not ask for HTML gets what the API answers', async () => {
  expect((await locked.get('/')).status).toBe(401)
  const authorization = 'Bearer the root key of this test'
  for (const accept of ['*/*', 'application/json, text/html;q=0.9', 'text/html;q=0']) {
    const about = await locked.send('GET', '/', undefined, { headers: { authorization, accept } })
    expect(about.body, accept).toMatchObject({ name: 'noetl-edge', docs: '/docs' })
  }
})

test.each(['/api/executions', '/api/nowhere', '/docs', '/nowhere', '/index.html', '/_headers'])(
  '%s is no page: it is for those with a key',
  async (path) => {
    const { status, headers } = await browse(path)
    expect(status).toBe(401)
    expect(headers.get('content-type')).toBe('application/problem+json')
  },
)

test('only what is read is a page', async () => {
  const sent = await locked.send('POST', '/executions', {}, BROWSER)
  expect(sent.headers.get('content-type')).toBe('application/problem+json')
})

test('where the page was not made there is the API alone', async () => {
  const bare = newClient()
  const { body } = await bare.send('GET', '/', undefined, BROWSER)
  expect(body).toMatchObject({ name: 'noetl-edge' })
})
