// Reads once and passes on to many. Each watcher has a position; those at the same position are served by one read,
// whatever their number. A relay holds no truth: whoever is cut off comes back with its position.

import { sleep } from '../db.ts'
import { logError } from '../log.ts'

/** What one read has found. */
export interface Batch {
  /** The position behind it. */
  at: string
  /** Whether more is there already. */
  more: boolean
  /** Whether nothing will ever follow. */
  over: boolean
}

export interface Source<B extends Batch> {
  read(at: string): Promise<B>
  /** Where a watcher that was behind goes on: behind its own batch, or with the others at `head`. */
  next(batch: B, head: string): string
}

export interface Pace {
  /** Between reads: so long after news, growing to so long while there are none. */
  least_ms: number
  most_ms: number
  /** A watcher that was sent nothing for so long is sent a comment. */
  beat_ms: number
  /** A watcher that took nothing for so long is cut off. */
  stuck_ms: number
  /** After so many reads a watcher has to come again: an invocation has a limit of subrequests. */
  polls: number
}

interface Watcher<B> {
  at: string
  /** What it is sent of a batch. */
  show(batch: B): Uint8Array[]
  controller: ReadableStreamDefaultController<Uint8Array>
  polls: number
  told_ms: number
  /** Whether it was passed over, for want of room. */
  isLate: boolean
}

/** What waits for a slow reader at most, with one batch beyond it. Then it is passed over until it has room. */
const BUFFER_BYTES = 262_144
/** Positions behind the others' that are read at once, of the 6 connections that a request has. */
const MAX_BEHIND = 4
/** Those who come at nearly the same time are served together. */
const GATHER_MS = 50

const encoder = new TextEncoder()
export const encode = (text: string) => encoder.encode(text)
const RETRY = encode('retry: 2000\n\n')

export function newRelay<B extends Batch>(source: Source<B>, pace: Pace) {
  const watchers = new Set<Watcher<B>>()
  let head: string | null = null
  let isRunning = false
  let wake = () => {}

  function leave(watcher: Watcher<B>, how: (controller: Watcher<B>['controller']) => void): void {
    if (watchers.delete(watcher)) how(watcher.controller)
  }

  function send(watcher: Watcher<B>, chunk: Uint8Array): void {
    watcher.controller.enqueue(chunk)
    watcher.told_ms = Date.now()
  }

  /** Whether there was anything in it. */
  function pass(watcher: Watcher<B>, batch: B, at: string): boolean {
    if (!watchers.has(watcher)) return false
    const chunks = watcher.show(batch)
    for (const chunk of chunks) send(watcher, chunk)
    watcher.at = at
    watcher.polls += 1
    if (batch.over || watcher.polls >= pace.polls) leave(watcher, (it) => it.close())
    return chunks.length > 0
  }

  /** One read for all at a position. */
  async function serve(
    at: string,
    group: readonly Watcher<B>[],
    next: (batch: B) => string,
  ): Promise<{ at: string; isNews: boolean; more: boolean }> {
    try {
      const batch = await source.read(at)
      const told = group.map((watcher) => pass(watcher, batch, next(batch)))
      return { at: batch.at, isNews: told.includes(true), more: batch.more }
    } catch (error) {
      breakOff(group, error)
      return { at, isNews: false, more: false }
    }
  }

  /** Those behind first: where they then go on with the others, nothing may have passed them by. */
  async function round() {
    for (const watcher of watchers) watcher.isLate = !hasRoom(watcher)
    const ready = [...watchers].filter(({ isLate }) => !isLate)
    const places = Map.groupBy(ready, ({ at }) => at)
    if (head === null || !places.has(head)) head = largest(places)
    if (head === null) return []
    const to = head
    const behind = [...places].filter(([at]) => at !== to).sort(() => Math.random() - 0.5)
    const found = await Promise.all(
      behind
        .slice(0, MAX_BEHIND)
        .map(([at, group]) => serve(at, group, (batch) => source.next(batch, to))),
    )
    const pack = ready.filter((watcher) => watcher.at === to && hasRoom(watcher))
    const last = pack.length > 0 ? [await serve(to, pack, ({ at }) => at)] : []
    head = last[0]?.at ?? to
    return [
      ...found,
      ...last,
      ...behind.slice(MAX_BEHIND).map(() => ({ isNews: true, more: true })),
    ]
  }

  function keepAlive(): void {
    const now = Date.now()
    for (const watcher of watchers) {
      const silent_ms = now - watcher.told_ms
      if (!hasRoom(watcher)) {
        if (silent_ms >= pace.stuck_ms)
          leave(watcher, (it) => it.error(new Error('nobody reads it')))
      } else if (silent_ms >= pace.beat_ms) send(watcher, encode(`:\nid: ${watcher.at}\n\n`))
    }
  }

  async function run(): Promise<void> {
    let pause_ms = pace.least_ms
    while (watchers.size > 0) {
      const found = await round()
      keepAlive()
      if (found.some(({ more }) => more)) continue
      pause_ms = found.some(({ isNews }) => isNews)
        ? pace.least_ms
        : Math.min(pause_ms * 1.25, pace.most_ms)
      if (await woken(pause_ms)) await sleep(Math.min(GATHER_MS, pace.least_ms))
    }
  }

  /** Reads while somebody watches. */
  async function start(): Promise<void> {
    isRunning = true
    try {
      await run()
    } catch (error) {
      breakOff(watchers, error)
    }
    head = null
    isRunning = false
  }

  function breakOff(group: Iterable<Watcher<B>>, error: unknown): void {
    logError('a stream was broken off', error)
    for (const watcher of group) leave(watcher, (it) => it.error(error))
  }

  /** Waits; true when somebody came meanwhile. */
  function woken(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms)
      wake = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
  }

  return {
    isIdle: () => watchers.size === 0,

    /**
     * What a watcher is sent, from a position on.
     * @param first what was read for it already
     */
    join(at: string, show: Watcher<B>['show'], first: B | null): ReadableStream<Uint8Array> {
      let watcher: Watcher<B> | null = null
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            const own = { at, show, controller, polls: 0, told_ms: Date.now(), isLate: false }
            watcher = own
            watchers.add(own)
            send(own, RETRY)
            if (first) pass(own, first, first.at)
            if (isRunning) wake()
            else void start()
          },
          pull() {
            if (watcher?.isLate) wake()
          },
          cancel() {
            if (watcher) watchers.delete(watcher)
            wake()
          },
        },
        new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
      )
    },
  }
}

function hasRoom({ controller }: Watcher<never>): boolean {
  return (controller.desiredSize ?? 0) > 0
}

function largest(places: ReadonlyMap<string, readonly unknown[]>): string | null {
  let found: string | null = null
  let most = 0
  for (const [at, { length }] of places) {
    if (length > most) [found, most] = [at, length]
  }
  return found
}
