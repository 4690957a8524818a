// The way out of a javascript step's isolate: all that it sends to the network comes here first.

import { WorkerEntrypoint } from 'cloudflare:workers'
import { bytesWithin } from './bytes.ts'
import { checkEgress, type EgressRules, matches } from './egress.ts'
import { fetchFollowing } from './redirects.ts'
import { FOLLOW_HEADER } from './sandbox.ts'
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
    const headers = new Headers(request.headers)
    const isFollowing = headers.has(FOLLOW_HEADER)
    headers.delete(FOLLOW_HEADER)
    const { method, signal } = request
    if (!isFollowing) {
      this.#check(url)
      return answerOf(url, fetch(new Request(request, { headers, redirect: 'manual' })))
    }
    const body = request.body && (await bytesWithin(request.body, MAX_BODY_BYTES, TOO_LARGE))
    const init = { method, headers, ...(body && { body }) }
    return answerOf(
      url,
      fetchFollowing(url, init, signal, (hop) => this.#check(hop)),
    )
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

async function answerOf(url: URL, response: Promise<Response>): Promise<Response> {
  try {
    return await response
  } catch (error) {
    if (error instanceof ToolError) throw error
    throw new ToolError(`no reply from ${url.host}`)
  }
}
