/** A page of rows that were read with one more than `limit`, and the id that the next page begins after, if there is one. */
export function pageOf<Row extends { id: string }>(rows: Row[], limit: number) {
  const items = rows.slice(0, limit)
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
