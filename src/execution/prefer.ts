// `Prefer: wait=N` (RFC 7240): how long a caller would wait for the end of a run.

/** A request may be held open for so long. */
const MAX_WAIT_SECONDS = 60

/** Seconds, at most MAX_WAIT_SECONDS; 0 when the header asks for none. */
export function secondsToWait(prefer: string | undefined): number {
  const [, seconds = '0'] =
    /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer ?? '') ?? []
  return Math.min(Number(seconds), MAX_WAIT_SECONDS)
}
