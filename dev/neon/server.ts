import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Result, Run, Statement } from './backend.ts'
import type { Target } from './connection.ts'
import { createCounts } from './counts.ts'
import { connectError, NeonError } from './error.ts'
import { createFaults, type Fault, readPlan } from './faults.ts'
import { readBody, readHead, readPayload } from './request.ts'

export type ServerOptions = {
  port: number
  backend: 'pglite' | 'postgres'
  /** How requests for a target are run. */
  runFor: (target: Target) => Run
  rttMs: number
  maxRequestBytes: number
  maxResponseBytes: number
  log: (line: string) => void
}

export type Server = { port: number; close(): Promise<void> }

type Reply = { status: number; body: unknown; headers?: Record<string, string> }

/** Serves Neon's HTTP protocol on loopback, with counters and faults beside it. */
export async function serve(options: ServerOptions): Promise<Server> {
  const counts = createCounts()
  const faults = createFaults()
  // a timer of zero would still cost a millisecond
  const halfTrip = async () => (options.rttMs > 0 ? sleep(options.rttMs / 2) : undefined)

  const sql = async (request: http.IncomingMessage, gone: AbortSignal): Promise<Reply | 'drop'> => {
    const { target, arrayMode, begin, echo } = readHead(request.headers)
    const name = target.applicationName
    const fault = faults.next(name)
    if (fault?.kind === 'refuse') return 'drop'
    const body = await readBody(request, options.maxRequestBytes)
    const { statements, batch } = readPayload(body, arrayMode)
    counts.add(
      name,
      statements.map(({ query }) => query),
    )
    await halfTrip()
    const { maxResponseBytes } = options
    const work = { statements, begin: batch ? begin : null, maxResponseBytes }
    if (fault?.kind === 'reset_during') {
      // the client is gone while the statement is still under way
      options
        .runFor(target)(work)
        .catch(() => undefined)
      return 'drop'
    }
    const isRun = fault === null || fault.executed
    const results = isRun ? await options.runFor(target)(work, gone) : []
    await halfTrip()
    if (fault !== null) return faultReply(fault)
    const bodies = results.map((result, index) => resultBody(result, statements[index]))
    return batch
      ? { status: 200, body: { results: bodies }, headers: echo }
      : { status: 200, body: bodies[0] }
  }

  const route = async (
    request: http.IncomingMessage,
    gone: AbortSignal,
  ): Promise<Reply | 'drop'> => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const name = url.searchParams.get('application_name') ?? ''
    if (!isLocal(request.headers.host)) return { status: 403, body: 'not a local host name' }
    switch (`${request.method} ${url.pathname}`) {
      case 'POST /sql':
        return sql(request, gone)
      case 'GET /health':
        return { status: 200, body: { status: 'ok', backend: options.backend } }
      case 'GET /count':
        return { status: 200, body: counts.get(name) }
      case 'DELETE /count':
        counts.reset(name)
        return { status: 204, body: null }
      case 'GET /faults':
        return { status: 200, body: faults.list() }
      case 'PUT /faults': {
        const plan = readPlan(await readBody(request, options.maxRequestBytes))
        if (typeof plan === 'string') throw new NeonError(400, plan)
        faults.set(plan)
        return { status: 200, body: plan }
      }
      case 'DELETE /faults':
        return faults.remove(name)
          ? { status: 204, body: null }
          : { status: 404, body: `no faults are set for ${JSON.stringify(name)}` }
      default:
        // what Neon's proxy says to any request that it does not know
        return { status: 400, body: 'query is not supported' }
    }
  }

  const server = http.createServer(async (request, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const reply = await route(request, gone.signal).catch((error: unknown): Reply | 'drop' => {
      if (error instanceof NeonError) return { status: error.status, body: error }
      if (request.destroyed && !request.complete) return 'drop'
      options.log(String(error instanceof Error ? error.stack : error))
      return { status: 500, body: new NeonError(500, 'internal error of the local endpoint') }
    })
    if (reply === 'drop') request.socket.resetAndDestroy()
    else send(response, reply)
  })
  // An idle connection that the server closes while a request is on its way looks like a fault.
  server.keepAliveTimeout = 600_000
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) }
}

const resultBody = (result: Result, statement: Statement | undefined) => {
  const arrayMode = statement?.arrayMode ?? true
  const names = result.fields.map((field) => field.name)
  const asObject = (row: (string | null)[]) =>
    Object.fromEntries(row.map((value, index) => [names[index] ?? '', value]))
  return {
    command: result.command,
    rowCount: result.rowCount,
    rows: arrayMode ? result.rows : result.rows.map(asObject),
    fields: result.fields,
    rowAsArray: arrayMode,
  }
}

function faultReply({ kind }: Fault): Reply | 'drop' {
  switch (kind) {
    case 'refuse':
    case 'reset_before':
    case 'reset_during':
    case 'reset_after':
      return 'drop'
    case 'http_500':
      return { status: 500, body: connectError() }
    case 'empty_400':
      return { status: 400, body: new NeonError(400, 'connection closed') }
  }
}

function send(response: http.ServerResponse, { status, body, headers }: Reply) {
  const text = body === null ? '' : JSON.stringify(body)
  response.writeHead(status, {
    ...headers,
    ...(body === null ? {} : { 'content-type': 'application/json' }),
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

// A web page elsewhere can have its host name resolve to loopback, but it cannot forge this header.
function isLocal(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '')
  return name === '127.0.0.1' || name === 'localhost' || name.endsWith('.localhost')
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
