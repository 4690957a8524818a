// The six status words of the API and how other spellings map to them.

export const STATUSES = ['STARTED', 'RUNNING', 'PAUSED', 'PENDING', 'FAILED', 'COMPLETED'] as const
export type Status = (typeof STATUSES)[number]

const SPELLINGS: Record<Status, string> = {
  COMPLETED: 'completed complete success succeeded done',
  FAILED: 'failed error failure',
  RUNNING: 'running run in_progress in-progress progress',
  STARTED: 'started start begin beginning initiated',
  PENDING: 'pending created queued init initialized new waiting retrying',
  PAUSED: 'paused pause suspended stopped halted',
}

const BY_SPELLING = new Map(
  STATUSES.flatMap((status) => SPELLINGS[status].split(' ').map((word) => [word, status] as const)),
)

/**
 * The status word for any spelling that NoETL's normalize_status knows (any case), and for RETRYING,
 * which its workers send; an empty one is PENDING. Null when it is none of these.
 */
export function normalizeStatus(text: string): Status | null {
  const word = text.trim().toLowerCase()
  return word === '' ? 'PENDING' : (BY_SPELLING.get(word) ?? null)
}

/** Whether an execution with this status has ended. */
export function isTerminal(status: Status): boolean {
  return status === 'COMPLETED' || status === 'FAILED'
}
