// A server for the exchanges, with a queue of its own: a worker's leases name no tool and take any job.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { neonConfig } from '@neondatabase/serverless'
import { type Server, startServer } from '../../../bench/server.ts'
import type { JsonObject } from '../../../src/json.ts'
import { EXCHANGES } from './exchanges.ts'

const EXAMPLE = join(import.meta.dirname, '../../../examples/create_tables.yaml')

/** What one run leaves when a worker does it, in NoETL's order; the last result comes after the end. */
export const LOG = [
  'execution_start:create_tables',
  'step_started:create_readings',
  'action_started:create_readings',
  'action_completed:create_readings',
  'step_completed:create_readings',
  'step_started:create_sensors',
  'step_result:create_readings',
  'action_started:create_sensors',
  'action_completed:create_sensors',
  'step_completed:create_sensors',
  'step_started:create_daily',
  'step_result:create_sensors',
  'action_started:create_daily',
  'action_completed:create_daily',
  'step_completed:create_daily',
  'execution_complete:end',
  'step_result:create_daily',
]

/** Who starts the run; workers are told it. */
export const HEADERS = { 'user-agent': 'curl/7.88.1' }

/** Starts a server that runs nothing itself and has the example with its credential. */
export async function startExample(database?: string): Promise<Server & { catalogId: string }> {
  const server = await startServer({ EDGE_TOOLS: '' }, database)
  neonConfig.fetchEndpoint = server.endpoint
  const content = readFileSync(EXAMPLE, 'utf8')
  const { catalog_id } = await server.must('POST', '/api/catalog/register', { content })
  const recorded = EXCHANGES.find(({ path }) => path.startsWith('/api/credentials'))
  await server.must('POST', '/api/credentials', recorded?.response)
  return { ...server, catalogId: String(catalog_id) }
}

/** The events of an execution, in their order. */
export async function eventsOf(server: Server, id: string): Promise<JsonObject[]> {
  const { events } = await server.must('GET', `/api/execution/data/${id}`)
  return events as JsonObject[]
}

/** An event as LOG has it. */
export const lineOf = ({ event_type, node_name }: JsonObject) => `${event_type}:${node_name}`
