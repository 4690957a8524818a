// Executions whose ends somebody is told of.
import { neon } from '@neondatabase/serverless'
import { type Client, chain, playbook } from '../support.ts'

/** The database of a client, beside it. */
export const databaseOf = (client: Client) => neon(client.env.DATABASE_URL as string)

/** A playbook that ends as soon as it starts, with its parameters' `n` as result. */
export const atOnce = (head = '') =>
  playbook('  - {step: start, next: end}\n  - {step: end, result: {n: "{{ workload.n }}"}}', head)

/** One that does a step here first. */
export const inSteps = (head = '') =>
  playbook(
    '  - {step: start, next: a}\n  - {step: a, type: transform, data: [1], next: end}\n  - {step: end, result: {n: "{{ a }}"}}',
    head,
  )

/** One that fails. */
export const failing = () =>
  playbook(
    '  - {step: start, next: a}\n  - {step: a, type: transform, data: "{{ nothing }}", next: end}\n  - {step: end}',
  )

/** One that waits for a worker, until it is cancelled. */
export const waiting = () => chain('a')

/** Starts a run of a playbook's text; waits until nothing goes on. */
export async function runOf(client: Client, content: string, request: Record<string, unknown>) {
  const catalog_id = await client.register(content)
  const reply = await client.post('/api/executions/run', { catalog_id, ...request })
  if (reply.status !== 200) throw new Error(reply.text)
  return String(reply.body.execution_id)
}

/** The notifications of an execution, oldest first. */
export async function notificationsOf(client: Client, executionId: string) {
  const { body } = await client.get(`/api/notifications?execution_id=${executionId}`)
  return body.items.reverse()
}

/** Makes what is put off due now, for this execution alone. */
export async function bringForward(client: Client, executionId: string): Promise<void> {
  await databaseOf(client)`update noetl.notification set available_at = now() - interval '1 second'
    where execution_id = ${executionId} and status = 'pending'`
}
