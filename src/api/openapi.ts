// The API's description, OpenAPI 3.1, made of the declarations that the routes stand under.

import * as z from 'zod'
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi'
import { Problem, type ProblemCode, problemStatus, problemTitle } from '../errors.ts'
import type { Declaration } from '../operation.ts'

/** A route and what it was declared as. */
export interface Operation {
  method: string
  /** In Hono's form: `/api/executions/:execution_id`, `/api/files/:name{.+}`. */
  path: string
  declaration: Declaration
}

/** Areas, by where their paths begin: the first that fits names the operation's tag. */
const TAGS: readonly (readonly [prefix: string, tag: string])[] = [
  ['/api/catalog', 'Catalog'],
  ['/api/playbooks', 'Catalog'],
  ['/api/credentials', 'Credentials'],
  ['/api/queue', 'Queue'],
  ['/api/jobs', 'Queue'],
  ['/api/context', 'Queue'],
  ['/api/worker', 'Worker pools'],
  ['/api/runtime', 'Worker pools'],
  ['/api/broker/evaluate', 'Executions'],
  ['/api/iterator', 'Executions'],
  ['/api/workflow', 'Executions'],
  ['/api/aggregate', 'Executions'],
  ['/api/broker', 'Worker pools'],
  ['/api/schedules', 'Schedules'],
  ['/api/dashboard', 'Dashboard'],
  ['/api/notifications', 'Notifications'],
  ['/api/events', 'Events'],
  ['/api/exec', 'Executions'],
  ['/api/stream', 'Executions'],
  ['/api/hooks', 'Hooks'],
  ['/hooks', 'Hooks'],
  ['/api/keys', 'Access'],
  ['/api/audit', 'Access'],
]
const OTHER_TAG = 'Service'

const PARAMETERS: Readonly<Record<string, string>> = {
  execution_id: 'an execution',
  event_id: 'an event',
  identifier: 'a name, or an id (digits only)',
  notification_id: 'a notification',
  queue_id: "a job's lease",
  playbook_id: "a playbook's path",
  name: 'its name',
  row_id: 'a delivery',
  key_id: 'an API key',
}

const ETAG = 'ETags of what the sender has; one that still holds is answered with 304'

/** The document. @param version of the product */
export function describeApi(operations: readonly Operation[], version: string) {
  const paths: ZodOpenApiPathsObject = {}
  for (const { method, path: pattern, declaration } of operations) {
    // what a parameter may hold is told by its description
    const path = pattern.replace(/\{[^}]*\}/g, '')
    const key = path.replace(/:(\w+)/g, '{$1}')
    paths[key] = { ...paths[key], [method.toLowerCase()]: operationOf(method, path, declaration) }
  }
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'noetl-edge',
      version,
      description:
        'Runs playbooks. Ids are strings (64-bit integers in requests are read without loss); times are ' +
        'RFC 3339 in UTC; an error is a problem document (RFC 9457), whose `detail` says what is wrong.',
    },
    security: [{ key: [] }, { basic: [] }],
    tags: [...new Set([...TAGS.map(([, tag]) => tag), OTHER_TAG])]
      .filter((tag) => operations.some(({ path }) => tagOf(path) === tag))
      .map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'an API key, or a token; roles are its scopes, and `admin` has all',
        },
        basic: { type: 'http', scheme: 'basic', description: 'any name, the API key as password' },
      },
    },
  })
}

function tagOf(path: string): string {
  return TAGS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? OTHER_TAG
}

function operationOf(
  method: string,
  path: string,
  declaration: Declaration,
): ZodOpenApiOperationObject {
  const { summary, description, query, body, bodyOptional, reply, accepted, mediaType, example } =
    declaration
  const { anyBody, conditional = false } = declaration
  const headers = { ...declaration.headers, ...(conditional && { 'If-None-Match': ETAG }) }
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '')
  return {
    operationId: [method.toLowerCase(), ...path.split(/[/:._-]+/).filter(Boolean)].join('_'),
    tags: [tagOf(path)],
    summary,
    ...(description !== undefined && { description }),
    ...securityOf(declaration),
    requestParams: {
      ...(names.length > 0 && {
        path: z.object(
          Object.fromEntries(
            names.map((name) => [name, z.string().describe(PARAMETERS[name] ?? name)]),
          ),
        ),
      }),
      ...(query && { query: query as unknown as z.ZodObject }),
      ...(Object.keys(headers).length > 0 && {
        header: z.object(
          Object.fromEntries(
            Object.entries(headers).map(([name, asks]) => [
              name,
              z.string().optional().describe(asks),
            ]),
          ),
        ),
      }),
    },
    ...(anyBody !== undefined && {
      requestBody: { description: anyBody, content: { '*/*': { schema: z.unknown() } } },
    }),
    ...(body && {
      requestBody: {
        required: !bodyOptional,
        content: {
          'application/json': { schema: body, ...(example !== undefined && { example }) },
        },
      },
    }),
    responses: {
      200: {
        description: 'OK',
        content: { [mediaType ?? 'application/json']: { schema: reply } },
        ...(conditional && { headers: z.object({ ETag: z.string().describe('its content') }) }),
      },
      ...(conditional && { 304: { description: 'As its sender has it' } }),
      ...(accepted !== undefined && {
        202: {
          description: accepted,
          content: { 'application/json': { schema: declaration.acceptedReply ?? reply } },
        },
      }),
      ...problemsOf(method, declaration),
    },
  }
}

/** Who may: with each of the scopes as a role, in either way of sending a key; without one any caller. */
function securityOf({ open = false, scope }: Declaration) {
  if (open) return { security: [] }
  if (scope === null) return {}
  return { security: [scope].flat().flatMap((role) => [{ key: [role] }, { basic: [role] }]) }
}

/** Problems by status: those of its own, and those that any operation may meet. */
function problemsOf(method: string, declaration: Declaration) {
  const { scope, query, body, errors = [], open = false } = declaration
  const codes = new Set<ProblemCode>(errors)
  if (!open)
    for (const code of ['unauthorized', 'rate_limited', 'misconfigured', 'unavailable'] as const)
      codes.add(code)
  // of a caller without the scope, or a page of another origin that would change something
  if (!open && (scope !== null || method !== 'GET')) codes.add('forbidden')
  if (query || body) codes.add('invalid_input')
  if (body) for (const code of ['malformed', 'too_large'] as const) codes.add(code)
  const byStatus = Map.groupBy(codes, problemStatus)
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      status,
      {
        description: same.map(problemTitle).join(', or '),
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  )
}
