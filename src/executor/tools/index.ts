import { httpTool } from './http.ts'
import { postgresTool } from './postgres.ts'
import type { Tool } from './tool.ts'

/** The tools of the edge executor, by step type. */
export const TOOLS: Readonly<Record<string, Tool>> = { http: httpTool, postgres: postgresTool }
