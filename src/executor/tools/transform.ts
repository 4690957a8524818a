// The transform tool: its templates are its work.

import { type Call, ToolError, type ToolResult } from './tool.ts'

/** Gives the step's `data`, whose templates have been rendered. */
export async function transformTool({ task }: Call): Promise<ToolResult> {
  if (task.data === undefined) throw new ToolError('a transform step needs data')
  return { status: 'success', data: task.data }
}
