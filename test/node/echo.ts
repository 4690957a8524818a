// A web server for the http tool's tests: it answers with what it was asked.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** `/status/N` answers N; `/redirect/N?to=URL` likewise, with a location; `/slow/MS` after a while; `/text` text; `/big/BYTES`; `/page?type=&base64=` just those bytes; `/bytes` what was asked as bytes; `/flaky/N/KEY` 503 N times, then 200 with the count; `/kept/KEY` JSON that was PUT there (404 after DELETE), and with `?asked` how often it was asked for; `/inbox/KEY` keeps what is posted and answers with `status` (several: of each in turn, the last for the rest) and `retry_after`, `to`, `slow`; a GET gives what it has; all else echoes. */
export async function startEcho(): Promise<{ url: string; stop(): Promise<void> }> {
  const asked = new Map<string, number>()
  const inboxes = new Map<string, { headers: object; body: string }[]>()
  const kept = new Map<string, Buffer>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url ?? '/', 'http://echo')
    const [, verb, argument] = url.pathname.split('/')
    if (verb === 'slow') await new Promise((resolve) => setTimeout(resolve, Number(argument)))
    if (verb === 'text' || verb === 'big') {
      response.end(verb === 'text' ? 'plain words' : 'x'.repeat(Number(argument)))
      return
    }
    const page = url.searchParams.get('base64')
    if (verb === 'page' && page !== null) {
      const type = url.searchParams.get('type')
      response.writeHead(Number(argument ?? 200), type === null ? {} : { 'content-type': type })
      response.end(Buffer.from(page, 'base64'))
      return
    }
    if (verb === 'flaky') {
      const count = (asked.get(url.pathname) ?? 0) + 1
      asked.set(url.pathname, count)
      response.writeHead(count > Number(argument) ? 200 : 503, {
        'content-type': 'application/json',
      })
      response.end(JSON.stringify({ count }))
      return
    }
    if (verb === 'kept') {
      const count = asked.get(url.pathname) ?? 0
      if (request.method === 'PUT') kept.set(url.pathname, Buffer.concat(chunks))
      if (request.method === 'DELETE') kept.delete(url.pathname)
      const isCounting = url.searchParams.has('asked')
      if (request.method === 'GET' && !isCounting) asked.set(url.pathname, count + 1)
      const body = isCounting ? String(count) : kept.get(url.pathname)
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
      response.end(body)
      return
    }
    const to = url.searchParams.get('to')
    if (verb === 'inbox') {
      const inbox = inboxes.get(argument ?? '') ?? []
      inboxes.set(argument ?? '', inbox)
      if (request.method !== 'POST') {
        response.end(JSON.stringify(inbox))
        return
      }
      inbox.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
      const statuses = url.searchParams.get('status')?.split(',') ?? ['200']
      const status = Number(statuses[inbox.length - 1] ?? statuses.at(-1))
      const retryAfter = url.searchParams.get('retry_after')
      await new Promise((resolve) => setTimeout(resolve, Number(url.searchParams.get('slow') ?? 0)))
      response.writeHead(status, {
        ...(retryAfter !== null && { 'retry-after': retryAfter }),
        ...(to !== null && { location: to }),
      })
      response.end('what the receiver says, whsec_and_all')
      return
    }
    if (verb === 'redirect' && to !== null) {
      response.writeHead(Number(argument), { location: to }).end()
      return
    }
    response.writeHead(verb === 'status' ? Number(argument) : 200, {
      'content-type': verb === 'bytes' ? 'application/octet-stream' : 'application/json',
    })
    response.end(
      JSON.stringify({
        method: request.method,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
