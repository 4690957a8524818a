// SQL of deliveries. One that is accepted takes its id, once for ever, in the statement that starts its run.

import { within } from '../access/within.ts'
import type { Sql, Statement } from '../db.ts'
import { displaced, mayBegin, type Overlap, takePlace } from '../execution/overlap.ts'
import type { Occasion } from '../execution/queries.ts'
import { type JsonObject, toJsonOrNull } from '../json.ts'
import type { Received, Result } from './schema.ts'

export interface NewDelivery {
  row_id: string
  hook_id: string
  /** The hook's playbook. */
  path: string
  delivery_id: string | null
  fingerprint: string | null
  event_type: string | null
  ip: string | null
  headers: JsonObject | null
  query: JsonObject | null
  /** Base64; null: not to be kept. */
  body: string | null
  body_bytes: number
  content_type: string | null
  redelivery_of: string | null
}

const columns = (sql: Sql) => sql`
  row_id, hook_id, path, delivery_id, fingerprint, event_type, ip, headers, query, body, body_bytes, content_type,
  redelivery_of, result, reason, execution_id`

const values = (sql: Sql, d: NewDelivery) => sql`
  ${d.row_id}::bigint, ${d.hook_id}::bigint, ${d.path}::text, ${d.delivery_id}::text, ${d.fingerprint}::text,
  ${d.event_type}::text, ${d.ip}::text, ${toJsonOrNull(d.headers)}::jsonb, ${toJsonOrNull(d.query)}::jsonb,
  decode(${d.body}::text, 'base64'), ${d.body_bytes}::int, ${d.content_type}::text,
  ${d.redelivery_of}::bigint`

/** What a delivery `d` is answered. */
const answer = (sql: Sql) => sql`
  jsonb_build_object('status', d.result, 'id', d.row_id::text, 'delivery_id', d.delivery_id,
    'execution_id', d.execution_id::text, 'reason', d.reason)`

/** The answer to whoever brought this delivery first, if anybody did. */
const first = (sql: Sql, d: NewDelivery) => sql`(
  select ${answer(sql)} from noetl.hook_delivery d
  where d.hook_id = ${d.hook_id} and d.result in ('started', 'ignored', 'skipped')
    and (d.delivery_id = ${d.delivery_id} or d.fingerprint = ${d.fingerprint} or d.row_id = ${d.row_id})
  order by d.row_id limit 1)`

/**
 * The occasion of a run: the delivery takes its id and, where runs may not overlap, the hook's place. The hook's row is
 * locked before then, so that of two deliveries the second sees what the first has begun.
 */
export const takeDelivery = (
  sql: Sql,
  d: NewDelivery,
  overlap: Overlap,
  executionId: string,
): Occasion =>
  overlap === 'allow'
    ? {
        take: sql`
          insert into noetl.hook_delivery as d (${columns(sql)})
          select ${values(sql, d)}, 'started', null, ${executionId}::bigint from wanted
          on conflict do nothing
          returning true as starts, ${answer(sql)} as answer`,
        earlier: first(sql, d),
      }
    : {
        lock: sql`select from noetl.hook where hook_id = ${d.hook_id} for update`,
        before: sql`place as (
          select ${mayBegin(sql)} as is_free, ${displaced(sql)} as displaced
          from noetl.hook t where t.hook_id = ${d.hook_id}
        )`,
        take: sql`
          insert into noetl.hook_delivery as d (${columns(sql)})
          select ${values(sql, d)},
            case when place.is_free then 'started' else 'skipped' end,
            case when not place.is_free then 'the last run still goes on' end,
            case when place.is_free then ${executionId}::bigint end
          from wanted, place
          on conflict do nothing
          returning d.result = 'started' as starts, ${answer(sql)}
            || jsonb_build_object('displaced', (select p.displaced::text from place p)) as answer`,
        // what was not inserted takes no place
        after: sql`moved_in as (
          update noetl.hook t set ${takePlace(sql, executionId)}
          from occasion o where o.starts and t.hook_id = ${d.hook_id}
        )`,
        earlier: first(sql, d),
      }

/** What became of a delivery, with the run that its own has taken the place of. */
export type Taken = Received & { displaced?: string | null }

export interface RecordedRow {
  answer: Received | null
}

/**
 * Records a delivery that starts no run. An `ignored` one takes its id, and what was answered first counts; null when
 * another is just taking it.
 */
export const recordDelivery = (
  sql: Sql,
  d: NewDelivery,
  result: Exclude<Result, 'started' | 'skipped'>,
  reason: string | null,
): Statement => sql`
  with recorded as (
    insert into noetl.hook_delivery as d (${columns(sql)})
    select ${values(sql, d)}, ${result}::text, ${reason}::text, null
    on conflict do nothing
    returning ${answer(sql)} as answer
  )
  select coalesce((select answer from recorded), ${first(sql, d)}) as answer`

export interface DeliveryRow {
  id: string
  delivery_id: string | null
  result: Result
  reason: string | null
  execution_id: string | null
  event_type: string | null
  ip: string | null
  body_bytes: number
  content_type: string | null
  redelivery_of: string | null
  received_at: string
  is_kept: boolean
}

const shown = (sql: Sql) => sql`
  d.row_id::text as id, d.delivery_id, d.result, d.reason, d.execution_id::text, d.event_type, d.ip,
  d.body_bytes, d.content_type, d.redelivery_of::text, noetl.rfc3339(d.received_at) as received_at,
  d.body is not null as is_kept`

/** The hook of a name that a caller may see, as `h`. */
const hookOf = (sql: Sql, { name, prefix }: Seen) => sql`
  noetl.hook h where h.name = ${name} and h.deleted_at is null ${within(sql, prefix, sql`h.path`)}`

interface Seen {
  name: string
  /** What the caller may see of the playbooks. */
  prefix: string | null
}

/** A page of a hook's deliveries, newest first; one row without an id when there are none, no row without a hook. */
export const listDeliveries = (
  sql: Sql,
  page: Seen & { result: Result | null; after: string | null; limit: number },
): Statement => sql`
  select ${shown(sql)}
  from (select h.hook_id from ${hookOf(sql, page)}) h left join lateral (
    select d.* from noetl.hook_delivery d
    where d.hook_id = h.hook_id ${within(sql, page.prefix, sql`d.path`)}
      and (${page.result}::text is null or d.result = ${page.result})
      and (${page.after}::bigint is null or d.row_id < ${page.after}::bigint)
    order by d.row_id desc
    limit ${page.limit}
  ) d on true
  order by d.row_id desc`

export interface WholeDeliveryRow extends DeliveryRow {
  headers: JsonObject | null
  query: JsonObject | null
  /** Base64. */
  body: string | null
}

/** One delivery; without an id when there is none of this row, no row without a hook. */
export const findDelivery = (sql: Sql, seen: Seen, rowId: string): Statement => sql`
  select ${shown(sql)}, d.headers, d.query, translate(encode(d.body, 'base64'), e'\n', '') as body
  from (select h.hook_id from ${hookOf(sql, seen)}) h
    left join noetl.hook_delivery d on d.hook_id = h.hook_id and d.row_id = ${rowId}
      ${within(sql, seen.prefix, sql`d.path`)}`

/** How many rows of each kind one sweep drops. */
const DROP_LIMIT = 5_000

/**
 * Drops what is kept for a time only: bodies and headers, refusals, and what was delivered to hooks that are gone. Hook
 * by hook, so that an index says where each hook's time ends.
 */
export const dropDeliveries = (sql: Sql): Statement => sql`
  with emptied as (
    update noetl.hook_delivery d set headers = null, query = null, body = null
    where d.row_id = any(array(
      select o.row_id from noetl.hook h, lateral (
        select d.row_id from noetl.hook_delivery d
        where d.hook_id = h.hook_id and d.headers is not null
          and d.row_id < noetl.id_at(now() - make_interval(days => h.keep_days))
        order by d.row_id limit ${DROP_LIMIT}
      ) o limit ${DROP_LIMIT}))
  ), forgotten as (
    delete from noetl.hook_delivery d
    where d.row_id = any(array(
      select o.row_id from noetl.hook h, unnest(array['challenged', 'refused', 'failed']) r(result), lateral (
        select d.row_id from noetl.hook_delivery d
        where d.hook_id = h.hook_id and d.result = r.result
          and d.row_id < noetl.id_at(now() - make_interval(days => h.keep_days))
        order by d.row_id limit ${DROP_LIMIT}
      ) o limit ${DROP_LIMIT}))
  ), orphaned as (
    delete from noetl.hook_delivery d
    where d.row_id = any(array(
      select o.row_id from noetl.hook h, lateral (
        select d.row_id from noetl.hook_delivery d where d.hook_id = h.hook_id limit ${DROP_LIMIT}
      ) o where h.deleted_at is not null limit ${DROP_LIMIT}))
  )
  delete from noetl.hook h
  where h.deleted_at < now() - interval '1 day'
    and not exists (select from noetl.hook_delivery d where d.hook_id = h.hook_id)`

/** What was answered under an id that is not the sender's, if it was taken. */
export const findAnswer = (sql: Sql, hookId: string, deliveryId: string): Statement => sql`
  select ${answer(sql)} as answer from noetl.hook_delivery d
  where d.hook_id = ${hookId} and d.delivery_id = ${deliveryId}
    and d.result in ('started', 'ignored', 'skipped')`
