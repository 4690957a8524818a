// The whole product for a bench or a test: the Worker in workerd over a database of its own.
import { join } from 'node:path'
import { startEndpoint } from '../dev/neon/client.ts'
import { startWorker } from '../dev/worker.ts'
import { type JsonObject, parseJson, toJson } from '../src/json.ts'

const MIGRATIONS = join(import.meta.dirname, '../migrations')
export const EMBEDDED = 'postgres://bench:bench@db.localhost/noetl'

export interface Reply {
  status: number
  body: JsonObject
}

export type Server = Awaited<ReturnType<typeof startServer>>

/** Starts it on a Postgres server's database, which it migrates, or on an embedded one in memory. */
export async function startServer(variables: Record<string, string>, database?: string) {
  const endpoint = await startEndpoint({
    migrate: MIGRATIONS,
    ...(database !== undefined && { url: database }),
  })
  const databaseUrl = database ?? EMBEDDED
  const all = {
    DATABASE_URL: databaseUrl,
    NEON_ENDPOINT: endpoint.url,
    ACCESS: 'open',
    ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
    ...variables,
  }
  let worker = await startWorker(all, 0)

  /** Sends a request; integers beyond 2^53 keep their digits on both ways. */
  async function call(method: string, path: string, body?: unknown, headers = {}): Promise<Reply> {
    const response = await fetch(new URL(path, worker.url), {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: toJson(body) }),
    })
    return { status: response.status, body: parseJson(await response.text()) as JsonObject }
  }

  return {
    /** Stays the same when the Worker is started anew. */
    url: worker.url,
    databaseUrl,
    endpoint: endpoint.url,
    call,
    /** The reply's body. @throws Error when the status is not 200. */
    async must(method: string, path: string, body?: unknown): Promise<JsonObject> {
      const reply = await call(method, path, body)
      if (reply.status !== 200) throw new Error(`${method} ${path}: ${toJson(reply.body)}`)
      return reply.body
    },
    /** Fires the cron trigger. */
    tick: () => worker.tick(),
    /** Kills workerd and starts it again; the database lives on. */
    async crash(): Promise<void> {
      await worker.kill()
      worker = await startWorker(all, Number(worker.url.port))
    },
    async stop(): Promise<void> {
      await worker.stop()
      await endpoint.stop()
    },
  }
}
