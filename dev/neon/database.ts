// Opens PGlite. Creating a cluster takes four seconds and loading a copy of one a fraction of that, so
// a migrated copy is kept in a cache, by the content of the migrations.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'
import { migrate } from '../migrate.ts'

export type OpenOptions = {
  /** The directory to keep the data in, held by this process; null is in memory. */
  data: string | null
  /** The directory of the migrations; null is none. */
  migrations: string | null
  cache: string
}

/** Opens a database that has every migration. */
export async function openDatabase(options: OpenOptions): Promise<PGlite> {
  if (options.data === null) return openCopy(options)
  const dataDir = join(options.data, 'pglite')
  const incomplete = join(options.data, 'incomplete')
  if (existsSync(incomplete)) rmSync(dataDir, { recursive: true, force: true })
  if (!existsSync(dataDir)) {
    // a process that is killed on the way leaves half of a cluster
    await writeFile(incomplete, '')
    const db = await openCopy(options, dataDir)
    rmSync(incomplete)
    return db
  }
  const db = await PGlite.create(dataDir)
  if (options.migrations !== null) await migrate({ pglite: db }, options.migrations)
  return db
}

async function openCopy({ migrations, cache }: OpenOptions, dataDir?: string): Promise<PGlite> {
  const where = dataDir === undefined ? {} : { dataDir }
  const file = join(cache, `${PREFIX}${keyOf(migrations)}.tar`)
  const cached = await readCopy(file)
  if (cached !== null) {
    try {
      return await PGlite.create({ ...where, loadDataDir: cached })
    } catch {
      if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true })
    }
  }
  const db = await PGlite.create()
  if (migrations !== null) await migrate({ pglite: db }, migrations)
  const copy = await copyOf(db)
  // a cache that cannot be written only costs time
  await writeCopy(copy, file).catch(() => {})
  if (dataDir === undefined) return db
  await db.close()
  return PGlite.create({ dataDir, loadDataDir: copy })
}

const PREFIX = 'pglite-'
const FORMAT = 1

function keyOf(migrations: string | null): string {
  const hash = createHash('sha256').update(`${FORMAT} ${pgliteVersion()}\n`)
  const names = migrations === null ? [] : readdirSync(migrations).sort()
  for (const name of names.filter((name) => name.endsWith('.sql'))) {
    const content = readFileSync(join(migrations ?? '', name))
    hash.update(`${name} ${content.length}\n`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

function pgliteVersion(): string {
  const file = new URL('../package.json', import.meta.resolve('@electric-sql/pglite'))
  return JSON.parse(readFileSync(file, 'utf8')).version
}

// The file ends with a checksum, as PGlite may accept a damaged copy and fail much later.
const CHECKSUM_BYTES = 4

async function readCopy(file: string): Promise<Blob | null> {
  const bytes = await readFile(file).catch(() => null)
  if (bytes === null || bytes.length < CHECKSUM_BYTES) return null
  const content = bytes.subarray(0, -CHECKSUM_BYTES)
  const sum = bytes.readUInt32BE(content.length)
  return crc32(content) === sum ? new Blob([content]) : null
}

async function copyOf(db: PGlite): Promise<Blob> {
  // without it whoever loads the copy has to recover from the log first
  await db.exec('checkpoint')
  return db.dumpDataDir('none')
}

async function writeCopy(copy: Blob, file: string): Promise<void> {
  const content = Buffer.from(await copy.arrayBuffer())
  const sum = Buffer.alloc(CHECKSUM_BYTES)
  sum.writeUInt32BE(crc32(content))
  const dir = dirname(file)
  mkdirSync(dir, { recursive: true })
  const temporary = `${file}.${randomUUID()}`
  await writeFile(temporary, Buffer.concat([content, sum]))
  renameSync(temporary, file)
  const others = readdirSync(dir).filter(
    (name) => name.startsWith(PREFIX) && name !== basename(file),
  )
  for (const name of others) rmSync(join(dir, name), { force: true })
}
