// What a reader has already, and what it must not miss: the very statement that reads answers that.

import { sleep } from '../db.ts'
import { fail } from '../errors.ts'

/** What a reader says of what it has. */
export interface Asked {
  /** Tags; `*` stands for any. */
  known: readonly string[]
  /** The version of the execution that it has seen. */
  atLeast: number
}

/** How what is there stands to that: a part of each row. */
export interface Standing {
  /** Equal tags are equal bytes. */
  tag: string
  /** Whether the reader lacks it; otherwise nothing else was read. */
  wanted: boolean
}

export interface ExecutionStanding extends Standing {
  version: number
  /** Whether it has ended. */
  ended: boolean
  /** Whether it has ended, and so long ago that no report on it comes any more. */
  settled: boolean
}

const POLL_MS = 250
const POLLS = 8

/**
 * Reads again until the execution has come to the version that is asked for: a replica may be behind.
 * @throws AppError `unavailable` when it does not within two seconds.
 */
export async function readAt<Row extends { version: number }>(
  { atLeast }: Asked,
  read: () => Promise<Row | undefined>,
): Promise<Row | undefined> {
  for (let poll = 0; ; poll++) {
    const row = await read()
    if (atLeast === 0 || (row && row.version >= atLeast)) return row
    if (poll === POLLS) {
      return row && fail('unavailable', `version ${atLeast} of the execution is not yet there`)
    }
    await sleep(POLL_MS)
  }
}
