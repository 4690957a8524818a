// Redirects, followed by hand: any header may be a credential, and another origin must not get it.

import { ToolError } from './tool.ts'

const MAX_REDIRECTS = 10
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Headers that are no secret, so that another origin may see them. */
export const HARMLESS: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'content-type',
  'user-agent',
])

/**
 * `fetch` that follows redirects as browsers do, and takes nothing secret to another origin.
 * @param check throws for an address that must not be asked; called for each hop
 */
export async function fetchFollowing(
  first: URL,
  init: RequestInit & { method: string; headers: Headers },
  signal: AbortSignal,
  check: (url: URL) => void,
): Promise<Response> {
  let url = first
  let { method, headers, body } = init
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    check(url)
    const request = { method, headers, body: body ?? null, redirect: 'manual', signal } as const
    const response = await fetch(url, request)
    const location = response.headers.get('location')
    if (!REDIRECTS.has(response.status) || location === null) return response
    await response.body?.cancel()
    const next = URL.parse(location, url)
    if (!next || (next.protocol !== 'http:' && next.protocol !== 'https:')) {
      throw new ToolError(`${url.host} redirects to what is no http or https address`)
    }
    const becomesGet =
      response.status === 303 ? method !== 'HEAD' : response.status < 303 && method === 'POST'
    if (becomesGet) {
      method = 'GET'
      body = null
      headers.delete('content-type')
    }
    if (next.origin !== url.origin) {
      headers = new Headers([...headers].filter(([name]) => HARMLESS.has(name)))
    }
    // a name and password in it are not sent, and would be refused
    next.username = ''
    next.password = ''
    url = next
  }
  throw new ToolError(`${first.host} redirects more than ${MAX_REDIRECTS} times`)
}
