import { httpTool } from './http.ts'
import { javascriptTool } from './javascript.ts'
import { postgresTool } from './postgres.ts'
import { saveTool } from './save.ts'
import { secretsTool } from './secrets.ts'
import type { Tool } from './tool.ts'
import { transformTool } from './transform.ts'
import { timeoutTool, waitTool } from './wait.ts'

/** The tools of the edge executor, by step type. */
export const TOOLS: Readonly<Record<string, Tool>> = {
  http: httpTool,
  javascript: javascriptTool,
  postgres: postgresTool,
  secrets: secretsTool,
  save: saveTool,
  transform: transformTool,
  wait: waitTool,
  timeout: timeoutTool,
}

/** Tools that send what they get elsewhere, so that secrets take the place of their references. */
export const REVEALING: ReadonlySet<string> = new Set(['http', 'postgres', 'javascript', 'save'])
