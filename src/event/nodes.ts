// The life of a node, be it a step or an iteration: its action or its iterations, then its save, then its
// end. Pure.

import { partOf, saveOf, timerOf, workOf } from '../catalog/nodes.ts'
import type { Work } from '../catalog/work.ts'
import type { Json, JsonObject } from '../json.ts'
import { isTerminal } from '../status.ts'
import { namesInValue, renderValue, TemplateError } from '../template/index.ts'
import { type Batch, dataOfNode, decisionContext, emit, scopeOfNode } from './batch.ts'
import { failExecution, failWhole } from './finalize.ts'
import { endIteration, startIterator } from './iterators.ts'
import { isAwaited, reportData } from './state.ts'
import { leaveStep } from './transitions.ts'
import { type Draft, dataOf } from './types.ts'

/** The tool of a timer's job: when it begins, the time of its node is over. */
const TIMEOUT = 'timeout'

/** Begins what a node does. @param data what was passed on to it */
export function startNode(
  batch: Batch,
  node: string,
  work: Work,
  data: JsonObject,
  startedBy: string | number | null,
): void {
  batch.cause = startedBy
  if (work.timeout !== null) startTimer(batch, node, work.timeout, data, startedBy)
  if (!isAwaited(batch.state, node)) return
  if (work.iterator) startIterator(batch, node, work, data)
  else batch.jobs.push({ node, work, data, startedBy })
}

/** Limits the time of a node; '' is the whole execution. */
export function startTimer(
  batch: Batch,
  node: string,
  timeout: Json,
  data: JsonObject,
  startedBy: string | number | null,
): void {
  let seconds = 0
  try {
    const mentioned = namesInValue(timeout).filter((name) => batch.playbook.steps.has(name))
    seconds = Number(renderValue(timeout, decisionContext(batch, mentioned, data)))
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return failNode(batch, node, `timeout: ${error.message} in ${error.expression}`)
  }
  if (!(seconds > 0 && Number.isFinite(seconds))) {
    return failNode(batch, node, `timeout is no number of seconds above zero`)
  }
  const action = { type: TIMEOUT, seconds }
  const work = { tool: TIMEOUT, action, names: [] }
  batch.jobs.push({ node: timerOf(node), work, data: {}, startedBy, delay: seconds })
}

/** Whether a report on a node says what it waits for. */
export function isDeciding({ state, playbook }: Batch, node: string): boolean {
  const part = partOf(node)
  if (part?.part !== 'timeout') return isAwaited(state, node)
  if (part.whole === '') return playbook.timeout !== null && !isTerminal(state.status)
  return state.active.has(part.whole) && workOf(playbook, part.whole)?.timeout != null
}

/** Answers the end of an action. @param event the report's id or place */
export function answer(batch: Batch, report: Draft, event: string | number): void {
  const { node_name: node, result = null } = report
  const part = partOf(node)
  const failed = report.event_type === 'action_error'
  const error = report.error ?? 'the action failed without saying why'
  batch.cause = event
  batch.closed.push({ node, failed })
  if (part?.part === 'timeout') return timeOut(batch, part.whole, report)
  if (part?.part === 'save') {
    const { whole } = part
    if (failed) return failNode(batch, whole, `save: ${error}`)
    const data = dataOfNode(batch, whole)
    reportData(batch.state, whole, data)
    return endNode(batch, whole, data)
  }
  const work = workOf(batch.playbook, node)
  if (!work) return
  if (failed) return failNode(batch, node, error)
  const data = dataOf(result)
  reportData(batch.state, node, data)
  actionDone(batch, node, work, data)
}

function timeOut(batch: Batch, node: string, { result = null, error }: Draft): void {
  const seconds = (dataOf(result) as JsonObject | null)?.seconds ?? '?'
  const text = error ?? `timed out after ${seconds} s`
  if (node === '') return failWhole(batch, 'timeout', text)
  batch.dropped.push(node)
  failNode(batch, node, text)
}

/** What follows when a node's action, or its iterations, are done: its save, or its end. */
export function actionDone(batch: Batch, node: string, work: Work, data: Json): void {
  if (!work.save) return endNode(batch, node, data)
  const scope = scopeOfNode(batch, node)
  const startedBy = emit(batch, {
    event_type: 'save_started',
    node_name: saveOf(node),
    node_type: 'save',
    status: 'RUNNING',
    parent: batch.cause,
  })
  batch.jobs.push({ node: saveOf(node), work: work.save, data: scope, startedBy })
}

function endNode(batch: Batch, node: string, data: Json): void {
  dropTimer(batch, node)
  if (partOf(node)) return endIteration(batch, node, { data, error: null })
  const step = batch.playbook.steps.get(node)
  if (step) leaveStep(batch, step, data)
}

/** A node fails for good: an iteration is counted by its iterator, a step fails the execution. */
export function failNode(batch: Batch, node: string, error: Json): void {
  if (!partOf(node)) return failExecution(batch, node, error)
  dropTimer(batch, node)
  // what it has begun is no longer wanted
  for (const other of batch.state.active) {
    if (other.startsWith(`${node}[`)) batch.dropped.push(other, timerOf(other))
  }
  endIteration(batch, node, { data: null, error: String(error) })
}

function dropTimer(batch: Batch, node: string): void {
  const timeout = workOf(batch.playbook, node)?.timeout ?? null
  if (timeout !== null) batch.dropped.push(timerOf(node))
}
