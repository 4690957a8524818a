// How an execution ends: once, and nothing starts after it.

import { END } from '../catalog/playbook.ts'
import { type Json, type JsonObject, toJson } from '../json.ts'
import { scrub, scrubText } from '../redact/forms.ts'
import { namesInValue, renderValue, TemplateError } from '../template/index.ts'
import { type Batch, decisionContext, emit, scopeOfNode } from './batch.ts'
import { hasStarted } from './state.ts'

/** Emits execution_complete, with the `result` of the end step if a branch has reached one. */
export function completeExecution(batch: Batch): void {
  const end = batch.playbook.steps.get(END)
  const { state, playbook } = batch
  const reached = state.waiting.has(END) || hasStarted(state, playbook, END)
  const mapping = end && reached ? end.result : null
  let result: Json = null
  if (mapping) {
    const mentioned = namesInValue(mapping).filter((name) => playbook.steps.has(name))
    const passed = end?.work && hasStarted(state, playbook, END) ? scopeOfNode(batch, END) : null
    const extra = { ...(passed ?? state.waiting.get(END)), result: state.result }
    const context = decisionContext(batch, mentioned, extra)
    try {
      result = scrub(renderValue(mapping, context, { onUndefined: 'keep' }) as Json)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      return failExecution(batch, END, `result: ${error.message} in ${error.expression}`)
    }
  }
  emit(batch, {
    event_type: 'execution_complete',
    node_name: end ? END : batch.facts.name,
    node_type: 'playbook',
    status: 'COMPLETED',
    parent: batch.cause,
    context: { reason: 'workflow_complete' },
    result,
  })
}

/** Emits step_failed and execution_failed: one failed step fails the execution at once. */
export function failExecution(batch: Batch, step: string, error: Json): void {
  const text = scrubText(typeof error === 'string' ? error : toJson(error))
  batch.cause = emit(batch, {
    event_type: 'step_failed',
    node_name: step,
    node_type: 'step',
    status: 'FAILED',
    parent: batch.cause,
    context: { step_name: step },
    error: text,
  })
  failWhole(batch, 'step_failed', text, { step_name: step })
}

/** Emits execution_failed. */
export function failWhole(
  batch: Batch,
  reason: string,
  error: string,
  context: JsonObject = {},
): void {
  emit(batch, {
    event_type: 'execution_failed',
    node_name: batch.facts.name,
    node_type: 'playbook',
    status: 'FAILED',
    parent: batch.cause,
    context: { reason, ...context },
    error,
  })
}
