import { httpTool } from './http.ts'
import { postgresTool } from './postgres.ts'
import type { Tool } from './tool.ts'
import { transformTool } from './transform.ts'

/** The step type that is run as an execution of its own. */
export const PLAYBOOK = 'playbook'

/** The tools of the edge executor, by step type. */
export const TOOLS: Readonly<Record<string, Tool>> = {
  http: httpTool,
  postgres: postgresTool,
  transform: transformTool,
}
