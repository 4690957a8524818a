// The local Neon endpoint: `node dev/neon/endpoint.ts --help`
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { migrate } from '../migrate.ts'
import type { Run } from './backend.ts'
import { parseConnectionString, type Target } from './connection.ts'
import { LockedError, lockDirectory } from './lock.ts'
import { openEmbedded } from './pglite.ts'
import { createPools } from './postgres.ts'
import { serve } from './server.ts'

const USAGE = `usage: node dev/neon/endpoint.ts [options]
  --port N              port on 127.0.0.1 (default 0: any free one)
  --data DIR            keep an embedded database in DIR
  --memory              embedded database in memory (the default)
  --url postgres://...  a Postgres server in place of the embedded database
  --migrate DIR         apply the migrations in DIR first
  --rtt-ms N            add N ms to each request
  --embedded-host NAME  host name that stands for this database (default db.localhost);
                        any other is reached over TCP
  --max-connections N   connections to each Postgres server (default 10)
  --max-response N      bytes of rows in a reply (default ${10 * 1024 * 1024})
  --cache DIR           where migrated copies are kept (default .cache)
  --exit-with-parent    end when standard input ends`

const EXIT_USAGE = 2
const EXIT_LOCKED = 3
const STOP_MS = 4_000

const log = (line: string) => process.stderr.write(`${line}\n`)

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      data: { type: 'string' },
      memory: { type: 'boolean', default: false },
      url: { type: 'string' },
      migrate: { type: 'string' },
      'rtt-ms': { type: 'string', default: '0' },
      'embedded-host': { type: 'string', default: 'db.localhost' },
      'max-connections': { type: 'string', default: '10' },
      'max-response': { type: 'string', default: String(10 * 1024 * 1024) },
      cache: { type: 'string', default: join(import.meta.dirname, '../../.cache') },
      'exit-with-parent': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const places = [values.data, values.url, values.memory || undefined]
  if (places.filter((place) => place !== undefined).length > 1) {
    throw new Error('--data, --memory and --url exclude each other')
  }
  return {
    data: values.data ?? null,
    url: values.url ?? null,
    migrations: values.migrate ?? null,
    cache: values.cache,
    embeddedHost: values['embedded-host'],
    exitWithParent: values['exit-with-parent'],
    help: values.help,
    port: toNumber('--port', values.port),
    rttMs: toNumber('--rtt-ms', values['rtt-ms']),
    maxConnections: toNumber('--max-connections', values['max-connections']),
    maxResponseBytes: toNumber('--max-response', values['max-response']),
  }
}

type Options = ReturnType<typeof readOptions>

function toNumber(option: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`${option} must be a number`)
  return Number(text)
}

type Database = { run: Run; close: () => Promise<void> }

async function openPrimary(options: Options, tcp: (target: Target) => Run): Promise<Database> {
  if (options.url !== null) {
    const target = parseUrlOption(options.url)
    if (options.migrations !== null) {
      await migrate({ connectionString: options.url }, options.migrations)
    }
    return { run: tcp(target), close: async () => {} }
  }
  if (options.data !== null) await lockDirectory(options.data)
  const { data, migrations, cache } = options
  return openEmbedded({ data, migrations, cache }, (error) => exit(error, 1))
}

function parseUrlOption(url: string): Target {
  try {
    return parseConnectionString(url)
  } catch (error) {
    throw new Error(`--url: ${error instanceof Error ? error.message : error}`)
  }
}

async function main(options: Options): Promise<void> {
  const pools = createPools(options.maxConnections)
  const primary = await openPrimary(options, pools.run)
  const backend = options.url === null ? 'pglite' : 'postgres'
  const server = await serve({
    ...options,
    backend,
    runFor: (target) => (target.host === options.embeddedHost ? primary.run : pools.run(target)),
    maxRequestBytes: 10 * 1024 * 1024,
    log,
  })

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    // a statement that does not end cannot be interrupted
    setTimeout(() => process.exit(1), STOP_MS).unref()
    await server.close()
    await pools.close()
    await primary.close()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  if (options.exitWithParent) process.stdin.resume().on('end', stop).on('error', stop)

  const url = `http://127.0.0.1:${server.port}/sql`
  process.stdout.write(`${JSON.stringify({ url, pid: process.pid, backend })}\n`)
}

function exit(error: unknown, code: number): never {
  log(error instanceof Error ? error.message : String(error))
  process.exit(code)
}

try {
  const options = readOptions()
  if (options.help) {
    process.stdout.write(`${USAGE}\n`)
  } else {
    await main(options).catch((error) =>
      exit(error, error instanceof LockedError ? EXIT_LOCKED : 1),
    )
  }
} catch (error) {
  log(USAGE)
  exit(error, EXIT_USAGE)
}
