// Schedules for tests, and the runs that they have started.
import { neon } from '@neondatabase/serverless'
import { type Client, chain } from '../support.ts'

let names = 0

/** A playbook whose runs wait for a worker; answers its path. */
export async function registered(client: Client): Promise<string> {
  const content = chain('work')
  await client.register(content)
  return /path: ([^,]+)/.exec(content)?.[1] ?? ''
}

/** A schedule, of each hour unless it says otherwise; answers its name and id. */
export async function given(client: Client, more: Record<string, unknown> = {}) {
  const name = `given-${Date.now()}-${++names}`
  const path = more.path ?? (await registered(client))
  const body = { name, cron: '0 * * * *', path, ...more }
  const reply = await client.post('/api/schedules', body)
  if (reply.status !== 200) throw new Error(reply.text)
  return { name: String(reply.body.name), id: String(reply.body.id), path: String(path) }
}

export type Given = Awaited<ReturnType<typeof given>>

export const sqlOf = (client: Client) => neon(client.env.DATABASE_URL as string)

/** It waits for the tick of the beginning of this minute, or of so many minutes before. */
export async function makeDue(client: Client, { id }: Given, minutes = 0): Promise<void> {
  await sqlOf(client)`update noetl.schedule
    set next_at = date_trunc('minute', now()) - make_interval(mins => ${minutes}) where schedule_id = ${id}`
}

/** The runs of a schedule, oldest first. */
export async function runsOf(client: Client, { id }: Pick<Given, 'id'>) {
  return sqlOf(client)`
    select x.execution_id::text as id, x.metadata -> 'schedule' ->> 'time' as time, x.metadata, x.requestor,
      x.workload, x.within, x.status, x.error, x.ended_at
    from noetl.execution x where x.metadata -> 'schedule' ->> 'id' = ${id} order by x.execution_id`
}

export async function shown(client: Client, { name }: Given) {
  const { body } = await client.get(`/api/schedules/${name}`)
  return body
}
