// Live streams, and the log as lines.
import { bad, good } from '../line.ts'
import * as world from '../world.ts'

const STREAM = 'GET /api/executions/{execution_id}/stream'
const LINES = 'GET /api/executions/{execution_id}/events.ndjson'
const CHANGES = 'GET /api/stream'

const ofOne = ({ id }: { id: string }) => ({ params: { execution_id: id } })
const TIMES = [0, 1, 2, 3, 4, 5, 6]

const both = [STREAM, LINES].flatMap((on) => [
  bad(on, 'that is not there', {
    send: ofOne({ id: world.NOBODY }),
    code: 'not_found',
    detail: `Execution '${world.NOBODY}' not found.`,
  }),
  bad(on, 'after no number', {
    given: world.running,
    send: (given) => ({ ...ofOne(given), query: { after: 'x' } }),
    code: 'invalid_input',
    detail: /^invalid query: \/after /,
    pointers: ['/after'],
  }),
])

export const streams = [
  good(STREAM, {
    given: world.ended,
    send: ofOne,
    reply: 'text',
    is: ({ id }) => [
      /^retry: 2000\n\nevent: execution\ndata: \{/,
      RegExp(`\\n\\nid: 1\\nevent: execution_start\\ndata: \\{.*"execution_id" : "${id}"`),
      /\n\nid: 7\nevent: step_result\ndata: \{.*\}\n\n/,
    ],
  }),
  good(STREAM, {
    as: 'from where it was',
    given: world.ended,
    send: (given) => ({ ...ofOne(given), headers: { 'last-event-id': '6' } }),
    reply: 'text',
    is: [/^retry: 2000\n\nevent: execution\ndata: .*\n\nid: 7\nevent: step_result\n/],
  }),
  bad(STREAM, 'after a header that is no number', {
    given: world.running,
    send: (given) => ({ ...ofOne(given), headers: { 'last-event-id': 'x' } }),
    code: 'invalid_input',
    detail: /^invalid header: \/last-event-id /,
    pointers: ['/last-event-id'],
  }),
  good(LINES, {
    given: world.ended,
    send: ofOne,
    reply: 'text',
    is: [RegExp(`^${TIMES.map(() => '\\{.*\\}\\n').join('')}$`)],
  }),
  good(LINES, {
    as: 'after a seq',
    given: world.ended,
    send: (given) => ({ ...ofOne(given), query: { after: 6 } }),
    reply: 'text',
    is: [/^\{.*"seq" : 7,.*\}\n$/],
  }),
  ...both,
  good(CHANGES, {
    reply: 'text',
    is: [/^retry: 2000\n\nid: \S+\nevent: reset\ndata: \{\}\n\n$/],
  }),
  good(CHANGES, {
    as: 'of a folder, and of a status',
    send: { query: { path_prefix: 'test/', status: 'done' } },
    reply: 'text',
    is: [/event: reset/],
  }),
  bad(CHANGES, 'of no status', {
    send: { query: { status: 'elsewhere' } },
    code: 'invalid_input',
    detail: "unknown status 'elsewhere'",
    pointers: ['/status'],
  }),
]
