// The 22 exchanges of one run between NoETL's server and its worker, as they were recorded on the wire:
// exchanges.json. Ids, times and the text of a job's action in it stand for those of the run at hand, which
// are learnt from the replies and put into what is sent later.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isObject, type Json, type JsonObject, parseJson } from '../../../src/json.ts'

export interface Exchange {
  method: string
  path: string
  request: JsonObject | null
  status: number
  response: JsonObject
}

export const EXCHANGES = parseJson(
  readFileSync(join(import.meta.dirname, 'exchanges.json'), 'utf8'),
) as unknown as Exchange[]

const ID = /\d{18}/g
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(\+00:00)?$/

/** Whether a recorded text is a time, in either of NoETL's forms. */
export const isTime = (value: unknown): value is string =>
  typeof value === 'string' && TIME.test(value)

/** A part of a reply that is not what was recorded; `undefined` where there is none. */
export interface Difference {
  path: string
  /** Names of the keys that lead to it, joined by dots. */
  at: string
  recorded: Json | undefined
  /** What was recorded, with this run's ids, times and texts. */
  meant: Json | undefined
  actual: Json | undefined
}

/** One performance of the exchanges. */
export class Performance {
  private readonly bound = new Map<string, string>()

  /** The execution's id. */
  get execution(): string {
    return this.meaningOf(String(EXCHANGES[0]?.response.execution_id))
  }

  /** A recorded value with this run's ids, times and texts; bare integers stay such. */
  fill(value: Json): Json {
    if (typeof value === 'bigint') return BigInt(this.meaningOf(String(value)))
    if (typeof value === 'string') return this.fillText(value)
    if (Array.isArray(value)) return value.map((item) => this.fill(item))
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.fill(item)]))
  }

  fillText(text: string): string {
    return this.bound.get(text) ?? text.replace(ID, (id) => this.meaningOf(id))
  }

  /** Learns what recorded ids, times and texts stand for, each at first sight. */
  learn(recorded: Json | undefined, actual: Json | undefined, key = ''): void {
    if (actual === undefined || actual === null) return
    if (isObject(recorded) && isObject(actual)) {
      for (const name of Object.keys(recorded)) this.learn(recorded[name], actual[name], name)
    } else if (isPlaceholder(recorded, key) && !this.bound.has(String(recorded))) {
      this.bound.set(String(recorded), String(actual))
    }
  }

  /** Where a reply is not what was recorded, field by field. */
  differences({ path, response }: Exchange, actual: JsonObject): Difference[] {
    return this.compare(path, '', response, actual)
  }

  private compare(
    path: string,
    at: string,
    recorded: Json | undefined,
    actual: Json | undefined,
  ): Difference[] {
    if (isObject(recorded) && isObject(actual)) {
      return [...new Set([...Object.keys(recorded), ...Object.keys(actual)])].flatMap((key) =>
        this.compare(path, at === '' ? key : `${at}.${key}`, recorded[key], actual[key]),
      )
    }
    const meant = recorded === undefined ? undefined : this.fill(recorded)
    // of a time or an action its form tells too, not what it stands for alone
    const isText = isTime(recorded) || at.endsWith('action')
    const isSame = isText ? recorded === actual : isEqual(meant, actual)
    return isSame ? [] : [{ path, at, recorded, meant, actual }]
  }

  private meaningOf(id: string): string {
    const meaning = this.bound.get(id)
    if (meaning === undefined) throw new Error(`no reply has told what ${id} stands for`)
    return meaning
  }
}

/** The value with bare ids as texts: so a worker sends them that was told them so. */
export function withTextIds(value: Json): Json {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(withTextIds)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withTextIds(item)]))
}

function isPlaceholder(recorded: Json | undefined, key: string): boolean {
  if (typeof recorded === 'bigint' || isTime(recorded)) return true
  return typeof recorded === 'string' && (key === 'action' || /^\d{18}$/.test(recorded))
}

/** Whether two values are the same JSON; the order of keys tells nothing. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => isEqual(item, other[index]))
  }
  if (!isObject(one) || !isObject(other)) return one === other
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => key in other && isEqual(one[key], other[key]))
  )
}
