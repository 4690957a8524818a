import { access } from './access.ts'
import { catalog } from './catalog.ts'
import { charts } from './charts.ts'
import { executions } from './executions.ts'
import { hooks } from './hooks.ts'
import { notifications } from './notifications.ts'
import { others } from './others.ts'
import { queue } from './queue.ts'
import { runtimes } from './runtimes.ts'
import { schedules } from './schedules.ts'
import { streams } from './streams.ts'

/** All lines. */
export const TABLE = [
  ...executions,
  ...charts,
  ...streams,
  ...queue,
  ...runtimes,
  ...catalog,
  ...hooks,
  ...schedules,
  ...notifications,
  ...others,
  ...access,
]
