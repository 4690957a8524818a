import { expect, test } from 'vitest'
import { texts } from '../src/api/texts.ts'
import { newClient as newApiClient } from '../src/client.ts'
import type { Status } from '../src/status.ts'
import { chain, newClient } from './support.ts'

const client = newClient()

test('the description is OpenAPI 3.1, and the page shows all of it', async () => {
  const { status, body } = await client.get('/openapi.json')
  expect([status, body.openapi]).toEqual([200, '3.1.1'])
  const page = await client.get('/docs')
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(page.text).not.toMatch(/<script|(src|href)="https?:/)
  for (const path of Object.keys(body.paths)) expect(page.text).toContain(`<code>${path}</code>`)
  for (const id of page.text.matchAll(/href="#([^"]+)"/g))
    expect(page.text).toContain(`id="${id[1]}"`)
})

test('what is served is what the declarations say', async () => {
  const { openapi, docs } = texts()
  expect((await client.get('/openapi.json')).body).toEqual(JSON.parse(openapi))
  expect((await client.get('/docs')).text === docs).toBe(true)
})

test('the client has the types of the declarations', async () => {
  const { api } = newApiClient('http://edge.localhost', { fetch: client.fetch })
  const catalogId = await client.register(chain('a'))
  const run = await (
    await api.executions.run.$post({ json: { catalog_id: catalogId, parameters: {} } })
  ).json()
  const id: string = run.execution_id
  const detail = await api.executions[':execution_id'].$get({
    param: { execution_id: id },
    query: { limit: 1 },
  })
  const { events, status }: { events: { seq: number }[]; status: Status } = await detail.json()
  expect([status, events.map(({ seq }) => seq)]).toEqual(['RUNNING', [1]])
})
