// The thread that PGlite runs in: opens the database, then answers one message after the other.
import { parentPort, workerData } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import type { Result, Work } from './backend.ts'
import { openDatabase } from './database.ts'
import { type ErrorFields, NeonError, responseTooLarge } from './error.ts'
import { type Answer, readAnswer, simpleMessage, statementMessages } from './wire.ts'

/** What the thread is asked: to run a request's statements, or to end. */
export type Question = { work: Work } | 'close'

/** What it says: that the database is open, what came of a question, or why it cannot go on. */
export type Reply =
  | { kind: 'open' }
  | { kind: 'results'; results: Result[] }
  | { kind: 'error'; status: number; message: string; fields: ErrorFields }
  | { kind: 'fatal'; message: string }

const COMMIT = simpleMessage('commit')
const ROLLBACK = simpleMessage('rollback')
const DISCARD = simpleMessage('discard all')
// Nobody logs in to PGlite, so that its `discard all` does not know which user to return to.
const OWNER = simpleMessage('set session authorization postgres')

/**
 * Runs a request on the one session that PGlite has. Nothing in here yields, so that a whole batch is
 * atomic towards the other requests; the price is that nobody ever waits for a lock or loses a race.
 */
function run(db: PGlite, work: Work): Result[] {
  let status = 'I'
  const send = (message: Buffer): Answer => {
    const answer = readAnswer(db.execProtocolRawSync(message))
    status = answer.status
    if (status === '' || answer.error?.severity === 'PANIC') {
      throw new Error(
        `PGlite does not answer any more: ${answer.error?.message ?? 'no reason given'}`,
      )
    }
    if (answer.error === null) return answer
    const { message: text, ...fields } = answer.error
    throw new NeonError(400, text, fields)
  }
  const statements = (): Result[] => {
    if (work.begin !== null) send(simpleMessage(work.begin))
    let bytes = 0
    const results = work.statements.map(({ query, params }) => {
      const answer = send(statementMessages(query, params))
      bytes += answer.bytes
      if (bytes > work.maxResponseBytes) throw responseTooLarge(work.maxResponseBytes)
      return answer.result
    })
    if (work.begin !== null) send(COMMIT)
    return results
  }
  const reset = () => {
    if (status !== 'I') send(ROLLBACK)
    // Always, as no look at a statement can tell what a function in it does to the session.
    // It costs 30 microseconds.
    send(OWNER)
    send(DISCARD)
  }
  try {
    const results = statements()
    reset()
    return results
  } catch (error) {
    if (error instanceof NeonError) reset()
    throw error
  }
}

function answer(db: PGlite, work: Work): Reply {
  try {
    return { kind: 'results', results: run(db, work) }
  } catch (error) {
    if (!(error instanceof NeonError)) return { kind: 'fatal', message: messageOf(error) }
    const { status, message, fields } = error
    return { kind: 'error', status, message, fields }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const port = parentPort
if (port === null) throw new Error('this is not a program')
const say = (reply: Reply) => port.postMessage(reply)
try {
  const db = await openDatabase(workerData)
  port.on('message', async (question: Question) => {
    if (question !== 'close') return say(answer(db, question.work))
    await db.close()
    port.close()
  })
  say({ kind: 'open' })
} catch (error) {
  say({ kind: 'fatal', message: messageOf(error) })
}
