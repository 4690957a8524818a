// JSON, folded: what is deep opens when it is asked for; long texts are cut.

import { useState } from 'preact/hooks'
import { cut } from './format.ts'
import { isObject, type Json, toJson } from './json.ts'

const LONG = 240
const MANY = 50

/** Whether a value has a text somewhere, in a key or a value. */
export function hasText(value: Json, text: string): boolean {
  return text !== '' && toJson(value).toLowerCase().includes(text.toLowerCase())
}

export function Tree({
  value,
  open = 1,
  find = '',
}: {
  value: Json
  open?: number
  find?: string
}) {
  return (
    <div class="tree">
      <Value value={value} open={open} find={find} />
    </div>
  )
}

interface Shown<T> {
  value: T
  open: number
  find: string
  /** Its key, where it has one. */
  name?: string
}

function Value({ value, ...shown }: Shown<Json>) {
  if (value !== null && typeof value === 'object' && Object.keys(value).length > 0)
    return <Branch value={value} {...shown} />
  const { name, find } = shown
  return (
    <>
      <Key name={name} find={find} />
      {typeof value === 'string' ? <Text text={value} find={find} /> : <Plain value={value} />}
    </>
  )
}

function Plain({ value }: { value: Exclude<Json, string> }) {
  if (value !== null && typeof value === 'object')
    return <span class="muted">{Array.isArray(value) ? '[]' : '{}'}</span>
  return <span class={`t-${value === null ? 'null' : typeof value}`}>{String(value)}</span>
}

function Key({ name, find }: { name: string | undefined; find: string }) {
  if (name === undefined) return null
  return (
    <>
      <span class="t-key">
        <Found text={name} find={find} />
      </span>
      {': '}
    </>
  )
}

function Branch({ value, open, find, name }: Shown<Json[] | { [key: string]: Json }>) {
  const entries = Object.entries(value)
  const isList = Array.isArray(value)
  const isFound = find !== '' && hasText(value, find)
  const [isOpen, setOpen] = useState<boolean | null>(null)
  const [shown, setShown] = useState(MANY)
  const opened = isOpen ?? (open > 0 || isFound)
  return (
    <details open={opened} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Key name={name} find={find} />
        <span class="muted">
          {isList ? `[${entries.length}]` : `{${entries.length}}`}
          {!opened &&
            ` ${cut(isList ? entries.map(([, item]) => briefly(item)).join(', ') : entries.map(([key]) => key).join(', '), 60)}`}
        </span>
      </summary>
      {opened && (
        <ul>
          {entries.slice(0, shown).map(([key, item]) => (
            <li key={key}>
              <Value name={key} value={item} open={open - 1} find={find} />
            </li>
          ))}
          {entries.length > shown && (
            <li>
              <button type="button" class="plain" onClick={() => setShown(shown + 10 * MANY)}>
                {entries.length - shown} more
              </button>
            </li>
          )}
        </ul>
      )}
    </details>
  )
}

const briefly = (value: Json): string =>
  isObject(value) ? '{…}' : Array.isArray(value) ? '[…]' : cut(String(value), 20)

function Text({ text, find }: { text: string; find: string }) {
  const [isWhole, setWhole] = useState(false)
  const isLong = text.length > LONG
  const shown = isLong && !isWhole ? text.slice(0, LONG) : text
  return (
    <span class={text.includes('\n') ? 't-string t-lines' : 't-string'}>
      <Found text={shown} find={find} />
      {isLong && (
        <button type="button" class="plain" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'less' : `… ${(text.length - LONG).toLocaleString('en')} more`}
        </button>
      )}
    </span>
  )
}

/** A text in which what is looked for is marked. */
export function Found({ text, find }: { text: string; find: string }) {
  if (find === '') return <>{text}</>
  const at = text.toLowerCase().indexOf(find.toLowerCase())
  if (at < 0) return <>{text}</>
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + find.length)}</mark>
      <Found text={text.slice(at + find.length)} find={find} />
    </>
  )
}
