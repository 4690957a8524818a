// The way out of a javascript step's isolate: all that it sends to the network comes here first.

import { WorkerEntrypoint } from 'cloudflare:workers'
import { bytesWithin } from './bytes.ts'
import { checkEgress, type EgressRules, matches } from './egress.ts'
import { fetchFollowing } from './redirects.ts'
import { FOLLOW_HEADER, REFUSAL_HEADER } from './sandbox.ts'
import { ToolError } from './tool.ts'

/** What a body may weigh that is sent where redirects are followed, as it may have to be sent again. */
const MAX_BODY_BYTES = 10 * 1_048_576
const TOO_LARGE = `the body is larger than ${MAX_BODY_BYTES} bytes`

/** Where one isolate may go. */
export interface Outbound {
  /** The step's own list. */
  hosts: string[]
  rules: EgressRules
}

/**
 * An entrypoint of this Worker, made with an isolate's Outbound as its props (index.ts exports it). It has
 * no connect(), so there are no sockets.
 */
export class SandboxOutbound extends WorkerEntrypoint<unknown, Outbound> {
  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    try {
      return await this.#send(url, request)
    } catch (error) {
      // an exception would be an incident in the logs of the platform, and it is the author's
      const why = error instanceof ToolError ? error.message : `no reply from ${url.host}`
      return new Response(why, { status: 502, headers: { [REFUSAL_HEADER]: 'true' } })
    }
  }

  async #send(url: URL, request: Request): Promise<Response> {
    const headers = new Headers(request.headers)
    const isFollowing = headers.has(FOLLOW_HEADER)
    for (const name of [FOLLOW_HEADER, 'host']) headers.delete(name)
    const { method, signal } = request
    if (!isFollowing) {
      this.#check(url)
      // made anew: what else a request may carry (cf) can lead it to another host
      return fetch(url, { method, headers, body: request.body, redirect: 'manual', signal })
    }
    const body = request.body && (await bytesWithin(request.body, MAX_BODY_BYTES, TOO_LARGE))
    const init = { method, headers, ...(body && { body }) }
    return fetchFollowing(url, init, signal, (hop) => this.#check(hop))
  }

  #check(url: URL): void {
    const { hosts, rules } = this.ctx.props
    const host = url.hostname.replace(/\.$/, '')
    if (!hosts.some((pattern) => matches(host, pattern))) {
      throw new ToolError(`${host} is not allowed: it is not among the step's egress`)
    }
    checkEgress(url, rules)
  }
}
