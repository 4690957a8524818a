// What the API answers, as far as the page reads it. The routes' declarations (src/**/schema.ts) say it whole.

import type { Json } from './json.ts'

export interface Fault {
  pointer: string
  detail: string
  line?: number
  column?: number
}

export interface Execution {
  id: string
  playbook_id: string
  playbook_name: string
  version?: number | string | null
  status: string
  start_time: string
  end_time: string | null
  duration: number | null
  progress: number
  result: Json
  error: string | null
  parent_execution_id?: string | null
  labels?: Record<string, string>
}

export interface LogEvent {
  event_id: string
  seq: number
  event_type: string
  node_id: string
  node_name: string
  node_type: string
  status: string
  duration: number
  created_at: string
  context: Json
  result: Json
  meta: Json
  error: string | null
}

export interface Detail extends Execution {
  events: LogEvent[]
  requestor?: {
    ip: string | null
    user_agent: string | null
    timestamp: string
    caller?: string | null
  }
  waiting_for?: { type: string; jobs: number; since: string; until?: string }[]
}

export interface Entry {
  catalog_id: string
  path: string
  version: number
  content: string
  payload: { [key: string]: Json }
  created_at: string
}

export interface PlaybookItem {
  id: string
  name: string
  version: number
  description: string | null
  created_at: string
  updated_at: string
  tasks_count: number
}

export interface Validation {
  valid: boolean
  faults?: Fault[]
}
