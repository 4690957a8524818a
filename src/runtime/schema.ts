import * as z from 'zod'
import { Id } from '../ids.ts'
import { toJson } from '../json.ts'
import { AnyJson, AnyObject, Time } from '../schema.ts'

/** What a runtime tells of itself freely, each piece as JSON: a full page then stays below 10 MB. */
const MAX_JSON_BYTES = 4_096

const isSmall = (value: unknown) =>
  new TextEncoder().encode(toJson(value)).byteLength <= MAX_JSON_BYTES
const AT_MOST = `at most ${MAX_JSON_BYTES} bytes as JSON`

const SmallObject = AnyObject.refine(isSmall, AT_MOST)

const Name = z.string().min(1).max(256)
/** In lower case before it is measured: some letters become two. */
const Word = z.string().toLowerCase().min(1).max(64)
const Uri = z.string().max(2_048)

const Kind = z.enum(['worker_pool', 'broker', 'server_api', 'scheduler', 'monitor'])
export type Kind = z.output<typeof Kind>

/** What registers. */
export const NewRuntime = z.object({
  name: Name,
  runtime: z
    .union([z.string().max(256), SmallObject], `text, or an object of ${AT_MOST}`)
    .nullish()
    .describe('its type, as `cpu`, or an object that has it as `type`'),
  uri: Uri.nullish(),
  base_url: Uri.nullish().describe('`uri` by another name'),
  status: Word.nullish().describe('`ready` unless it says otherwise; lower case after'),
  capacity: z.int().min(0).max(2_147_483_647).nullish(),
  labels: z
    .union(
      [SmallObject, z.array(z.string()).refine(isSmall)],
      `an object or a list of text, ${AT_MOST}`,
    )
    .nullish()
    .describe(AT_MOST),
  pid: z.int().min(0).nullish(),
  hostname: z.string().max(256).nullish(),
  meta: SmallObject.nullish().describe(AT_MOST),
})
export type NewRuntime = z.output<typeof NewRuntime>

/** Whatever else a broker sends comes back in its reply. */
export const NewBroker = NewRuntime.loose()

const KindNames = z.object({
  kind: Kind.nullish(),
  component_type: Kind.nullish().describe('`kind` by another name'),
})
export type KindNames = z.output<typeof KindNames>

export const NewComponent = NewRuntime.extend(KindNames.shape)

export const Named = z.object({ name: Name })

export const NamedComponent = Named.extend(KindNames.shape)

export const Heartbeat = z.object({
  name: Name.nullish(),
  registration: NewRuntime.omit({ name: true })
    .nullish()
    .describe('what to register the name with if it is unknown'),
})
export type Heartbeat = z.output<typeof Heartbeat>

export const BrokerQuery = z.object({
  status: Word.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
  cursor: Id.optional().describe('`X-Next-Cursor` of the page before'),
})

export const PoolQuery = BrokerQuery.extend({
  runtime: z.string().min(1).max(256).optional().describe('its type, as `cpu`'),
})

export const Registered = z.object({
  status: z.literal('ok'),
  name: z.string(),
  runtime_id: z.string(),
  runtime: AnyJson.describe('as sent'),
  kind: Kind,
})

export const Deregistered = z.object({
  status: z.literal('ok'),
  name: z.string(),
  runtime_id: z.string().nullable().describe('null when nothing of that name has registered'),
  runtime: z.null(),
  kind: Kind,
})

const Beaten = z.enum(['ok', 'recreated'])

export const Beat = z.object({
  status: Beaten,
  name: z.string().nullable(),
  runtime_id: z.string().nullable(),
  runtime: z.null(),
})
export type Beat = z.output<typeof Beat>

export const BrokerRegistered = z.object({
  status: z.literal('registered'),
  payload: AnyObject.describe('what was sent'),
})

export const BrokerBeat = z.object({ status: Beaten })

export const BrokerDeregistered = z.object({ status: z.literal('deregistered') })

const RuntimeItem = z
  .object({
    name: z.string(),
    runtime: AnyObject.describe('`type`, `pid`, `hostname`, and `meta` where it was sent'),
    uri: z.string().nullable(),
    status: z.string().describe('`offline` when it has deregistered or is silent'),
    capacity: z.int().nullable(),
    labels: AnyJson.describe('as sent'),
    heartbeat: Time,
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: 'Runtime' })

export const PoolList = z.object({
  items: z.array(RuntimeItem),
  count: z.int().describe('items of this page'),
  runtime: z.string().nullable().describe('the filter'),
  status: z.string().nullable().describe('the filter'),
  error: z.null(),
})

export const BrokerList = z.object({
  items: z.array(RuntimeItem),
  status: z.string().nullable().describe('the filter'),
})
