// What the API says of itself: the declarations that its routes stand under, and the document made of them.
import * as z from 'zod'
import { app } from '../../src/app.ts'
import type { Json, JsonObject } from '../../src/json.ts'
import { type Declaration, declarationOf } from '../../src/operation.ts'
import { must } from './world.ts'

/** The declarations by method and path, as `GET /api/executions/{execution_id}`. */
export const declarations: ReadonlyMap<string, Declaration> = new Map(
  app.routes.flatMap(({ method, path, handler }) => {
    const declaration = declarationOf(handler)
    const pattern = path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')
    return declaration ? [[`${method} ${pattern}`, declaration] as const] : []
  }),
)

/** The declaration of an operation that must be there. */
export function declared(on: string): Declaration {
  const declaration = declarations.get(on)
  if (declaration === undefined) throw new Error(`${on} is not declared`)
  return declaration
}

interface Content {
  [type: string]: { schema?: JsonObject; example?: Json }
}

export interface Operation {
  operationId: string
  summary: string
  tags: string[]
  security?: JsonObject[]
  parameters?: { in: string; name: string; required?: boolean; schema?: JsonObject }[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, { description: string; content: Content }>
}

export interface Document {
  openapi: string
  security: JsonObject[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, JsonObject>; securitySchemes: Record<string, JsonObject> }
}

let fetched: Promise<Document> | undefined

/** The document, as it is served. */
export function document(): Promise<Document> {
  fetched ??= must('GET', '/openapi.json')
  return fetched
}

/** The operations of the document by method and path. */
export async function described(): Promise<Map<string, Operation>> {
  const { paths } = await document()
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    ),
  )
}

/** What an operation takes, or answers with a status, as the document tells; null when it tells nothing. */
export async function schemaOf(on: string, what: 'request' | number): Promise<z.ZodType | null> {
  const operation = (await described()).get(on)
  const content =
    what === 'request' ? operation?.requestBody?.content : operation?.responses[what]?.content
  const [{ schema } = {}] = Object.values(content ?? {})
  return schema ? fromDocument(schema, await document()) : null
}

function fromDocument(schema: JsonObject, { components }: Document): z.ZodType {
  const inPlace = { ...schema, $defs: components.schemas as JsonObject }
  return z.fromJSONSchema(
    JSON.parse(JSON.stringify(inPlace).replaceAll('#/components/schemas/', '#/$defs/')),
  )
}

/** A request as its schema sees it: an id may be an integer or text. */
export function asText(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part)),
  )
}
