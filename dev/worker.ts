// The Worker in workerd, as a process group of its own that ends with this process, however that ends:
// workerd by itself outlives a parent that was killed, and keeps the port.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A running Worker. */
export type LocalWorker = {
  url: URL
  /** Fires the cron trigger once, as the platform does each minute; Miniflare does not by itself. */
  tick(): Promise<void>
  stop(): Promise<void>
  /** Ends it in the midst of everything, as a machine that dies does. */
  kill(): Promise<void>
  /** Settles when it has ended, asked to or not. */
  ended: Promise<unknown>
}

/** What dev/serve.ts is asked for, and what it answers. */
export type Ask = { start: { variables: Record<string, string>; port: number } } | { tick: true }
export type Answer = { url: string } | { ticked: true } | { failed: string }

/** Starts the Worker with wrangler.toml's bindings and these variables, on loopback only (port 0: any). */
export async function startWorker(
  variables: Record<string, string>,
  port: number,
): Promise<LocalWorker> {
  const child = fork(join(import.meta.dirname, 'serve.ts'), { detached: true })
  const exited = once(child, 'exit').then(() => killGroup(child))
  const gone = exited.then((): Answer => ({ failed: 'the Worker ended' }))
  const answer = await ask(child, gone, { start: { variables, port } })
  if (!('url' in answer)) throw new Error('the Worker did not start')
  return {
    url: new URL(answer.url),
    ended: gone,
    tick: async () => {
      await ask(child, gone, { tick: true })
    },
    stop: async () => {
      if (child.connected) child.disconnect()
      // it may be held up by a workerd that does not listen
      const timer = setTimeout(() => killGroup(child), STOP_MS)
      await exited
      clearTimeout(timer)
    },
    kill: async () => {
      killGroup(child)
      await exited
    },
  }
}

const STOP_MS = 10_000

async function ask(child: ChildProcess, gone: Promise<Answer>, question: Ask): Promise<Answer> {
  child.send(question)
  const answered = once(child, 'message').then(([answer]) => answer as Answer)
  const answer = await Promise.race([answered, gone])
  if ('failed' in answer) throw new Error(answer.failed)
  return answer
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // nothing was left of it
  }
}
