// How an execution begins.

import { START } from '../catalog/playbook.ts'
import { isObject, type Json } from '../json.ts'
import { type Batch, emit } from './batch.ts'
import { failExecution } from './finalize.ts'
import { startTimer } from './nodes.ts'
import { advance, firedBy, settleFired } from './transitions.ts'
import type { Draft } from './types.ts'

/** Emits execution_start and starts the first steps; a `start` with no work of its own is passed. */
export function startExecution(batch: Batch, start: Draft): void {
  const step = batch.playbook.steps.get(START)
  // validation saw to it that there is one
  if (!step) return failExecution(batch, START, `no step is called '${START}'`)
  const { fired, warnings, error } =
    step.work === null
      ? firedBy(batch, step, null, () => ({}))
      : { fired: [{ step: START, data: {} }], warnings: [], error: null }
  const context = isObject(start.context ?? null) ? (start.context as Record<string, Json>) : {}
  batch.cause = emit(batch, {
    ...start,
    context: {
      ...context,
      next: fired as unknown as Json,
      ...(warnings.length > 0 && { warnings }),
    },
  })
  const { timeout } = batch.playbook
  if (timeout !== null) startTimer(batch, '', timeout, {}, batch.cause)
  settleFired(batch, step, fired, error)
  advance(batch)
}
