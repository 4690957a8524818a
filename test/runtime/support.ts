// Runtimes under names of their own, and time that passes for them.
import { neon } from '@neondatabase/serverless'
import { expect } from 'vitest'
import type { Client } from '../support.ts'

let names = 0
export const newName = () => `runtime-${Date.now()}-${++names}`

export const ID = expect.stringMatching(/^\d{15,19}$/)
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)

/** Lets so many seconds pass since a runtime was last heard of. */
export async function age(client: Client, name: string, seconds: number): Promise<void> {
  const sql = neon(client.env.DATABASE_URL as string)
  await sql`update noetl.runtime set heartbeat = now() - make_interval(secs => ${seconds}),
    created_at = now() - make_interval(secs => ${seconds}), updated_at = now() - make_interval(secs => ${seconds})
    where name = ${name}`
}

/** The rows of a name; ids as text. */
export async function rowsNamed(client: Client, name: string) {
  const sql = neon(client.env.DATABASE_URL as string)
  return await sql`select runtime_id::text as id, * from noetl.runtime where name = ${name}`
}

/** All items of a list, page by page. */
export async function allListed(client: Client, path: string, limit = 100) {
  const items: Record<string, unknown>[] = []
  for (let query = `?limit=${limit}`; query !== ''; ) {
    const { headers, body } = await client.get(path + query)
    items.push(...body.items)
    const cursor = headers.get('x-next-cursor')
    query = cursor === null ? '' : `?limit=${limit}&cursor=${cursor}`
  }
  return items
}

/** The item of a list that has this name. */
export async function listed(client: Client, name: string, path = '/api/worker/pools') {
  const items = await allListed(client, path)
  // biome-ignore lint/suspicious/noExplicitAny: as a reply's body
  return items.find((item) => item.name === name) as any
}
