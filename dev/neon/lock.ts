import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

/** The directory is in use by another process. */
export class LockedError extends Error {}

/**
 * Takes a directory for this process alone, until it ends. The operating system holds the lock (it is
 * SQLite's, as Node has no file locks of its own), so that it cannot be stale after a kill -9 and two
 * starters at the same instant cannot both get it.
 */
export async function lockDirectory(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true })
  const pidFile = join(dir, 'pid')
  const lock = new DatabaseSync(join(dir, 'lock'))
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new LockedError(`${dir} is in use by ${await ownerOf(pidFile)}`)
  }
  held.push(lock)
  writeFileSync(pidFile, `${process.pid}\n`)
}

// A lock whose object is collected as garbage would be released.
const held: DatabaseSync[] = []

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && error.errcode === 5

// The owner writes its pid just after it has the lock, so the file may be one moment old.
async function ownerOf(pidFile: string): Promise<string> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const pid = readPid(pidFile)
    if (pid !== null && isAlive(pid)) return `process ${pid}`
    await sleep(25)
  }
  return 'another process'
}

function readPid(pidFile: string): number | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null
  } catch {
    return null
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
