// What the views of many things share: a table, what stands in its place, and its pages.

import type { ComponentChildren } from 'preact'
import type { Resource } from './hooks.ts'
import { Empty, Loaded } from './parts.tsx'
import { canGoBack, setQuery, useLocation } from './router.tsx'

/**
 * A column's head, what stands below it, and how that looks: `main-cell` takes the room that is left, `wide-only` is not
 * on phones, of `quiet` ones the head is not seen.
 */
export type Column<T> = readonly [head: string, cell: (item: T) => ComponentChildren, look?: string]

interface TableProps<T> {
  caption: string
  columns: readonly Column<T>[]
  keyOf: (item: T) => string | number
  items: readonly T[]
  /** What more a row has. */
  row?: (item: T) => { class?: string; onClick?: (event: MouseEvent) => void }
  look?: string
  onKeyDown?: (event: KeyboardEvent & { currentTarget: HTMLElement }) => void
}

export function Table<T>({
  caption,
  columns,
  keyOf,
  items,
  row,
  look = '',
  onKeyDown,
}: TableProps<T>) {
  return (
    <div class="scroll">
      <table class={`list ${look}`}>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(([head, , look = '']) => (
              <th scope="col" key={head} class={look}>
                {look.includes('quiet') ? <span class="hidden">{head}</span> : head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={onKeyDown}>
          {items.map((item) => (
            <tr key={keyOf(item)} {...row?.(item)}>
              {columns.map(([head, cell, look]) => (
                <td key={head} class={look}>
                  {cell(item)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface ListingProps<T> {
  of: Resource<readonly T[] | { items: readonly T[] }>
  what: string
  empty: ComponentChildren
}

/** A page of many, once it is there; what stands in its place until then, or when there are none; the other pages. */
export function Listing<T>({
  of,
  what,
  empty,
  children,
}: ListingProps<T> & { children: (items: readonly T[]) => ComponentChildren }) {
  return (
    <>
      <Loaded of={of} what={what}>
        {(data) => {
          const items = 'items' in data ? data.items : data
          return items.length === 0 ? <Empty>{empty}</Empty> : children(items)
        }}
      </Loaded>
      <Pager next={of.next} />
    </>
  )
}

/** The same, of one table. */
export function TableListing<T>({
  of,
  what,
  empty,
  ...table
}: ListingProps<T> & Omit<TableProps<T>, 'items'>) {
  return (
    <Listing of={of} what={what} empty={empty}>
      {(items) => <Table {...table} items={items} />}
    </Listing>
  )
}

function Pager({ next }: { next: string | null }) {
  const cursor = useLocation().query.get('cursor')
  if (!cursor && !next) return null
  // a page is read from its beginning
  const go = (to: string | null) => {
    setQuery({ cursor: to })
    scrollTo(0, 0)
  }
  return (
    <nav class="pager" aria-label="Pages">
      <button type="button" disabled={!cursor} onClick={() => go(null)}>
        ⇤ First
      </button>
      <button
        type="button"
        disabled={!cursor}
        onClick={() => (canGoBack() ? history.back() : go(null))}
      >
        ← Back
      </button>
      <button type="button" disabled={!next} onClick={() => go(next)}>
        Next →
      </button>
    </nav>
  )
}
