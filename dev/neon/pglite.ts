import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Result, Run, Work } from './backend.ts'
import type { OpenOptions } from './database.ts'
import { lostConnection, NeonError } from './error.ts'
import type { Question, Reply } from './pglite-worker.ts'

// Postgres checks the depth of its own stack (2 MB), but as WebAssembly it stands on V8's, of 1 MB by
// default. When that one overflows first, PGlite goes on with a damaged state and wrong answers.
const STACK_MB = 64

type Waiting = {
  work: Work
  gone: AbortSignal | undefined
  resolve: (results: Result[]) => void
  reject: (error: NeonError) => void
}

/** The embedded database, which runs in a thread of its own. */
export type Embedded = { run: Run; close: () => Promise<void> }

/**
 * Opens PGlite, once it has every migration. Should it ever break, nothing that it says can be trusted
 * any more: then `fail` is called.
 */
export function openEmbedded(
  options: OpenOptions,
  fail: (error: Error) => void,
): Promise<Embedded> {
  const worker = new Worker(new URL('pglite-worker.ts', import.meta.url), {
    workerData: options,
    resourceLimits: { stackSizeMb: STACK_MB },
  })
  const ask = (question: Question) => worker.postMessage(question)
  // one is asked at a time, so that the others can still be taken back
  const waiting: Waiting[] = []
  let asked: Waiting | undefined
  const askNext = () => {
    asked = waiting.shift()
    while (asked?.gone?.aborted) {
      asked.reject(lostConnection())
      asked = waiting.shift()
    }
    if (asked !== undefined) ask({ work: asked.work })
  }
  const run: Run = (work, gone) =>
    new Promise((resolve, reject) => {
      waiting.push({ work, gone, resolve, reject })
      if (asked === undefined) askNext()
    })
  const close = async () => {
    const exited = once(worker, 'exit')
    ask('close')
    await exited
  }
  return new Promise((resolve, reject) => {
    let failed = (error: Error) => reject(error)
    worker.on('error', (error) => failed(error instanceof Error ? error : new Error(String(error))))
    worker.on('message', (reply: Reply) => {
      if (reply.kind === 'fatal') return failed(new Error(reply.message))
      if (reply.kind === 'open') {
        failed = fail
        return resolve({ run, close })
      }
      if (reply.kind === 'results') asked?.resolve(reply.results)
      else asked?.reject(new NeonError(reply.status, reply.message, reply.fields))
      askNext()
    })
  })
}
