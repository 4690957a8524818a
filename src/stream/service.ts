// Live streams and the export of a log. What is read, and how a watcher is told of it; who is served by which read is
// the relay's business (relay.ts).

import { MAX_PAGE_BYTES, rowsOf, type Sql } from '../db.ts'
import type { Env } from '../env.ts'
import { AppError, fail, type ProblemCode } from '../errors.ts'
import type { ListRow } from '../event/list.ts'
import { listItem } from '../event/list-service.ts'
import { toJson } from '../json.ts'
import type { Config } from '../settings.ts'
import {
  type ChangeRow,
  type LogRow,
  MAX_CHANGES,
  type Point,
  readChanges,
  readLog,
} from './queries.ts'
import { type Batch, encode, newRelay, type Pace } from './relay.ts'

/** What a watcher asks for. */
export interface Ask {
  /** The execution whose log it follows; null: whatever changes in all of them. */
  execution_id: string | null
  /** The id of the last message that it has; empty for none. */
  after: string
  /** What the paths of its caller's playbooks begin with. */
  within: string | null
  path: string | null
  path_prefix: string | null
  status: string | null
}

type Bytes = ReadableStream<Uint8Array>
type Watch = (ask: Ask) => Promise<Bytes>

const PACE = { beat_ms: 15_000, stuck_ms: 30_000 }

/** Of a relay, whose reads serve all; and of a request that reads for itself. */
export const sharedPace = ({ STREAM_POLLS: polls }: Config): Pace => ({
  ...PACE,
  least_ms: 250,
  most_ms: 1_500,
  polls,
})
const ownPace = ({ STREAM_POLLS: polls }: Config): Pace => ({
  ...PACE,
  least_ms: 1_000,
  most_ms: 5_000,
  polls,
})

/** A stream of server-sent events. @throws AppError `not_found`, `unavailable`. */
export async function openStream(env: Env, config: Config, sql: Sql, ask: Ask): Promise<Bytes> {
  const { RELAY } = env
  if (!RELAY) return newWatch(sql, ask.execution_id, ownPace(config))(ask)
  const relay = RELAY.get(RELAY.idFromName(ask.execution_id ?? 'all'))
  const reply = await relay
    .fetch('https://relay/', { method: 'POST', body: toJson(ask) })
    .catch((error: unknown) => {
      throw new AppError('unavailable', 'the relay of this stream is away', [], error)
    })
  if (reply.ok && reply.body) return reply.body
  const { code, detail } = await reply.json<{ code: ProblemCode; detail: string }>()
  return fail(code, detail)
}

/** Serves all who watch one execution, or all executions (null). */
export function newWatch(sql: Sql, executionId: string | null, pace: Pace): Watch {
  return executionId === null ? watchAll(sql, pace) : watchLog(sql, executionId, pace)
}

interface LogBatch extends Batch {
  path: string
  head: string
  chunks: Uint8Array[]
}

const SSE_PAGE = { form: 'sse', limit: 200, bytes: 524_288 } as const

function watchLog(sql: Sql, execution_id: string, pace: Pace): Watch {
  const read = async (after: string): Promise<LogBatch> => {
    const page = { execution_id, after, ...SSE_PAGE, within: null }
    const [row] = await rowsOf<LogRow>(readLog(sql, page))
    if (!row) return missing(execution_id)
    // nobody can have seen what is not there yet
    const seq = row.last_seq ?? Math.min(Number(after), row.version)
    const more = seq < row.version
    const over = !more && row.settled === true
    const text = row.text + (over ? message('end', toJson({ seq }), null) : '')
    return {
      at: String(seq),
      more,
      over,
      path: row.playbook_id,
      head: message('execution', listItem(row), null),
      chunks: text === '' ? [] : [encode(text)],
    }
  }
  const relay = newRelay<LogBatch>({ read, next: ({ at }) => at }, pace)
  let path: string | null = null
  return async ({ after, within }) => {
    const from = after === '' ? '0' : after
    const first = path === null ? await read(from) : null
    path ??= first?.path ?? ''
    if (within !== null && !path.startsWith(within)) missing(execution_id)
    let told = ''
    const show = ({ head, chunks }: LogBatch) => {
      if (head === told) return chunks
      told = head
      return [encode(head), ...chunks]
    }
    return relay.join(first?.at ?? from, show, first)
  }
}

const missing = (id: string) => fail('not_found', `Execution '${id}' not found.`)

interface ChangeBatch extends Batch {
  /** Whether what has changed cannot be told. */
  isReset: boolean
  rows: ListRow[]
  /** What has been made of it, by what was asked. */
  made: Map<string, Uint8Array[]>
}

function watchAll(sql: Sql, pace: Pace): Watch {
  const read = async (at: string): Promise<ChangeBatch> => {
    const rows = await rowsOf<ChangeRow>(readChanges(sql, pointOf(at)))
    const [now] = rows
    if (!now) return fail('internal', 'no row where there is always one')
    const changed = rows.filter((row): row is ChangeRow & ListRow => typeof row.id === 'string')
    return {
      at: `${now.ms}.${now.snapshot}`,
      more: false,
      over: false,
      isReset: now.lost || changed.length > MAX_CHANGES,
      rows: changed,
      made: new Map(),
    }
  }
  // points never meet: who was behind takes the others' point, and is told once more what came since
  const relay = newRelay<ChangeBatch>({ read, next: (_batch, head) => head }, pace)
  return async (ask) => {
    const first = relay.isIdle() ? await read(ask.after) : null
    const key = toJson([ask.within, ask.path, ask.path_prefix, ask.status])
    const show = (batch: ChangeBatch) => {
      const made = batch.made.get(key) ?? shownOf(batch, ask)
      batch.made.set(key, made)
      return made
    }
    return relay.join(first?.at ?? ask.after, show, first)
  }
}

/** A cursor is what its reader sends: one that is none is as one that is too old. */
function pointOf(cursor: string): Point {
  const [, ms = '0', snapshot = ''] = /^(\d{1,15})\.([1-9][\d:,]{0,4000})$/.exec(cursor) ?? []
  return { ms, snapshot: isSnapshot(snapshot) ? snapshot : null }
}

/** Whether Postgres takes it: `xmin:xmax:xip,xip`, in order, each xip before xmax. */
function isSnapshot(text: string): boolean {
  const parts = /^(\d{1,18}):(\d{1,18}):(\d{1,18}(?:,\d{1,18})*)?$/.exec(text)
  if (!parts) return false
  const [min = 0n, max = 0n, ...open] = `${parts[1]},${parts[2]},${parts[3] ?? ''}`
    .split(',')
    .filter(Boolean)
    .map(BigInt)
  return min <= max && open.every((id, index) => id >= (open[index - 1] ?? min) && id < max)
}

function shownOf({ at, isReset, rows }: ChangeBatch, ask: Ask): Uint8Array[] {
  if (isReset) return [encode(message('reset', '{}', at))]
  const seen = rows.filter(
    ({ playbook_id: path }) =>
      (ask.path === null || path === ask.path) &&
      path.startsWith(ask.within ?? '') &&
      path.startsWith(ask.path_prefix ?? ''),
  )
  const told = seen.map((row, index) => {
    // who is cut off in the midst of them is told all of them again
    const id = index === seen.length - 1 ? at : null
    return ask.status === null || row.status === ask.status
      ? message('execution', listItem(row), id)
      : message('gone', toJson({ id: row.id }), id)
  })
  return told.length > 0 ? [encode(told.join(''))] : []
}

/** A message; its data is one line. */
function message(event: string, data: string, id: string | null): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`
}

const EXPORT_PAGE = { form: 'ndjson', limit: 2_000, bytes: MAX_PAGE_BYTES } as const

/**
 * The log from a seq on to where it is when the last page is read, one event a line. A page is read when its reader has
 * taken the one before. @throws AppError `not_found`.
 */
export async function exportLog(
  sql: Sql,
  executionId: string,
  after: number,
  within: string | null,
): Promise<Bytes> {
  const read = async (from: number) => {
    const page = { execution_id: executionId, after: String(from), ...EXPORT_PAGE, within }
    const [row] = await rowsOf<LogRow>(readLog(sql, page))
    return row ?? missing(executionId)
  }
  let next: LogRow | null = await read(after)
  let at = after
  return new ReadableStream<Uint8Array>(
    {
      // an error here breaks the reply off: never a short log that looks whole
      async pull(controller) {
        const row = next ?? (await read(at))
        next = null
        at = row.last_seq ?? row.version
        if (row.text !== '') controller.enqueue(encode(row.text))
        if (at >= row.version) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Passes a stream on, and breaks it off when its caller may no longer have it: with what comes next, if only a heartbeat, as
 * pipeTo heeds its signal then. (Passing on by hand costs more, and is slow to learn that a reader has gone.)
 */
export function whileAllowed(
  body: Bytes,
  isAllowed: () => Promise<boolean>,
  every_ms = 5_000,
): Bytes {
  const { readable, writable } = new IdentityTransformStream()
  const stop = new AbortController()
  const timer = setInterval(async () => {
    if (!(await isAllowed().catch(() => false)))
      stop.abort(new Error('the caller is no longer let in'))
  }, every_ms)
  body
    .pipeTo(writable, { signal: stop.signal })
    .catch(() => undefined)
    .finally(() => clearInterval(timer))
  return readable
}
