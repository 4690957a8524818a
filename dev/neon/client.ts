import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** The endpoint's options; without `data` and `url` its database is in memory. */
export type EndpointOptions = {
  port?: number
  data?: string
  url?: string
  migrate?: string
  rttMs?: number
  embeddedHost?: string
  maxConnections?: number
  maxResponseBytes?: number
  cache?: string
}

/** A running endpoint; `url` is what `neonConfig.fetchEndpoint` should return. */
export type Endpoint = {
  url: string
  pid: number
  backend: 'pglite' | 'postgres'
  stop(): Promise<void>
  /** Settles when it has ended, asked to or not. */
  ended: Promise<unknown>
}

const STOP_MS = 5_000
const STDERR_CHARS = 4_000

/**
 * Starts the local Neon endpoint as a process of its own, which ends with this one. Rejects with what it
 * wrote to its stderr when it does not get ready; later on that goes to this process's stderr.
 */
export async function startEndpoint(options: EndpointOptions = {}): Promise<Endpoint> {
  const program = join(import.meta.dirname, 'endpoint.ts')
  const child = spawn(process.execPath, [program, ...toArgs(options)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let stderr = ''
  const collect = (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_CHARS)
  }
  child.stderr.on('data', collect)
  // the child may be gone by the time that its standard input is closed
  child.stdin.on('error', () => {})

  const ready = await Promise.race([firstLine(child.stdout), once(child, 'close')])
  if (typeof ready !== 'string') {
    throw new Error(stderr.trim() || 'the local Neon endpoint ended without a word')
  }
  child.stderr.off('data', collect).pipe(process.stderr, { end: false })
  const stop = async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    child.stdin.end()
    await exited
    clearTimeout(timer)
  }
  return { ...readReady(ready), stop, ended: exited }
}

function toArgs(options: EndpointOptions): string[] {
  const named = {
    '--port': options.port,
    '--data': options.data,
    '--url': options.url,
    '--migrate': options.migrate,
    '--rtt-ms': options.rttMs,
    '--embedded-host': options.embeddedHost,
    '--max-connections': options.maxConnections,
    '--max-response': options.maxResponseBytes,
    '--cache': options.cache,
  }
  const args = Object.entries(named).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  return [...args, '--exit-with-parent']
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const end = text.indexOf('\n')
      if (end >= 0) resolve(text.slice(0, end))
    })
  })
}

function readReady(line: string): Omit<Endpoint, 'stop' | 'ended'> {
  const { url, pid, backend } = JSON.parse(line)
  return { url, pid, backend }
}
