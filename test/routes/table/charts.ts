// Charts of executions, and of playbooks.
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const TIMELINE = 'GET /api/executions/{execution_id}/timeline'
const GRAPH = 'GET /api/executions/{execution_id}/graph'
const PLAYBOOK = 'GET /api/catalog/playbook/graph'

const SPAN = {
  node: 'text',
  step: 'text',
  kind: 'text',
  index: 'int|null',
  tool: 'text|null',
  status: 'text',
  start_time: 'time',
  end_time: 'time|null',
  duration: 'number|null',
  waiting_seconds: 'number|null',
  attempts: 'list',
  parent: 'text|null',
  child_execution_id: 'text|null',
  iterations: 'object|null',
}

const CHART = {
  path: 'text',
  version: 'int',
  nodes: [{ step: 'text', type: 'text', status: 'text', attempts: 'int', iterations: 'any' }],
  edges: [{ from: 'text', to: 'text', when: 'text|null', else: 'bool', fired: 'bool' }],
}

/** An execution that has iterated. */
async function iterated() {
  const { content, path } = world.text()
  const each =
    'type: iterator, collection: [1, 2], element: n, task: {type: transform, data: "{{ n }}"}'
  const iterating = content.replace('type: python, code: "def main(): pass"', each)
  const playbook = await world.registered({ path, content: iterating })
  const { execution_id } = await world.must('POST', '/api/executions/run', {
    catalog_id: playbook.catalog_id,
  })
  return { ...playbook, id: String(execution_id) }
}

export const charts = [
  good(TIMELINE, {
    given: iterated,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: {
      execution: { id: 'id', status: 'status', start_time: 'time', end_time: 'time', now: null },
      spans: [SPAN],
    },
    is: {
      spans: [
        { node: 'work', iterations: { total: 2, done: 2, failed: 0, collapsed: 0 } },
        { node: 'work[0]', index: 0, parent: 'work' },
        { node: 'work[1]', attempts: [{ n: 1, status: 'COMPLETED', worker: 'edge' }] },
      ],
    },
  }),
  good(TIMELINE, {
    as: 'of one that runs',
    given: world.leased,
    send: ({ id }) => ({ params: { execution_id: id }, query: { min_version: 2 } }),
    reply: {
      execution: { id: 'id', status: 'status', start_time: 'time', end_time: null, now: 'time' },
      spans: [SPAN],
    },
    is: { spans: [{ node: 'work', status: 'waiting', end_time: null, attempts: [] }] },
  }),
  good(TIMELINE, {
    as: 'of the iterations of a step',
    given: iterated,
    send: ({ id }) => ({
      params: { execution_id: id },
      query: { expand: 'work', after: 0, limit: 1 },
    }),
    reply: { execution: 'object', spans: [SPAN] },
    is: { spans: [{ node: 'work[0]' }] },
  }),
  bad(TIMELINE, 'with what is no page', {
    given: world.running,
    send: ({ id }) => ({
      params: { execution_id: id },
      query: { after: -1, limit: 2_001, min_version: 'x', expand: '' },
    }),
    code: 'invalid_input',
    detail: /^invalid query: /,
    pointers: ['/min_version', '/after', '/limit', '/expand'],
  }),
  good(GRAPH, {
    given: iterated,
    send: ({ id }) => ({ params: { execution_id: id } }),
    reply: { ...CHART, execution: { id: 'id', status: 'status' } },
    is: {
      nodes: [
        { step: 'start', status: 'completed' },
        { step: 'work', type: 'iterator', iterations: { total: 2, done: 2, failed: 0 } },
        { step: 'end', status: 'completed' },
      ],
    },
  }),
  bad(GRAPH, 'with a version that is none', {
    given: world.running,
    send: ({ id }) => ({ params: { execution_id: id }, query: { min_version: -1 } }),
    code: 'invalid_input',
    detail: /^invalid query: \/min_version /,
    pointers: ['/min_version'],
  }),
  ...[TIMELINE, GRAPH].flatMap((on) =>
    [world.NOBODY, 'x'].map((id) =>
      bad(on, `of ${id}`, {
        send: { params: { execution_id: id } },
        code: 'not_found',
        detail: `Execution '${id}' not found.`,
      }),
    ),
  ),
  good(PLAYBOOK, {
    given: world.registered,
    send: ({ path }) => ({ query: { playbook_id: path, version: 1 } }),
    reply: { ...CHART, execution: null },
    is: ({ path }) => ({ path, version: 1, nodes: [{}, { step: 'work', status: 'pending' }, {}] }),
  }),
  bad(PLAYBOOK, 'without a path', {
    send: {},
    code: 'invalid_input',
    detail: /^invalid query: \/playbook_id /,
    pointers: ['/playbook_id'],
  }),
  bad(PLAYBOOK, 'of what is not there', {
    send: { query: { playbook_id: 'no/such' } },
    code: 'not_found',
    detail: "Playbook 'no/such' with version 'latest' not found.",
  }),
]
