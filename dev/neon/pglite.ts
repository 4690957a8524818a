import type { PGlite } from '@electric-sql/pglite'
import type { Result, Run, Statement, Work } from './backend.ts'
import { NeonError, responseTooLarge } from './error.ts'
import { type Answer, readAnswer, simpleMessage, statementMessages } from './wire.ts'

const COMMIT = simpleMessage('commit')
const ROLLBACK = simpleMessage('rollback')
const DISCARD = simpleMessage('discard all')

/**
 * Runs requests on the one session that PGlite has. Nothing in here yields, so that a whole batch is
 * atomic towards the other requests; the price is that nobody ever waits for a lock or loses a race.
 */
export function pgliteRun(db: PGlite): Run {
  const run = (work: Work): Result[] => {
    let status = 'I'
    const send = (message: Buffer): Answer => {
      const answer = readAnswer(db.execProtocolRawSync(message))
      status = answer.status
      if (answer.error === null) return answer
      const { message: text, ...fields } = answer.error
      throw new NeonError(400, text, fields)
    }
    try {
      if (work.begin !== null) send(simpleMessage(work.begin))
      let bytes = 0
      const results = work.statements.map((statement: Statement) => {
        const answer = send(statementMessages(statement.query, statement.params))
        bytes += answer.bytes
        if (bytes > work.maxResponseBytes) throw responseTooLarge(work.maxResponseBytes)
        return answer.result
      })
      if (work.begin !== null) send(COMMIT)
      return results
    } finally {
      if (status !== 'I') send(ROLLBACK)
      // Always, as no look at a statement can tell what a function in it does to the session.
      // It costs 20 microseconds.
      send(DISCARD)
    }
  }
  return run
}
