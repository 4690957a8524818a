// What a run of a schedule asks for.

import type { Start } from '../execution/service.ts'
import type { JsonObject } from '../json.ts'
import { renderValue } from '../template/index.ts'
import type { Definition } from './queries.ts'

type Runnable = Pick<Definition, 'path' | 'version' | 'parameters' | 'merge' | 'notify'> & {
  id: string
  name: string
  within: string | null
}

/**
 * The parameters as a run at a time gets them.
 * @throws TemplateError for a text that cannot be rendered
 */
export function parametersAt(
  { id, name, parameters }: Pick<Runnable, 'id' | 'name' | 'parameters'>,
  time: string,
): JsonObject {
  return renderValue(parameters, { schedule: { id, name, time } }) as JsonObject
}

/** How a run is started at a time. @throws TemplateError as parametersAt does */
export function startAt(schedule: Runnable, time: string): Omit<Start, 'occasion'> {
  const { id, name, path, version, merge, notify, within } = schedule
  return {
    request: {
      catalog_id: null,
      path,
      version: version === null ? 'latest' : String(version),
      type: 'playbook',
      parameters: parametersAt(schedule, time),
      merge,
      sync_to_postgres: true,
      parent_execution_id: null,
      parent_event_id: null,
      parent_step: null,
      metadata: { schedule: { id, name, time } },
      notify: [],
      labels: {},
    },
    requestor: {
      ip: null,
      user_agent: `noetl-edge schedule ${name}`,
      timestamp: new Date().toISOString(),
    },
    within,
    notify,
  }
}
