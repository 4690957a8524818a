// Runs that others have taken the place of are cancelled.

import { rowsOf } from '../db.ts'
import { AppError } from '../errors.ts'
import { cancel } from '../event/service.ts'
import { type Driver, goOn } from '../executor/drive.ts'
import { logError } from '../log.ts'
import { dropReplaced, findReplaced, type OverlapTable } from './overlap.ts'

const KEYS = { 'noetl.hook': 'hook_id', 'noetl.schedule': 'schedule_id' }

/**
 * Cancels the runs that others have taken the place of: those of one row, or, for the sweeper, of all. What fails is
 * left to the next sweep.
 */
export async function cancelReplaced(
  driver: Driver,
  table: OverlapTable,
  id: string | null = null,
): Promise<void> {
  const { sql } = driver
  const key = KEYS[table]
  const rows = await rowsOf<{ id: string; replaced: string[] }>(findReplaced(sql, table, key, id))
  for (const row of rows) {
    try {
      for (const executionId of row.replaced) await cancelOne(driver, executionId)
      await rowsOf(dropReplaced(sql, table, key, row.id, row.replaced))
    } catch (error) {
      logError(`${table} ${row.id}: a run that was replaced is not cancelled yet`, error)
    }
  }
}

/** Cancels the run that a new one has taken the place of; what fails is left to the sweeper. */
export async function cancelDisplaced(
  driver: Driver,
  table: OverlapTable,
  id: string,
  executionId: string,
): Promise<void> {
  try {
    await cancelOne(driver, executionId)
    await rowsOf(dropReplaced(driver.sql, table, KEYS[table], id, [executionId]))
  } catch (error) {
    logError(`execution ${executionId}: it was replaced and is not cancelled yet`, error)
  }
}

async function cancelOne(driver: Driver, executionId: string): Promise<void> {
  const reason = 'a newer run takes its place'
  const { committed } = await cancel(driver, executionId, reason).catch(ended)
  await goOn(driver, committed)
}

/** It had ended by itself, or is kept no longer. */
function ended(error: unknown): { committed: null } {
  if (error instanceof AppError && (error.code === 'conflict' || error.code === 'not_found')) {
    return { committed: null }
  }
  throw error
}
