// Steps of type playbook: each is an execution of its own. The child's id is that of the parent's
// step_started event, so that however often the step's action begins, there is one child.

import { inputOf, PLAYBOOK, partsOf } from '../catalog/work.ts'
import { rowsOf } from '../db.ts'
import { AppError } from '../errors.ts'
import type { Known, Started } from '../event/commit.ts'
import { cancel, recordOwnEvent } from '../event/service.ts'
import { CHILD, nodeId } from '../event/types.ts'
import { startEntry } from '../execution/service.ts'
import type { JsonObject } from '../json.ts'
import { logError } from '../log.ts'
import { sendOf } from '../notification/send.ts'
import {
  type ChildRow,
  type EndedChildRow,
  findAncestors,
  findEndedChild,
  findOpenChildren,
  handOver,
} from '../queue/leases.ts'
import { claimOf, type Driver, goOn, takeUp } from './drive.ts'
import { type Ending, fitting, ToolError } from './tools/tool.ts'

/**
 * Runs a playbook as a child execution and goes on with it as far as this invocation does. Null when it
 * has not ended by then: it holds the job now, and who ends it reports to the parent.
 * @throws ToolError when the playbook cannot be started.
 */
export async function runChild(
  driver: Driver,
  parent: Known,
  job: Started,
  task: JsonObject,
): Promise<Ending | null> {
  const childId = job.step_event_id
  const path = String(task.path ?? task.resource_path)
  await checkNesting(driver, parent, path)
  driver.children.add(childId)
  try {
    const run = await startChild(driver, parent, job, task, path, childId)
    if (run) await goOn(driver, run.committed)
    else await takeUp(driver, childId)
    const held = { queue_id: job.queue_id, worker_id: driver.worker_id, child_id: childId }
    const [child] = await rowsOf<ChildRow>(handOver(driver.sql, held))
    return !child || child.handed ? null : outcomeOf(childId, path, child)
  } finally {
    driver.children.delete(childId)
  }
}

async function checkNesting({ sql, config }: Driver, { row }: Known, path: string): Promise<void> {
  const isChild = row.parent_event_id === row.execution_id
  const max = config.PLAYBOOK_DEPTH
  const above = isChild
    ? await rowsOf<{ path: string }>(findAncestors(sql, row.execution_id, max))
    : [{ path: row.path }]
  if (above.some((ancestor) => ancestor.path === path)) {
    throw new ToolError(`playbook '${path}' would run within itself`)
  }
  if (above.length >= max) throw new ToolError(`playbooks are nested more than ${max} deep`)
}

async function startChild(
  driver: Driver,
  { row }: Known,
  job: Started,
  task: JsonObject,
  path: string,
  childId: string,
) {
  const parameters = inputOf(task)
  const request = {
    catalog_id: null,
    path,
    version: String(task.version ?? 'latest'),
    type: 'playbook',
    parameters,
    merge: task.merge === true,
    sync_to_postgres: true,
    parent_execution_id: row.execution_id,
    parent_event_id: childId,
    parent_step: job.node_name,
    metadata: {},
    // its own playbook says who is told
    notify: [],
    labels: {},
  } as const
  const requestor = { ip: null, user_agent: 'noetl-edge', timestamp: new Date().toISOString() }
  try {
    const how = { request, requestor, within: row.within, childId }
    const outcome = await startEntry(driver, how, claimOf(driver))
    return 'run' in outcome ? outcome.run : null
  } catch (error) {
    // what is wrong with the playbook is the step's error; a database that is away is not
    if (!(error instanceof AppError) || error.code === 'unavailable') throw error
    throw new ToolError(error.message)
  }
}

function outcomeOf(childId: string, path: string, child: Omit<ChildRow, 'handed'>): Ending {
  if (child.status !== 'COMPLETED') {
    const why = child.error ?? 'without saying why'
    return { status: 'error', error: `playbook '${path}' failed: ${why}` }
  }
  try {
    const data = fitting(child.result, `the result of playbook '${path}'`)
    return { status: 'success', data, execution_id: childId }
  } catch (error) {
    return { status: 'error', error: (error as Error).message }
  }
}

/**
 * What follows from an execution's end for others: its parent goes on, its children end with it, and whoever is to
 * be told is told.
 * Never throws: what cannot be done now the sweeper does.
 */
export async function afterEnd(driver: Driver, known: Known): Promise<void> {
  const { row, playbook, state } = known
  announce(driver, known)
  const id = row.execution_id
  const isChild = row.parent_event_id === id
  const hasChildren = playbook.order.some(({ work }) =>
    partsOf(work).some(({ tool }) => tool === PLAYBOOK),
  )
  try {
    if (isChild && !driver.children.has(id)) await reportUp(driver, id)
    if (hasChildren && state.status === 'FAILED') await cancelChildren(driver, id)
  } catch (error) {
    logError(`execution ${id}: its end is not known to all`, error)
  }
}

/** Sends its notifications; nobody waits for who receives them. */
function announce(driver: Driver, { row }: Known): void {
  if (row.notifies) driver.later(sendOf(driver, row.execution_id))
}

/** Reports to its parent how a child has ended; nothing when the parent does not wait for it. */
export async function reportUp(driver: Driver, childId: string): Promise<void> {
  const [child] = await rowsOf<EndedChildRow>(findEndedChild(driver.sql, childId))
  if (!child) return
  const outcome = outcomeOf(childId, child.path, child)
  const node = {
    execution_id: child.parent_execution_id,
    node_id: nodeId(child.parent_execution_id, child.parent_step),
    node_name: child.parent_step,
    node_type: 'task',
    worker_id: CHILD + childId,
    meta: { worker_pool: 'edge', child_execution_id: childId },
    duration: child.duration ?? 0,
    result: { id: childId, ...outcome },
  }
  const done = { ...node, event_type: 'action_completed', status: 'COMPLETED' }
  const claim = claimOf(driver)
  try {
    if (outcome.status === 'error') {
      const failed = { ...node, event_type: 'action_error', status: 'FAILED', error: outcome.error }
      return await goOn(driver, (await recordOwnEvent(driver, failed, claim)).committed)
    }
    const { committed } = await recordOwnEvent(driver, done, claim)
    await recordOwnEvent(driver, { ...done, event_type: 'step_result', result: outcome.data }, null)
    await goOn(driver, committed)
  } catch (error) {
    // the parent's job is still with whoever started the child, and will be ended there
    if (!(error instanceof AppError && error.code === 'lease_lost')) throw error
  }
}

/** Cancels the children of an execution that has ended without them. */
async function cancelChildren(driver: Driver, executionId: string): Promise<void> {
  const rows = await rowsOf<{ execution_id: string }>(findOpenChildren(driver.sql, executionId))
  for (const { execution_id } of rows) await cancelChild(driver, execution_id)
}

/** Cancels a child whose parent has ended, and what is below it. */
export async function cancelChild(driver: Driver, childId: string): Promise<void> {
  try {
    const { committed } = await cancel(driver, childId, 'the playbook that it runs for has ended')
    if (!committed) return
    announce(driver, committed.known)
    await cancelChildren(driver, childId)
  } catch (error) {
    // it has ended by itself
    if (!(error instanceof AppError && error.code === 'conflict')) throw error
  }
}
