// Iterators: what they iterate over, which iterations may run, and what they come to. Pure.

import { iterationOf, partOf, stepOf, workOf } from '../catalog/nodes.ts'
import { type Iterator, PROGRAM_KEYS, partsOf, type Work } from '../catalog/work.ts'
import { isObject, type Json, type JsonObject, parseJson, toJson } from '../json.ts'
import {
  type Context,
  evaluateExpression,
  isTruthyWhen,
  renderValue,
  TemplateError,
} from '../template/index.ts'
import { type Batch, decisionContext, emit, itemsOf, Missing, type Outcome } from './batch.ts'
import { actionDone, failNode, startNode } from './nodes.ts'
import { MAX_RESULT_BYTES } from './types.ts'

/** How many iterations of an asynchronous iterator run at once if it does not say: NoETL's figure. */
const USUAL_CONCURRENCY = 8
const MAX_CONCURRENCY = 1_000
/** What iterations that start at once may be given, in bytes: it is written three times by one request. */
const MAX_START_BYTES = 524_288

/** What is wrong with an iterator, in words for its author. */
class IteratorError extends Error {}

/**
 * Begins an iterator: finds its items, records them once, and starts as many iterations as may run at once.
 * @param scope what was passed on to its node
 */
export function startIterator(batch: Batch, node: string, work: Work, scope: JsonObject): void {
  const { iterator } = work
  if (!iterator) return
  let plan: Plan
  try {
    plan = planOf(batch, node, work, iterator, scope)
  } catch (error) {
    if (error instanceof TemplateError) {
      return failNode(batch, node, `${error.message} in ${error.expression}`)
    }
    if (error instanceof IteratorError) return failNode(batch, node, error.message)
    throw error
  }
  const { items, concurrency } = plan
  batch.cause = emit(batch, {
    event_type: 'iterator_started',
    node_name: node,
    node_type: 'iterator',
    status: 'RUNNING',
    parent: batch.cause,
    context: {
      total: items.length,
      concurrency,
      mode: iterator.isAsync ? 'async' : 'sequential',
      element: iterator.element,
      items,
      scope,
    },
  })
  goOnIterating(batch, node, batch.cause)
}

interface Plan {
  items: Json[]
  concurrency: number
}

function planOf(
  batch: Batch,
  node: string,
  { names }: Work,
  iterator: Iterator,
  scope: JsonObject,
): Plan {
  const context = decisionContext(
    batch,
    names.filter((name) => batch.playbook.steps.has(name)),
    scope,
  )
  const rendered = renderValue(iterator.collection, context) as Json
  const items = chosen(collectionOf(rendered, iterator.element), iterator, context)
  const limit = countOf(iterator.limit, context, 'limit')
  const chunk = countOf(iterator.chunk, context, 'chunk')
  const asked = countOf(iterator.concurrency, context, 'concurrency')
  const usual = iterator.isAsync ? USUAL_CONCURRENCY : 1
  const limited = limit === null ? items : items.slice(0, limit)
  const plan = {
    items: chunk === null ? limited : chunksOf(limited, chunk),
    concurrency: Math.min(MAX_CONCURRENCY, iterator.isAsync ? (asked ?? usual) : 1),
  }
  const bytes = weightOf(plan.items)
  if (bytes > MAX_RESULT_BYTES) {
    throw new IteratorError(
      `the collection of '${node}' weighs ${bytes} bytes; at most ${MAX_RESULT_BYTES} can be kept`,
    )
  }
  return plan
}

/** The items of a collection: a list; a text that holds one as JSON, or is one item; a mapping that has one. */
function collectionOf(value: Json, element: string): Json[] {
  if (Array.isArray(value)) return value
  if (value === null) throw new IteratorError('the collection is null')
  if (typeof value === 'string') return fromText(value)
  if (!isObject(value)) throw new IteratorError(`the collection is a ${typeof value}, not a list`)
  const names = [element, `${element}s`, `${element}_list`, `${element}_items`]
  const found = [...names, 'items', 'values', 'collection'].find((key) => Array.isArray(value[key]))
  const only = Object.values(value)
  const list = found === undefined && only.length === 1 ? only[0] : value[found ?? '']
  if (Array.isArray(list)) return list
  const keys = Object.keys(value).slice(0, 10).join(', ')
  throw new IteratorError(
    `the collection is a mapping (${keys}) in which no list is the obvious one`,
  )
}

function fromText(text: string): Json[] {
  // as JSON has it, or Python
  for (const read of [parseJson, (list: string) => evaluateExpression(list, {})]) {
    try {
      const value = text.trimStart().startsWith('[') ? read(text) : null
      if (Array.isArray(value)) return value
    } catch {
      // a text as it is
    }
  }
  return text.trim() === '' ? [] : [text]
}

/** The items that `where` lets pass, in the order that `order_by` asks for. */
function chosen(items: Json[], iterator: Iterator, context: Context): Json[] {
  const { where, orderBy, element } = iterator
  const seenBy = (item: Json) => ({ ...(isObject(item) ? item : {}), ...context, [element]: item })
  const left =
    where === null
      ? items
      : items.filter((item) => isTruthyWhen(evaluateExpression(where, seenBy(item))))
  if (orderBy.length === 0) return left
  const keyed = left.map((item) => ({
    item,
    keys: orderBy.map(({ by }) => evaluateExpression(by, seenBy(item))),
  }))
  keyed.sort((a, b) => {
    for (const [place, { descending }] of orderBy.entries()) {
      const order = compare(a.keys[place], b.keys[place])
      if (order !== 0) return descending ? -order : order
    }
    return 0
  })
  return keyed.map(({ item }) => item)
}

/** Numbers before texts, and what is neither or absent last. */
function compare(a: unknown, b: unknown): number {
  const [first, second] = [rank(a), rank(b)]
  if (first !== second) return first - second
  if (first > 1 || a === b) return 0
  return (a as number) < (b as number) ? -1 : 1
}

function rank(key: unknown): number {
  if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return 0
  return typeof key === 'string' ? 1 : 2
}

function chunksOf(items: Json[], size: number): Json[] {
  const chunks: Json[] = []
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size))
  return chunks
}

/** Bytes of a value as JSON within JSON, which is how it is sent to the database. */
function weightOf(value: Json): number {
  return new TextEncoder().encode(JSON.stringify(toJson(value))).byteLength
}

function countOf(given: Json, context: Context, what: string): number | null {
  const value = renderValue(given, context)
  if (value === null || value === undefined) return null
  const count = Number(value)
  if (Number.isSafeInteger(count) && count > 0) return count
  throw new IteratorError(`${what} is ${toJson(value as Json)}, not a whole number above zero`)
}

/** Starts the iterations that may run now; ends the iterator when none is left. */
function goOnIterating(batch: Batch, node: string, cause: string | number | null): void {
  const work = workOf(batch.playbook, node)
  // an iteration that has ended as soon as it began: whoever began it goes on
  if (!work?.iterator || batch.iterating.has(node)) return
  batch.iterating.add(node)
  let bytes = 0
  for (;;) {
    const now = batch.state.iterators.get(node)
    if (!now) break
    const { total, concurrency, started, ended } = now
    if (ended === total || started === total || started - ended >= concurrency) break
    // the rest follows when one of those that run has ended
    if (bytes > MAX_START_BYTES && started > ended) break
    bytes += startIteration(batch, node, work.iterator, started, total, cause)
  }
  batch.iterating.delete(node)
  const now = batch.state.iterators.get(node)
  if (now && now.ended === now.total) endIterator(batch, node, work, cause)
}

/** Starts an iteration; answers with what it has been given, in bytes. */
function startIteration(
  batch: Batch,
  node: string,
  iterator: Iterator,
  index: number,
  count: number,
  cause: string | number | null,
): number {
  const { item, scope } = itemAt(batch, node, index)
  const iteration = iterationOf(node, index)
  const startedBy = emit(batch, {
    event_type: 'iteration_started',
    node_name: iteration,
    node_type: 'iteration',
    status: 'RUNNING',
    parent: cause,
    current_index: index,
    current_item: item,
  })
  const asked = askedBy(iterator.each)
  const place = {
    index,
    current_index: index,
    count,
    first: index === 0,
    last: index === count - 1,
  }
  const data: JsonObject = {
    ...Object.fromEntries(Object.entries(scope).filter(([name]) => asked(name))),
    // a step's own name means nothing else before it has ended
    [stepOf(node)]: { result_index: index },
    _loop: asked('_loop') ? { ...place, item } : place,
    ...(iterator.enumerate && { index }),
    ...(iterator.chunk !== null && asked('batch') && { batch: item }),
    ...(asked('parent') && { parent: scope }),
    [iterator.element]: item,
  }
  startNode(batch, iteration, iterator.each, data, startedBy)
  return weightOf(data)
}

/**
 * Which names work asks for. Each iteration keeps what it is given, so that what may be large is given to
 * those alone who ask for it; a program may ask for anything, but for what it has already.
 */
function askedBy(each: Work): (name: string) => boolean {
  const parts = partsOf(each)
  const names = new Set(parts.flatMap((part) => part.names))
  const isProgram = parts.some(({ action }) => [...PROGRAM_KEYS].some((key) => key in action))
  // a parent is all that was passed on, within iterations too
  const takesAll = names.has('parent')
  return (name) => takesAll || names.has(name) || (isProgram && name !== 'parent')
}

/** @throws Missing when the item has not been loaded */
function itemAt(batch: Batch, node: string, index: number): { item: Json; scope: JsonObject } {
  const known = batch.facts.items.get(node) ?? itemsOf(batch.drafts, node)
  const item = known?.items[index - known.from]
  if (known === undefined || item === undefined) throw new Missing({ items: { node, from: index } })
  return { item, scope: known.scope }
}

/** Ends an iteration, and goes on with its iterator. */
export function endIteration(
  batch: Batch,
  iteration: string,
  outcome: Omit<Outcome, 'index'>,
): void {
  const part = partOf(iteration)
  if (typeof part?.part !== 'number') return
  const { data, error } = outcome
  const cause = emit(batch, {
    event_type: error === null ? 'iteration_completed' : 'iteration_failed',
    node_name: iteration,
    node_type: 'iteration',
    status: error === null ? 'COMPLETED' : 'FAILED',
    parent: batch.cause,
    current_index: part.part,
    ...(error === null ? { result: data } : { error }),
  })
  batch.cause = cause
  goOnIterating(batch, part.whole, cause)
}

function endIterator(batch: Batch, node: string, work: Work, cause: string | number | null): void {
  const { total, failed } = batch.state.iterators.get(node) ?? { total: 0, failed: 0 }
  batch.cause = cause
  const outcomes = outcomesOf(batch, node, total)
  const failures = outcomes.filter(({ error }) => error !== null)
  const [first] = failures
  if (first && !work.iterator?.toleratesFailures) {
    const which = `${failed} of ${total} iterations failed; the first, ${iterationOf(node, first.index)}`
    return failNode(batch, node, `${which}: ${first.error}`)
  }
  const data: Json = outcomes.map(({ index, data: value, error }) =>
    error === null ? value : { status: 'error', error, index },
  )
  const bytes = weightOf(data)
  if (bytes > MAX_RESULT_BYTES) {
    const most = `at most ${MAX_RESULT_BYTES} can be kept`
    return failNode(batch, node, `the results of ${total} iterations weigh ${bytes} bytes; ${most}`)
  }
  const counts = { total, completed: total - failed, failed }
  const result = { status: 'success', data, meta: counts }
  batch.cause = emit(batch, {
    event_type: 'iterator_completed',
    node_name: node,
    node_type: 'iterator',
    status: 'COMPLETED',
    parent: cause,
    context: counts,
    result,
  })
  batch.facts.results.set(node, data)
  if (!partOf(node)) {
    const { cause: parent } = batch
    emit(batch, {
      event_type: 'step_result',
      node_name: node,
      node_type: 'iterator',
      status: 'COMPLETED',
      parent,
      result: data,
    })
  }
  actionDone(batch, node, work, data)
}

/** How all iterations have ended, in the order of the items. @throws Missing */
function outcomesOf({ facts, drafts }: Batch, node: string, total: number): Outcome[] {
  const here = drafts.flatMap((draft): Outcome[] => {
    const { event_type, node_name, result = null, error = null } = draft
    const isEnd = event_type === 'iteration_completed' || event_type === 'iteration_failed'
    const part = isEnd ? partOf(node_name) : null
    if (part?.whole !== node || typeof part.part !== 'number') return []
    return [{ index: part.part, data: result, error }]
  })
  const logged = here.length === total ? [] : facts.outcomes.get(node)
  if (logged === undefined) throw new Missing({ outcomes: node })
  return [...logged, ...here].sort((a, b) => a.index - b.index)
}
