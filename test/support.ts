// A client of the Worker for tests. Each has a connection string of its own, by which the endpoint
// counts its round trips and injects its faults; the Worker's code knows nothing of it.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { inject } from 'vitest'
import type { Env } from '../src/env.ts'
import worker from '../src/index.ts'
import { type Json, parseJson, toJson } from '../src/json.ts'

export interface Reply {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into replies and fails where they differ
  body: any
}

export interface Message {
  execution_id: string
  delaySeconds: number
}

const KEY = btoa(String.fromCharCode(...new Uint8Array(32).fill(7)))
let clients = 0

export type Client = ReturnType<typeof newClient>

/** A client; `database` is the embedded one unless the real server's URL is given. */
export function newClient(variables: Record<string, unknown> = {}, database?: string) {
  const name = `client-${Date.now()}-${++clients}`
  const base = database ?? 'postgres://test:test@db.localhost/noetl'
  const messages: Message[] = []
  const env: Env = {
    DATABASE_URL: `${base}?application_name=${name}`,
    NEON_ENDPOINT: inject('endpoint'),
    ACCESS: 'open',
    ENCRYPTION_KEY: KEY,
    // a stream that is no test's own business ends at once
    STREAM_POLLS: '1',
    // the server that tests ask is on this machine
    HTTP_ALLOW_PRIVATE: 'true',
    JOBS: queueInto(messages),
    ...variables,
  }

  /** Sends a request; `settled` false leaves what goes on after the reply to run by itself. */
  async function send(
    method: string,
    path: string,
    body?: unknown,
    { settled = true, headers = {} as Record<string, string> } = {},
  ): Promise<Reply> {
    const context = createExecutionContext()
    const request = new Request(`http://edge.localhost${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : toJson(body) }),
    })
    const response = await worker.fetch(request as never, env, context)
    // workerd warns of whatever is not called a text
    const text = await new Response(response.body).text()
    if (settled) await waitOnExecutionContext(context)
    return { status: response.status, headers: response.headers, text, body: parsed(text) }
  }

  return {
    name,
    env,
    messages,
    send,
    /** As `fetch`, for clients that bring their own requests. */
    async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const context = createExecutionContext()
      const response = await worker.fetch(new Request(input, init) as never, env, context)
      await waitOnExecutionContext(context)
      return response
    },
    get: (path: string) => send('GET', path),
    post: (path: string, body: unknown, options = {}) => send('POST', path, body, options),

    /** Registers a playbook; answers its catalog id. */
    async register(content: string): Promise<string> {
      const reply = await send('POST', '/api/catalog/register', { content })
      if (reply.status !== 200) throw new Error(reply.text)
      return reply.body.catalog_id
    },

    /** Starts a run and waits until nothing goes on; answers the execution's id. */
    async run(catalogId: string, parameters: Json = {}): Promise<string> {
      const reply = await send('POST', '/api/executions/run', { catalog_id: catalogId, parameters })
      if (reply.status !== 200) throw new Error(reply.text)
      return reply.body.execution_id
    },

    /** Delivers the messages that are due, as the platform would; answers how many. */
    async deliver(from?: readonly Message[]): Promise<number> {
      const due = from ?? messages.splice(0).filter(({ delaySeconds }) => delaySeconds === 0)
      for (const { execution_id } of due) {
        const context = createExecutionContext()
        await worker.queue(batchOf(execution_id) as never, env, context)
        await waitOnExecutionContext(context)
      }
      return due.length
    },

    /** Fires the cron trigger. */
    async tick(): Promise<void> {
      const context = createExecutionContext()
      await worker.scheduled({ scheduledTime: Date.UTC(2026, 0, 1, 0, 1) } as never, env, context)
      await waitOnExecutionContext(context)
    },

    /** An execution's events, as `type:node` in the order of the log. */
    async log(executionId: string): Promise<string[]> {
      const { body } = await send('GET', `/api/execution/data/${executionId}?limit=10000`)
      return body.events.map(
        (event: Record<string, string>) => `${event.event_type}:${event.node_name}`,
      )
    },

    /** Round trips to the database so far. */
    async trips(): Promise<number> {
      const url = inject('endpoint').replace(/sql$/, `count?application_name=${name}`)
      return (await (await fetch(url)).json<{ round_trips: number }>()).round_trips
    },

    /** Makes the endpoint fail this client's calls. */
    async faults(spec: Record<string, unknown>): Promise<void> {
      const reply = await fetch(inject('endpoint').replace(/sql$/, 'faults'), {
        method: 'PUT',
        body: JSON.stringify({ application_name: name, ...spec }),
      })
      if (!reply.ok) throw new Error(await reply.text())
    },
    async noFaults(): Promise<void> {
      const url = inject('endpoint').replace(/sql$/, `faults?application_name=${name}`)
      await fetch(url, { method: 'DELETE' })
    },
  }
}

function parsed(text: string) {
  try {
    return parseJson(text)
  } catch {
    return null
  }
}

function queueInto(messages: Message[]): Env['JOBS'] {
  const send = async (body: { execution_id: string }, options?: { delaySeconds?: number }) => {
    messages.push({ ...body, delaySeconds: options?.delaySeconds ?? 0 })
  }
  return { send } as unknown as NonNullable<Env['JOBS']>
}

function batchOf(execution_id: string) {
  return { messages: [{ body: { execution_id }, ack() {}, retry() {} }] }
}

let paths = 0

/** A playbook of these steps (YAML, indented by two), under a path of its own. */
export function playbook(steps: string, head = ''): string {
  return `metadata: {path: test/p${Date.now()}-${++paths}/p, name: p}\n${head}\nworkflow:\n${steps}\n`
}

/** A linear playbook of so many python steps, which wait for a worker. */
export function chain(...names: string[]): string {
  const all = ['start', ...names, 'end']
  const steps = all.map((name, index) => {
    const type =
      name === 'start' || name === 'end' ? '' : ', type: python, code: "def main(): pass"'
    const next = all[index + 1] === undefined ? '' : `, next: ${all[index + 1]}`
    return `  - {step: ${name}${type}${next}}`
  })
  return playbook(steps.join('\n'))
}

/** The report that a worker sends when a step's action has ended. */
export function completed(executionId: string, step: string, data: Json = null) {
  return {
    execution_id: executionId,
    event_type: 'action_completed',
    status: 'COMPLETED',
    node_id: `${executionId}:${step}`,
    node_name: step,
    node_type: 'task',
    result: { id: 'r', status: 'success', data },
  }
}
