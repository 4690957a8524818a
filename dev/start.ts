// `npm start`: the whole product on this machine. An embedded Postgres kept in .data/ (or DATABASE_URL),
// the local Neon endpoint in front of it, the Worker in workerd, the cron trigger, the examples.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { VARIABLES } from '../src/settings.ts'
import { DATA, EMBEDDED_URL, isInUse, MIGRATIONS, openEmbedded } from './embedded.ts'
import { keyOfStart } from './first-key.ts'
import { migrate } from './migrate.ts'
import { type Endpoint, startEndpoint } from './neon/client.ts'
import { type LocalWorker, startWorker } from './worker.ts'

const EXAMPLES = join(import.meta.dirname, '../examples')
/** The credential that the examples name in `auth`. */
const EXAMPLE_CREDENTIAL = 'pg_local'
const FOUNDING_EXAMPLE = 'examples/create_tables'

async function main(): Promise<void> {
  let endpoint: Endpoint | null = null
  let worker: LocalWorker | null = null
  let stopping = false
  const stop = async (code: number) => {
    if (stopping) return
    stopping = true
    await worker?.stop()
    await endpoint?.stop()
    process.exit(code)
  }
  process.on('SIGINT', () => void stop(0))
  process.on('SIGTERM', () => void stop(0))

  const port = portOf(process.env.PORT)
  await refuseTakenPort(port)
  const databaseUrl = process.env.DATABASE_URL ?? EMBEDDED_URL
  endpoint = await startDatabase(databaseUrl)
  try {
    const variables = variablesFor(databaseUrl, endpoint)
    worker = await startWorker(variables, port)
    const own = variables.ACCESS === 'key' ? await keyOfStart(databaseUrl, endpoint) : null
    const api = apiOf(worker.url, variables.API_KEY ?? own?.key)
    await registerExamples(api, databaseUrl)
    if ((await latest(api)) === null) await runExample(api)
    const id = (await latest(api)) ?? 'ID'
    await own?.end()
    for (const [what, { ended }] of Object.entries({
      'the Worker': worker,
      'the database': endpoint,
    })) {
      void ended.then(() => {
        if (!stopping) console.error(`${what} ended by itself; stopping`)
        return stop(1)
      })
    }
    printAddresses(worker.url, endpoint, variables.ACCESS === 'open', id)
    void tickForEver(worker, () => stopping)
  } catch (error) {
    if (stopping) return
    console.error(messageOf(error))
    await stop(1)
  }
}

function portOf(text = '8787'): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    console.error(`PORT is '${text}', not a number from 1 to 65535`)
    process.exit(2)
  }
  return port
}

/** Finding out before the database is opened leaves nothing to clean up. */
async function refuseTakenPort(port: number): Promise<void> {
  const server = createServer()
  const taken = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(true))
    server.listen(port, '127.0.0.1', () => resolve(false))
  })
  if (taken) {
    console.error(
      `Port ${port} is in use on 127.0.0.1; is it running already? PORT=NNNN npm start uses another.`,
    )
    process.exit(1)
  }
  await new Promise((resolve) => server.close(resolve))
}

async function startDatabase(databaseUrl: string): Promise<Endpoint> {
  try {
    if (databaseUrl === EMBEDDED_URL) {
      console.log(`Opening the embedded Postgres in ${DATA} ...`)
      return await openPatiently()
    }
    const applied = await migrate({ connectionString: databaseUrl }, MIGRATIONS)
    console.log(`DATABASE_URL: ${applied.length} migrations applied`)
    return await startEndpoint({ url: databaseUrl })
  } catch (error) {
    console.error(messageOf(error))
    process.exit(1)
  }
}

/** A start right after a kill finds the data still held for a moment by what is about to end. */
async function openPatiently(): Promise<Endpoint> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openEmbedded()
    } catch (error) {
      if (attempt === 3 || !isInUse(error)) throw error
      await sleep(1_000)
    }
  }
}

/** What the Worker gets: every variable it knows that is set here, and what running locally needs. */
function variablesFor(databaseUrl: string, endpoint: Endpoint): Record<string, string> {
  const { SECRETS_ALLOW = '', TEMPLATE_ENV = '' } = process.env
  // what steps and templates may read has names of its own
  const named = `${SECRETS_ALLOW} ${TEMPLATE_ENV}`.split(/[\s,]+/)
  const given = [...VARIABLES, ...named].flatMap((name) => {
    const value = process.env[name]
    // an empty list of tools says something, an empty key does not
    const isUnset = value === undefined || (value === '' && name !== 'EDGE_TOOLS')
    return isUnset ? [] : [[name, value] as const]
  })
  const variables: Record<string, string> = {
    ACCESS: process.env.API_KEY ? 'key' : 'open',
    // what runs here is this machine's own
    HTTP_ALLOW_PRIVATE: 'true',
    ...Object.fromEntries(given),
    DATABASE_URL: databaseUrl,
    NEON_ENDPOINT: endpoint.url,
  }
  variables.ENCRYPTION_KEY ??= keptKey()
  return variables
}

/** Made once and kept beside the data that is encrypted under it. */
function keptKey(): string {
  const path = join(DATA, 'encryption-key')
  if (!existsSync(path)) {
    mkdirSync(DATA, { recursive: true })
    writeFileSync(path, randomBytes(32).toString('base64'), { mode: 0o600 })
  }
  return readFileSync(path, 'utf8').trim()
}

type Api = (method: string, path: string, body?: unknown) => Promise<unknown>

function apiOf(base: URL, key: string | undefined): Api {
  return async (method, path, body) => {
    const response = await fetch(new URL(path, base), {
      method,
      headers: {
        'content-type': 'application/json',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const reply = (await response.json()) as { detail?: string }
    if (!response.ok) throw new Error(`${method} ${path}: ${reply.detail ?? response.status}`)
    return reply
  }
}

async function registerExamples(api: Api, databaseUrl: string): Promise<void> {
  const data = { dsn: databaseUrl }
  await api('POST', '/api/credentials', { name: EXAMPLE_CREDENTIAL, type: 'postgres', data })
  const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'))
  for (const file of files) {
    const content = readFileSync(join(EXAMPLES, file), 'utf8')
    await api('POST', '/api/catalog/register', { content })
  }
  console.log(
    `${files.length} playbooks of examples/ are registered; docs/language.md tells what each shows.`,
  )
}

interface Detail {
  id: string
  status: string
  progress: number
  duration: number | null
  error: string | null
  end_time: string | null
  events: unknown[]
  waiting_for?: { type: string }[]
}

async function latest(api: Api): Promise<string | null> {
  const [newest] = (await api('GET', '/api/executions?limit=1')) as { id: string }[]
  return newest?.id ?? null
}

async function runExample(api: Api): Promise<void> {
  console.log(`\nRunning ${FOUNDING_EXAMPLE} once, as the database is empty:`)
  const run = { path: FOUNDING_EXAMPLE }
  const { execution_id } = (await api('POST', '/api/executions/run', run)) as {
    execution_id: string
  }
  let shown = ''
  for (;;) {
    const detail = (await api('GET', `/api/executions/${execution_id}`)) as Detail
    const line = `  ${detail.status}  ${detail.progress} %  ${detail.events.length} events`
    if (line !== shown) console.log(line)
    shown = line
    if (detail.end_time !== null) return printDetail(detail)
    if (detail.waiting_for !== undefined) {
      const tools = detail.waiting_for.map(({ type }) => type).join(', ')
      return console.log(`  waits for: ${tools}`)
    }
    await sleep(100)
  }
}

function printDetail(detail: Detail): void {
  const rows = {
    id: detail.id,
    status: detail.status,
    events: detail.events.length,
    progress: `${detail.progress} %`,
    duration: `${detail.duration} s`,
    ...(detail.error !== null && { error: detail.error }),
  }
  console.log()
  for (const [name, value] of Object.entries(rows)) console.log(`  ${name.padEnd(9)} ${value}`)
}

function printAddresses(url: URL, endpoint: Endpoint, open: boolean, id: string): void {
  const paths = [
    '/api/executions',
    `/api/executions/${id}`,
    `/api/events/summary/${id}`,
    `/api/execution/data/${id}`,
    '/api/catalog/playbooks',
  ]
  console.log(
    `\nServing on ${url.origin}${open ? ', open to everybody on this machine' : ', to whoever has a key (npm run keys)'}; Ctrl-C stops it.`,
  )
  for (const path of paths) console.log(`  ${url.origin}${path}`)
  console.log(`SQL goes through ${endpoint.url} to ${endpoint.backend}.`)
}

/** Miniflare fires no cron trigger by itself. The first comes at once: a minute may have passed without. */
async function tickForEver(worker: LocalWorker, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    await worker.tick().catch((error: unknown) => console.error(`cron: ${messageOf(error)}`))
    await sleep(60_000 - (Date.now() % 60_000))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

await main()
